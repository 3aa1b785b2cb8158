/*
 * test_db_race.c: two connections at once, connections that break, and errors that
 * show late.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "db_cluster.h"
#include "store/bundle.h"
#include "store/sql.h"
#include "store/tenant.h"

static struct id
write_sample(const char *pickup, struct sample *s)
{
	struct db *db = cluster_db("restante_intake");
	struct err e;

	sample_fill(s, &tenant_a, &account_a, pickup, "dora@partner.example");
	if (sample_write(db, &tenant_a, s, &e) == -1)
		fail_msg("%s", e.text);
	db_close(db);
	return s->m.id;
}

static void
clear_queue(void)
{
	PGconn *c = cluster_raw("postgres", "restante");

	assert_string_equal(cluster_try(c, "DELETE FROM outbox"), "00000");
	PQfinish(c);
}

/* Adds the same tag as another transaction that is still open; it must wait for that one. */
struct twin {
	struct sample s;
	struct err e;
	int rc;
	int64_t waited_ms;
};

static void *
second(void *arg)
{
	struct twin *t = arg;
	struct db *db = cluster_db("restante_intake");
	int64_t begin = clock_mono_ms();

	t->rc = sample_write(db, &tenant_a, &t->s, &t->e);
	t->waited_ms = clock_mono_ms() - begin;
	db_close(db);
	return NULL;
}

static int
duplicate_race(bool commit, const char *one, const char *two, struct twin *t)
{
	struct db *db = cluster_db("restante_intake");
	pthread_t thread;
	struct sample first;
	struct err e;
	int rc;

	sample_fill(&first, &tenant_a, &account_a, one, "dora@partner.example");
	sample_fill(&t->s, &tenant_a, &account_a, two, "dora@partner.example");
	memcpy(t->s.tag, first.tag, sizeof(first.tag));
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &first.m, &e), 0);
	assert_int_equal(
	    duplicate_add(db, &tenant_a, first.tag, &first.m.id, &e), 0);
	assert_int_equal(sql_flush(db, &e), 0);
	assert_int_equal(pthread_create(&thread, NULL, second, t), 0);
	usleep(300000);
	if (commit)
		assert_int_equal(db_commit(db, &e), 0);
	else
		db_rollback(db);
	assert_int_equal(pthread_join(thread, NULL), 0);
	db_close(db);
	rc = t->rc;
	sample_clear(&first);
	sample_clear(&t->s);
	return rc;
}

static void
of_two_duplicates_one_is_kept(void **state)
{
	struct twin t;

	(void)state;
	assert_int_equal(duplicate_race(true, "RACE0001", "RACE0002", &t), -1);
	assert_int_equal(t.e.code, ERR_CONFLICT);
	assert_true(t.waited_ms > 200);
	/* When the first one goes back, the second is kept. */
	assert_int_equal(duplicate_race(false, "RACE0003", "RACE0004", &t), 0);
	assert_true(t.waited_ms > 200);
}

/* Adds the tag that another transaction has added, which will wait for this one. */
struct crossing {
	struct db *db;
	const uint8_t *tag;
	struct id message;
	struct err e;
	int rc;
};

static void *
cross(void *arg)
{
	struct crossing *c = arg;

	if ((c->rc = duplicate_add(
		 c->db, &tenant_a, c->tag, &c->message, &c->e)) == 0)
		c->rc = sql_flush(c->db, &c->e);
	if (c->rc == -1)
		db_rollback(c->db);
	else
		c->rc = db_commit(c->db, &c->e);
	return NULL;
}

