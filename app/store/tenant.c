/*
 * tenant.c: organisations and their mail domains.
 */
#include "store/tenant.h"

#include "store/sql.h"

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

static int
row_of(const PGresult *res, int row, const struct sql *s, struct tenant *out,
    struct err *e)
{
	struct sql_row r = sql_row_at(res, row);

	sql_get_id(&r, &out->id);
	sql_get_text(&r, out->slug, sizeof(out->slug));
	sql_get_text(&r, out->name, sizeof(out->name));
	sql_get_text(&r, out->host, sizeof(out->host));
	sql_get_text(&r, out->domain, sizeof(out->domain));
	sql_get_text(&r, out->contact, sizeof(out->contact));
	sql_get_text(&r, out->color, sizeof(out->color));
	out->retention_days = (int)sql_get_int(&r);
	out->escrow = sql_get_bool(&r);
	return sql_row_end(&r, s, e);
}

static int
find(struct db *db, const struct sql *s, const struct sql_args *a,
    struct tenant *out, struct err *e)
{
	PGresult *res;
	int rc;

	if (sql_once(db, s, a, &res, e) == -1)
		return -1;
	rc = PQntuples(res) > 0;
	if (rc == 1 && row_of(res, 0, s, out, e) == -1)
		rc = -1;
	PQclear(res);
	return rc;
}

static int
find_text(struct db *db, const struct sql *s, const char *text,
    struct tenant *out, struct err *e)
{
	struct sql_args a = {0};

	sql_text(&a, text);
	return find(db, s, &a, out, e);
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
	return find(db, &statements[S_GET], &a, out, e);
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
	PGresult *res;
	struct tenant t;
	int i, rc = 0;

	if (sql_once(db, &statements[S_LIST], NULL, &res, e) == -1)
		return -1;
	for (i = 0; i < PQntuples(res) && rc == 0; i++) {
		rc = row_of(res, i, &statements[S_LIST], &t, e);
		if (rc == 0)
			row(arg, &t);
	}
	PQclear(res);
	return rc;
}
