/*
 * upload.c: files on their way from a browser, and the chunks of all files.
 */
#include "store/upload.h"

#include <string.h>

#include "store/fetch.h"

enum {
	S_LOCK,
	S_LOAD,
	S_ADD,
	S_GET,
	S_CLAIM,
	S_CLEAR,
	S_ROW,
	S_KEPT,
	S_LEAVE,
	S_KEYLESS,
	S_LESS,
	S_GONE,
	S_SENT,
	S_CHUNKS,
	S_SWEEP
};

#define MINE " WHERE tenant_id = $1 AND upload_id = $2"
/* A guest's do not outlive the session that can open them. */
#define ENDS(days, session)                                        \
	"least(now() + make_interval(days => " days "::integer),"  \
	" (SELECT s.expires FROM session s WHERE s.tenant_id = $1" \
	"  AND s.hash = " session "))"

static const struct sql statements[] = {
    [S_LOCK] = {"upload_lock", "t",
	"SELECT pg_advisory_xact_lock(hashtextextended($1, 1970367602))"},
    [S_LOAD] = {"upload_load", "ut",
	"SELECT count(*), coalesce(sum(length), 0)::bigint FROM upload"
	" WHERE tenant_id = $1 AND address_key = $2 AND message_id IS NULL"
	" AND key_wrap IS NOT NULL"},
    [S_ADD] = {"upload_add", "uuubtibibbi",
	"INSERT INTO upload (tenant_id, upload_id, account_id, session, address_key,"
	" length, header, key_version, key_wrap, facts, expires) VALUES ($1, $2, $3, $4,"
	" $5, $6, $7, nullif($8, 0)::integer, $9, $10, " ENDS(
	    "$11", "$4") ")"
			 " RETURNING expires"},
    [S_GET] = {"upload_get", "uu",
	"SELECT upload_id, account_id, session, address_key, length, taken, header,"
	" key_version, key_wrap, facts, tail, expires, message_id FROM upload" MINE},
    [S_CLAIM] = {"upload_claim", "uuui",
	"UPDATE upload SET writer = $3" MINE
	" AND taken = $4 AND message_id IS NULL"
	" AND key_wrap IS NOT NULL"},
    /* What a slice left that did not count. */
    [S_CLEAR] = {"upload_clear", "uui",
	"DELETE FROM upload_chunk" MINE " AND seq >= $3"},
    /* Both or neither, without a question in between. */
    [S_ROW] = {"upload_row", "uuuiiib",
	"WITH u AS (UPDATE upload SET taken = $5,"
	"  tail = CASE WHEN $5 > taken THEN NULL ELSE tail END" MINE
	"  AND writer = $3 AND taken = $4 AND message_id IS NULL"
	"  AND key_wrap IS NOT NULL RETURNING tenant_id, upload_id)"
	" INSERT INTO upload_chunk (tenant_id, upload_id, seq, data)"
	" SELECT tenant_id, upload_id, $6, $7 FROM u"},
    [S_KEPT] = {"upload_kept", "uuui",
	"SELECT 1 FROM upload" MINE " AND writer = $3 AND taken = $4"},
    [S_LEAVE] = {"upload_leave", "uuuiifbi",
	"UPDATE upload SET taken = $5, writer = NULL,"
	" tail = CASE WHEN $6 THEN $7 ELSE tail END,"
	" expires = " ENDS("$8", "upload.session") MINE
	" AND writer = $3 AND taken = $4 AND message_id IS NULL"
	" RETURNING expires"},
    [S_KEYLESS] = {"upload_keyless", "uu",
	"UPDATE upload SET key_wrap = NULL, tail = NULL, writer = NULL,"
	" expires = least(expires, now())" MINE
	" AND message_id IS NULL AND key_wrap IS NOT NULL"},
    [S_LESS] = {"upload_less", "uui",
	"DELETE FROM upload_chunk" MINE
	" AND seq IN (SELECT s.seq FROM upload_chunk s"
	" WHERE s.tenant_id = $1 AND s.upload_id = $2 ORDER BY s.seq LIMIT $3)"},
    [S_GONE] = {"upload_gone", "uu",
	"DELETE FROM upload" MINE " AND NOT EXISTS (SELECT FROM upload_chunk c"
	" WHERE c.tenant_id = $1 AND c.upload_id = $2)"},
    [S_SENT] = {"upload_sent", "uuu",
	"UPDATE upload SET message_id = $3, key_wrap = NULL, tail = NULL,"
	" writer = NULL" MINE " AND message_id IS NULL AND key_wrap IS NOT NULL"
	" AND taken = length AND expires > now()"},
    [S_CHUNKS] = {"upload_chunks", "uuii",
	"SELECT seq, data FROM upload_chunk" MINE " AND seq >= (SELECT max(seq)"
	" FROM upload_chunk s WHERE s.tenant_id = $1 AND s.upload_id = $2"
	" AND s.seq <= $3) AND seq < $4 ORDER BY seq"},
    [S_SWEEP] = {"upload_sweep", "i", "SELECT upload_sweep($1::integer)"},
};
const struct sql_table sql_upload = SQL_TABLE(statements);