static void
of_two_that_wait_for_each_other_one_was_locked_out(void **state)
{
	struct sample s[2];
	struct crossing c[2];
	pthread_t thread[2];
	size_t i, lost;

	(void)state;
	for (i = 0; i < 2; i++) {
		sample_fill(&s[i], &tenant_a, &account_a,
		    i ? "CROSS001" : "CROSS002", "dora@partner.example");
		memset(s[i].tag, 0xc0 + (int)i, sizeof(s[i].tag));
		c[i] = (struct crossing){
		    .db = cluster_db("restante_intake"), .message = s[i].m.id};
		assert_int_equal(db_begin(c[i].db, &tenant_a, &c[i].e), 0);
		assert_int_equal(
		    message_add(c[i].db, &tenant_a, &s[i].m, &c[i].e), 0);
		assert_int_equal(duplicate_add(c[i].db, &tenant_a, s[i].tag,
				     &s[i].m.id, &c[i].e),
		    0);
		assert_int_equal(sql_flush(c[i].db, &c[i].e), 0);
	}
	for (i = 0; i < 2; i++) {
		c[i].tag = s[!i].tag;
		assert_int_equal(
		    pthread_create(&thread[i], NULL, cross, &c[i]), 0);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(c[0].rc + c[1].rc, -1);
	lost = c[1].rc == -1;
	assert_int_equal(c[lost].e.code, ERR_UNAVAILABLE);
	assert_true(db_locked_out(c[lost].db));
	assert_false(db_locked_out(c[!lost].db));
	for (i = 0; i < 2; i++) {
		db_close(c[i].db);
		sample_clear(&s[i]);
	}
}

#define READERS 6
struct showing {
	struct id message;
	int first;
};

static void *
show(void *arg)
{
	struct showing *s = arg;
	struct db *db = cluster_db("restante_portal");
	struct err e;
	int rc = -1;

	if (db_begin(db, &tenant_a, &e) == 0) {
		rc = reader_displayed(db, &tenant_a, &s->message, 1, &e);
		usleep(50000);
		if (db_commit(db, &e) == -1)
			rc = -1;
	}
	s->first = rc;
	db_close(db);
	return NULL;
}

static void
displayed_is_said_once(void **state)
{
	struct showing s[READERS];
	pthread_t thread[READERS];
	struct sample sample;
	int i, first = 0;

	(void)state;
	write_sample("SHOW0001", &sample);
	for (i = 0; i < READERS; i++) {
		s[i] = (struct showing){.message = sample.m.id};
		assert_int_equal(
		    pthread_create(&thread[i], NULL, show, &s[i]), 0);
	}
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_true(s[i].first >= 0);
		first += s[i].first;
	}
	assert_int_equal(first, 1);
	sample_clear(&sample);
}

