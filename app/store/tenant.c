/*
 * tenant.c: organisations and their mail domains.
 */
#include "store/tenant.h"

#include "store/fetch.h"

enum { S_BY_HOST, S_BY_DOMAIN, S_BY_SLUG, S_LIST, S_GET, S_ADD };

static const struct sql statements[] = {
    [S_BY_HOST] = {"tenant_by_host", "t", "SELECT * FROM tenant_by_host($1)"},
    [S_BY_DOMAIN] = {"tenant_by_domain", "t",
	"SELECT * FROM tenant_by_domain($1)"},
    [S_BY_SLUG] = {"tenant_by_slug", "t", "SELECT * FROM tenant_by_slug($1)"},
    [S_LIST] = {"tenant_list", "", "SELECT * FROM tenant_list()"},
    [S_GET] = {"tenant_get", "u",
	"SELECT t.tenant_id, t.slug, t.name, t.host, coalesce(d.domain, ''),"
	" t.contact, t.color, t.retention_days, t.escrow"
	" FROM tenant t LEFT JOIN tenant_domain d"
	" ON d.tenant_id = t.tenant_id AND d.is_first WHERE t.tenant_id = $1"},
    [S_ADD] = {"tenant_add", "uttttttif",
	"WITH t AS (INSERT INTO tenant (tenant_id, slug, name, host, contact, color,"
	" retention_days, escrow) VALUES ($1, $2, $3, $4, $6, $7, $8, $9))"
	" INSERT INTO tenant_domain (tenant_id, domain, is_first) VALUES ($1, $5, true)"},
};
const struct sql_table sql_tenant = SQL_TABLE(statements);

static void
tenant_row(struct sql_row *r, void *out)
{
	struct tenant *t = out;

	sql_get_id(r, &t->id);
	sql_get_text(r, t->slug, sizeof(t->slug));
	sql_get_text(r, t->name, sizeof(t->name));
	sql_get_text(r, t->host, sizeof(t->host));
	sql_get_text(r, t->domain, sizeof(t->domain));
	sql_get_text(r, t->contact, sizeof(t->contact));
	sql_get_text(r, t->color, sizeof(t->color));
	t->retention_days = (int)sql_get_int(r);
	t->escrow = sql_get_bool(r);
}

static int
find_text(struct db *db, const struct sql *s, const char *text,
    struct tenant *out, struct err *e)
{
	struct sql_args a = {0};

	sql_text(&a, text);
	return fetch_one(fetch_once(db, s, &a, e), tenant_row, out);
}

int
tenant_by_host(
    struct db *db, const char *host, struct tenant *out, struct err *e)
{
	return find_text(db, &statements[S_BY_HOST], host, out, e);
}

int
tenant_by_domain(
    struct db *db, const char *domain, struct tenant *out, struct err *e)
{
	return find_text(db, &statements[S_BY_DOMAIN], domain, out, e);
}

int
tenant_by_slug(
    struct db *db, const char *slug, struct tenant *out, struct err *e)
{
	return find_text(db, &statements[S_BY_SLUG], slug, out, e);
}

int
tenant_get(
    struct db *db, const struct id *tenant, struct tenant *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	return fetch_one(
	    fetch_once(db, &statements[S_GET], &a, e), tenant_row, out);
}

int
tenant_add(struct db *db, const struct tenant *t, struct err *e)
{
	struct sql_args a = {0};
	int rows;

	sql_id(&a, &t->id);
	sql_text(&a, t->slug);
	sql_text(&a, t->name);
	sql_text(&a, t->host);
	sql_text(&a, t->domain);
	sql_text(&a, t->contact);
	sql_text(&a, t->color);
	sql_int(&a, t->retention_days);
	sql_bool(&a, t->escrow);
	return sql_change(db, &statements[S_ADD], &a, &rows, e);
}

int
tenant_list(struct db *db, void (*row)(void *arg, const struct tenant *t),
    void *arg, struct err *e)
{
	struct fetch f = fetch_once(db, &statements[S_LIST], NULL, e);
	struct tenant t;

	while (fetch_next(&f, tenant_row, &t))
		row(arg, &t);
	return fetch_end(&f);
}
