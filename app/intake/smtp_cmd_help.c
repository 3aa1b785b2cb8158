/*
 * smtp_cmd_help.c: HELP (RFC 5321 4.1.1.8).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_help(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	return smtp_say(s, SMTP_REPLY_HELP);
}
