/*
 * kore_intake.c: intake's edge to Kore: bytes of a connection go into its SMTP
 * session, and what the session asks for is done: send, STARTTLS, a job on the pool,
 * close. The protocol is smtp_session.c's, the use cases are desk's.
 */
#include "base/front.h"

#include <kore/kore.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "desk/desk.h"
#include "desk/intake.h"
#include "intake/smtp_session.h"

#define SESSIONS_MAX 10000  /* one more is told 421; kore.conf leaves room */
#define IDLE_MS      300000 /* RFC 5321 4.5.3.2.7 */
#define SHAKE_MS     30000  /* for a TLS handshake */
#define READ_SIZE    8192

/* One connection. It outlives its socket while a job of its session runs. */
struct link {
	struct connection *c; /* NULL once the client has gone */
	struct smtp_session *session;
	struct pool_job job;
	struct kore_timer *held; /* an answer is held back until it fires */
	/* A job, or held: nothing is read, in holds what came before. */
	bool running;
	bool wants_tls;        /* as soon as the answer to STARTTLS has left */
	bool over;             /* the last reply is on its way */
	struct buf in;         /* received and not yet fed */
	enum metric_door door; /* by which it came */
	struct link *next, *prev;
};

static struct {
	const struct settings *set;
	struct smtp_settings smtp;
	struct desk_shared *shared;
	struct pool *pool;
	struct link *links;
	unsigned count;
	bool draining;
} self;

void intake_connect(struct connection *c);

static int on_event(struct connection *c);
static int on_bytes(struct netbuf *nb);
static void on_disconnect(struct connection *c);

/* ---- the backend: desk's use cases, with a thread's desk ---- */

static int
backend_auth(void *ctx, const char *user, const char *password,
    struct desk_sender *s, struct err *e)
{
	return desk_auth(ctx, user, password, s, e);
}

static int
backend_mail(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct err *e)
{
	return desk_mail(ctx, s, env, e);
}

static int
backend_rcpt(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given, struct err *e)
{
	return desk_rcpt_add(ctx, s, env, given, e);
}

static int
backend_mail_now(const struct desk_sender *s, struct desk_envelope *env)
{
	return desk_mail_now(self.shared, s, env);
}

static int
backend_rcpt_now(const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given)
{
	return desk_rcpt_now(self.shared, s, env, given);
}

static struct desk_draft *
backend_begin(
    const struct desk_sender *s, const struct desk_envelope *env, struct err *e)
{
	(void)s;
	return desk_draft_new(self.set->spool, &env->tenant, e);
}

static int
backend_accept(void *ctx, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *d, struct id *message_out,
    struct err *e)
{
	return desk_accept(ctx, s, env, d, message_out, e);
}

static const struct smtp_backend backend = {
    .auth = backend_auth,
    .mail = backend_mail,
    .rcpt = backend_rcpt,
    .mail_now = backend_mail_now,
    .rcpt_now = backend_rcpt_now,
    .begin = backend_begin,
    .trace = desk_draft_trace,
    .add = desk_draft_add,
    .accept = backend_accept,
    .drop = desk_draft_free,
    .clear = desk_envelope_clear,
};

/* ---- links ---- */

static void
client_name(const struct connection *c, char out[INET6_ADDRSTRLEN])
{
	const void *addr = &c->addr.ipv4.sin_addr;

	if (c->family == AF_INET6)
		addr = &c->addr.ipv6.sin6_addr;
	if (inet_ntop(c->family, addr, out, INET6_ADDRSTRLEN) == NULL)
		(void)snprintf(out, INET6_ADDRSTRLEN, "unknown");
}

static struct link *
link_new(struct connection *c)
{
	char client[INET6_ADDRSTRLEN];
	struct link *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	client_name(c, client);
	l->session = smtp_session_new(&self.smtp, client, c->ssl != NULL);
	if (l->session == NULL) {
		free(l);
		return NULL;
	}
	l->c = c;
	l->next = self.links;
	if (l->next != NULL)
		l->next->prev = l;
	self.links = l;
	self.count++;
	return l;
}

static void
link_free(struct link *l)
{
	if (l->prev != NULL)
		l->prev->next = l->next;
	else
		self.links = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	self.count--;
	smtp_session_free(l->session);
	buf_free(&l->in);
	free(l);
}

/* ---- to the client ---- */

