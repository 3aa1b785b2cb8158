/*
 * session.c: browsers' sessions.
 */
#include "store/session.h"

#include "base/clock.h"
#include "store/fetch.h"
#include "store/rows.h"

enum { S_ADD, S_FIND, S_FIND_INBOX, S_TOUCH, S_SET_BLOB, S_END, S_END_ALL };

#define SESSION_COLUMNS                                               \
	"s.hash, s.kind, s.account_id, s.address, s.blob, s.created," \
	" s.last_seen, s.expires, s.last_seen < now() - interval '1 minute',"
/* Kind 1 is the visitor's: it idles as long as it may live. */
#define LIVE_SESSION                                                    \
	" FROM session s LEFT JOIN account a"                           \
	" ON a.tenant_id = $1 AND a.account_id = s.account_id"          \
	" WHERE s.tenant_id = $1 AND s.hash = $2 AND s.expires > now()" \
	" AND s.last_seen > now()"                                      \
	" - make_interval(mins => CASE WHEN s.kind = 1 THEN $3 ELSE $4 END::integer)"
/* The rows of list.c, in its order; a record as list_mark() makes it. */
#define INBOX(owner)                                                     \
	"(SELECT string_agg(uuid_send(x.message_id) || int4send(x.slot)" \
	" || timestamptz_send(x.expires) || coalesce(timestamptz_send("  \
	"x.first_displayed), '\\x0000000000000000'), '') FROM"           \
	" (SELECT r.message_id, r.slot, m.expires, r.first_displayed"    \
	" FROM reader r" MESSAGE_OF_READER                               \
	" WHERE r.tenant_id = $1 AND r.role = 2 AND r.state <> 3"        \
	" AND m.expires > now() AND " owner                              \
	" ORDER BY r.created DESC, r.message_id DESC LIMIT $5) x)"

static const struct sql statements[] = {
    [S_ADD] = {"session_add", "ubiutbmmm",
	"INSERT INTO session (tenant_id, hash, kind, account_id, address, blob, created,"
	" last_seen, expires) VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()),"
	" coalesce($8, now()), $9)"},
    [S_FIND] = {"session_find", "ubii",
	"SELECT " SESSION_COLUMNS " " ACCOUNT_COLUMNS
	", NULL::bytea" LIVE_SESSION},
    [S_FIND_INBOX] = {"session_find_inbox", "ubiii",
	"SELECT " SESSION_COLUMNS " " ACCOUNT_COLUMNS ", CASE s.kind"
	" WHEN 2 THEN " INBOX("r.address_key = s.address AND r.account_id IS NULL") " WHEN 3 THEN " INBOX(
	    "r.account_id = s.account_id") " END" LIVE_SESSION},
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
	buf_free(&s->inbox);
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

static void
session_row(struct sql_row *r, void *p)
{
	struct session_row *out = p;

	sql_get_fixed(r, out->hash, sizeof(out->hash));
	out->kind = (enum session_kind)sql_get_int(r);
	sql_get_id(r, &out->account);
	sql_get_text(r, out->address, sizeof(out->address));
	sql_get_buf(r, &out->blob);
	out->created = sql_get_time(r);
	out->last_seen = sql_get_time(r);
	out->expires = sql_get_time(r);
	out->touched = sql_get_bool(r);
	row_account(r, &out->person);
	sql_get_buf(r, &out->inbox);
}

static int
touch(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_bytes(&a, hash, 32);
	return sql_queue(db, &statements[S_TOUCH], &a, e);
}

static int
find(struct db *db, const struct id *tenant, const uint8_t hash[32],
    const struct sql *s, struct session_row *out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	*out = (struct session_row){0};
	sql_id(&a, tenant);
	sql_bytes(&a, hash, 32);
	sql_int(&a, LIMIT_VISIT_MINUTES);
	sql_int(&a, LIMIT_SESSION_IDLE_MIN);
	if (s == &statements[S_FIND_INBOX])
		sql_int(&a, LIMIT_PAGE_ROWS + 1);
	rc = fetch_one(fetch(db, s, &a, e), session_row, out);
	if (rc == 1 && out->touched && touch(db, tenant, out->hash, e) == -1)
		rc = -1;
	if (rc == -1)
		session_row_clear(out);
	return rc;
}

int
session_find(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct session_row *out, struct err *e)
{
	return find(db, tenant, hash, &statements[S_FIND], out, e);
}

int
session_find_inbox(struct db *db, const struct id *tenant,
    const uint8_t hash[32], struct session_row *out, struct err *e)
{
	return find(db, tenant, hash, &statements[S_FIND_INBOX], out, e);
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
