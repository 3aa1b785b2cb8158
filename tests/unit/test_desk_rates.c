/*
 * Rates: counts in windows, which never are too low however many keys there are; who is
 * one client; which limit counts; the brakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "desk/meters.h"
#include "desk/rates.h"
#include "desk/tally.h"

#define WINDOW (100 * CLOCK_SECOND)
#define BEGIN  (INT64_C(1700000000) * CLOCK_SECOND)

/* ---- the tally ---- */

static struct rate_key
key(unsigned n)
{
	struct rate_key k = {.b = {0}};

	memcpy(k.b, &n, sizeof(n));
	return k;
}

static void
counts_slide_through_two_windows(void **state)
{
	static const struct {
		const char *name;
		int64_t at;
		uint64_t want;
	} cases[] = {
	    {"at once", 0, 1000},
	    {"at the window's end", WINDOW - 1, 1000},
	    {"at the beginning of the next", WINDOW, 1000},
	    {"a quarter into it", WINDOW + WINDOW / 4, 750},
	    {"at its end", 2 * WINDOW - CLOCK_SECOND, 10},
	    {"after two windows", 2 * WINDOW, 0},
	    {"much later", 90 * WINDOW, 0},
	};
	struct rate_key k = key(1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tally *t = tally_new(64, WINDOW);

		tally_add(t, &k, 1000, BEGIN);
		if (tally_look(t, &k, BEGIN + cases[i].at) != cases[i].want)
			fail_msg("%s: %llu", cases[i].name,
			    (unsigned long long)tally_look(
				t, &k, BEGIN + cases[i].at));
		tally_free(t);
	}
	tally_free(NULL);
}

static void
a_clock_put_back_forgets_nothing(void **state)
{
	struct tally *t = tally_new(64, WINDOW);
	struct rate_key k = key(1);

	(void)state;
	tally_add(t, &k, 5, BEGIN + WINDOW);
	assert_int_equal(tally_look(t, &k, BEGIN), 5);
	tally_add(t, &k, 1, BEGIN);
	assert_int_equal(tally_look(t, &k, BEGIN + WINDOW), 6);
	tally_free(t);
}

#define KEYS 3000

/* Far more keys than there is room for: each has at least what it did. */
static void
no_count_is_too_low(void **state)
{
	struct tally *t = tally_new(128, WINDOW);
	uint64_t did[KEYS] = {0};
	struct rate_key k;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		/* A few do much, many do little. */
		n = secret_uniform(4) == 0 ? secret_uniform(20) :
					     secret_uniform(KEYS);
		k = key(n);
		tally_add(t, &k, 1, BEGIN);
		did[n]++;
		if (tally_look(t, &k, BEGIN) < did[n])
			fail_msg("key %u after %u", n, i);
	}
	for (n = 0; n < KEYS; n++) {
		k = key(n);
		assert_true(tally_look(t, &k, BEGIN) >= did[n]);
	}
	assert_true(tally_displaced(t) > 0);
	assert_int_equal(tally_keys(t, BEGIN), 128);
	assert_int_equal(tally_keys(t, BEGIN + 2 * WINDOW), 0);
	tally_free(t);
}

/* One who has done much cannot make himself forgotten by a crowd of his own. */
static void
a_crowd_displaces_the_lowest(void **state)
{
	struct tally *t = tally_new(8, WINDOW);
	struct rate_key guilty = key(0), k;

	(void)state;
	tally_add(t, &guilty, 500, BEGIN);
	for (unsigned i = 1; i < 400; i++) {
		k = key(i);
		tally_add(t, &k, 1, BEGIN);
	}
	assert_true(tally_look(t, &guilty, BEGIN) >= 500);
	/* And a newcomer has what the lowest had, not what the guilty one has. */
	k = key(9999);
	assert_true(tally_look(t, &k, BEGIN) < 100);
	tally_free(t);
}