/* Queues out and empties it; nothing leaves before push(). */
static void
queue(struct link *l, struct buf *out)
{
	if (out->len > 0)
		net_send_queue(l->c, out->data, out->len);
	buf_free(out);
}

/* Sends what is queued. KORE_RESULT_ERROR: Kore is to close. */
static int
push(struct link *l)
{
	if (l->c->state == CONN_STATE_DISCONNECTING)
		return KORE_RESULT_OK;
	return net_send_flush(l->c);
}

/* Nothing more is read; what was said leaves, then the connection ends. */
static void
finish(struct link *l)
{
	buf_clear(&l->in);
	l->over = true;
	l->c->flags |= CONN_CLOSE_EMPTY | CONN_LINGER;
}

static void
say_goodbye(struct link *l, const char *why)
{
	struct buf out = BUF_INIT;

	smtp_session_goodbye(l->session, why, &out);
	queue(l, &out);
	finish(l);
}

/* ---- the session's wishes ---- */

static void
run_job(void *arg, void *ctx)
{
	struct link *l = arg;

	smtp_session_run(l->session, ctx);
}

static void job_done(void *arg);

static void
start_job(struct link *l)
{
	l->job = (struct pool_job){.run = run_job, .done = job_done, .arg = l};
	if (pool_submit(self.pool, &l->job) == 0)
		l->running = true;
	else
		say_goodbye(l, "too busy");
}

/* The answer's time has come. Kore frees the timer. */
static void
hold_over(void *arg, u_int64_t now)
{
	struct link *l = arg;

	(void)now;
	l->held = NULL;
	job_done(l);
}

static void
hold(struct link *l)
{
	l->held = kore_timer_add(
	    hold_over, smtp_session_wait(l->session), l, KORE_TIMER_ONESHOT);
	l->running = true;
}

/* Nobody waits for the answer any more. */
static void
let_go(struct link *l)
{
	if (l->held == NULL)
		return;
	kore_timer_remove(l->held);
	l->held = NULL;
	l->running = false;
}

static void
obey(struct link *l, enum smtp_next next)
{
	switch (next) {
	case SMTP_MORE:
		break;
	case SMTP_STARTTLS:
		/* Whoever put text behind STARTTLS is not who shakes hands. */
		buf_clear(&l->in);
		l->wants_tls = true;
		break;
	case SMTP_JOB:
		start_job(l);
		break;
	case SMTP_WAIT:
		hold(l);
		break;
	case SMTP_CLOSE:
		finish(l);
		break;
	}
}

/* Feeds what has come in until the session must wait for something else. */
static void
feed(struct link *l)
{
	struct buf out = BUF_INIT;
	enum smtp_next next = SMTP_MORE;
	size_t used;

	while (next == SMTP_MORE && l->in.len > 0) {
		used = 0;
		next = smtp_session_feed(
		    l->session, l->in.data, l->in.len, &used, &out);
		buf_drop(&l->in, used);
		if (next == SMTP_MORE && used == 0)
			break;
	}
	queue(l, &out);
	obey(l, next);
}

/* Nothing is read from a client that does not take its replies. */
static bool
reading(const struct link *l)
{
	return !l->running && !l->wants_tls &&
	    !(l->c->flags & CONN_CLOSE_EMPTY) && TAILQ_EMPTY(&l->c->send_queue);
}

/* Kore reads while there is a buffer to read into. */
static void
set_reading(struct link *l)
{
	struct netbuf *nb = l->c->rnb;

	if (l->c->state == CONN_STATE_DISCONNECTING)
		return;
	if (reading(l)) {
		if (nb->buf == NULL)
			net_recv_reset(l->c, READ_SIZE, on_bytes);
	} else if (nb->buf != NULL) {
		kore_free(nb->buf); /* wipes */
		nb->buf = NULL;
		nb->m_len = 0;
	}
}

/* ---- TLS ---- */

static const char *
tls_words(const struct connection *c, char *out, size_t cap)
{
	(void)snprintf(out, cap, "%s %s", SSL_get_version(c->ssl),
	    SSL_get_cipher_name(c->ssl));
	return out;
}

/* The handshake is Kore's, which then calls intake_connect() again. */
static void
start_tls(struct link *l)
{
	struct connection *c = l->c;

	l->wants_tls = false;
	c->state = CONN_STATE_TLS_SHAKE;
	c->read = net_read_tls;
	c->write = net_write_tls;
	c->idle_timer.length = SHAKE_MS;
}

