/*
 * smtp_cmd_mail.c: MAIL (RFC 5321 4.1.1.2, SIZE of RFC 1870, AUTH of RFC 4954 5).
 */
#include "intake/smtp_cmd.h"

#include <stdlib.h>

#include "base/limits.h"

static void
run(struct smtp_session *s, void *ctx)
{
	s->job.result = s->set->backend->mail(
	    ctx, s->sender, &s->txn->env, &s->job.err);
}

static enum smtp_next
taken(struct smtp_session *s)
{
	smtp_state_set(s, SMTP_STATE_MAIL);
	return smtp_say(s, SMTP_REPLY_SENDER);
}

static enum smtp_next
done(struct smtp_session *s)
{
	if (s->job.result == 0)
		return taken(s);
	smtp_txn_end(s);
	return smtp_refuse_err(s, SMTP_ASKED_MAIL, &s->job.err);
}

enum smtp_next
smtp_cmd_mail(struct smtp_session *s, const struct smtp_command *c)
{
	struct desk_envelope *env;

	/* AUTH= is a parameter of an extension that is offered under TLS only. */
	if (c->auth_param && !s->tls)
		return smtp_refuse(s, SMTP_REPLY_UNKNOWN_PARAMETER);
	if (c->has_size && c->size > LIMIT_MESSAGE)
		return smtp_refuse(s, SMTP_REPLY_TOO_BIG);
	if (smtp_sender(s) == NULL ||
	    (s->txn = calloc(1, sizeof(*s->txn))) == NULL)
		return smtp_say(s, SMTP_REPLY_LATER);
	env = &s->txn->env;
	env->null_sender = c->null_path;
	if (!c->null_path)
		env->from = c->path;
	env->body = c->body_8bit ? DESK_BODY_8BIT : DESK_BODY_7BIT;
	if (s->set->backend->mail_now(s->sender, env) == 1)
		return taken(s);
	return smtp_job_start(s, run, done);
}
