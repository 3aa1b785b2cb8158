/*
 * test_db_walls.c: what PostgreSQL itself refuses, with none of our queries in the way:
 * raw SQL by the roles of the processes. Each proof has its control.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_cluster.h"
#include "store/forward.h"

#define REFUSED "42501"

static const char *const tables[] = {"tenant", "tenant_domain", "account",
    "account_key", "unlocker", "smtp_token", "session", "message", "chunk",
    "reader", "notice", "event", "outbox", "duplicate", "upload",
    "upload_chunk", "relay", "partner", "mail_alias", "mail_list",
    "mail_list_entry", "forward", "forward_chunk", "forward_rcpt", "dsn",
    "report", "rate", "rate_limit"};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static const char *const roles[] = {
    "restante_portal", "restante_intake", "restante_courier", "restante_ctl"};
#define ROLES (sizeof(roles) / sizeof(roles[0]))

static void
set_tenant(PGconn *c, const struct id *tenant)
{
	char text[ID_TEXT_LEN], command[128];

	id_format(tenant, text);
	snprintf(
	    command, sizeof(command), "SET LOCAL restante.tenant = '%s'", text);
	assert_string_equal(cluster_try(c, command), "00000");
}

/* Rows of other tenants than `tenant` that the role sees with it set; -1: it may not look. */
static long
foreign_rows(
    PGconn *c, const char *table, const struct id *tenant, long *own_out)
{
	char query[256], text[ID_TEXT_LEN];
	long foreign = -1;

	assert_string_equal(cluster_try(c, "BEGIN"), "00000");
	set_tenant(c, tenant);
	id_format(tenant, text);
	snprintf(query, sizeof(query), "SELECT tenant_id FROM %s", table);
	if (strcmp(cluster_try(c, query), "00000") == 0) {
		snprintf(query, sizeof(query),
		    "SELECT count(*) FROM %s WHERE tenant_id <> '%s'", table,
		    text);
		foreign = cluster_number(c, query);
		snprintf(query, sizeof(query),
		    "SELECT count(tenant_id) FROM %s", table);
		*own_out = cluster_number(c, query) - foreign;
	}
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	return foreign;
}

static void
intake_cannot_read_content(void **state)
{
	static const char *const queries[] = {
	    "SELECT manifest FROM message",
	    "SELECT message_id FROM message",
	    "SELECT 1 FROM message",
	    "SELECT count(*) FROM message",
	    "SELECT data FROM chunk",
	    "SELECT data FROM upload_chunk",
	    "SELECT data FROM forward_chunk",
	    "SELECT count(*) FROM forward",
	    "SELECT count(*) FROM report",
	    "DELETE FROM forward",
	    "SELECT outbox_take_forward(1, 1)",
	    "SELECT facts FROM upload",
	    "SELECT count(*) FROM chunk",
	    "SELECT sealed FROM reader",
	    "SELECT count(*) FROM reader",
	    "SELECT link_wrap FROM notice",
	    "SELECT count(*) FROM notice",
	    "SELECT count(*) FROM event",
	    "SELECT item FROM outbox",
	    "SELECT count(*) FROM outbox",
	    "SELECT count(*) FROM session",
	    "SELECT count(*) FROM unlocker",
	    "SELECT sk_wrap FROM account_key",
	    "SELECT * FROM account_key",
	    "COPY message TO STDOUT",
	    "DELETE FROM message",
	    "UPDATE chunk SET data = data",
	    "DELETE FROM duplicate",
	    "INSERT INTO message SELECT * FROM message RETURNING manifest",
	    "TRUNCATE message",
	    "SELECT outbox_take(true, 1, 1)",
	    "SELECT tenant_list()",
	    "SET ROLE restante_owner",
	    "INSERT INTO relay (tenant_id) VALUES (null)",
	    "UPDATE tenant SET inward_policy = 1",
	    "DELETE FROM partner",
	};
	PGconn *c = cluster_raw("restante_intake", "restante");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		assert_string_equal(cluster_try(c, "BEGIN"), "00000");
		set_tenant(c, &tenant_a);
		if (strcmp(cluster_try(c, queries[i]), REFUSED) != 0)
			fail_msg("not refused: %s", queries[i]);
		assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	}
	/* The control: what it needs, it may. */
	assert_string_equal(
	    cluster_try(c, "SELECT pk, cert FROM account_key"), "00000");
	PQfinish(c);
}

