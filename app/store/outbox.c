/*
 * outbox.c: the queue of mails to be sent.
 */
#include "store/outbox.h"

#include "base/text.h"
#include "store/fetch.h"
#include "store/report.h"
#include "store/rows.h"

enum {
	S_ADD,
	S_ADD_ONE,
	S_TAKE,
	S_FACTS,
	S_SENT,
	S_SENT_ALL,
	S_FAILED,
	S_LATER,
	S_COUNTS,
	S_LIST
};

#define LIST_MOST 1000

/* clang-format off */
#define ADD(i)                                                                          \
	"INSERT INTO outbox (tenant_id, outbox_id, kind, message_id, slot, notice_id, at,"\
	" item, item_kind, due) SELECT $1, $2" i ", $3" i ", $4" i ", $5" i ", $6" i      \
	", $7" i ", $8" i ", $9" i ", coalesce($10" i ", now())"
/* clang-format on */

static const struct sql statements[] = {
    [S_ADD] = {"outbox_rows", "uUIUIUMBIM", ADD("[i]") SQL_EACH_ROW,
	&statements[S_ADD_ONE]},
    [S_ADD_ONE] = {"outbox_add", "uuiuiumbim", ADD("")},
    [S_TAKE] = {"outbox_take", "fii",
	"SELECT * FROM outbox_take($1, $2::integer, $3::integer)"},
    /* Row by row by their keys, whatever was known of the tables when it was planned. */
    [S_FACTS] = {"outbox_facts", "uIUIUU",
	"SELECT w.n, t.host, t.name, d.domain, t.contact, m.sender_name, m.sender,"
	" r.address, a.name, n.pickup, m.created, m.expires,"
	" coalesce(q.notify, 0::smallint), coalesce(o.told, false),"
	" m.sender_account IS NOT NULL"
	" FROM unnest($2, $3, $4, $5, $6) AS w(n, message, slot, notice, id)"
	" CROSS JOIN tenant t"
	" LEFT JOIN tenant_domain d ON d.tenant_id = $1 AND d.is_first"
	" LEFT JOIN LATERAL (SELECT sender, sender_name,"
	"  sender_account, created, expires FROM message WHERE tenant_id = $1"
	"  AND message_id = w.message OFFSET 0) m ON true"
	" LEFT JOIN LATERAL (SELECT address, address_key FROM reader WHERE tenant_id = $1"
	"  AND message_id = w.message AND slot = w.slot OFFSET 0) r ON true"
	" LEFT JOIN LATERAL (SELECT name FROM account WHERE tenant_id = $1"
	"  AND address_key = r.address_key OFFSET 0) a ON true"
	" LEFT JOIN LATERAL (SELECT pickup FROM notice WHERE tenant_id = $1"
	"  AND notice_id = w.notice OFFSET 0) n ON true"
	" LEFT JOIN LATERAL (SELECT notify FROM dsn WHERE tenant_id = $1"
	"  AND message_id = w.message AND slot = w.slot OFFSET 0) q ON true"
	" LEFT JOIN LATERAL (SELECT told FROM outbox WHERE tenant_id = $1"
	"  AND outbox_id = w.id OFFSET 0) o ON true"
	" WHERE t.tenant_id = $1"},
    /* The row goes, and with it the secret; its event only if it was still there. */
    [S_SENT] = {"outbox_sent", "uuit",
	"WITH gone AS (DELETE FROM outbox WHERE tenant_id = $1 AND outbox_id = $2"
	"  RETURNING message_id, slot)"
	" INSERT INTO event (tenant_id, message_id, slot, kind, detail)"
	" SELECT $1, message_id, slot, $3::smallint, $4 FROM gone"
	" WHERE message_id IS NOT NULL AND $3 > 0"},
    [S_SENT_ALL] = {"outbox_sent_all", "uUIT",
	"WITH gone AS (DELETE FROM outbox WHERE tenant_id = $1 AND outbox_id = ANY($2)"
	"  RETURNING outbox_id, message_id, slot)"
	" INSERT INTO event (tenant_id, message_id, slot, kind, detail)"
	" SELECT $1, g.message_id, g.slot, w.kind, w.reply"
	" FROM unnest($2, $3, $4) AS w(id, kind, reply) JOIN gone g ON g.outbox_id = w.id"
	" WHERE g.message_id IS NOT NULL AND w.kind > 0"},
    [S_FAILED] = {"outbox_failed", "uuiti",
	"WITH failed AS (UPDATE outbox SET state = 2, item = NULL, holder = NULL,"
	"  last_reply = $4 WHERE tenant_id = $1 AND outbox_id = $2 AND state = 1"
	"  AND tries = $5 RETURNING message_id, slot)"
	" INSERT INTO event (tenant_id, message_id, slot, kind, detail)"
	" SELECT $1, message_id, slot, $3::smallint, $4 FROM failed"
	" WHERE message_id IS NOT NULL AND $3 > 0"},
    [S_LATER] = {"outbox_later", "uumtif",
	"UPDATE outbox SET due = $3, holder = NULL, last_reply = $4,"
	" told = told OR $6"
	" WHERE tenant_id = $1"
	" AND outbox_id = $2 AND state = 1 AND tries = $5"},
    [S_COUNTS] = {"outbox_counts", "", "SELECT * FROM outbox_counts()"},
    [S_LIST] = {"outbox_list", "i", "SELECT * FROM outbox_list($1::integer)"},
};
const struct sql_table sql_outbox = SQL_TABLE(statements);

