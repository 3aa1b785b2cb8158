/*
 * test_portal_known.c: whoever is in the middle of a change, and may not run for seconds,
 * keeps nobody waiting who only asks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "portal/known.c"

static void
test_asking_takes_no_lock(void **state)
{
	struct known *k = known_new();
	char cookie[DESK_COOKIE_LEN] = {0};

	(void)state;
	memset(cookie, 'A', sizeof(cookie) - 1);
	known_add(k, cookie, 5);
	(void)alarm(20);
	assert_int_equal(pthread_mutex_lock(&k->lock), 0);
	assert_true(known_has(k, cookie, 5) != 0);
	assert_int_equal(pthread_mutex_unlock(&k->lock), 0);
	(void)alarm(0);
	known_drop(k, cookie);
	assert_true(known_has(k, cookie, 5) == 0);
	known_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_asking_takes_no_lock),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
