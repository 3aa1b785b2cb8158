/*
 * repeat.c: which message is one that was taken already.
 */
#include "desk/repeat.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "desk/internal.h"
#include "mail/fields.h"
#include "seal/kdf.h"

static int
recipients_digest(
    const struct desk_envelope *env, uint8_t out[32], struct err *e)
{
	struct seal_hash *h = seal_hash_new(SEAL_BLAKE2B);
	size_t i;

	if (h == NULL)
		return err_set(e, ERR_UNAVAILABLE, "recipients: memory");
	for (i = 0; i < env->n_rcpt; i++)
		seal_hash_add(h, env->rcpt[i].mailbox.key,
		    strlen(env->rcpt[i].mailbox.key) + 1);
	seal_hash_end(h, out);
	return 0;
}

int
repeat_digest(const struct desk_sender *s, const struct desk_envelope *env,
    struct desk_draft *draft, const char *message_id, const uint8_t said[32],
    uint8_t out[32], struct err *e)
{
	static const uint8_t zero[SECRET_KEY_LEN];
	uint8_t head[32], body[32], rcpts[32];
	struct seal_field f[6];

	if (recipients_digest(env, rcpts, e) == -1)
		return -1;
	draft_digests(draft, head, body);
	f[0] = SEAL_FSTR(s->authenticated ? s->address : s->client);
	f[1] = SEAL_FSTR(env->null_sender ? "" : env->from.key);
	f[2] = SEAL_F(rcpts, sizeof(rcpts));
	f[3] = SEAL_FSTR(message_id);
	f[4] = SEAL_F(body, sizeof(body));
	/* Without a Message-ID only the very same bytes are the same message. */
	f[5] = SEAL_F(*message_id != '\0' ? said : head, sizeof(head));
	seal_kdf(out, 32, zero, SEAL_L_DIGEST, f, 6);
	return 0;
}

/* What servers add on the way, or a client writes anew each time it sends a message. */
static bool
is_of_the_way(const struct field *f)
{
	static const char *const way[] = {"Received", "Return-Path",
	    "Delivered-To", "Date", "DKIM-Signature", "Authentication-Results"};
	size_t i;

	for (i = 0; i < sizeof(way) / sizeof(way[0]); i++)
		if (field_is(f, way[i]))
			return true;
	return f->name_len > 2 && strncasecmp(f->name, "X-", 2) == 0;
}

int
repeat_said(const void *p, size_t n, uint8_t out[32], struct err *e)
{
	const uint8_t *end = memmem(p, n, "\r\n\r\n", 4);
	struct seal_hash *h = seal_hash_new(SEAL_BLAKE2B);
	struct fields fields;
	struct field f;

	if (h == NULL)
		return err_set(e, ERR_UNAVAILABLE, "header: memory");
	if (end != NULL)
		n = (size_t)(end + 2 - (const uint8_t *)p);
	fields_init(&fields, p, n);
	while (fields_next(&fields, &f)) {
		if (is_of_the_way(&f))
			continue;
		seal_hash_add(h, f.name, f.name_len);
		seal_hash_add(h, ":", 1);
		seal_hash_add(h, f.value, f.value_len);
		seal_hash_add(h, "\n", 1);
	}
	/* A line that is no field, and what stands behind it: not the body. */
	if (end != NULL)
		seal_hash_add(h, fields.p, fields.left);
	seal_hash_end(h, out);
	return 0;
}

void
repeat_soon(uint8_t tags[KEYD_TAGS][32], int64_t now)
{
	const int64_t today = now / CLOCK_DAY;
	uint8_t soon[KEYD_TAGS][32], number[8];

	_Static_assert(CLOCK_DAY % REPEAT_SOON_MS == 0, "a span is of one day");
	for (int i = 0; i < KEYD_TAGS; i++) {
		const int64_t n = now / REPEAT_SOON_MS - i;
		const int64_t days = today - n * REPEAT_SOON_MS / CLOCK_DAY;

		be64_put(number, (uint64_t)n);
		seal_kdf(soon[i], 32, tags[days], SEAL_L_DUPLICATE_SOON,
		    &SEAL_F(number, sizeof(number)), 1);
	}
	memcpy(tags, soon, sizeof(soon));
	secret_wipe(soon, sizeof(soon));
}