void
outbox_clear(struct outbox *o)
{
	buf_free(&o->item);
	*o = (struct outbox){0};
}

void
outbox_put(struct sql_rows *r, const struct outbox *o)
{
	sql_put_id(r, &o->id);
	sql_put_int(r, o->kind);
	sql_put_id_or_null(r, &o->message);
	sql_put_int(r, o->slot);
	sql_put_id_or_null(r, &o->notice);
	sql_put_time_or_null(r, o->at);
	sql_put_bytes_or_null(r, o->item.data, o->item.len);
	sql_put_int(r, o->item_kind);
	sql_put_time_or_null(r, o->due);
	sql_rows_end(r);
}

int
outbox_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_ADD], tenant, rows, e);
}

int
outbox_add(struct db *db, const struct outbox *o, struct err *e)
{
	struct sql_rows rows = {0};
	int r;

	outbox_put(&rows, o);
	r = outbox_rows_add(db, &o->tenant, &rows, e);
	sql_rows_clear(&rows);
	return r;
}

static void
taken_row(struct sql_row *r, void *out)
{
	struct outbox *o = out;

	*o = (struct outbox){0};
	sql_get_id(r, &o->tenant);
	sql_get_id(r, &o->id);
	o->kind = (enum outbox_kind)sql_get_int(r);
	sql_get_id(r, &o->message);
	o->slot = (uint32_t)sql_get_int(r);
	sql_get_id(r, &o->notice);
	o->at = sql_get_time(r);
	sql_get_buf(r, &o->item);
	o->item_kind = (int)sql_get_int(r);
	o->created = sql_get_time(r);
	o->due = sql_get_time(r);
	o->tries = (int)sql_get_int(r);
}

int
outbox_taken(struct db *db, const struct sql *s, const struct sql_args *a,
    struct outbox *out, size_t *n, struct err *e)
{
	struct fetch f = fetch_once(db, s, a, e);

	for (*n = 0; fetch_next(&f, taken_row, &out[*n]);)
		++*n;
	if (fetch_end(&f) == 0)
		return 0;
	*n = 0;
	while (f.at-- > 0)
		outbox_clear(&out[f.at]);
	return -1;
}

int
outbox_take(struct db *db, bool codes, int lease_s, struct outbox *out,
    size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_bool(&a, codes);
	sql_int(&a, lease_s);
	sql_int(&a, (int64_t)cap);
	return outbox_taken(db, &statements[S_TAKE], &a, out, n, e);
}

