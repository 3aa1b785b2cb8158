/*
 * Rates shared through the database: two processes keep one limit, go on without it, and
 * forget nothing when it comes back empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"
#include "db_cluster.h"
#include "desk/rates.h"
#include "store/rate.h"

#define HOUR INT64_C(3600)

static int64_t now; /* every test in windows of its own */

static int64_t
clock_fake(void)
{
	return now;
}

/* An intake process. */
struct house {
	struct meters *m;
	struct db *db;
};

static struct house
house_new(void)
{
	const struct rates_setup setup = {
	    .hour_s = (int)HOUR, .brake_s = 600, .now = clock_fake};
	struct house h = {.db = cluster_db("restante_intake")};
	struct err e;

	h.m = rates_new(&setup, &e);
	assert_non_null(h.m);
	return h;
}

static void
house_free(struct house *h)
{
	rates_free(h->m);
	db_close(h->db);
}

static void
share(struct house *h)
{
	struct err e = {0};

	if (rates_share(h->m, h->db, &e) == -1)
		fail_msg("%s", e.text);
}

static int
setup(void **state)
{
	(void)state;
	/* Far enough apart, and in the future, that no sweep takes them away. */
	now = now == 0 ? clock_now() : now;
	now += 10 * HOUR * CLOCK_SECOND;
	now -= now % (HOUR * CLOCK_SECOND);
	return 0;
}

static unsigned
messages(struct house *h, const char *client, const struct id *tenant,
    const struct rates *own, unsigned most)
{
	const struct rates_at at = {tenant, POLICY_UNKNOWN, own};
	const struct desk_envelope none = {.n_given = 0};
	const struct desk_envelope env = {
	    .tenant = *tenant, .sender_class = POLICY_UNKNOWN, .n_given = 1};
	struct desk_sender s = {.authenticated = false};
	struct err e;
	unsigned n = 0;

	snprintf(s.client, sizeof(s.client), "%s", client);
	for (; n < most && rates_recipient(h->m, &s, &none, &at, &e) == 0; n++)
		rates_taken(h->m, &s, &env);
	return n;
}

static void
two_processes_keep_one_limit(void **state)
{
	const struct rates own = {.messages = {10}};
	struct house a = house_new(), b = house_new();

	(void)state;
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 6), 6);
	share(&a);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 1), 1);
	share(&b);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 9), 3);
	share(&b);
	share(&a); /* who asked for nothing since is told nothing */
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 1), 1);
	share(&a);
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 9), 0);
	/* Others are others. */
	assert_int_equal(messages(&b, "192.0.2.2", &tenant_a, &own, 99), 10);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_b, &own, 99), 10);
	/* A third, new one: after its first second it knows. */
	house_free(&b);
	b = house_new();
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 1), 1);
	share(&b);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 9), 0);
	/* And in the next window it knows of the one before. */
	house_free(&b);
	b = house_new();
	now += HOUR * CLOCK_SECOND;
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 1), 1);
	share(&b);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 9), 0);
	house_free(&a);
	house_free(&b);
}

/* The control: without sharing each has a limit of its own. */
static void
without_sharing_they_have_two(void **state)
{
	const struct rates own = {.messages = {10}};
	struct house a = house_new(), b = house_new();

	(void)state;
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 99), 10);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 99), 10);
	house_free(&a);
	house_free(&b);
}

static void
brakes_are_shared_too(void **state)
{
	const struct rates_at at = {&tenant_a, POLICY_UNKNOWN, NULL};
	const struct desk_envelope env = {.proved = false};
	const struct desk_sender s = {.client = "2001:db8::1"};
	const struct desk_sender near = {.client = "2001:db8::2"};
	struct house a = house_new(), b = house_new();
	bool silent;

	(void)state;
	for (int i = 0; i < LIMIT_UNKNOWN * LIMIT_BRAKE_STOP; i++)
		rates_unknown(a.m, &s, &env, &at);
	share(&a);
	/* The other has only been asked for an address that is there. */
	assert_int_equal(rates_brake(b.m, &near, &env, &silent), 0);
	share(&b);
	assert_int_equal(
	    rates_brake(b.m, &near, &env, &silent), LIMIT_BRAKE_MS);
	assert_true(silent);
	house_free(&a);
	house_free(&b);
}

#define HOUSES 4
#define ROUNDS 40

static struct house busy[HOUSES];

