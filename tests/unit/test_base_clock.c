/* test_base_clock.c: moments as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static const struct {
	const char *name;
	int64_t t;
	const char *iso, *rfc5322, *day, *minute, *hm;
} cases[] = {
    {"the first", 0, "1970-01-01T00:00:00.000000Z",
	"Thu, 01 Jan 1970 00:00:00 +0000", "Thursday 1 January 1970",
	"1 Jan 1970, 00:00 UTC", "00:00 UTC"},
    {"with microseconds", INT64_C(1795183080123456),
	"2026-11-20T13:58:00.123456Z", "Fri, 20 Nov 2026 13:58:00 +0000",
	"Friday 20 November 2026", "20 Nov 2026, 13:58 UTC", "13:58 UTC"},
    {"leap day", INT64_C(1709251199999999), "2024-02-29T23:59:59.999999Z",
	"Thu, 29 Feb 2024 23:59:59 +0000", "Thursday 29 February 2024",
	"29 Feb 2024, 23:59 UTC", "23:59 UTC"},
    {"just before 1970", -1, "1969-12-31T23:59:59.999999Z",
	"Wed, 31 Dec 1969 23:59:59 +0000", "Wednesday 31 December 1969",
	"31 Dec 1969, 23:59 UTC", "23:59 UTC"},
    {"past 2038", INT64_C(4102444800000000), "2100-01-01T00:00:00.000000Z",
	"Fri, 01 Jan 2100 00:00:00 +0000", "Friday 1 January 2100",
	"1 Jan 2100, 00:00 UTC", "00:00 UTC"},
};

static void
forms(void **state)
{
	char out[CLOCK_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("# %s\n", cases[i].name);
		clock_iso(cases[i].t, out);
		assert_string_equal(out, cases[i].iso);
		clock_rfc5322(cases[i].t, out);
		assert_string_equal(out, cases[i].rfc5322);
		clock_day(cases[i].t, out);
		assert_string_equal(out, cases[i].day);
		clock_minute(cases[i].t, out);
		assert_string_equal(out, cases[i].minute);
		clock_hm(cases[i].t, out);
		assert_string_equal(out, cases[i].hm);
	}
}

/* The machine's zone and language change nothing. */
static void
forms_elsewhere(void **state)
{
	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	setlocale(LC_ALL, "");
	forms(state);
}

static void
ends_of_time_do_no_harm(void **state)
{
	char out[CLOCK_TEXT_LEN];
	static const int64_t ends[] = {
	    INT64_MIN, INT64_MIN + 1, INT64_MIN + CLOCK_SECOND, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		clock_iso(ends[i], out);
		clock_rfc5322(ends[i], out);
		clock_day(ends[i], out);
		clock_minute(ends[i], out);
		clock_hm(ends[i], out);
	}
}

static void
clocks_go_forward(void **state)
{
	int64_t mono = clock_mono_ms();
	int64_t wall = clock_now();
	const struct timespec nap = {0, 20 * 1000 * 1000};

	(void)state;
	assert_true(wall > INT64_C(1700000000) * CLOCK_SECOND);
	nanosleep(&nap, NULL);
	assert_true(clock_mono_ms() - mono >= 19);
	assert_true(clock_mono_ms() - mono < 5000);
	assert_true(clock_now() - wall >= 19000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forms),
	    cmocka_unit_test(forms_elsewhere),
	    cmocka_unit_test(ends_of_time_do_no_harm),
	    cmocka_unit_test(clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
