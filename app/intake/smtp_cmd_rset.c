/*
 * smtp_cmd_rset.c: RSET (RFC 5321 4.1.1.5).
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_rset(struct smtp_session *s, const struct smtp_command *c)
{
	(void)c;
	smtp_txn_end(s);
	return smtp_say(s, SMTP_REPLY_RESET);
}
