/* Front ends as an operator names them. */
#include "intake/fronts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

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
	    {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
	    {"192.0.2.0/25", "192.0.2.127", "192.0.2.128"},
	    {"192.0.2.1,198.51.100.0/24", "198.51.100.9", "198.51.101.9"},
	    {"192.0.2.1, 2001:db8:5::/48\t203.0.113.1", "2001:db8:5::1",
		"2001:db8:6::1"},
	    {"0.0.0.0/0", "203.0.113.1", "2001:db8::1"},
	    {"192.0.2.1", "192.0.2.1", "unknown"},
	    {"::1", "::1", ""},
	};
	struct fronts f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(fronts_read("X", cases[i].text, &f, &e), 0);
		if (cases[i].in != NULL)
			assert_true(fronts_have(&f, cases[i].in));
		assert_false(fronts_have(&f, cases[i].out));
		fronts_clear(&f);
	}
}

static void
test_malformed(void **state)
{
	static const char *const texts[] = {"localhost", "192.0.2",
	    "192.0.2.1;", "192.0.2.1/33", "192.0.2.1/", "::1/129",
	    "192.0.2.1, x",
	    "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111/64"};
	struct fronts f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err_clear(&e);
		assert_int_equal(fronts_read("X", texts[i], &f, &e), -1);
		assert_int_equal(e.code, ERR_BAD_INPUT);
		assert_int_equal(f.n, 0);
		assert_null(f.net);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
