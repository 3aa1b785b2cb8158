/* test_desk_ring.c: a session's key ring as bytes, and bytes that are none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

/* Every field differs from every other, and none is zero. */
static void
fill(struct desk_ring *r, uint32_t keys)
{
	memset(r, 0, sizeof(*r));
	r->n_key = keys;
	for (uint32_t i = 0; i < keys; i++) {
		r->key[i].version = 0x01020304 + i;
		memset(r->key[i].sk, 0x10 + (int)i, sizeof(r->key[i].sk));
	}
	r->has_proof = 1;
	memset(r->proof, 0x21, sizeof(r->proof));
	r->has_link = 1;
	memset(r->link, 0x22, sizeof(r->link));
	memcpy(r->pickup, "7KQF2M9X", sizeof(r->pickup));
	for (int i = 0; i < RING_HANDLES; i++)
		memset(r->handle[i].b, 0x30 + i, ID_LEN);
	memcpy(r->reference, "A4T", 4);
	r->code_sent = INT64_C(1700000000000001);
	r->code_expires = INT64_C(1700000900000002);
}

static void
comes_back_as_it_was(void **state)
{
	struct desk_ring *a = ring_new(), *b = ring_new();
	struct buf bytes = BUF_INIT;

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	for (uint32_t keys = 0; keys <= RING_KEYS; keys++) {
		fill(a, keys);
		buf_clear(&bytes);
		assert_int_equal(ring_encode(a, &bytes), 0);
		memset(b, 0, sizeof(*b));
		assert_int_equal(ring_decode(bytes.data, bytes.len, b), 0);
		assert_memory_equal(a, b, sizeof(*a));
	}
	buf_free(&bytes);
	ring_free(a);
	ring_free(b);
	ring_free(NULL);
}

static void
a_fresh_one_opens_nothing(void **state)
{
	struct desk_ring *a = ring_new(), b;
	struct buf bytes = BUF_INIT;

	(void)state;
	memset(&b, 0, sizeof(b));
	assert_int_equal(ring_encode(a, &bytes), 0);
	assert_int_equal(ring_decode(bytes.data, bytes.len, &b), 0);
	assert_int_equal(b.n_key, 0);
	assert_int_equal(b.has_proof, 0);
	assert_int_equal(b.has_link, 0);
	buf_free(&bytes);
	ring_free(a);
}

/* Each in a block of its own length: a read past it is seen by ASan. */
static int
decode(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	struct desk_ring r;
	int ret;

	assert_non_null(copy);
	memcpy(copy, p, n);
	memset(&r, 0, sizeof(r));
	ret = ring_decode(copy, n, &r);
	/* Whatever it says: never more keys than there is room for. */
	if (ret == 0)
		assert_true(r.n_key <= RING_KEYS);
	free(copy);
	return ret;
}

static void
no_length_but_its_own(void **state)
{
	struct desk_ring r;
	struct buf bytes = BUF_INIT;

	(void)state;
	fill(&r, 3);
	assert_int_equal(ring_encode(&r, &bytes), 0);
	for (size_t n = 0; n < bytes.len; n++)
		assert_int_equal(decode(bytes.data, n), -1);
	assert_int_equal(decode(bytes.data, bytes.len), 0);
	assert_int_equal(buf_add_u8(&bytes, 0), 0);
	assert_int_equal(decode(bytes.data, bytes.len), -1);
	buf_free(&bytes);
}

static void
another_version_or_more_keys_than_fit(void **state)
{
	struct desk_ring r;
	struct buf bytes = BUF_INIT;
	uint8_t was;

	(void)state;
	fill(&r, RING_KEYS);
	assert_int_equal(ring_encode(&r, &bytes), 0);
	was = bytes.data[0];
	for (int v = 0; v < 256; v++) {
		bytes.data[0] = (uint8_t)v;
		assert_int_equal(
		    decode(bytes.data, bytes.len), v == was ? 0 : -1);
	}
	bytes.data[0] = was;
	for (int n = 0; n < 256; n++) {
		bytes.data[1] = (uint8_t)n;
		assert_int_equal(
		    decode(bytes.data, bytes.len), n == RING_KEYS ? 0 : -1);
	}
	/* Room for the ninth's bytes is no room for the ninth. */
	bytes.data[1] = RING_KEYS + 1;
	for (size_t i = 0; i < 4 + SECRET_KEY_LEN; i++)
		assert_int_equal(buf_add_u8(&bytes, 1), 0);
	assert_int_equal(decode(bytes.data, bytes.len), -1);
	buf_free(&bytes);
}

/* Texts without an end get one: they are copied on as strings. */
static void
texts_end(void **state)
{
	struct desk_ring r;
	struct buf bytes = BUF_INIT;

	(void)state;
	fill(&r, 0);
	memset(r.pickup, 'P', sizeof(r.pickup));
	memset(r.reference, 'R', sizeof(r.reference));
	assert_int_equal(ring_encode(&r, &bytes), 0);
	assert_int_equal(ring_decode(bytes.data, bytes.len, &r), 0);
	assert_int_equal(strlen(r.pickup), sizeof(r.pickup) - 1);
	assert_int_equal(strlen(r.reference), sizeof(r.reference) - 1);
	buf_free(&bytes);
}

static void
any_byte_changed_harms_nothing(void **state)
{
	struct desk_ring r;
	struct buf bytes = BUF_INIT;

	(void)state;
	fill(&r, 2);
	assert_int_equal(ring_encode(&r, &bytes), 0);
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.data[i] ^= 0xff;
		(void)decode(bytes.data, bytes.len);
		bytes.data[i] ^= 0xff;
	}
	assert_int_equal(decode(bytes.data, bytes.len), 0);
	buf_free(&bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_back_as_it_was),
	    cmocka_unit_test(a_fresh_one_opens_nothing),
	    cmocka_unit_test(no_length_but_its_own),
	    cmocka_unit_test(another_version_or_more_keys_than_fit),
	    cmocka_unit_test(texts_end),
	    cmocka_unit_test(any_byte_changed_harms_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
