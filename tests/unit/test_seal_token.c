/* test_seal_token.c: codes, link secrets, and the records boxed to keyd. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/token.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
new_codes(void **state)
{
	char a[SEAL_PICKUP_LEN], b[SEAL_CODE_LEN], back[SEAL_PICKUP_LEN];
	char shown[10];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		seal_pickup_new(a);
		seal_code_new(b);
		assert_int_equal(strlen(a), 8);
		assert_int_equal(
		    strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 8);
		assert_string_not_equal(a, b);
		seal_pickup_show(a, shown);
		assert_int_equal(shown[4], '-');
		assert_int_equal(strlen(shown), 9);
		assert_int_equal(seal_pickup_parse(shown, back), 0);
		assert_string_equal(back, a);
		assert_int_equal(seal_code_parse(b, back), 0);
		assert_string_equal(back, b);
	}
}

static void
codes_as_people_type_them(void **state)
{
	static const struct {
		const char *name, *typed, *want;
	} cases[] = {
	    {"as shown", "7KQF-2M9X", "7KQF2M9X"},
	    {"lower case", "7kqf2m9x", "7KQF2M9X"},
	    {"spaces about", "  7KQF 2M9X ", "7KQF2M9X"},
	    {"look-alikes", "oIlO-0L1i", "01100111"},
	    {"too short", "7KQF-2M9", NULL},
	    {"too long", "7KQF-2M9XX", NULL},
	    {"a letter that is none", "7KQF-2M9U", NULL},
	    {"line break", "7KQF-2M9X\n", NULL},
	    {"nothing", "", NULL},
	    {"very long", "7KQF2M9X7KQF2M9X7KQF2M9X7KQF2M9X7KQF2M9X7KQF2M9X",
		NULL},
	};
	char out[SEAL_PICKUP_LEN];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int r = seal_pickup_parse(cases[i].typed, out);

		if (r != (cases[i].want == NULL ? -1 : 0) ||
		    strcmp(out, cases[i].want == NULL ? "" : cases[i].want))
			fail_msg("%s: %s", cases[i].name, out);
	}
}

static void
link_secrets(void **state)
{
	uint8_t a[SEAL_LINK_BYTES], b[SEAL_LINK_BYTES];
	char text[SEAL_LINK_LEN], upper[SEAL_LINK_LEN];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		seal_link_new(a, text);
		assert_int_equal(strlen(text), 26);
		assert_int_equal(
		    strspn(text, "0123456789abcdefghjkmnpqrstvwxyz"), 26);
		assert_int_equal(a[16] & 0x3f, 0);
		assert_int_equal(seal_link_parse(text, 26, b), 0);
		assert_memory_equal(a, b, SEAL_LINK_BYTES);
		for (size_t k = 0; k < 27; k++)
			upper[k] = (char)(text[k] >= 'a' ? text[k] - 32 :
							   text[k]);
		assert_int_equal(seal_link_parse(upper, 26, b), 0);
		assert_memory_equal(a, b, SEAL_LINK_BYTES);
	}
}

static void
malformed_link_secrets(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
	} cases[] = {
	    {"nothing", "", 0},
	    {"one short", "0123456789abcdefghjkmnpqr", 25},
	    {"one long", "0123456789abcdefghjkmnpqrst", 27},
	    {"two long", "0123456789abcdefghjkmnpqrs00", 28},
	    {"a hyphen in it", "0123456789abc-efghjkmnpqrs", 26},
	    {"a space in it", "0123456789abc efghjkmnpqrs", 26},
	    {"a NUL in it", "0123456789abc\0efghjkmnpqrs", 26},
	    {"a letter that is none", "0123456789abcuefghjkmnpqrs", 26},
	    {"percent sign", "0123456789abc%efghjkmnpqrs", 26},
	    {"high byte",
		"0123456789abc\xe9"
		"efghjkmnpqrs",
		26},
	};
	static const uint8_t zero[SEAL_LINK_BYTES];
	uint8_t out[SEAL_LINK_BYTES];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(out, 0xff, sizeof(out));
		if (seal_link_parse(cases[i].text, cases[i].n, out) != -1 ||
		    memcmp(out, zero, sizeof(out)) != 0)
			fail_msg("%s", cases[i].name);
	}
	assert_int_equal(
	    seal_link_parse("0123456789abcdefghjkmnpqrsGARBAGE", 26, out), 0);
}

static void
link_keys(void **state)
{
	uint8_t secret[SEAL_LINK_BYTES], other[SEAL_LINK_BYTES], half[32];
	struct id t = id_new(), n = id_new();
	char text[SEAL_LINK_LEN];
	uint8_t key[32], k2[32], hash[32];

	(void)state;
	seal_link_new(secret, text);
	seal_link_new(other, text);
	secret_random(half, sizeof(half));
	seal_link_key(secret, half, &t, &n, key);
	seal_link_hash(secret, hash);
	assert_memory_not_equal(key, hash, 32);
	seal_link_hash(other, k2);
	assert_memory_not_equal(hash, k2, 32);
	seal_link_key(secret, half, &t, &n, k2);
	assert_memory_equal(key, k2, 32);
	seal_link_key(other, half, &t, &n, k2);
	assert_memory_not_equal(key, k2, 32);
	seal_link_key(secret, half, &n, &t, k2);
	assert_memory_not_equal(key, k2, 32);
	half[0] ^= 1;
	seal_link_key(secret, half, &t, &n, k2);
	assert_memory_not_equal(key, k2, 32);
}

/* A string of n times c. */
static char *
times(char *out, char c, size_t n)
{
	memset(out, c, n);
	out[n] = '\0';
	return out;
}

