/*
 * migrate.c: the schema's way forward, by plain commands: no statement of ours can be
 * prepared before it has run.
 */
#include "store/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "seal/kdf.h"

#define FILE_MAX (4 * 1024 * 1024)
#define NAME_LEN 128
#define SUM_LEN  65

struct migration {
	char name[NAME_LEN]; /* "0001_tables.sql" */
	char sum[SUM_LEN];   /* SHA-256 of its text, hex */
	struct buf text;
};

struct list {
	struct migration *m; /* version is index + 1 */
	int n;
};

static const char bookkeeping[] =
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " version integer PRIMARY KEY,"
    " name text NOT NULL,"
    " sum text NOT NULL,"
    " applied timestamptz NOT NULL DEFAULT now());"
    "ALTER TABLE schema_version OWNER TO restante_owner;"
    "GRANT SELECT ON schema_version TO restante_portal, restante_intake,"
    " restante_courier, restante_ctl;"
    "COMMENT ON TABLE schema_version IS 'Migrations applied to this database.';"
    "COMMENT ON COLUMN schema_version.version IS 'Number of the file.';"
    "COMMENT ON COLUMN schema_version.name IS 'Name of the file.';"
    "COMMENT ON COLUMN schema_version.sum IS 'SHA-256 of its text when it was applied.';"
    "COMMENT ON COLUMN schema_version.applied IS 'When.';";

static void
list_free(struct list *l)
{
	int i;

	for (i = 0; i < l->n; i++)
		buf_free(&l->m[i].text);
	free(l->m);
	*l = (struct list){0};
}

/* NNNN_name.sql */
static int
wanted(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 9 && n < NAME_LEN && strspn(d->d_name, "0123456789") == 4 &&
	    d->d_name[4] == '_' && strcmp(d->d_name + n - 4, ".sql") == 0;
}

static int
load(const char *dir, struct migration *m, struct err *e)
{
	struct seal_hash *h;
	char path[4096], part[16384];
	uint8_t sum[32];
	size_t n;
	FILE *f;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, m->name);
	f = fopen(path, "r");
	if (f == NULL)
		return err_set(
		    e, ERR_UNAVAILABLE, "%s: %s", m->name, strerror(errno));
	while (rc == 0 && (n = fread(part, 1, sizeof(part), f)) > 0)
		if (m->text.len > FILE_MAX || buf_add(&m->text, part, n) == -1)
			rc = err_set(e, ERR_TOO_BIG, "%s: too big", m->name);
	if (rc == 0 && ferror(f))
		rc = err_set(e, ERR_UNAVAILABLE, "%s: cannot be read", m->name);
	fclose(f);
	h = rc == 0 ? seal_hash_new(SEAL_SHA256) : NULL;
	if (h == NULL)
		return rc == 0 ? err_set(e, ERR_UNAVAILABLE, "memory") : rc;
	seal_hash_add(h, m->text.data, m->text.len);
	seal_hash_end(h, sum);
	text_hex(sum, sizeof(sum), m->sum);
	return 0;
}

/* The files in order, without gaps. */
static int
list_read(const char *dir, struct list *l, struct err *e)
{
	struct dirent **names;
	int i, n, rc = 0;

	*l = (struct list){0};
	n = scandir(dir, &names, wanted, alphasort);
	if (n == -1)
		return err_set(e, ERR_UNAVAILABLE, "migrations in %.100s: %s",
		    dir, strerror(errno));
	l->m = calloc((size_t)n + 1, sizeof(*l->m));
	if (l->m == NULL)
		rc = err_set(e, ERR_UNAVAILABLE, "memory");
	for (i = 0; i < n; i++) {
		if (rc == 0 && atoi(names[i]->d_name) != i + 1)
			rc = err_set(e, ERR_BAD_INPUT,
			    "migration %04d is missing before %s", i + 1,
			    names[i]->d_name);
		if (rc == 0) {
			text_cut(l->m[i].name, NAME_LEN, names[i]->d_name);
			l->n = i + 1;
			rc = load(dir, &l->m[i], e);
		}
		free(names[i]);
	}
	free(names);
	if (rc == 0 && n == 0)
		rc = err_set(e, ERR_BAD_INPUT, "no migrations in %.100s", dir);
	if (rc == -1)
		list_free(l);
	return rc;
}

int
migrate_newest(const char *dir, int *version_out, struct err *e)
{
	struct list l;

	if (list_read(dir, &l, e) == -1)
		return -1;
	*version_out = l.n;
	list_free(&l);
	return 0;
}

