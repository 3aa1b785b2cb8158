/* test_desk_pickup.c: what a link finds for whom, asking for codes, typing them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "desk/internal.h"

#define CAROL "carol@there.example"
#define CODE  "7KQF2M9X"

/* ---- database, keyd and sessions, as far as these steps see them ---- */

static struct {
	struct notice notice;
	int found;            /* what the search says: 1, 0, -1 */
	enum err_code refuse; /* what keyd says to a code; ERR_NONE: yes */
	int asked;            /* codes keyd was asked to make */
	int checked;          /* codes keyd was asked to check */
	int right;            /* which of those checks is right, from 1 */
	struct id handle[4];  /* what it was asked about */
	int mails, saved, begun, woken, depth;
	enum event_kind event[8];
	int n_event;
	enum err_code commit; /* how transactions that write end */
} world;

int
desk_look(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	int r;

	(void)tenant;
	world.depth++;
	r = fn(d, arg, e);
	world.depth--;
	return r;
}

int
desk_within(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	if (desk_look(d, tenant, fn, arg, e) == -1)
		return -1;
	return world.commit == ERR_NONE ? 0 :
					  err_set(e, world.commit, "commit");
}

static int
found(struct notice *out, struct err *e)
{
	assert_int_equal(world.depth, 1);
	if (world.found == -1)
		return err_set(e, ERR_UNAVAILABLE, "no database");
	if (world.found == 1) {
		*out = world.notice;
		memset(&out->escrow, 0, sizeof(out->escrow));
		assert_int_equal(buf_adds(&out->escrow, "a record"), 0);
	}
	return world.found;
}

int
notice_by_pickup(struct db *db, const struct id *tenant, const char *pickup,
    struct notice *out, struct err *e)
{
	(void)db;
	(void)tenant;
	assert_string_equal(pickup, CODE);
	return found(out, e);
}

int
notice_of_address(struct db *db, const struct id *tenant, const char *key,
    struct notice *out, size_t cap, size_t *n, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)key;
	assert_true(cap >= 1);
	*n = 0;
	if (found(out, e) == -1)
		return -1;
	*n = (size_t)world.found;
	return 0;
}

void
notice_clear(struct notice *n)
{
	buf_free(&n->escrow);
}

int
message_get(struct db *db, const struct id *tenant, const struct id *message,
    struct message *out, struct err *e)
{
	(void)db;
	(void)tenant;
	(void)e;
	memset(out, 0, sizeof(*out));
	out->id = *message;
	snprintf(out->sender, sizeof(out->sender), "alice@here.example");
	out->expires = world.notice.expires;
	return 1;
}

void
message_clear(struct message *m)
{
	(void)m;
}

int
event_add(struct db *db, const struct id *tenant, const struct event *ev,
    struct err *e)
{
	(void)db;
	(void)tenant;
	(void)e;
	world.event[world.n_event++] = ev->kind;
	return 0;
}

int
event_list(struct db *db, const struct id *tenant, const struct id *message,
    struct event **out, size_t *n, struct err *e)
{
	struct event *list = calloc(9, sizeof(*list));

	(void)db;
	(void)tenant;
	(void)message;
	(void)e;
	assert_non_null(list);
	for (int i = 0; i < world.n_event; i++) {
		list[i].kind = world.event[i];
		list[i].slot = world.notice.slot;
	}
	*out = list;
	*n = (size_t)world.n_event;
	return 0;
}

int
outbox_add(struct db *db, const struct outbox *o, struct err *e)
{
	(void)db;
	(void)e;
	assert_int_equal(o->kind, OUTBOX_CODE);
	assert_int_equal(o->item.len, 5);
	world.mails++;
	return 0;
}

void
outbox_clear(struct outbox *o)
{
	buf_free(&o->item);
}

void
db_wake_courier(struct db *db, bool codes)
{
	(void)db;
	assert_true(codes);
	world.woken++;
}

int
visit_begin(struct desk *d, struct desk_visit *v, enum session_kind kind,
    const struct account *account, const char *address, struct err *e)
{
	char copy[LIMIT_ADDRESS + 1];

	(void)d;
	(void)account;
	(void)e;
	snprintf(copy, sizeof(copy), "%s", address);
	memcpy(v->address, copy, sizeof(copy));
	v->kind = kind;
	world.begun++;
	return 0;
}

int
visit_within(struct desk *desk, struct desk_visit *v,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	return desk_within(desk, &v->tenant.id, fn, arg, e);
}

int
visit_save(struct desk *d, struct desk_visit *v, struct err *e)
{
	(void)d;
	(void)v;
	(void)e;
	world.saved++;
	return 0;
}

