/*
 * forward.c: sealed copies on their way to a tenant's own server.
 */
#include "store/forward.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/fetch.h"
#include "store/message.h"

enum {
	S_ADD,
	S_RCPT_ADD,
	S_CHUNK_ADD,
	S_GET,
	S_RCPTS,
	S_CHUNKS,
	S_ROUTE,
	S_TAKE,
	S_OURS,
	S_HELD,
	S_RCPT_SET,
	S_SENT,
	S_FAILED,
	S_REMOVE,
	S_AUTHORITY
};

static const struct sql statements[] = {
    [S_ADD] = {"forward_add", "uuutfbiiiffit",
	"INSERT INTO forward (tenant_id, forward_id, message_id, sender, proved,"
	" content_header, size, chunks, body, utf8, require_tls, ret, envid)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"},
    [S_RCPT_ADD] = {"forward_rcpt_add", "uuittit",
	"INSERT INTO forward_rcpt (tenant_id, forward_id, slot, address, given, notify,"
	" orcpt) VALUES ($1, $2, $3, $4, $5, $6, $7)"},
    [S_CHUNK_ADD] = {"forward_chunk_add", "uuib",
	"INSERT INTO forward_chunk (tenant_id, forward_id, seq, data)"
	" VALUES ($1, $2, $3, $4)"},
    [S_GET] = {"forward_get", "uu",
	"SELECT forward_id, message_id, sender, proved, content_header, size, chunks, body,"
	" utf8, require_tls, ret, envid FROM forward"
	" WHERE tenant_id = $1 AND forward_id = $2"},
    [S_RCPTS] = {"forward_rcpts", "uu",
	"SELECT slot, address, given, notify, orcpt FROM forward_rcpt"
	" WHERE tenant_id = $1 AND forward_id = $2 AND state = 1 ORDER BY slot"},
    [S_CHUNKS] = {"forward_chunks", "uuii",
	"SELECT seq, data FROM forward_chunk WHERE tenant_id = $1 AND forward_id = $2"
	" AND seq BETWEEN $3 AND $4 ORDER BY seq"},
    [S_ROUTE] = {"forward_route", "u",
	"SELECT inward_server, inward_port, inward_authority FROM tenant"
	" WHERE tenant_id = $1 AND inward_server <> ''"},
    [S_TAKE] = {"forward_take", "ii",
	"SELECT * FROM outbox_take_forward($1::integer, $2::integer)"},
    [S_OURS] = {"forward_ours", "uuii",
	"SELECT FROM outbox WHERE tenant_id = $1 AND outbox_id = $2 AND state = 1"
	" AND tries = $3 AND $4 = (SELECT count(*) FROM forward_rcpt"
	"  WHERE tenant_id = $1 AND forward_id = $2 AND state = 1)"},
    [S_HELD] = {"forward_held", "uumtfif",
	"UPDATE outbox SET due = coalesce($3, due), last_reply = $4, told = told OR $5,"
	" holder = NULL WHERE tenant_id = $1 AND outbox_id = $2 AND state = 1"
	" AND (tries = $6 OR $7)"},
    [S_RCPT_SET] = {"forward_rcpt_set", "uuiiuit",
	"WITH changed AS (UPDATE forward_rcpt SET state = $4"
	"  WHERE tenant_id = $1 AND forward_id = $2 AND slot = $3 AND state = 1"
	"  RETURNING slot)"
	" INSERT INTO event (tenant_id, message_id, slot, kind, detail)"
	" SELECT $1, $5, slot, $6, $7 FROM changed"},
    /* The row goes where everybody was served; else it stays to be looked at. */
    [S_SENT] = {"forward_sent", "uu",
	"DELETE FROM outbox o WHERE o.tenant_id = $1 AND o.outbox_id = $2"
	" AND NOT EXISTS (SELECT FROM forward_rcpt r WHERE r.tenant_id = $1"
	"  AND r.forward_id = $2 AND r.state = 3)"},
    [S_FAILED] = {"forward_failed", "uu",
	"UPDATE outbox SET state = 2, item = NULL"
	" WHERE tenant_id = $1 AND outbox_id = $2"},
    [S_REMOVE] = {"forward_remove", "uu",
	"DELETE FROM forward WHERE tenant_id = $1 AND forward_id = $2"},
    [S_AUTHORITY] = {"forward_authority", "ut",
	"UPDATE tenant SET inward_authority = $2 WHERE tenant_id = $1"},
};
const struct sql_table sql_forward = SQL_TABLE(statements);

void
forward_clear(struct forward *f)
{
	free(f->rcpt);
	*f = (struct forward){0};
}

