/*
 * test_db_commit.c: messages that are committed together: all of them are, none is
 * refused for another, and what is repeated is told so.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "db_cluster.h"
#include "desk/internal.h"
#include "store/sql.h"

#define LINE    20
#define WRITERS 2 /* as many as write at once */

struct waiting {
	struct commit_item item; /* first */
	sem_t ended;
	sem_t *hold; /* its end waits for this, and so does who wrote it */
};

static struct settings set;
static struct desk_shared *shared;
static sem_t held; /* a writer is at the end of one that holds it */

static void
on_end(struct commit_item *item)
{
	struct waiting *w = (struct waiting *)item;

	if (w->hold != NULL) {
		sem_post(&held);
		sem_wait(w->hold);
	}
	sem_post(&w->ended);
}

static void
fill(struct waiting *w, const struct id *tenant, const char *what, size_t n)
{
	char pickup[32];

	memset(w, 0, sizeof(*w));
	snprintf(pickup, sizeof(pickup), "%.6s%02zu", what, n % 100);
	sample_bundle(&w->item.bundle, tenant, pickup);
	w->item.end = on_end;
	sem_init(&w->ended, 0, 0);
}

static void
drop(struct waiting *w, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bundle_clear(&w[i].item.bundle);
		sem_destroy(&w[i].ended);
	}
}

/* As a thread of intake's does it. */
static void *
bring(void *arg)
{
	struct waiting *w = arg;
	struct desk *d = desk_open(&set, shared);

	if (d == NULL)
		abort();
	commit_soon(d, &w->item, false);
	commit_add(d, &w->item);
	desk_close(d);
	return NULL;
}

/*
 * Brings n while every writer stands at the end of another message, so that they wait in
 * one line; then lets the writers go on.
 */
static void
bring_together(struct waiting *w, size_t n)
{
	static size_t made;
	struct waiting before[WRITERS];
	pthread_t writer[WRITERS], thread[LINE];
	size_t i;
	sem_t hold;

	sem_init(&hold, 0, 0);
	for (i = 0; i < WRITERS; i++) {
		fill(&before[i], &tenant_a, "BEFORE", made++);
		before[i].hold = &hold;
		assert_int_equal(
		    pthread_create(&writer[i], NULL, bring, &before[i]), 0);
		sem_wait(&held);
	}
	for (i = 0; i < n; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, bring, &w[i]), 0);
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < WRITERS; i++)
		sem_post(&hold);
	for (i = 0; i < WRITERS; i++)
		pthread_join(writer[i], NULL);
	for (i = 0; i < n; i++)
		sem_wait(&w[i].ended);
	for (i = 0; i < WRITERS; i++)
		assert_int_equal(before[i].item.result, 0);
	drop(before, WRITERS);
	sem_destroy(&hold);
}

/* In how many transactions these messages were written. */
static long
transactions(const struct waiting *w, size_t n)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[LINE * 40 + 200], id[ID_TEXT_LEN];
	size_t at;
	long count;

	at = (size_t)snprintf(query, sizeof(query),
	    "SELECT count(DISTINCT xmin::text) FROM message WHERE message_id IN (");
	for (size_t i = 0; i < n; i++) {
		id_format(&w[i].item.bundle.message.id, id);
		at += (size_t)snprintf(query + at, sizeof(query) - at, "%s'%s'",
		    i > 0 ? "," : "", id);
	}
	snprintf(query + at, sizeof(query) - at, ")");
	count = cluster_number(c, query);
	PQfinish(c);
	return count;
}

static void
what_waits_is_written_together(void **state)
{
	struct waiting w[LINE];
	size_t i;

	(void)state;
	for (i = 0; i < LINE; i++)
		fill(&w[i], i % 3 == 0 ? &tenant_b : &tenant_a, "TOGETH", i);
	bring_together(w, LINE);
	for (i = 0; i < LINE; i++) {
		assert_int_equal(w[i].item.result, 0);
		assert_int_equal(cluster_rows(&w[i].item.bundle), BUNDLE_ROWS);
	}
	/* One of the two writers may have found the first few alone. */
	assert_true(transactions(w, LINE) <= 2);
	drop(w, LINE);
}

