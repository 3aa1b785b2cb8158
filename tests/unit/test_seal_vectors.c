/*
 * test_seal_vectors.c: makes the vectors of doc/SEALED-FORMAT.md from fixed keys
 * and a random source that counts, and compares them with those kept in
 * tests/golden/sealed-vectors.json. GOLDEN_UPDATE=1 writes that file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/content.h"
#include "seal/token.h"

#define GOLDEN "tests/golden/sealed-vectors.json"

/* Chunks longer than this stand in the file as their SHA-256. */
#define HEX_MAX 2048

static uint8_t counter;

static const char *
counting_name(void)
{
	return "counting";
}

static uint32_t
counting_random(void)
{
	return counter++;
}

static void
counting_buf(void *const p, const size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = counter++;
}

static randombytes_implementation counting = {
    .implementation_name = counting_name,
    .random = counting_random,
    .buf = counting_buf,
};

/* n bytes counting up from `first`. */
static void
count_from(uint8_t first, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)(first + i);
}

static struct id
test_id(uint8_t first)
{
	struct id id;

	count_from(first, id.b, ID_LEN);
	return id;
}

static json_t *
hex(const void *p, size_t n)
{
	char *text = malloc(2 * n + 1);
	json_t *j;

	assert_non_null(text);
	text_hex(p, n, text);
	j = json_string(text);
	free(text);
	return j;
}

static json_t *
hex_id(const struct id *id)
{
	return hex(id->b, ID_LEN);
}

static void
set(json_t *o, const char *name, json_t *value)
{
	assert_int_equal(json_object_set_new(o, name, value), 0);
}