static int
rcpt_add(struct db *db, const struct id *tenant, const struct id *forward,
    const struct forward_rcpt *r, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, forward);
	sql_int(&a, r->slot);
	sql_text(&a, r->address);
	sql_text(&a, r->given);
	sql_int(&a, r->notify);
	sql_text(&a, r->orcpt);
	return sql_queue(db, &statements[S_RCPT_ADD], &a, e);
}

int
forward_add(struct db *db, const struct id *tenant, const struct forward *f,
    struct err *e)
{
	struct sql_args a = {0};
	int r;

	sql_id(&a, tenant);
	sql_id(&a, &f->id);
	sql_id(&a, &f->message);
	sql_text(&a, f->sender);
	sql_bool(&a, f->proved);
	sql_bytes(&a, f->content_header, sizeof(f->content_header));
	sql_int(&a, (int64_t)f->size);
	sql_int(&a, f->chunks);
	sql_int(&a, f->body);
	sql_bool(&a, f->utf8);
	sql_bool(&a, f->require_tls);
	sql_int(&a, f->ret);
	sql_text(&a, f->envid);
	r = sql_queue(db, &statements[S_ADD], &a, e);
	for (size_t i = 0; i < f->n_rcpt && r == 0; i++)
		r = rcpt_add(db, tenant, &f->id, &f->rcpt[i], e);
	return r;
}

int
forward_chunk_add(struct db *db, const struct id *tenant,
    const struct id *forward, uint32_t seq, const void *p, size_t n,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, forward);
	sql_int(&a, seq);
	sql_bytes(&a, p, n);
	return sql_queue(db, &statements[S_CHUNK_ADD], &a, e);
}

static void
copy_row(struct sql_row *r, void *out)
{
	struct forward *f = out;

	sql_get_id(r, &f->id);
	sql_get_id(r, &f->message);
	sql_get_text(r, f->sender, sizeof(f->sender));
	f->proved = sql_get_bool(r);
	sql_get_fixed(r, f->content_header, sizeof(f->content_header));
	f->size = (uint64_t)sql_get_int(r);
	f->chunks = (uint32_t)sql_get_int(r);
	f->body = (enum forward_body)sql_get_int(r);
	f->utf8 = sql_get_bool(r);
	f->require_tls = sql_get_bool(r);
	f->ret = (int)sql_get_int(r);
	sql_get_text(r, f->envid, sizeof(f->envid));
}

static void
rcpt_row(struct sql_row *r, void *out)
{
	struct forward_rcpt *p = out;

	p->slot = (uint32_t)sql_get_int(r);
	sql_get_text(r, p->address, sizeof(p->address));
	sql_get_text(r, p->given, sizeof(p->given));
	p->notify = (unsigned)sql_get_int(r);
	sql_get_text(r, p->orcpt, sizeof(p->orcpt));
}

int
forward_get(
    struct db *db, const struct outbox *o, struct forward *out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	*out = (struct forward){0};
	sql_id(&a, &o->tenant);
	sql_id(&a, &o->id);
	rc = fetch_one(fetch(db, &statements[S_GET], &a, e), copy_row, out);
	if (rc != 1)
		return rc;
	out->rcpt = fetch_array(fetch(db, &statements[S_RCPTS], &a, e),
	    rcpt_row, sizeof(*out->rcpt), &out->n_rcpt);
	return out->rcpt == NULL ? -1 : 1;
}

struct taker {
	seal_sink take;
	void *arg;
};

static int
chunk_rows(void *arg, const PGresult *res, struct err *e)
{
	const struct taker *t = arg;
	struct sql_row r;
	uint32_t seq;

	for (int i = 0; i < PQntuples(res); i++) {
		r = sql_row_at(res, i);
		seq = (uint32_t)sql_get_int(&r);
		if (t->take(t->arg, seq, PQgetvalue(res, i, 1),
			(size_t)PQgetlength(res, i, 1), e) == -1)
			return -1;
	}
	return 0;
}

int
forward_chunks(struct db *db, const struct outbox *o, uint32_t first,
    uint32_t n, seal_sink take, void *arg, struct err *e)
{
	struct taker t = {take, arg};
	struct sql_args a = {0};

	sql_id(&a, &o->tenant);
	sql_id(&a, &o->id);
	sql_int(&a, first);
	sql_int(&a, (int64_t)first + n - 1);
	return sql_each(db, &statements[S_CHUNKS], &a, chunk_rows, &t, e);
}

static void
route_row(struct sql_row *r, void *out)
{
	struct forward_route *route = out;
	struct buf pem = BUF_INIT;

	sql_get_text(r, route->host, sizeof(route->host));
	route->port = (int)sql_get_int(r);
	sql_get_buf(r, &pem);
	route->authority = strdup(buf_cstr(&pem));
	buf_free(&pem);
}

