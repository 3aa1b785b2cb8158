/*
 * smtp_state.c: the state of a session and who changes it: what it answers, and how its
 * transaction, an attempt to authenticate and a job begin and end.
 */
#include "intake/smtp_cmd.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"

const char *
smtp_state_name(enum smtp_state state)
{
	switch (state) {
	case SMTP_STATE_START:
		return "start";
	case SMTP_STATE_READY:
		return "ready";
	case SMTP_STATE_MAIL:
		return "mail";
	case SMTP_STATE_RCPT:
		return "rcpt";
	case SMTP_STATE_DATA:
		return "data";
	case SMTP_STATE_AUTH:
		return "auth";
	case SMTP_STATE_JOB:
		return "job";
	case SMTP_STATE_TLS:
		return "tls";
	case SMTP_STATE_CLOSED:
		return "closed";
	case SMTP_STATE_CHUNKS:
		return "chunks";
	case SMTP_STATE_CHUNK:
		return "chunk";
	}
	return "?";
}

void
smtp_state_set(struct smtp_session *s, enum smtp_state state)
{
	if (s->state == state)
		return;
	log_line(LOG_LEVEL_DEBUG, s->id, "smtp state", "%s -> %s",
	    smtp_state_name(s->state), smtp_state_name(state));
	s->state = state;
}

/* ---- replies ----------------------------------------------------------- */

enum smtp_next
smtp_say(struct smtp_session *s, enum smtp_reply r)
{
	if (smtp_reply_add(s->out, r) == -1)
		s->mute = true;
	return SMTP_MORE;
}

enum smtp_next
smtp_end(struct smtp_session *s, enum smtp_reply r)
{
	smtp_txn_end(s);
	smtp_state_set(s, SMTP_STATE_CLOSED);
	(void)smtp_say(s, r);
	return SMTP_CLOSE;
}

enum smtp_next
smtp_close(struct smtp_session *s, const char *status, const char *why)
{
	smtp_txn_end(s);
	smtp_state_set(s, SMTP_STATE_CLOSED);
	if (smtp_reply_bye(s->out, status, s->set->hostname, why) == -1)
		s->mute = true;
	return SMTP_CLOSE;
}

/* Only what the client is to blame for counts: 5yz. */
static bool
too_many(struct smtp_session *s, const char *code)
{
	return code[0] == '5' && s->refusals++ >= LIMIT_SMTP_ERRORS;
}

enum smtp_next
smtp_refuse(struct smtp_session *s, enum smtp_reply r)
{
	if (too_many(s, smtp_reply_code(r)))
		return smtp_close(s, "4.7.0", "Too many errors");
	return smtp_say(s, r);
}

enum smtp_next
smtp_refuse_place(struct smtp_session *s, enum smtp_reply r)
{
	return s->put_off ? smtp_say(s, r) : smtp_refuse(s, r);
}

enum smtp_next
smtp_put_off(struct smtp_session *s, enum smtp_reply r)
{
	s->put_off = true;
	return smtp_say(s, r);
}

enum smtp_next
smtp_refuse_err(
    struct smtp_session *s, enum smtp_asked asked, const struct err *e)
{
	static const char *const events[] = {"authentication refused",
	    "sender refused", "recipient refused", "message refused"};
	const char *code = smtp_reply_err_code(asked, e->code);

	log_err(s->id, events[asked], e);
	if (asked == SMTP_ASKED_MAIL || asked == SMTP_ASKED_RCPT)
		s->put_off |= code[0] == '4';
	if (asked != SMTP_ASKED_DATA && too_many(s, code))
		return smtp_close(s, "4.7.0", "Too many errors");
	if (smtp_reply_err(s->out, asked, e->code) == -1)
		s->mute = true;
	return SMTP_MORE;
}

/* ---- transaction, attempt, job ----------------------------------------- */

static void
txn_free(struct smtp_session *s, struct smtp_txn *t)
{
	if (t == NULL)
		return;
	s->set->backend->drop(t->draft);
	s->set->backend->clear(&t->env);
	free(t->to.orcpt);
	free(t);
}

void
smtp_txn_end(struct smtp_session *s)
{
	txn_free(s, s->txn);
	s->txn = NULL;
	smtp_state_set(s, s->greeted ? SMTP_STATE_READY : SMTP_STATE_START);
}

void
smtp_txn_past(struct smtp_session *s)
{
	smtp_session_settle(s);
	s->past = s->txn;
	s->txn = NULL;
	smtp_txn_end(s);
}

void
smtp_session_settle(struct smtp_session *s)
{
	struct smtp_txn *t = s->past;

	if (t == NULL)
		return;
	s->past = NULL;
	smtp_message_tell(s, t);
	txn_free(s, t);
}

void
smtp_try_end(struct smtp_session *s)
{
	if (s->attempt == NULL)
		return;
	secret_free(s->attempt->user);
	secret_free(s->attempt->password);
	free(s->attempt);
	s->attempt = NULL;
}

enum smtp_next
smtp_job_start(struct smtp_session *s,
    void (*run)(struct smtp_session *, void *),
    enum smtp_next (*done)(struct smtp_session *))
{
	s->job = (struct smtp_job){
	    .run = run, .done = done, .before = s->state, .result = -1};
	smtp_state_set(s, SMTP_STATE_JOB);
	return SMTP_JOB;
}

enum smtp_next
smtp_hold(struct smtp_session *s, unsigned ms,
    enum smtp_next (*done)(struct smtp_session *))
{
	s->job.run = NULL;
	s->job.done = done;
	s->job.before = s->state;
	s->job.wait = ms;
	smtp_state_set(s, SMTP_STATE_JOB);
	return SMTP_WAIT;
}

void
smtp_brake(struct smtp_session *s)
{
	const struct smtp_backend *b = s->set->backend;
	struct smtp_txn *t = s->txn;
	bool silent = false;

	t->wait = b->brake == NULL ? 0 : b->brake(s->sender, &t->env, &silent);
	t->silent |= silent;
}
