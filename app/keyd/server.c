/*
 * server.c: the order of starting, one loop over all connections, and ending. Every
 * message is whole when it is read (SOCK_SEQPACKET) and answered at once, so that no
 * client can make another wait.
 */
#include "keyd/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyd/files.h"
#include "keyd/sandbox.h"
#include "keyd/sock.h"
#include "keyd/verbs.h"

#define FIRST       PROTO_ROLES /* listeners stand before it */
#define POLLS       (FIRST + PROTO_ROLES * LIMIT_KEYD_CLIENTS)
#define OTHER_FILES 32
#define ACCEPTS     16 /* a listener and round: those connected go first */

struct server {
	int dir;
	int lock;
	struct keyd_state st;
	struct keyd_sock sock;
	struct secret *mem; /* a struct keyd_talk */
	struct pollfd poll[POLLS];
	enum proto_role role[POLLS];
	unsigned n;    /* of both */
	unsigned most; /* clients a role */
	unsigned clients[PROTO_ROLES];
};

static volatile sig_atomic_t ending;

static void
on_signal(int sig)
{
	(void)sig;
	ending = 1;
}

/* The signals are let in only while the loop waits. */
static void
set_signals(sigset_t *waiting)
{
	const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa;
	sigset_t block;
	size_t i;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sa.sa_handler = on_signal;
	sigemptyset(&block);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaction(ends[i], &sa, NULL);
		sigaddset(&block, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &block, waiting);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigdelset(waiting, ends[i]);
}

/* Room for every client, or as many as the system lets in. */
static unsigned
client_room(void)
{
	const rlim_t want = POLLS + OTHER_FILES;
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1;
	if (rl.rlim_cur < want) {
		rl.rlim_cur = rl.rlim_max < want ? rl.rlim_max : want;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
		(void)getrlimit(RLIMIT_NOFILE, &rl);
	}
	if (rl.rlim_cur >= want)
		return LIMIT_KEYD_CLIENTS;
	if (rl.rlim_cur <= FIRST + OTHER_FILES + PROTO_ROLES)
		return 1;
	return (unsigned)(rl.rlim_cur - FIRST - OTHER_FILES) / PROTO_ROLES;
}

static void
drop(struct server *s, unsigned i)
{
	close(s->poll[i].fd);
	s->clients[s->role[i]]--;
	s->n--;
	s->poll[i] = s->poll[s->n];
	s->role[i] = s->role[s->n];
}

static void
take_in(struct server *s, enum proto_role role)
{
	struct err e;
	int fd, i;

	for (i = 0; i < ACCEPTS; i++) {
		fd = keyd_sock_accept(&s->sock, role, &e);
		if (fd == -1 && e.code == ERR_NONE)
			return;
		if (fd == -1) {
			if (keyd_may_note(&s->st))
				log_line(LOG_LEVEL_WARN, NULL,
				    "connection refused", "%s", e.text);
			continue;
		}
		if (s->clients[role] == s->most) {
			close(fd);
			if (keyd_may_note(&s->st))
				log_line(LOG_LEVEL_WARN, NULL,
				    "too many connections", "role=%s most=%u",
				    proto_role_name(role), s->most);
			continue;
		}
		s->poll[s->n] = (struct pollfd){.fd = fd, .events = POLLIN};
		s->role[s->n] = role;
		s->n++;
		s->clients[role]++;
	}
}

/* One message in, one out. False: the connection is to be closed. */
static bool
serve_one(struct server *s, unsigned i)
{
	struct keyd_talk *t = (struct keyd_talk *)(void *)secret_data(s->mem);
	int fd = s->poll[i].fd;
	ssize_t n;
	bool sent;

	n = recv(fd, t->in, PROTO_SIZE, MSG_DONTWAIT | MSG_TRUNC);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	if (n != PROTO_SIZE) {
		secret_wipe(t->in, sizeof(t->in));
		if (keyd_may_note(&s->st))
			log_line(LOG_LEVEL_WARN, NULL, "wrong size",
			    "role=%s bytes=%zd", proto_role_name(s->role[i]),
			    n);
		return false;
	}
	s->st.role = s->role[i];
	if (keyd_verbs_answer(&s->st, t) == -1)
		return false;
	n = send(fd, t->out, PROTO_SIZE, MSG_DONTWAIT | MSG_NOSIGNAL);
	sent = n == PROTO_SIZE;
	secret_wipe(t->out, sizeof(t->out));
	if (!sent && errno == EAGAIN && keyd_may_note(&s->st))
		log_line(LOG_LEVEL_WARN, NULL, "answers not taken", "role=%s",
		    proto_role_name(s->role[i]));
	return sent;
}

