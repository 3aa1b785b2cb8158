/*
 * smtp_cmd_vrfy.c: VRFY (RFC 5321 3.5.3): who has a mailbox is told to nobody.
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_vrfy(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	return smtp_say(s, SMTP_REPLY_VRFY);
}
