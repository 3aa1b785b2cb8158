/*
 * fetch.h: rows read one after the other, each by a function that takes its columns into
 * a struct. For store/ alone.
 *
 * What begins a fetch never fails by itself: the end says what happened. So a fetch goes
 * from one call into the next: fetch_one(fetch(db, s, &a, e), row_x, out).
 */
#ifndef STORE_FETCH_H
#define STORE_FETCH_H

#include "store/sql.h"

/*
 * Takes a row's columns, in order, into *out, which is the caller's struct. What does not
 * do is said by r->bad.
 */
typedef void (*fetch_row)(struct sql_row *r, void *out);

struct fetch {
	const struct sql *s;
	PGresult *res; /* NULL: failed */
	int at;        /* rows begun; the last may be the one that failed */
	int rc;        /* 0, or -1 with *e set */
	struct err *e;
};

/* Within the transaction, and awaited; a and s as for sql_exec(). */
struct fetch fetch(struct db *db, const struct sql *s, const struct sql_args *a,
    struct err *e);
/* Outside one, as sql_once(). */
struct fetch fetch_once(struct db *db, const struct sql *s,
    const struct sql_args *a, struct err *e);
/* The next row into *out. false: there is none, or one was of another form. */
bool fetch_next(struct fetch *f, fetch_row row, void *out);
/* 0, or -1 when anything failed on the way. Frees the answer. */
int fetch_end(struct fetch *f) __attribute__((warn_unused_result));

/*
 * Each of these ends the fetch.
 * fetch_one: the first row: 1, 0 where there is none, -1. Only 1 says all of *out.
 * fetch_any: is there one? 1, 0, -1.
 * fetch_the: the row of a statement that always has a row: 0, or -1.
 * fetch_into: *n rows into an array of the caller's, as long as the statement's LIMIT;
 * on -1 *n is 0 and what lies in the array is nothing.
 * fetch_array: the same into zeroed memory that the caller frees; never NULL for none.
 * NULL is failure. Both are for structs that own nothing.
 */
int fetch_one(struct fetch f, fetch_row row, void *out)
    __attribute__((warn_unused_result));
int fetch_any(struct fetch f) __attribute__((warn_unused_result));
int fetch_the(struct fetch f, fetch_row row, void *out)
    __attribute__((warn_unused_result));
int fetch_into(struct fetch f, fetch_row row, void *out, size_t size, size_t *n)
    __attribute__((warn_unused_result));
void *fetch_array(struct fetch f, fetch_row row, size_t size, size_t *n)
    __attribute__((warn_unused_result));

#endif
