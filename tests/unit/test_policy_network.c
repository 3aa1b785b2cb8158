/*
 * Ranges of network addresses: how they are written, and what lies in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/network.h"

static void
test_inside(void **state)
{
	static const struct {
		const char *net, *address;
		bool inside;
	} rows[] = {
	    {"192.0.2.0/24", "192.0.2.0", true},
	    {"192.0.2.0/24", "192.0.2.255", true},
	    {"192.0.2.0/24", "192.0.3.0", false},
	    {"192.0.2.77/24", "192.0.2.1", true},
	    {"192.0.2.128/25", "192.0.2.127", false},
	    {"192.0.2.128/25", "192.0.2.128", true},
	    {"192.0.2.7", "192.0.2.7", true},
	    {"192.0.2.7", "192.0.2.6", false},
	    {"192.0.2.7/31", "192.0.2.6", true},
	    {"192.0.2.7/31", "192.0.2.8", false},
	    {"10.0.0.0/8", "10.255.255.255", true},
	    {"10.0.0.0/8", "11.0.0.0", false},
	    {"192.0.2.0/24", "::ffff:192.0.2.9", true},
	    {"::ffff:192.0.2.0/120", "192.0.2.9", true},
	    {"192.0.2.0/24", "2001:db8::1", false},
	    {"192.0.2.0/24", "::c000:209", false},
	    {"2001:db8::/32", "2001:db8:ffff::1", true},
	    {"2001:db8::/32", "2001:db9::1", false},
	    {"2001:db8::1", "2001:db8::1", true},
	    {"2001:db8::1", "2001:db8::2", false},
	    {"2001:db8::/127", "2001:db8::1", true},
	    {"192.0.2.0/24", "unknown", false},
	    {"192.0.2.0/24", "", false},
	    {"192.0.2.0/24", "192.0.2.1 ", false},
	    {"192.0.2.0/24", "192.0.2.01", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_net net;

		assert_int_equal(policy_net_parse(rows[i].net, &net), 0);
		if (policy_net_has(&net, rows[i].address) != rows[i].inside)
			fail_msg("%s in %s", rows[i].address, rows[i].net);
	}
}

static void
test_malformed(void **state)
{
	static const char *const rows[] = {"", "/24", "192.0.2.0/",
	    "192.0.2/24", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/024x",
	    "192.0.2.0/24 ", "192.0.2.0/0024", "2001:db8::/129", "2001:db8::/",
	    "example.org", "192.0.2.0/24/24", "fe80::1%eth0",
	    "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/32"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_net net;

		if (policy_net_parse(rows[i], &net) == 0)
			fail_msg("taken: \"%s\"", rows[i]);
	}
}

static void
test_wide(void **state)
{
	static const struct {
		const char *net;
		bool wide;
	} rows[] = {{"0.0.0.0/0", true}, {"10.0.0.0/7", true},
	    {"10.0.0.0/8", false}, {"192.0.2.0/24", false}, {"::/0", true},
	    {"2001:db8::/31", true}, {"2001:db8::/32", false},
	    {"::ffff:0:0/96", true}, {"::fff0:0:0/92", true},
	    {"::ffff:10.0.0.0/103", true}, {"::ffff:10.0.0.0/104", false},
	    {"::/64", true}, {"::1", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_net net;

		assert_int_equal(policy_net_parse(rows[i].net, &net), 0);
		if (policy_net_wide(&net) != rows[i].wide)
			fail_msg("%s", rows[i].net);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_inside),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
