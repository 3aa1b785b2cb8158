/*
 * test_db_schema.c: the migrated schema: every statement prepares, everything is
 * commented, keys are led by the tenant, functions across tenants are pinned.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_cluster.h"
#include "store/health.h"
#include "store/sql.h"

static void
every_statement_prepares(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	const struct sql *const *all;
	size_t i, j, n;
	PGresult *res;
	Oid types[SQL_ARGS];

	(void)state;
	all = sql_all(&n);
	assert_true(n > 60);
	for (i = 0; i < n; i++) {
		for (j = 0; all[i]->types[j] != '\0'; j++) {
			switch (all[i]->types[j]) {
			case 'u':
				types[j] = 2950;
				break;
			case 'b':
				types[j] = 17;
				break;
			case 't':
				types[j] = 25;
				break;
			case 'i':
				types[j] = 20;
				break;
			case 'm':
				types[j] = 1184;
				break;
			case 'f':
				types[j] = 16;
				break;
			case 'U':
				types[j] = 2951;
				break;
			case 'B':
				types[j] = 1001;
				break;
			case 'T':
				types[j] = 1009;
				break;
			case 'I':
				types[j] = 1016;
				break;
			case 'M':
				types[j] = 1185;
				break;
			default:
				fail_msg("%s: type %c", all[i]->name,
				    all[i]->types[j]);
			}
		}
		res = PQprepare(c, all[i]->name, all[i]->text, (int)j, types);
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			fail_msg(
			    "%s: %s", all[i]->name, PQresultErrorMessage(res));
		PQclear(res);
		res = PQdescribePrepared(c, all[i]->name);
		if (PQnparams(res) != (int)j)
			fail_msg("%s: %d parameters, not %zu", all[i]->name,
			    PQnparams(res), j);
		PQclear(res);
	}
	/* The control: one that is wrong does not. */
	res = PQprepare(c, "wrong", "SELECT subject FROM message", 0, NULL);
	assert_int_equal(PQresultStatus(res), PGRES_FATAL_ERROR);
	PQclear(res);
	PQfinish(c);
}

/* Statements that may touch tenants' tables without naming the tenant: none. */
static void
every_statement_names_its_tenant(void **state)
{
	static const char *const tables[] = {"account", "account_key",
	    "unlocker", "smtp_token", "session", "message", "chunk", "reader",
	    "notice", "event", "duplicate", "tenant", "tenant_domain", "upload",
	    "upload_chunk", "relay", "partner", "mail_alias", "mail_list",
	    "mail_list_entry", "rate", "rate_limit"};
	static const char *const verbs[] = {
	    "FROM ", "INTO ", "UPDATE ", "JOIN "};
	const struct sql *const *all;
	char needle[64];
	const char *at;
	size_t i, j, k, n, touched = 0;

	(void)state;
	all = sql_all(&n);
	for (i = 0; i < n; i++)
		for (j = 0; j < sizeof(tables) / sizeof(tables[0]); j++)
			for (k = 0; k < sizeof(verbs) / sizeof(verbs[0]); k++) {
				snprintf(needle, sizeof(needle), "%s%s",
				    verbs[k], tables[j]);
				at = strstr(all[i]->text, needle);
				if (at == NULL ||
				    strchr(" ,)", at[strlen(needle)]) == NULL)
					continue;
				touched++;
				if (strstr(all[i]->text, "tenant_id") == NULL ||
				    all[i]->types[0] != 'u')
					fail_msg(
					    "%s names no tenant", all[i]->name);
			}
	assert_true(touched > 40);
}

static const struct {
	const char *name;
	const char *faults; /* counts what must not be */
} rules[] = {
    {"every table has a comment",
	"SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
	" AND c.relkind = 'r' AND obj_description(c.oid, 'pg_class') IS NULL"},
    {"every column has a comment",
	"SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
	" WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0"
	" AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL"},
    {"every function has a comment",
	"SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace"
	" AND obj_description(p.oid, 'pg_proc') IS NULL"},
    {"primary keys are led by the tenant",
	"SELECT count(*) FROM pg_constraint k JOIN pg_attribute a"
	" ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
	" WHERE k.connamespace = 'public'::regnamespace AND k.contype = 'p'"
	" AND a.attname <> 'tenant_id' AND k.conrelid <> 'schema_version'::regclass"},
    {"foreign keys carry the tenant",
	"SELECT count(*) FROM pg_constraint k JOIN pg_attribute a"
	" ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
	" WHERE k.connamespace = 'public'::regnamespace AND k.contype = 'f'"
	" AND a.attname <> 'tenant_id'"},
    {"tables are the owner's",
	"SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
	" WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
	" AND r.rolname <> 'restante_owner'"},
    {"functions that look across tenants are pinned and nobody's by default",
	"SELECT count(*) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner"
	" WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND"
	" (r.rolname <> 'restante_definer' OR r.rolcanlogin OR p.proconfig IS NULL"
	"  OR p.proconfig[1] NOT LIKE 'search_path=pg_catalog, public, pg_temp'"
	"  OR has_function_privilege('public', p.oid, 'execute'))"},
    {"large sealed columns are not compressed again",
	"SELECT count(*) FROM pg_attribute WHERE (attrelid, attname) IN"
	" (('message'::regclass, 'manifest'), ('chunk'::regclass, 'data'),"
	"  ('outbox'::regclass, 'item'), ('notice'::regclass, 'escrow'),"
	"  ('upload_chunk'::regclass, 'data'), ('upload'::regclass, 'tail'))"
	" AND attstorage <> 'e'"},
};

static void
rules_hold(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (cluster_number(c, rules[i].faults) != 0)
			fail_msg("not so: %s", rules[i].name);
	PQfinish(c);
}

static void
count(void *arg, const char *what)
{
	(void)what;
	++*(int *)arg;
}

static void
the_doctor_sees_a_broken_wall(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	struct db *db = cluster_db("restante_ctl");
	struct err e;
	int faults = 0, version;

	(void)state;
	assert_int_equal(health_version(db, &version, &e), 0);
	assert_true(version >= 3);
	assert_int_equal(health_walls(db, count, &faults, &e), 0);
	assert_int_equal(faults, 0);
	assert_string_equal(
	    cluster_try(c, "ALTER TABLE notice NO FORCE ROW LEVEL SECURITY"),
	    "00000");
	assert_string_equal(
	    cluster_try(c, "ALTER ROLE restante_portal BYPASSRLS"), "00000");
	assert_int_equal(health_walls(db, count, &faults, &e), 0);
	assert_int_equal(faults, 2);
	assert_string_equal(
	    cluster_try(c, "ALTER TABLE notice FORCE ROW LEVEL SECURITY"),
	    "00000");
	assert_string_equal(
	    cluster_try(c, "ALTER ROLE restante_portal NOBYPASSRLS"), "00000");
	faults = 0;
	assert_int_equal(health_durability(db, count, &faults, &e), 0);
	assert_int_equal(faults, 2); /* a test's cluster has fsync off */
	db_close(db);
	PQfinish(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_statement_prepares),
	    cmocka_unit_test(every_statement_names_its_tenant),
	    cmocka_unit_test(rules_hold),
	    cmocka_unit_test(the_doctor_sees_a_broken_wall),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
