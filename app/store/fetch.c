/*
 * fetch.c: the frame around reading rows: ask, read each, release.
 */
#include "store/fetch.h"

#include <stdlib.h>

struct fetch
fetch(
    struct db *db, const struct sql *s, const struct sql_args *a, struct err *e)
{
	struct fetch f = {.s = s, .e = e};

	f.rc = sql_exec(db, s, a, &f.res, e);
	return f;
}

struct fetch
fetch_once(
    struct db *db, const struct sql *s, const struct sql_args *a, struct err *e)
{
	struct fetch f = {.s = s, .e = e};

	f.rc = sql_once(db, s, a, &f.res, e);
	return f;
}

/* Reads a row, which may be one that is not there: that is of another form. */
static bool
read_row(struct fetch *f, fetch_row row, void *out)
{
	struct sql_row r = sql_row_at(f->res, f->at++);

	row(&r, out);
	f->rc = sql_row_end(&r, f->s, f->e);
	return f->rc == 0;
}

bool
fetch_next(struct fetch *f, fetch_row row, void *out)
{
	return f->rc == 0 && f->at < PQntuples(f->res) && read_row(f, row, out);
}

int
fetch_end(struct fetch *f)
{
	PQclear(f->res);
	f->res = NULL;
	return f->rc;
}

int
fetch_one(struct fetch f, fetch_row row, void *out)
{
	bool found = fetch_next(&f, row, out);

	return fetch_end(&f) == -1 ? -1 : found;
}

int
fetch_any(struct fetch f)
{
	bool found = f.rc == 0 && PQntuples(f.res) > 0;

	return fetch_end(&f) == -1 ? -1 : found;
}

int
fetch_the(struct fetch f, fetch_row row, void *out)
{
	if (f.rc == 0)
		read_row(&f, row, out);
	return fetch_end(&f);
}

int
fetch_into(struct fetch f, fetch_row row, void *out, size_t size, size_t *n)
{
	char *at = out;

	for (*n = 0; fetch_next(&f, row, at); at += size)
		++*n;
	if (f.rc == -1)
		*n = 0;
	return fetch_end(&f);
}

void *
fetch_array(struct fetch f, fetch_row row, size_t size, size_t *n)
{
	size_t rows = f.rc == 0 ? (size_t)PQntuples(f.res) : 0;
	void *out = NULL;

	*n = 0;
	if (f.rc == 0 && (out = calloc(rows + 1, size)) == NULL)
		f.rc = err_set(f.e, ERR_UNAVAILABLE, "%s: memory", f.s->name);
	if (fetch_into(f, row, out, size, n) == 0)
		return out;
	free(out);
	return NULL;
}