/* As the database does it. */
static void
answer(struct rate_count *c, uint64_t *used, uint64_t before)
{
	*used += c->n;
	c->used = *used;
	c->before = before;
}

static void
news_are_told_once_and_again_when_lost(void **state)
{
	struct tally *a = tally_new(64, WINDOW), *b = tally_new(64, WINDOW);
	struct rate_key k = key(7);
	struct rate_count c[4];
	uint64_t all = 0;
	size_t at = 0;

	(void)state;
	tally_add(a, &k, 3, BEGIN);
	assert_int_equal(tally_news(a, &at, BEGIN, c, 4), 1);
	assert_int_equal(c[0].n, 3);
	assert_int_equal(c[0].span, WINDOW);
	assert_int_equal(c[0].began % WINDOW, 0);
	tally_untold(a, c, 1, BEGIN);
	tally_add(a, &k, 1, BEGIN);
	at = 0;
	assert_int_equal(tally_news(a, &at, BEGIN, c, 4), 1);
	assert_int_equal(c[0].n, 4);
	answer(&c[0], &all, 0);
	tally_add(a, &k, 2, BEGIN); /* meanwhile */
	tally_told(a, c, 1, BEGIN);
	assert_int_equal(tally_look(a, &k, BEGIN), 6);
	/* The other has only looked, and so learns of it. */
	assert_int_equal(tally_look(b, &k, BEGIN), 0);
	at = 0;
	assert_int_equal(tally_news(b, &at, BEGIN, c, 4), 1);
	assert_int_equal(c[0].n, 0);
	answer(&c[0], &all, 10);
	tally_told(b, c, 1, BEGIN);
	assert_int_equal(tally_look(b, &k, BEGIN) >= 4, 1);
	/* Nothing new: nothing told. */
	at = 0;
	(void)tally_news(b, &at, BEGIN, c, 4);
	at = 0;
	assert_int_equal(tally_news(b, &at, BEGIN, c, 4), 0);
	/* Of the window before, too. */
	tally_add(b, &k, 5, BEGIN);
	at = 0;
	assert_int_equal(tally_news(b, &at, BEGIN + WINDOW, c, 4), 2);
	assert_int_equal(c[0].n, 5);
	assert_int_equal(c[0].began + WINDOW, c[1].began);
	assert_int_equal(c[1].n, 0);
	tally_untold(b, c, 2, BEGIN + WINDOW);
	at = 0;
	assert_int_equal(tally_news(b, &at, BEGIN + WINDOW, c, 4), 2);
	assert_int_equal(c[0].n, 5);
	/* An answer that is lower than what was counted changes nothing. */
	c[0] = (struct rate_count){
	    .key = k, .began = BEGIN - BEGIN % WINDOW, .span = WINDOW};
	tally_told(a, c, 1, BEGIN);
	assert_int_equal(tally_look(a, &k, BEGIN), 6);
	tally_free(a);
	tally_free(b);
}

/* ---- rates ---- */

static int64_t now;

static int64_t
clock_fake(void)
{
	return now;
}

static struct meters *
meters_new(const char *free)
{
	const struct rates_setup setup = {
	    .free = free, .hour_s = 3600, .brake_s = 600, .now = clock_fake};
	struct err e;
	struct meters *m = rates_new(&setup, &e);

	now = BEGIN - BEGIN % (3600 * CLOCK_SECOND);
	assert_non_null(m);
	return m;
}

static const struct id acme = {{1}}, globex = {{2}};

static struct desk_sender
from(const char *client)
{
	struct desk_sender s = {.authenticated = false};

	snprintf(s.client, sizeof(s.client), "%s", client);
	return s;
}

/* One message to one recipient. */
static int
message(struct meters *m, const char *client, const struct id *tenant,
    enum policy_class class, const struct rates *own)
{
	const struct desk_sender s = from(client);
	struct desk_envelope env = {.tenant = *tenant, .sender_class = class};
	const struct rates_at at = {tenant, class, own};
	struct err e = {0};
	int rc = rates_recipient(m, &s, &env, &at, &e);