static void
no_foreign_row_without_our_checks(void **state)
{
	const struct id *tenants[] = {&tenant_a, &tenant_b};
	long foreign, own = 0;
	size_t i, j, k, seen = 0;
	PGconn *c;

	(void)state;
	for (i = 0; i < ROLES; i++) {
		c = cluster_raw(roles[i], "restante");
		for (j = 0; j < TABLES; j++)
			for (k = 0; k < 2; k++) {
				foreign = foreign_rows(
				    c, tables[j], tenants[k], &own);
				if (foreign == -1)
					continue;
				seen++;
				if (foreign != 0 || own == 0)
					fail_msg(
					    "%s sees %ld foreign and %ld own rows of %s",
					    roles[i], foreign, own, tables[j]);
			}
		PQfinish(c);
	}
	assert_true(seen > 50);
}

static void
no_tenant_no_row(void **state)
{
	static const char *const unset[] = {"SELECT 1",
	    "SET LOCAL restante.tenant = ''", "RESET restante.tenant"};
	char query[128];
	const char *how;
	PGconn *c;
	size_t i, j, k;
	PGresult *res;

	(void)state;
	for (i = 0; i < ROLES; i++) {
		c = cluster_raw(roles[i], "restante");
		for (j = 0; j < TABLES; j++)
			for (k = 0; k < 3; k++) {
				assert_string_equal(
				    cluster_try(c, "BEGIN"), "00000");
				assert_string_equal(
				    cluster_try(c, unset[k]), "00000");
				snprintf(query, sizeof(query),
				    "SELECT tenant_id FROM %s", tables[j]);
				res = PQexec(c, query);
				how = PQresultErrorField(res, PG_DIAG_SQLSTATE);
				if (how == NULL ? PQntuples(res) != 0 :
						  strcmp(how, REFUSED) != 0)
					fail_msg("%s: %s after %s", roles[i],
					    query, unset[k]);
				PQclear(res);
				assert_string_equal(
				    cluster_try(c, "ROLLBACK"), "00000");
			}
		PQfinish(c);
	}
}

static void
the_owner_is_bound_too(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[128];
	size_t i;

	(void)state;
	assert_string_equal(cluster_try(c, "SET ROLE restante_owner"), "00000");
	for (i = 0; i < TABLES; i++) {
		snprintf(
		    query, sizeof(query), "SELECT count(*) FROM %s", tables[i]);
		if (cluster_number(c, query) != 0)
			fail_msg("the owner sees rows of %s", tables[i]);
	}
	PQfinish(c);
}

/* The control of the three above: with the wall down, the same probes see the rows. */
static void
a_copy_without_the_wall_is_seen(void **state)
{
	PGconn *super = cluster_raw("postgres", "postgres"), *c;
	char command[128];
	long foreign, own = 0;
	size_t i, j;

	(void)state;
	assert_string_equal(
	    cluster_try(super, "CREATE DATABASE leaky TEMPLATE restante"),
	    "00000");
	c = cluster_raw("postgres", "leaky");
	for (i = 0; i < TABLES; i++) {
		snprintf(command, sizeof(command),
		    "ALTER TABLE %s DISABLE ROW LEVEL SECURITY", tables[i]);
		assert_string_equal(cluster_try(c, command), "00000");
	}
	PQfinish(c);
	for (i = 0; i < ROLES; i++) {
		c = cluster_raw(roles[i], "leaky");
		for (j = 0; j < TABLES; j++) {
			foreign = foreign_rows(c, tables[j], &tenant_a, &own);
			if (foreign != -1 && foreign == 0)
				fail_msg("the probe of %s as %s proves nothing",
				    tables[j], roles[i]);
		}
		PQfinish(c);
	}
	assert_string_equal(cluster_try(super, "DROP DATABASE leaky"), "00000");
	PQfinish(super);
}