static void
tls_done(struct link *l)
{
	struct connection *c = l->c;
	char words[80];

	c->state = CONN_STATE_ESTABLISHED;
	c->idle_timer.length = IDLE_MS;
	metrics_handshake(SSL_version(c->ssl), SSL_session_reused(c->ssl) == 1);
	smtp_session_tls(l->session, tls_words(c, words, sizeof(words)));
	set_reading(l);
}

/* ---- events ---- */

/*
 * Kore's events come once, so what one of them makes possible is done here and now:
 * the client's first flight may be in the socket before the handshake begins, its
 * first command before the handshake ends, and more commands before replies leave.
 */
static int
on_event(struct connection *c)
{
	struct link *l = c->hdlr_extra;
	int before;

	for (;;) {
		before = c->state;
		if (!kore_connection_handle(c))
			return KORE_RESULT_ERROR;
		if (c->handle != on_event ||
		    c->state == CONN_STATE_DISCONNECTING)
			return KORE_RESULT_OK;
		if (before == CONN_STATE_TLS_SHAKE) {
			if (c->state == CONN_STATE_TLS_SHAKE)
				return KORE_RESULT_OK;
			continue;
		}
		if (l->wants_tls && TAILQ_EMPTY(&c->send_queue))
			start_tls(l);
		else if (reading(l) && c->rnb->buf == NULL)
			set_reading(l);
		else
			return KORE_RESULT_OK;
	}
}

static int
on_bytes(struct netbuf *nb)
{
	struct connection *c = nb->owner;
	struct link *l = c->hdlr_extra;

	if (l == NULL)
		return KORE_RESULT_ERROR;
	if (buf_add(&l->in, nb->buf, nb->s_off) == -1)
		return KORE_RESULT_ERROR;
	secret_wipe(nb->buf, nb->s_off);
	nb->s_off = 0;
	feed(l);
	/* Replies of one packet leave together, with that of a job if it comes. */
	if (!l->running && !push(l))
		return KORE_RESULT_ERROR;
	if (c->state == CONN_STATE_DISCONNECTING)
		return KORE_RESULT_RETRY; /* l may be gone */
	set_reading(l);
	return nb->buf != NULL ? KORE_RESULT_OK : KORE_RESULT_RETRY;
}

/* Back on the loop: answer, feed what had come behind, read on. */
static void
job_done(void *arg)
{
	struct link *l = arg;
	struct connection *c = l->c;
	struct buf out = BUF_INIT;
	enum smtp_next next;

	l->running = false;
	next = smtp_session_done(l->session, &out);
	if (c == NULL) {
		buf_free(&out);
		link_free(l);
		return;
	}
	queue(l, &out);
	obey(l, next);
	if (next == SMTP_MORE && self.draining)
		say_goodbye(l, "shutting down");
	else if (next == SMTP_MORE)
		feed(l);
	if (l->running)
		return;
	kore_connection_start_idletimer(c);
	if (!push(l) || (c->state == CONN_STATE_ESTABLISHED && !on_event(c)))
		kore_connection_disconnect(c);
}

static bool
timed_out(const struct connection *c)
{
	return (c->flags & CONN_IDLE_TIMER_ACT) &&
	    kore_time_ms() >= c->idle_timer.start + c->idle_timer.length;
}

static void
on_disconnect(struct connection *c)
{
	struct link *l = c->hdlr_extra;
	struct buf out = BUF_INIT;

	c->hdlr_extra = NULL; /* Kore would free it */
	if (l == NULL)
		return;
	let_go(l);
	if (timed_out(c) && !l->running && c->idle_timer.length == IDLE_MS) {
		smtp_session_goodbye(l->session, "idle for too long", &out);
		queue(l, &out);
		c->flags &= ~CONN_CLOSE_EMPTY;
		(void)net_send_flush(c);
	}
	metrics_add(METRIC_CONNECTIONS, l->door, 0, -1);
	l->c = NULL;
	if (!l->running)
		link_free(l);
}

/* After the handshake of implicit TLS no event comes by itself. */
static void
wake_tls(struct connection *c)
{
	if (c->ssl != NULL && !kore_connection_handle(c))
		kore_connection_disconnect(c);
}

