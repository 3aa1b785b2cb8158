/*
 * pipe.c: the connection and its pipeline, and what PostgreSQL's errors mean to us.
 * Knows nothing of transactions.
 */
#include "store/pipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hang.h"
#include "base/metrics.h"

/* The server ends a statement after 30 s; past this it is taken for dead. */
#define ANSWER_MS 40000
/* How often one who waits looks whether it is in vain; and a try that took so long was. */
#define LOOK_MS      500
#define VAIN_MS      2000
#define WRITE_MS     3000
#define WRITES       "SELECT pg_logical_emit_message(true, 'restante', '')"
#define SEND_AT_ONCE ((size_t)16 * 1024)
/* After a connection was refused nobody tries for so long: a server that starts has more to do. */
#define REFUSED_MS 100

static struct hang server;
static _Atomic int64_t refused; /* when, ms */

static void
quiet(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

void
pipe_disconnect(struct db *db)
{
	PQfinish(db->conn);
	db->conn = NULL;
	db->listening = false;
	db->n_pending = 0;
	memset(db->ready, 0, sizeof(db->ready));
}

/* The first line of libpq's message: it names socket and role, never a password. */
static int
no_connection(const PGconn *conn, struct err *e)
{
	const char *why = conn != NULL ? PQerrorMessage(conn) : "";

	metrics_add(METRIC_ERRORS, METRIC_DATABASE, 0, 1);
	return err_set(e, ERR_UNAVAILABLE,
	    "no connection to the database: %.*s", (int)strcspn(why, "\n"),
	    why);
}

/* An idle connection may have died: then its end can be read. */
static bool
is_alive(struct db *db)
{
	struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};

	while (PQstatus(db->conn) == CONNECTION_OK && poll(&p, 1, 0) > 0)
		if (PQconsumeInput(db->conn) == 0)
			return false;
	return PQstatus(db->conn) == CONNECTION_OK;
}

/* Is what was asked over it answered within WRITE_MS? Its end is an answer. */
static bool
is_answered(PGconn *conn)
{
	int64_t end = clock_mono_ms() + WRITE_MS, left;
	struct pollfd p = {.fd = PQsocket(conn), .events = POLLIN};

	while (PQisBusy(conn)) {
		left = end - clock_mono_ms();
		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) > 0 && PQconsumeInput(conn) == 0)
			break;
	}
	return true;
}

/*
 * Does the server let somebody in, and commit? Asked over a connection of its own, since
 * those that wait may wait for something else; while there is no answer it is kept, so that
 * there is but one. What is refused is answered.
 */
static bool
answers(struct db *db)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static const char *const keys[] = {"dbname", "connect_timeout", NULL};
	static PGconn *conn;
	const char *const values[] = {db->conninfo, "3", NULL};
	int64_t began = clock_mono_ms();
	bool fine = true, keep = false;

	pthread_mutex_lock(&lock);
	if (conn == NULL) {
		conn = PQconnectdbParams(keys, values, 1);
		if (conn == NULL || PQstatus(conn) != CONNECTION_OK)
			fine = clock_mono_ms() - began < VAIN_MS;
		else
			keep = PQsendQuery(conn, WRITES) == 1;
	} else {
		keep = true;
	}
	if (keep)
		keep = !(fine = is_answered(conn));
	if (!keep) {
		PQfinish(conn);
		conn = NULL;
	}
	pthread_mutex_unlock(&lock);
	return fine;
}

/* Whoever has waited for long finds out, for all, whether anybody is answered. */
static bool
in_vain(struct db *db, int64_t waited)
{
	if (hang_ask(&server, waited) && !answers(db))
		hang_set(&server, true);
	return hang_is(&server);
}

