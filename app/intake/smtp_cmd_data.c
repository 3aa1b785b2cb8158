/*
 * smtp_cmd_data.c: DATA (RFC 5321 4.1.1.4): text to the dot.
 */
#include "intake/smtp_cmd.h"

enum smtp_next
smtp_cmd_data(struct smtp_session *s, const struct smtp_command *c)
{
	struct err e = {ERR_NONE, ""};

	(void)c;
	if (s->state == SMTP_STATE_MAIL)
		return smtp_refuse_place(s,
		    s->txn->refused ? SMTP_REPLY_NONE_VALID :
				      SMTP_REPLY_NO_RECIPIENT);
	if (s->txn->env.body == DESK_BODY_BINARY)
		return smtp_refuse(s, SMTP_REPLY_BINARY);
	if (smtp_message_begin(s, &e) == -1)
		return smtp_refuse_err(s, SMTP_ASKED_DATA, &e);
	smtp_state_set(s, SMTP_STATE_DATA);
	return smtp_say(s, SMTP_REPLY_DATA);
}

enum smtp_next
smtp_data_feed(struct smtp_session *s, const uint8_t *p, size_t n, size_t *used)
{
	struct smtp_data *d = &s->txn->data;
	const uint8_t *span;
	size_t took, len;
	bool end = false;

	for (*used = 0; *used < n && !end; *used += took) {
		const struct smtp_data before = *d;
		const size_t room = smtp_message_room(s);

		end = smtp_data_next(
		    d, p + *used, n - *used, &took, &span, &len);
		if (len > room) {
			*d = before;
			if (room == 0)
				return smtp_message_seal(s);
			end = smtp_data_next(
			    d, p + *used, room, &took, &span, &len);
		}
		smtp_message_add(s, span, len);
	}
	return end ? smtp_message_end(s) : SMTP_MORE;
}