/* Migrations hold no secrets: PostgreSQL's own words may be shown. */
static int
refused(const PGconn *conn, const char *what, struct err *e)
{
	const char *why = PQerrorMessage(conn);

	return err_set(e,
	    PQstatus(conn) == CONNECTION_OK ? ERR_INTERNAL : ERR_UNAVAILABLE,
	    "%s: %.*s", what, (int)strcspn(why, "\n"), why);
}

static int
command(PGconn *conn, const char *text, const char *what, struct err *e)
{
	PGresult *res = PQexec(conn, text);
	ExecStatusType status = PQresultStatus(res);

	PQclear(res);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	return refused(conn, what, e);
}

static int
record(PGconn *conn, int version, const struct migration *m, struct err *e)
{
	char number[16];
	const char *values[] = {number, m->name, m->sum};
	PGresult *res;
	bool ok;

	snprintf(number, sizeof(number), "%d", version);
	res = PQexecParams(conn,
	    "INSERT INTO schema_version (version, name, sum) VALUES ($1, $2, $3)",
	    3, NULL, values, NULL, NULL, 0);
	ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	PQclear(res);
	return ok ? 0 : refused(conn, m->name, e);
}

static int
apply(PGconn *conn, int version, struct migration *m, struct err *e)
{
	if (command(conn, "BEGIN", m->name, e) == 0 &&
	    command(conn, buf_cstr(&m->text), m->name, e) == 0 &&
	    command(conn, "RESET ROLE", m->name, e) == 0 &&
	    record(conn, version, m, e) == 0 &&
	    command(conn, "COMMIT", m->name, e) == 0)
		return 0;
	/* Where the connection is gone, so is the transaction. */
	PQclear(PQexec(conn, "ROLLBACK"));
	return -1;
}

/* Compares what was applied with the files; *done_out how many were. */
static int
compare(PGconn *conn, const struct list *l, int *done_out, struct err *e)
{
	PGresult *res = PQexec(conn,
	    "SELECT version, name, sum FROM schema_version ORDER BY version");
	int i, n, rc = 0;

	if (PQresultStatus(res) != PGRES_TUPLES_OK) {
		PQclear(res);
		return refused(conn, "schema_version", e);
	}
	n = PQntuples(res);
	for (i = 0; i < n && rc == 0; i++) {
		if (atoi(PQgetvalue(res, i, 0)) != i + 1)
			rc = err_set(e, ERR_BAD_INPUT,
			    "the database lacks migration %04d but has later ones",
			    i + 1);
		else if (i >= l->n)
			rc = err_set(e, ERR_BAD_INPUT,
			    "the database is at %04d, newer than these programs (%04d)",
			    n, l->n);
		else if (strcmp(PQgetvalue(res, i, 2), l->m[i].sum) != 0)
			rc = err_set(e, ERR_BAD_INPUT,
			    "%s was changed after it had been applied",
			    l->m[i].name);
	}
	PQclear(res);
	*done_out = n;
	return rc;
}

static int
forward(PGconn *conn, struct list *l, migrate_did did, void *arg, struct err *e)
{
	int i, done = 0;

	/* Held to the end of the connection: a second one waits here. */
	if (command(conn, "SELECT pg_advisory_lock(7210523)", "lock", e) ==
		-1 ||
	    command(conn, bookkeeping, "schema_version", e) == -1 ||
	    compare(conn, l, &done, e) == -1)
		return -1;
	for (i = 0; i < l->n; i++) {
		if (i >= done && apply(conn, i + 1, &l->m[i], e) == -1)
			return -1;
		did(arg, i + 1, l->m[i].name, i >= done);
	}
	return 0;
}

static void
quiet(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

int
migrate_run(const char *conninfo, const char *dir, migrate_did did, void *arg,
    struct err *e)
{
	static const char *const keys[] = {"dbname", "connect_timeout",
	    "client_encoding", "fallback_application_name", "options", NULL};
	const char *const values[] = {conninfo, "3", "UTF8", "restantectl",
	    "-c search_path=public", NULL};
	struct list l;
	PGconn *conn;
	int rc = -1;

	if (list_read(dir, &l, e) == -1)
		return -1;
	conn = PQconnectdbParams(keys, values, 1);
	if (conn == NULL || PQstatus(conn) != CONNECTION_OK) {
		refused(conn, "no connection", e);
	} else {
		PQsetNoticeReceiver(conn, quiet, NULL);
		rc = forward(conn, &l, did, arg, e);
	}
	PQfinish(conn);
	list_free(&l);
	return rc;
}