static void
loop(struct server *s, const sigset_t *waiting)
{
	unsigned i;

	while (!ending) {
		if (ppoll(s->poll, s->n, NULL, waiting) == -1)
			continue;
		s->st.now = clock_now();
		/* From the end: drop() puts the last one in the place. */
		for (i = s->n; i-- > FIRST;)
			if (s->poll[i].revents != 0 && !serve_one(s, i))
				drop(s, i);
		for (i = 0; i < FIRST; i++)
			if (s->poll[i].revents != 0)
				take_in(s, (enum proto_role)i);
	}
}

static int
lock_dir(struct server *s, struct err *e)
{
	s->lock = openat(
	    s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock == -1)
		return err_set(e, ERR_UNAVAILABLE, "lock: %s", strerror(errno));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == -1)
		return err_set(
		    e, ERR_CONFLICT, "another keyd runs on this directory");
	return 0;
}

static int
start(struct server *s, const struct settings *set, struct err *e)
{
	struct keyd_uids uids;
	int i;

	if (set->keyd_dir == NULL)
		return err_set(e, ERR_BAD_INPUT, "RESTANTE_KEYD_DIR is unset");
	umask(077);
	if (keyd_sandbox_harden(e) == -1 ||
	    keyd_uids_parse(set->keyd_uids, &uids, e) == -1)
		return -1;
	s->dir = keyd_files_dir(AT_FDCWD, set->keyd_dir, 0755, e);
	if (s->dir == -1 || lock_dir(s, e) == -1)
		return -1;
	s->mem = secret_new(sizeof(struct keyd_talk));
	if (s->mem == NULL)
		return err_set(e, ERR_UNAVAILABLE, "memory is out");
	if (keyd_state_open(&s->st, s->dir, e) == -1 ||
	    keyd_sock_open(&s->sock, s->dir, &uids, e) == -1)
		return -1;
	for (i = 0; i < PROTO_ROLES; i++)
		s->poll[i] = (struct pollfd){
		    .fd = s->sock.fd[i], .events = POLLIN};
	s->n = FIRST;
	s->most = client_room();
	return 0;
}

static void
stop(struct server *s)
{
	while (s->n > FIRST)
		drop(s, s->n - 1);
	keyd_sock_close(&s->sock);
	keyd_state_close(&s->st);
	secret_free(s->mem);
	if (s->lock != -1)
		close(s->lock);
	if (s->dir != -1)
		close(s->dir);
}

int
keyd_serve(const struct settings *set)
{
	struct server *s = calloc(1, sizeof(*s));
	sigset_t waiting;
	struct err e;
	int rc = 1;

	if (s == NULL)
		return 1;
	s->dir = s->lock = s->sock.dir = -1;
	ending = 0;
	set_signals(&waiting);
	if (start(s, set, &e) == -1) {
		log_fatal("cannot start", &e);
		goto out;
	}
	/* Logged before the filter: the first line reads the time zone. */
	log_line(LOG_LEVEL_INFO, NULL, "started",
	    "generation=%u connections=%u",
	    (unsigned)keyd_keys_generation(s->st.keys), s->most);
	if (keyd_sandbox_enter(&e) == -1) {
		log_fatal("cannot start", &e);
		goto out;
	}
	loop(s, &waiting);
	log_line(LOG_LEVEL_INFO, NULL, "stopped", NULL);
	rc = 0;
out:
	stop(s);
	free(s);
	return rc;
}
