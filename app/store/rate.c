/*
 * rate.c: counts of all intake processes, and limits that are not the usual ones.
 */
#include "store/rate.h"

#include <stdlib.h>
#include <string.h>

#include "store/fetch.h"

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

struct total {
	int64_t at, used, before;
};

static void
total_row(struct sql_row *r, void *out)
{
	struct total *t = out;

	t->at = sql_get_int(r);
	t->used = sql_get_int(r);
	t->before = sql_get_int(r);
	r->bad |= t->at < 0 || t->used < 0 || t->before < 0;
}

static int
totals(struct fetch f, struct rate_count *c, size_t n)
{
	struct total t;

	while (fetch_next(&f, total_row, &t)) {
		if ((uint64_t)t.at >= n) {
			f.rc = err_set(f.e, ERR_INTERNAL, "rate_merge: a row");
			break;
		}
		c[t.at].used = (uint64_t)t.used;
		c[t.at].before = (uint64_t)t.before;
	}
	return fetch_end(&f);
}

int
rate_merge(struct db *db, struct rate_count *c, size_t n, struct err *e)
{
	struct buf packed = BUF_INIT;
	struct sql_args a = {0};
	int rc;

	if (pack(&packed, c, n) == -1) {
		buf_free(&packed);
		return err_set(e, ERR_UNAVAILABLE, "rate_merge: memory");
	}
	sql_bytes(&a, packed.data, packed.len);
	rc = totals(fetch_once(db, &statements[S_MERGE], &a, e), c, n);
	buf_free(&packed);
	return rc;
}

int
rate_sweep(struct db *db, struct err *e)
{
	struct fetch f = fetch_once(db, &statements[S_SWEEP], NULL, e);

	return fetch_end(&f);
}

static void
limit_row(struct sql_row *r, void *p)
{
	struct rate_limit *out = p;

	sql_get_id(r, &out->tenant);
	out->of = (enum rate_of)sql_get_int(r);
	out->what = (enum rate_what)sql_get_int(r);
	out->class = (int)sql_get_int(r);
	out->most = sql_get_int(r);
}

int
rate_limits(
    struct db *db, struct rate_limit **out, size_t *n_out, struct err *e)
{
	*out = fetch_array(fetch_once(db, &statements[S_LIMITS], NULL, e),
	    limit_row, sizeof(**out), n_out);
	return *out == NULL ? -1 : 0;
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