void
upload_clear(struct upload *u)
{
	buf_free(&u->key_wrap);
	buf_free(&u->facts);
	buf_free(&u->tail);
	*u = (struct upload){0};
}

static int
lock(struct db *db, const char *key, struct err *e)
{
	struct sql_args a = {0};

	sql_text(&a, key);
	return sql_queue(db, &statements[S_LOCK], &a, e);
}

struct load {
	uint64_t files, bytes;
};

static void
load_row(struct sql_row *r, void *out)
{
	struct load *l = out;

	l->files = (uint64_t)sql_get_int(r);
	l->bytes = (uint64_t)sql_get_int(r);
}

int
upload_load(struct db *db, const struct id *tenant, const char *key,
    uint64_t *files_out, uint64_t *bytes_out, struct err *e)
{
	struct sql_args a = {0};
	struct load l = {0};
	int rc;

	sql_id(&a, tenant);
	sql_text(&a, key);
	if (lock(db, key, e) == -1)
		return -1;
	rc = fetch_the(fetch(db, &statements[S_LOAD], &a, e), load_row, &l);
	*files_out = l.files;
	*bytes_out = l.bytes;
	return rc;
}

static void
time_row(struct sql_row *r, void *out)
{
	*(int64_t *)out = sql_get_time(r);
}

int
upload_add(struct db *db, const struct id *tenant, const struct upload *u,
    int64_t *expires_out, struct err *e)
{
	const bool guest = id_is_zero(&u->account);
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &u->id);
	sql_id_or_null(&a, &u->account);
	sql_bytes_or_null(&a, u->session, guest ? sizeof(u->session) : 0);
	sql_text(&a, u->key);
	sql_int(&a, (int64_t)u->length);
	sql_bytes(&a, u->header, sizeof(u->header));
	sql_int(&a, u->key_version);
	sql_bytes(&a, u->key_wrap.data, u->key_wrap.len);
	sql_bytes(&a, u->facts.data, u->facts.len);
	sql_int(&a, LIMIT_UPLOAD_DAYS);
	return fetch_the(
	    fetch(db, &statements[S_ADD], &a, e), time_row, expires_out);
}

static void
upload_row(struct sql_row *r, void *out)
{
	struct upload *u = out;

	sql_get_id(r, &u->id);
	sql_get_id(r, &u->account);
	sql_get_fixed(r, u->session, sizeof(u->session));
	sql_get_text(r, u->key, sizeof(u->key));
	u->length = (uint64_t)sql_get_int(r);
	u->taken = (uint64_t)sql_get_int(r);
	sql_get_fixed(r, u->header, sizeof(u->header));
	u->key_version = (uint32_t)sql_get_int(r);
	sql_get_buf(r, &u->key_wrap);
	sql_get_buf(r, &u->facts);
	sql_get_buf(r, &u->tail);
	u->expires = sql_get_time(r);
	sql_get_id(r, &u->message);
}

int
upload_get(struct db *db, const struct id *tenant, const struct id *upload,
    struct upload *out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	*out = (struct upload){0};
	sql_id(&a, tenant);
	sql_id(&a, upload);
	rc = fetch_one(fetch(db, &statements[S_GET], &a, e), upload_row, out);
	if (rc == -1)
		upload_clear(out);
	return rc;
}

int
upload_claim(struct db *db, const struct id *tenant, const struct id *upload,
    const struct id *writer, uint64_t taken, struct err *e)
{
	struct sql_args claim = {0}, rest = {0};

	sql_id(&claim, tenant);
	sql_id(&claim, upload);
	sql_id(&claim, writer);
	sql_int(&claim, (int64_t)taken);
	sql_id(&rest, tenant);
	sql_id(&rest, upload);
	sql_int(&rest, (int64_t)(taken / SEAL_CHUNK));
	/* The second looks once the first has waited for whoever wrote. */
	if (sql_change_or(db, &statements[S_CLAIM], &claim, ERR_CONFLICT, e) ==
	    -1)
		return -1;
	return sql_queue(db, &statements[S_CLEAR], &rest, e);
}

int
upload_row_add(struct db *db, const struct upload_row *r, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, r->tenant);
	sql_id(&a, r->upload);
	sql_id(&a, r->writer);
	sql_int(&a, (int64_t)r->taken);
	sql_int(&a, (int64_t)r->now);
	sql_int(&a, r->seq);
	sql_bytes(&a, r->data->data, r->data->len);
	return sql_queue(db, &statements[S_ROW], &a, e);
}

