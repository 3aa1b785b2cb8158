/*
 * smtp_session.c: the verb table, what is fed, and what the glue calls. What a verb means
 * stands in its own file, states, replies and transactions in smtp_state.c.
 */
#include "intake/smtp_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "intake/smtp_cmd.h"
#include "intake/smtp_trace.h"

#define ANY     (SMTP_STATE_START | SMTP_STATE_READY | IN_MAIL | SMTP_STATE_CHUNKS)
#define IN_MAIL (SMTP_STATE_MAIL | SMTP_STATE_RCPT)

enum {
	FLAG_TLS = 1 << 0,  /* under TLS only, which is said before all else */
	FLAG_LAST = 1 << 1, /* waits for its answer: RFC 2920 3.1 */
	FLAG_OWN = 1 << 2   /* sees to order and faults itself */
};

static const struct verb_row {
	const char *name;
	unsigned states; /* in which it is allowed */
	unsigned flags;
	smtp_cmd_fn *fn;
} table[SMTP_VERBS] = {
    [SMTP_VERB_EHLO] = {"EHLO", ANY, FLAG_LAST, smtp_cmd_ehlo},
    [SMTP_VERB_HELO] = {"HELO", ANY, FLAG_LAST, smtp_cmd_ehlo},
    [SMTP_VERB_MAIL] = {"MAIL", SMTP_STATE_READY, 0, smtp_cmd_mail},
    [SMTP_VERB_RCPT] = {"RCPT", IN_MAIL, 0, smtp_cmd_rcpt},
    [SMTP_VERB_DATA] = {"DATA", IN_MAIL, FLAG_LAST, smtp_cmd_data},
    [SMTP_VERB_BDAT] = {"BDAT", ANY, FLAG_OWN, smtp_cmd_bdat},
    [SMTP_VERB_RSET] = {"RSET", ANY, 0, smtp_cmd_rset},
    [SMTP_VERB_NOOP] = {"NOOP", ANY, 0, smtp_cmd_noop},
    [SMTP_VERB_VRFY] = {"VRFY", ANY, 0, smtp_cmd_vrfy},
    [SMTP_VERB_HELP] = {"HELP", ANY, 0, smtp_cmd_help},
    [SMTP_VERB_QUIT] = {"QUIT", ANY, 0, smtp_cmd_quit},
    [SMTP_VERB_STARTTLS] = {"STARTTLS", SMTP_STATE_READY, 0, smtp_cmd_starttls},
    [SMTP_VERB_AUTH] = {"AUTH", SMTP_STATE_READY, FLAG_TLS, smtp_cmd_auth},
    [SMTP_VERB_XCLIENT] = {"XCLIENT", SMTP_STATE_START | SMTP_STATE_READY, 0,
	smtp_cmd_xclient},
};

/* ---- lines ------------------------------------------------------------- */

static enum smtp_next
wrong_order(struct smtp_session *s, enum smtp_verb verb)
{
	if (s->state == SMTP_STATE_START)
		return smtp_refuse(s, SMTP_REPLY_HELLO_FIRST);
	if (s->state == SMTP_STATE_CHUNKS)
		return smtp_refuse(s, SMTP_REPLY_CHUNKED);
	if (verb == SMTP_VERB_RCPT || verb == SMTP_VERB_DATA)
		return smtp_refuse_place(s, SMTP_REPLY_ORDER);
	return smtp_refuse(s, SMTP_REPLY_IN_MAIL);
}

/* Who goes on without the answer cannot have meant what we would read next. */
static enum smtp_next
ahead(struct smtp_session *s)
{
	log_line(LOG_LEVEL_INFO, s->id, "client went ahead", "state=%s",
	    smtp_state_name(s->state));
	return smtp_end(s, SMTP_REPLY_AHEAD);
}

static enum smtp_next
command(struct smtp_session *s, const char *line, size_t n)
{
	struct smtp_command c;
	const struct verb_row *row;

	smtp_syntax_parse(line, n, &c);
	row = &table[c.verb];
	smtp_trace_command(s, &c);
	if (c.verb != SMTP_VERB_RCPT && c.verb != SMTP_VERB_DATA &&
	    c.verb != SMTP_VERB_BDAT)
		s->put_off = false;
	if (row->fn == NULL)
		return smtp_refuse(s,
		    c.fault != SMTP_REPLY_NONE ? c.fault : SMTP_REPLY_NOT_HERE);
	if ((row->flags & FLAG_OWN) != 0)
		return row->fn(s, &c);
	if ((row->flags & FLAG_LAST) != 0 && !s->set->unwary) {
		if (s->behind)
			return ahead(s);
		s->waits = true;
	}
	if ((row->flags & FLAG_TLS) != 0 && !s->tls)
		return smtp_refuse(s, SMTP_REPLY_NEED_TLS);
	if ((row->states & s->state) == 0)
		return wrong_order(s, c.verb);
	if (c.fault != SMTP_REPLY_NONE)
		return smtp_refuse(s, c.fault);
	return row->fn(s, &c);
}