static int
connect_anew(struct db *db, struct err *e)
{
	/*
	 * Every question has its index, and plans are kept as long as the
	 * connection: made for a small table they must still do for a big one.
	 * A list is read in its index's order, not gathered and sorted; and no
	 * plan is made again for each question, which costs more than most.
	 */
	static const char *const keys[] = {"dbname", "connect_timeout",
	    "client_encoding", "fallback_application_name", "keepalives_idle",
	    "tcp_user_timeout", "options", NULL};
	const char *const values[] = {db->conninfo, "3", "UTF8", "restante",
	    "30", "30000",
	    "-c statement_timeout=30s -c lock_timeout=5s"
	    " -c idle_in_transaction_session_timeout=60s"
	    " -c synchronous_commit=on -c search_path=public"
	    " -c enable_seqscan=off -c enable_bitmapscan=off -c enable_memoize=off"
	    " -c plan_cache_mode=force_generic_plan",
	    NULL};

	int64_t began = clock_mono_ms();

	pipe_disconnect(db);
	if (refused != 0 && began < refused + REFUSED_MS)
		return no_connection(NULL, e);
	db->conn = PQconnectdbParams(keys, values, 1);
	if (db->conn == NULL || PQstatus(db->conn) != CONNECTION_OK ||
	    PQsetnonblocking(db->conn, 1) == -1 ||
	    PQenterPipelineMode(db->conn) != 1) {
		refused = clock_mono_ms();
		if (refused - began >= VAIN_MS)
			hang_set(&server, true);
		no_connection(db->conn, e);
		pipe_disconnect(db);
		return -1;
	}
	PQsetNoticeReceiver(db->conn, quiet, NULL);
	return 0;
}

int
pipe_connect(struct db *db, struct err *e)
{
	const enum hang_turn turn = hang_turn(&server);

	if (turn == HANG_TRY)
		hang_set(&server, !answers(db));
	if (turn != HANG_NOT && hang_is(&server)) {
		metrics_add(METRIC_ERRORS, METRIC_DATABASE, 0, 1);
		return err_set(
		    e, ERR_UNAVAILABLE, "the database does not answer");
	}
	if (db->conn != NULL && is_alive(db))
		return 0;
	return connect_anew(db, e);
}

static enum err_code
code_of(const char *state)
{
	static const struct {
		const char *state; /* or the class: its first two */
		enum err_code code;
	} map[] = {
	    {"23505", ERR_CONFLICT},
	    {"40001", ERR_UNAVAILABLE}, /* serialization */
	    {"40P01", ERR_UNAVAILABLE}, /* deadlock */
	    {"55P03", ERR_UNAVAILABLE}, /* lock timeout */
	    {"25006", ERR_UNAVAILABLE}, /* a standby */
	    {"25P03", ERR_UNAVAILABLE}, /* idle in transaction */
	    {"22021", ERR_BAD_INPUT},   /* not UTF-8 */
	    {"08", ERR_UNAVAILABLE},    /* connection */
	    {"53", ERR_UNAVAILABLE},    /* disk, memory, connections */
	    {"57", ERR_UNAVAILABLE},    /* shutdown, timeout */
	    {"58", ERR_UNAVAILABLE},    /* system */
	};
	size_t i;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (strncmp(state, map[i].state, strlen(map[i].state)) == 0)
			return map[i].code;
	return ERR_INTERNAL;
}

/* Waited for a lock too long, or for ever. */
static bool
is_locked_out(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL &&
	    (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0);
}

/* SQLSTATE and names only: PostgreSQL's own message may hold values. */
static void
describe(const PGresult *res, const struct sql *s, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *constraint = PQresultErrorField(
	    res, PG_DIAG_CONSTRAINT_NAME);

	if (state == NULL || code_of(state) == ERR_UNAVAILABLE)
		metrics_add(METRIC_ERRORS, METRIC_DATABASE, 0, 1);
	if (state == NULL) {
		err_set(
		    e, ERR_UNAVAILABLE, "%s: the connection broke", s->name);
		return;
	}
	err_set(e, code_of(state), "%s: SQLSTATE %s%s%s", s->name, state,
	    constraint != NULL ? " " : "",
	    constraint != NULL ? constraint : "");
}

static size_t
slot_of(struct db *db, const struct sql *s)
{
	size_t i = ((uintptr_t)s / sizeof(*s)) % PIPE_PREPARED;

	while (db->prepared[i] != NULL && db->prepared[i] != s)
		i = (i + 1) % PIPE_PREPARED;
	db->prepared[i] = s;
	return i;
}

