/*
 * link.c: bytes in, bytes out, and whose turn it is.
 */
#include "intake/link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"

#define TURNS   8    /* of one link before others' */
#define REST_AT 1000 /* from so many on, idle ones keep no buffers of TLS */

/* ---- birth and death ---- */

int
link_front_init(struct link_front *f, const struct settings *set, struct err *e)
{
	TAILQ_INIT(&f->all);
	TAILQ_INIT(&f->held);
	TAILQ_INIT(&f->greet);
	for (int i = 0; i < LINES; i++)
		TAILQ_INIT(&f->line[i]);
	if (policy_nets_read(
		"RESTANTE_PROXIES", set->proxies, &f->proxies, e) == -1 ||
	    policy_nets_read(
		"RESTANTE_XCLIENT", set->xclient, &f->xclients, e) == -1)
		return -1;
	f->most = LIMIT_SMTP_CLIENT;
	f->most_trusted = LIMIT_SMTP_TRUSTED;
	if ((f->peers = peers_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory");
	return 0;
}

struct link *
link_new(struct link_front *f, enum metric_door door, int fd,
    struct sockaddr *addr, void *socket)
{
	struct link *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->f = f;
	l->socket = socket;
	l->addr = addr;
	l->io.fd = fd;
	l->door = door;
	TAILQ_INSERT_TAIL(&f->all, l, all);
	link_wait(l, LINE_SHAKE);
	f->count++;
	metrics_add(METRIC_CONNECTIONS, door, 0, 1);
	metrics_add(METRIC_ACCEPTED, door, 0, 1);
	return l;
}

static void
end_tls(struct link *l)
{
	SSL *ssl = l->io.ssl;

	io_close(&l->io);
	SSL_free(ssl);
}

/* What it holds is counted as it is now. */
static void
count_buffers(struct link *l)
{
	size_t now;

	if (l->session == NULL)
		l->held = 0;
	else if (l->at != LINK_JOB)
		l->held = smtp_session_held(l->session);
	now = l->in.cap + l->out.cap + l->held;
	if (now > l->charged)
		budget_add(l->f->budget, now - l->charged);
	else if (now < l->charged)
		budget_give(l->f->budget, l->charged - now);
	l->charged = now;
}

static void
link_free(struct link *l)
{
	smtp_session_free(l->session);
	l->session = NULL;
	buf_free(&l->in);
	buf_free(&l->out);
	count_buffers(l);
	link_leave(l);
	free(l);
}

void
link_gone(struct link *l)
{
	link_wait_not(l);
	TAILQ_REMOVE(&l->f->all, l, all);
	l->f->count--;
	metrics_add(METRIC_CONNECTIONS, l->door, 0, -1);
	end_tls(l);
	l->socket = NULL;
	/* The thread that works for it ends first. */
	if (l->at != LINK_JOB)
		link_free(l);
}

/* ---- to the client ---- */

bool
link_unsent(const struct link *l)
{
	return l->sent < l->out.len;
}

/* 0, or -1: the connection is broken. */
static int
flush(struct link *l)
{
	long n;

	while (link_unsent(l)) {
		n = io_put(&l->io, l->out.data + l->sent, l->out.len - l->sent);
		if (n == IO_END)
			return -1;
		if (n == IO_BLOCK)
			return 0;
		l->sent += (size_t)n;
	}
	buf_free(&l->out);
	l->sent = 0;
	return 0;
}

void
link_bye(struct link *l, const char *why)
{
	smtp_session_goodbye(l->session, why, &l->out);
	buf_free(&l->in);
	l->at = LINK_TALK;
	l->over = true;
	link_wait(l, LINE_TALK);
}

/* ---- the session's wishes ---- */

/* A message was committed with others, by whichever thread. */
static void
end_job(void *arg)
{
	struct link *l = arg;

	pool_end(l->f->pool, &l->job);
}

/* On a thread: what is not taken the loop sends. */
static void
say_now(void *arg, const void *p, size_t n)
{
	struct link *l = arg;
	ssize_t r;

	if (l->own == -1)
		return;
	r = send(l->own, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	l->said = r > 0 ? (size_t)r : 0;
}

static void
run_job(void *arg, void *ctx)
{
	struct link *l = arg;

	l->glue = (struct smtp_glue){end_job, say_now, l};
	if (smtp_session_run(l->session, ctx, &l->glue))
		pool_keep();
}

/*
 * Where one client is alone its thread may answer: the loop would have to be woken for it.
 * It has the socket by a number of its own, which stays this client's whatever becomes of
 * the connection meanwhile.
 */
static void
lend(struct link *l)
{
	l->own = -1;
	l->said = 0;
	if (smtp_session_says(l->session) && l->io.ssl == NULL &&
	    !link_unsent(l) && pool_pending(l->f->pool) == 0)
		l->own = fcntl(l->io.fd, F_DUPFD_CLOEXEC, 0);
}

static void
take_back(struct link *l)
{
	if (l->own != -1)
		(void)close(l->own);
	l->own = -1;
	l->sent += l->said;
	l->said = 0;
}

static void
job_done(void *arg)
{
	struct link *l = arg;

	take_back(l);
	if (l->socket != NULL) {
		link_resume(l);
		return;
	}
	(void)smtp_session_done(l->session, &l->out);
	link_free(l);
}

static void
start_job(struct link *l)
{
	l->job = (struct pool_job){
	    .run = run_job, .done = job_done, .arg = l, .owner = l->peer->key};
	lend(l);
	if (pool_submit(l->f->pool, &l->job) != 0) {
		take_back(l);
		link_bye(l, "too busy");
		return;
	}
	l->at = LINK_JOB;
	link_wait_not(l);
}

static void
hold(struct link *l)
{
	l->at = LINK_HELD;
	link_wait_not(l);
	l->since = clock_mono_ms() + smtp_session_wait(l->session);
	l->line = &l->f->held;
	TAILQ_INSERT_TAIL(l->line, l, waiting);
}

void
link_obey(struct link *l, enum smtp_next next)
{
	if (!link_known(l))
		return;
	switch (next) {
	case SMTP_MORE:
		if (l->f->draining && !smtp_session_busy(l->session))
			link_bye(l, "shutting down");
		break;
	case SMTP_STARTTLS:
		l->wants_tls = true;
		break;
	case SMTP_JOB:
		start_job(l);
		break;
	case SMTP_WAIT:
		hold(l);
		break;
	case SMTP_CLOSE:
		l->over = true;
		break;
	}
}

/* Until the session must wait for something; gives what it took. */
static size_t
feed(struct link *l, const uint8_t *p, size_t n)
{
	enum smtp_next next = SMTP_MORE;
	size_t at = 0, used;

	while (next == SMTP_MORE && at < n) {
		used = 0;
		next = smtp_session_feed(
		    l->session, p + at, n - at, &used, &l->out);
		at += used;
	}
	link_obey(l, next);
	/* Whoever put text behind STARTTLS is not who shakes hands. */
	return l->wants_tls || l->over ? n : at;
}

void
link_resume(struct link *l)
{
	l->at = LINK_TALK;
	link_wait(l, LINE_TALK);
	link_obey(l, smtp_session_done(l->session, &l->out));
	if (l->wants_tls || l->over)
		buf_free(&l->in);
	link_run(l);
}

/* ---- turns ---- */

/* What a job left unread goes first. */
static enum link_turn
turn_kept(struct link *l)
{
	buf_drop(&l->in, feed(l, l->in.data, l->in.len));
	if (l->in.len == 0)
		buf_free(&l->in);
	return LINK_GO;
}

/* Of a message as much as is sealed together; else a record of TLS. */
static size_t
at_once(const struct link *l)
{
	const size_t room = smtp_session_room(l->session);

	if (room == SIZE_MAX)
		return IO_RECORD;
	return room < sizeof(l->f->scratch) ? room : sizeof(l->f->scratch);
}

static enum link_turn
turn_talk(struct link *l)
{
	uint8_t *p = l->f->scratch;
	enum link_turn t = LINK_GO;
	size_t used;
	long n;

	if (l->in.len > 0)
		return turn_kept(l);
	if ((n = io_get(&l->io, p, at_once(l))) <= 0)
		return n == IO_BLOCK ? LINK_STOP : LINK_END;
	link_wait(l, LINE_TALK);
	l->came += (size_t)n;
	used = feed(l, p, (size_t)n);
	if (used < (size_t)n &&
	    buf_add(&l->in, p + used, (size_t)n - used) == -1)
		t = LINK_END;
	secret_wipe(p, (size_t)n);
	return t;
}

/* What is here already was not sent in answer to what is about to leave. */
static void
look_again(struct link *l)
{
	uint8_t *p = l->f->scratch;
	long n;

	/* The kernel is asked: its last word on it may be older. */
	l->io.readable = true;
	n = io_get(&l->io, p, IO_RECORD);
	if (n > 0) {
		(void)feed(l, p, (size_t)n);
		secret_wipe(p, (size_t)n);
	}
	smtp_session_sent(l->session);
}

static enum link_turn
turn(struct link *l)
{
	/* Replies of one packet leave together, with that of a job if it comes. */
	if (l->at == LINK_JOB || l->at == LINK_HELD || l->at == LINK_LAST)
		return LINK_STOP;
	if (l->at == LINK_TALK && l->session != NULL &&
	    smtp_session_waits(l->session))
		look_again(l);
	if (l->out.len > 0 && flush(l) == -1)
		return LINK_END;
	if (l->session != NULL)
		smtp_session_settle(l->session);
	/* Nothing is read from a client that does not take its replies. */
	if (link_unsent(l))
		return LINK_STOP;
	if (l->over) {
		l->at = LINK_LAST;
		l->since = clock_mono_ms();
		link_wait_not(l);
		end_tls(l);
		l->f->linger(l->socket);
		return LINK_GONE;
	}
	if (l->wants_tls)
		return link_start_tls(l);
	switch (l->at) {
	case LINK_NEW:
		return link_begin(l);
	case LINK_PROXY:
		return link_turn_proxy(l);
	case LINK_GREET:
		return link_turn_greet(l);
	case LINK_SHAKE:
		return link_turn_shake(l);
	case LINK_TALK:
		return turn_talk(l);
	case LINK_JOB:
	case LINK_HELD:
	case LINK_LAST:
		break;
	}
	return LINK_STOP;
}

void
link_run(struct link *l)
{
	enum link_turn t = LINK_GO;

	for (int i = 0; t == LINK_GO && i < TURNS; i++)
		t = turn(l);
	if (t == LINK_GONE)
		return;
	if (t == LINK_END) {
		l->f->close(l->socket);
		return;
	}
	count_buffers(l);
	if (t == LINK_GO)
		l->f->again(l->socket);
	else if (l->at == LINK_TALK && l->f->count > REST_AT)
		io_rest(&l->io);
}