static void
a_lease_comes_back(void **state)
{
	struct db *one = cluster_db("restante_courier"),
		  *two = cluster_db("restante_courier");
	struct outbox a[8], b[8];
	struct sample s;
	struct err e;
	size_t n, m;

	(void)state;
	clear_queue();
	write_sample("LEASE001", &s);
	assert_int_equal(outbox_take(one, true, 1, a, 8, &n, &e), 0);
	assert_int_equal(n, 0); /* no codes there */
	assert_int_equal(outbox_take(one, false, 1, a, 8, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(a[0].tries, 1);
	assert_true(id_equal(&a[0].tenant, &tenant_a));
	assert_int_equal(a[0].item.len, strlen("boxed item"));
	assert_int_equal(outbox_take(two, false, 1, b, 8, &m, &e), 0);
	assert_int_equal(m, 0); /* leased */
	usleep(1200000);
	assert_int_equal(outbox_take(two, false, 60, b, 8, &m, &e), 0);
	assert_int_equal(m, 1);
	assert_int_equal(b[0].tries, 2);
	/* The first courier's late "later" and "failed" no longer count... */
	assert_int_equal(outbox_later(one, &a[0], clock_now(), "421", &e), 0);
	assert_int_equal(outbox_failed(one, &a[0], "550", &e), 0);
	assert_int_equal(outbox_take(one, false, 60, a + 1, 7, &n, &e), 0);
	assert_int_equal(n, 0);
	/* ... but what it did send is sent. */
	assert_int_equal(outbox_sent(one, &a[0], "250 2.0.0", &e), 0);
	assert_int_equal(outbox_sent(two, &b[0], "250 2.0.0", &e), 0);
	outbox_clear(&a[0]);
	outbox_clear(&b[0]);
	sample_clear(&s);
	db_close(one);
	db_close(two);
}

static void
a_dead_couriers_mails_come_back_at_once(void **state)
{
	struct db *one = cluster_db("restante_courier"),
		  *two = cluster_db("restante_courier");
	struct outbox a[4], b[4];
	struct sample s;
	struct err e;
	size_t n;
	int i;

	(void)state;
	clear_queue();
	write_sample("DEAD0001", &s);
	assert_int_equal(outbox_take(one, false, 3600, a, 4, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(outbox_take(two, false, 3600, b, 4, &n, &e), 0);
	assert_int_equal(n, 0);
	db_close(one); /* the server sees the end of it a moment later */
	for (i = 0; i < 40 && n == 0; i++) {
		usleep(50000);
		assert_int_equal(
		    outbox_take(two, false, 3600, b, 4, &n, &e), 0);
	}
	assert_int_equal(n, 1);
	assert_int_equal(b[0].tries, 2);
	assert_true(id_equal(&a[0].id, &b[0].id));
	outbox_clear(&a[0]);
	outbox_clear(&b[0]);
	sample_clear(&s);
	db_close(two);
}

/* What waits behind is not looked at, be it in the hands of somebody or not. */
static void
a_long_queue_is_taken_from_its_front(void **state)
{
	struct db *other = cluster_db("restante_courier");
	PGconn *c = cluster_raw("postgres", "restante");
	struct outbox a[4];
	struct err e;
	size_t n;

	(void)state;
	clear_queue();
	assert_string_equal(
	    cluster_try(c,
		"INSERT INTO outbox (tenant_id, outbox_id, kind, message_id,"
		" slot, due) SELECT tenant_id, gen_random_uuid(), 1,"
		" gen_random_uuid(), 1, now() - interval '1 hour'"
		" FROM generate_series(1, 20000),"
		" (SELECT tenant_id FROM tenant LIMIT 1) t"),
	    "00000");
	assert_int_equal(outbox_take(other, false, 60, a, 4, &n, &e), 0);
	assert_int_equal(n, 4);
	/* As db_open() has it. */
	assert_string_equal(
	    cluster_try(c, "SET enable_seqscan = off"), "00000");
	assert_string_equal(
	    cluster_try(c, "SET enable_bitmapscan = off"), "00000");
	assert_string_equal(
	    cluster_try(c, "SET plan_cache_mode = force_generic_plan"),
	    "00000");
	assert_string_equal(cluster_try(c, "SET track_counts = on"), "00000");
	assert_string_equal(cluster_try(c, "BEGIN"), "00000");
	assert_int_equal(cluster_number(c,
			     "SELECT count(*) FROM outbox_take(false, 60, 16)"),
	    16);
	assert_in_range(
	    cluster_number(c,
		"SELECT sum(pg_stat_get_xact_tuples_returned(t) +"
		" pg_stat_get_xact_tuples_fetched(t))"
		" FROM (SELECT 'outbox'::regclass::oid UNION ALL SELECT indexrelid"
		" FROM pg_index WHERE indrelid = 'outbox'::regclass) AS o(t)"),
	    16, 1000);
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	while (n > 0)
		outbox_clear(&a[--n]);
	clear_queue();
	PQfinish(c);
	db_close(other);
}

static void
two_couriers_share(void **state)
{
	struct db *one = cluster_db("restante_courier");
	PGconn *other = cluster_raw("restante_courier", "restante");
	struct outbox a[8];
	struct sample s[3];
	struct err e;
	size_t n, i;

	(void)state;
	clear_queue();
	write_sample("SHARE001", &s[0]);
	write_sample("SHARE002", &s[1]);
	write_sample("SHARE003", &s[2]);
	/* The other one's taking is not committed: its rows are passed over, not waited for. */
	assert_string_equal(cluster_try(other, "BEGIN"), "00000");
	assert_int_equal(cluster_number(other,
			     "SELECT count(*) FROM outbox_take(false, 60, 2)"),
	    2);
	assert_int_equal(outbox_take(one, false, 60, a, 8, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_string_equal(cluster_try(other, "ROLLBACK"), "00000");
	outbox_clear(&a[0]);
	assert_int_equal(outbox_take(one, false, 60, a, 8, &n, &e), 0);
	assert_int_equal(n, 2);
	for (i = 0; i < n; i++)
		outbox_clear(&a[i]);
	for (i = 0; i < 3; i++)
		sample_clear(&s[i]);
	PQfinish(other);
	db_close(one);
}

static long
rows_seen(struct db *db)
{
	static const struct sql s = {.name = "probe",
	    .types = "",
	    .text = "SELECT count(*) FROM account"};
	PGresult *res;
	struct sql_row r;
	struct err e;
	long n;

	if (sql_once(db, &s, NULL, &res, &e) == -1)
		fail_msg("%s", e.text);
	r = sql_row_at(res, 0);
	n = (long)sql_get_int(&r);
	PQclear(res);
	return n;
}

static void
the_tenant_ends_with_its_transaction(void **state)
{
	struct db *db = cluster_db("restante_portal");
	struct message m = {0};
	struct sample s;
	struct err e;

	(void)state;
	write_sample("LEAK0001", &s);
	assert_int_equal(rows_seen(db), 0);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(rows_seen(db), 1);
	assert_int_equal(db_commit(db, &e), 0);
	assert_int_equal(rows_seen(db), 0);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	db_rollback(db);
	assert_int_equal(rows_seen(db), 0);
	assert_int_equal(db_begin(db, NULL, &e), 0);
	assert_int_equal(rows_seen(db), 0);
	assert_int_equal(message_get(db, &tenant_a, &s.m.id, &m, &e), 0);
	/* A begun transaction that is begun again is another one. */
	assert_int_equal(db_begin(db, &tenant_b, &e), 0);
	assert_int_equal(message_get(db, &tenant_a, &s.m.id, &m, &e), 0);
	assert_int_equal(message_get(db, &tenant_b, &s.m.id, &m, &e), 0);
	db_rollback(db);
	sample_clear(&s);
	db_close(db);
}

static void
queued_errors_show_at_the_next_wait(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct id found;
	struct sample s;
	struct err e;

	(void)state;
	write_sample("LATE0001", &s);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(
	    message_add(db, &tenant_a, &s.m, &e), 0); /* only sent */
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_non_null(strstr(e.text, "message_add"));
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &s.m, &e), 0);
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32]) & s.tag, 1, &found, &e),
	    -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	/* It is kept: nothing goes on in this transaction, and it cannot be committed. */
	assert_int_equal(sql_flush(db, &e), -1);
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	/* And the next one is clean. */
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32]) & s.tag, 1, &found, &e),
	    1);
	assert_true(id_equal(&found, &s.m.id));
	assert_int_equal(db_commit(db, &e), 0);
	sample_clear(&s);
	db_close(db);
}