void
visit_browser(const struct desk_visit *v, uint8_t out[32])
{
	(void)v;
	memset(out, 0x42, 32);
}

int
keyd_code_make(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *notice, const void *escrow,
    size_t escrow_len, const char *typed, const uint8_t browser[32],
    const struct id *outbox, struct keyd_code *out, struct err *e)
{
	(void)k;
	(void)tenant;
	(void)message;
	(void)notice;
	(void)escrow;
	(void)outbox;
	assert_int_equal(world.depth, 0); /* not while the database waits */
	assert_int_equal(escrow_len, 8);
	assert_string_equal(typed, CAROL);
	assert_int_equal(browser[31], 0x42);
	world.asked++;
	if (world.refuse != ERR_NONE)
		return err_set(e, world.refuse, "refused");
	memset(out, 0, sizeof(*out));
	memset(out->handle.b, world.asked, ID_LEN);
	memcpy(out->reference, "A4T", 4);
	memcpy(out->item, "boxed", 5);
	out->item_len = 5;
	return 0;
}

int
keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	(void)k;
	(void)browser;
	assert_int_equal(world.depth, 0);
	assert_string_equal(code, CODE);
	world.handle[world.checked++] = *handle;
	if (world.refuse != ERR_NONE)
		return err_set(e, world.refuse, "refused");
	if (world.checked != world.right)
		return err_set(e, ERR_DENIED, "wrong code");
	memset(proof, 0x77, KEYD_PROOF_LEN);
	return 0;
}

/* ---- one visit ---- */

static struct desk d;
static struct desk_visit visit;
static char link_text[SEAL_LINK_LEN], other_link[SEAL_LINK_LEN];

static int
fresh(void **state)
{
	uint8_t link[SEAL_LINK_BYTES];

	(void)state;
	memset(&world, 0, sizeof(world));
	memset(&visit, 0, sizeof(visit));
	visit.tenant.id = id_new();
	visit.tenant.escrow = true;
	if ((visit.ring = ring_new()) == NULL)
		return -1;
	seal_link_new(link, other_link);
	seal_link_new(link, link_text);
	world.found = 1;
	world.notice.id = id_new();
	world.notice.message = id_new();
	world.notice.slot = 3;
	memcpy(world.notice.pickup, CODE, SEAL_PICKUP_LEN);
	memcpy(world.notice.key, CAROL, sizeof(CAROL));
	seal_link_hash(link, world.notice.link_hash);
	world.notice.expires = clock_now() + CLOCK_DAY;
	return 0;
}

static int
over(void **state)
{
	(void)state;
	ring_free(visit.ring);
	return 0;
}

static void
sits(enum session_kind kind, const char *address, bool proved)
{
	visit.kind = kind;
	snprintf(visit.address, sizeof(visit.address), "%s", address);
	visit.ring->has_proof = proved;
}

/* ---- landing ---- */

