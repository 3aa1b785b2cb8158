/*
 * fuzz_seal.c: hostile bytes for the decoders of base/ and seal/. The first byte
 * says which; keys are fixed. Where a decoder accepts, writing again must give
 * the same bytes: one thing, one spelling.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/content.h"
#include "seal/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const uint8_t key[32] = "a key that is known to everyone";
static const struct seal_bind place;

static void
must(int so)
{
	if (!so)
		abort();
}

static void
sealed(const uint8_t *p, size_t n)
{
	struct buf out = BUF_INIT;
	struct seal_pair pair;
	struct seal_cert cert;
	uint8_t dek[32];
	struct err e;

	seal_pair_from(key, &pair);
	must(seal_unwrap(key, SEAL_P_LINK, &place, p, n, &out, &e) == -1);
	must(seal_box_open(&pair, SEAL_P_ESCROW, &place, p, n, &out, &e) == -1);
	must(seal_slot_open(&pair, pair.pk, key, &place, p, n, dek, &e) == -1);
	must(seal_cert_open(pair.pk, p, n, &cert, &e) == -1);
	must(out.len == 0);
	buf_free(&out);
}

static int
discard(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)seq;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

static void
chunk(const uint8_t *p, size_t n)
{
	struct seal_writer *w;
	struct seal_opener *o;
	struct buf out = BUF_INIT;
	struct err e;

	w = seal_writer_new(key, &place.tenant, &place.owner, 0, discard, NULL);
	must(w != NULL);
	must(seal_opener_new(key, &place.tenant, &place.owner, 0,
		 seal_writer_header(w), &o, &e) == 0);
	must(seal_opener_chunk(o, 0, 1, p, n, &out, &e) == -1);
	seal_opener_free(o);
	seal_writer_free(w);
	buf_free(&out);
}

static void
records(const uint8_t *p, size_t n)
{
	struct seal_item item;
	struct seal_escrow escrow;
	struct buf out = BUF_INIT;
	struct err e;

	if (seal_item_decode(p, n, &item, &e) == 0) {
		must(seal_item_encode(&item, &out) == 0);
		must(out.len == n && memcmp(out.data, p, n) == 0);
	}
	buf_clear(&out);
	if (seal_escrow_decode(p, n, &escrow, &e) == 0) {
		must(seal_escrow_encode(&escrow, &out) == 0);
		must(out.len == n && memcmp(out.data, p, n) == 0);
	}
	buf_free(&out);
}

static void
typed(const uint8_t *p, size_t n)
{
	struct buf s = BUF_INIT, out = BUF_INIT;
	char code[SEAL_PICKUP_LEN], again[SEAL_PICKUP_LEN];
	uint8_t secret[SEAL_LINK_BYTES], raw[64];
	struct id id;

	must(buf_add(&s, p, n) == 0);
	if (seal_pickup_parse(buf_cstr(&s), code) == 0)
		must(seal_pickup_parse(code, again) == 0 &&
		    strcmp(code, again) == 0);
	(void)!seal_link_parse((const char *)p, n, secret);
	(void)!id_parse(buf_cstr(&s), &id);
	(void)!id_unbase32(buf_cstr(&s), raw, n % sizeof(raw));
	(void)!text_unbase64url(buf_cstr(&s), raw, n % sizeof(raw));
	(void)!text_unhex(buf_cstr(&s), raw, n % sizeof(raw));
	(void)!text_unbase64((const char *)p, n, &out);
	buf_clear(&out);
	must(text_show(&out, (const char *)p, n) == 0);
	must(text_is_utf8(buf_cstr(&out), out.len));
	buf_free(&s);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static void (*const decoders[])(const uint8_t *, size_t) = {
	    sealed, chunk, records, typed};

	if (n > 0)
		decoders[p[0] % 4](p + 1, n - 1);
	return 0;
}