	assert_true(rc == 0 || e.code == ERR_RATE);
	env.n_given = 1;
	if (rc == 0)
		rates_taken(m, &s, &env);
	return rc;
}

static unsigned
messages(struct meters *m, const char *client, const struct id *tenant,
    enum policy_class class, const struct rates *own, unsigned most)
{
	unsigned n = 0;

	while (n < most && message(m, client, tenant, class, own) == 0)
		n++;
	return n;
}

static void
who_is_one_client(void **state)
{
	static const struct {
		const char *name, *a, *b;
		bool one;
	} cases[] = {
	    {"an address", "192.0.2.1", "192.0.2.1", true},
	    {"two addresses", "192.0.2.1", "192.0.2.2", false},
	    {"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
	    {"a /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff",
		true},
	    {"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"the same bytes", "32.1.13.184", "2001:db8::", false},
	};
	const struct rates own = {.messages = {5, 5, 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct meters *m = meters_new(NULL);

		assert_int_equal(
		    messages(m, cases[i].a, &acme, POLICY_UNKNOWN, &own, 10),
		    5);
		if (messages(m, cases[i].b, &acme, POLICY_UNKNOWN, &own, 10) !=
		    (cases[i].one ? 0 : 5))
			fail_msg("%s", cases[i].name);
		rates_free(m);
	}
	rates_free(NULL);
}

/* What was decided of one tenant and class leaves the others alone. */
static void
each_tenant_and_class_by_itself(void **state)
{
	const struct rates own = {
	    .messages = {2, 3, 4}, .recipients = {9, 9, 9}};
	struct meters *m = meters_new(NULL);

	(void)state;
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_UNKNOWN, &own, 9), 2);
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_KNOWN, &own, 9), 3);
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_TRUSTED, &own, 9), 4);
	assert_int_equal(
	    messages(m, "192.0.2.1", &globex, POLICY_UNKNOWN, &own, 9), 2);
	assert_int_equal(
	    messages(m, "192.0.2.2", &acme, POLICY_UNKNOWN, &own, 9), 2);
	now += 3600 * CLOCK_SECOND;
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_UNKNOWN, &own, 9), 0);
	now += 1800 * CLOCK_SECOND;
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_UNKNOWN, &own, 9), 1);
	now += 7200 * CLOCK_SECOND;
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_UNKNOWN, &own, 9), 2);
	rates_free(m);
}

static void
recipients_and_what_is_refused_whole(void **state)
{
	const struct rates own = {.messages = {3}, .recipients = {4}};
	const struct desk_sender s = from("192.0.2.9");
	struct desk_envelope env = {.n_given = 0};
	const struct rates_at at = {&acme, POLICY_UNKNOWN, &own};
	struct meters *m = meters_new(NULL);
	struct err e;

	(void)state;
	assert_int_equal(rates_mail(m, &s, &at, &e), 0);
	for (env.n_given = 0; env.n_given < 4; env.n_given++)
		assert_int_equal(rates_recipient(m, &s, &env, &at, &e), 0);
	assert_int_equal(rates_recipient(m, &s, &env, &at, &e), -1);
	assert_int_equal(e.code, ERR_RATE);
	assert_int_equal(rates_recipient(m, &s, &env, &at, NULL), -1);
	/* Refused for its recipient, it is no message either. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(
		    message(m, s.client, &acme, POLICY_UNKNOWN, &own), -1);
	assert_int_equal(rates_mail(m, &s, &at, &e), 0);
	now += 3600 * CLOCK_SECOND + 1800 * CLOCK_SECOND;
	/* Two of four, half of one. */
	assert_int_equal(
	    messages(m, s.client, &acme, POLICY_UNKNOWN, &own, 9), 2);
	rates_free(m);
}