static int
bundles_commit(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	if (db_begin(db, &b[0]->tenant, e) == -1)
		return -1;
	if (bundle_write(db, b, n, e) == -1) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

/* Of several tenants in one transaction, each behind its own wall. */
static void
messages_are_written_together(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct bundle all[5], *b[5];
	char pickup[9];
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(pickup, sizeof(pickup), "TOGETH%02zu", i);
		sample_bundle(
		    &all[i], i % 2 == 0 ? &tenant_a : &tenant_b, pickup);
		b[i] = &all[i];
	}
	assert_int_equal(bundles_commit(db, b, 5, &e), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(cluster_rows(&all[i]), BUNDLE_ROWS);
		bundle_clear(&all[i]);
	}
	db_close(db);
}

/* One that is refused refuses those it was written with: nothing of any is there. */
static void
messages_are_whole_or_not_there(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct bundle all[3], *b[3];
	struct id first[3];
	struct err e;
	size_t i, known = 0;

	(void)state;
	sample_bundle(&all[0], &tenant_a, "WHOLE000");
	sample_bundle(&all[1], &tenant_b, "WHOLE001");
	sample_bundle(&all[2], &tenant_a, "WHOLE002");
	/* Twice one tag. */
	memcpy(all[2].tags[0], all[0].tags[0], 32);
	for (i = 0; i < 3; i++)
		b[i] = &all[i];
	assert_int_equal(bundles_commit(db, b, 3, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	for (i = 0; i < 3; i++)
		assert_int_equal(cluster_rows(&all[i]), 0);
	b[0] = &all[0];
	assert_int_equal(bundles_commit(db, b, 1, &e), 0);
	/* A tag that is known from an earlier day. */
	secret_random(all[2].tags[0], 32);
	memcpy(all[2].tags[3], all[0].tags[0], 32);
	b[0] = &all[1];
	b[1] = &all[2];
	assert_int_equal(bundles_commit(db, b, 2, &e), -1);
	assert_int_equal(cluster_rows(&all[1]), 0);
	assert_int_equal(cluster_rows(&all[2]), 0);
	/* Asked, it says which one it was. */
	assert_int_equal(db_begin(db, &b[0]->tenant, &e), 0);
	assert_int_equal(bundle_known(db, b, 2, first, &e), 0);
	db_rollback(db);
	for (i = 0; i < 2; i++)
		if (b[i] == &all[2])
			known += id_equal(&first[i], &all[0].message.id) ? 1 :
									   0;
		else
			assert_true(id_is_zero(&first[i]));
	assert_int_equal(known, 1);
	for (i = 0; i < 3; i++)
		bundle_clear(&all[i]);
	db_close(db);
}

/* A row of another tenant's than the transaction names at that moment is refused. */
static void
bundles_have_walls(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct bundle one, *b = &one;
	struct err e;

	(void)state;
	sample_bundle(&one, &tenant_a, "WALLED00");
	assert_int_equal(db_begin(db, &tenant_b, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &one.message, &e), 0);
	assert_int_equal(db_commit(db, &e), -1);
	/* The control. */
	assert_int_equal(bundles_commit(db, &b, 1, &e), 0);
	assert_int_equal(cluster_rows(&one), BUNDLE_ROWS);
	bundle_clear(&one);
	db_close(db);
}

static void
kill_backends(const char *role)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[256];

	snprintf(query, sizeof(query),
	    "SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
	    " WHERE usename = '%s'",
	    role);
	/* One of a test before may just be ending. */
	assert_true(cluster_number(c, query) >= 1);
	PQfinish(c);
}

static void
a_broken_connection_heals(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct tenant t;
	struct sample s;
	struct err e;

	(void)state;
	assert_int_equal(db_ping(db, &e), 0);
	kill_backends("restante_intake");
	assert_int_equal(
	    db_begin(db, &tenant_a, &e), 0); /* idle: it comes back by itself */
	db_rollback(db);
	kill_backends("restante_intake");
	assert_int_equal(tenant_by_domain(db, "acme.example", &t, &e), 1);
	/* Within a transaction: that one is lost, nothing was written, the next works. */
	sample_fill(
	    &s, &tenant_a, &account_a, "HEAL0001", "dora@partner.example");
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &s.m, &e), 0);
	kill_backends("restante_intake");
	assert_int_equal(sql_flush(db, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(sample_write(db, &tenant_a, &s, &e), 0);
	sample_clear(&s);
	db_close(db);
}

static void
a_cut_off_commit_is_unknown(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct sample s;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "CUTOFF01", "dora@partner.example");
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &s.m, &e), 0);
	assert_int_equal(sql_flush(db, &e), 0);
	kill_backends("restante_intake");
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_UNKNOWN);
	sample_clear(&s);
	db_close(db);
}