static void
turn_away(struct connection *c)
{
	static const char text[] = "421 4.3.2 Too many connections\r\n";

	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_ALL, 0, 1);
	c->state = CONN_STATE_ESTABLISHED;
	net_recv_queue(c, READ_SIZE, NETBUF_CALL_CB_ALWAYS, on_bytes);
	kore_free(c->rnb->buf);
	c->rnb->buf = NULL;
	c->rnb->m_len = 0;
	net_send_queue(c, text, sizeof(text) - 1);
	c->flags |= CONN_CLOSE_EMPTY | CONN_LINGER;
	wake_tls(c);
}

/*
 * The callback of both listeners in intake.conf: at accept(), or after the handshake
 * of implicit TLS; and once more after that of STARTTLS.
 */
void
intake_connect(struct connection *c)
{
	struct link *l = c->hdlr_extra;
	struct buf out = BUF_INIT;
	enum smtp_next next;
	char words[80];

	if (l != NULL) {
		tls_done(l);
		return;
	}
	if (self.count >= SESSIONS_MAX || (l = link_new(c)) == NULL) {
		turn_away(c);
		return;
	}
	c->state = CONN_STATE_ESTABLISHED;
	c->hdlr_extra = l;
	c->handle = on_event;
	c->disconnect = on_disconnect;
	c->idle_timer.length = IDLE_MS;
	l->door = c->ssl != NULL ? METRIC_SMTPS : METRIC_SMTP;
	metrics_add(METRIC_CONNECTIONS, l->door, 0, 1);
	metrics_add(METRIC_ACCEPTED, l->door, 0, 1);
	if (c->ssl != NULL) {
		metrics_handshake(
		    SSL_version(c->ssl), SSL_session_reused(c->ssl) == 1);
		smtp_session_tls(
		    l->session, tls_words(c, words, sizeof(words)));
	}
	net_recv_queue(c, READ_SIZE, NETBUF_CALL_CB_ALWAYS, on_bytes);
	next = smtp_session_greet(l->session, &out);
	queue(l, &out);
	if (next == SMTP_CLOSE) {
		finish(l);
		set_reading(l);
	}
	wake_tls(c);
}

/* ---- start and end ---- */

static int
thread_open(void *arg, void **ctx_out, struct err *e)
{
	(void)arg;
	if ((*ctx_out = desk_open(self.set, self.shared)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory for a thread");
	return 0;
}

static void
thread_close(void *ctx)
{
	desk_close(ctx);
}

static int
front_start(const struct settings *set, struct err *e)
{
	struct pool_setup setup = {.name = "work",
	    .threads = set->threads,
	    .queue = SESSIONS_MAX,
	    .init = thread_open,
	    .fini = thread_close};

	self.set = set;
	self.smtp.hostname = set->hostname;
	self.smtp.offer = (struct smtp_offer){.starttls = true,
	    .dsn = true,
	    .chunking = true,
	    .smtputf8 = true,
	    .requiretls = true};
	self.smtp.backend = &backend;
	if (set->spool == NULL)
		return err_set(e, ERR_BAD_INPUT, "RESTANTE_SPOOL is not set");
	if ((self.shared = desk_shared_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory");
	if ((self.pool = pool_new(&setup, e)) == NULL)
		return -1;
	front_watch_pool(self.pool);
	return 0;
}

/* Sessions without a job end now; the others after it, in job_done(). */
static void
front_drain(void)
{
	struct link *l, *next;

	self.draining = true;
	for (l = self.links; l != NULL; l = next) {
		next = l->next;
		let_go(l);
		if (l->c == NULL || l->running ||
		    l->c->state != CONN_STATE_ESTABLISHED)
			continue;
		say_goodbye(l, "shutting down");
		set_reading(l);
		if (!push(l))
			kore_connection_disconnect(l->c);
	}
}

static bool
front_busy(void)
{
	return pool_pending(self.pool) > 0;
}

static void
front_stop(void)
{
	pool_free(self.pool);
	self.pool = NULL;
	/* What is left of connections ends with Kore's, a moment later. */
	desk_shared_free(self.shared);
	self.shared = NULL;
}

const struct front front_intake = {
    .name = "intake",
    .alpn = false,
    .start = front_start,
    .drain = front_drain,
    .busy = front_busy,
    .stop = front_stop,
};
