/*
 * token.c: what people type and links carry, and the records boxed to keyd.
 */
#include "seal/token.h"

#include <string.h>

#include "base/text.h"
#include "seal/kdf_list.h"

#define CODE_BYTES     5 /* 40 bits: 8 digits */
#define LINK_DIGITS    (SEAL_LINK_LEN - 1)
#define LINK_LAST_BITS 0xc0 /* of the 17th byte, what belongs to 130 bits */
#define RECORD_VERSION 1
#define ITEM_ORIGINAL  2 /* an item with one more string */

static void
code_new(char out[9])
{
	uint8_t b[CODE_BYTES];

	secret_random(b, sizeof(b));
	if (id_base32(b, sizeof(b), out, 9) == -1)
		out[0] = '\0';
	secret_wipe(b, sizeof(b));
}

/* Through the bytes and back: one spelling is left. */
static int
code_parse(const char *s, char out[9])
{
	uint8_t b[CODE_BYTES];
	int r = id_unbase32(s, b, sizeof(b));

	out[0] = '\0';
	if (r == 0)
		r = id_base32(b, sizeof(b), out, 9);
	secret_wipe(b, sizeof(b));
	return r;
}

void
seal_pickup_new(char out[SEAL_PICKUP_LEN])
{
	code_new(out);
}

int
seal_pickup_parse(const char *s, char out[SEAL_PICKUP_LEN])
{
	return code_parse(s, out);
}

void
seal_pickup_show(const char code[SEAL_PICKUP_LEN], char out[10])
{
	memcpy(out, code, 4);
	out[4] = '-';
	memcpy(out + 5, code + 4, 4);
	out[9] = '\0';
}

void
seal_code_new(char out[SEAL_CODE_LEN])
{
	code_new(out);
}

int
seal_code_parse(const char *s, char out[SEAL_CODE_LEN])
{
	return code_parse(s, out);
}

void
seal_link_new(uint8_t out[SEAL_LINK_BYTES], char text[SEAL_LINK_LEN])
{
	char all[SEAL_LINK_LEN + 2];

	secret_random(out, SEAL_LINK_BYTES);
	out[SEAL_LINK_BYTES - 1] &= LINK_LAST_BITS;
	/* 136 bits are 28 digits, of which the last two say nothing. */
	text[0] = '\0';
	if (id_base32(out, SEAL_LINK_BYTES, all, sizeof(all)) == 0) {
		memcpy(text, all, LINK_DIGITS);
		text[LINK_DIGITS] = '\0';
		text_lower(text);
	}
	secret_wipe(all, sizeof(all));
}

int
seal_link_parse(const char *s, size_t n, uint8_t out[SEAL_LINK_BYTES])
{
	char all[SEAL_LINK_LEN + 2];
	int r;

	memset(out, 0, SEAL_LINK_BYTES);
	/* A separator or a NUL in it would leave it a digit short. */
	if (n != LINK_DIGITS)
		return -1;
	memcpy(all, s, n);
	memcpy(all + n, "00", 3);
	r = id_unbase32(all, out, SEAL_LINK_BYTES);
	secret_wipe(all, sizeof(all));
	return r;
}

void
seal_link_hash(const uint8_t secret[SEAL_LINK_BYTES], uint8_t out[32])
{
	seal_kdf(out, 32, kdf_no_key, SEAL_L_LINK_ID,
	    &SEAL_F(secret, SEAL_LINK_BYTES), 1);
}

void
seal_half_bind(const uint8_t half[SECRET_KEY_LEN], const struct id *tenant,
    const char *address, uint8_t out[SECRET_KEY_LEN])
{
	uint8_t digest[32];

	seal_address_digest(tenant, address, digest);
	seal_kdf(out, SECRET_KEY_LEN, half, SEAL_L_HALF_ADDRESS,
	    &SEAL_F(digest, sizeof(digest)), 1);
}

