/* One that hangs: known to all threads at once, tried by one at a time. */
#include "base/hang.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void
rest(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Until a turn other than HANG_IS comes; the number of ms. */
static int64_t
wait_for_turn(struct hang *h)
{
	int64_t began = clock_mono_ms();

	while (hang_turn(h) == HANG_IS && clock_mono_ms() - began < 20000)
		rest(5);
	return clock_mono_ms() - began;
}

static void
test_turns(void **state)
{
	struct hang h = {0};

	(void)state;
	assert_int_equal(hang_turn(&h), HANG_NOT);
	assert_false(hang_is(&h));
	hang_set(&h, true);
	assert_true(hang_is(&h));
	assert_int_equal(hang_turn(&h), HANG_IS);
	/* After a while one may try; the others wait for what comes of it. */
	assert_in_range(wait_for_turn(&h), 1, 19999);
	assert_int_equal(hang_turn(&h), HANG_IS);
	assert_true(hang_is(&h));
	hang_set(&h, true);
	assert_int_equal(hang_turn(&h), HANG_IS);
	assert_in_range(wait_for_turn(&h), 1, 19999);
	hang_set(&h, false);
	assert_int_equal(hang_turn(&h), HANG_NOT);
	assert_false(hang_is(&h));
}

/* Who had his turn and says nothing holds the others up for a while, not for ever. */
static void
test_lost_turn(void **state)
{
	struct hang h = {0};

	(void)state;
	hang_set(&h, true);
	assert_in_range(wait_for_turn(&h), 1, 19999);
	assert_in_range(wait_for_turn(&h), 1, 19999);
	assert_true(hang_is(&h));
}

static void
test_ask(void **state)
{
	struct hang h = {0};

	(void)state;
	assert_false(hang_ask(&h, HANG_PATIENCE_MS - 1));
	assert_true(hang_ask(&h, HANG_PATIENCE_MS));
	/* One for all. */
	assert_false(hang_ask(&h, HANG_PATIENCE_MS));
	assert_false(hang_ask(&h, 10 * HANG_PATIENCE_MS));
	hang_set(&h, true);
	assert_false(hang_ask(&h, 10 * HANG_PATIENCE_MS));
}

static void *
take_turn(void *arg)
{
	static int yes;

	return hang_turn(arg) == HANG_TRY ? &yes : NULL;
}

static void
test_threads(void **state)
{
	struct hang h = {0};
	pthread_t t[8];
	void *turn;
	int n = 0;

	(void)state;
	hang_set(&h, true);
	rest(1100);
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, take_turn, &h);
	for (int i = 0; i < 8; i++) {
		pthread_join(t[i], &turn);
		n += turn != NULL;
	}
	/* None where the machine was slow, and then one still has it. */
	if (n == 0)
		assert_in_range(wait_for_turn(&h), 0, 19999);
	assert_in_range(n, 0, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_turns),
	    cmocka_unit_test(test_lost_turn),
	    cmocka_unit_test(test_ask),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("hang", tests, NULL, NULL);
}