static void *
bustle(void *arg)
{
	const struct rates own = {.messages = {1000000}};
	struct house *h = arg;
	char client[32];
	struct err e;

	for (int i = 0; i < ROUNDS; i++) {
		for (int k = 0; k < 50; k++) {
			snprintf(client, sizeof(client), "10.0.0.%u",
			    secret_uniform(50));
			(void)messages(h, client, &tenant_a, &own, 1);
		}
		if (rates_share(h->m, h->db, &e) == -1)
			return h;
	}
	return NULL;
}

/* Many at once, over the same keys in any order: no deadlock, nothing lost. */
static void
many_at_once_lose_nothing(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	pthread_t thread[HOUSES];
	char query[256];
	void *bad;

	(void)state;
	for (int i = 0; i < HOUSES; i++) {
		busy[i] = house_new();
		assert_int_equal(
		    pthread_create(&thread[i], NULL, bustle, &busy[i]), 0);
	}
	for (int i = 0; i < HOUSES; i++) {
		assert_int_equal(pthread_join(thread[i], &bad), 0);
		assert_null(bad);
		house_free(&busy[i]);
	}
	snprintf(query, sizeof(query),
	    "SELECT sum(used) FROM rate WHERE key = decode('010100000000000000000000', 'hex')"
	    " AND began = to_timestamp(%lld)",
	    (long long)(now / CLOCK_SECOND));
	assert_int_equal(cluster_number(c, query), HOUSES * ROUNDS * 50);
	PQfinish(c);
}

static void
limits_of_the_operator(void **state)
{
	struct house a = house_new();
	struct db *ctl = cluster_db("restante_ctl");
	struct rate_limit l = {.tenant = tenant_a,
	    .of = RATE_TENANT,
	    .what = RATE_MESSAGES,
	    .most = 4};
	struct rate_limit every = {
	    .of = RATE_CLIENT, .what = RATE_MESSAGES, .most = 2};
	struct err e;

	(void)state;
	assert_int_equal(db_begin(ctl, &tenant_a, &e), 0);
	assert_int_equal(rate_limit_set(ctl, &l, &e), 0);
	assert_int_equal(rate_limit_set(ctl, &l, &e), 0);
	assert_int_equal(db_commit(ctl, &e), 0);
	/* Another tenant's row is not its to write. */
	assert_int_equal(db_begin(ctl, &tenant_b, &e), 0);
	assert_int_equal(rate_limit_set(ctl, &l, &e), -1);
	db_rollback(ctl);
	assert_int_equal(db_begin(ctl, &every.tenant, &e), 0);
	assert_int_equal(rate_limit_set(ctl, &every, &e), 0);
	assert_int_equal(db_commit(ctl, &e), 0);
	share(&a);
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, NULL, 99), 2);
	assert_int_equal(messages(&a, "192.0.2.2", &tenant_a, NULL, 99), 2);
	assert_int_equal(messages(&a, "192.0.2.3", &tenant_a, NULL, 99), 0);
	assert_int_equal(messages(&a, "192.0.2.3", &tenant_b, NULL, 99), 2);
	/* Taken away again. */
	assert_int_equal(db_begin(ctl, &tenant_a, &e), 0);
	assert_int_equal(rate_limit_remove(ctl, &l, &e), 0);
	assert_int_equal(rate_limit_remove(ctl, &l, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(db_commit(ctl, &e), 0);
	assert_int_equal(db_begin(ctl, &every.tenant, &e), 0);
	assert_int_equal(rate_limit_remove(ctl, &every, &e), 0);
	assert_int_equal(db_commit(ctl, &e), 0);
	for (int i = 0; i < 3; i++)
		share(&a);
	assert_int_equal(messages(&a, "192.0.2.3", &tenant_a, NULL, 99), 99);
	db_close(ctl);
	house_free(&a);
}

static void
nobody_reads_the_counts(void **state)
{
	static const char *const roles[] = {"restante_portal",
	    "restante_intake", "restante_courier", "restante_ctl"};
	PGconn *c;

	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		c = cluster_raw(roles[i], "restante");
		assert_string_equal(
		    cluster_try(c, "SELECT count(*) FROM rate"), "42501");
		assert_string_equal(
		    cluster_try(c, "DELETE FROM rate"), "42501");
		if (i != 1)
			assert_string_equal(
			    cluster_try(c, "SELECT rate_merge('')"), "42501");
		PQfinish(c);
	}
	/* The control. */
	c = cluster_raw("restante_intake", "restante");
	assert_string_equal(cluster_try(c, "SELECT rate_merge('')"), "00000");
	PQfinish(c);
}

