/*
 * smtp_cmd_quit.c: QUIT (RFC 5321 4.1.1.10).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_quit(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	smtp_txn_end(s);
	smtp_state_set(s, SMTP_STATE_CLOSED);
	(void)smtp_say(s, SMTP_REPLY_QUIT);
	return SMTP_CLOSE;
}
