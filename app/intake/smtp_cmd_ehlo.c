/*
 * smtp_cmd_ehlo.c: EHLO and HELO (RFC 5321 4.1.1.1).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_ehlo(struct smtp_session *s, const struct smtp_command *c)
{
	struct smtp_offer offer = s->set->offer;
	int rc;

	offer.starttls &= !s->tls;
	offer.auth = s->tls;
	offer.requiretls &= s->tls;
	offer.xclient = s->front;
	/* A front end's own name is of no use once it has told its client's. */
	if (!s->told && smtp_named(s, c->arg, c->arg_len) == -1)
		return SMTP_MORE;
	s->greeted = true;
	s->esmtp = c->verb == SMTP_VERB_EHLO;
	smtp_txn_end(s);
	rc = s->esmtp ? smtp_reply_ehlo(s->out, s->set->hostname, &offer) :
			smtp_reply_helo(s->out, s->set->hostname);
	if (rc == -1)
		s->mute = true;
	return SMTP_MORE;
}