static void
one_that_is_alone_is_written_at_once(void **state)
{
	struct waiting w[1];

	(void)state;
	fill(&w[0], &tenant_a, "ALONE0", 1);
	bring(&w[0]);
	assert_int_equal(sem_trywait(&w[0].ended), 0);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(cluster_rows(&w[0].item.bundle), BUNDLE_ROWS);
	drop(w, 1);
}

/* The slots of a message, by their sum: none is missing and none is another. */
static long
slots_of(const struct bundle *b)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[200], id[ID_TEXT_LEN];
	long sum;

	id_format(&b->message.id, id);
	snprintf(query, sizeof(query),
	    "SELECT sum(slot) FROM reader WHERE message_id = '%s'"
	    " AND address LIKE 'reader' || slot || '@%%'",
	    id);
	sum = cluster_number(c, query);
	PQfinish(c);
	return sum;
}

/* More than one statement takes, exactly as many, and one more. */
static void
many_rows_are_all_written(void **state)
{
	static const size_t counts[] = {
	    SQL_ROWS - 1, SQL_ROWS, SQL_ROWS + 1, 3 * SQL_ROWS + 7};
	struct waiting w[1];
	struct reader_row *r;
	struct bundle *b;
	size_t i, j, n;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		n = counts[i];
		fill(&w[0], &tenant_a, "MANY00", i);
		b = &w[0].item.bundle;
		b->message.chunks = (uint32_t)n;
		for (j = b->n_reader; j < n; j++) {
			r = bundle_reader(b);
			*r = b->reader[1];
			r->slot = (uint32_t)j + 1;
		}
		for (j = 0; j < n; j++)
			snprintf(b->reader[j].address,
			    sizeof(b->reader[j].address),
			    "reader%zu@here.example", j + 1);
		bring(&w[0]);
		assert_int_equal(w[0].item.result, 0);
		/* Of two readers and one chunk there were rows already. */
		assert_int_equal(
		    cluster_rows(b), BUNDLE_ROWS + (long)(n - 2 + n - 1));
		assert_int_equal(slots_of(b), (long)(n * (n + 1) / 2));
		drop(w, 1);
	}
}

static void
none_is_refused_for_another(void **state)
{
	struct waiting w[6];
	struct waiting known;
	size_t i, stored = 0;

	(void)state;
	fill(&known, &tenant_a, "KNOWN0", 1);
	bring(&known);
	assert_int_equal(known.item.result, 0);
	for (i = 0; i < 6; i++)
		fill(&w[i], &tenant_a, "OTHERS", i);
	/* One repeats what is there, from an earlier day; two are the same; one is broken. */
	memcpy(w[1].item.bundle.tags[2], known.item.bundle.tags[0], 32);
	memcpy(w[3].item.bundle.tags[0], w[2].item.bundle.tags[0], 32);
	strcpy(w[4].item.bundle.notice[0].key, "\xff is no UTF-8");
	bring_together(w, 6);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(w[5].item.result, 0);
	assert_int_equal(w[1].item.result, -1);
	assert_int_equal(w[1].item.err.code, ERR_CONFLICT);
	assert_true(id_equal(&w[1].item.first, &known.item.bundle.message.id));
	assert_int_equal(cluster_rows(&w[1].item.bundle), 0);
	assert_int_equal(w[4].item.result, -1);
	assert_int_equal(w[4].item.err.code, ERR_BAD_INPUT);
	assert_int_equal(cluster_rows(&w[4].item.bundle), 0);
	for (i = 2; i < 4; i++) {
		if (w[i].item.result == 0) {
			stored++;
			assert_int_equal(
			    cluster_rows(&w[i].item.bundle), BUNDLE_ROWS);
			continue;
		}
		assert_int_equal(w[i].item.err.code, ERR_CONFLICT);
		assert_true(id_equal(
		    &w[i].item.first, &w[5 - i].item.bundle.message.id));
		assert_int_equal(cluster_rows(&w[i].item.bundle), 0);
	}
	assert_int_equal(stored, 1);
	drop(w, 6);
	drop(&known, 1);
}

/* Tags of a day and of the next: the older one stands behind the newer. */
static void
next_day(struct bundle *later, const struct bundle *b)
{
	memcpy(later->tags[1], b->tags[0], 32);
	later->turn = true;
}

