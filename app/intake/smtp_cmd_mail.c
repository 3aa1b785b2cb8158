/*
 * smtp_cmd_mail.c: MAIL (RFC 5321 4.1.1.2): what its parameters ask for, as far as it
 * is offered.
 */
#include "intake/smtp_cmd.h"

#include <stdlib.h>
#include <string.h>

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

/*
 * That an address is a member's is not told to who has asked for too many: no recipient
 * will be taken.
 */
static enum smtp_next
said(struct smtp_session *s)
{
	if (s->job.result == 0 ||
	    (s->txn->silent && s->job.err.code == ERR_DENIED))
		return taken(s);
	smtp_txn_end(s);
	return smtp_refuse_err(s, SMTP_ASKED_MAIL, &s->job.err);
}

/* Only now it is known who sends: the brake is not for the tenant's own. */
static enum smtp_next
done(struct smtp_session *s)
{
	smtp_brake(s);
	return s->txn->wait > 0 ? smtp_hold(s, s->txn->wait, said) : said(s);
}

static enum smtp_reply
fault(const struct smtp_session *s, const struct smtp_command *c)
{
	const struct smtp_offer *offer = &s->set->offer;

	/* AUTH= is a parameter of an extension that is offered under TLS only. */
	if ((c->auth_param && !s->tls) || (c->dsn && !offer->dsn) ||
	    (c->utf8 && !offer->smtputf8) ||
	    (c->require_tls && !offer->requiretls))
		return SMTP_REPLY_UNKNOWN_PARAMETER;
	if (c->require_tls && !s->tls)
		return SMTP_REPLY_REQUIRE_TLS;
	if (c->body == DESK_BODY_BINARY && !offer->binarymime)
		return SMTP_REPLY_PARAMETER;
	if (c->has_size && c->size > LIMIT_MESSAGE)
		return SMTP_REPLY_TOO_BIG;
	return SMTP_REPLY_NONE;
}

static int
fill(struct desk_envelope *env, const struct smtp_command *c)
{
	env->null_sender = c->null_path;
	if (!c->null_path)
		env->from = c->path;
	env->body = c->body;
	env->utf8 = c->utf8;
	env->require_tls = c->require_tls;
	env->ret = c->ret;
	if (c->envid[0] == '\0')
		return 0;
	env->envid = strdup(c->envid);
	return env->envid == NULL ? -1 : 0;
}

enum smtp_next
smtp_cmd_mail(struct smtp_session *s, const struct smtp_command *c)
{
	enum smtp_reply why = fault(s, c);

	if (why != SMTP_REPLY_NONE)
		return smtp_refuse(s, why);
	if (smtp_sender(s) == NULL ||
	    (s->txn = calloc(1, sizeof(*s->txn))) == NULL)
		return smtp_put_off(s, SMTP_REPLY_LATER);
	if (fill(&s->txn->env, c) == -1) {
		smtp_txn_end(s);
		return smtp_put_off(s, SMTP_REPLY_LATER);
	}
	s->job.result = 0;
	if (s->set->backend->mail_now(s->sender, &s->txn->env) == 1)
		return done(s);
	return smtp_job_start(s, run, done);
}