static const int client_messages[] = {LIMIT_MESSAGES_CLIENT};
static const int client_connections[] = {LIMIT_CONNECTIONS_CLIENT};
static const int client_recipients[] = {LIMIT_RECIPIENTS_CLIENT};
static const int tenant_messages[] = {LIMIT_MESSAGES_TENANT};
static const int tenant_connections[] = {LIMIT_CONNECTIONS_TENANT};

static void
usual_limits_and_free_clients(void **state)
{
	const struct rates own = {.messages = {7}};
	struct meters *m = meters_new(" 127.0.0.0/8, ::1 2001:db8::/32,");
	const struct desk_sender s = from("192.0.2.1"), f = from("127.0.0.9");
	const struct desk_envelope more = {.n_given = 1};
	const struct desk_envelope for_globex = {
	    .tenant = globex, .sender_class = POLICY_KNOWN};
	const struct rates_at at = {&acme, POLICY_KNOWN, NULL};
	char client[32];
	struct err e;
	int n;

	(void)state;
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_UNKNOWN, NULL, 1000000),
	    client_messages[0]);
	assert_int_equal(
	    messages(m, "192.0.2.1", &acme, POLICY_KNOWN, NULL, 1000000),
	    client_messages[1]);
	for (n = 0; rates_connect(m, &s, &e) == 0; n++)
		continue;
	assert_int_equal(n, client_connections[0]);
	assert_int_equal(e.code, ERR_RATE);
	for (n = 0; n < client_connections[0] + 9; n++)
		assert_int_equal(rates_connect(m, &f, &e), 0);
	for (n = 0; rates_recipient(m, &s, &more, &at, &e) == 0; n++)
		continue;
	assert_int_equal(n, client_recipients[1] - client_messages[1]);
	for (n = 0; rates_meet(m, &s, &for_globex, &e) == 0; n++)
		continue;
	assert_int_equal(n, tenant_connections[1]);
	for (n = 0; n < tenant_connections[1] + 9; n++)
		assert_int_equal(rates_meet(m, &f, &for_globex, &e), 0);
	/* Free of the usual, not of what the tenant has said. */
	assert_int_equal(
	    messages(m, "127.0.0.1", &acme, POLICY_UNKNOWN, NULL, 5000), 5000);
	assert_int_equal(
	    messages(m, "2001:db8::7", &acme, POLICY_UNKNOWN, NULL, 5000),
	    5000);
	assert_int_equal(
	    messages(m, "::1", &acme, POLICY_UNKNOWN, &own, 5000), 7);
	/* All clients together: what is left of the tenant's. */
	for (n = client_messages[0]; n < tenant_messages[0]; n++) {
		snprintf(
		    client, sizeof(client), "10.0.%d.%d", n / 200, n % 200);
		assert_int_equal(
		    message(m, client, &acme, POLICY_UNKNOWN, NULL), 0);
	}
	assert_int_equal(
	    message(m, "10.9.9.9", &acme, POLICY_UNKNOWN, NULL), -1);
	assert_int_equal(
	    message(m, "10.9.9.9", &globex, POLICY_UNKNOWN, NULL), 0);
	assert_int_equal(message(m, "10.9.9.9", &acme, POLICY_KNOWN, NULL), 0);
	rates_free(m);
}

