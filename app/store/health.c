/*
 * health.c: questions to PostgreSQL's own catalogue.
 */
#include "store/health.h"

#include "store/fetch.h"

enum { S_VERSION_TABLE, S_VERSION, S_WALLS, S_DURABILITY, S_WHOLE };

static const struct sql statements[] = {
    [S_VERSION_TABLE] = {"version_table", "",
	"SELECT to_regclass('public.schema_version') IS NOT NULL"},
    [S_VERSION] = {"version", "",
	"SELECT coalesce(max(version), 0) FROM schema_version"},
    [S_WALLS] = {"walls", "",
	"SELECT 'table ' || c.relname || ': row-level security is not forced'"
	" FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
	" AND c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_attribute a"
	"  WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)"
	" AND NOT (c.relrowsecurity AND c.relforcerowsecurity"
	"  AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))"
	" UNION ALL SELECT 'role ' || w.name || ' is missing'"
	" FROM (VALUES ('restante_portal'), ('restante_intake'), ('restante_courier'),"
	"  ('restante_ctl')) w(name)"
	" WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name)"
	" UNION ALL SELECT 'role ' || r.rolname || ' may step around row-level security'"
	" FROM pg_roles r WHERE r.rolname IN ('restante_portal', 'restante_intake',"
	"  'restante_courier', 'restante_ctl') AND (r.rolsuper OR r.rolbypassrls"
	"  OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid)"
	"  OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))"},
    [S_DURABILITY] = {"durability", "",
	"SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',"
	" 'synchronous_commit') AND setting = 'off' ORDER BY name"},
    [S_WHOLE] = {"whole", "",
	"SELECT n || ' ' || what FROM orphans(now() - interval '1 day') WHERE n > 0"},
};
const struct sql_table sql_health = SQL_TABLE(statements);

int
health_schema(void)
{
	return SCHEMA_VERSION; /* the Makefile counts migrations/ */
}

static void
integer_row(struct sql_row *r, void *out)
{
	*(int64_t *)out = PQftype(r->res, 0) == 16 ? sql_get_bool(r) :
						     sql_get_int(r);
}

static int
integer(struct db *db, const struct sql *s, int64_t *out, struct err *e)
{
	return fetch_the(fetch_once(db, s, NULL, e), integer_row, out);
}

int
health_version(struct db *db, int *version_out, struct err *e)
{
	int64_t v;

	*version_out = 0;
	if (integer(db, &statements[S_VERSION_TABLE], &v, e) == -1)
		return -1;
	if (v == 0)
		return 0;
	if (integer(db, &statements[S_VERSION], &v, e) == -1)
		return -1;
	*version_out = (int)v;
	return 0;
}

struct said {
	char text[256];
};

static void
said_row(struct sql_row *r, void *out)
{
	struct said *s = out;

	sql_get_text(r, s->text, sizeof(s->text));
}

static int
faults(struct db *db, const struct sql *s,
    void (*fault)(void *arg, const char *what), void *arg, struct err *e)
{
	struct fetch f = fetch_once(db, s, NULL, e);
	struct said what;

	while (fetch_next(&f, said_row, &what))
		fault(arg, what.text);
	return fetch_end(&f);
}

int
health_walls(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e)
{
	return faults(db, &statements[S_WALLS], fault, arg, e);
}

int
health_durability(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e)
{
	return faults(db, &statements[S_DURABILITY], fault, arg, e);
}

int
health_whole(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e)
{
	return faults(db, &statements[S_WHOLE], fault, arg, e);
}
