/*
 * test_desk_repeat.c: how long a message that nothing tells from the next is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "desk/repeat.h"

/* A day's midnight, and a moment whose hour is of one day. */
#define MIDNIGHT ((int64_t)20000 * CLOCK_DAY)
#define NOON     (MIDNIGHT + CLOCK_DAY / 2 + 1234)

/* As keyd gives them: each day's tag is its own. */
static void
tags_at(int64_t now, uint8_t tags[KEYD_TAGS][32])
{
	for (int i = 0; i < KEYD_TAGS; i++)
		memset(tags[i], (int)((now / CLOCK_DAY - i) % 251), 32);
	repeat_soon(tags, now);
}

/* Is what was taken at `first` known at `now`? */
static bool
is_known(int64_t first, int64_t now)
{
	uint8_t taken[KEYD_TAGS][32], asked[KEYD_TAGS][32];

	tags_at(first, taken);
	tags_at(now, asked);
	for (int i = 0; i < KEYD_TAGS; i++)
		if (memcmp(taken[0], asked[i], 32) == 0)
			return true;
	return false;
}

static void
known_within_the_hour_and_no_longer(void **state)
{
	static const int64_t first[] = {
	    NOON, MIDNIGHT, MIDNIGHT - 1, MIDNIGHT - 30 * CLOCK_MINUTE};
	const int64_t hour = LIMIT_NAMELESS_MINUTES * CLOCK_MINUTE;

	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		for (int64_t t = 0; t <= hour - REPEAT_SOON_MS;
		     t += CLOCK_MINUTE)
			assert_true(is_known(first[i], first[i] + t));
		for (int64_t t = hour; t < 30 * hour; t += CLOCK_MINUTE)
			assert_false(is_known(first[i], first[i] + t));
		assert_false(is_known(first[i], first[i] + CLOCK_DAY));
	}
}

/* One of them is told from another's, whatever the time. */
static void
of_another_message_they_are_others(void **state)
{
	uint8_t a[KEYD_TAGS][32] = {{1}}, b[KEYD_TAGS][32] = {{2}};

	(void)state;
	repeat_soon(a, NOON);
	repeat_soon(b, NOON);
	for (int i = 0; i < KEYD_TAGS; i++)
		for (int j = 0; j < KEYD_TAGS; j++) {
			assert_memory_not_equal(a[i], b[j], 32);
			if (i != j)
				assert_memory_not_equal(a[i], a[j], 32);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_within_the_hour_and_no_longer),
	    cmocka_unit_test(of_another_message_they_are_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
