/*
 * pipe.h: one connection in libpq's pipeline mode, for db.c and nobody else: statements
 * are queued, and sent when their answers are read in one go: one round trip.
 */
#ifndef STORE_PIPE_H
#define STORE_PIPE_H

#include "store/sql.h"

#define PIPE_PENDING 192 /* answers owed at most; then they are read */
#define PIPE_PREPARED \
	256 /* slots of a hash; over twice the number of statements */

struct pipe_pending {
	const struct sql
	    *s; /* NULL: here a batch ends that nobody asks about */
	bool prepare;
};

struct db {
	char *conninfo;
	PGconn *conn;    /* NULL: none, or broken */
	bool open;       /* a transaction is, if only by name: see failed */
	unsigned number; /* of the last one begun */
	bool listening;
	struct err failed; /* first error of the open transaction */
	bool locked_out;   /* it was the wait for a lock */
	struct pipe_pending pending[PIPE_PENDING];
	int n_pending;
	const struct sql *prepared[PIPE_PREPARED];
	bool ready
	    [PIPE_PREPARED]; /* the statement in that slot exists in the server */
};

/* Connects where there is no connection, or where the server has ended it meanwhile. */
int pipe_connect(struct db *db, struct err *e)
    __attribute__((warn_unused_result));
void pipe_disconnect(struct db *db);
/* Queues; a statement this connection has not seen is prepared first. */
int pipe_send(struct db *db, const struct sql *s, const struct sql_args *a,
    struct err *e) __attribute__((warn_unused_result));
/* Sends what the kernel takes of it now; the rest goes with what follows. */
int pipe_push(struct db *db, struct err *e) __attribute__((warn_unused_result));
/*
 * Reads all answers owed; *last (or NULL) gets the rows of the last statement. -1 with
 * the first error; a connection that broke is gone then (db->conn is NULL).
 */
int pipe_await(struct db *db, PGresult **last, struct err *e)
    __attribute__((warn_unused_result));
/*
 * The same, with the last statement's rows as they come, one after another, so that the
 * server makes the next while one is looked at: each is gone when its call returns. What
 * row() says first is *said, which was clear; the others are passed over then.
 */
struct pipe_rows {
	int (*row)(void *arg, const PGresult *res, struct err *e);
	void *arg;
};
int pipe_await_rows(struct db *db, const struct pipe_rows *rows,
    struct err *said, struct err *e) __attribute__((warn_unused_result));
/*
 * Has the server work on what was queued and does not wait: its answers, errors among
 * them, are passed over when the connection is next used.
 */
void pipe_part(struct db *db);
/* Was something queued after the last pipe_await() or pipe_part()? */
bool pipe_owes(const struct db *db);

#endif
