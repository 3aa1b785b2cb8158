/*
 * pipe.h: one connection in libpq's pipeline mode, for db.c and nobody else: statements
 * are sent, and their answers read later in one go.
 */
#ifndef STORE_PIPE_H
#define STORE_PIPE_H

#include "store/sql.h"

#define PIPE_PENDING 192 /* answers owed at most; then they are read */
#define PIPE_PREPARED \
	256 /* slots of a hash; over twice the number of statements */

struct pipe_pending {
	const struct sql *s;
	bool prepare;
};

struct db {
	char *conninfo;
	PGconn *conn; /* NULL: none, or broken */
	bool open;    /* a transaction is, if only by name: see failed */
	bool listening;
	struct err failed; /* first error of the open transaction */
	struct pipe_pending pending[PIPE_PENDING];
	int n_pending;
	const struct sql *prepared[PIPE_PREPARED];
	bool ready
	    [PIPE_PREPARED]; /* the statement in that slot exists in the server */
};

int pipe_connect(struct db *db, struct err *e)
    __attribute__((warn_unused_result));
void pipe_disconnect(struct db *db);
/* Into pipeline mode and out of it. */
int pipe_enter(struct db *db, struct err *e)
    __attribute__((warn_unused_result));
void pipe_leave(struct db *db);
/* Sends; a statement this connection has not seen is prepared first. */
int pipe_send(struct db *db, const struct sql *s, const struct sql_args *a,
    struct err *e) __attribute__((warn_unused_result));
/*
 * Reads all answers owed; *last (or NULL) gets the rows of the last statement. -1 with
 * the first error; a connection that broke is gone then (db->conn is NULL).
 */
int pipe_await(struct db *db, PGresult **last, struct err *e)
    __attribute__((warn_unused_result));

#endif
