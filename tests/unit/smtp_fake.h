/*
 * smtp_fake.h: a backend without a database, and the part of the glue, for the
 * tests and the fuzz target of the SMTP session. Messages are kept in memory.
 */
#ifndef TESTS_SMTP_FAKE_H
#define TESTS_SMTP_FAKE_H

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "intake/smtp_session.h"

struct desk_draft {
	struct buf trace;
	struct buf body;
	size_t have; /* that is not sealed */
};

struct fake {
	int keep;   /* bodies are kept, not only counted */
	bool alone; /* messages are committed on their thread, with no others */
	bool stuck; /* replies do not leave between packets */
	enum err_code begin_err, trace_err, add_err, accept_err;
	size_t add_after; /* add_err comes once so many bytes were taken */
	size_t chunk;     /* so many bytes are sealed together; 0: all */
	enum err_code seal_err;
	size_t sealed;

	size_t messages;
	struct buf last_trace, last_body;
	struct desk_envelope last; /* without recipients */
	size_t last_rcpt;
	char envid[LIMIT_ENVID + 1], orcpt[LIMIT_ORCPT + 1];
	unsigned notify; /* both of the last RCPT */
	int now;         /* memory knows all that is not refused */
	struct desk_sender sender;
	size_t total, spans;
	int drafts, envelopes, asked, handshakes;
};

static struct fake fake;

static int
fake_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* What a name of an address asks the fake to answer. */
static enum err_code
fake_mood(const char *name)
{
	if (fake_starts(name, "nobody"))
		return ERR_NOT_FOUND;
	if (fake_starts(name, "denied"))
		return ERR_DENIED;
	if (fake_starts(name, "many"))
		return ERR_TOO_MANY;
	if (fake_starts(name, "down"))
		return ERR_UNAVAILABLE;
	if (fake_starts(name, "unknown"))
		return ERR_UNKNOWN;
	if (fake_starts(name, "corrupt"))
		return ERR_CORRUPT;
	if (fake_starts(name, "broken"))
		return ERR_INTERNAL;
	return ERR_NONE;
}

/* text NULL: none. */
static void
fake_keep(char *out, size_t cap, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	if (n >= cap)
		abort();
	memcpy(out, n == 0 ? "" : text, n);
	out[n] = '\0';
}

static int
fake_fail(enum err_code code, struct err *e)
{
	return code == ERR_NONE ? 0 : err_set(e, code, "as told");
}

static int
fake_auth(void *ctx, const char *user, const char *password,
    struct desk_sender *s, struct err *e)
{
	(void)ctx;
	fake.asked++;
	if (fake_fail(fake_mood(user), e) == -1)
		return -1;
	if (strcmp(user, "alice@acme.example") != 0 ||
	    strcmp(password, "correct horse") != 0)
		return err_set(e, ERR_DENIED, "wrong token");
	s->authenticated = true;
	memset(s->tenant.b, 0xac, sizeof(s->tenant.b));
	memset(s->account.b, 0xa1, sizeof(s->account.b));
	memcpy(s->address, user, strlen(user) + 1);
	return 0;
}

static int
fake_mail(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct err *e)
{
	(void)ctx;
	fake.asked++;
	fake.sender = *s;
	env->tenant = s->tenant;
	return fake_fail(
	    env->null_sender ? ERR_NONE : fake_mood(env->from.address), e);
}

static int
fake_rcpt(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given, struct err *e)
{
	const struct mailbox *to = &given->mailbox;
	struct desk_rcpt *grown;

	(void)ctx;
	(void)s;
	fake.asked++;
	if (fake_fail(fake_mood(to->address), e) == -1)
		return -1;
	if (env->n_rcpt >= LIMIT_RECIPIENTS)
		return err_set(e, ERR_TOO_MANY, "full");
	grown = realloc(env->rcpt, (env->n_rcpt + 1) * sizeof(*grown));
	if (grown == NULL)
		abort();
	if (env->rcpt == NULL)
		fake.envelopes++;
	env->rcpt = grown;
	env->rcpt[env->n_rcpt] = (struct desk_rcpt){.mailbox = *to};
	env->n_rcpt++;
	fake.notify = given->notify;
	fake_keep(fake.orcpt, sizeof(fake.orcpt), given->orcpt);
	free(given->orcpt);
	return 0;
}

/* Unless it is told to know, memory knows nothing: everything is asked. */
static int
fake_mail_now(const struct desk_sender *s, struct desk_envelope *env)
{
	struct err e;

	return fake.now && fake_mail(NULL, s, env, &e) == 0;
}

static int
fake_rcpt_now(const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given)
{
	struct err e;

	return fake.now && fake_rcpt(NULL, s, env, given, &e) == 0;
}

static void
fake_drop(struct desk_draft *d)
{
	if (d == NULL)
		return;
	buf_free(&d->trace);
	buf_free(&d->body);
	free(d);
	fake.drafts--;
}

static struct desk_draft *
fake_begin(const struct desk_envelope *env, struct err *e)
{
	struct desk_draft *d;

	(void)env;
	if (fake_fail(fake.begin_err, e) == -1)
		return NULL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		abort();
	fake.drafts++;
	fake.total = fake.spans = 0;
	return d;
}

static int
fake_trace(struct desk_draft *d, const void *p, size_t n, struct err *e)
{
	if (d->trace.len > 0 || d->body.len > 0 ||
	    buf_add(&d->trace, p, n) == -1)
		abort();
	return fake_fail(fake.trace_err, e);
}