static enum smtp_next
line_in(
    struct smtp_session *s, enum smtp_line_got got, const char *line, size_t n)
{
	bool auth = s->state == SMTP_STATE_AUTH;

	if (auth && got != SMTP_LINE_MORE)
		smtp_trace_response(s);
	switch (got) {
	case SMTP_LINE_MORE:
		return SMTP_MORE;
	case SMTP_LINE_FULL:
		return auth ? smtp_auth_response(s, line, n, SMTP_REPLY_NONE) :
			      command(s, line, n);
	case SMTP_LINE_LONG:
		return auth ?
		    smtp_auth_response(s, NULL, 0, SMTP_REPLY_AUTH_LONG) :
		    smtp_refuse(s, SMTP_REPLY_LONG);
	case SMTP_LINE_BARE:
		return auth ?
		    smtp_auth_response(s, NULL, 0, SMTP_REPLY_BARE_LF) :
		    smtp_refuse(s, SMTP_REPLY_BARE_LF);
	case SMTP_LINE_CHUNK:
		return smtp_end(s, SMTP_REPLY_CHUNK_SIZE);
	}
	return SMTP_MORE;
}

static enum smtp_next
line_feed(struct smtp_session *s, const uint8_t *p, size_t n, size_t *used)
{
	const char *line = NULL;
	size_t len = 0;
	enum smtp_line_got got;
	enum smtp_next next;

	got = smtp_line_next(&s->line, p, n, used, &line, &len);
	s->behind = *used < n;
	next = line_in(s, got, line, len);
	if (got != SMTP_LINE_MORE)
		smtp_line_done(&s->line);
	return next;
}

/* ---- what the glue calls ----------------------------------------------- */

struct smtp_session *
smtp_session_new(const struct smtp_settings *set, const char *client, bool tls)
{
	struct smtp_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->set = set;
	s->tls = tls;
	id_request(s->id);
	text_cut(s->client, sizeof(s->client), client);
	if (tls)
		smtp_secured(s, "TLS");
	smtp_state_set(s, SMTP_STATE_START);
	return s;
}

void
smtp_session_free(struct smtp_session *s)
{
	if (s == NULL)
		return;
	smtp_session_settle(s);
	smtp_txn_end(s);
	smtp_try_end(s);
	smtp_line_free(&s->line);
	smtp_forget(s);
	secret_wipe(s, sizeof(*s));
	free(s);
}

static void
answer_into(struct smtp_session *s, struct buf *out)
{
	if (s->out == NULL)
		s->said = out->len;
	s->out = out;
}

static void
answered(struct smtp_session *s)
{
	const struct buf *out = s->out;

	if (out->len > s->said)
		smtp_trace_replies(s, out->data + s->said, out->len - s->said);
	s->out = NULL;
}

/* A client that can no longer be answered is let go; one that idles costs little. */
static enum smtp_next
leave(struct smtp_session *s, enum smtp_next next)
{
	answered(s);
	if (s->txn == NULL && s->state != SMTP_STATE_JOB && !smtp_is_member(s))
		smtp_sender_drop(s);
	if (!s->mute || next == SMTP_JOB || next == SMTP_WAIT)
		return next;
	smtp_state_set(s, SMTP_STATE_CLOSED);
	return SMTP_CLOSE;
}

/* counted: it is another client than before. */
static enum smtp_next
welcome(struct smtp_session *s, bool counted)
{
	const struct smtp_backend *b = s->set->backend;
	const struct desk_sender *who = smtp_sender(s);
	struct err e;

	s->mute |= who == NULL;
	if (counted && who != NULL && b->admit != NULL &&
	    b->admit(who, &e) == -1)
		return smtp_close(s, "4.7.0",
		    "Too many connections from your network, try again later");
	if (smtp_reply_banner(s->out, s->set->hostname) == -1)
		s->mute = true;
	return SMTP_MORE;
}

/* A front end is not counted, but whom it speaks for. */
enum smtp_next
smtp_session_greet(struct smtp_session *s, struct buf *out)
{
	answer_into(s, out);
	return leave(s, welcome(s, !s->front));
}

enum smtp_next
smtp_renew(struct smtp_session *s, const struct smtp_told *told)
{
	char *secured = s->secured, *helo = s->told ? s->helo : NULL;

	if (told->addr) {
		memcpy(s->client, told->client, sizeof(s->client));
		s->renewed = true;
	}
	s->secured = NULL;
	if (helo != NULL)
		s->helo = NULL;
	smtp_forget(s);
	s->secured = secured;
	s->helo = helo;
	s->esmtp = s->greeted = false;
	smtp_txn_end(s);
	if (told->named)
		s->told = told->helo[0] != '\0' &&
		    smtp_named(s, told->helo, strlen(told->helo)) == 0;
	s->met = false;
	s->refusals = 0;
	return welcome(s, told->addr);
}

