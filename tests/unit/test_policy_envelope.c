/*
 * Who may send what to whom, every case by name; and what a password must be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/limits.h"
#include "policy/envelope.h"

enum who { NOBODY, ACME, GLOBEX };

static struct id
tenant(enum who w)
{
	struct id id = id_zero();

	id.b[0] = (uint8_t)w;
	return id;
}

static void
test_recipient(void **state)
{
	static const struct {
		const char *name;
		enum who sender; /* authenticated there, or NOBODY */
		enum who owner;  /* of the recipient's domain */
		bool member;
		enum who bound;
		enum err_code want;
		enum who tenant;
		enum policy_way way;
	} rows[] = {
	    {"outside to a member", NOBODY, ACME, true, NOBODY, ERR_NONE, ACME,
		POLICY_INWARD},
	    {"outside to a second member", NOBODY, ACME, true, ACME, ERR_NONE,
		ACME, POLICY_INWARD},
	    {"outside to another tenant's member", NOBODY, GLOBEX, true, ACME,
		ERR_TOO_MANY, 0, 0},
	    {"outside to nobody here", NOBODY, ACME, false, NOBODY,
		ERR_NOT_FOUND, 0, 0},
	    {"outside to nobody at another tenant", NOBODY, GLOBEX, false, ACME,
		ERR_NOT_FOUND, 0, 0},
	    {"outside to outside", NOBODY, NOBODY, false, NOBODY, ERR_DENIED, 0,
		0},
	    {"outside to outside, bound", NOBODY, NOBODY, false, ACME,
		ERR_DENIED, 0, 0},
	    {"member to outside", ACME, NOBODY, false, ACME, ERR_NONE, ACME,
		POLICY_OUTWARD},
	    {"member to outside, not yet bound", ACME, NOBODY, false, NOBODY,
		ERR_NONE, ACME, POLICY_OUTWARD},
	    {"member to colleague", ACME, ACME, true, ACME, ERR_NONE, ACME,
		POLICY_INWARD},
	    {"member to no colleague", ACME, ACME, false, ACME, ERR_NOT_FOUND,
		0, 0},
	    {"member to another tenant's member", ACME, GLOBEX, true, ACME,
		ERR_NONE, ACME, POLICY_OUTWARD},
	    {"member to another tenant's domain", ACME, GLOBEX, false, ACME,
		ERR_NONE, ACME, POLICY_OUTWARD},
	    {"member in a foreign transaction", ACME, ACME, true, GLOBEX,
		ERR_TOO_MANY, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_sender s = {
		    rows[i].sender != NOBODY, tenant(rows[i].sender)};
		struct policy_recipient r = {rows[i].owner != NOBODY,
		    tenant(rows[i].owner), rows[i].member};
		struct id bound = tenant(rows[i].bound), got = id_zero(), want;
		enum policy_way way = 0;
		struct err e = {ERR_NONE, ""};
		int rc = policy_recipient(&s, &r, &bound, &got, &way, &e);

		want = tenant(rows[i].tenant);
		if ((rc == 0) != (rows[i].want == ERR_NONE) ||
		    e.code != rows[i].want || !id_equal(&got, &want) ||
		    way != rows[i].way)
			fail_msg("%s: %d, code %d, way %d", rows[i].name, rc,
			    (int)e.code, (int)way);
	}
}

static void
test_sender(void **state)
{
	static const struct {
		const char *name;
		const char *own; /* authenticated as */
		const char *from;
		bool member;
		enum err_code want;
	} rows[] = {
	    {"own address", "alice@acme.example", "alice@acme.example", true,
		ERR_NONE},
	    {"a colleague's", "alice@acme.example", "admin@acme.example", true,
		ERR_DENIED},
	    {"an outside one", "alice@acme.example", "x@away.example", false,
		ERR_DENIED},
	    {"null sender of a member", "alice@acme.example", NULL, false,
		ERR_DENIED},
	    {"outside", NULL, "x@away.example", false, ERR_NONE},
	    {"outside as a member", NULL, "alice@acme.example", true,
		ERR_DENIED},
	    {"null sender from outside", NULL, NULL, false, ERR_NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_sender s = {rows[i].own != NULL, tenant(ACME)};
		struct err e = {ERR_NONE, ""};
		int rc = policy_sender(
		    &s, rows[i].own, rows[i].from, rows[i].member, &e);

		if ((rc == 0) != (rows[i].want == ERR_NONE) ||
		    e.code != rows[i].want)
			fail_msg(
			    "%s: %d, code %d", rows[i].name, rc, (int)e.code);
	}
}

#define X64  "xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy"
#define X256 X64 X64 X64 X64

static void
test_password(void **state)
{
	static const struct {
		const char *name, *password, *again, *want; /* NULL: fine */
	} rows[] = {
	    {"at the shortest", "abcdefghijkl", "abcdefghijkl", NULL},
	    {"one shorter", "abcdefghijk", "abcdefghijk", "short"},
	    {"empty", "", "", "short"},
	    {"characters count, not bytes: 11 of 2",
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4"
		"\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6",
		"", "short"},
	    {"12 of 2",
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4"
		"\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc",
		"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4"
		"\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc",
		NULL},
	    {"at the longest", X256, X256, NULL},
	    {"one longer", X256 "x", X256 "x", "long"},
	    {"one character only", "aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa",
		"plain"},
	    {"one character of 2 bytes only",
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
		"", "plain"},
	    {"two characters of one first byte",
		"\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4"
		"\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6",
		"\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4"
		"\xc3\xb6\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6",
		NULL},
	    {"the address", "Carol@Partner.Example", "Carol@Partner.Example",
		"plain"},
	    {"not the same twice", "correct horse", "correct house", "differs"},
	    {"not UTF-8", "\x80\x81\x82", "", "short"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {ERR_NONE, ""};
		int rc = policy_password(rows[i].password, rows[i].again,
		    "carol@partner.example", &e);

		if ((rc == 0) != (rows[i].want == NULL) ||
		    (rc == -1 &&
			(e.code != ERR_BAD_INPUT ||
			    strcmp(e.text, rows[i].want) != 0)))
			fail_msg("%s: %d %s", rows[i].name, rc, e.text);
	}
	assert_int_equal(
	    policy_password("correct horse", "correct horse", NULL, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_recipient),
	    cmocka_unit_test(test_sender),
	    cmocka_unit_test(test_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
