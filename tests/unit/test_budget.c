/* A budget: up to its limit and no further, on many threads at once. */
#include "base/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_limit(void **state)
{
	struct budget b = {.limit = 100};

	(void)state;
	assert_true(budget_take(&b, 60));
	assert_false(budget_take(&b, 41));
	assert_true(budget_take(&b, 40));
	assert_false(budget_take(&b, 1));
	budget_add(&b, 24);
	assert_false(budget_over(&b));
	budget_add(&b, 1);
	assert_true(budget_over(&b));
	budget_give(&b, 25);
	budget_give(&b, 1);
	assert_true(budget_take(&b, 1));
	assert_false(budget_take(&b, SIZE_MAX));
	/* What is there already counts, and keeps others out. */
	budget_add(&b, 50);
	assert_int_equal(atomic_load(&b.used), 150);
	assert_false(budget_take(&b, 1));
	budget_give(&b, 150);
	assert_true(budget_take(&b, 100));
}

/* Who can do without has a quarter, and leaves the rest to others. */
static void
test_spare(void **state)
{
	struct budget b = {.limit = 100};

	(void)state;
	assert_true(budget_spare(&b, 20));
	assert_false(budget_spare(&b, 6));
	assert_true(budget_spare(&b, 5));
	assert_false(budget_spare(&b, 1));
	assert_true(budget_take(&b, 75));
	budget_give(&b, 80);
	assert_true(budget_spare(&b, 5));
	assert_false(budget_spare(&b, SIZE_MAX));
}

static void *
take_and_give(void *arg)
{
	struct budget *b = arg;

	for (int i = 0; i < 100000; i++) {
		if (!budget_take(b, 3))
			continue;
		if (atomic_load(&b->used) > b->limit)
			return b;
		budget_give(b, 3);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct budget b = {.limit = 8};
	pthread_t t[4];
	void *bad;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, take_and_give, &b), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(atomic_load(&b.used), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_spare),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
