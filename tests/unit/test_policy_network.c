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

static void
test_lists(void **state)
{
	static const struct {
		const char *text;
		const char *in, *out; /* an address that is, one that is not */
	} cases[] = {
	    {NULL, NULL, "192.0.2.1"},
	    {"", NULL, "192.0.2.1"},
	    {" , ,", NULL, "192.0.2.1"},
	    {"none", NULL, "192.0.2.1"},
	    {"none, 192.0.2.1", "192.0.2.1", "192.0.2.2"},
	    {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
	    {"192.0.2.0/25", "192.0.2.127", "192.0.2.128"},
	    {"192.0.2.1,198.51.100.0/24", "198.51.100.9", "198.51.101.9"},
	    {"192.0.2.1, 2001:db8:5::/48\t203.0.113.1", "2001:db8:5::1",
		"2001:db8:6::1"},
	    {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
	    {"192.0.2.1", "192.0.2.1", "unknown"},
	    {"::1", "::1", ""},
	};
	struct policy_nets l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    policy_nets_read("X", cases[i].text, &l, &e), 0);
		if (cases[i].in != NULL)
			assert_true(policy_nets_have(&l, cases[i].in));
		assert_false(policy_nets_have(&l, cases[i].out));
		policy_nets_clear(&l);
	}
}

static void
test_malformed_lists(void **state)
{
	static const char *const texts[] = {"localhost", "192.0.2",
	    "192.0.2.1;", "192.0.2.1/33", "192.0.2.1/", "::1/129",
	    "192.0.2.1, x", "none at all",
	    "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64"};
	struct policy_nets l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err_clear(&e);
		assert_int_equal(policy_nets_read("X", texts[i], &l, &e), -1);
		assert_int_equal(e.code, ERR_BAD_INPUT);
		assert_int_equal(l.n, 0);
		assert_null(l.net);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_inside),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_wide),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_malformed_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
