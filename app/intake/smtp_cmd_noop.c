/*
 * smtp_cmd_noop.c: NOOP (RFC 5321 4.1.1.9).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_noop(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	return smtp_say(s, SMTP_REPLY_NOOP);
}