static void
no_foreign_row_is_written(void **state)
{
	static const char insert[] =
	    "INSERT INTO event (tenant_id, message_id, kind) VALUES ('%s',"
	    " '00000000-0000-0000-0000-000000000001', 1)";
	PGconn *c = cluster_raw("restante_portal", "restante");
	char command[256], text[ID_TEXT_LEN];

	(void)state;
	id_format(&tenant_b, text);
	snprintf(command, sizeof(command), insert, text);
	assert_string_equal(cluster_try(c, "BEGIN"), "00000");
	set_tenant(c, &tenant_a);
	assert_string_equal(cluster_try(c, command), REFUSED);
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	assert_string_equal(cluster_try(c, command), REFUSED); /* none set */
	/* Rows that are not seen are neither changed nor removed. */
	assert_string_equal(cluster_try(c, "BEGIN"), "00000");
	set_tenant(c, &tenant_a);
	assert_int_equal(
	    cluster_number(c,
		"WITH d AS (DELETE FROM session RETURNING tenant_id)"
		" SELECT count(DISTINCT tenant_id) FROM d"),
	    1);
	assert_int_equal(
	    cluster_number(c,
		"WITH u AS (UPDATE message SET expires = now() RETURNING tenant_id)"
		" SELECT count(DISTINCT tenant_id) FROM u"),
	    1);
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	PQfinish(c);
}

static void
events_are_for_ever(void **state)
{
	PGconn *c;
	size_t i;

	(void)state;
	for (i = 0; i < ROLES; i++) {
		c = cluster_raw(roles[i], "restante");
		assert_string_equal(
		    cluster_try(c, "UPDATE event SET kind = 9"), REFUSED);
		assert_string_equal(
		    cluster_try(c, "DELETE FROM event"), REFUSED);
		assert_string_equal(cluster_try(c, "TRUNCATE event"), REFUSED);
		PQfinish(c);
	}
}

static void
each_power_is_one_roles(void **state)
{
	static const struct {
		const char *role, *query;
	} cases[] = {
	    {"restante_courier", "SELECT manifest FROM message"},
	    {"restante_courier", "SELECT data FROM chunk"},
	    {"restante_courier", "SELECT sealed FROM reader"},
	    {"restante_courier", "SELECT escrow FROM notice"},
	    {"restante_courier", "SELECT blob FROM session"},
	    {"restante_courier", "SELECT pk FROM account_key"},
	    {"restante_courier", "SELECT list_id FROM mail_list_entry"},
	    {"restante_courier", "SELECT range FROM relay"},
	    {"restante_courier", "SELECT sender_known('x')"},
	    {"restante_portal", "DELETE FROM mail_alias"},
	    {"restante_portal", "SELECT data FROM forward_chunk"},
	    {"restante_portal", "SELECT outbox_take_forward(1, 1)"},
	    {"restante_portal", "DELETE FROM forward"},
	    {"restante_ctl", "SELECT data FROM forward_chunk"},
	    {"restante_ctl", "SELECT content_header FROM forward"},
	    {"restante_ctl", "SELECT outbox_take_forward(1, 1)"},
	    {"restante_courier", "INSERT INTO forward_chunk VALUES (null)"},
	    {"restante_portal", "UPDATE tenant SET inward_way = 1"},
	    {"restante_ctl", "SELECT manifest FROM message"},
	    {"restante_ctl", "SELECT data FROM chunk"},
	    {"restante_ctl", "SELECT sealed FROM reader"},
	    {"restante_ctl", "SELECT link_wrap FROM notice"},
	    {"restante_ctl", "SELECT blob FROM unlocker"},
	    {"restante_ctl", "SELECT sk_wrap FROM account_key"},
	    {"restante_ctl", "SELECT item FROM outbox"},
	    {"restante_portal", "SELECT item FROM outbox"},
	    {"restante_portal", "SELECT outbox_take(true, 1, 1)"},
	    {"restante_portal", "SELECT verifier FROM smtp_token"},
	    {"restante_portal", "UPDATE account SET admin = true"},
	    {"restante_portal", "INSERT INTO tenant (tenant_id) VALUES (null)"},
	    {"restante_portal", "DELETE FROM message"},
	    {"restante_portal", "SELECT tenant_list()"},
	    {"restante_portal", "CREATE TABLE t ()"},
	    {"restante_portal", "SET ROLE restante_definer"},
	};
	PGconn *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c = cluster_raw(cases[i].role, "restante");
		if (strcmp(cluster_try(c, cases[i].query), REFUSED) != 0)
			fail_msg("%s: not refused: %s", cases[i].role,
			    cases[i].query);
		PQfinish(c);
	}
}