/* The row's number, then what is known; -1: not one of n. */
static int
facts_row(const PGresult *res, int row, struct outbox_facts **all, size_t n,
    struct err *e)
{
	struct sql_row r = sql_row_at(res, row);
	uint64_t at = (uint64_t)sql_get_int(&r);
	struct outbox_facts *out;

	if (at >= n)
		return err_set(e, ERR_INTERNAL, "outbox_facts: row");
	out = all[at];
	sql_get_text(&r, out->host, sizeof(out->host));
	sql_get_text(&r, out->tenant_name, sizeof(out->tenant_name));
	sql_get_text(&r, out->tenant_domain, sizeof(out->tenant_domain));
	sql_get_text(&r, out->contact, sizeof(out->contact));
	sql_get_text(&r, out->sender_name, sizeof(out->sender_name));
	sql_get_text(&r, out->sender, sizeof(out->sender));
	sql_get_text(&r, out->recipient, sizeof(out->recipient));
	sql_get_text(&r, out->recipient_name, sizeof(out->recipient_name));
	sql_get_text(&r, out->pickup, sizeof(out->pickup));
	out->created = sql_get_time(&r);
	out->expires = sql_get_time(&r);
	out->notify = (unsigned)sql_get_int(&r);
	out->told = sql_get_bool(&r);
	out->proved = sql_get_bool(&r);
	return sql_row_end(&r, &statements[S_FACTS], e);
}

int
outbox_facts(struct db *db, struct outbox *const *o, size_t n,
    struct outbox_facts **out, struct err *e)
{
	const struct sql *s = &statements[S_FACTS];
	struct sql_rows rows = {0};
	struct sql_args a = {0};
	PGresult *res = NULL;
	int i, rc = -1;

	for (size_t j = 0; j < n; j++) {
		sql_put_int(&rows, (int64_t)j);
		sql_put_id_or_null(&rows, &o[j]->message);
		sql_put_int(&rows, o[j]->slot);
		sql_put_id_or_null(&rows, &o[j]->notice);
		sql_put_id(&rows, &o[j]->id);
		sql_rows_end(&rows);
	}
	sql_id(&a, &o[0]->tenant);
	if (sql_rows_put(&rows, s, &a, e) == 0)
		rc = sql_exec(db, s, &a, &res, e);
	if (rc == 0 && (size_t)PQntuples(res) != n)
		rc = err_set(e, ERR_INTERNAL, "outbox_facts: rows");
	for (i = 0; rc == 0 && i < PQntuples(res); i++)
		rc = facts_row(res, i, out, n, e);
	PQclear(res);
	sql_rows_clear(&rows);
	return rc;
}

/* The event of a mail's end; 0 where there is none. */
static enum event_kind
event_of(enum outbox_kind kind, bool taken)
{
	switch (kind) {
	case OUTBOX_NOTICE:
		return taken ? EVENT_NOTICE_TAKEN : EVENT_NOTICE_FAILED;
	case OUTBOX_CODE:
		return taken ? EVENT_CODE_TAKEN : EVENT_CODE_FAILED;
	case OUTBOX_RECEIPT:
		return taken ? EVENT_RECEIPT_TAKEN : 0;
	case OUTBOX_FORWARD:
		return taken ? EVENT_FORWARD_TAKEN : EVENT_FORWARD_FAILED;
	case OUTBOX_STATUS:
		break;
	}
	return 0;
}

