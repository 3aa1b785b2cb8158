/*
 * test_db_forward.c: copies on their way to a tenant's own server: who may take them,
 * what the end of a try leaves behind, and that an end is written once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db_cluster.h"
#include "store/forward.h"

static struct err e;

#define OK(call)                                           \
	do {                                               \
		if ((call) == -1)                          \
			fail_msg("%s: %s", #call, e.text); \
	} while (0)

static struct forward_rcpt people[] = {
    {.slot = 1, .address = "a@acme.example", .given = "x@acme.example"},
    {.slot = 3,
	.address = "b@acme.example",
	.given = "y@acme.example",
	.notify = 2,
	.orcpt = "rfc822;y@acme.example"},
};

/* A copy of two chunks for two, and its mail in the queue. */
static struct outbox
add_copy(void)
{
	struct outbox o = {.tenant = tenant_a,
	    .id = id_new(),
	    .kind = OUTBOX_FORWARD,
	    .message = id_new()};
	struct forward f = {.id = o.id,
	    .message = o.message,
	    .sender = "zoe@partner.example",
	    .size = 70000,
	    .chunks = 2,
	    .body = FORWARD_8BIT,
	    .require_tls = true,
	    .ret = 2,
	    .envid = "QQ1",
	    .rcpt = people,
	    .n_rcpt = 2};
	struct db *db = cluster_db("restante_intake");

	assert_int_equal(buf_adds(&o.item, "a boxed key"), 0);
	OK(db_begin(db, &tenant_a, &e));
	OK(outbox_add(db, &o, &e));
	OK(forward_add(db, &tenant_a, &f, &e));
	OK(forward_chunk_add(
	    db, &tenant_a, &f.id, 0, "the first sealed chunk", 22, &e));
	OK(forward_chunk_add(
	    db, &tenant_a, &f.id, 1, "and the second one", 18, &e));
	OK(db_commit(db, &e));
	db_close(db);
	buf_free(&o.item);
	return o;
}

static struct outbox
take(struct db *db)
{
	struct outbox o = {0};
	size_t n;

	OK(forward_take(db, 60, &o, 1, &n, &e));
	assert_int_equal(n, 1);
	return o;
}

static long
count(const char *what, const struct outbox *o)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[256], id[ID_TEXT_LEN];
	long n;

	id_format(&o->id, id);
	snprintf(
	    query, sizeof(query), "SELECT count(*) FROM %s = '%s'", what, id);
	n = cluster_number(c, query);
	PQfinish(c);
	return n;
}

static int
join(void *arg, uint32_t seq, const void *p, size_t n, struct err *err)
{
	(void)err;
	return buf_addf(arg, "%u:%.*s ", seq, (int)n, (const char *)p);
}

static void
a_copy_is_read_by_the_courier(void **state)
{
	struct db *db = cluster_db("restante_courier");
	struct buf all = BUF_INIT;
	struct outbox added = add_copy(), o;
	struct forward f;
	size_t n;

	(void)state;
	/* Not among the other mails. */
	OK(outbox_take(db, false, 60, &o, 1, &n, &e));
	for (; n > 0; n = 0) {
		assert_int_not_equal(o.kind, OUTBOX_FORWARD);
		outbox_clear(&o);
	}
	o = take(db);
	assert_true(id_equal(&o.id, &added.id));
	assert_int_equal(o.tries, 1);
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(forward_get(db, &o, &f, &e), 1);
	OK(forward_chunks(db, &o, 0, 2, join, &all, &e));
	db_rollback(db);
	assert_string_equal(
	    buf_cstr(&all), "0:the first sealed chunk 1:and the second one ");
	assert_string_equal(f.sender, "zoe@partner.example");
	assert_string_equal(f.envid, "QQ1");
	assert_int_equal(f.body, FORWARD_8BIT);
	assert_true(f.require_tls && !f.utf8 && !f.proved);
	assert_int_equal(f.n_rcpt, 2);
	assert_int_equal(f.rcpt[1].slot, 3);
	assert_string_equal(f.rcpt[1].orcpt, "rfc822;y@acme.example");
	forward_clear(&f);
	buf_free(&all);
	/* Another tenant's transaction sees nothing of it. */
	OK(db_begin(db, &tenant_b, &e));
	o.tenant = tenant_b;
	assert_int_equal(forward_get(db, &o, &f, &e), 0);
	db_rollback(db);
	o.tenant = tenant_a;
	OK(outbox_failed(db, &o, "", &e));
	outbox_clear(&o);
	db_close(db);
}

