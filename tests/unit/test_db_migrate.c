/*
 * test_db_migrate.c: migrations go forward, whole, once, and in order.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db_cluster.h"
#include "store/health.h"
#include "store/migrate.h"

static char dir[64];

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (text == NULL) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

struct seen {
	int now, before;
};

static void
did(void *arg, int version, const char *name, bool now)
{
	struct seen *s = arg;

	(void)version;
	(void)name;
	*(now ? &s->now : &s->before) += 1;
}

static int
migrate(struct seen *s, struct err *e)
{
	*s = (struct seen){0, 0};
	return migrate_run(
	    cluster_conninfo("postgres", "plain"), dir, did, s, e);
}

static void
expect_refused(const char *words)
{
	struct seen s;
	struct err e;

	assert_int_equal(migrate(&s, &e), -1);
	if (strstr(e.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
}

static void
migrations(void **state)
{
	PGconn *super = cluster_raw("postgres", "postgres"), *c;
	struct db *db;
	struct seen s;
	struct err e;
	int version;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/restante-mig.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_string_equal(
	    cluster_try(super, "CREATE DATABASE plain"), "00000");
	c = cluster_raw("postgres", "plain");
	db = db_open(cluster_conninfo("postgres", "plain"));
	assert_non_null(db);
	assert_int_equal(health_version(db, &version, &e), 0);
	assert_int_equal(version, 0);

	expect_refused("no migrations");
	put("notes.txt", "not one");
	put("0002_two.sql", "CREATE TABLE two (i integer)");
	expect_refused("0001 is missing");
	put("0001_one.sql",
	    "SET LOCAL ROLE postgres; CREATE TABLE one (i integer);");
	assert_int_equal(migrate_newest(dir, &version, &e), 0);
	assert_int_equal(version, 2);
	assert_int_equal(migrate(&s, &e), 0);
	assert_int_equal(s.now, 2);
	assert_int_equal(migrate(&s, &e), 0);
	assert_int_equal(s.now, 0);
	assert_int_equal(s.before, 2);
	assert_int_equal(health_version(db, &version, &e), 0);
	assert_int_equal(version, 2);

	/* One that fails leaves nothing of itself, and those before it stay. */
	put("0003_three.sql", "CREATE TABLE three (i integer);");
	put("0004_four.sql", "CREATE TABLE four (i integer); SELECT 1/0;");
	expect_refused("division by zero");
	assert_int_equal(
	    cluster_number(c, "SELECT count(*) FROM schema_version"), 3);
	assert_int_equal(
	    cluster_number(c, "SELECT (to_regclass('four') IS NULL)::integer"),
	    1);
	assert_int_equal(
	    cluster_number(
		c, "SELECT (to_regclass('three') IS NOT NULL)::integer"),
	    1);
	put("0004_four.sql", "CREATE TABLE four (i integer);");
	assert_int_equal(migrate(&s, &e), 0);
	assert_int_equal(s.now, 1);

	put("0002_two.sql", "CREATE TABLE two (i bigint)");
	expect_refused("0002_two.sql was changed");
	put("0002_two.sql", "CREATE TABLE two (i integer)");
	put("0003_three.sql", NULL);
	expect_refused("0003 is missing");
	put("0004_four.sql", NULL);
	expect_refused("newer than these programs");
	put("0001_one.sql", NULL);
	put("0002_two.sql", NULL);
	put("notes.txt", NULL);
	assert_int_equal(rmdir(dir), 0);
	expect_refused("No such file");
	db_close(db);
	PQfinish(c);
	PQfinish(super);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(migrations),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