static void
items_round_trip(void **state)
{
	struct seal_item i = {.kind = SEAL_I_CODE,
			     .address = "bob@globex.example",
			     .secret = "7KQF2M9X",
			     .reference = "A7"},
			 o;
	struct buf b = BUF_INIT;
	struct err e = {0};

	(void)state;
	assert_int_equal(seal_item_encode(&i, &b), 0);
	assert_int_equal(seal_item_decode(b.data, b.len, &o, &e), 0);
	assert_int_equal(o.kind, SEAL_I_CODE);
	assert_string_equal(o.address, i.address);
	assert_string_equal(o.secret, i.secret);
	assert_string_equal(o.reference, i.reference);
	buf_clear(&b);

	/* Everything at its limit. */
	i.kind = SEAL_I_NOTICE;
	times(i.address, 'a', LIMIT_ADDRESS);
	times(i.secret, 's', SEAL_LINK_LEN - 1);
	times(i.reference, 'r', 7);
	assert_int_equal(seal_item_encode(&i, &b), 0);
	assert_int_equal(seal_item_decode(b.data, b.len, &o, &e), 0);
	assert_string_equal(o.address, i.address);
	assert_string_equal(o.secret, i.secret);
	buf_clear(&b);

	i.kind = SEAL_I_NOTICE_ACCOUNT;
	i.secret[0] = i.reference[0] = '\0';
	assert_int_equal(seal_item_encode(&i, &b), 0);
	assert_int_equal(seal_item_decode(b.data, b.len, &o, &e), 0);
	assert_string_equal(o.secret, "");

	/* An array without its NUL is not read past its end. */
	buf_clear(&b);
	memset(i.reference, 'r', sizeof(i.reference));
	assert_int_equal(seal_item_encode(&i, &b), -1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
escrow_round_trips(void **state)
{
	struct seal_escrow r = {.slot_id = UINT64_C(0x0102030405060708),
			       .address = "bob@globex.example",
			       .expires = INT64_C(1795183080123456),
			       .has_key = 1},
			   o;
	struct buf b = BUF_INIT;
	struct err e = {0};
	static const uint8_t zero[32];

	(void)state;
	secret_random(r.sk, sizeof(r.sk));
	assert_int_equal(seal_escrow_encode(&r, &b), 0);
	assert_int_equal(seal_escrow_decode(b.data, b.len, &o, &e), 0);
	assert_true(o.slot_id == r.slot_id);
	assert_true(o.expires == r.expires);
	assert_int_equal(o.has_key, 1);
	assert_string_equal(o.address, r.address);
	assert_memory_equal(o.sk, r.sk, 32);
	buf_clear(&b);

	r.has_key = 0;
	assert_int_equal(seal_escrow_encode(&r, &b), 0);
	assert_int_equal(seal_escrow_decode(b.data, b.len, &o, &e), 0);
	assert_int_equal(o.has_key, 0);
	assert_memory_equal(o.sk, zero, 32);
	buf_clear(&b);

	memset(r.address, 'a', sizeof(r.address));
	assert_int_equal(seal_escrow_encode(&r, &b), -1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
malformed_items(void **state)
{
	static const struct {
		const char *name;
		const char *p;
		size_t n;
		int want;
	} cases[] = {
	    {"control", "\1\1\3a@b\2xy\1r", 11, 0},
	    {"empty", "", 0, -1},
	    {"another version", "\3\1\3a@b\2xy\1r", 11, -1},
	    {"without its original", "\2\1\3a@b\2xy\1r", 11, -1},
	    {"with it", "\2\1\3a@b\2xy\1r\1o", 13, 0},
	    {"original in the first version", "\1\1\3a@b\2xy\1r\1o", 13, -1},
	    {"kind 0", "\1\0\3a@b\2xy\1r", 11, -1},
	    {"kind 6", "\1\6\3a@b\2xy\1r", 11, -1},
	    {"no address", "\1\1\0\2xy\1r", 8, -1},
	    {"a byte more", "\1\1\3a@b\2xy\1r\0", 12, -1},
	    {"cut in the last", "\1\1\3a@b\2xy\1", 10, -1},
	    {"length past the end", "\1\1\3a@b\2xy\7r", 11, -1},
	    {"reference too long", "\1\1\3a@b\2xy\10rrrrrrrr", 18, -1},
	    {"NUL in the address", "\1\1\3a\0b\2xy\1r", 11, -1},
	    {"line break in the address", "\1\1\3a\nb\2xy\1r", 11, -1},
	    {"DEL in the secret", "\1\1\3a@b\2x\177\1r", 11, -1},
	};
	struct seal_item o, none;
	struct err e;

	(void)state;
	memset(&none, 0, sizeof(none));
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t *p = malloc(cases[i].n + (cases[i].n == 0));
		int r;

		assert_non_null(p);
		memcpy(p, cases[i].p, cases[i].n);
		r = seal_item_decode(p, cases[i].n, &o, &e);
		if (r != cases[i].want)
			fail_msg("%s", cases[i].name);
		if (r == -1) {
			assert_int_equal(e.code, ERR_CORRUPT);
			assert_memory_equal(&o, &none, sizeof(o));
		}
		free(p);
	}
}

/* Cut anywhere, or with any byte another, a record is refused or reads as a whole one. */
static void
hostile_records(void **state)
{
	struct seal_escrow r = {.slot_id = 5,
			       .address = "bob@globex.example",
			       .expires = 6,
			       .has_key = 1},
			   o;
	struct buf b = BUF_INIT, again = BUF_INIT;
	struct seal_item item;
	uint8_t junk[400];
	struct err e;

	(void)state;
	assert_int_equal(seal_escrow_encode(&r, &b), 0);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(seal_escrow_decode(b.data, n, &o, &e), -1);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t was = b.data[i];

		for (int v = 0; v < 256; v++) {
			b.data[i] = (uint8_t)v;
			if (seal_escrow_decode(b.data, b.len, &o, &e) == -1)
				continue;
			/* One record, one spelling. */
			buf_clear(&again);
			assert_int_equal(seal_escrow_encode(&o, &again), 0);
			assert_int_equal(again.len, b.len);
			assert_memory_equal(again.data, b.data, b.len);
		}
		b.data[i] = was;
	}
	for (int k = 0; k < 50000; k++) {
		size_t n = secret_uniform(sizeof(junk) + 1);

		secret_random(junk, n);
		junk[0] = 1;
		junk[1] &= 3;
		(void)!seal_escrow_decode(junk, n, &o, &e);
		(void)!seal_item_decode(junk, n, &item, &e);
	}
	buf_free(&b);
	buf_free(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new_codes),
	    cmocka_unit_test(codes_as_people_type_them),
	    cmocka_unit_test(link_secrets),
	    cmocka_unit_test(malformed_link_secrets),
	    cmocka_unit_test(link_keys),
	    cmocka_unit_test(items_round_trip),
	    cmocka_unit_test(escrow_round_trips),
	    cmocka_unit_test(malformed_items),
	    cmocka_unit_test(hostile_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