static size_t
fake_room(const struct desk_draft *d)
{
	return fake.chunk == 0 ? SIZE_MAX : fake.chunk - d->have;
}

/* Only what is full, and not the last. */
static int
fake_seal(struct desk_draft *d, struct err *e)
{
	if (d->have != fake.chunk)
		abort();
	d->have = 0;
	fake.sealed++;
	return fake_fail(fake.seal_err, e);
}

static int
fake_add(struct desk_draft *d, const void *p, size_t n, struct err *e)
{
	if (d->trace.len == 0 || n == 0)
		abort();
	if (n > fake_room(d))
		abort();
	d->have += n;
	fake.total += n;
	fake.spans++;
	if (fake.total > fake.add_after && fake_fail(fake.add_err, e) == -1)
		return -1;
	if (fake.keep && buf_add(&d->body, p, n) == -1)
		abort();
	return 0;
}

static int
fake_accept(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct desk_draft *d, struct desk_later *later, struct id *message_out,
    struct err *e)
{
	(void)ctx;
	fake.asked++;
	if (fake.total > 0 && d->have == 0)
		abort();
	if (fake_fail(fake.accept_err, e) == -1)
		return -1;
	fake.messages++;
	fake.sender = *s;
	fake.last = *env;
	fake_keep(fake.envid, sizeof(fake.envid), env->envid);
	fake.last_rcpt = env->n_rcpt;
	buf_free(&fake.last_trace);
	buf_free(&fake.last_body);
	fake.last_trace = d->trace;
	fake.last_body = d->body;
	d->trace = d->body = (struct buf)BUF_INIT;
	*message_out = id_zero();
	message_out->b[15] = (uint8_t)fake.messages;
	if (!fake.alone || later == NULL)
		return 0;
	later->result = 0;
	later->alone = true;
	later->message = *message_out;
	later->end(later);
	return 1;
}

static void
fake_clear(struct desk_envelope *env)
{
	if (env->rcpt != NULL)
		fake.envelopes--;
	free(env->rcpt);
	free(env->envid);
	memset(env, 0, sizeof(*env));
}

static const struct smtp_backend fake_backend = {
    .auth = fake_auth,
    .mail = fake_mail,
    .rcpt = fake_rcpt,
    .mail_now = fake_mail_now,
    .rcpt_now = fake_rcpt_now,
    .begin = fake_begin,
    .trace = fake_trace,
    .add = fake_add,
    .room = fake_room,
    .seal = fake_seal,
    .accept = fake_accept,
    .drop = fake_drop,
    .clear = fake_clear,
};

#define FAKE_OFFER                                               \
	{                                                        \
		.starttls = true, .dsn = true, .chunking = true, \
		.smtputf8 = true, .requiretls = true             \
	}

/* Unwary: what is answered must not depend on how the bytes arrive. */
static const struct smtp_settings fake_settings = {
    .hostname = "mx.example",
    .offer = FAKE_OFFER,
    .backend = &fake_backend,
    .unwary = true,
};

static void
fake_reset(void)
{
	buf_free(&fake.last_trace);
	buf_free(&fake.last_body);
	memset(&fake, 0, sizeof(fake));
	fake.keep = 1;
}

static void
fake_end(void *arg)
{
	(void)arg;
}

static void
fake_say(void *arg, const void *p, size_t n)
{
	if (buf_add(arg, p, n) == -1)
		abort();
}

/* A job, and its end: what was said meanwhile is what is said then. */
static enum smtp_next
fake_job(struct smtp_session *s, struct buf *out)
{
	struct buf said = BUF_INIT;
	const struct smtp_glue glue = {fake_end, fake_say, &said};
	const size_t before = out->len;
	enum smtp_next next;

	(void)smtp_session_run(s, NULL, fake.alone ? &glue : NULL);
	next = smtp_session_done(s, out);
	if (said.len > 0 &&
	    (out->len - before < said.len ||
		memcmp(out->data + before, said.data, said.len) != 0))
		abort();
	buf_free(&said);
	return next;
}

/*
 * What the glue does with one packet: jobs run at once, a handshake succeeds at
 * once and loses the rest of the packet. Returns what the session wants last.
 */
static enum smtp_next
fake_packet(struct smtp_session *s, const void *p, size_t n, struct buf *out)
{
	const char *at = p;
	enum smtp_next next = SMTP_MORE;
	size_t used;

	if (!fake.stuck)
		smtp_session_sent(
		    s); /* what was answered to the last one has left */
	while (n > 0) {
		used = 0;
		next = smtp_session_feed(s, at, n, &used, out);
		if (used > n || (used == 0 && next != SMTP_JOB))
			abort();
		at += used;
		n -= used;
		while (next == SMTP_JOB || next == SMTP_WAIT) {
			if (next == SMTP_WAIT && smtp_session_wait(s) == 0)
				abort();
			next = next == SMTP_JOB ? fake_job(s, out) :
						  smtp_session_done(s, out);
		}
		if (next == SMTP_STARTTLS) {
			smtp_session_tls(s, "TLSv1.3 TLS_AES_256_GCM_SHA384");
			fake.handshakes++;
			return SMTP_MORE;
		}
		if (next == SMTP_CLOSE)
			return SMTP_CLOSE;
	}
	smtp_session_settle(s);
	return next;
}

#endif
