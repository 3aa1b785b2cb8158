/*
 * sql.h: what the files of store/ share: statements, their parameters and their
 * rows. Nobody outside store/ and its tests includes it.
 *
 * A transaction runs in libpq's pipeline mode. sql_queue() queues a statement and does
 * not wait; sql_exec() and sql_change() wait for it and for all queued before it. The
 * first error of a transaction is kept: every later call, and db_commit(), fails with it.
 */
#ifndef STORE_SQL_H
#define STORE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libpq-fe.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/db.h"

/* Most statements have no form for a single row, and do not say so. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wmissing-field-initializers"
#endif

/* A statement, prepared once a connection under its name. */
struct sql {
	const char *name;
	/*
	 * One letter a parameter: u uuid, b bytea, t text, i bigint, m timestamptz,
	 * f boolean; U, B, T, I, M arrays of them.
	 */
	const char *types;
	const char *text;
	/* Of one whose parameters are rows: the same for a single row; NULL: there is none. */
	const struct sql *one;
};

struct outbox;
/* Rows of the queue that a statement took, for those with lanes of their own. */
struct sql_args;
int outbox_taken(struct db *db, const struct sql *s, const struct sql_args *a,
    struct outbox *out, size_t *n, struct err *e)
    __attribute__((warn_unused_result));

/* All statements of store/, for the test that prepares each; *n their number. */
const struct sql *const *sql_all(size_t *n);

/* PostgreSQL counts microseconds from 2000. */
#define SQL_EPOCH (INT64_C(946684800) * CLOCK_SECOND)

#define SQL_ARGS 20

/* Parameters in order. They point into the caller's memory until the call returns. */
struct sql_args {
	int n;
	const char *value[SQL_ARGS];
	int len[SQL_ARGS];
	uint8_t fixed[SQL_ARGS][8];
};
void sql_id(struct sql_args *a, const struct id *id);
void sql_id_or_null(struct sql_args *a, const struct id *id); /* zero: null */
void sql_text(struct sql_args *a, const char *s);
void sql_bytes(struct sql_args *a, const void *p, size_t n);
void sql_bytes_or_null(
    struct sql_args *a, const void *p, size_t n); /* n 0: null */
void sql_int(struct sql_args *a, int64_t v);
void sql_time(struct sql_args *a, int64_t t);
void sql_time_or_null(struct sql_args *a, int64_t t); /* 0: null */
void sql_bool(struct sql_args *a, bool v);

/*
 * Rows of one statement as arrays, a column each. Each row's columns are put in order and
 * ended with sql_rows_end(); the first parameters may be scalars, put into the arguments
 * before sql_rows_put(). Memory that is out shows there.
 *
 * Where rows are many the statement has them "FROM unnest($2, $3, ...)", which keeps a
 * store for each column. Where they are few, SQL_ROWS at most, "$2[i], $3[i], ..."
 * SQL_EACH_ROW takes a fifth less of the server's time; but finding the n-th of a column of
 * texts takes n steps. For one row alone (sql.one) the same text without "[i]" and
 * SQL_EACH_ROW takes a fifth less again.
 */
#define SQL_COLUMNS  16
#define SQL_ROWS     64
#define SQL_EACH_ROW " FROM generate_subscripts($2, 1) AS i"
struct sql_rows {
	struct buf col[SQL_COLUMNS];
	int width; /* columns of a row */
	int at;    /* the next one */
	int n;     /* rows ended */
	bool bad;
};
void sql_put_id(struct sql_rows *r, const struct id *id);
void sql_put_id_or_null(struct sql_rows *r, const struct id *id);
void sql_put_text(struct sql_rows *r, const char *s);
void sql_put_bytes(struct sql_rows *r, const void *p, size_t n);
void sql_put_bytes_or_null(struct sql_rows *r, const void *p, size_t n);
void sql_put_int(struct sql_rows *r, int64_t v);
void sql_put_null(struct sql_rows *r);
void sql_put_time(struct sql_rows *r, int64_t t);
void sql_put_time_or_null(struct sql_rows *r, int64_t t);
void sql_rows_end(struct sql_rows *r);
/* The columns as parameters behind those of a; they point into r. s names their types. */
int sql_rows_put(struct sql_rows *r, const struct sql *s, struct sql_args *a,
    struct err *e) __attribute__((warn_unused_result));
