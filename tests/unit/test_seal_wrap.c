/* test_seal_wrap.c: RSW1 opens with its key, in its place, unchanged; else not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "seal/wrap.h"

static uint8_t key[32];
static struct seal_bind place;

static int
fresh(void **state)
{
	(void)state;
	secret_random(key, sizeof(key));
	place = (struct seal_bind){id_new(), id_new(), id_new(), 7};
	return 0;
}

/* The code seal_unwrap() gives; what it appended is checked against plain. */
static enum err_code
open_as(const uint8_t *k, enum seal_purpose purpose,
    const struct seal_bind *bind, const void *blob, size_t n, const char *plain)
{
	struct err e = {0};
	struct buf out = BUF_INIT;
	int r;

	assert_int_equal(buf_adds(&out, "kept"), 0);
	r = seal_unwrap(k, purpose, bind, blob, n, &out, &e);
	assert_memory_equal(out.data, "kept", 4);
	if (r == 0) {
		assert_int_equal(e.code, ERR_NONE);
		assert_int_equal(out.len, 4 + strlen(plain));
		assert_memory_equal(out.data + 4, plain, strlen(plain));
	} else {
		assert_int_equal(out.len, 4);
		assert_int_not_equal(e.code, ERR_NONE);
	}
	buf_free(&out);
	return e.code;
}

static struct buf
sealed(const char *plain)
{
	struct buf b = BUF_INIT;
	struct err e = {0};

	assert_int_equal(seal_wrap(key, SEAL_P_SESSION, &place, plain,
			     strlen(plain), &b, &e),
	    0);
	assert_int_equal(b.len, strlen(plain) + SEAL_WRAP_OVERHEAD);
	return b;
}

static void
round_trips(void **state)
{
	static char big[100001];
	const char *texts[] = {
	    "", "x", "thirty-two bytes of a secret key", big};

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf b = sealed(texts[i]), again = sealed(texts[i]);

		assert_int_equal(open_as(key, SEAL_P_SESSION, &place, b.data,
				     b.len, texts[i]),
		    ERR_NONE);
		/* Never twice the same, and nothing tells the key is. */
		assert_memory_equal(b.data, again.data, 8);
		for (size_t at = 8; at < 64; at += 8)
			assert_memory_not_equal(
			    b.data + at, again.data + at, 8);
		buf_free(&b);
		buf_free(&again);
	}
}

static void
layout(void **state)
{
	struct buf b = sealed("x");

	(void)state;
	assert_memory_equal(b.data, "RSW1\x01\x03\x00\x00", 8);
	buf_free(&b);
}

static void
every_changed_bit_is_found(void **state)
{
	struct buf b = sealed("the secret");

	(void)state;
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			enum err_code want = ERR_CORRUPT, got;

			/* Nonce and commitment are what names the key. */
			if (i >= 8 && i < 64)
				want = ERR_DENIED;
			b.data[i] ^= (uint8_t)(1 << bit);
			got = open_as(
			    key, SEAL_P_SESSION, &place, b.data, b.len, "");
			if (got != want)
				fail_msg("byte %zu: %d", i, (int)got);
			b.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_int_equal(
	    open_as(key, SEAL_P_SESSION, &place, b.data, b.len, "the secret"),
	    ERR_NONE);
	buf_free(&b);
}

static void
every_other_length_is_found(void **state)
{
	struct buf b = sealed("the secret");
	size_t n = b.len;

	(void)state;
	/* In a block of its own, so that a sanitizer sees a step past it. */
	for (size_t len = 0; len < n; len++) {
		uint8_t *p = malloc(len + (len == 0));

		assert_non_null(p);
		memcpy(p, b.data, len);
		assert_int_equal(
		    open_as(key, SEAL_P_SESSION, &place, p, len, ""),
		    ERR_CORRUPT);
		free(p);
	}
	assert_int_equal(buf_add_u8(&b, 0), 0);
	assert_int_equal(
	    open_as(key, SEAL_P_SESSION, &place, b.data, b.len, ""),
	    ERR_CORRUPT);
	assert_int_equal(
	    open_as(key, SEAL_P_SESSION, &place, NULL, 0, ""), ERR_CORRUPT);
	buf_free(&b);
}

static void
another_key_is_denied(void **state)
{
	struct buf b = sealed("the secret");

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		key[i] ^= 1;
		assert_int_equal(
		    open_as(key, SEAL_P_SESSION, &place, b.data, b.len, ""),
		    ERR_DENIED);
		key[i] ^= 1;
	}
	buf_free(&b);
}

static void
another_purpose_is_refused(void **state)
{
	struct buf b = sealed("the secret");

	(void)state;
	for (int p = 0; p < 256; p++) {
		enum err_code want = p == SEAL_P_SESSION ? ERR_NONE :
							   ERR_CORRUPT;

		assert_int_equal(open_as(key, (enum seal_purpose)p, &place,
				     b.data, b.len, "the secret"),
		    want);
	}
	/* Relabelled by whoever holds the row. */
	b.data[5] = SEAL_P_SLOT;
	assert_int_equal(
	    open_as(key, SEAL_P_SLOT, &place, b.data, b.len, ""), ERR_CORRUPT);
	buf_free(&b);
}

static void
another_place_is_refused(void **state)
{
	struct buf b = sealed("the secret");
	struct seal_bind o;

	(void)state;
#define MOVED(change)                                                    \
	do {                                                             \
		o = place;                                               \
		change;                                                  \
		assert_int_equal(                                        \
		    open_as(key, SEAL_P_SESSION, &o, b.data, b.len, ""), \
		    ERR_CORRUPT);                                        \
	} while (0)
	MOVED(o.tenant = id_new());
	MOVED(o.owner = id_new());
	MOVED(o.item = id_new());
	MOVED(o.number = 8);
	MOVED(o.number = UINT64_C(7) << 32);
	MOVED(o.tenant = place.owner; o.owner = place.tenant);
	MOVED(o.item = place.owner; o.owner = place.item);
	MOVED(memset(&o, 0, sizeof(o)));
#undef MOVED
	buf_free(&b);
}

static void
random_bytes_never_open(void **state)
{
	uint8_t junk[300];
	struct buf b = sealed("the secret");

	(void)state;
	for (int k = 0; k < 20000; k++) {
		size_t n = secret_uniform(sizeof(junk) + 1);

		secret_random(junk, n);
		/* Half of them begin as a real one does. */
		if (k & 1)
			memcpy(junk, b.data,
			    n < 8 + (unsigned)k % 57 ? n :
						       8 + (unsigned)k % 57);
		assert_int_not_equal(
		    open_as(key, SEAL_P_SESSION, &place, junk, n, ""),
		    ERR_NONE);
	}
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(round_trips, fresh),
	    cmocka_unit_test_setup(layout, fresh),
	    cmocka_unit_test_setup(every_changed_bit_is_found, fresh),
	    cmocka_unit_test_setup(every_other_length_is_found, fresh),
	    cmocka_unit_test_setup(another_key_is_denied, fresh),
	    cmocka_unit_test_setup(another_purpose_is_refused, fresh),
	    cmocka_unit_test_setup(another_place_is_refused, fresh),
	    cmocka_unit_test_setup(random_bytes_never_open, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