/* Who names recipients and sends nothing takes of himself alone. */
static void
named_and_not_sent(void **state)
{
	const struct rates_at at = {&acme, POLICY_UNKNOWN, NULL};
	struct meters *m = meters_new(NULL);
	struct desk_envelope env = {
	    .tenant = acme, .sender_class = POLICY_UNKNOWN};
	struct rate_limit *row = calloc(2, sizeof(*row));
	struct desk_sender s = from("192.0.2.1");
	struct err e;

	(void)state;
	assert_non_null(row);
	row[0] = (struct rate_limit){
	    .of = RATE_TENANT, .what = RATE_MESSAGES, .most = 3};
	row[1] = (struct rate_limit){
	    .of = RATE_TENANT, .what = RATE_RECIPIENTS, .most = 5};
	meters_limits(m, row, 2);
	for (int i = 0; i < 100; i++) {
		env.n_given = 0;
		assert_int_equal(rates_recipient(m, &s, &env, &at, &e), 0);
		env.n_given = 4;
		assert_int_equal(rates_recipient(m, &s, &env, &at, &e), 0);
		/* What is in the envelope is to have room, too. */
		env.n_given = 5;
		assert_int_equal(rates_recipient(m, &s, &env, &at, &e), -1);
	}
	s = from("192.0.2.2");
	env.n_given = 3;
	rates_taken(m, &s, &env);
	env.n_given = 1;
	assert_int_equal(rates_recipient(m, &s, &env, &at, &e), 0);
	env.n_given = 2;
	assert_int_equal(rates_recipient(m, &s, &env, &at, &e), -1);
	env.n_given = 1;
	rates_taken(m, &s, &env);
	assert_int_equal(rates_mail(m, &s, &at, &e), 0);
	rates_taken(m, &s, &env);
	assert_int_equal(rates_mail(m, &s, &at, &e), -1);
	env.n_given = 0;
	assert_int_equal(rates_recipient(m, &s, &env, &at, &e), -1);
	rates_free(m);
}

static void
malformed_networks(void **state)
{
	static const char *const cases[] = {"localhost", "127.0.0.0/33",
	    "::1/129", "127.0.0.1;::1", "10.0.0.0/8 x",
	    "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"};
	struct rates_setup setup = {
	    .hour_s = 1, .brake_s = 1, .now = clock_fake};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setup.free = cases[i];
		assert_null(rates_new(&setup, &e));
		assert_int_equal(e.code, ERR_BAD_INPUT);
	}
	setup.free = "none";
	rates_free(rates_new(&setup, &e));
}

/* ---- the brakes ---- */

static const struct desk_envelope stranger = {.proved = false};

static void
unknown(struct meters *m, const char *client, const struct rates *own, int n)
{
	const struct desk_sender s = from(client);
	const struct rates_at at = {&acme, POLICY_UNKNOWN, own};

	while (n-- > 0)
		rates_unknown(m, &s, &stranger, &at);
}

static unsigned
brake(struct meters *m, const char *client, bool *silent)
{
	const struct desk_sender s = from(client);

	return rates_brake(m, &s, &stranger, silent);
}

static void
answers_wait_and_then_tell_nothing(void **state)
{
	static const int thresholds[] = {0, 1, 7, 10, 1000};
	struct rates own = {.harvest = 0};
	unsigned ms, last;
	bool silent;

	(void)state;
	for (size_t i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]);
	     i++) {
		struct meters *m = meters_new("192.0.2.0/24");
		int t = thresholds[i] == 0 ? LIMIT_UNKNOWN : thresholds[i];

		own.harvest = thresholds[i];
		unknown(m, "192.0.2.1", &own, t - 1);
		assert_int_equal(brake(m, "192.0.2.1", &silent), 0);
		for (int n = t; n < t * LIMIT_BRAKE_STOP; n++) {
			last = ms = brake(m, "192.0.2.1", &silent);
			unknown(m, "192.0.2.1", &own, 1);
			ms = brake(m, "192.0.2.1", &silent);
			if (silent)
				break;
			assert_true(ms > 0 && ms >= last);
			assert_true(ms <= LIMIT_BRAKE_MS);
		}
		unknown(m, "192.0.2.1", &own, 1);
		assert_int_equal(
		    brake(m, "192.0.2.1", &silent), LIMIT_BRAKE_MS);
		assert_true(silent);
		/* Nobody else is held back. */
		assert_int_equal(brake(m, "192.0.2.2", &silent), 0);
		assert_false(silent);
		/* And after two windows all is well. */
		now += 2 * 600 * CLOCK_SECOND;
		assert_int_equal(brake(m, "192.0.2.1", &silent), 0);
		assert_false(silent);
		rates_free(m);
	}
}

