/*
 * sock.c: see sock.h.
 */
#include "keyd/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "keyd/files.h"

#define BACKLOG 128

/* One "role=uid"; n is its length. */
static int
parse_one(const char *s, size_t n, struct keyd_uids *out)
{
	const char *name, *eq = memchr(s, '=', n);
	unsigned long uid = 0;
	const char *p;
	int i;

	if (eq == NULL || eq + 1 == s + n || s + n - eq > 11)
		return -1;
	for (p = eq + 1; p < s + n; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		uid = uid * 10 + (unsigned long)(*p - '0');
	}
	/* The all-ones uid means "no user" everywhere else. */
	if (uid >= UINT32_MAX)
		return -1;
	for (i = 0; i < PROTO_ROLES; i++) {
		name = proto_role_name((enum proto_role)i);
		if (strlen(name) != (size_t)(eq - s) ||
		    memcmp(name, s, strlen(name)) != 0)
			continue;
		if (out->n[i] == KEYD_UIDS_MAX)
			return -1;
		out->uid[i][out->n[i]++] = (uid_t)uid;
		return 0;
	}
	return -1;
}

int
keyd_uids_parse(const char *s, struct keyd_uids *out, struct err *e)
{
	size_t n;
	int i;

	memset(out, 0, sizeof(*out));
	while (s != NULL && *s != '\0') {
		n = strcspn(s, ",");
		if (parse_one(s, n, out) == -1)
			return err_set(e, ERR_BAD_INPUT,
			    "RESTANTE_KEYD_UIDS: not role=uid[,role=uid...]");
		s += n;
		if (*s == ',' && *++s == '\0')
			return err_set(e, ERR_BAD_INPUT,
			    "RESTANTE_KEYD_UIDS: ends in a comma");
	}
	for (i = 0; i < PROTO_ROLES; i++)
		if (out->n[i] == 0)
			out->uid[i][out->n[i]++] = geteuid();
	return 0;
}

bool
keyd_uids_has(const struct keyd_uids *u, enum proto_role role, uid_t uid)
{
	unsigned i;

	for (i = 0; i < u->n[role]; i++)
		if (u->uid[role][i] == uid)
			return true;
	return false;
}

static bool
only_own(const struct keyd_uids *u, enum proto_role role)
{
	unsigned i;

	for (i = 0; i < u->n[role]; i++)
		if (u->uid[role][i] != geteuid())
			return false;
	return true;
}

static int
listen_on(struct keyd_sock *s, enum proto_role role, struct err *e)
{
	const char *name = proto_role_name(role);
	struct sockaddr_un sa;
	int fd;

	memset(&sa, 0, sizeof(sa));
	sa.sun_family = AF_UNIX;
	memcpy(sa.sun_path, name, strlen(name));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		goto fail;
	if ((unlinkat(s->dir, name, 0) == -1 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 ||
	    fchmodat(s->dir, name, only_own(&s->uids, role) ? 0600 : 0666, 0) ==
		-1 ||
	    listen(fd, BACKLOG) == -1)
		goto fail;
	s->fd[role] = fd;
	return 0;
fail:
	err_set(e, ERR_UNAVAILABLE, "socket %s: %s", name, strerror(errno));
	if (fd != -1)
		close(fd);
	return -1;
}

int
keyd_sock_open(
    struct keyd_sock *s, int dir, const struct keyd_uids *uids, struct err *e)
{
	int i;

	s->uids = *uids;
	for (i = 0; i < PROTO_ROLES; i++)
		s->fd[i] = -1;
	s->dir = keyd_files_dir(dir, "sock", 0755, e);
	if (s->dir == -1)
		return -1;
	if (fchdir(s->dir) == -1)
		return err_set(e, ERR_UNAVAILABLE, "sock: %s", strerror(errno));
	for (i = 0; i < PROTO_ROLES; i++)
		if (listen_on(s, (enum proto_role)i, e) == -1)
			return -1;
	return 0;
}

void
keyd_sock_close(struct keyd_sock *s)
{
	int i;

	if (s->dir == -1)
		return;
	for (i = 0; i < PROTO_ROLES; i++) {
		if (s->fd[i] == -1)
			continue;
		(void)unlinkat(s->dir, proto_role_name((enum proto_role)i), 0);
		close(s->fd[i]);
		s->fd[i] = -1;
	}
	close(s->dir);
	s->dir = -1;
}

int
keyd_sock_accept(const struct keyd_sock *s, enum proto_role role, struct err *e)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int fd;

	err_clear(e);
	fd = accept4(s->fd[role], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	    len == sizeof(who) && keyd_uids_has(&s->uids, role, who.uid))
		return fd;
	close(fd);
	return err_set(e, ERR_DENIED, "role=%s uid=%ld", proto_role_name(role),
	    (long)who.uid);
}
