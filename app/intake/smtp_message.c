/*
 * smtp_message.c: the message of a transaction on its way to the backend, whether DATA
 * or BDAT brings it, and what is answered at its end.
 */
#include "intake/smtp_cmd.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "intake/smtp_received.h"
#include "intake/smtp_trace.h"

/* A message that will be refused keeps no draft, and so no spool space. */
static void
drop_draft(struct smtp_session *s)
{
	s->set->backend->drop(s->txn->draft);
	s->txn->draft = NULL;
}

int
smtp_message_begin(struct smtp_session *s, struct err *e)
{
	const struct smtp_backend *b = s->set->backend;
	struct smtp_txn *t = s->txn;
	struct buf trace = BUF_INIT;
	int rc = -1;

	t->data = (struct smtp_data){.at = SMTP_DATA_START};
	t->size = 0;
	if ((t->draft = b->begin(&t->env, e)) == NULL)
		return -1;
	if (smtp_received(&trace, s->sender, s->esmtp, t->env.utf8,
		s->set->hostname, clock_now()) == -1)
		err_set(e, ERR_UNAVAILABLE, "no memory for the trace");
	else
		rc = b->trace(t->draft, trace.data, trace.len, e);
	buf_free(&trace);
	if (rc == -1)
		drop_draft(s);
	return rc;
}

/* Why the message so far cannot be taken; the worst first, whatever came first. */
static enum smtp_reply
verdict(const struct smtp_txn *t)
{
	if (t->size > LIMIT_MESSAGE)
		return SMTP_REPLY_TOO_BIG;
	if (t->data.bare)
		return SMTP_REPLY_BARE_DATA;
	if (t->data.over_long)
		return SMTP_REPLY_LONG_DATA;
	return SMTP_REPLY_NONE;
}

void
smtp_message_add(struct smtp_session *s, const uint8_t *p, size_t n)
{
	struct smtp_txn *t = s->txn;

	t->size = n > SIZE_MAX - t->size ? SIZE_MAX : t->size + n;
	if (t->draft == NULL)
		return;
	if (verdict(t) != SMTP_REPLY_NONE)
		drop_draft(s);
	else if (n > 0 && s->set->backend->add(t->draft, p, n, &t->fault) == -1)
		drop_draft(s);
}

/* What is only counted needs none. */
size_t
smtp_message_room(const struct smtp_session *s)
{
	const struct smtp_backend *b = s->set->backend;

	if (s->txn == NULL || s->txn->draft == NULL || b->room == NULL)
		return SIZE_MAX;
	return b->room(s->txn->draft);
}

static void
seal(struct smtp_session *s, void *ctx)
{
	(void)ctx;
	s->job.result = s->set->backend->seal(s->txn->draft, &s->job.err);
}

static enum smtp_next
sealed(struct smtp_session *s)
{
	if (s->job.result == -1) {
		s->txn->fault = s->job.err;
		drop_draft(s);
	}
	return SMTP_MORE;
}

enum smtp_next
smtp_message_seal(struct smtp_session *s)
{
	return smtp_job_start(s, seal, sealed);
}

bool
smtp_message_lost(const struct smtp_session *s)
{
	return s->txn->draft == NULL || verdict(s->txn) != SMTP_REPLY_NONE;
}

enum smtp_next
smtp_message_refuse(struct smtp_session *s)
{
	enum smtp_reply why = verdict(s->txn);

	if (why == SMTP_REPLY_NONE)
		return smtp_refuse_err(s, SMTP_ASKED_DATA, &s->txn->fault);
	return smtp_say(s, why);
}

/* What done() will say. */
static void
say_now(struct smtp_session *s)
{
	const struct smtp_glue *g = s->job.glue;
	struct buf reply = BUF_INIT;

	if (smtp_reply_accepted(&reply, &s->txn->message) == 0)
		g->say(g->arg, reply.data, reply.len);
	buf_free(&reply);
}

/* It was committed, perhaps with others: on whichever thread that was. */
static void
accepted(struct desk_later *later)
{
	struct smtp_session *s = later->arg;
	const struct smtp_glue *g = s->job.glue;

	s->job.result = later->result;
	s->job.err = later->err;
	s->txn->message = later->message;
	if (later->alone && later->result == 0)
		say_now(s);
	g->end(g->arg);
}

static void
run(struct smtp_session *s, void *ctx)
{
	struct smtp_job *job = &s->job;
	struct smtp_txn *t = s->txn;
	bool *kept = job->kept;
	int r;

	job->later = (struct desk_later){.end = accepted, .arg = s};
	r = s->set->backend->accept(ctx, s->sender, &t->env, t->draft,
	    job->glue != NULL ? &job->later : NULL, &t->message, &job->err);
	if (r == 1)
		*kept = true;
	else
		job->result = r;
}

static void
count_refused(const char *code)
{
	metrics_add(METRIC_MAILS,
	    *code == '4' ? METRIC_MAIL_DEFERRED : METRIC_MAIL_REFUSED, 0, 1);
}

void
smtp_message_tell(const struct smtp_session *s, const struct smtp_txn *t)
{
	char text[ID_TEXT_LEN];

	metrics_add(METRIC_MAILS, METRIC_MAIL_TAKEN, 0, 1);
	id_format(&t->message, text);
	log_line(LOG_LEVEL_INFO, s->id, "message accepted",
	    "message=%s size=%zu recipients=%zu", text, t->size, t->env.n_rcpt);
}

/* Who waits for it hears it before the log does. */
static enum smtp_next
done(struct smtp_session *s)
{
	struct id message = s->txn->message;

	if (s->job.result == -1) {
		count_refused(
		    smtp_reply_err_code(SMTP_ASKED_DATA, s->job.err.code));
		smtp_txn_end(s);
		return smtp_refuse_err(s, SMTP_ASKED_DATA, &s->job.err);
	}
	if (s->set->backend->taken != NULL)
		s->set->backend->taken(s->sender, &s->txn->env);
	s->refusals = 0;
	smtp_txn_past(s);
	if (smtp_reply_accepted(s->out, &message) == -1)
		s->mute = true;
	return SMTP_MORE;
}

/* The truth about the message is said even past the error limit. */
enum smtp_next
smtp_message_end(struct smtp_session *s)
{
	enum smtp_reply why = verdict(s->txn);
	struct err fault = s->txn->fault;
	const char *code;

	smtp_trace_message(s, s->txn->size);
	if (why == SMTP_REPLY_NONE && s->txn->draft != NULL) {
		(void)smtp_job_start(s, run, done);
		s->job.says = true;
		return SMTP_JOB;
	}
	code = why == SMTP_REPLY_NONE ?
	    smtp_reply_err_code(SMTP_ASKED_DATA, fault.code) :
	    smtp_reply_code(why);
	count_refused(code);
	log_line(LOG_LEVEL_INFO, s->id, "message refused", "size=%zu reply=%s",
	    s->txn->size, code);
	smtp_txn_end(s);
	if (why == SMTP_REPLY_NONE)
		return smtp_refuse_err(s, SMTP_ASKED_DATA, &fault);
	return smtp_say(s, why);
}