static void
ended(struct db *db, const struct outbox *o, enum forward_state first,
    enum forward_state second, const struct report_mail *tell)
{
	const struct forward_result r[] = {
	    {1, first, "250 2.0.0 fine"}, {3, second, "450 4.2.0 later"}};
	const struct forward_end end = {.result = r,
	    .n = 2,
	    .due = clock_now(),
	    .reply = r[0].reply,
	    .tell = tell,
	    .n_tell = tell != NULL};

	OK(forward_ended(db, o, &end, &e));
}

static void
an_end_leaves_nothing(void **state)
{
	static const struct {
		enum forward_state first, second;
		long rows, failed;
	} cases[] = {
	    {FORWARD_TAKEN, FORWARD_TAKEN, 0, 0},
	    {FORWARD_TAKEN, FORWARD_REFUSED, 1, 1},
	    {FORWARD_REFUSED, FORWARD_REFUSED, 1, 1},
	};
	struct db *db = cluster_db("restante_courier");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outbox o;

		add_copy();
		o = take(db);
		ended(db, &o, cases[i].first, cases[i].second, NULL);
		assert_int_equal(count("forward WHERE forward_id", &o), 0);
		assert_int_equal(
		    count("forward_chunk WHERE forward_id", &o), 0);
		assert_int_equal(count("forward_rcpt WHERE forward_id", &o), 0);
		assert_int_equal(
		    count("outbox WHERE outbox_id", &o), cases[i].rows);
		assert_int_equal(count("outbox WHERE state = 2 AND item IS NULL"
				       " AND outbox_id",
				     &o),
		    cases[i].failed);
		outbox_clear(&o);
	}
	db_close(db);
}

static int
ours(struct db *db, const struct outbox *o, size_t n_rcpt)
{
	int r;

	OK(db_begin(db, &tenant_a, &e));
	r = forward_ours(db, o, n_rcpt, &e);
	db_rollback(db);
	return r;
}

/* Who waits is tried again, and who was served is not. */
static void
some_wait(void **state)
{
	struct db *db = cluster_db("restante_courier");
	struct outbox o, again;
	struct forward f;

	(void)state;
	add_copy();
	o = take(db);
	ended(db, &o, FORWARD_REFUSED, FORWARD_WAITS, NULL);
	assert_int_equal(count("forward_chunk WHERE forward_id", &o), 2);
	again = take(db);
	assert_true(id_equal(&again.id, &o.id));
	assert_int_equal(again.tries, 2);
	assert_true(again.item.len > 0);
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(forward_get(db, &again, &f, &e), 1);
	db_rollback(db);
	assert_int_equal(f.n_rcpt, 1);
	assert_int_equal(f.rcpt[0].slot, 3);
	forward_clear(&f);
	/* The end of a try that is over has no effect, */
	assert_int_equal(ours(db, &o, 1), 0);
	assert_int_equal(ours(db, &again, 1), 1);
	ended(db, &o, FORWARD_WAITS, FORWARD_REFUSED, NULL);
	assert_int_equal(count("forward WHERE forward_id", &o), 1);
	assert_int_equal(ours(db, &again, 1), 1);
	ended(db, &again, FORWARD_REFUSED, FORWARD_TAKEN, NULL);
	assert_int_equal(count("forward WHERE forward_id", &o), 0);
	outbox_clear(&o);
	outbox_clear(&again);
	db_close(db);
}

/* One try that the next courier does not know of. */
static void
take_twice(struct db *db, struct outbox *first, struct outbox *second)
{
	add_copy();
	*first = take(db);
	ended(db, first, FORWARD_WAITS, FORWARD_WAITS, NULL);
	*second = take(db);
	assert_true(id_equal(&first->id, &second->id));
	assert_int_equal(ours(db, second, 2), 1);
}

/* Whoever has it by then finds out what was taken, and nobody gets that again. */
static void
what_was_taken_stays_taken(void **state)
{
	struct db *db = cluster_db("restante_courier");
	struct outbox first, second;
	struct forward f;

	(void)state;
	take_twice(db, &first, &second);
	for (int i = 0; i < 2; i++)
		ended(db, &first, FORWARD_TAKEN, FORWARD_WAITS, NULL);
	assert_int_equal(ours(db, &second, 2), 0);
	assert_int_equal(count("forward_rcpt WHERE state = 2 AND slot = 1"
			       " AND forward_id",
			     &first),
	    1);
	ended(db, &second, FORWARD_WAITS, FORWARD_WAITS, NULL);
	outbox_clear(&second);
	second = take(db);
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(forward_get(db, &second, &f, &e), 1);
	db_rollback(db);
	assert_int_equal(f.n_rcpt, 1);
	assert_int_equal(f.rcpt[0].slot, 3);
	forward_clear(&f);
	assert_int_equal(ours(db, &second, 1), 1);
	/* The last one, too: then there is nobody left to send it to. */
	ended(db, &first, FORWARD_TAKEN, FORWARD_TAKEN, NULL);
	assert_int_equal(ours(db, &second, 1), 0);
	assert_int_equal(count("forward WHERE forward_id", &first), 0);
	outbox_clear(&first);
	outbox_clear(&second);
	db_close(db);
}

