/* test_seal_kdf.c: key derivation and digests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "seal/kdf.h"

static const uint8_t key[32] = "thirty-two bytes of a test key.";

static void
labels_are_unique(void **state)
{
	(void)state;
	for (int a = 0; a < SEAL_LABELS; a++) {
		const char *text = seal_label_text((enum seal_label)a);

		assert_non_null(text);
		assert_true(strlen(text) > strlen("restante  1"));
		assert_true(text_starts(text, "restante "));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(
			    text, seal_label_text((enum seal_label)b));
	}
}

/* The encoding, put together by hand and hashed in one piece. */
static void
encoding_is_lengths_and_bytes(void **state)
{
	const char *label = seal_label_text(SEAL_L_SLOT);
	uint8_t want[32], got[32];
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_add_u32(&b, (uint32_t)strlen(label)), 0);
	assert_int_equal(buf_adds(&b, label), 0);
	assert_int_equal(buf_add_u32(&b, 3), 0);
	assert_int_equal(buf_adds(&b, "one"), 0);
	assert_int_equal(buf_add_u32(&b, 0), 0);
	assert_int_equal(buf_add_u32(&b, 4), 0);
	assert_int_equal(buf_add(&b, "\0two", 4), 0);
	crypto_generichash(want, 32, b.data, b.len, key, 32);
	seal_kdf(got, 32, key, SEAL_L_SLOT,
	    (const struct seal_field[]){
		SEAL_FSTR("one"), SEAL_F(NULL, 0), SEAL_F("\0two", 4)},
	    3);
	assert_memory_equal(got, want, 32);
	buf_free(&b);
}

static void
other_inputs_give_other_keys(void **state)
{
	static const struct {
		const char *name;
		uint8_t first_of_key;
		enum seal_label label;
		struct seal_field f[3];
		size_t n;
	} cases[] = {
	    {"no field", 't', SEAL_L_LINK, {{"", 0}}, 0},
	    {"an empty field", 't', SEAL_L_LINK, {{"", 0}}, 1},
	    {"two empty fields", 't', SEAL_L_LINK, {{"", 0}, {"", 0}}, 2},
	    {"abc", 't', SEAL_L_LINK, {{"abc", 3}}, 1},
	    {"a, bc", 't', SEAL_L_LINK, {{"a", 1}, {"bc", 2}}, 2},
	    {"ab, c", 't', SEAL_L_LINK, {{"ab", 2}, {"c", 1}}, 2},
	    {"abc, empty", 't', SEAL_L_LINK, {{"abc", 3}, {"", 0}}, 2},
	    {"empty, abc", 't', SEAL_L_LINK, {{"", 0}, {"abc", 3}}, 2},
	    {"a length written as bytes", 't', SEAL_L_LINK,
		{{"a\0\0\0\2bc", 7}}, 1},
	    {"another label", 't', SEAL_L_LINK_ID, {{"abc", 3}}, 1},
	    {"another key", 'u', SEAL_L_LINK, {{"abc", 3}}, 1},
	};
	uint8_t out[sizeof(cases) / sizeof(cases[0])][32], k[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(k, key, 32);
		k[0] = cases[i].first_of_key;
		seal_kdf(out[i], 32, k, cases[i].label, cases[i].f, cases[i].n);
		for (size_t j = 0; j < i; j++) {
			if (memcmp(out[i], out[j], 32) == 0)
				fail_msg(
				    "%s is %s", cases[i].name, cases[j].name);
		}
	}
}

static void
lengths_of_output(void **state)
{
	uint8_t out[3][65];
	static const size_t lens[] = {16, 32, 64};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		memset(out[i], 0xee, sizeof(out[i]));
		seal_kdf(out[i], lens[i], key, SEAL_L_DIGEST, NULL, 0);
		assert_int_equal(out[i][lens[i]], 0xee);
	}
	/* A shorter result is not the front of a longer one. */
	assert_memory_not_equal(out[0], out[1], 16);
	assert_memory_not_equal(out[1], out[2], 32);
}

static void
hash_hex(enum seal_hash_kind kind, const char *text, size_t step, char hex[65])
{
	struct seal_hash *h = seal_hash_new(kind);
	size_t n = strlen(text);
	uint8_t out[32];

	assert_non_null(h);
	for (size_t i = 0; i < n; i += step)
		seal_hash_add(h, text + i, n - i < step ? n - i : step);
	seal_hash_add(h, NULL, 0);
	seal_hash_end(h, out);
	text_hex(out, 32, hex);
}

static void
digests_known_answers(void **state)
{
	static const struct {
		const char *name;
		enum seal_hash_kind kind;
		const char *text, *want;
	} cases[] = {
	    {"SHA-256 of nothing", SEAL_SHA256, "",
		"e3b0c44298fc1c149afbf4c8996fb924"
		"27ae41e4649b934ca495991b7852b855"},
	    {"SHA-256 of abc", SEAL_SHA256, "abc",
		"ba7816bf8f01cfea414140de5dae2223"
		"b00361a396177a9cb410ff61f20015ad"},
	    {"BLAKE2b-256 of nothing", SEAL_BLAKE2B, "",
		"0e5751c026e543b2e8ab2eb06099daa1"
		"d1e5df47778f7787faab45cdf12fe3a8"},
	    {"BLAKE2b-256 of abc", SEAL_BLAKE2B, "abc",
		"bddd813c634239723171ef3fee98579b"
		"94964e3bb1cb3e427262c8c068d52319"},
	};
	char whole[65], bytewise[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hash_hex(cases[i].kind, cases[i].text, 100, whole);
		if (strcmp(whole, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].name, whole);
		hash_hex(cases[i].kind, cases[i].text, 1, bytewise);
		assert_string_equal(bytewise, whole);
	}
	seal_hash_end(seal_hash_new(SEAL_SHA256), NULL);
	seal_hash_end(NULL, NULL);
}

static void
passwords(void **state)
{
	static const uint8_t salt[SEAL_SALT_LEN] = "0123456789abcdef";
	uint8_t a[32], b[32], want[32];

	(void)state;
	assert_int_equal(seal_password("correct horse", 13, salt, a), 0);
	assert_int_equal(crypto_pwhash(want, 32, "correct horse", 13, salt, 3,
			     (size_t)64 << 20, crypto_pwhash_ALG_ARGON2ID13),
	    0);
	assert_memory_equal(a, want, 32);
	assert_int_equal(seal_password("correct horsf", 13, salt, b), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(seal_password("", 0, salt, b), 0);
	assert_memory_not_equal(a, b, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_are_unique),
	    cmocka_unit_test(encoding_is_lengths_and_bytes),
	    cmocka_unit_test(other_inputs_give_other_keys),
	    cmocka_unit_test(lengths_of_output),
	    cmocka_unit_test(digests_known_answers),
	    cmocka_unit_test(passwords),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
