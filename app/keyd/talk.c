/*
 * talk.c: requests and replies lie in one locked block and are wiped after each call.
 */
#include "keyd/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hang.h"
#include "base/metrics.h"
#include "base/text.h"

/* keyd answers in microseconds; this is for one that hangs. */
#define TIMEOUT_S 5
#define PING_S    1

static struct hang server;

struct talk {
	uint8_t out[PROTO_SIZE];
	uint8_t in[PROTO_SIZE];
	union proto_request q;
	union proto_reply r;
};

struct keyd {
	char *path;
	int fd;
	time_t timeout_s; /* of the next connection */
	uint32_t seq;
	bool asked;         /* talk_ask() was sent */
	bool late;          /* the last answer did not come in time */
	struct secret *mem; /* a struct talk */
};

struct keyd *
keyd_open(const char *socket_path)
{
	struct keyd *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->fd = -1;
	k->timeout_s = TIMEOUT_S;
	k->path = strdup(socket_path);
	k->mem = secret_new(sizeof(struct talk));
	if (k->path == NULL || k->mem == NULL) {
		keyd_close(k);
		return NULL;
	}
	return k;
}

static void
hang_up(struct keyd *k)
{
	if (k->fd != -1)
		close(k->fd);
	k->fd = -1;
}

void
keyd_close(struct keyd *k)
{
	if (k == NULL)
		return;
	hang_up(k);
	secret_free(k->mem);
	free(k->path);
	free(k);
}

static struct talk *
talk_of(struct keyd *k)
{
	return (struct talk *)(void *)secret_data(k->mem);
}

union proto_request *
talk_begin(struct keyd *k)
{
	struct talk *t = talk_of(k);

	secret_wipe(t, sizeof(*t));
	return &t->q;
}

union proto_reply *
talk_reply(struct keyd *k)
{
	return &talk_of(k)->r;
}

void
talk_finish(struct keyd *k)
{
	secret_wipe(talk_of(k), sizeof(struct talk));
}

/*
 * A path too long for a socket address is reached through its directory. *dir is then
 * an open descriptor that the caller closes after connecting.
 */
static int
address_of(const char *path, struct sockaddr_un *sa, int *dir)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int n;

	*dir = -1;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (text_copy(sa->sun_path, sizeof(sa->sun_path), path) == 0)
		return 0;
	if (slash == NULL ||
	    (parent = strndup(path, (size_t)(slash - path) + 1)) == NULL)
		return -1;
	*dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (*dir == -1)
		return -1;
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s",
	    *dir, slash + 1);
	return n > 0 && (size_t)n < sizeof(sa->sun_path) ? 0 : -1;
}

