/*
 * smtp_cmd_bdat.c: BDAT (RFC 3030): octets by their number. They are read to their end
 * wherever the command stands, and answered once, behind them: what is in them is
 * never taken for a command.
 */
#include "intake/smtp_cmd.h"

#include "base/limits.h"

/* What the octets belong to: SMTP_REPLY_NONE when to a message. */
static enum smtp_reply
place(const struct smtp_session *s)
{
	if (s->state == SMTP_STATE_START)
		return SMTP_REPLY_HELLO_FIRST;
	if (s->state == SMTP_STATE_READY)
		return SMTP_REPLY_ORDER;
	if (s->state != SMTP_STATE_MAIL)
		return SMTP_REPLY_NONE;
	return s->txn->refused ? SMTP_REPLY_NONE_VALID :
				 SMTP_REPLY_NO_RECIPIENT;
}

/* A message that fails stays: all of its chunks are answered alike. */
static enum smtp_next
chunk_end(struct smtp_session *s)
{
	const struct smtp_chunk *chunk = &s->chunk;

	if (chunk->why != SMTP_REPLY_NONE) {
		smtp_state_set(s, chunk->before);
		return smtp_refuse_place(s, chunk->why);
	}
	if (chunk->last) {
		smtp_chunk_end(&s->txn->data);
		return smtp_message_end(s);
	}
	smtp_state_set(s, SMTP_STATE_CHUNKS);
	return smtp_message_lost(s) ? smtp_message_refuse(s) :
				      smtp_say(s, SMTP_REPLY_CHUNK);
}

enum smtp_next
smtp_cmd_bdat(struct smtp_session *s, const struct smtp_command *c)
{
	if (!s->set->offer.chunking)
		return smtp_end(s, SMTP_REPLY_NOT_HERE);
	if (c->fault != SMTP_REPLY_NONE)
		return smtp_end(s, c->fault);
	s->chunk = (struct smtp_chunk){.left = c->size,
	    .last = c->last,
	    .why = place(s),
	    .before = s->state};
	if (s->state == SMTP_STATE_RCPT)
		(void)smtp_message_begin(s, &s->txn->fault);
	smtp_state_set(s, SMTP_STATE_CHUNK);
	return s->chunk.left == 0 ? chunk_end(s) : SMTP_MORE;
}

enum smtp_next
smtp_chunk_feed(
    struct smtp_session *s, const uint8_t *p, size_t n, size_t *used)
{
	struct smtp_chunk *chunk = &s->chunk;
	size_t room = chunk->why == SMTP_REPLY_NONE ? smtp_message_room(s) :
						      SIZE_MAX;

	*used = 0;
	if (room == 0)
		return smtp_message_seal(s);
	if (n > room)
		n = room;
	if (n > chunk->left)
		n = (size_t)chunk->left;
	*used = n;
	chunk->left -= n;
	if (chunk->why == SMTP_REPLY_NONE) {
		if (s->txn->env.body != DESK_BODY_BINARY)
			smtp_chunk_next(&s->txn->data, p, n);
		smtp_message_add(s, p, n);
	}
	return chunk->left == 0 ? chunk_end(s) : SMTP_MORE;
}