/* The types and formats of a statement's parameters; their number. */
static int
signature(const struct sql *s, Oid *types, int *formats)
{
	static const struct {
		char letter;
		Oid oid; /* fixed in PostgreSQL's catalogue */
	} map[] = {{'u', 2950}, {'b', 17}, {'t', 25}, {'i', 20}, {'m', 1184},
	    {'f', 16}, {'U', 2951}, {'B', 1001}, {'T', 1009}, {'I', 1016},
	    {'M', 1185}};
	int n;
	size_t j;

	for (n = 0; n < SQL_ARGS && s->types[n] != '\0'; n++) {
		formats[n] = 1;
		types[n] = 0;
		for (j = 0; j < sizeof(map) / sizeof(map[0]); j++)
			if (map[j].letter == s->types[n])
				types[n] = map[j].oid;
	}
	return n;
}

/*
 * Until the server has read something, or said something, which is taken: 0. -1: it did
 * not in time, counted from began.
 */
static int
wait_for_it(struct db *db, bool unsent, int64_t began)
{
	const int64_t waited = clock_mono_ms() - began;
	struct pollfd p = {.fd = PQsocket(db->conn),
	    .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
	int n;

	if (waited >= ANSWER_MS)
		return -1;
	n = poll(&p, 1, LOOK_MS);
	if ((n == -1 && errno != EINTR) || (n == 0 && in_vain(db, waited)))
		return -1;
	if (n > 0 && (p.revents & ~POLLOUT) != 0 &&
	    PQconsumeInput(db->conn) == 0)
		return -1;
	return 0;
}

/* The next result within the deadline; *out NULL: that statement has no more. */
static int
result(struct db *db, PGresult **out)
{
	int64_t began = clock_mono_ms();
	int unsent;

	while (PQisBusy(db->conn))
		if ((unsent = PQflush(db->conn)) == -1 ||
		    wait_for_it(db, unsent == 1, began) == -1)
			return -1;
	*out = PQgetResult(db->conn);
	return 0;
}

/* What is large is sent before more of it comes: not kept in memory. */
static int
send_on(struct db *db, const struct sql_args *a)
{
	int64_t began = clock_mono_ms();
	size_t n = 0;
	int i, unsent;

	for (i = 0; i < a->n; i++)
		n += (size_t)a->len[i];
	if (n < SEND_AT_ONCE)
		return 0;
	while ((unsent = PQflush(db->conn)) == 1)
		if (wait_for_it(db, true, began) == -1)
			return -1;
	return unsent;
}

int
pipe_send(
    struct db *db, const struct sql *s, const struct sql_args *a, struct err *e)
{
	static const struct sql_args none;
	int formats[SQL_ARGS], n;
	Oid types[SQL_ARGS];
	size_t slot = slot_of(db, s);

	if (a == NULL)
		a = &none;
	n = signature(s, types, formats);
	if (a->n != n)
		return err_set(
		    e, ERR_INTERNAL, "%s: %d parameters", s->name, a->n);
	if (db->n_pending + 3 > PIPE_PENDING && pipe_await(db, NULL, e) == -1)
		return -1;
	if (!db->ready[slot]) {
		if (PQsendPrepare(db->conn, s->name, s->text, n, types) != 1)
			goto lost;
		db->pending[db->n_pending++] = (struct pipe_pending){s, true};
		db->ready[slot] = true;
	}
	if (PQsendQueryPrepared(
		db->conn, s->name, n, a->value, a->len, formats, 1) == 1) {
		db->pending[db->n_pending++] = (struct pipe_pending){s, false};
		if (send_on(db, a) == 0)
			return 0;
	}
lost:
	no_connection(db->conn, e);
	pipe_disconnect(db);
	return -1;
}

int
pipe_push(struct db *db, struct err *e)
{
	if (db->conn != NULL && PQflush(db->conn) != -1)
		return 0;
	no_connection(db->conn, e);
	pipe_disconnect(db);
	return -1;
}

enum answer { ANSWER_OK, ANSWER_ERROR, ANSWER_LOST };

/* One statement's answer; its rows to *out. Only the first error of a batch says why. */
static enum answer
answer(
    struct db *db, const struct pipe_pending *p, PGresult **out, struct err *e)
{
	PGresult *res = NULL, *end = NULL;
	ExecStatusType status;
	enum answer rc = ANSWER_OK;

	*out = NULL;
	if (result(db, &res) == -1 || res == NULL)
		return ANSWER_LOST;
	status = PQresultStatus(res);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
		*out = res;
	} else {
		if (status != PGRES_PIPELINE_ABORTED && e->code == ERR_NONE) {
			describe(res, p->s, e);
			db->locked_out = is_locked_out(res);
		}
		if (p->prepare)
			db->ready[slot_of(db, p->s)] = false;
		PQclear(res);
		rc = ANSWER_ERROR;
	}
	if (PQstatus(db->conn) != CONNECTION_OK || result(db, &end) == -1 ||
	    end != NULL) {
		PQclear(end);
		PQclear(*out);
		*out = NULL;
		return ANSWER_LOST;
	}
	return rc;
}