int
upload_kept(struct db *db, const struct upload_row *r, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	sql_id(&a, r->tenant);
	sql_id(&a, r->upload);
	sql_id(&a, r->writer);
	sql_int(&a, (int64_t)r->now);
	rc = fetch_any(fetch(db, &statements[S_KEPT], &a, e));
	if (rc == 0)
		return err_set(e, ERR_CONFLICT, "upload: another slice");
	return rc == 1 ? 0 : -1;
}

int
upload_leave(struct db *db, const struct upload_row *r, const struct buf *tail,
    int64_t *expires_out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	sql_id(&a, r->tenant);
	sql_id(&a, r->upload);
	sql_id(&a, r->writer);
	sql_int(&a, (int64_t)r->taken);
	sql_int(&a, (int64_t)r->now);
	sql_bool(&a, tail != NULL);
	sql_bytes_or_null(
	    &a, tail != NULL ? tail->data : NULL, tail != NULL ? tail->len : 0);
	sql_int(&a, LIMIT_UPLOAD_DAYS);
	rc = fetch_one(
	    fetch(db, &statements[S_LEAVE], &a, e), time_row, expires_out);
	if (rc == 0)
		return err_set(e, ERR_CONFLICT, "upload: another slice");
	return rc == 1 ? 0 : -1;
}

int
upload_remove(struct db *db, const struct id *tenant, const struct id *upload,
    struct err *e)
{
	struct sql_args a = {0}, some;

	sql_id(&a, tenant);
	sql_id(&a, upload);
	some = a;
	sql_int(&some, LIMIT_UPLOAD_SWEEP);
	if (sql_change_or(db, &statements[S_KEYLESS], &a, ERR_NOT_FOUND, e) ==
		-1 ||
	    sql_queue(db, &statements[S_LESS], &some, e) == -1)
		return -1;
	return sql_queue(db, &statements[S_GONE], &a, e);
}

int
upload_sent(struct db *db, const struct id *tenant, const struct id *upload,
    const struct id *message, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, upload);
	sql_id(&a, message);
	return sql_change_or(db, &statements[S_SENT], &a, ERR_CONFLICT, e);
}

/* The frames of one row, from chunk `seq` on; those before *next are passed over. */
static int
row_take(const uint8_t *p, size_t n, uint32_t seq, uint32_t *next, uint32_t end,
    seal_sink take, void *arg, struct err *e)
{
	struct reader in;
	const uint8_t *chunk;
	size_t len;

	reader_init(&in, p, n);
	for (; in.left > 0 && seq < end; seq++) {
		len = reader_u32(&in);
		if ((chunk = reader_bytes(&in, len)) == NULL || seq > *next)
			return err_set(e, ERR_CORRUPT, "upload: a row's form");
		if (seq < *next)
			continue;
		if (take(arg, seq, chunk, len, e) == -1)
			return -1;
		(*next)++;
	}
	return 0;
}

struct taking {
	uint32_t next;
	uint32_t end;
	seal_sink take;
	void *arg;
};

static int
rows_take(void *arg, const PGresult *res, struct err *e)
{
	struct taking *t = arg;
	struct sql_row r;
	const uint8_t *p;
	uint32_t seq;
	size_t len;
	int i;

	for (i = 0; i < PQntuples(res); i++) {
		r = sql_row_at(res, i);
		seq = (uint32_t)sql_get_int(&r);
		p = sql_get_bytes(&r, &len);
		if (sql_row_end(&r, &statements[S_CHUNKS], e) == -1 ||
		    row_take(p, len, seq, &t->next, t->end, t->take, t->arg,
			e) == -1)
			return -1;
	}
	return 0;
}

int
upload_chunks(struct db *db, const struct id *tenant, const struct id *upload,
    uint32_t first, uint32_t n, seal_sink take, void *arg, struct err *e)
{
	struct taking t = {first, first + n, take, arg};
	struct sql_args a = {0};

	if (n == 0)
		return 0;
	sql_id(&a, tenant);
	sql_id(&a, upload);
	sql_int(&a, first);
	sql_int(&a, (int64_t)first + n);
	if (sql_each(db, &statements[S_CHUNKS], &a, rows_take, &t, e) == -1)
		return -1;
	return t.next == t.end ?
	    0 :
	    err_set(e, ERR_CORRUPT, "upload: chunk %u is missing", t.next);
}

static void
count_row(struct sql_row *r, void *out)
{
	*(uint32_t *)out = (uint32_t)sql_get_int(r);
}

int
upload_sweep(struct db *db, uint32_t most, uint32_t *gone_out, struct err *e)
{
	struct sql_args a = {0};

	sql_int(&a, most);
	return fetch_the(
	    fetch_once(db, &statements[S_SWEEP], &a, e), count_row, gone_out);
}