void
seal_link_key(const uint8_t secret[SEAL_LINK_BYTES],
    const uint8_t half[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *notice, uint8_t out[SECRET_KEY_LEN])
{
	uint8_t key[SECRET_KEY_LEN] = {0};

	memcpy(key, secret, SEAL_LINK_BYTES);
	seal_kdf(out, SECRET_KEY_LEN, key, SEAL_L_LINK,
	    (const struct seal_field[]){SEAL_F(half, SECRET_KEY_LEN),
		SEAL_FID(tenant), SEAL_FID(notice)},
	    3);
	secret_wipe(key, sizeof(key));
}

/* A string of a fixed array: its length in one byte, then its bytes. */
static int
add_string(struct buf *out, const char *s, size_t cap)
{
	size_t n = strnlen(s, cap);

	if (n >= cap || n > UINT8_MAX || buf_add_u8(out, (uint8_t)n) == -1)
		return -1;
	return buf_add(out, s, n);
}

/* Reads one into an array of cap bytes; -1 for controls, a NUL or no room. */
static int
get_string(struct reader *r, char *out, size_t cap)
{
	size_t n = reader_u8(r);
	const uint8_t *p = reader_bytes(r, n);

	if (p == NULL || n >= cap)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return -1;
	}
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

static bool
item_kind_ok(unsigned kind)
{
	return kind == SEAL_I_NOTICE || kind == SEAL_I_CODE ||
	    kind == SEAL_I_NOTICE_ACCOUNT || kind == SEAL_I_RECEIPT ||
	    kind == SEAL_I_STATUS;
}

int
seal_item_encode(const struct seal_item *i, struct buf *out)
{
	size_t before = out->len;
	bool more = i->original[0] != '\0';

	if (buf_add_u8(out, more ? ITEM_ORIGINAL : RECORD_VERSION) == 0 &&
	    buf_add_u8(out, (uint8_t)i->kind) == 0 &&
	    add_string(out, i->address, sizeof(i->address)) == 0 &&
	    add_string(out, i->secret, sizeof(i->secret)) == 0 &&
	    add_string(out, i->reference, sizeof(i->reference)) == 0 &&
	    (!more || add_string(out, i->original, sizeof(i->original)) == 0))
		return 0;
	out->len = before;
	return -1;
}

int
seal_item_decode(const void *p, size_t n, struct seal_item *out, struct err *e)
{
	struct reader r;
	unsigned version, kind;

	memset(out, 0, sizeof(*out));
	reader_init(&r, p, n);
	version = reader_u8(&r);
	kind = reader_u8(&r);
	if ((version == RECORD_VERSION || version == ITEM_ORIGINAL) &&
	    item_kind_ok(kind) &&
	    get_string(&r, out->address, sizeof(out->address)) == 0 &&
	    get_string(&r, out->secret, sizeof(out->secret)) == 0 &&
	    get_string(&r, out->reference, sizeof(out->reference)) == 0 &&
	    (version == RECORD_VERSION ||
		get_string(&r, out->original, sizeof(out->original)) == 0) &&
	    !r.bad && r.left == 0 && out->address[0] != '\0') {
		out->kind = (enum seal_item_kind)kind;
		return 0;
	}
	secret_wipe(out, sizeof(*out));
	return err_set(e, ERR_CORRUPT, "outbox item: malformed");
}

int
seal_escrow_encode(const struct seal_escrow *r, struct buf *out)
{
	size_t before = out->len;

	if (buf_add_u8(out, RECORD_VERSION) == 0 &&
	    buf_add_u8(out, r->has_key ? 1 : 0) == 0 &&
	    buf_add_u64(out, r->slot_id) == 0 &&
	    buf_add_u64(out, (uint64_t)r->expires) == 0 &&
	    add_string(out, r->address, sizeof(r->address)) == 0 &&
	    (!r->has_key || buf_add(out, r->sk, sizeof(r->sk)) == 0))
		return 0;
	out->len = before;
	return -1;
}

int
seal_escrow_decode(
    const void *p, size_t n, struct seal_escrow *out, struct err *e)
{
	const uint8_t *sk = NULL;
	struct reader r;
	unsigned version;

	memset(out, 0, sizeof(*out));
	reader_init(&r, p, n);
	version = reader_u8(&r);
	out->has_key = reader_u8(&r);
	out->slot_id = reader_u64(&r);
	out->expires = (int64_t)reader_u64(&r);
	if (version == RECORD_VERSION && out->has_key <= 1 &&
	    get_string(&r, out->address, sizeof(out->address)) == 0 &&
	    (!out->has_key ||
		(sk = reader_bytes(&r, sizeof(out->sk))) != NULL) &&
	    !r.bad && r.left == 0 && out->address[0] != '\0') {
		if (sk != NULL)
			memcpy(out->sk, sk, sizeof(out->sk));
		return 0;
	}
	secret_wipe(out, sizeof(*out));
	return err_set(e, ERR_CORRUPT, "escrow record: malformed");
}