/* One statement in a transaction of its own. */
static int
finish(struct db *db, const struct outbox *o, const struct sql *s,
    const struct sql_args *a, struct err *e)
{
	if (db_begin(db, &o->tenant, e) == -1)
		return -1;
	if (sql_queue(db, s, a, e) == -1 ||
	    (o->tell != NULL && report_add(db, o->tell, e) == -1)) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

/* The row, the event of its end, and the reply, whose beginning lies in cut. */
static void
end_args(struct sql_args *a, const struct outbox *o, bool taken,
    const char *reply, char cut[200])
{
	text_cut(cut, 200, reply);
	sql_id(a, &o->tenant);
	sql_id(a, &o->id);
	sql_int(a, event_of(o->kind, taken));
	sql_text(a, cut);
}

int
outbox_sent(
    struct db *db, const struct outbox *o, const char *reply, struct err *e)
{
	struct sql_args a = {0};
	char cut[200];

	end_args(&a, o, true, reply, cut);
	return finish(db, o, &statements[S_SENT], &a, e);
}

int
outbox_sent_all(struct db *db, struct outbox *const *o,
    const char *const *reply, size_t n, struct err *e)
{
	struct sql_rows rows = {0};
	char cut[200];
	int r;

	for (size_t i = 0; i < n; i++) {
		text_cut(cut, sizeof(cut), reply[i]);
		sql_put_id(&rows, &o[i]->id);
		sql_put_int(&rows, event_of(o[i]->kind, true));
		sql_put_text(&rows, cut);
		sql_rows_end(&rows);
	}
	r = db_begin(db, &o[0]->tenant, e);
	if (r == 0)
		r = db_relax(db, e);
	if (r == 0)
		r = sql_queue_rows(
		    db, &statements[S_SENT_ALL], &o[0]->tenant, &rows, e);
	sql_rows_clear(&rows);
	if (r == 0)
		return db_commit(db, e);
	db_rollback(db);
	return -1;
}

int
outbox_failed(
    struct db *db, const struct outbox *o, const char *reply, struct err *e)
{
	struct sql_args a = {0};
	char cut[200];

	end_args(&a, o, false, reply, cut);
	sql_int(&a, o->tries);
	return finish(db, o, &statements[S_FAILED], &a, e);
}

int
outbox_later(struct db *db, const struct outbox *o, int64_t due,
    const char *reply, struct err *e)
{
	struct sql_args a = {0};
	char cut[200];

	text_cut(cut, sizeof(cut), reply);
	sql_id(&a, &o->tenant);
	sql_id(&a, &o->id);
	sql_time(&a, due);
	sql_text(&a, cut);
	sql_int(&a, o->tries);
	sql_bool(&a, o->tell != NULL);
	return finish(db, o, &statements[S_LATER], &a, e);
}

static void
counts_row(struct sql_row *r, void *p)
{
	struct outbox_count *out = p;

	out->waiting = (int)sql_get_int(r);
	out->retrying = (int)sql_get_int(r);
	out->failed = (int)sql_get_int(r);
	out->oldest = sql_get_time(r);
}

int
outbox_counts(struct db *db, struct outbox_count *out, struct err *e)
{
	return fetch_the(
	    fetch_once(db, &statements[S_COUNTS], NULL, e), counts_row, out);
}

struct listed {
	struct outbox o;
	int state;
	char reply[1024];
};

static void
listed_row(struct sql_row *r, void *out)
{
	struct listed *l = out;

	sql_get_id(r, &l->o.tenant);
	sql_get_id(r, &l->o.id);
	l->o.kind = (enum outbox_kind)sql_get_int(r);
	sql_get_id(r, &l->o.message);
	l->o.slot = (uint32_t)sql_get_int(r);
	l->o.created = sql_get_time(r);
	l->o.due = sql_get_time(r);
	l->o.tries = (int)sql_get_int(r);
	l->state = (int)sql_get_int(r);
	sql_get_text(r, l->reply, sizeof(l->reply));
}

int
outbox_list(struct db *db,
    void (*row)(void *arg, const struct outbox *o, const char *state,
	const char *last_reply),
    void *arg, struct err *e)
{
	struct sql_args a = {0};
	struct listed l = {0};
	struct fetch f;

	sql_int(&a, LIST_MOST);
	f = fetch_once(db, &statements[S_LIST], &a, e);
	while (fetch_next(&f, listed_row, &l))
		row(arg, &l.o,
		    l.state == 2      ? "failed" :
			l.o.tries > 0 ? "retrying" :
					"waiting",
		    l.reply);
	return fetch_end(&f);
}