static int
dial(struct keyd *k)
{
	const struct timeval timeout = {k->timeout_s, 0};
	struct sockaddr_un sa;
	int dir, fd = -1;

	if (address_of(k->path, &sa, &dir) == -1)
		goto out;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		goto out;
	if (setsockopt(
		fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1 ||
	    setsockopt(
		fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == -1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		close(fd);
		fd = -1;
	}
out:
	if (dir != -1)
		close(dir);
	k->fd = fd;
	return fd == -1 ? -1 : 0;
}

enum outcome { ANSWERED, NOT_SENT, CUT_OFF };

static bool
is_timeout(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

static bool
was_sent(struct keyd *k, const struct talk *t)
{
	ssize_t n = -1;

	if (k->fd != -1 || dial(k) == 0)
		do {
			n = send(k->fd, t->out, PROTO_SIZE, MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
	k->late = n == -1 && is_timeout(errno);
	return n == PROTO_SIZE;
}

static bool
was_answered(struct keyd *k, struct talk *t)
{
	ssize_t n;

	do {
		n = recv(k->fd, t->in, PROTO_SIZE, MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	k->late = n == -1 && is_timeout(errno);
	return n == PROTO_SIZE;
}

static enum outcome
exchange(struct keyd *k, struct talk *t)
{
	if (!was_sent(k, t))
		return NOT_SENT;
	return was_answered(k, t) ? ANSWERED : CUT_OFF;
}

/* What is used up, or spends a try, must not be sent twice by itself. */
static bool
may_repeat(enum proto_verb verb)
{
	return verb != PROTO_CODE_CHECK && verb != PROTO_REGISTRATION_CHECK &&
	    verb != PROTO_CODE_MAKE && verb != PROTO_PASSWORD_MAC;
}

/* One that hangs is not waited for again, by nobody: that would take as long. */
static enum outcome
exchange_now(struct keyd *k, struct talk *t, enum proto_verb verb)
{
	const enum hang_turn turn = hang_turn(&server);
	enum outcome o;

	if (turn == HANG_IS)
		return NOT_SENT;
	o = exchange(k, t);
	if (!k->late && (o == NOT_SENT || (o == CUT_OFF && may_repeat(verb)))) {
		hang_up(k);
		o = exchange(k, t);
	}
	/* A ping is less patient than others. */
	if (!k->late || turn == HANG_TRY || k->timeout_s == TIMEOUT_S)
		hang_set(&server, k->late);
	return o;
}

static int
read_answer(struct keyd *k, struct talk *t, enum proto_verb verb, uint32_t seq,
    int *wait_s, struct err *e)
{
	struct proto_head h;

	if (proto_read_head(t->in, &h) == -1 || h.verb != verb ||
	    h.seq != seq || proto_read_reply(t->in, &t->r) == -1) {
		hang_up(k);
		return err_set(e, ERR_INTERNAL, "keyd: odd answer to %s",
		    proto_verb_name(verb));
	}
	if (wait_s != NULL)
		*wait_s = (int)h.wait_s;
	if (h.outcome != ERR_NONE)
		return err_set(e, h.outcome, "keyd: %s: %s",
		    proto_verb_name(verb), err_row(h.outcome)->name);
	return 0;
}

int
talk_call(struct keyd *k, enum proto_verb verb, int *wait_s, struct err *e)
{
	struct talk *t = talk_of(k);
	struct proto_head h = {.verb = verb, .seq = ++k->seq};
	enum outcome o;

	if (wait_s != NULL)
		*wait_s = 0;
	if (proto_write_request(t->out, &h, &t->q) == -1) {
		talk_finish(k);
		return err_set(e, ERR_BAD_INPUT, "keyd: %s: field too long",
		    proto_verb_name(verb));
	}
	o = exchange_now(k, t, verb);
	if (o != ANSWERED) {
		hang_up(k);
		talk_finish(k);
		metrics_add(METRIC_ERRORS, METRIC_KEYD, 0, 1);
		return err_set(e, ERR_UNAVAILABLE, "keyd: %s: no answer",
		    proto_verb_name(verb));
	}
	if (read_answer(k, t, verb, h.seq, wait_s, e) == 0)
		return 0;
	talk_finish(k);
	return -1;
}

int
talk_bytes(struct keyd *k, enum proto_verb verb, int *wait_s, void *out,
    size_t n, struct err *e)
{
	if (talk_call(k, verb, wait_s, e) == -1)
		return -1;
	if (n > 0)
		memcpy(out, talk_reply(k), n);
	talk_finish(k);
	return 0;
}

int
keyd_ping(struct keyd *k, struct err *e)
{
	int ret;

	/* On a connection of its own: those of other calls wait longer. */
	hang_up(k);
	k->timeout_s = PING_S;
	talk_begin(k);
	ret = talk_bytes(k, PROTO_PING, NULL, NULL, 0, e);
	hang_up(k);
	k->timeout_s = TIMEOUT_S;
	return ret;
}

void
talk_ask(struct keyd *k, enum proto_verb verb)
{
	struct proto_head h = {.verb = verb, .seq = ++k->seq};
	struct talk *t = talk_of(k);

	k->asked = !hang_is(&server) &&
	    proto_write_request(t->out, &h, &t->q) == 0 && was_sent(k, t);
}

int
talk_take(struct keyd *k, enum proto_verb verb, struct err *e)
{
	struct talk *t = talk_of(k);
	bool asked = k->asked;

	k->asked = false;
	if (asked && was_answered(k, t) &&
	    read_answer(k, t, verb, k->seq, NULL, e) == 0)
		return 1;
	hang_up(k);
	if (!asked || !k->late)
		return 0;
	hang_set(&server, true);
	talk_finish(k);
	return err_set(
	    e, ERR_UNAVAILABLE, "keyd: %s: no answer", proto_verb_name(verb));
}
