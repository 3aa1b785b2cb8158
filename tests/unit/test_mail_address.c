/*
 * Mailboxes: RFC 5321 4.1.2, limits, and what people type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mail/address.h"

#define TEN   "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct {
	const char *typed;
	const char *address; /* NULL: refused */
} cases[] = {
    {"alice@acme.example", "alice@acme.example"},
    {"Alice.Example@ACME.example", "Alice.Example@ACME.example"},
    {"a+b!#$%&'*-/=?^_`{|}~c@x.example", "a+b!#$%&'*-/=?^_`{|}~c@x.example"},
    {"root@localhost", "root@localhost"},
    {"\"alice\"@acme.example", "alice@acme.example"},
    {"\"a\\l\\ice\"@acme.example", "alice@acme.example"},
    {"\"a b\"@acme.example", "\"a b\"@acme.example"},
    {"\"a@b\"@acme.example", "\"a@b\"@acme.example"},
    {"\"a\\\"b\"@acme.example", "\"a\\\"b\"@acme.example"},
    {"@one.example,@two.example:alice@acme.example", "alice@acme.example"},
    {"a@1.example", "a@1.example"},
    {"a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
    {SIXTY "abcd@x.example", SIXTY "abcd@x.example"},
    {SIXTY "abcde@x.example", NULL},
    {"a@" SIXTY "abc.example", "a@" SIXTY "abc.example"},
    {"a@" SIXTY "abcd.example", NULL},
    {"", NULL},
    {"alice", NULL},
    {"@acme.example", NULL},
    {"alice@", NULL},
    {"alice@@acme.example", NULL},
    {"alice@acme@example", NULL},
    {".alice@acme.example", NULL},
    {"alice.@acme.example", NULL},
    {"al..ice@acme.example", NULL},
    {"alice@acme..example", NULL},
    {"alice@.acme.example", NULL},
    {"alice@acme.example.", NULL},
    {"alice@-acme.example", NULL},
    {"alice@acme-.example", NULL},
    {"alice@ac_me.example", NULL},
    {"alice@[127.0.0.1]", NULL},
    {"alice@127.0.0.1", NULL},
    {"al ice@acme.example", NULL},
    {"alice @acme.example", NULL},
    {"alice(comment)@acme.example", NULL},
    {"<alice@acme.example>", NULL},
    {"\"\"@acme.example", "\"\"@acme.example"},
    {"\"" SIXTY "a\\b\"@x.example", NULL},
    {"\"alice@acme.example", NULL},
    {"\"alice\\", NULL},
    {"\"alice\"x@acme.example", NULL},
    {"@one.example:", NULL},
    {"@one.example,two.example:a@b.example", NULL},
    {"alice@acme.example>\r\nRCPT TO:<evil@example.net", NULL},
    {"al\xc3\xad"
     "ce@acme.example",
	NULL},
    {"alice@b\xc3\xbc"
     "cher.example",
	NULL},
    {"\"a\tb\"@acme.example", NULL},
};

static void
mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mailbox box;
		struct err e = {0};
		int r = mailbox_parse(
		    cases[i].typed, strlen(cases[i].typed), &box, &e);

		if ((r == 0) != (cases[i].address != NULL))
			fail_msg("%s: %d", cases[i].typed, r);
		if (r == 0)
			assert_string_equal(box.address, cases[i].address);
		else
			assert_int_equal(e.code, ERR_BAD_INPUT);
	}
}

static void
key_and_domain_are_lower_case(void **state)
{
	struct mailbox box;

	(void)state;
	assert_int_equal(mailbox_typed(" Alice@ACME.Example\n", &box, NULL), 0);
	assert_string_equal(box.address, "Alice@ACME.Example");
	assert_string_equal(box.key, "alice@acme.example");
	assert_string_equal(box.domain, "acme.example");
}

static void
a_nul_inside_is_refused(void **state)
{
	struct mailbox box;

	(void)state;
	assert_int_equal(mailbox_parse("a\0b@x.example", 13, &box, NULL), -1);
	assert_int_equal(mailbox_parse("a@x\0.example", 12, &box, NULL), -1);
	assert_int_equal(
	    mailbox_parse("\"a\0b\"@x.example", 15, &box, NULL), -1);
}

static void
length_at_the_limit_and_past_it(void **state)
{
	char s[LIMIT_ADDRESS + 3];
	struct mailbox box;

	(void)state;
	memset(s, 'a', sizeof(s));
	for (size_t i = 1; i < sizeof(s); i += 50)
		s[i] = i == 1 ? '@' : '.';
	s[LIMIT_ADDRESS] = '\0';
	assert_int_equal(mailbox_parse(s, LIMIT_ADDRESS, &box, NULL), 0);
	s[LIMIT_ADDRESS] = 'a';
	assert_int_equal(mailbox_parse(s, LIMIT_ADDRESS + 1, &box, NULL), -1);
}

static void
lists(void **state)
{
	struct mailbox box[4];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(
	    mailbox_typed_list(" a@x.example, Bob <b@x.example>;\r\n"
			       "\"Doe, \\\"J\\\"\" <c@x.example>\n;, ",
		box, 4, &n, &e),
	    0);
	assert_int_equal(n, 3);
	assert_string_equal(box[0].address, "a@x.example");
	assert_string_equal(box[1].address, "b@x.example");
	assert_string_equal(box[2].address, "c@x.example");
	assert_int_equal(
	    mailbox_typed_list(
		"Doe, John <j@x.example>, k@x.example", box, 4, &n, &e),
	    0);
	assert_int_equal(n, 2);
	assert_string_equal(box[0].address, "j@x.example");
	assert_int_equal(mailbox_typed_list("", box, 4, &n, &e), 0);
	assert_int_equal(n, 0);
}

static void
lists_that_are_refused(void **state)
{
	struct mailbox box[2];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(
	    mailbox_typed_list("a@x.example b@x.example", box, 2, &n, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(mailbox_typed_list("nobody", box, 2, &n, &e), -1);
	assert_int_equal(
	    mailbox_typed_list("Bob b@x.example>", box, 2, &n, &e), -1);
	assert_int_equal(
	    mailbox_typed_list("a@x.example,b@x.example", box, 2, &n, &e), 0);
	assert_int_equal(
	    mailbox_typed_list(
		"a@x.example,b@x.example,c@x.example", box, 2, &n, &e),
	    -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mailboxes),
	    cmocka_unit_test(key_and_domain_are_lower_case),
	    cmocka_unit_test(a_nul_inside_is_refused),
	    cmocka_unit_test(length_at_the_limit_and_past_it),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(lists_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
