/*
 * rate.c: counts of all intake processes, and limits that are not the usual ones.
 */
#include "store/rate.h"

#include <stdlib.h>
#include <string.h>

#include "store/sql.h"

enum { S_MERGE, S_SWEEP, S_LIMITS, S_SET, S_REMOVE };

static const struct sql statements[] = {
    [S_MERGE] = {"rate_merge", "b", "SELECT * FROM rate_merge($1)"},
    [S_SWEEP] = {"rate_sweep", "", "SELECT rate_sweep()"},
    [S_LIMITS] = {"rate_limits", "", "SELECT * FROM rate_limits()"},
    [S_SET] = {"rate_limit_set", "uiiii",
	"INSERT INTO rate_limit AS l (tenant_id, whose, what, class, most)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, whose, what, class)"
	" DO UPDATE SET most = EXCLUDED.most WHERE l.tenant_id = $1"},
    [S_REMOVE] = {"rate_limit_remove", "uiii",
	"DELETE FROM rate_limit WHERE tenant_id = $1 AND whose = $2"
	" AND what = $3 AND class = $4"},
};
const struct sql_table sql_rate = SQL_TABLE(statements);

/* As rate_merge() of the migration takes them apart: RECORD bytes each. */
#define RECORD (ID_LEN + RATE_KEY + 3 * 8)

static int
pack(struct buf *out, const struct rate_count *c, size_t n)
{
	if (buf_reserve(out, n * RECORD) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (buf_add(out, c[i].key.tenant.b, ID_LEN) == -1 ||
		    buf_add(out, c[i].key.b, RATE_KEY) == -1 ||
		    buf_add_u64(out, (uint64_t)(c[i].began / CLOCK_SECOND)) ==
			-1 ||
		    buf_add_u64(out, (uint64_t)(c[i].span / CLOCK_SECOND)) ==
			-1 ||
		    buf_add_u64(out, c[i].n) == -1)
			return -1;
	}
	return 0;
}

static int
totals(const PGresult *res, struct rate_count *c, size_t n, struct err *e)
{
	struct sql_row r;
	int64_t at, used, before;

	for (int i = 0; i < PQntuples(res); i++) {
		r = sql_row_at(res, i);
		at = sql_get_int(&r);
		used = sql_get_int(&r);
		before = sql_get_int(&r);
		if (sql_row_end(&r, &statements[S_MERGE], e) == -1)
			return -1;
		if (at < 0 || (size_t)at >= n || used < 0 || before < 0)
			return err_set(e, ERR_INTERNAL, "rate_merge: a row");
		c[at].used = (uint64_t)used;
		c[at].before = (uint64_t)before;
	}
	return 0;
}

int
rate_merge(struct db *db, struct rate_count *c, size_t n, struct err *e)
{
	struct buf packed = BUF_INIT;
	struct sql_args a = {0};
	PGresult *res = NULL;
	int rc;

	if (pack(&packed, c, n) == -1) {
		buf_free(&packed);
		return err_set(e, ERR_UNAVAILABLE, "rate_merge: memory");
	}
	sql_bytes(&a, packed.data, packed.len);
	rc = sql_once(db, &statements[S_MERGE], &a, &res, e);
	if (rc == 0)
		rc = totals(res, c, n, e);
	PQclear(res);
	buf_free(&packed);
	return rc;
}

int
rate_sweep(struct db *db, struct err *e)
{
	PGresult *res;

	if (sql_once(db, &statements[S_SWEEP], NULL, &res, e) == -1)
		return -1;
	PQclear(res);
	return 0;
}

static int
limit_row(const PGresult *res, int i, struct rate_limit *out, struct err *e)
{
	struct sql_row r = sql_row_at(res, i);

	sql_get_id(&r, &out->tenant);
	out->of = (enum rate_of)sql_get_int(&r);
	out->what = (enum rate_what)sql_get_int(&r);
	out->class = (int)sql_get_int(&r);
	out->most = sql_get_int(&r);
	return sql_row_end(&r, &statements[S_LIMITS], e);
}

int
rate_limits(
    struct db *db, struct rate_limit **out, size_t *n_out, struct err *e)
{
	struct rate_limit *all;
	PGresult *res;
	int i, n, rc = 0;

	if (sql_once(db, &statements[S_LIMITS], NULL, &res, e) == -1)
		return -1;
	n = PQntuples(res);
	if ((all = calloc((size_t)n + 1, sizeof(*all))) == NULL)
		rc = err_set(e, ERR_UNAVAILABLE, "rate_limits: memory");
	for (i = 0; i < n && rc == 0; i++)
		rc = limit_row(res, i, &all[i], e);
	PQclear(res);
	if (rc == -1) {
		free(all);
		return -1;
	}
	*out = all;
	*n_out = (size_t)n;
	return 0;
}

static void
limit_args(struct sql_args *a, const struct rate_limit *l)
{
	sql_id(a, &l->tenant);
	sql_int(a, l->of);
	sql_int(a, l->what);
	sql_int(a, l->class);
}

int
rate_limit_set(struct db *db, const struct rate_limit *l, struct err *e)
{
	struct sql_args a = {0};
	int rows;

	limit_args(&a, l);
	sql_int(&a, l->most);
	return sql_change(db, &statements[S_SET], &a, &rows, e);
}

int
rate_limit_remove(struct db *db, const struct rate_limit *l, struct err *e)
{
	struct sql_args a = {0};

	limit_args(&a, l);
	return sql_change_or(db, &statements[S_REMOVE], &a, ERR_NOT_FOUND, e);
}
