/*
 * How many parts, how deep, how much header: at each limit and past it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mail_parsed.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n"

/* Parts with n octets of fields for each. */
static bool
fields_are_too_many(size_t parts, size_t n)
{
	struct buf b = BUF_INIT;
	struct manifest *m;
	bool cut;

	assert_int_equal(buf_adds(&b, MIXED "\r\n"), 0);
	for (size_t i = 0; i < parts; i++) {
		assert_int_equal(
		    buf_adds(&b, "--b\r\nContent-Type: text/plain; x="), 0);
		for (size_t k = 14; k < n; k++)
			assert_int_equal(buf_add_u8(&b, 'x'), 0);
		assert_int_equal(buf_adds(&b, "\r\n\r\n\r\n"), 0);
	}
	m = parsed_n(b.data, b.len);
	cut = m->cut;
	assert_true(cut || m->n_parts == parts + 1);
	manifest_free(m);
	buf_free(&b);
	return cut;
}

static void
fields_of_all_parts_together_are_bounded(void **state)
{
	(void)state;
	/* The multipart's own has 27. */
	assert_false(fields_are_too_many(100, 4095));
	assert_true(fields_are_too_many(100, 4096));
	assert_false(fields_are_too_many(1999, 200));
}

/* A multipart of n parts, each one byte. */
static struct manifest *
many_parts(size_t n)
{
	struct buf b = BUF_INIT;
	struct manifest *m;

	assert_int_equal(buf_adds(&b, MIXED "\r\n"), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_adds(&b, "--b\r\n\r\nx\r\n"), 0);
	assert_int_equal(buf_adds(&b, "--b--\r\n"), 0);
	m = parsed_n(b.data, b.len);
	buf_free(&b);
	return m;
}

static void
parts_at_the_limit_and_past_it(void **state)
{
	struct manifest *m = many_parts(LIMIT_MIME_PARTS - 1);

	(void)state;
	assert_int_equal(m->n_parts, LIMIT_MIME_PARTS);
	assert_false(m->cut);
	assert_int_equal(m->parts[LIMIT_MIME_PARTS - 1].length, 1);
	manifest_free(m);
	m = many_parts(LIMIT_MIME_PARTS);
	assert_int_equal(m->n_parts, LIMIT_MIME_PARTS);
	assert_true(m->cut);
	assert_int_equal(m->parts[LIMIT_MIME_PARTS - 1].length, 1);
	manifest_free(m);
}

/* A text below `depth` multiparts. */
static struct manifest *
deep(unsigned depth)
{
	struct buf b = BUF_INIT;
	struct manifest *m;

	for (unsigned i = 0; i < depth; i++)
		assert_int_equal(buf_addf(&b,
				     "Content-Type: multipart/mixed; "
				     "boundary=b%u.\r\n\r\n--b%u.\r\n",
				     i, i),
		    0);
	assert_int_equal(buf_adds(&b, "\r\nx\r\n"), 0);
	m = parsed_n(b.data, b.len);
	buf_free(&b);
	return m;
}

static void
depth_at_the_limit_and_past_it(void **state)
{
	struct manifest *m = deep(LIMIT_MIME_DEPTH);

	(void)state;
	assert_int_equal(m->n_parts, LIMIT_MIME_DEPTH + 1);
	assert_int_equal(m->text_part, LIMIT_MIME_DEPTH);
	assert_false(m->cut);
	manifest_free(m);
	m = deep(LIMIT_MIME_DEPTH + 1);
	assert_int_equal(m->n_parts, LIMIT_MIME_DEPTH + 1);
	assert_true(m->cut);
	assert_true(m->parts[LIMIT_MIME_DEPTH].leaf);
	manifest_free(m);
}

/* A header of exactly n bytes before the empty line. */
static void
header_of(size_t n, struct buf *b)
{
	static const char start[] = "Subject: s\r\nX-Fill: ";

	assert_int_equal(buf_adds(b, start), 0);
	while (b->len < n - 2)
		assert_int_equal(buf_adds(b, "x"), 0);
	assert_int_equal(buf_adds(b, "\r\n\r\nbody\r\n"), 0);
}

static void
header_at_the_limit_and_past_it(void **state)
{
	struct mail_head head;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct buf b = BUF_INIT;
		struct manifest *m;

		header_of(LIMIT_HEADER_BLOCK + over * (MAIL_TRACE_MAX + 1), &b);
		m = parsed_n(b.data, b.len);
		assert_int_equal(m->cut, over);
		assert_int_equal(m->n_parts, over ? 0 : 1);
		mail_head_read(b.data, b.len, &head);
		assert_int_equal(head.too_big, over);
		if (!over)
			assert_string_equal(m->subject, "s");
		manifest_free(m);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_all_parts_together_are_bounded),
	    cmocka_unit_test(parts_at_the_limit_and_past_it),
	    cmocka_unit_test(depth_at_the_limit_and_past_it),
	    cmocka_unit_test(header_at_the_limit_and_past_it),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