static void
midnight_makes_no_other_message(void **state)
{
	struct waiting w[4];
	size_t i, stored = 0;

	(void)state;
	for (i = 0; i < 4; i++)
		fill(&w[i], &tenant_a, "MIDNIT", i);
	next_day(&w[1].item.bundle, &w[0].item.bundle);
	bring_together(w, 4);
	for (i = 0; i < 2; i++) {
		if (w[i].item.result == 0) {
			stored++;
			continue;
		}
		assert_int_equal(w[i].item.err.code, ERR_CONFLICT);
		assert_true(id_equal(
		    &w[i].item.first, &w[1 - i].item.bundle.message.id));
		assert_int_equal(cluster_rows(&w[i].item.bundle), 0);
	}
	assert_int_equal(stored, 1);
	assert_int_equal(w[2].item.result, 0);
	assert_int_equal(w[3].item.result, 0);
	drop(w, 4);
}

static void
until_one_waits(void)
{
	PGconn *c = cluster_raw("postgres", "restante");
	int i;

	for (i = 0; i < 1000 &&
	     cluster_number(
		 c, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0;
	     i++)
		usleep(10000);
	assert_true(i < 1000);
	PQfinish(c);
}

/* The first is being written by another process, under the key of the day before. */
static void
midnight_waits_for_who_is_writing(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct waiting first, again;
	struct bundle *b = &first.item.bundle;
	pthread_t thread;
	struct err e;

	(void)state;
	fill(&first, &tenant_a, "MIDONE", 1);
	fill(&again, &tenant_a, "MIDTWO", 2);
	next_day(&again.item.bundle, b);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(bundle_write(db, &b, 1, &e), 0);
	assert_int_equal(sql_flush(db, &e), 0);
	assert_int_equal(pthread_create(&thread, NULL, bring, &again), 0);
	until_one_waits();
	assert_int_equal(db_commit(db, &e), 0);
	db_close(db);
	pthread_join(thread, NULL);
	assert_int_equal(again.item.result, -1);
	assert_int_equal(again.item.err.code, ERR_CONFLICT);
	assert_true(id_equal(&again.item.first, &b->message.id));
	assert_int_equal(cluster_rows(&again.item.bundle), 0);
	drop(&first, 1);
	drop(&again, 1);
}

/* One is being written by a transaction that does not end: it alone is put off. */
static void
none_is_put_off_for_another(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct waiting stuck, w[6];
	struct bundle *b = &stuck.item.bundle;
	struct err e;
	size_t i;

	(void)state;
	fill(&stuck, &tenant_a, "STUCK0", 1);
	for (i = 0; i < 6; i++)
		fill(&w[i], &tenant_a, "FREE00", i);
	memcpy(w[2].item.bundle.tags[0], b->tags[0], 32);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(bundle_write(db, &b, 1, &e), 0);
	assert_int_equal(sql_flush(db, &e), 0);
	bring_together(w, 6);
	for (i = 0; i < 6; i++) {
		if (i == 2)
			continue;
		assert_int_equal(w[i].item.result, 0);
		assert_int_equal(cluster_rows(&w[i].item.bundle), BUNDLE_ROWS);
	}
	assert_int_equal(w[2].item.result, -1);
	assert_int_equal(w[2].item.err.code, ERR_UNAVAILABLE);
	drop(w, 6);
	db_rollback(db);
	db_close(db);
	drop(&stuck, 1);
}

/* What rows tell themselves is told among the events, once. */
static void
rows_tell_what_is_not_written(void **state)
{
	struct db *db = cluster_db("restante_ctl");
	struct waiting w[1];
	struct bundle *b = &w[0].item.bundle;
	struct event *list, queued;
	struct err e;
	size_t n;

	(void)state;
	fill(&w[0], &tenant_a, "TELLS0", 1);
	b->n_event = 0;
	buf_free(&b->notice[0].link_wrap); /* an account's */
	bring(&w[0]);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(
	    event_list(db, &tenant_a, &b->message.id, &list, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(list[0].kind, EVENT_ACCEPTED);
	assert_true(list[0].at == b->message.created);
	assert_int_equal(list[1].kind, EVENT_NOTICE_QUEUED);
	assert_int_equal(list[1].slot, 1);
	free(list);
	db_rollback(db);
	db_close(db);
	/* As earlier versions wrote it: not told twice. */
	db = cluster_db("restante_intake");
	queued = (struct event){
	    .message = b->message.id, .slot = 1, .kind = EVENT_NOTICE_QUEUED};
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(event_add(db, &tenant_a, &queued, &e), 0);
	assert_int_equal(db_commit(db, &e), 0);
	db_close(db);
	db = cluster_db("restante_portal");
	assert_int_equal(db_begin(db, &tenant_a, &e), 0);
	assert_int_equal(
	    event_list(db, &tenant_a, &b->message.id, &list, &n, &e), 0);
	assert_int_equal(n, 2);
	free(list);
	db_rollback(db);
	db_close(db);
	drop(w, 1);
}

/* Half a message is found; the control of orphans(). */
static void
orphans_are_found(void **state)
{
	PGconn *c = cluster_raw("restante_ctl", "restante");
	PGconn *super = cluster_raw("postgres", "restante");
	struct waiting w[1];
	char query[300], id[ID_TEXT_LEN];
	static const char count[] =
	    "SELECT sum(n) FROM orphans(now() - interval '1 day')";

	(void)state;
	assert_int_equal(cluster_number(c, count), 0);
	fill(&w[0], &tenant_a, "ORPHAN", 1);
	bring(&w[0]);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(cluster_number(c, count), 0);
	id_format(&w[0].item.bundle.message.id, id);
	snprintf(query, sizeof(query),
	    "DELETE FROM chunk WHERE message_id = '%s'", id);
	assert_string_equal(cluster_try(super, query), "00000");
	assert_int_equal(cluster_number(c, count), 1);
	snprintf(query, sizeof(query),
	    "DELETE FROM message WHERE message_id = '%s'", id);
	assert_string_equal(cluster_try(super, query), "00000");
	/* Two readers and a tag. */
	assert_int_equal(cluster_number(c, count), 3);
	drop(w, 1);
	PQfinish(super);
	PQfinish(c);
}

/* ---- written as it is gathered ---- */

/* While some repeat others or come at a time, nothing is sent ahead: until it is forgotten. */
static void
calm_down(void)
{
	static char name[] = "CALM0A";
	struct waiting w;

	for (size_t i = 0; i < 20; i++) {
		fill(&w, &tenant_b, name, i);
		bring(&w);
		assert_int_equal(w.item.result, 0);
		drop(&w, 1);
	}
	name[5]++;
	usleep(200000);
}

/* Up to where all but the rest is sent. */
static struct desk *
send_ahead(struct waiting *w)
{
	struct desk *d = desk_open(&set, shared);

	assert_non_null(d);
	commit_soon(d, &w->item, true);
	commit_tags(d, &w->item);
	commit_chunks(d, &w->item);
	commit_mails(d, &w->item);
	return d;
}

/* Transactions of intake's under way that have written something. */
static long
writing(void)
{
	PGconn *c = cluster_raw("postgres", "restante");
	long n = cluster_number(c,
	    "SELECT count(*) FROM pg_stat_activity"
	    " WHERE usename = 'restante_intake'"
	    " AND state IN ('active', 'idle in transaction')"
	    " AND backend_xid IS NOT NULL");

	PQfinish(c);
	return n;
}

static void
until_writing(long want)
{
	int i;

	for (i = 0; i < 1000 && writing() != want; i++)
		usleep(10000);
	assert_true(i < 1000);
}

static long
in_one_transaction(const struct bundle *b)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[400], id[ID_TEXT_LEN];
	long n;

	id_format(&b->message.id, id);
	snprintf(query, sizeof(query),
	    "SELECT count(*) FROM message m JOIN duplicate d USING (message_id)"
	    " JOIN chunk c USING (message_id) WHERE m.message_id = '%s'"
	    " AND m.xmin = d.xmin AND m.xmin = c.xmin",
	    id);
	n = cluster_number(c, query);
	PQfinish(c);
	return n;
}

static void
what_is_known_goes_ahead(void **state)
{
	struct outbox *more;
	struct waiting w[1];
	struct desk *d;

	(void)state;
	calm_down();
	fill(&w[0], &tenant_a, "AHEAD0", 1);
	d = send_ahead(&w[0]);
	until_writing(1);
	assert_int_equal(cluster_rows(&w[0].item.bundle), 0);
	/* A mail that comes to it later is written with the rest. */
	more = bundle_mail(&w[0].item.bundle);
	assert_non_null(more);
	more->tenant = tenant_a;
	more->id = id_new();
	more->kind = OUTBOX_NOTICE;
	more->message = w[0].item.bundle.message.id;
	more->notice = w[0].item.bundle.notice[0].id;
	more->item_kind = w[0].item.bundle.mail[0].item_kind;
	assert_int_equal(buf_adds(&more->item, "sealed"), 0);
	commit_add(d, &w[0].item);
	assert_int_equal(sem_trywait(&w[0].ended), 0);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(cluster_rows(&w[0].item.bundle), BUNDLE_ROWS + 1);
	assert_int_equal(in_one_transaction(&w[0].item.bundle), 1);
	desk_close(d);
	drop(w, 1);
}

/* Nothing of it stays, and its thread is no writer any more. */
static void
what_went_ahead_is_taken_back(void **state)
{
	struct waiting w[LINE];
	struct desk *d;
	size_t i;

	(void)state;
	calm_down();
	for (i = 0; i < 2 * WRITERS; i++) {
		fill(&w[0], &tenant_a, "BACK00", i);
		d = send_ahead(&w[0]);
		until_writing(1);
		commit_never(d, &w[0].item);
		until_writing(0);
		assert_int_equal(cluster_rows(&w[0].item.bundle), 0);
		desk_close(d);
		drop(w, 1);
	}
	for (i = 0; i < LINE; i++)
		fill(&w[i], &tenant_a, "AFTER0", i);
	bring_together(w, LINE);
	assert_true(transactions(w, LINE) <= 2);
	drop(w, LINE);
}

/* Its connection was asked something else meanwhile: all of it is written anew. */
static void
what_went_ahead_and_was_lost_is_written(void **state)
{
	struct waiting w[1];
	struct desk *d;
	struct err e;

	(void)state;
	calm_down();
	fill(&w[0], &tenant_a, "LOST00", 1);
	d = send_ahead(&w[0]);
	assert_int_equal(db_begin(desk_db(d), &tenant_b, &e), 0);
	db_rollback(desk_db(d));
	commit_add(d, &w[0].item);
	assert_int_equal(w[0].item.result, 0);
	assert_int_equal(cluster_rows(&w[0].item.bundle), BUNDLE_ROWS);
	desk_close(d);
	drop(w, 1);
}

static int
twins_look(struct desk *d, void *arg, struct err *e)
{
	const struct bundle *b = arg;
	struct id first;

	return duplicate_find(desk_db(d), &b->tenant,
	    (const uint8_t(*)[32])b->tags, BUNDLE_TAGS, &first, e);
}

/* What is only looked for meanwhile takes nothing back. */
static void
what_went_ahead_stays_while_somebody_looks(void **state)
{
	struct waiting w, other;
	struct desk *d;
	struct err e;

	(void)state;
	calm_down();
	fill(&w, &tenant_a, "LOOKS0", 1);
	fill(&other, &tenant_b, "LOOKS0", 2);
	d = send_ahead(&w);
	assert_int_equal(
	    desk_look(d, &tenant_a, twins_look, &w.item.bundle, &e), 1);
	assert_int_equal(w.item.ahead, db_transaction(desk_db(d)));
	/* Another tenant's rows are not seen there. */
	assert_int_equal(
	    desk_look(d, &tenant_b, twins_look, &other.item.bundle, &e), 0);
	assert_int_equal(db_transaction(desk_db(d)), 0);
	commit_add(d, &w.item);
	assert_int_equal(w.item.result, 0);
	assert_int_equal(cluster_rows(&w.item.bundle), BUNDLE_ROWS);
	/* It is over: whoever looks now looks for itself. */
	assert_false(commit_is_ahead(d, &tenant_a));
	desk_close(d);
	drop(&w, 1);
	drop(&other, 1);
}

static void
what_repeats_goes_ahead_in_vain(void **state)
{
	struct waiting known, w;
	struct desk *d;
	struct err e;

	(void)state;
	calm_down();
	fill(&known, &tenant_a, "FIRST0", 1);
	fill(&w, &tenant_a, "SECOND", 2);
	bring(&known);
	memcpy(w.item.bundle.tags[0], known.item.bundle.tags[0], 32);
	d = send_ahead(&w);
	assert_int_not_equal(w.item.ahead, 0);
	/* That it failed is nothing to who looks for something else. */
	assert_int_equal(
	    desk_look(d, &tenant_a, twins_look, &known.item.bundle, &e), 1);
	commit_add(d, &w.item);
	assert_int_equal(w.item.result, -1);
	assert_int_equal(w.item.err.code, ERR_CONFLICT);
	assert_true(id_equal(&w.item.first, &known.item.bundle.message.id));
	assert_int_equal(cluster_rows(&w.item.bundle), 0);
	desk_close(d);
	drop(&known, 1);
	drop(&w, 1);
}

/* A second one is no second transaction: it goes with those that wait. */
static void
only_one_that_is_alone_goes_ahead(void **state)
{
	struct waiting w[2], next;
	struct desk *d, *other;

	(void)state;
	calm_down();
	fill(&w[0], &tenant_a, "ONLY00", 1);
	fill(&w[1], &tenant_a, "ONLY00", 2);
	d = send_ahead(&w[0]);
	other = send_ahead(&w[1]);
	assert_int_not_equal(w[0].item.ahead, 0);
	assert_int_equal(w[1].item.ahead, 0);
	commit_add(other, &w[1].item);
	assert_int_equal(sem_trywait(&w[1].ended), 0);
	commit_add(d, &w[0].item);
	/* Where two came at a time the next one waits for company, too. */
	fill(&next, &tenant_a, "ONLY00", 3);
	commit_soon(d, &next.item, true);
	assert_int_equal(next.item.ahead, 0);
	commit_add(d, &next.item);
	assert_int_equal(next.item.result, 0);
	drop(&next, 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w[i].item.result, 0);
		assert_int_equal(cluster_rows(&w[i].item.bundle), BUNDLE_ROWS);
	}
	desk_close(d);
	desk_close(other);
	drop(w, 2);
}

/* The server goes away in between: not taken, and nothing of it is there. */
static void
what_went_ahead_ends_with_its_connection(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	struct waiting w[1];
	struct desk *d;

	(void)state;
	calm_down();
	fill(&w[0], &tenant_a, "BROKEN", 1);
	d = send_ahead(&w[0]);
	until_writing(1);
	assert_int_equal(cluster_number(c,
			     "SELECT count(pg_terminate_backend(pid, 5000))"
			     " FROM pg_stat_activity"
			     " WHERE usename = 'restante_intake'"
			     " AND backend_xid IS NOT NULL"),
	    1);
	commit_add(d, &w[0].item);
	assert_int_equal(w[0].item.result, -1);
	assert_true(w[0].item.err.code == ERR_UNKNOWN ||
	    w[0].item.err.code == ERR_UNAVAILABLE);
	assert_int_equal(cluster_rows(&w[0].item.bundle), 0);
	drop(w, 1);
	fill(&w[0], &tenant_a, "AGAIN0", 2);
	commit_soon(d, &w[0].item, true);
	commit_add(d, &w[0].item);
	assert_int_equal(w[0].item.result, 0);
	desk_close(d);
	drop(w, 1);
	PQfinish(c);
}

static int
start(void **state)
{
	if (cluster_start(state) == -1 || (shared = desk_shared_new()) == NULL)
		return -1;
	set.db = strdup(cluster_conninfo("restante_intake", "restante"));
	set.keyd = "/nowhere";
	return sem_init(&held, 0, 0);
}

static int
stop(void **state)
{
	desk_shared_free(shared);
	return cluster_stop(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_that_is_alone_is_written_at_once),
	    cmocka_unit_test(many_rows_are_all_written),
	    cmocka_unit_test(what_waits_is_written_together),
	    cmocka_unit_test(none_is_refused_for_another),
	    cmocka_unit_test(midnight_makes_no_other_message),
	    cmocka_unit_test(midnight_waits_for_who_is_writing),
	    cmocka_unit_test(none_is_put_off_for_another),
	    cmocka_unit_test(rows_tell_what_is_not_written),
	    cmocka_unit_test(orphans_are_found),
	    cmocka_unit_test(what_is_known_goes_ahead),
	    cmocka_unit_test(what_went_ahead_is_taken_back),
	    cmocka_unit_test(what_went_ahead_and_was_lost_is_written),
	    cmocka_unit_test(what_went_ahead_stays_while_somebody_looks),
	    cmocka_unit_test(what_repeats_goes_ahead_in_vain),
	    cmocka_unit_test(only_one_that_is_alone_goes_ahead),
	    cmocka_unit_test(what_went_ahead_ends_with_its_connection),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
