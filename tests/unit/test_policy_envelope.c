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

/* What the cases below say of a sender: zero is a stranger in clear. */
#define PROVED 1
#define NULLED 2
#define HOUSE  4
#define TLS    8
/* And of a recipient. */
#define MEMBER  16
#define LIST    32
#define OPEN    64 /* a list for anyone */
#define SECOND  128
#define PARTNER 256
#define NEEDS   512 /* TLS, of a partner */
#define PINNED  1024
#define SHOWN   2048
#define KNOWN   4096

static const struct row {
	const char *name;
	enum who sender; /* proved there */
	enum who owner;  /* of the recipient's domain */
	unsigned flags;
	enum policy_inward inward;
	enum who bound;
	enum err_code want;
	enum who tenant;
	enum policy_way way;
} grid[] = {
    /* Whose is it? */
    {"outside to a member", NOBODY, ACME, MEMBER, POLICY_FROM_ANYONE, NOBODY,
	ERR_NONE, ACME, POLICY_INWARD},
    {"outside to a second member", NOBODY, ACME, MEMBER | SECOND,
	POLICY_FROM_ANYONE, ACME, ERR_NONE, ACME, POLICY_INWARD},
    {"outside to another tenant's member", NOBODY, GLOBEX, MEMBER | SECOND,
	POLICY_FROM_ANYONE, ACME, ERR_TOO_MANY, 0, 0},
    {"outside to nobody here", NOBODY, ACME, 0, POLICY_FROM_ANYONE, NOBODY,
	ERR_NOT_FOUND, 0, 0},
    {"outside to nobody at another tenant", NOBODY, GLOBEX, SECOND,
	POLICY_FROM_ANYONE, ACME, ERR_NOT_FOUND, 0, 0},
    {"outside to outside", NOBODY, NOBODY, 0, POLICY_FROM_ANYONE, NOBODY,
	ERR_DENIED, 0, 0},
    {"outside to outside, bound", NOBODY, NOBODY, SECOND, POLICY_FROM_ANYONE,
	ACME, ERR_DENIED, 0, 0},
    {"outside to outside under TLS", NOBODY, NOBODY, TLS, POLICY_FROM_ANYONE,
	NOBODY, ERR_DENIED, 0, 0},
    {"outside to outside, known", NOBODY, NOBODY, KNOWN, POLICY_FROM_ANYONE,
	NOBODY, ERR_DENIED, 0, 0},
    {"a bounce to outside", NOBODY, NOBODY, NULLED, POLICY_FROM_ANYONE, NOBODY,
	ERR_DENIED, 0, 0},
    {"a relay with an outside sender to outside", NOBODY, NOBODY, HOUSE | TLS,
	POLICY_FROM_ANYONE, NOBODY, ERR_DENIED, 0, 0},
    {"member to outside", ACME, NOBODY, 0, 0, ACME, ERR_NONE, ACME,
	POLICY_OUTWARD},
    {"member to outside, not yet bound", ACME, NOBODY, 0, 0, NOBODY, ERR_NONE,
	ACME, POLICY_OUTWARD},
    {"member to colleague", ACME, ACME, MEMBER, POLICY_FROM_PARTNERS, ACME,
	ERR_NONE, ACME, POLICY_INWARD},
    {"member to no colleague", ACME, ACME, 0, POLICY_FROM_ANYONE, ACME,
	ERR_NOT_FOUND, 0, 0},
    {"member to a closed list", ACME, ACME, LIST, POLICY_FROM_ANYONE, ACME,
	ERR_NONE, ACME, POLICY_INWARD},
    {"member to another tenant's member", ACME, GLOBEX, MEMBER, 0, ACME,
	ERR_NONE, ACME, POLICY_OUTWARD},
    {"member to another tenant's closed list", ACME, GLOBEX, LIST, 0, ACME,
	ERR_NONE, ACME, POLICY_OUTWARD},
    {"member to another tenant's domain", ACME, GLOBEX, 0, 0, ACME, ERR_NONE,
	ACME, POLICY_OUTWARD},
    {"member in a foreign transaction", ACME, ACME, MEMBER, POLICY_FROM_ANYONE,
	GLOBEX, ERR_TOO_MANY, 0, 0},
    /* Lists. */
    {"outside to a closed list", NOBODY, ACME, LIST, POLICY_FROM_ANYONE, NOBODY,
	ERR_UNWANTED, 0, 0},
    {"outside to an open list", NOBODY, ACME, LIST | OPEN, POLICY_FROM_ANYONE,
	NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"a bounce to an open list", NOBODY, ACME, LIST | OPEN | NULLED,
	POLICY_FROM_ANYONE, NOBODY, ERR_UNWANTED, 0, 0},
    {"a relay's bounce to a list", NOBODY, ACME, LIST | OPEN | NULLED | HOUSE,
	POLICY_FROM_ANYONE, NOBODY, ERR_UNWANTED, 0, 0},
    {"a stranger to an open list of partners", NOBODY, ACME, LIST | OPEN,
	POLICY_FROM_PARTNERS, NOBODY, ERR_UNWANTED, 0, 0},
    /* From known senders. */
    {"known alone: a stranger", NOBODY, ACME, MEMBER, POLICY_FROM_KNOWN, NOBODY,
	ERR_UNWANTED, 0, 0},
    {"known alone: a stranger to nobody", NOBODY, ACME, 0, POLICY_FROM_KNOWN,
	NOBODY, ERR_UNWANTED, 0, 0},
    {"known alone: known", NOBODY, ACME, MEMBER | KNOWN, POLICY_FROM_KNOWN,
	NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"known alone: known to nobody", NOBODY, ACME, KNOWN, POLICY_FROM_KNOWN,
	NOBODY, ERR_NOT_FOUND, 0, 0},
    {"known alone: a partner", NOBODY, ACME, MEMBER | PARTNER,
	POLICY_FROM_KNOWN, NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"known alone: a bounce", NOBODY, ACME, MEMBER | NULLED, POLICY_FROM_KNOWN,
	NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"known alone: a bounce to two", NOBODY, ACME, MEMBER | NULLED | SECOND,
	POLICY_FROM_KNOWN, ACME, ERR_UNWANTED, 0, 0},
    {"known alone: handed in by a relay", NOBODY, ACME, MEMBER | HOUSE,
	POLICY_FROM_KNOWN, NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    /* From partners. */
    {"partners alone: a stranger", NOBODY, ACME, MEMBER, POLICY_FROM_PARTNERS,
	NOBODY, ERR_UNWANTED, 0, 0},
    {"partners alone: known", NOBODY, ACME, MEMBER | KNOWN,
	POLICY_FROM_PARTNERS, NOBODY, ERR_UNWANTED, 0, 0},
    {"partners alone: a partner", NOBODY, ACME, MEMBER | PARTNER,
	POLICY_FROM_PARTNERS, NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"partners alone: a bounce", NOBODY, ACME, MEMBER | NULLED,
	POLICY_FROM_PARTNERS, NOBODY, ERR_UNWANTED, 0, 0},
    {"partners alone: a relay's bounce", NOBODY, ACME, MEMBER | NULLED | HOUSE,
	POLICY_FROM_PARTNERS, NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    /* A partner's TLS and pin, whatever the policy. */
    {"partner in clear", NOBODY, ACME, MEMBER | PARTNER | NEEDS,
	POLICY_FROM_ANYONE, NOBODY, ERR_INSECURE, 0, 0},
    {"partner in clear to nobody", NOBODY, ACME, PARTNER | NEEDS,
	POLICY_FROM_ANYONE, NOBODY, ERR_INSECURE, 0, 0},
    {"partner in clear through a relay", NOBODY, ACME,
	MEMBER | PARTNER | NEEDS | HOUSE, POLICY_FROM_ANYONE, NOBODY,
	ERR_INSECURE, 0, 0},
    {"partner under TLS", NOBODY, ACME, MEMBER | PARTNER | NEEDS | TLS,
	POLICY_FROM_PARTNERS, NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"pinned partner without its certificate", NOBODY, ACME,
	MEMBER | PARTNER | NEEDS | PINNED | TLS, POLICY_FROM_ANYONE, NOBODY,
	ERR_UNWANTED, 0, 0},
    {"pinned partner with its certificate", NOBODY, ACME,
	MEMBER | PARTNER | NEEDS | PINNED | SHOWN | TLS, POLICY_FROM_PARTNERS,
	NOBODY, ERR_NONE, ACME, POLICY_INWARD},
    {"pinned partner through a relay", NOBODY, ACME,
	MEMBER | PARTNER | NEEDS | PINNED | TLS | HOUSE, POLICY_FROM_ANYONE,
	NOBODY, ERR_NONE, ACME, POLICY_INWARD},
};

static void
facts(
    const struct row *row, struct policy_sender *s, struct policy_recipient *r)
{
	unsigned f = row->flags;

	*s = (struct policy_sender){.proved = row->sender != NOBODY,
	    .tenant = tenant(row->sender),
	    .null = f & NULLED,
	    .house = f & HOUSE,
	    .tls = f & TLS};
	*r = (struct policy_recipient){.ours = row->owner != NOBODY,
	    .tenant = tenant(row->owner),
	    .target = f & LIST ? POLICY_LIST :
		f & MEMBER     ? POLICY_MEMBER :
				 POLICY_NOBODY,
	    .open = f & OPEN,
	    .alone = !(f & SECOND),
	    .inward = row->inward,
	    .partner = f & PARTNER,
	    .partner_tls = f & NEEDS,
	    .pinned = f & PINNED,
	    .shown = f & SHOWN,
	    .known = f & KNOWN};
}

static void
test_recipient(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(grid) / sizeof(grid[0]); i++) {
		struct policy_sender s;
		struct policy_recipient r;
		struct id bound = tenant(grid[i].bound), got = id_zero(), want;
		enum policy_way way = 0;
		struct err e = {ERR_NONE, ""};
		int rc;

		facts(&grid[i], &s, &r);
		rc = policy_recipient(&s, &r, &bound, &got, &way, &e);
		want = tenant(grid[i].tenant);
		if ((rc == 0) != (grid[i].want == ERR_NONE) ||
		    e.code != grid[i].want || !id_equal(&got, &want) ||
		    way != grid[i].way)
			fail_msg("%s: %d, code %d, way %d", grid[i].name, rc,
			    (int)e.code, (int)way);
	}
}

/* Whatever the facts are: nothing goes outward for who is not proved. */
static void
test_never_a_relay(void **state)
{
	static const enum policy_target targets[] = {
	    POLICY_NOBODY, POLICY_MEMBER, POLICY_LIST};
	const struct id bounds[] = {id_zero(), tenant(ACME), tenant(GLOBEX)};
	size_t taken = 0, outward = 0;

	(void)state;
	for (unsigned f = 0; f < 1 << 11; f++)
		for (unsigned t = 0; t < 27; t++) {
			struct policy_sender s = {.proved = f & 1,
			    .tenant = tenant(ACME),
			    .null = f & 2,
			    .house = f & 4,
			    .tls = f & 8};
			struct policy_recipient r = {.ours = f & 16,
			    .tenant = tenant(f & 16 ? GLOBEX : NOBODY),
			    .target = targets[t % 3],
			    .open = f & 32,
			    .alone = f & 64,
			    .partner = f & 128,
			    .partner_tls = f & 256,
			    .pinned = f & 512,
			    .known = f & 1024,
			    .inward = (enum policy_inward)(t / 3 % 3 + 1)};
			enum policy_way way = 0;
			struct id got;

			if (policy_recipient(
				&s, &r, &bounds[t / 9], &got, &way, NULL) == -1)
				continue;
			taken++;
			outward += way == POLICY_OUTWARD;
			if (!s.proved &&
			    (way != POLICY_INWARD || !r.ours ||
				r.target == POLICY_NOBODY ||
				!id_equal(&got, &r.tenant)))
				fail_msg("taken: flags %x, row %u", f, t);
		}
	/* The control: some are taken, and some of a proved sender go out. */
	assert_true(taken > outward && outward > 0);
}

static void
test_class(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
		enum policy_class want;
	} cases[] = {
	    {"a stranger", MEMBER, POLICY_UNKNOWN},
	    {"a bounce", MEMBER | NULLED, POLICY_UNKNOWN},
	    {"a bounce from a known domain", MEMBER | NULLED | KNOWN | PARTNER,
		POLICY_UNKNOWN},
	    {"known", MEMBER | KNOWN, POLICY_KNOWN},
	    {"a partner", MEMBER | PARTNER, POLICY_KNOWN},
	    {"through a relay", MEMBER | HOUSE, POLICY_KNOWN},
	    {"proved", MEMBER | PROVED, POLICY_TRUSTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct row row = {.flags = cases[i].flags,
		    .sender = cases[i].flags & PROVED ? ACME : NOBODY,
		    .owner = ACME};
		struct policy_sender s;
		struct policy_recipient r;

		facts(&row, &s, &r);
		if (policy_class_of(&s, &r) != cases[i].want)
			fail_msg("%s", cases[i].name);
	}
}

static void
test_sender(void **state)
{
	static const struct {
		const char *name;
		enum who account; /* authenticated there as alice@ */
		bool relay;       /* and a relay's account */
		const char *from;
		enum who owner;    /* of the sender's domain */
		bool owners_relay; /* the client is one of its servers */
		enum err_code want;
		bool proved;
		enum who tenant;
	} cases[] = {
	    {"own address", ACME, false, "alice@acme.example", ACME, false,
		ERR_NONE, true, ACME},
	    {"a colleague's", ACME, false, "admin@acme.example", ACME, false,
		ERR_DENIED, false, 0},
	    {"a colleague's, from the tenant's server", ACME, false,
		"admin@acme.example", ACME, true, ERR_DENIED, false, 0},
	    {"own address with a tag", ACME, false, "alice+x@acme.example",
		ACME, false, ERR_DENIED, false, 0},
	    {"an outside one", ACME, false, "x@away.example", NOBODY, false,
		ERR_DENIED, false, 0},
	    {"null sender of a member", ACME, false, NULL, NOBODY, false,
		ERR_DENIED, false, 0},
	    {"relay's account: its own address", ACME, true,
		"alice@acme.example", ACME, false, ERR_NONE, true, ACME},
	    {"relay's account: another of the tenant", ACME, true,
		"nobody@acme.example", ACME, false, ERR_NONE, true, ACME},
	    {"relay's account: another tenant's", ACME, true,
		"bob@globex.example", GLOBEX, false, ERR_DENIED, false, 0},
	    {"relay's account: another tenant's, from its server", ACME, true,
		"bob@globex.example", GLOBEX, true, ERR_DENIED, false, 0},
	    {"relay's account: outside", ACME, true, "x@away.example", NOBODY,
		false, ERR_DENIED, false, 0},
	    {"relay's account: null", ACME, true, NULL, NOBODY, false, ERR_NONE,
		false, ACME},
	    {"outside", NOBODY, false, "x@away.example", NOBODY, false,
		ERR_NONE, false, NOBODY},
	    {"null sender from outside", NOBODY, false, NULL, NOBODY, false,
		ERR_NONE, false, NOBODY},
	    {"outside as a tenant's", NOBODY, false, "alice@acme.example", ACME,
		false, ERR_DENIED, false, 0},
	    {"outside as nobody of a tenant's", NOBODY, false,
		"nobody@acme.example", ACME, false, ERR_DENIED, false, 0},
	    {"a relay for its tenant", NOBODY, false, "alice@acme.example",
		ACME, true, ERR_NONE, true, ACME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_claim c = {
		    .authenticated = cases[i].account != NOBODY,
		    .relay = cases[i].relay,
		    .tenant = tenant(cases[i].account),
		    .own = "alice@acme.example",
		    .from = cases[i].from,
		    .ours = cases[i].owner != NOBODY,
		    .owner = tenant(cases[i].owner),
		    .owners_relay = cases[i].owners_relay};
		struct id got, want = tenant(cases[i].tenant);
		struct err e = {ERR_NONE, ""};
		bool proved;
		int rc = policy_sender(&c, &proved, &got, &e);

		if ((rc == 0) != (cases[i].want == ERR_NONE) ||
		    e.code != cases[i].want || proved != cases[i].proved ||
		    (rc == 0 && !id_equal(&got, &want)))
			fail_msg("%s: %d, code %d, proved %d", cases[i].name,
			    rc, (int)e.code, (int)proved);
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
	    cmocka_unit_test(test_never_a_relay),
	    cmocka_unit_test(test_class),
	    cmocka_unit_test(test_sender),
	    cmocka_unit_test(test_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
