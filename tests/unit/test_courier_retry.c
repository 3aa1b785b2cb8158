/*
 * When a mail is tried again, and what other servers' answers leave behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "courier/reply.h"
#include "courier/retry.h"

static void
delays_grow_to_their_bound(void **state)
{
	static const struct {
		bool code, unreached;
		int tries;
		int64_t seconds;
	} cases[] = {
	    {false, false, 1, 10},
	    {false, false, 2, 20},
	    {false, false, 5, 160},
	    {false, false, 9, 2560},
	    {false, false, 10, 3600},
	    {false, false, 1000, 3600},
	    {false, true, 1, 10},
	    {false, true, 10, 60},
	    {true, false, 1, 2},
	    {true, false, 4, 16},
	    {true, false, 50, 30},
	    {true, true, 50, 30},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t want = cases[i].seconds * CLOCK_SECOND;

		for (int k = 0; k < 50; k++) {
			int64_t d = retry_delay(
			    cases[i].code, cases[i].unreached, cases[i].tries);

			assert_true(d >= want * 3 / 4 && d <= want * 5 / 4);
		}
	}
}

static void
delays_differ(void **state)
{
	int64_t first = retry_delay(false, false, 5);
	bool differs = false;

	(void)state;
	for (int i = 0; i < 20; i++)
		differs = differs || retry_delay(false, false, 5) != first;
	assert_true(differs);
}

static void
over_at_the_limit_and_past_it(void **state)
{
	int64_t days = LIMIT_OUTBOX_DAYS * CLOCK_DAY;
	int64_t minutes = LIMIT_CODE_MINUTES * CLOCK_MINUTE;

	(void)state;
	assert_false(retry_over(false, 1000, 1000 + days));
	assert_true(retry_over(false, 1000, 1001 + days));
	assert_false(retry_over(true, 1000, 1000 + minutes));
	assert_true(retry_over(true, 1000, 1001 + minutes));
}

static void
replies(void **state)
{
	static const struct {
		int code;
		const char *text, *clean;
	} cases[] = {
	    {250, "2.0.0 Ok: queued", "250 2.0.0 Ok: queued"},
	    {250, NULL, "250"},
	    {0, "no connection", "no connection"},
	    {550, "5.1.1 <carol@partner.example>: no such user",
		"550 5.1.1 ... no such user"},
	    {554, "link https://acme.localhost/m/7kqf2m9x-abc is listed",
		"554 link ... is listed"},
	    {554, "code KQ7M-2F9X or KQ7M2F9X", "554 code ... or ..."},
	    {250, "queued as 4XyZabcdefghijklmnopqrstuv", "250 queued as ..."},
	    {451, "one\r\ntwo", "451 one"},
	    {451, "caf\xc3\xa9 \x1b[31m", "451 ... ..."},
	};
	char out[REPLY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		reply_clean(cases[i].code, cases[i].text, out);
		assert_string_equal(out, cases[i].clean);
	}
}

static void
a_long_reply_is_cut_between_words(void **state)
{
	char text[4000], out[REPLY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 8 == 7 ? ' ' : 'a';
	text[sizeof(text) - 1] = '\0';
	reply_clean(451, text, out);
	assert_true(strlen(out) < REPLY_LEN);
	assert_true(strlen(out) > REPLY_LEN - 12);
	assert_int_equal(out[strlen(out) - 1], 'a');
}

static int
set_up(void **state)
{
	(void)state;
	return secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(delays_grow_to_their_bound),
	    cmocka_unit_test(delays_differ),
	    cmocka_unit_test(over_at_the_limit_and_past_it),
	    cmocka_unit_test(replies),
	    cmocka_unit_test(a_long_reply_is_cut_between_words),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
