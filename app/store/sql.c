/*
 * sql.c: parameters into PostgreSQL's binary form and rows out of it, and the
 * list of all statements. Knows no connection.
 */
#include "store/sql.h"

#include <string.h>

static const struct sql_table *const tables[] = {&sql_db, &sql_tenant,
    &sql_account, &sql_session, &sql_message, &sql_reader, &sql_list,
    &sql_notice, &sql_event, &sql_outbox, &sql_health, &sql_upload, &sql_report,
    &sql_forward, &sql_directory, &sql_address, &sql_rate};

const struct sql *const *
sql_all(size_t *n)
{
	static const struct sql *all[256];
	static size_t count;
	size_t i, j;

	if (count == 0) {
		for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
			for (j = 0; j < tables[i]->n && count < 256; j++)
				all[count++] = &tables[i]->first[j];
	}
	*n = count;
	return all;
}

static void
put(struct sql_args *a, const void *p, size_t n)
{
	if (a->n >= SQL_ARGS)
		return; /* the statement then lacks parameters and fails */
	a->value[a->n] = p;
	a->len[a->n] = (int)n;
	a->n++;
}

static void
put_u64(struct sql_args *a, uint64_t v)
{
	if (a->n >= SQL_ARGS)
		return;
	be64_put(a->fixed[a->n], v);
	put(a, a->fixed[a->n], 8);
}

void
sql_id(struct sql_args *a, const struct id *id)
{
	put(a, id->b, ID_LEN);
}

void
sql_id_or_null(struct sql_args *a, const struct id *id)
{
	put(a, id_is_zero(id) ? NULL : id->b, ID_LEN);
}

void
sql_text(struct sql_args *a, const char *s)
{
	put(a, s, strlen(s));
}

void
sql_bytes(struct sql_args *a, const void *p, size_t n)
{
	put(a, n > 0 ? p : "", n); /* NULL would be null */
}

void
sql_bytes_or_null(struct sql_args *a, const void *p, size_t n)
{
	put(a, n > 0 ? p : NULL, n);
}

void
sql_int(struct sql_args *a, int64_t v)
{
	put_u64(a, (uint64_t)v);
}

void
sql_time(struct sql_args *a, int64_t t)
{
	put_u64(a, (uint64_t)(t - SQL_EPOCH));
}

void
sql_time_or_null(struct sql_args *a, int64_t t)
{
	if (t == 0)
		put(a, NULL, 0);
	else
		sql_time(a, t);
}

void
sql_bool(struct sql_args *a, bool v)
{
	if (a->n >= SQL_ARGS)
		return;
	a->fixed[a->n][0] = v;
	put(a, a->fixed[a->n], 1);
}

/* ---- arrays ---- */

/* In front of the elements: dimensions, nulls, type, length, lower bound. */
#define ARRAY_HEAD 20
#define NULL_LEN   UINT32_MAX

static void
put_element(struct sql_rows *r, const void *p, size_t n, bool null)
{
	static const uint8_t head[ARRAY_HEAD];
	uint8_t len[4];
	struct buf *b;

	if (r->bad || r->at >= SQL_COLUMNS) {
		r->bad = true;
		return;
	}
	b = &r->col[r->at++];
	be32_put(len, null ? NULL_LEN : (uint32_t)n);
	if ((b->len == 0 && buf_add(b, head, sizeof(head)) == -1) ||
	    buf_add(b, len, sizeof(len)) == -1 ||
	    (!null && n > 0 && buf_add(b, p, n) == -1))
		r->bad = true;
}

void
sql_put_id(struct sql_rows *r, const struct id *id)
{
	put_element(r, id->b, ID_LEN, false);
}

void
sql_put_id_or_null(struct sql_rows *r, const struct id *id)
{
	put_element(r, id->b, ID_LEN, id_is_zero(id));
}

void
sql_put_text(struct sql_rows *r, const char *s)
{
	put_element(r, s, strlen(s), false);
}

void
sql_put_bytes(struct sql_rows *r, const void *p, size_t n)
{
	put_element(r, p, n, false);
}

void
sql_put_bytes_or_null(struct sql_rows *r, const void *p, size_t n)
{
	put_element(r, p, n, n == 0);
}

void
sql_put_int(struct sql_rows *r, int64_t v)
{
	uint8_t b[8];

	be64_put(b, (uint64_t)v);
	put_element(r, b, sizeof(b), false);
}

void
sql_put_null(struct sql_rows *r)
{
	put_element(r, NULL, 0, true);
}

void
sql_put_time(struct sql_rows *r, int64_t t)
{
	sql_put_int(r, t - SQL_EPOCH);
}

void
sql_put_time_or_null(struct sql_rows *r, int64_t t)
{
	if (t == 0)
		sql_put_null(r);
	else
		sql_put_time(r, t);
}

void
sql_rows_end(struct sql_rows *r)
{
	if (r->n++ == 0)
		r->width = r->at;
	else if (r->at != r->width)
		r->bad = true;
	r->at = 0;
}

