/*
 * What senders are told when: by RFC 3461 5.2, and our own rule for those who proved
 * nothing; and the status code that an answer comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "courier/dsn.h"
#include "desk/intake.h"

#define NEVER   DESK_NOTIFY_NEVER
#define SUCCESS DESK_NOTIFY_SUCCESS
#define FAILURE DESK_NOTIFY_FAILURE
#define DELAY   DESK_NOTIFY_DELAY

static void
who_is_told(void **state)
{
	static const struct {
		enum mail_action action;
		unsigned notify;
		bool proved, told;
	} cases[] = {
	    {MAIL_DELIVERED, 0, true, false},
	    {MAIL_RELAYED, 0, true, false},
	    {MAIL_EXPANDED, 0, true, false},
	    {MAIL_FAILED, 0, true, true},
	    {MAIL_FAILED, 0, false, true},
	    {MAIL_DELAYED, 0, true, true},
	    {MAIL_DELAYED, 0, false, false},
	    {MAIL_DELIVERED, SUCCESS, false, true},
	    {MAIL_RELAYED, SUCCESS | FAILURE, false, true},
	    {MAIL_EXPANDED, SUCCESS, true, true},
	    {MAIL_FAILED, SUCCESS, true, false},
	    {MAIL_FAILED, FAILURE, false, true},
	    {MAIL_DELAYED, FAILURE, true, false},
	    {MAIL_DELAYED, DELAY, false, true},
	    {MAIL_FAILED, DELAY, true, false},
	    {MAIL_DELIVERED, NEVER, true, false},
	    {MAIL_FAILED, NEVER, true, false},
	    {MAIL_DELAYED, NEVER, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (dsn_wanted(cases[i].action, cases[i].notify,
			cases[i].proved) != cases[i].told)
			fail_msg("case %zu", i);
}

static void
statuses(void **state)
{
	static const struct {
		enum mail_action action;
		const char *reply, *status;
	} cases[] = {
	    {MAIL_DELIVERED, "", "2.0.0"},
	    {MAIL_EXPANDED, "", "2.0.0"},
	    {MAIL_RELAYED, "250 2.0.0 Queued", "2.1.9"},
	    {MAIL_FAILED, "550 5.1.1 no such user", "5.1.1"},
	    {MAIL_FAILED, "550 5.7.30 TLS", "5.7.30"},
	    {MAIL_FAILED, "550 no such user", "5.0.0"},
	    {MAIL_FAILED, "550", "5.0.0"},
	    {MAIL_FAILED, "550 5.1 x", "5.0.0"},
	    {MAIL_FAILED, "550 5.1.1111 x", "5.0.0"},
	    {MAIL_FAILED, "550 6.1.1 x", "5.0.0"},
	    /* Given up after days, whatever the last answer was. */
	    {MAIL_FAILED, "451 4.3.0 not now", "4.4.7"},
	    {MAIL_FAILED, "the server was not reached", "4.4.7"},
	    {MAIL_FAILED, "", "4.4.7"},
	    {MAIL_DELAYED, "451 4.3.0 not now", "4.3.0"},
	    {MAIL_DELAYED, "451 not now", "4.0.0"},
	    {MAIL_DELAYED, "the server was not reached", "4.4.1"},
	};
	char status[REPORT_STATUS];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		dsn_status(cases[i].action, cases[i].reply, status);
		assert_string_equal(status, cases[i].status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_is_told),
	    cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