/* The same of a single row, as scalars. */
int sql_rows_put_one(struct sql_rows *r, const struct sql *s,
    struct sql_args *a, struct err *e) __attribute__((warn_unused_result));
void sql_rows_clear(struct sql_rows *r); /* ready for other rows */

/* Queued, not awaited. -1 when the transaction has failed already. */
int sql_queue(struct db *db, const struct sql *s, const struct sql_args *a,
    struct err *e) __attribute__((warn_unused_result));
/*
 * The same of rows, whose first parameter is the tenant; nothing where there are none. They
 * are then none.
 */
int sql_queue_rows(struct db *db, const struct sql *s, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
/* Awaited; *out is the caller's to PQclear(). */
int sql_exec(struct db *db, const struct sql *s, const struct sql_args *a,
    PGresult **out, struct err *e) __attribute__((warn_unused_result));
/*
 * Awaited, row by row: each is handed to row(), and gone when that returns. -1 also when
 * row() said so, which does no harm to the transaction; rows may have been handed out then.
 */
int sql_each(struct db *db, const struct sql *s, const struct sql_args *a,
    int (*row)(void *arg, const PGresult *res, struct err *e), void *arg,
    struct err *e) __attribute__((warn_unused_result));
/* Awaited; *rows_out rows were touched. */
int sql_change(struct db *db, const struct sql *s, const struct sql_args *a,
    int *rows_out, struct err *e) __attribute__((warn_unused_result));
/* The same as sql_change, but none touched is `none` with the statement's name. */
int sql_change_or(struct db *db, const struct sql *s, const struct sql_args *a,
    enum err_code none, struct err *e) __attribute__((warn_unused_result));
/* Outside a transaction: one statement that is its own. */
int sql_once(struct db *db, const struct sql *s, const struct sql_args *a,
    PGresult **out, struct err *e) __attribute__((warn_unused_result));
/* Waits for all that was queued. */
int sql_flush(struct db *db, struct err *e) __attribute__((warn_unused_result));

/* One row, its columns read in order. What does not fit makes sql_row_end() fail. */
struct sql_row {
	const PGresult *res;
	int row;
	int col;
	bool bad;
};
struct sql_row sql_row_at(const PGresult *res, int row);
void sql_get_id(struct sql_row *r, struct id *out);          /* null: zero */
void sql_get_text(struct sql_row *r, char *out, size_t cap); /* null: "" */
void sql_get_fixed(struct sql_row *r, void *out, size_t n);  /* null: zeros */
void sql_get_buf(
    struct sql_row *r, struct buf *out); /* null: empty; replaces *out */
/* In place, good until PQclear(). */
const uint8_t *sql_get_bytes(struct sql_row *r, size_t *n); /* null: NULL, 0 */
int64_t sql_get_int(struct sql_row *r);                     /* null: 0 */
int64_t sql_get_time(struct sql_row *r);                    /* null: 0 */
bool sql_get_bool(struct sql_row *r);                       /* null: false */
int sql_row_end(const struct sql_row *r, const struct sql *s, struct err *e)
    __attribute__((warn_unused_result));

/* The tables of statements, one a file, gathered by sql_all(). */
struct sql_table {
	const struct sql *first;
	size_t n;
};
#define SQL_TABLE(a)                            \
	{                                       \
		(a), sizeof(a) / sizeof((a)[0]) \
	}
extern const struct sql_table sql_db, sql_tenant, sql_account, sql_session,
    sql_message, sql_reader, sql_list, sql_notice, sql_event, sql_outbox,
    sql_health, sql_upload, sql_directory, sql_address, sql_rate, sql_report,
    sql_forward;

#endif