int
forward_route(struct db *db, const struct id *tenant, struct forward_route *out,
    struct err *e)
{
	struct sql_args a = {0};
	int rc;

	*out = (struct forward_route){0};
	sql_id(&a, tenant);
	rc = fetch_one(fetch(db, &statements[S_ROUTE], &a, e), route_row, out);
	if (rc == 1 && out->authority == NULL)
		return err_set(e, ERR_UNAVAILABLE, "route: memory");
	if (rc == -1) {
		free(out->authority);
		out->authority = NULL;
	}
	return rc;
}

int
forward_authority(
    struct db *db, const struct id *tenant, const char *pem, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, pem);
	return sql_queue(db, &statements[S_AUTHORITY], &a, e);
}

int
forward_take(struct db *db, int lease_s, struct outbox *out, size_t cap,
    size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_int(&a, lease_s);
	sql_int(&a, (int64_t)cap);
	return outbox_taken(db, &statements[S_TAKE], &a, out, n, e);
}

static void
ids(struct sql_args *a, const struct outbox *o)
{
	*a = (struct sql_args){0};
	sql_id(a, &o->tenant);
	sql_id(a, &o->id);
}

/* One recipient's, once; its event where it is served or given up. */
static int
result_write(struct db *db, const struct outbox *o,
    const struct forward_result *r, struct err *e)
{
	char cut[200];
	struct sql_args a;

	if (r->state == FORWARD_WAITS)
		return 0;
	ids(&a, o);
	sql_int(&a, r->slot);
	sql_int(&a, r->state);
	sql_id(&a, &o->message);
	sql_int(&a,
	    r->state == FORWARD_TAKEN ? EVENT_FORWARD_TAKEN :
					EVENT_FORWARD_FAILED);
	text_cut(cut, sizeof(cut), r->reply);
	sql_text(&a, cut);
	return sql_queue(db, &statements[S_RCPT_SET], &a, e);
}

int
forward_ours(struct db *db, const struct outbox *o, size_t n, struct err *e)
{
	struct sql_args a;

	ids(&a, o);
	sql_int(&a, o->tries);
	sql_int(&a, (int64_t)n);
	return fetch_any(fetch(db, &statements[S_OURS], &a, e));
}

static bool
all_taken(const struct forward_end *end)
{
	for (size_t i = 0; i < end->n; i++)
		if (end->result[i].state != FORWARD_TAKEN)
			return false;
	return end->n > 0;
}

/* The row is still this courier's, or done with: then it is changed. */
static int
held(struct db *db, const struct outbox *o, const struct forward_end *end,
    int *changed, struct err *e)
{
	struct sql_args a;
	char cut[200];

	text_cut(cut, sizeof(cut), end->reply);
	ids(&a, o);
	sql_time_or_null(&a, end->due);
	sql_text(&a, cut);
	sql_bool(&a, end->told);
	sql_int(&a, o->tries);
	sql_bool(&a, all_taken(end));
	return sql_change(db, &statements[S_HELD], &a, changed, e);
}

static int
end_write(struct db *db, const struct outbox *o, const struct forward_end *end,
    struct err *e)
{
	bool waits = false;
	struct sql_args a;
	int r = 0;

	for (size_t i = 0; i < end->n && r == 0; i++) {
		waits |= end->result[i].state == FORWARD_WAITS;
		r = result_write(db, o, &end->result[i], e);
	}
	for (size_t i = 0; i < end->n_tell && r == 0; i++)
		r = report_add(db, &end->tell[i], e);
	if (r == -1 || waits)
		return r;
	ids(&a, o);
	if (sql_queue(db, &statements[S_SENT], &a, e) == -1 ||
	    sql_queue(db, &statements[S_FAILED], &a, e) == -1)
		return -1;
	return sql_queue(db, &statements[S_REMOVE], &a, e);
}

/* Another has it: those who have got it do not get it again. */
static int
taken_write(struct db *db, const struct outbox *o,
    const struct forward_end *end, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < end->n && r == 0; i++)
		if (end->result[i].state == FORWARD_TAKEN)
			r = result_write(db, o, &end->result[i], e);
	return r;
}

int
forward_ended(struct db *db, const struct outbox *o,
    const struct forward_end *end, struct err *e)
{
	int changed = 0;

	if (db_begin(db, &o->tenant, e) == -1)
		return -1;
	if (held(db, o, end, &changed, e) == -1 ||
	    (changed == 1 ? end_write(db, o, end, e) :
			    taken_write(db, o, end, e)) == -1) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}