static void
the_tenants_own_are_not_braked(void **state)
{
	struct meters *m = meters_new(NULL);
	struct desk_sender member = from("192.0.2.1");
	const struct desk_envelope proved = {.proved = true};
	const struct rates_at at = {&acme, POLICY_TRUSTED, NULL};
	bool silent;

	(void)state;
	unknown(m, "192.0.2.1", NULL, 200);
	assert_int_equal(rates_brake(m, &member, &proved, &silent), 0);
	assert_false(silent);
	for (int i = 0; i < 200; i++)
		rates_unknown(m, &member, &proved, &at);
	member = from("192.0.2.7");
	member.authenticated = true;
	for (int i = 0; i < 200; i++)
		rates_unknown(m, &member, &stranger, &at);
	assert_int_equal(brake(m, "192.0.2.7", &silent), 0);
	/* The control. */
	assert_int_equal(brake(m, "192.0.2.1", &silent), LIMIT_BRAKE_MS);
	assert_true(silent);
	rates_free(m);
}

static void
failed_attempts_to_authenticate(void **state)
{
	struct meters *m = meters_new("192.0.2.0/24");
	const struct desk_sender s = from("192.0.2.1"), o = from("192.0.2.2");
	struct err e;

	(void)state;
	for (int i = 0; i < LIMIT_AUTH_FAILED; i++) {
		assert_int_equal(rates_auth(m, &s, &e), 0);
		rates_auth_failed(m, &s);
	}
	assert_int_equal(rates_auth(m, &s, &e), -1);
	assert_int_equal(e.code, ERR_RATE);
	assert_int_equal(rates_auth(m, &o, &e), 0);
	now += 2 * 600 * CLOCK_SECOND;
	assert_int_equal(rates_auth(m, &s, &e), 0);
	rates_free(m);
}

static void
without_meters_all_is_allowed(void **state)
{
	const struct desk_sender s = from("192.0.2.1");
	const struct rates_at at = {&acme, POLICY_UNKNOWN, NULL};
	struct err e;
	bool silent = true;

	(void)state;
	assert_int_equal(rates_connect(NULL, &s, &e), 0);
	assert_int_equal(rates_meet(NULL, &s, &stranger, &e), 0);
	assert_int_equal(rates_mail(NULL, &s, &at, &e), 0);
	assert_int_equal(rates_recipient(NULL, &s, &stranger, &at, &e), 0);
	rates_taken(NULL, &s, &stranger);
	rates_unknown(NULL, &s, &stranger, &at);
	assert_int_equal(rates_brake(NULL, &s, &stranger, &silent), 0);
	assert_false(silent);
	assert_int_equal(rates_auth(NULL, &s, &e), 0);
	rates_auth_failed(NULL, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_slide_through_two_windows),
	    cmocka_unit_test(a_clock_put_back_forgets_nothing),
	    cmocka_unit_test(no_count_is_too_low),
	    cmocka_unit_test(a_crowd_displaces_the_lowest),
	    cmocka_unit_test(news_are_told_once_and_again_when_lost),
	    cmocka_unit_test(who_is_one_client),
	    cmocka_unit_test(each_tenant_and_class_by_itself),
	    cmocka_unit_test(recipients_and_what_is_refused_whole),
	    cmocka_unit_test(usual_limits_and_free_clients),
	    cmocka_unit_test(named_and_not_sent),
	    cmocka_unit_test(malformed_networks),
	    cmocka_unit_test(answers_wait_and_then_tell_nothing),
	    cmocka_unit_test(the_tenants_own_are_not_braked),
	    cmocka_unit_test(failed_attempts_to_authenticate),
	    cmocka_unit_test(without_meters_all_is_allowed),
	};

	secret_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