static void
a_link_finds_its_notice(void **state)
{
	struct desk_landing l;
	struct err e;

	(void)state;
	assert_int_equal(
	    desk_landing(&d, &visit, "7kqf-2m9x", NULL, &l, &e), 1);
	assert_int_equal(l.state, LANDING_OPEN);
	assert_string_equal(l.pickup, CODE);
	assert_string_equal(l.sender, "alice@here.example");
	assert_string_equal(l.ends_in, "@th");
	assert_false(l.yours || l.others || l.account);
	assert_int_equal(desk_landing(&d, &visit, CODE, link_text, &l, &e), 1);
	/* Of another notice, half of one, and none. */
	assert_int_equal(
	    desk_landing(&d, &visit, CODE, other_link, &l, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	link_text[10] = '\0';
	assert_int_equal(desk_landing(&d, &visit, CODE, link_text, &l, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(desk_landing(&d, &visit, CODE, "", &l, &e), 1);
	assert_int_equal(desk_landing(&d, &visit, "no code", NULL, &l, &e), 0);
	world.found = 0;
	assert_int_equal(desk_landing(&d, &visit, CODE, NULL, &l, &e), 0);
	world.found = -1;
	assert_int_equal(desk_landing(&d, &visit, CODE, NULL, &l, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(world.begun + world.saved + world.n_event, 0);
}

static void
its_end_is_seen(void **state)
{
	struct desk_landing l;
	struct err e;

	(void)state;
	world.notice.expires = clock_now() - 1;
	assert_int_equal(desk_landing(&d, &visit, CODE, NULL, &l, &e), 1);
	assert_int_equal(l.state, LANDING_EXPIRED);
}

/* Who is sent on to the message at once: only whom it will open for. */
static void
whose_it_is(void **state)
{
	enum { MINE, OTHERS, LINK_ABSENT, LINK_WRONG, LINK_RIGHT };
	static const struct {
		enum session_kind kind;
		int who;
		bool proved, adopted, no_escrow;
		bool yours, others;
	} cases[] = {
	    {0, MINE, false, false, false, false, false},
	    {SESSION_VISITOR, MINE, false, false, false, false, false},
	    {SESSION_GUEST, MINE, true, false, false, true, false},
	    {SESSION_GUEST, OTHERS, true, false, false, false, true},
	    /* Its account came later: the guest has to sign in. */
	    {SESSION_GUEST, MINE, true, true, false, false, false},
	    {SESSION_ACCOUNT, MINE, false, true, false, true, false},
	    {SESSION_ACCOUNT, OTHERS, false, true, false, false, true},
	    /* Not adopted: the account's keys do not open it, a proof does. */
	    {SESSION_ACCOUNT, MINE, false, false, false, false, false},
	    {SESSION_ACCOUNT, MINE, true, false, false, true, false},
	    /* Without escrow the link itself is needed. */
	    {SESSION_GUEST, LINK_ABSENT, true, false, true, false, false},
	    {SESSION_GUEST, LINK_WRONG, true, false, true, false, false},
	    {SESSION_GUEST, LINK_RIGHT, true, false, true, true, false},
	};
	struct desk_landing l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = cases[i].who == LINK_WRONG ? other_link :
								link_text;

		sits(cases[i].kind,
		    cases[i].who == OTHERS ? "dan@there.example" : CAROL,
		    cases[i].proved);
		world.notice.account = cases[i].adopted ? id_new() : id_zero();
		visit.tenant.escrow = !cases[i].no_escrow;
		visit.ring->has_link = cases[i].who >= LINK_WRONG;
		assert_int_equal(
		    seal_link_parse(text, strlen(text), visit.ring->link), 0);
		assert_int_equal(
		    desk_landing(&d, &visit, CODE, NULL, &l, &e), 1);
		if (l.yours != cases[i].yours || l.others != cases[i].others)
			fail_msg("case %zu", i);
	}
}

/* ---- asking for a code ---- */

static void
ask(const char *pickup, const char *secret, const char *address)
{
	struct err e = {0};

	assert_int_equal(
	    desk_ask_code(&d, &visit, pickup, secret, address, &e), 0);
	assert_int_equal(e.code, ERR_NONE);
	assert_int_equal(visit.kind, SESSION_VISITOR);
	assert_int_equal(strlen(visit.code_reference), 3);
	assert_true(visit.code_sent > 0);
	assert_true(visit.code_expires ==
	    visit.code_sent + LIMIT_CODE_MINUTES * CLOCK_MINUTE);
	assert_int_equal(visit.ring->has_proof, 0);
}

static void
the_right_address_gets_a_mail(void **state)
{
	(void)state;
	ask("7kqf-2m9x", link_text, "Carol@There.example");
	assert_int_equal(world.asked, 1);
	assert_int_equal(world.mails, 1);
	assert_int_equal(world.woken, 1);
	assert_int_equal(world.n_event, 1);
	assert_int_equal(world.event[0], EVENT_CODE_SENT);
	assert_string_equal(visit.pickup, CODE);
	assert_string_equal(visit.code_reference, "A4T");
	assert_int_equal(visit.ring->has_link, 1);
	assert_int_equal(visit.ring->handle[0].b[0], 1);
	assert_true(id_is_zero(&visit.ring->handle[1]));
	/* Again: the same session, and the code before still counts. */
	ask(CODE, link_text, CAROL);
	assert_int_equal(world.begun, 1);
	assert_int_equal(visit.ring->handle[0].b[0], 2);
	assert_int_equal(visit.ring->handle[1].b[0], 1);
	/* For something else it is another session, and knows no handle. */
	world.refuse = ERR_TOO_MANY;
	ask(NULL, NULL, CAROL);
	assert_int_equal(world.begun, 2);
	assert_true(id_is_zero(&visit.ring->handle[0]));
	assert_int_equal(visit.ring->has_link, 0);
	assert_string_equal(visit.pickup, "");
}

/* No mail, and nothing to tell it by. */
static void
everybody_else_gets_the_same_page(void **state)
{
	(void)state;
	ask(CODE, NULL, "mallory@there.example");
	assert_int_equal(world.asked, 0);
	world.refuse = ERR_TOO_MANY;
	ask(CODE, NULL, CAROL);
	world.refuse = ERR_DENIED;
	ask(CODE, NULL, CAROL);
	world.refuse = ERR_NONE;
	world.found = 0;
	ask(NULL, NULL, CAROL);
	world.found = 1;
	world.notice.expires = clock_now() - 1;
	ask(CODE, NULL, CAROL);
	assert_int_equal(world.asked, 2);
	assert_int_equal(world.mails + world.woken + world.n_event, 0);
	assert_true(id_is_zero(&visit.ring->handle[0]));
}

static void
what_cannot_be_asked(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(
	    desk_ask_code(&d, &visit, CODE, NULL, "no address", &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(
	    desk_ask_code(&d, &visit, "no code", NULL, CAROL, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	world.refuse = ERR_UNAVAILABLE;
	assert_int_equal(desk_ask_code(&d, &visit, CODE, NULL, CAROL, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	/* A mail that was not committed wakes nobody. */
	world.refuse = ERR_NONE;
	world.commit = ERR_UNKNOWN;
	assert_int_equal(desk_ask_code(&d, &visit, CODE, NULL, CAROL, &e), -1);
	assert_int_equal(e.code, ERR_UNKNOWN);
	assert_int_equal(world.woken, 0);
}

/* ---- typing it ---- */

static void
type(const char *code, int right, int want, enum err_code code_want)
{
	struct id message;
	struct err e = {0};

	world.checked = 0;
	world.right = right;
	assert_int_equal(desk_check_code(&d, &visit, code, &message, &e), want);
	assert_int_equal(e.code, code_want);
	if (want == 0)
		assert_true(id_equal(&message, &world.notice.message));
	else
		assert_true(id_is_zero(&message));
}

static void
a_right_code_makes_a_guest(void **state)
{
	(void)state;
	ask(CODE, link_text, CAROL);
	ask(CODE, link_text, CAROL);
	world.n_event = 0;
	/* The newest first, then the one before. */
	type(CODE, 2, 0, ERR_NONE);
	assert_int_equal(world.handle[0].b[0], 2);
	assert_int_equal(world.handle[1].b[0], 1);
	assert_int_equal(visit.kind, SESSION_GUEST);
	assert_string_equal(visit.address, CAROL);
	assert_int_equal(visit.ring->has_proof, 1);
	assert_int_equal(visit.ring->proof[0], 0x77);
	assert_int_equal(visit.ring->has_link, 1);
	assert_true(id_is_zero(&visit.ring->handle[0]));
	assert_int_equal(world.n_event, 1);
	assert_int_equal(world.event[0], EVENT_PROVED);
	/* Whoever is a guest already proves nothing again. */
	type(CODE, 1, -1, ERR_DENIED);
	assert_int_equal(world.checked, 0);
}

static void
every_wrong_code_is_answered_alike(void **state)
{
	static const enum err_code refusals[] = {
	    ERR_DENIED, ERR_EXPIRED, ERR_TOO_MANY, ERR_NOT_FOUND, ERR_GONE};

	(void)state;
	/* Nobody, and a visitor who never got one. */
	type(CODE, 1, -1, ERR_DENIED);
	ask(CODE, NULL, "mallory@there.example");
	type(CODE, 1, -1, ERR_DENIED);
	assert_int_equal(world.checked, 0);
	ask(CODE, NULL, CAROL);
	type("no code at all", 1, -1, ERR_DENIED);
	assert_int_equal(world.checked, 0);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		world.refuse = refusals[i];
		type(CODE, 1, -1, ERR_DENIED);
	}
	world.refuse = ERR_UNAVAILABLE;
	type(CODE, 1, -1, ERR_UNAVAILABLE);
	assert_int_equal(world.checked, 1);
	assert_int_equal(visit.kind, SESSION_VISITOR);
	assert_int_equal(visit.ring->has_proof, 0);
	/* The control. */
	world.refuse = ERR_NONE;
	type(CODE, 1, 0, ERR_NONE);
}

/* ---- not for me ---- */

static void
not_for_me_is_told_once(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(desk_wrong_person(&d, &visit, CODE, &e), 0);
	assert_int_equal(desk_wrong_person(&d, &visit, CODE, &e), 0);
	assert_int_equal(world.n_event, 1);
	assert_int_equal(world.event[0], EVENT_WRONG_PERSON);
	world.found = 0;
	assert_int_equal(desk_wrong_person(&d, &visit, CODE, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(desk_wrong_person(&d, &visit, "", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, over)
	const struct CMUnitTest tests[] = {
	    TEST(a_link_finds_its_notice),
	    TEST(its_end_is_seen),
	    TEST(whose_it_is),
	    TEST(the_right_address_gets_a_mail),
	    TEST(everybody_else_gets_the_same_page),
	    TEST(what_cannot_be_asked),
	    TEST(a_right_code_makes_a_guest),
	    TEST(every_wrong_code_is_answered_alike),
	    TEST(not_for_me_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