/* Mail is queued by who takes it; of the courier it is news of mail, and nothing else. */
static void
the_courier_queues_news_alone(void **state)
{
	static const char insert[] =
	    "INSERT INTO outbox (tenant_id, outbox_id, kind)"
	    " VALUES ('%s', gen_random_uuid(), %d)";
	PGconn *c = cluster_raw("restante_courier", "restante");
	char command[256], text[ID_TEXT_LEN];

	(void)state;
	id_format(&tenant_a, text);
	for (int kind = 1; kind <= 5; kind++) {
		snprintf(command, sizeof(command), insert, text, kind);
		assert_string_equal(cluster_try(c, "BEGIN"), "00000");
		set_tenant(c, &tenant_a);
		assert_string_equal(
		    cluster_try(c, command), kind == 5 ? "00000" : REFUSED);
		assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	}
	PQfinish(c);
}

/* A row in each table of what is handed on, and of what is told. */
static int
add_forward(const struct id *tenant)
{
	struct forward_rcpt rcpt = {.slot = 1, .address = "a@acme.example"};
	struct forward f = {.id = id_new(),
	    .message = id_new(),
	    .size = 1,
	    .chunks = 1,
	    .rcpt = &rcpt,
	    .n_rcpt = 1};
	struct dsn q = {.message = f.message, .slot = 1};
	struct report row = {.action = 4, .status = "5.1.1"};
	struct report_mail mail = {
	    .mail = {.tenant = *tenant, .id = id_new()}, .row = &row, .n = 1};
	struct db *db = cluster_db("restante_intake");
	struct err e;
	int rc = -1;

	if (db_begin(db, tenant, &e) == 0 &&
	    forward_add(db, tenant, &f, &e) == 0 &&
	    forward_chunk_add(
		db, tenant, &f.id, 0, "one sealed chunk!", 17, &e) == 0 &&
	    dsn_add(db, tenant, &q, &e) == 0 &&
	    report_add(db, &mail, &e) == 0 && db_commit(db, &e) == 0)
		rc = 0;
	db_close(db);
	return rc;
}

static int
start(void **state)
{
	return cluster_start(state) == 0 && add_forward(&tenant_a) == 0 &&
		add_forward(&tenant_b) == 0 ?
	    0 :
	    -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(intake_cannot_read_content),
	    cmocka_unit_test(no_foreign_row_without_our_checks),
	    cmocka_unit_test(no_tenant_no_row),
	    cmocka_unit_test(the_owner_is_bound_too),
	    cmocka_unit_test(a_copy_without_the_wall_is_seen),
	    cmocka_unit_test(no_foreign_row_is_written),
	    cmocka_unit_test(events_are_for_ever),
	    cmocka_unit_test(each_power_is_one_roles),
	    cmocka_unit_test(the_courier_queues_news_alone),
	};

	return cmocka_run_group_tests(tests, start, cluster_stop);
}
