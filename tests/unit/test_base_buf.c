/* test_base_buf.c: the growing bytes, and the reader of our formats. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void
grows_and_keeps(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(buf_add_u8(&b, (uint8_t)(i * 7)), 0);
	assert_int_equal(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], (uint8_t)(i * 7));
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 0);
	buf_free(&b);
}

static void
integers_are_big_endian(void **state)
{
	static const uint8_t want[] = {
	    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct buf b = BUF_INIT;
	struct reader r;

	(void)state;
	assert_int_equal(buf_add_u8(&b, 0x01), 0);
	assert_int_equal(buf_add(&b, "\x02\x03", 2), 0);
	assert_int_equal(buf_add_u32(&b, 0x04050607), 0);
	assert_int_equal(buf_add_u64(&b, UINT64_C(0x08090a0b0c0d0e0f)), 0);
	assert_int_equal(b.len, sizeof(want));
	assert_memory_equal(b.data, want, sizeof(want));

	reader_init(&r, b.data, b.len);
	assert_int_equal(reader_u8(&r), 0x01);
	assert_int_equal(reader_u16(&r), 0x0203);
	assert_int_equal(reader_u32(&r), 0x04050607);
	assert_true(reader_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(r.left, 0);
	assert_false(r.bad);
	buf_free(&b);
}

static void
text_and_formats(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_adds(&b, "one "), 0);
	assert_int_equal(buf_addf(&b, "%s %d", "two", 3), 0);
	assert_string_equal(buf_cstr(&b), "one two 3");
	assert_int_equal(b.len, 9);
	assert_int_equal(buf_addf(&b, "%*s", 5000, ""), 0);
	assert_int_equal(b.len, 5009);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	buf_free(&b);
}

static void
dropping_wipes_what_is_left_over(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_adds(&b, "headbody"), 0);
	buf_drop(&b, 4);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "body\0\0\0\0", 8);
	buf_drop(&b, 5);
	assert_int_equal(b.len, 0);
	assert_memory_equal(b.data, "\0\0\0\0\0\0\0\0", 8);
	buf_drop(&b, 1);
	buf_free(&b);
	buf_drop(&b, 1);
}

static void
clearing_wipes_all_of_the_memory(void **state)
{
	struct buf b = BUF_INIT;
	uint8_t *data;
	size_t cap;

	(void)state;
	assert_int_equal(buf_adds(&b, "secret secret secret"), 0);
	data = b.data;
	cap = b.cap;
	/* What a caller cut off by hand is still wiped. */
	b.len = 3;
	buf_clear(&b);
	assert_ptr_equal(b.data, data);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < cap; i++)
		assert_int_equal(data[i], 0);
	buf_free(&b);
}

static void
impossible_sizes_fail_and_change_nothing(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(buf_adds(&b, "kept"), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), -1);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 2), -1);
	assert_string_equal(buf_cstr(&b), "kept");
	buf_free(&b);
}

static void
reading_past_the_end_stays_bad(void **state)
{
	struct reader r;

	(void)state;
	reader_init(&r, "\x01\x02\x03", 3);
	assert_int_equal(reader_u16(&r), 0x0102);
	assert_int_equal(reader_u16(&r), 0);
	assert_true(r.bad);
	/* One byte was left, but a reader that failed gives nothing more. */
	assert_int_equal(reader_u8(&r), 0);
	assert_null(reader_bytes(&r, 0));
	assert_null(reader_bytes(&r, 1));

	reader_init(&r, NULL, 0);
	assert_non_null(reader_bytes(&r, 0));
	assert_false(r.bad);
	assert_null(reader_bytes(&r, SIZE_MAX));
	assert_true(r.bad);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows_and_keeps),
	    cmocka_unit_test(integers_are_big_endian),
	    cmocka_unit_test(text_and_formats),
	    cmocka_unit_test(dropping_wipes_what_is_left_over),
	    cmocka_unit_test(clearing_wipes_all_of_the_memory),
	    cmocka_unit_test(impossible_sizes_fail_and_change_nothing),
	    cmocka_unit_test(reading_past_the_end_stays_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