/* One statement's answer row by row; *why: what row() said first, ERR_NONE: nothing. */
static enum answer
answer_rows(struct db *db, const struct pipe_pending *p,
    const struct pipe_rows *rows, struct err *why, struct err *e)
{
	enum answer rc = ANSWER_LOST;
	PGresult *res = NULL;
	ExecStatusType status;

	/* Where it cannot be, they come together. */
	(void)PQsetSingleRowMode(db->conn);
	while (result(db, &res) == 0) {
		if (res == NULL)
			return PQstatus(db->conn) == CONNECTION_OK ?
			    rc :
			    ANSWER_LOST;
		status = PQresultStatus(res);
		if (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK) {
			rc = ANSWER_OK;
			if (PQntuples(res) > 0 && why->code == ERR_NONE)
				(void)rows->row(rows->arg, res, why);
		} else {
			if (status != PGRES_PIPELINE_ABORTED &&
			    e->code == ERR_NONE)
				describe(res, p->s, e);
			rc = ANSWER_ERROR;
		}
		PQclear(res);
	}
	return ANSWER_LOST;
}

/* The answer to the end of a batch. */
static enum answer
batch_end(struct db *db)
{
	PGresult *res = NULL;
	bool is;

	if (result(db, &res) == -1)
		return ANSWER_LOST;
	is = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
	PQclear(res);
	return is ? ANSWER_OK : ANSWER_LOST;
}

/* rows NULL: the last statement's to *last, which may be NULL. */
static int
await(struct db *db, const struct pipe_rows *rows, PGresult **last,
    struct err *said, struct err *e)
{
	int i, n = db->n_pending;
	PGresult *res = NULL;
	struct err why;
	enum answer rc = ANSWER_OK;

	err_clear(&why);
	db->n_pending = 0;
	if (PQpipelineSync(db->conn) != 1)
		rc = ANSWER_LOST;
	for (i = 0; i < n && rc != ANSWER_LOST; i++) {
		PQclear(res);
		res = NULL;
		if (db->pending[i].s != NULL) {
			rc = rows != NULL && i == n - 1 ?
			    answer_rows(db, &db->pending[i], rows, said, &why) :
			    answer(db, &db->pending[i], &res, &why);
			continue;
		}
		rc = batch_end(db);
		err_clear(&why); /* of those nobody asks */
	}
	if (rc != ANSWER_LOST)
		rc = batch_end(db);
	if (rc == ANSWER_LOST) {
		if (why.code == ERR_NONE)
			no_connection(db->conn, &why);
		pipe_disconnect(db);
	}
	if (why.code != ERR_NONE) {
		PQclear(res);
		return err_set(e, why.code, "%s", why.text);
	}
	if (last != NULL)
		*last = res;
	else
		PQclear(res);
	return 0;
}

int
pipe_await(struct db *db, PGresult **last, struct err *e)
{
	return await(db, NULL, last, NULL, e);
}

int
pipe_await_rows(struct db *db, const struct pipe_rows *rows, struct err *said,
    struct err *e)
{
	return await(db, rows, NULL, said, e);
}

void
pipe_part(struct db *db)
{
	if (PQpipelineSync(db->conn) != 1) {
		pipe_disconnect(db);
		return;
	}
	db->pending[db->n_pending++] = (struct pipe_pending){0};
}

bool
pipe_owes(const struct db *db)
{
	return db->n_pending > 0 && db->pending[db->n_pending - 1].s != NULL;
}
