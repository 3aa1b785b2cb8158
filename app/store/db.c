/*
 * db.c: transactions over one connection, and the couriers' bell.
 */
#include "store/db.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/pipe.h"

enum {
	S_BEGIN,
	S_TENANT,
	S_RELAX,
	S_COMMIT,
	S_ROLLBACK,
	S_PING,
	S_SWEEP,
	S_RING,
	S_RING_CODES,
	S_LISTEN,
	S_LISTEN_CODES
};

static const struct sql statements[] = {
    [S_BEGIN] = {"begin", "", "BEGIN"},
    [S_TENANT] = {"set_tenant", "t",
	"SELECT set_config('restante.tenant', $1, true)"},
    [S_RELAX] = {"relax", "",
	"SELECT set_config('synchronous_commit', 'off', true)"},
    [S_COMMIT] = {"commit", "", "COMMIT"},
    [S_ROLLBACK] = {"rollback", "", "ROLLBACK"},
    [S_PING] = {"ping", "", "SELECT 1"},
    [S_SWEEP] = {"sweep", "", "SELECT sweep()"},
    [S_RING] = {"ring", "", "NOTIFY restante_outbox"},
    [S_RING_CODES] = {"ring_codes", "", "NOTIFY restante_codes"},
    [S_LISTEN] = {"listen", "", "LISTEN restante_outbox"},
    [S_LISTEN_CODES] = {"listen_codes", "", "LISTEN restante_codes"},
};
const struct sql_table sql_db = SQL_TABLE(statements);

struct db *
db_open(const char *conninfo)
{
	struct db *db = calloc(1, sizeof(*db));

	if (db == NULL)
		return NULL;
	db->conninfo = strdup(conninfo);
	if (db->conninfo == NULL) {
		free(db);
		return NULL;
	}
	return db;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	pipe_disconnect(db);
	free(db->conninfo);
	free(db);
}

static int
begin(struct db *db, const struct id *tenant, struct err *e)
{
	char text[ID_TEXT_LEN];
	struct sql_args a = {0};

	if (pipe_connect(db, e) == -1 ||
	    pipe_send(db, &statements[S_BEGIN], NULL, e) == -1)
		return -1;
	if (tenant == NULL)
		return 0;
	id_format(tenant, text);
	sql_text(&a, text);
	return pipe_send(db, &statements[S_TENANT], &a, e);
}

int
db_begin(struct db *db, const struct id *tenant, struct err *e)
{
	db_rollback(db);
	db->locked_out = false;
	if (begin(db, tenant, e) == -1)
		return -1;
	db->open = true;
	if (++db->number == 0)
		db->number = 1;
	err_clear(&db->failed);
	return 0;
}

unsigned
db_transaction(const struct db *db)
{
	return db->open ? db->number : 0;
}

bool
db_locked_out(const struct db *db)
{
	return db->locked_out;
}

/* Keeps the first error of the transaction and hands it out. */
static int
fail(struct db *db, const struct err *why, struct err *e)
{
	if (db->failed.code == ERR_NONE)
		db->failed = *why;
	return err_set(e, db->failed.code, "%s", db->failed.text);
}

void
db_rollback(struct db *db)
{
	struct err ignored;

	if (!db->open)
		return;
	db->open = false;
	if (db->conn == NULL)
		return;
	/* After an error among what was queued the server would skip ROLLBACK. */
	if (pipe_owes(db) && pipe_await(db, NULL, &ignored) == -1 &&
	    db->conn == NULL)
		return;
	if (pipe_send(db, &statements[S_ROLLBACK], NULL, &ignored) == 0)
		pipe_part(db);
}

int
db_tenant(struct db *db, const struct id *tenant, struct err *e)
{
	char text[ID_TEXT_LEN];
	struct sql_args a = {0};

	id_format(tenant, text);
	sql_text(&a, text);
	return sql_queue(db, &statements[S_TENANT], &a, e);
}

int
db_relax(struct db *db, struct err *e)
{
	return sql_queue(db, &statements[S_RELAX], NULL, e);
}

int
db_commit(struct db *db, struct err *e)
{
	struct err why = {0};
	PGresult *res = NULL;
	bool done;

	if (!db->open)
		return err_set(e, ERR_INTERNAL, "commit: no transaction");
	if (db->failed.code != ERR_NONE) {
		fail(db, &why, e);
		db_rollback(db);
		return -1;
	}
	/* COMMIT goes with what is queued: after an error the server skips it. */
	if (pipe_send(db, &statements[S_COMMIT], NULL, &why) == -1 ||
	    pipe_await(db, &res, &why) == -1) {
		if (db->conn == NULL)
			why = (struct err){
			    ERR_UNKNOWN, "commit: the connection broke"};
		db_rollback(db);
		return err_set(e, why.code, "%s", why.text);
	}
	db->open = false;
	done = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	PQclear(res);
	if (!done)
		return err_set(
		    e, ERR_INTERNAL, "commit: the server rolled back");
	return 0;
}

int
sql_flush(struct db *db, struct err *e)
{
	struct err why = {0};

	if (!db->open)
		return err_set(e, ERR_INTERNAL, "no transaction");
	if (db->failed.code == ERR_NONE &&
	    (!pipe_owes(db) || pipe_await(db, NULL, &why) == 0))
		return 0;
	return fail(db, &why, e);
}