/* The event of one recipient is written with his state, and that changes once. */
static void
events_are_written_once(void **state)
{
	struct db *db = cluster_db("restante_courier");
	struct outbox first, second;

	(void)state;
	take_twice(db, &first, &second);
	for (int i = 0; i < 3; i++)
		ended(db, i % 2 ? &first : &second, FORWARD_TAKEN,
		    FORWARD_WAITS, NULL);
	first.id = first.message;
	assert_int_equal(count("event WHERE message_id", &first), 1);
	ended(db, &second, FORWARD_TAKEN, FORWARD_TAKEN, NULL);
	assert_int_equal(count("event WHERE message_id", &first), 2);
	outbox_clear(&first);
	outbox_clear(&second);
	db_close(db);
}

/* What is told is written with the end, once, and goes with its mail. */
static void
what_is_told(void **state)
{
	struct db *db = cluster_db("restante_courier");
	struct report row = {.action = 4,
	    .recipient = "x@acme.example",
	    .orcpt = "rfc822;x@acme.example",
	    .envid = "QQ1",
	    .status = "5.1.1",
	    .diagnostic = "550 5.1.1 no",
	    .remote = "mx.acme.example"};
	struct report_mail tell = {
	    .mail = {.tenant = tenant_a, .id = id_new(), .item_kind = 5},
	    .row = &row,
	    .n = 1};
	struct report *rows;
	struct outbox o;
	size_t n;

	(void)state;
	assert_int_equal(buf_adds(&tell.mail.item, "boxed"), 0);
	add_copy();
	o = take(db);
	ended(db, &o, FORWARD_REFUSED, FORWARD_WAITS, &tell);
	OK(db_begin(db, &tenant_a, &e));
	OK(report_list(db, &tell.mail, &rows, &n, &e));
	db_rollback(db);
	assert_int_equal(n, 1);
	assert_memory_equal(&rows[0], &row, sizeof(row));
	free(rows);
	/* The same once more is nothing. */
	OK(db_begin(db, &tenant_a, &e));
	OK(report_add(db, &tell, &e));
	OK(db_commit(db, &e));
	assert_int_equal(count("report WHERE outbox_id", &tell.mail), 1);
	OK(outbox_sent(db, &tell.mail, "250", &e));
	assert_int_equal(count("outbox WHERE outbox_id", &tell.mail), 0);
	assert_int_equal(count("report WHERE outbox_id", &tell.mail), 0);
	outbox_clear(&o);
	o = take(db);
	ended(db, &o, FORWARD_TAKEN, FORWARD_TAKEN, NULL);
	outbox_clear(&o);
	buf_free(&tell.mail.item);
	db_close(db);
}

static void
routes(void **state)
{
	struct db *ctl = cluster_db("restante_ctl"),
		  *db = cluster_db("restante_courier");
	PGconn *c = cluster_raw("postgres", "restante");
	struct forward_route r;

	(void)state;
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(forward_route(db, &tenant_a, &r, &e), 0);
	db_rollback(db);
	assert_string_equal(cluster_try(c,
				"UPDATE tenant SET inward_server = 'mx',"
				" inward_port = 2525"),
	    "00000");
	OK(db_begin(ctl, &tenant_a, &e));
	OK(forward_authority(ctl, &tenant_a, "PEM", &e));
	OK(db_commit(ctl, &e));
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(forward_route(db, &tenant_a, &r, &e), 1);
	db_rollback(db);
	assert_string_equal(r.host, "mx");
	assert_int_equal(r.port, 2525);
	assert_string_equal(r.authority, "PEM");
	free(r.authority);
	PQfinish(c);
	db_close(ctl);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_copy_is_read_by_the_courier),
	    cmocka_unit_test(an_end_leaves_nothing),
	    cmocka_unit_test(some_wait),
	    cmocka_unit_test(what_was_taken_stays_taken),
	    cmocka_unit_test(events_are_written_once),
	    cmocka_unit_test(what_is_told),
	    cmocka_unit_test(routes),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
