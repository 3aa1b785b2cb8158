/* test_portal_range.c: what is answered to conditions and ranges, case by case. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "portal/range.h"

#define TAG "0123abcd"

struct row {
	uint64_t size;
	const char *range;
	int status;
	uint64_t first, n; /* of 206 */
};

static int
ask(const struct range_ask *a, uint64_t *first, uint64_t *n)
{
	struct range_ask all = *a;

	all.tag = TAG;
	all.if_match = a->if_match == NULL ? "" : a->if_match;
	all.if_none_match = a->if_none_match == NULL ? "" : a->if_none_match;
	all.range = a->range == NULL ? "" : a->range;
	all.if_range = a->if_range == NULL ? "" : a->if_range;
	return range_answer(&all, first, n);
}

static void
ranges(void **state)
{
	static const struct row rows[] = {
	    {100, "", 200, 0, 0},
	    {100, "bytes=0-0", 206, 0, 1},
	    {100, "bytes=0-99", 206, 0, 100},
	    {100, "bytes=0-100", 206, 0, 100},
	    {100, "bytes=0-", 206, 0, 100},
	    {100, "bytes=99-", 206, 99, 1},
	    {100, "bytes=99-99", 206, 99, 1},
	    {100, "bytes=5-9", 206, 5, 5},
	    {100, "bytes=-1", 206, 99, 1},
	    {100, "bytes=-100", 206, 0, 100},
	    {100, "bytes=-101", 206, 0, 100},
	    {100, "bytes=-99999999999999999999999", 206, 0, 100},
	    {100, "bytes=007-08", 206, 7, 2},
	    {100, "BYTES=5-9", 206, 5, 5},
	    {100, "bytes= 5-9 ", 206, 5, 5},
	    {100, "bytes=,5-9, ,", 206, 5, 5},
	    {100, "bytes=5-18446744073709551615", 206, 5, 95},
	    {100, "bytes=5-99999999999999999999999", 206, 5, 95},
	    {100, "bytes=0-18446744073709551615", 206, 0, 100},
	    {UINT64_MAX, "bytes=0-18446744073709551615", 206, 0, UINT64_MAX},
	    /* not to be had */
	    {100, "bytes=100-", 416, 0, 0},
	    {100, "bytes=100-200", 416, 0, 0},
	    {100, "bytes=18446744073709551615-", 416, 0, 0},
	    {100, "bytes=99999999999999999999999-", 416, 0, 0},
	    {100, "bytes=-0", 416, 0, 0},
	    {0, "bytes=0-", 416, 0, 0},
	    {0, "bytes=0-0", 416, 0, 0},
	    {0, "bytes=-0", 416, 0, 0},
	    {0, "bytes=-1", 200, 0, 0},
	    {0, "", 200, 0, 0},
	    /* several, and what is no range */
	    {100, "bytes=0-1,5-6", 200, 0, 0},
	    {100, "bytes=0-1,200-", 200, 0, 0},
	    {100, "bytes=0-1,x", 200, 0, 0},
	    {100, "bytes=9-5", 200, 0, 0},
	    {100, "bytes=200-100", 200, 0, 0},
	    {100, "bytes=", 200, 0, 0},
	    {100, "bytes=,", 200, 0, 0},
	    {100, "bytes=-", 200, 0, 0},
	    {100, "bytes=5", 200, 0, 0},
	    {100, "bytes=a-b", 200, 0, 0},
	    {100, "bytes=1-2x", 200, 0, 0},
	    {100, "bytes=1 -2", 200, 0, 0},
	    {100, "bytes=1- 2", 200, 0, 0},
	    {100, "bytes=--1", 200, 0, 0},
	    {100, "bytes=+1-2", 200, 0, 0},
	    {100, "bytes=0x1-2", 200, 0, 0},
	    {100, "bytes =1-2", 200, 0, 0},
	    {100, "bytes 1-2", 200, 0, 0},
	    {100, "byte=1-2", 200, 0, 0},
	    {100, "lines=1-2", 200, 0, 0},
	    {100, "1-2", 200, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct range_ask a = {
		    .get = true, .range = r->range, .size = r->size};
		uint64_t first = 77, n = 77;

		if (ask(&a, &first, &n) != r->status)
			fail_msg("\"%s\" of %ju", r->range, r->size);
		if (r->status != 206)
			assert_true(first == 0 && n == r->size);
		else if (first != r->first || n != r->n)
			fail_msg("\"%s\": %ju+%ju", r->range, first, n);
		/* Ranges are for GET. */
		a.get = false;
		assert_int_equal(ask(&a, &first, &n), 200);
	}
}

static void
conditions(void **state)
{
	static const struct {
		const char *match, *none, *if_range;
		const char *range;
		int status;
	} rows[] = {
	    {NULL, NULL, "\"" TAG "\"", "bytes=5-9", 206},
	    {NULL, NULL, "\"" TAG "x\"", "bytes=5-9", 200},
	    {NULL, NULL, "\"0123abc\"", "bytes=5-9", 200},
	    {NULL, NULL, "\"" TAG "\"x", "bytes=5-9", 200},
	    {NULL, NULL, "W/\"" TAG "\"", "bytes=5-9", 200},
	    {NULL, NULL, TAG, "bytes=5-9", 200},
	    {NULL, NULL, "*", "bytes=5-9", 200},
	    {NULL, NULL, "Fri, 20 Nov 2026 13:58:00 GMT", "bytes=5-9", 200},
	    {NULL, NULL, "\"other\"", "bytes=500-", 200},
	    {NULL, NULL, "\"" TAG "\"", "bytes=500-", 416},
	    {NULL, NULL, "\"" TAG "\"", NULL, 200},
	    {NULL, "\"" TAG "\"", NULL, NULL, 304},
	    {NULL, "W/\"" TAG "\"", NULL, NULL, 304},
	    {NULL, "*", NULL, NULL, 304},
	    {NULL, " * ", NULL, NULL, 304},
	    {NULL, "\"a\", \"" TAG "\"", NULL, NULL, 304},
	    {NULL, "\"a\" ,,W/\"" TAG "\"", NULL, NULL, 304},
	    {NULL, "\"a,\", \"" TAG "\"", NULL, NULL, 304},
	    {NULL, "\"other\"", NULL, NULL, 200},
	    {NULL, "\"\"", NULL, NULL, 200},
	    {NULL, TAG, NULL, NULL, 200},
	    {NULL, "\"" TAG, NULL, NULL, 200},
	    {NULL, "x\"" TAG "\"", NULL, NULL, 200},
	    {NULL, "\"" TAG "\"", NULL, "bytes=5-9", 304},
	    {NULL, "\"other\"", NULL, "bytes=5-9", 206},
	    {"\"" TAG "\"", NULL, NULL, NULL, 200},
	    {"*", NULL, NULL, "bytes=5-9", 206},
	    {"\"a\", \"" TAG "\"", NULL, NULL, NULL, 200},
	    {"W/\"" TAG "\"", NULL, NULL, NULL, 412},
	    {"\"other\"", NULL, NULL, NULL, 412},
	    {"\"other\"", "\"" TAG "\"", NULL, "bytes=5-9", 412},
	    {"\"" TAG "\"", "\"" TAG "\"", NULL, NULL, 304},
	    {"rubbish", NULL, NULL, NULL, 412},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct range_ask a = {.get = true,
		    .if_match = rows[i].match,
		    .if_none_match = rows[i].none,
		    .if_range = rows[i].if_range,
		    .range = rows[i].range,
		    .size = 100};
		uint64_t first, n;
		int status = ask(&a, &first, &n);

		if (status != rows[i].status)
			fail_msg("row %zu: %d", i, status);
		assert_true(status != 206 || (first == 5 && n == 5));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ranges),
	    cmocka_unit_test(conditions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
