/*
 * smtp_cmd_xclient.c: XCLIENT, as Postfix has it: a front end says for whom it speaks.
 * Who it was before is forgotten, all but its right to say so again and the TLS between
 * us. It may say so in several commands. LOGIN is not taken: nobody is a member by another's word.
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_xclient(struct smtp_session *s, const struct smtp_command *c)
{
	if (!s->front)
		return smtp_refuse(s, SMTP_REPLY_FRONT_ONLY);
	return smtp_renew(s, &c->told);
}