static void
old_windows_go(void **state)
{
	struct db *db = cluster_db("restante_intake");
	PGconn *c = cluster_raw("postgres", "restante");
	struct rate_count n = {.key = {.b = {9}},
	    .began = clock_now() - 3 * HOUR * CLOCK_SECOND,
	    .span = HOUR * CLOCK_SECOND,
	    .n = 5};
	static const char query[] =
	    "SELECT count(*) FROM rate WHERE get_byte(key, 0) = 9";
	struct err e;

	(void)state;
	assert_int_equal(rate_merge(db, &n, 1, &e), 0);
	assert_int_equal(n.used, 5);
	n.began = clock_now() - HOUR * CLOCK_SECOND;
	assert_int_equal(rate_merge(db, &n, 1, &e), 0);
	assert_int_equal(cluster_number(c, query), 2);
	assert_int_equal(rate_sweep(db, &e), 0);
	assert_int_equal(cluster_number(c, query), 1);
	PQfinish(c);
	db_close(db);
}

static void
the_thread_shares_within_seconds(void **state)
{
	const struct rates_setup set = {
	    .hour_s = (int)HOUR, .brake_s = 600, .now = clock_fake};
	const struct rates own = {.messages = {10}};
	const char *info = cluster_conninfo("restante_intake", "restante");
	char kept[256];
	struct house a = {0}, b = {0};
	struct err e;
	int tries = 0;

	(void)state;
	snprintf(kept, sizeof(kept), "%s", info);
	a.m = rates_new(&set, &e);
	b.m = rates_new(&set, &e);
	assert_int_equal(rates_share_start(a.m, kept, &e), 0);
	assert_int_equal(rates_share_start(b.m, kept, &e), 0);
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 9), 9);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 1), 1);
	while (messages(&b, "192.0.2.1", &tenant_a, &own, 1) == 1) {
		assert_true(++tries < 9);
		sleep(2);
	}
	rates_free(a.m);
	rates_free(b.m);
}

/* Near the end: it ends the server. */
static void
without_the_database_and_after_its_crash(void **state)
{
	const struct rates own = {.messages = {10}};
	struct house a = house_new(), b = house_new();
	PGconn *c;
	struct err e;

	(void)state;
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 4), 4);
	share(&a);
	assert_int_equal(cluster_crash(), 0);
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 3), 3);
	if (rates_share(a.m, a.db, &e) == -1) /* the connection broke */
		share(&a);
	c = cluster_raw("postgres", "restante");
	/* What was there is gone; it does not forget what it counted. */
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 99), 3);
	share(&a);
	assert_int_equal(messages(&a, "192.0.2.1", &tenant_a, &own, 99), 0);
	/* The other knows what was told since: 3 and 3. */
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 1), 1);
	share(&b);
	assert_int_equal(messages(&b, "192.0.2.1", &tenant_a, &own, 99), 3);
	PQfinish(c);
	house_free(&a);
	house_free(&b);
}

/* Without the database no round says that it was shared, be there anything to tell or not. */
static void
an_idle_process_knows_that_it_is_alone(void **state)
{
	struct house a = house_new();
	struct db *none = db_open("host=/nonexistent dbname=restante");
	struct err e;

	(void)state;
	assert_non_null(none);
	for (int i = 0; i < 12; i++)
		assert_int_equal(rates_share(a.m, none, &e), -1);
	db_close(none);
	house_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(two_processes_keep_one_limit, setup),
	    cmocka_unit_test_setup(without_sharing_they_have_two, setup),
	    cmocka_unit_test_setup(brakes_are_shared_too, setup),
	    cmocka_unit_test_setup(many_at_once_lose_nothing, setup),
	    cmocka_unit_test_setup(limits_of_the_operator, setup),
	    cmocka_unit_test_setup(nobody_reads_the_counts, setup),
	    cmocka_unit_test_setup(old_windows_go, setup),
	    cmocka_unit_test_setup(the_thread_shares_within_seconds, setup),
	    cmocka_unit_test_setup(
		without_the_database_and_after_its_crash, setup),
	    cmocka_unit_test_setup(
		an_idle_process_knows_that_it_is_alone, setup),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