int
sql_queue(
    struct db *db, const struct sql *s, const struct sql_args *a, struct err *e)
{
	struct err why = {0};

	if (!db->open)
		return err_set(e, ERR_INTERNAL, "%s: no transaction", s->name);
	if (db->failed.code == ERR_NONE && pipe_send(db, s, a, &why) == 0)
		return 0;
	return fail(db, &why, e);
}

int
db_push(struct db *db, struct err *e)
{
	struct err why = {0};

	if (!db->open)
		return err_set(e, ERR_INTERNAL, "push: no transaction");
	if (db->failed.code == ERR_NONE && pipe_push(db, &why) == 0)
		return 0;
	return fail(db, &why, e);
}

int
sql_queue_rows(struct db *db, const struct sql *s, const struct id *tenant,
    struct sql_rows *rows, struct err *e)
{
	struct sql_args a = {0};
	int r;

	if (rows->n == 0 && !rows->bad)
		return 0;
	sql_id(&a, tenant);
	if (rows->n == 1 && s->one != NULL) {
		s = s->one;
		r = sql_rows_put_one(rows, s, &a, e);
	} else {
		r = sql_rows_put(rows, s, &a, e);
	}
	if (r == 0)
		r = sql_queue(db, s, &a, e);
	sql_rows_clear(rows);
	return r;
}

int
sql_exec(struct db *db, const struct sql *s, const struct sql_args *a,
    PGresult **out, struct err *e)
{
	struct err why;

	*out = NULL;
	if (sql_queue(db, s, a, e) == -1)
		return -1;
	if (pipe_await(db, out, &why) == 0)
		return 0;
	return fail(db, &why, e);
}

int
sql_each(struct db *db, const struct sql *s, const struct sql_args *a,
    int (*row)(void *arg, const PGresult *res, struct err *e), void *arg,
    struct err *e)
{
	const struct pipe_rows rows = {row, arg};
	struct err said, why;

	err_clear(&said);
	if (sql_queue(db, s, a, e) == -1)
		return -1;
	if (pipe_await_rows(db, &rows, &said, &why) == -1)
		return fail(db, &why, e);
	return said.code == ERR_NONE ? 0 :
				       err_set(e, said.code, "%s", said.text);
}

int
sql_change(struct db *db, const struct sql *s, const struct sql_args *a,
    int *rows_out, struct err *e)
{
	PGresult *res;

	if (sql_exec(db, s, a, &res, e) == -1)
		return -1;
	*rows_out = atoi(PQcmdTuples(res));
	PQclear(res);
	return 0;
}

int
sql_change_or(struct db *db, const struct sql *s, const struct sql_args *a,
    enum err_code none, struct err *e)
{
	int rows;

	if (sql_change(db, s, a, &rows, e) == -1)
		return -1;
	if (rows == 0)
		return err_set(e, none, "%s: no row", s->name);
	return 0;
}

int
sql_once(struct db *db, const struct sql *s, const struct sql_args *a,
    PGresult **out, struct err *e)
{
	*out = NULL;
	if (db->open)
		return sql_exec(db, s, a, out, e);
	if (pipe_connect(db, e) == -1 || pipe_send(db, s, a, e) == -1)
		return -1;
	return pipe_await(db, out, e);
}

/* The same, where the answer has no rows to look at. */
static int
alone(struct db *db, const struct sql *s, struct err *e)
{
	PGresult *res;

	if (sql_once(db, s, NULL, &res, e) == -1)
		return -1;
	PQclear(res);
	return 0;
}

int
db_ping(struct db *db, struct err *e)
{
	return alone(db, &statements[S_PING], e);
}

int
db_sweep(struct db *db, struct err *e)
{
	return alone(db, &statements[S_SWEEP], e);
}

void
db_wake_courier(struct db *db, bool codes)
{
	const struct sql *s = &statements[codes ? S_RING_CODES : S_RING];
	struct err ignored;

	if (db->open || db->conn == NULL)
		return;
	if (pipe_send(db, s, NULL, &ignored) == 0)
		pipe_part(db);
}

/* Takes all notices that have come; whether there was one. */
static bool
rung(struct db *db)
{
	PGnotify *n;
	bool any = false;

	while ((n = PQnotifies(db->conn)) != NULL) {
		any = true;
		PQfreemem(n);
	}
	return any;
}

int
db_wait_courier(
    struct db *db, bool codes, int fd, int timeout_ms, struct err *e)
{
	const struct sql *s = &statements[codes ? S_LISTEN_CODES : S_LISTEN];
	int64_t end = clock_mono_ms() + timeout_ms, left;
	struct pollfd p[2] = {{.events = POLLIN}, {.fd = fd, .events = POLLIN}};

	if (db->open)
		return err_set(e, ERR_INTERNAL, "wait: within a transaction");
	if (!db->listening && alone(db, s, e) == -1)
		return -1;
	db->listening = true;
	p[0].fd = PQsocket(db->conn);
	while (!rung(db)) {
		left = end - clock_mono_ms();
		if (left <= 0)
			break;
		if (poll(p, 2, (int)left) == -1 || p[1].revents != 0)
			break; /* a signal also ends the wait: its owner looks */
		if (p[0].revents == 0)
			continue;
		if (PQconsumeInput(db->conn) == 0) {
			pipe_disconnect(db);
			return err_set(
			    e, ERR_UNAVAILABLE, "wait: the connection broke");
		}
	}
	return 0;
}
