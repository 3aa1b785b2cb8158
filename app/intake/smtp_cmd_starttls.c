/*
 * smtp_cmd_starttls.c: STARTTLS (RFC 3207).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_starttls(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	if (s->tls)
		return smtp_refuse(s, SMTP_REPLY_TLS_ALREADY);
	if (!s->set->offer.starttls)
		return smtp_refuse(s, SMTP_REPLY_NO_TLS);
	smtp_state_set(s, SMTP_STATE_TLS);
	(void)smtp_say(s, SMTP_REPLY_STARTTLS);
	return SMTP_STARTTLS;
}