int
sql_rows_put(
    struct sql_rows *r, const struct sql *s, struct sql_args *a, struct err *e)
{
	static const struct {
		char letter;
		uint32_t oid; /* of an element */
	} map[] = {{'U', 2950}, {'B', 17}, {'T', 25}, {'I', 20}, {'M', 1184}};
	const char *types = s->types + a->n;
	uint32_t oid;
	size_t j;
	int i;

	if (r->bad || (int)strlen(types) != r->width)
		return err_set(e, ERR_UNAVAILABLE, "%s: rows", s->name);
	for (i = 0; i < r->width; i++) {
		for (oid = 0, j = 0; j < sizeof(map) / sizeof(map[0]); j++)
			if (map[j].letter == types[i])
				oid = map[j].oid;
		be32_put(r->col[i].data, 1);
		be32_put(r->col[i].data + 4, 1); /* there may be nulls */
		be32_put(r->col[i].data + 8, oid);
		be32_put(r->col[i].data + 12, (uint32_t)r->n);
		be32_put(r->col[i].data + 16, 1);
		put(a, r->col[i].data, r->col[i].len);
	}
	return 0;
}

int
sql_rows_put_one(
    struct sql_rows *r, const struct sql *s, struct sql_args *a, struct err *e)
{
	static const uint8_t null[4] = {0xff, 0xff, 0xff, 0xff}; /* NULL_LEN */
	const struct buf *c;

	if (r->bad || r->n != 1 || (int)strlen(s->types + a->n) != r->width)
		return err_set(e, ERR_UNAVAILABLE, "%s: rows", s->name);
	for (c = r->col; c < r->col + r->width; c++)
		if (memcmp(c->data + ARRAY_HEAD, null, sizeof(null)) == 0)
			put(a, NULL, 0);
		else
			put(a, c->data + ARRAY_HEAD + sizeof(null),
			    c->len - ARRAY_HEAD - sizeof(null));
	return 0;
}

void
sql_rows_clear(struct sql_rows *r)
{
	int i;

	for (i = 0; i < SQL_COLUMNS; i++)
		buf_free(&r->col[i]);
	*r = (struct sql_rows){0};
}

/* ---- rows that come ---- */

struct sql_row
sql_row_at(const PGresult *res, int row)
{
	return (struct sql_row){.res = res, .row = row};
}

/* The next column's bytes, or NULL for null and for a column that is not there. */
static const uint8_t *
next(struct sql_row *r, size_t *n)
{
	int col = r->col++;

	*n = 0;
	if (col >= PQnfields(r->res) || r->row >= PQntuples(r->res)) {
		r->bad = true;
		return NULL;
	}
	if (PQgetisnull(r->res, r->row, col))
		return NULL;
	*n = (size_t)PQgetlength(r->res, r->row, col);
	return (const uint8_t *)PQgetvalue(r->res, r->row, col);
}

static int64_t
get_integer(struct sql_row *r)
{
	const uint8_t *p;
	uint64_t v = 0;
	size_t i, n;

	p = next(r, &n);
	if (p == NULL)
		return 0;
	if (n != 2 && n != 4 && n != 8) {
		r->bad = true;
		return 0;
	}
	if (p[0] & 0x80)
		v = UINT64_MAX; /* sign of the shorter kinds */
	for (i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

void
sql_get_id(struct sql_row *r, struct id *out)
{
	sql_get_fixed(r, out->b, ID_LEN);
}

void
sql_get_text(struct sql_row *r, char *out, size_t cap)
{
	const uint8_t *p;
	size_t n;

	p = next(r, &n);
	if (n >= cap) {
		r->bad = true;
		n = 0;
	}
	if (p != NULL)
		memcpy(out, p, n);
	out[n] = '\0';
}

void
sql_get_fixed(struct sql_row *r, void *out, size_t n)
{
	const uint8_t *p;
	size_t len;

	p = next(r, &len);
	if (p == NULL || len != n) {
		r->bad = r->bad || p != NULL;
		memset(out, 0, n);
		return;
	}
	memcpy(out, p, n);
}

void
sql_get_buf(struct sql_row *r, struct buf *out)
{
	const uint8_t *p;
	size_t n;

	buf_clear(out);
	p = next(r, &n);
	if (p != NULL && n > 0 && buf_add(out, p, n) == -1)
		r->bad = true;
}

const uint8_t *
sql_get_bytes(struct sql_row *r, size_t *n)
{
	return next(r, n);
}

int64_t
sql_get_int(struct sql_row *r)
{
	return get_integer(r);
}

int64_t
sql_get_time(struct sql_row *r)
{
	int col = r->col;
	int64_t v = get_integer(r);

	if (r->bad || PQgetisnull(r->res, r->row, col))
		return 0;
	return v + SQL_EPOCH;
}

bool
sql_get_bool(struct sql_row *r)
{
	const uint8_t *p;
	size_t n;

	p = next(r, &n);
	if (p != NULL && n != 1)
		r->bad = true;
	return n == 1 && p[0] != 0;
}

int
sql_row_end(const struct sql_row *r, const struct sql *s, struct err *e)
{
	if (r->bad || r->col != PQnfields(r->res))
		return err_set(
		    e, ERR_INTERNAL, "%s: a row of another form", s->name);
	return 0;
}