static json_t *
make_kdf(void)
{
	static const struct {
		enum seal_label label;
		size_t outlen;
		struct seal_field f[3];
		size_t n;
	} cases[] = {
	    {SEAL_L_DIGEST, 32, {{"", 0}}, 0},
	    {SEAL_L_SLOT, 32, {{"abc", 3}, {"", 0}, {"\0d", 2}}, 3},
	    {SEAL_L_SIGN, 64, {{"a longer field, of 33 octets here", 33}}, 1},
	    {SEAL_L_SESSION_ID, 16, {{"short", 5}}, 1},
	};
	json_t *list = json_array();
	uint8_t key[32], out[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *o = json_object(), *f = json_array();

		count_from((uint8_t)(i * 16), key, 32);
		seal_kdf(out, cases[i].outlen, key, cases[i].label, cases[i].f,
		    cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++)
			json_array_append_new(
			    f, hex(cases[i].f[k].p, cases[i].f[k].n));
		set(o, "label", json_string(seal_label_text(cases[i].label)));
		set(o, "key", hex(key, 32));
		set(o, "fields", f);
		set(o, "out", hex(out, cases[i].outlen));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
make_password(void)
{
	json_t *o = json_object();
	uint8_t salt[SEAL_SALT_LEN], out[32];

	count_from(0x10, salt, sizeof(salt));
	assert_int_equal(seal_password("correct horse", 13, salt, out), 0);
	set(o, "password", json_string("correct horse"));
	set(o, "salt", hex(salt, sizeof(salt)));
	set(o, "out", hex(out, 32));
	return o;
}

static void
set_place(json_t *o, enum seal_purpose purpose, const struct seal_bind *bind)
{
	set(o, "purpose", json_integer(purpose));
	set(o, "tenant", hex_id(&bind->tenant));
	set(o, "owner", hex_id(&bind->owner));
	set(o, "item", hex_id(&bind->item));
	set(o, "number", json_integer((json_int_t)bind->number));
}

static const struct seal_bind *
place(void)
{
	static struct seal_bind b;

	b = (struct seal_bind){
	    test_id(0x40), test_id(0x50), test_id(0x60), 0x010203};
	return &b;
}

static json_t *
make_wraps(void)
{
	static const char *const plains[] = {
	    "", "thirty-two octets of a secret kk"};
	json_t *list = json_array();
	uint8_t key[32];

	count_from(0x80, key, 32);
	for (size_t i = 0; i < 2; i++) {
		json_t *o = json_object();
		struct buf b = BUF_INIT;
		struct err e;

		counter = (uint8_t)(0xa0 + i);
		assert_int_equal(seal_wrap(key, SEAL_P_ACCOUNT_KEY, place(),
				     plains[i], strlen(plains[i]), &b, &e),
		    0);
		set(o, "key", hex(key, 32));
		set_place(o, SEAL_P_ACCOUNT_KEY, place());
		set(o, "plain", hex(plains[i], strlen(plains[i])));
		set(o, "blob", hex(b.data, b.len));
		json_array_append_new(list, o);
		buf_free(&b);
	}
	return list;
}

static json_t *
make_box(void)
{
	json_t *o = json_object();
	struct seal_pair to;
	struct buf b = BUF_INIT;
	uint8_t sk[32];
	struct err e;

	count_from(0x20, sk, 32);
	seal_pair_from(sk, &to);
	counter = 0x30;
	assert_int_equal(
	    seal_box_seal(to.pk, SEAL_P_ESCROW, place(), "boxed", 5, &b, &e),
	    0);
	count_from(0x30, sk, 32);
	set(o, "secret_key", hex(to.sk, 32));
	set(o, "public_key", hex(to.pk, 32));
	set(o, "ephemeral_secret_key", hex(sk, 32));
	set_place(o, SEAL_P_ESCROW, place());
	set(o, "plain", hex("boxed", 5));
	set(o, "blob", hex(b.data, b.len));
	buf_free(&b);
	return o;
}

static json_t *
make_slot(void)
{
	const struct seal_bind bind = {test_id(1), test_id(2), id_zero(), 9};
	uint8_t sk[32], shred[32], dek[32], slot[SEAL_SLOT_LEN], commit[32];
	struct seal_pair reader, ephemeral;
	json_t *o = json_object();
	struct err e;

	count_from(0x21, sk, 32);
	seal_pair_from(sk, &reader);
	count_from(0x43, sk, 32);
	seal_pair_from(sk, &ephemeral);
	count_from(0x65, shred, 32);
	count_from(0x87, dek, 32);
	counter = 0xc0;
	assert_int_equal(
	    seal_slot_seal(&ephemeral, reader.pk, shred, &bind, dek, slot, &e),
	    0);
	seal_dek_commit(dek, &bind.tenant, &bind.owner, commit);
	set(o, "reader_secret_key", hex(reader.sk, 32));
	set(o, "reader_public_key", hex(reader.pk, 32));
	set(o, "ephemeral_secret_key", hex(ephemeral.sk, 32));
	set(o, "ephemeral_public_key", hex(ephemeral.pk, 32));
	set(o, "shred_key", hex(shred, 32));
	set(o, "tenant", hex_id(&bind.tenant));
	set(o, "message", hex_id(&bind.owner));
	set(o, "number", json_integer(9));
	set(o, "data_key", hex(dek, 32));
	set(o, "data_key_commitment", hex(commit, 32));
	set(o, "slot", hex(slot, sizeof(slot)));
	return o;
}

static json_t *
make_signature(void)
{
	const struct seal_field f[] = {SEAL_FSTR("one"), SEAL_FSTR("")};
	uint8_t seed[32], sig[SEAL_SIG_LEN];
	struct seal_signer s;
	json_t *o = json_object();

	count_from(0x11, seed, 32);
	seal_signer_from_seed(seed, &s);
	seal_sign(&s, "envelope", f, 2, sig);
	set(o, "seed", hex(seed, 32));
	set(o, "public_key", hex(s.pk, 32));
	set(o, "what", json_string("envelope"));
	set(o, "fields", json_pack("[ss]", "6f6e65", ""));
	set(o, "signature", hex(sig, sizeof(sig)));
	return o;
}

static json_t *
make_certificate(void)
{
	static const char address[] = "Alice@Acme.example";
	uint8_t seed[32], cert[SEAL_CERT_LEN];
	struct seal_cert c = {.kind = SEAL_C_ACCOUNT,
	    .generation = 7,
	    .tenant = test_id(0x40),
	    .subject = test_id(0x50),
	    .version = 2,
	    .not_before = INT64_C(1795183080123456),
	    .not_after = INT64_C(1797775080123456)};
	struct seal_signer s;
	json_t *o = json_object();

	count_from(0x33, seed, 32);
	seal_signer_from_seed(seed, &s);
	count_from(0x90, c.pk, 32);
	seal_address_digest(&c.tenant, address, c.address);
	seal_cert_sign(&s, &c, cert);
	set(o, "signer_public_key", hex(s.pk, 32));
	set(o, "kind", json_integer(c.kind));
	set(o, "generation", json_integer(c.generation));
	set(o, "version", json_integer(c.version));
	set(o, "tenant", hex_id(&c.tenant));
	set(o, "subject", hex_id(&c.subject));
	set(o, "address", json_string(address));
	set(o, "address_digest", hex(c.address, 32));
	set(o, "public_key", hex(c.pk, 32));
	set(o, "not_before", json_integer(c.not_before));
	set(o, "not_after", json_integer(c.not_after));
	set(o, "certificate", hex(cert, sizeof(cert)));
	return o;
}

static json_t *
make_link(void)
{
	uint8_t secret[SEAL_LINK_BYTES], half[32], out[32];
	struct id tenant = test_id(0x40), notice = test_id(0x70);
	char text[SEAL_LINK_LEN];
	json_t *o = json_object();

	counter = 0xe1;
	seal_link_new(secret, text);
	count_from(0x55, half, 32);
	set(o, "text", json_string(text));
	set(o, "secret", hex(secret, sizeof(secret)));
	seal_link_hash(secret, out);
	set(o, "hash", hex(out, 32));
	set(o, "half", hex(half, 32));
	set(o, "tenant", hex_id(&tenant));
	set(o, "notice", hex_id(&notice));
	seal_link_key(secret, half, &tenant, &notice, out);
	set(o, "key", hex(out, 32));
	return o;
}

static json_t *
make_records(void)
{
	const struct seal_item i = {.kind = SEAL_I_CODE,
	    .address = "bob@globex.example",
	    .secret = "7KQF2M9X",
	    .reference = "A7"};
	struct seal_escrow r = {.slot_id = 0x01020304,
	    .address = "bob@globex.example",
	    .expires = INT64_C(1795183080123456),
	    .has_key = 1};
	json_t *o = json_object();
	struct buf b = BUF_INIT;

	assert_int_equal(seal_item_encode(&i, &b), 0);
	set(o, "item",
	    json_pack("{s:i,s:s,s:s,s:s,s:o}", "kind", (int)i.kind, "address",
		i.address, "secret", i.secret, "reference", i.reference,
		"bytes", hex(b.data, b.len)));
	buf_clear(&b);
	count_from(0x77, r.sk, 32);
	assert_int_equal(seal_escrow_encode(&r, &b), 0);
	set(o, "escrow",
	    json_pack("{s:I,s:s,s:I,s:o,s:o}", "slot_id", (json_int_t)r.slot_id,
		"address", r.address, "expires", (json_int_t)r.expires,
		"secret_key", hex(r.sk, 32), "bytes", hex(b.data, b.len)));
	buf_free(&b);
	return o;
}

static int
list_chunk(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	uint8_t digest[32];
	char text[80] = "sha256:";

	(void)seq;
	(void)e;
	if (n <= HEX_MAX)
		return json_array_append_new(arg, hex(p, n));
	crypto_hash_sha256(digest, p, n);
	text_hex(digest, 32, text + 7);
	return json_array_append_new(arg, json_string(text));
}

/* Content that does not compress: BLAKE2b-512 of 0, 1, 2, ... as 32-bit numbers. */
static uint8_t *
dense(size_t n)
{
	uint8_t *p = malloc(n + 64);
	uint8_t be[4];

	assert_non_null(p);
	for (size_t i = 0; i * 64 < n; i++) {
		for (int k = 0; k < 4; k++)
			be[k] = (uint8_t)(i >> (24 - 8 * k));
		crypto_generichash(p + i * 64, 64, be, 4, NULL, 0);
	}
	return p;
}

static json_t *
make_content(const char *rule, const uint8_t *clear, size_t n)
{
	const struct id tenant = test_id(0x40), message = test_id(0x50);
	json_t *o = json_object(), *chunks = json_array();
	struct seal_writer *w;
	uint8_t dek[32];
	struct err e;

	count_from(0x0f, dek, 32);
	counter = 0xd0;
	w = seal_writer_new(dek, &tenant, &message, 5, list_chunk, chunks);
	assert_non_null(w);
	assert_int_equal(seal_writer_add(w, clear, n, &e), 0);
	assert_int_equal(seal_writer_end(w, &e), 0);
	set(o, "clear", json_string(rule));
	set(o, "length", json_integer((json_int_t)n));
	set(o, "data_key", hex(dek, 32));
	set(o, "tenant", hex_id(&tenant));
	set(o, "message", hex_id(&message));
	set(o, "part", json_integer(5));
	set(o, "header", hex(seal_writer_header(w), SEAL_CONTENT_HEADER));
	set(o, "chunks", chunks);
	seal_writer_free(w);
	return o;
}

static json_t *
make_contents(void)
{
	static const size_t lens[] = {0, 13, 65536, 65541};
	json_t *list = json_array();

	for (size_t i = 0; i < 4; i++) {
		uint8_t *p = dense(lens[i]);

		json_array_append_new(list, make_content("dense", p, lens[i]));
		free(p);
	}
	return list;
}

/* One chunk, and the random part of its nonce in front of it. */
static json_t *
make_loose(void)
{
	const struct id tenant = test_id(0x40), file = test_id(0x60);
	uint8_t dek[32], header[SEAL_CONTENT_HEADER], *p = dense(13);
	struct seal_chunker *c;
	json_t *o = json_object();
	struct buf b = BUF_INIT;
	struct err e;

	count_from(0x1f, dek, 32);
	counter = 0xa0;
	seal_loose_header(dek, &tenant, &file, 1, header);
	assert_int_equal(
	    seal_chunker_new(dek, &tenant, &file, 1, header, &c, &e), 0);
	assert_int_equal(seal_chunker_add(c, 0, 1, p, 13, &b, &e), 0);
	set(o, "clear", json_string("dense"));
	set(o, "length", json_integer(13));
	set(o, "data_key", hex(dek, 32));
	set(o, "tenant", hex_id(&tenant));
	set(o, "message", hex_id(&file));
	set(o, "part", json_integer(1));
	set(o, "header", hex(header, sizeof(header)));
	set(o, "chunks", json_pack("[o]", hex(b.data, b.len)));
	seal_chunker_free(c);
	buf_free(&b);
	free(p);
	return o;
}

#define LETTER    "Restante keeps your letter until it is called for. "
#define LETTERS   2000
#define LETTERS_N (LETTERS * (sizeof(LETTER) - 1))

static uint8_t *
letters(void)
{
	uint8_t *p = malloc(LETTERS_N);

	assert_non_null(p);
	for (size_t i = 0; i < LETTERS_N; i++)
		p[i] = (uint8_t)LETTER[i % (sizeof(LETTER) - 1)];
	return p;
}

static json_t *
make_all(void)
{
	json_t *o = json_object();
	uint8_t *p = letters();

	set(o, "kdf", make_kdf());
	set(o, "password", make_password());
	set(o, "wrap", make_wraps());
	set(o, "signature", make_signature());
	set(o, "certificate", make_certificate());
	set(o, "box", make_box());
	set(o, "slot", make_slot());
	set(o, "content", make_contents());
	set(o, "content_zstd", make_content("repeat: " LETTER, p, LETTERS_N));
	set(o, "content_loose", make_loose());
	set(o, "link", make_link());
	set(o, "records", make_records());
	free(p);
	return o;
}

static json_t *
kept(void)
{
	json_error_t je;
	json_t *o = json_load_file(GOLDEN, JSON_REJECT_DUPLICATES, &je);

	if (o == NULL)
		fail_msg("%s: %s", GOLDEN, je.text);
	return o;
}

static void
vectors_are_the_kept_ones(void **state)
{
	json_t *made = make_all(), *golden, *value;
	const char *name;

	(void)state;
	if (getenv("GOLDEN_UPDATE") != NULL)
		assert_int_equal(
		    json_dump_file(made, GOLDEN, JSON_INDENT(1)), 0);
	golden = kept();
	assert_int_equal(json_object_size(made), json_object_size(golden));
	json_object_foreach(made, name, value)
	{
		/* What zstd writes is its version's business. */
		if (strcmp(name, "content_zstd") == 0)
			continue;
		if (!json_equal(value, json_object_get(golden, name)))
			fail_msg("%s differs", name);
	}
	json_decref(made);
	json_decref(golden);
}

static const uint8_t *
unhex(const json_t *o, const char *name, uint8_t *out, size_t n)
{
	assert_int_equal(
	    text_unhex(json_string_value(json_object_get(o, name)), out, n), 0);
	return out;
}

/* The kept compressed chunks open, whatever version of zstd is here. */
static void
kept_compressed_content_opens(void **state)
{
	json_t *golden = kept(), *o = json_object_get(golden, "content_zstd");
	json_t *chunks = json_object_get(o, "chunks");
	uint8_t dek[32], header[SEAL_CONTENT_HEADER], sealed[HEX_MAX];
	uint8_t *p = letters();
	struct seal_opener *opener;
	struct buf out = BUF_INIT;
	struct id tenant, message;
	struct err e = {0};

	(void)state;
	unhex(o, "data_key", dek, 32);
	unhex(o, "tenant", tenant.b, ID_LEN);
	unhex(o, "message", message.b, ID_LEN);
	unhex(o, "header", header, sizeof(header));
	assert_int_equal(
	    seal_opener_new(dek, &tenant, &message, 5, header, &opener, &e), 0);
	assert_int_equal(json_array_size(chunks), 2);
	for (uint32_t i = 0; i < 2; i++) {
		const char *text = json_string_value(json_array_get(chunks, i));
		size_t n = strlen(text) / 2;

		assert_true(n <= sizeof(sealed));
		assert_int_equal(text_unhex(text, sealed, n), 0);
		assert_int_equal(
		    seal_opener_chunk(opener, i, i == 1, sealed, n, &out, &e),
		    0);
	}
	assert_int_equal(out.len, LETTERS_N);
	assert_memory_equal(out.data, p, LETTERS_N);
	seal_opener_free(opener);
	buf_free(&out);
	json_decref(golden);
	free(p);
}

static int
use_counting(void **state)
{
	(void)state;
	return randombytes_set_implementation(&counting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_are_the_kept_ones),
	    cmocka_unit_test(kept_compressed_content_opens),
	};

	return cmocka_run_group_tests(tests, use_counting, NULL);
}