enum smtp_next
smtp_session_early(struct smtp_session *s, struct buf *out)
{
	answer_into(s, out);
	log_line(LOG_LEVEL_INFO, s->id, "client spoke first", NULL);
	(void)smtp_say(s, SMTP_REPLY_EARLY);
	smtp_state_set(s, SMTP_STATE_CLOSED);
	return leave(s, SMTP_CLOSE);
}

enum smtp_next
smtp_session_crowded(struct smtp_session *s, struct buf *out)
{
	answer_into(s, out);
	return leave(s,
	    smtp_close(s, "4.7.0",
		"Too many connections at once from your network, try again later"));
}

const char *
smtp_session_client(const struct smtp_session *s)
{
	return s->client;
}

bool
smtp_session_renewed(struct smtp_session *s)
{
	bool renewed = s->renewed;

	s->renewed = false;
	return renewed;
}

bool
smtp_session_trusted(const struct smtp_session *s)
{
	return smtp_is_member(s) || (s->txn != NULL && s->txn->env.proved);
}

size_t
smtp_session_held(const struct smtp_session *s)
{
	const struct smtp_txn *t = s->txn;
	size_t n = s->line.part.cap;

	if (t != NULL)
		n += sizeof(*t) + t->env.n_rcpt * sizeof(*t->env.rcpt) +
		    t->env.n_given * sizeof(*t->env.given);
	return n;
}

bool
smtp_session_waits(const struct smtp_session *s)
{
	return s->waits && s->state != SMTP_STATE_CLOSED;
}

void
smtp_session_sent(struct smtp_session *s)
{
	s->waits = false;
}

bool
smtp_session_busy(const struct smtp_session *s)
{
	return s->txn != NULL || s->state == SMTP_STATE_JOB;
}

/* What may follow a full chunk is read with it: mostly it has no end there. */
#define BEYOND 64

size_t
smtp_session_room(const struct smtp_session *s)
{
	const size_t room = smtp_message_room(s);

	return room > SIZE_MAX - BEYOND ? room : room + BEYOND;
}

enum smtp_next
smtp_session_feed(struct smtp_session *s, const void *p, size_t n, size_t *used,
    struct buf *out)
{
	const uint8_t *bytes = p;
	enum smtp_next next = SMTP_MORE;
	size_t at = 0, took = 0;

	answer_into(s, out);
	smtp_session_settle(s);
	if (s->waits && n > 0 && s->state != SMTP_STATE_CLOSED) {
		s->waits = false;
		*used = n;
		return leave(s, ahead(s));
	}
	while (at < n && next == SMTP_MORE) {
		switch (s->state) {
		case SMTP_STATE_DATA:
			next = smtp_data_feed(s, bytes + at, n - at, &took);
			break;
		case SMTP_STATE_CHUNK:
			next = smtp_chunk_feed(s, bytes + at, n - at, &took);
			break;
		case SMTP_STATE_JOB:
			next = s->job.run != NULL ? SMTP_JOB : SMTP_WAIT;
			took = 0;
			break;
		case SMTP_STATE_TLS:
			/* Whatever came in clear behind STARTTLS was never said. */
			next = SMTP_STARTTLS;
			took = n - at;
			break;
		case SMTP_STATE_CLOSED:
			next = SMTP_CLOSE;
			took = n - at;
			break;
		case SMTP_STATE_START:
		case SMTP_STATE_READY:
		case SMTP_STATE_MAIL:
		case SMTP_STATE_RCPT:
		case SMTP_STATE_AUTH:
		case SMTP_STATE_CHUNKS:
			next = line_feed(s, bytes + at, n - at, &took);
			break;
		}
		at += took;
	}
	*used = at;
	return leave(s, next);
}

bool
smtp_session_says(const struct smtp_session *s)
{
	return s->job.says;
}

bool
smtp_session_run(struct smtp_session *s, void *ctx, const struct smtp_glue *g)
{
	bool kept = false;

	s->job.kept = &kept;
	s->job.glue = g;
	s->job.run(s, ctx);
	return kept;
}

enum smtp_next
smtp_session_done(struct smtp_session *s, struct buf *out)
{
	answer_into(s, out);
	smtp_state_set(s, s->job.before);
	return leave(s, s->job.done(s));
}

unsigned
smtp_session_wait(const struct smtp_session *s)
{
	return s->job.wait;
}

void
smtp_session_tls(struct smtp_session *s, const char *what)
{
	s->tls = true;
	s->esmtp = s->greeted = s->told = false;
	smtp_line_free(&s->line);
	s->line = (struct smtp_line){.cr = false};
	smtp_forget(s);
	smtp_secured(s, what);
	smtp_txn_end(s);
}

void
smtp_session_goodbye(struct smtp_session *s, const char *why, struct buf *out)
{
	answer_into(s, out);
	(void)smtp_close(s, "4.3.2", why);
	answered(s);
}
