/*
 * session.c: browsers' sessions.
 */
#include "store/session.h"

#include "base/clock.h"
#include "store/sql.h"

enum { S_ADD, S_FIND, S_TOUCH, S_SET_BLOB, S_END, S_END_ALL };

static const struct sql statements[] = {
    [S_ADD] = {"session_add", "ubiutbmmm",
	"INSERT INTO session (tenant_id, hash, kind, account_id, address, blob, created,"
	" last_seen, expires) VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()),"
	" coalesce($8, now()), $9)"},
    /* Kind 1 is the visitor's: it idles as long as it may live. */
    [S_FIND] = {"session_find", "ubii",
	"SELECT hash, kind, account_id, address, blob, created, last_seen, expires,"
	" last_seen < now() - interval '1 minute' FROM session"
	" WHERE tenant_id = $1 AND hash = $2 AND expires > now() AND last_seen > now()"
	" - make_interval(mins => CASE WHEN kind = 1 THEN $3 ELSE $4 END::integer)"},
    [S_TOUCH] = {"session_touch", "ub",
	"UPDATE session SET last_seen = now() WHERE tenant_id = $1 AND hash = $2"},
    [S_SET_BLOB] = {"session_set_blob", "ubb",
	"UPDATE session SET blob = $3 WHERE tenant_id = $1 AND hash = $2"},
    [S_END] = {"session_end", "ub",
	"DELETE FROM session WHERE tenant_id = $1 AND hash = $2"},
    [S_END_ALL] = {"session_end_all", "ut",
	"DELETE FROM session WHERE tenant_id = $1 AND address = $2 AND kind <> 1"},
};
const struct sql_table sql_session = SQL_TABLE(statements);

void
session_row_clear(struct session_row *s)
{
	buf_free(&s->blob);
	*s = (struct session_row){0};
}

int
session_add(struct db *db, const struct id *tenant, const struct session_row *s,
    struct err *e)
{
	struct sql_args a = {0};
	int rows;

	sql_id(&a, tenant);
	sql_bytes(&a, s->hash, sizeof(s->hash));
	sql_int(&a, s->kind);
	sql_id_or_null(&a, &s->account);
	sql_text(&a, s->address);
	sql_bytes(&a, s->blob.data, s->blob.len);
	sql_time_or_null(&a, s->created);
	sql_time_or_null(&a, s->last_seen);
	sql_time(&a, s->expires);
	return sql_change(db, &statements[S_ADD], &a, &rows, e);
}

int
session_find(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct session_row *out, struct err *e)
{
	const struct sql *s = &statements[S_FIND];
	struct sql_args a = {0}, touch = {0};
	bool stale = false;
	struct sql_row r;
	PGresult *res;
	int rc;

	sql_id(&a, tenant);
	sql_bytes(&a, hash, 32);
	touch = a;
	sql_int(&a, LIMIT_VISIT_MINUTES);
	sql_int(&a, LIMIT_SESSION_IDLE_MIN);
	if (sql_exec(db, s, &a, &res, e) == -1)
		return -1;
	rc = PQntuples(res) > 0;
	if (rc == 1) {
		*out = (struct session_row){0};
		r = sql_row_at(res, 0);
		sql_get_fixed(&r, out->hash, sizeof(out->hash));
		out->kind = (enum session_kind)sql_get_int(&r);
		sql_get_id(&r, &out->account);
		sql_get_text(&r, out->address, sizeof(out->address));
		sql_get_buf(&r, &out->blob);
		out->created = sql_get_time(&r);
		out->last_seen = sql_get_time(&r);
		out->expires = sql_get_time(&r);
		stale = sql_get_bool(&r);
		if (sql_row_end(&r, s, e) == -1 ||
		    (stale &&
			sql_queue(db, &statements[S_TOUCH], &touch, e) == -1)) {
			session_row_clear(out);
			rc = -1;
		}
	}
	PQclear(res);
	return rc;
}

int
session_set_blob(struct db *db, const struct id *tenant, const uint8_t hash[32],
    const struct buf *blob, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_bytes(&a, hash, 32);
	sql_bytes(&a, blob->data, blob->len);
	return sql_queue(db, &statements[S_SET_BLOB], &a, e);
}

int
session_end(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_bytes(&a, hash, 32);
	return sql_queue(db, &statements[S_END], &a, e);
}

int
session_end_all(
    struct db *db, const struct id *tenant, const char *address, struct err *e)
{
	struct sql_args a = {0};
	int rows;

	sql_id(&a, tenant);
	sql_text(&a, address);
	return sql_change(db, &statements[S_END_ALL], &a, &rows, e);
}
