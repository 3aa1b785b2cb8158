/*
 * smtp_cmd_rcpt.c: RCPT (RFC 5321 4.1.1.3, DSN of RFC 3461).
 */
#include "intake/smtp_cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
run(struct smtp_session *s, void *ctx)
{
	s->job.result = s->set->backend->rcpt(
	    ctx, s->sender, &s->txn->env, &s->txn->to, &s->job.err);
}

static enum smtp_next
taken(struct smtp_session *s)
{
	const struct smtp_backend *b = s->set->backend;

	memset(&s->txn->to, 0, sizeof(s->txn->to));
	if (!s->met && b->meet != NULL &&
	    b->meet(s->sender, &s->txn->env, &s->job.err) == -1)
		return smtp_close(s, "4.7.0",
		    "Too many connections to this organisation, try again later");
	s->met = true;
	smtp_state_set(s, SMTP_STATE_RCPT);
	return smtp_say(s, SMTP_REPLY_RECIPIENT);
}

static enum smtp_next
refused(struct smtp_session *s)
{
	free(s->txn->to.orcpt);
	s->txn->to.orcpt = NULL;
	s->txn->refused = true;
	if (s->txn->silent)
		return smtp_put_off(s, SMTP_REPLY_SILENT);
	return smtp_refuse_err(s, SMTP_ASKED_RCPT, &s->job.err);
}

/* What was found out waits as long as the brake says. */
static enum smtp_next
done(struct smtp_session *s)
{
	unsigned ms = s->txn->wait;

	s->txn->wait = 0;
	if (ms > 0)
		return smtp_hold(s, ms, done);
	return s->job.result == 0 && !s->txn->silent ? taken(s) : refused(s);
}

/* The one mailbox that needs no domain is this host's. */
static int
own_postmaster(const char *hostname, struct mailbox *out)
{
	char text[LIMIT_ADDRESS + 1];
	int n = snprintf(text, sizeof(text), "postmaster@%s", hostname);
	struct err e;

	if (n < 0 || (size_t)n >= sizeof(text))
		return -1;
	return mailbox_parse(text, (size_t)n, out, &e);
}

enum smtp_next
smtp_cmd_rcpt(struct smtp_session *s, const struct smtp_command *c)
{
	struct desk_given *to = &s->txn->to;

	if (c->dsn && !s->set->offer.dsn)
		return smtp_refuse(s, SMTP_REPLY_UNKNOWN_PARAMETER);
	if (c->non_ascii && !s->txn->env.utf8)
		return smtp_refuse(s, SMTP_REPLY_NEED_UTF8);
	if (!c->postmaster)
		to->mailbox = c->path;
	else if (own_postmaster(s->set->hostname, &to->mailbox) == -1)
		return smtp_refuse(s, SMTP_REPLY_PATH_TO);
	to->notify = c->notify;
	if (c->orcpt[0] != '\0' && (to->orcpt = strdup(c->orcpt)) == NULL)
		return smtp_put_off(s, SMTP_REPLY_LATER);
	smtp_brake(s);
	s->job.result = 0;
	if (s->txn->silent ||
	    s->set->backend->rcpt_now(s->sender, &s->txn->env, to) == 1)
		return done(s);
	return smtp_job_start(s, run, done);
}