static void
no_server_is_unavailable(void **state)
{
	struct db *db = db_open(
	    "host=/nonexistent dbname=restante user=restante_portal");
	struct tenant t;
	struct err e;
	int rc = -1;

	(void)state;
	assert_non_null(db);
	assert_int_equal(db_begin(db, &tenant_a, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(tenant_by_host(db, "acme.localhost", &t, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(db_wait_courier(db, false, -1, 1, &e), -1);
	assert_int_equal(db_commit(db, &e), -1);
	db_rollback(db);
	db_wake_courier(db, false);
	db_close(db);
	db_close(NULL);
	/* For a moment nobody of this process tries again; then all is well. */
	db = cluster_db("restante_intake");
	for (int i = 0; i < 100 && (rc = db_ping(db, &e)) == -1; i++)
		usleep(10000);
	assert_int_equal(rc, 0);
	db_close(db);
}

static void
a_lock_timeout_is_unavailable(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	struct db *db = cluster_db("restante_intake");
	struct sample s;
	struct err e;

	(void)state;
	/* Shorter than the default, so that the test is. */
	assert_string_equal(cluster_try(c, "BEGIN"), "00000");
	assert_string_equal(cluster_try(c, "LOCK TABLE duplicate"), "00000");
	sample_fill(
	    &s, &tenant_a, &account_a, "LOCKED01", "dora@partner.example");
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	{
		static const struct sql shorter = {.name = "shorter",
		    .types = "",
		    .text = "SET LOCAL lock_timeout = '200ms'"};

		assert_int_equal(sql_queue(db, &shorter, NULL, &e), 0);
	}
	assert_int_equal(duplicate_add(db, &tenant_a, s.tag, &s.m.id, &e), 0);
	assert_int_equal(sql_flush(db, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	db_rollback(db);
	sample_clear(&s);
	db_close(db);
	PQfinish(c);
}

static void
the_bell_rings(void **state)
{
	struct db *courier = cluster_db("restante_courier"),
		  *db = cluster_db("restante_intake");
	int64_t begin;
	struct err e;
	int p[2];

	(void)state;
	begin = clock_mono_ms();
	assert_int_equal(db_wait_courier(courier, false, -1, 150, &e), 0);
	assert_true(clock_mono_ms() - begin >= 140);
	assert_int_equal(db_ping(db, &e), 0);
	db_wake_courier(db, false);
	begin = clock_mono_ms();
	assert_int_equal(db_wait_courier(courier, false, -1, 5000, &e), 0);
	assert_true(clock_mono_ms() - begin < 2000);
	/* Another descriptor ends the wait, too. */
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "x", 1), 1);
	begin = clock_mono_ms();
	assert_int_equal(db_wait_courier(courier, false, p[0], 5000, &e), 0);
	assert_true(clock_mono_ms() - begin < 2000);
	close(p[0]);
	close(p[1]);
	kill_backends("restante_courier");
	assert_int_equal(db_wait_courier(courier, false, -1, 5000, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(db_wait_courier(courier, false, -1, 10, &e), 0);
	db_close(courier);
	db_close(db);
}

struct seen {
	uint32_t next;
	uint32_t stop; /* at this one */
	const uint8_t *chunk;
};

static int
see(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	struct seen *s = arg;

	assert_int_equal(seq, s->next++);
	assert_int_equal(n, SEAL_CHUNK_MAX);
	assert_memory_equal(p, s->chunk, n);
	return seq == s->stop ? err_set(e, ERR_CORRUPT, "enough") : 0;
}

static void
chunks_in_one_answer(
    struct db *db, const struct sample *s, const uint8_t *chunk)
{
	static const struct {
		uint32_t first, n, end;
	} cases[] = {{0, 8, 8}, {7, 1, 8}, {0, 0, 0}, {492, 8, 500},
	    {495, 8, 500}, {500, 8, 500}, {UINT32_MAX - 7, 8, UINT32_MAX - 7}};
	struct chunk_range r = {.tenant = &tenant_a, .message = &s->m.id};
	struct err e;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen g = {cases[i].first, UINT32_MAX, chunk};

		r.first = cases[i].first;
		r.n = cases[i].n;
		assert_int_equal(chunk_each(db, &r, see, &g, &e), 0);
		assert_int_equal(g.next, cases[i].end);
	}
	r = (struct chunk_range){&tenant_a, &s->m.id, 0, 3, 8};
	assert_int_equal(
	    chunk_each(db, &r, see, &(struct seen){3, 5, chunk}, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	r.part = 1;
	assert_int_equal(
	    chunk_each(db, &r, see, &(struct seen){0, 0, chunk}, &e), 0);
	r = (struct chunk_range){&tenant_b, &s->m.id, 0, 0, 8};
	assert_int_equal(
	    chunk_each(db, &r, see, &(struct seen){0, 0, chunk}, &e), 0);
}

/* More statements than the pipeline owes answers for at once, and an error among them. */
static void
a_long_pipeline(void **state)
{
	struct db *db = cluster_db("restante_intake");
	static uint8_t chunk[SEAL_CHUNK_MAX];
	struct buf out = BUF_INIT;
	struct sample s;
	struct err e;
	uint32_t i;
	int rc = 0;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "LONG0001", "dora@partner.example");
	secret_random(chunk, sizeof(chunk));
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(message_add(db, &tenant_a, &s.m, &e), 0);
	for (i = 0; i < 500; i++)
		assert_int_equal(chunk_add(db, &tenant_a, &s.m.id, 0, i, chunk,
				     sizeof(chunk), &e),
		    0);
	assert_int_equal(db_commit(db, &e), 0);
	db_close(db);
	db = cluster_db("restante_portal");
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(chunk_get(db, &tenant_a, &s.m.id, 499, &out, &e), 1);
	assert_int_equal(out.len, sizeof(chunk));
	assert_memory_equal(out.data, chunk, sizeof(chunk));
	assert_int_equal(chunk_get(db, &tenant_a, &s.m.id, 500, &out, &e), 0);
	chunks_in_one_answer(db, &s, chunk);
	for (i = 499; i < 1200 && rc == 0; i++)
		rc = chunk_add(db, &tenant_a, &s.m.id, 0, i, chunk, 100, &e);
	assert_int_equal(rc, -1); /* 499 is there already */
	assert_int_equal(e.code, ERR_CONFLICT);
	db_rollback(db);
	buf_free(&out);
	sample_clear(&s);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_two_duplicates_one_is_kept),
	    cmocka_unit_test(
		of_two_that_wait_for_each_other_one_was_locked_out),
	    cmocka_unit_test(displayed_is_said_once),
	    cmocka_unit_test(a_lease_comes_back),
	    cmocka_unit_test(a_dead_couriers_mails_come_back_at_once),
	    cmocka_unit_test(a_long_queue_is_taken_from_its_front),
	    cmocka_unit_test(two_couriers_share),
	    cmocka_unit_test(the_tenant_ends_with_its_transaction),
	    cmocka_unit_test(queued_errors_show_at_the_next_wait),
	    cmocka_unit_test(messages_are_written_together),
	    cmocka_unit_test(messages_are_whole_or_not_there),
	    cmocka_unit_test(bundles_have_walls),
	    cmocka_unit_test(a_broken_connection_heals),
	    cmocka_unit_test(a_cut_off_commit_is_unknown),
	    cmocka_unit_test(no_server_is_unavailable),
	    cmocka_unit_test(a_lock_timeout_is_unavailable),
	    cmocka_unit_test(the_bell_rings),
	    cmocka_unit_test(a_long_pipeline),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
