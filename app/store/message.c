/*
 * message.c: sealed messages and their chunks, and the tags that tell duplicates.
 */
#include "store/message.h"

#include <string.h>

#include "store/fetch.h"
#include "store/rows.h"

enum {
	S_ADD,
	S_ADD_ONE,
	S_GET,
	S_CHUNK_ADD,
	S_CHUNK_ROWS,
	S_CHUNK_EACH,
	S_DUPLICATE_FIND,
	S_DUPLICATE_ADD,
	S_DUPLICATE_ADD_ONE,
	S_DUPLICATE_KNOWN,
	S_TENANT,
	S_LIST,
	S_FACTS
};

#define FACTS                                                                    \
	"SELECT m.message_id, m.sender, m.sender_account, m.in_reply_to,"        \
	" m.created, m.expires, m.size + coalesce((SELECT sum(u.length)::bigint" \
	"  FROM upload u WHERE u.tenant_id = $1"                                 \
	"  AND u.message_id = m.message_id), 0), m.chunks,"                      \
	" (SELECT count(*) FROM reader r WHERE r.tenant_id = $1"                 \
	"  AND r.message_id = m.message_id AND r.role = 2),"                     \
	" (SELECT count(r.first_displayed) FROM reader r WHERE r.tenant_id = $1" \
	"  AND r.message_id = m.message_id AND r.role = 2)"                      \
	" FROM message m WHERE m.tenant_id = $1"

/* clang-format off */
#define ADD(i)                                                                           \
	"INSERT INTO message (tenant_id, message_id, sender, sender_name, sender_account,"\
	" in_reply_to, created, expires, size, chunks, ephemeral_pk, dek_commit,"         \
	" content_header, signature, signer_cert, manifest) SELECT $1, $2" i ", $3" i     \
	", $4" i ", $5" i ", $6" i ", $7" i ", $8" i ", $9" i ", $10" i ", $11" i         \
	", $12" i ", $13" i ", $14" i ", $15" i ", $16" i
#define CHUNK_ADD(i)                                                \
	"INSERT INTO chunk (tenant_id, message_id, part, seq, data)" \
	" SELECT $1, $2" i ", $3" i ", $4" i ", $5" i
/* One that is known from an earlier day becomes null, which the table refuses. */
#define DUPLICATE_ADD(i)                                                          \
	"INSERT INTO duplicate (tenant_id, message_id, tag) SELECT $1, $2" i      \
	", CASE WHEN EXISTS (SELECT FROM duplicate d WHERE d.tenant_id = $1"      \
	" AND d.tag IN ($4" i ", $5" i ", $6" i ")"                               \
	" AND d.created > now() - make_interval(hours => $7" i "::integer))"      \
	" THEN NULL ELSE $3" i " END"
/* clang-format on */

static const struct sql statements[] = {
    [S_ADD] = {"message_rows", "uUTTUUMMIIBBBBBB", ADD("[i]") SQL_EACH_ROW,
	&statements[S_ADD_ONE]},
    [S_ADD_ONE] = {"message_add", "uuttuummiibbbbbb", ADD("")},
    [S_GET] = {"message_get", "uu",
	"SELECT " MESSAGE_COLUMNS " FROM message m"
	" WHERE m.tenant_id = $1 AND m.message_id = $2"},
    [S_CHUNK_ADD] = {"chunk_add", "uuiib", CHUNK_ADD("")},
    [S_CHUNK_ROWS] = {"chunk_rows", "uUIIB", CHUNK_ADD("[i]") SQL_EACH_ROW,
	&statements[S_CHUNK_ADD]},
    [S_CHUNK_EACH] = {"chunk_each", "uuiii",
	"SELECT seq, data FROM chunk WHERE tenant_id = $1 AND message_id = $2"
	" AND part = $3 AND seq BETWEEN $4 AND $5 ORDER BY seq"},
    /* Tag by tag: plans outlive the time when this table was small and cheap to walk. */
    [S_DUPLICATE_FIND] = {"duplicate_find", "ubbbbi",
	"SELECT d.message_id FROM unnest(ARRAY[$2, $3, $4, $5]) AS t(tag), LATERAL"
	" (SELECT message_id, created FROM duplicate WHERE tenant_id = $1"
	"  AND tag = t.tag OFFSET 0) d"
	" WHERE d.created > now() - make_interval(hours => $6::integer)"
	" ORDER BY d.created LIMIT 1"},
    [S_DUPLICATE_ADD] = {"duplicate_rows", "uUBBBBI",
	DUPLICATE_ADD("[i]") SQL_EACH_ROW, &statements[S_DUPLICATE_ADD_ONE]},
    [S_DUPLICATE_ADD_ONE] = {"duplicate_add", "uubbbbi", DUPLICATE_ADD("")},
    [S_DUPLICATE_KNOWN] = {"duplicate_known", "uIBBBBI",
	"SELECT t.n, d.message_id FROM unnest($2, $3, $4, $5, $6, $7)"
	" AS t(n, a, b, c, d, hours), LATERAL (SELECT message_id FROM duplicate"
	"  WHERE tenant_id = $1 AND tag IN (t.a, t.b, t.c, t.d)"
	"  AND created > now() - make_interval(hours => t.hours::integer)"
	"  ORDER BY created LIMIT 1) d"},
    [S_TENANT] = {"message_tenant", "u", "SELECT message_tenant($1)"},
    [S_LIST] = {"message_list", "umi",
	FACTS
	" AND ($2 IS NULL OR m.created < $2) ORDER BY m.created DESC LIMIT $3"},
    [S_FACTS] = {"message_facts", "uu", FACTS " AND m.message_id = $2"},
};
const struct sql_table sql_message = SQL_TABLE(statements);

void
message_clear(struct message *m)
{
	buf_free(&m->manifest);
	*m = (struct message){0};
}

void
message_put(struct sql_rows *r, const struct message *m)
{
	sql_put_id(r, &m->id);
	sql_put_text(r, m->sender);
	sql_put_text(r, m->sender_name);
	sql_put_id_or_null(r, &m->sender_account);
	sql_put_id_or_null(r, &m->in_reply_to);
	sql_put_time(r, m->created);
	sql_put_time(r, m->expires);
	sql_put_int(r, (int64_t)m->size);
	sql_put_int(r, m->chunks);
	sql_put_bytes(r, m->ephemeral_pk, sizeof(m->ephemeral_pk));
	sql_put_bytes(r, m->dek_commit, sizeof(m->dek_commit));
	sql_put_bytes(r, m->content_header, sizeof(m->content_header));
	sql_put_bytes(r, m->signature, sizeof(m->signature));
	sql_put_bytes(r, m->signer_cert, sizeof(m->signer_cert));
	sql_put_bytes(r, m->manifest.data, m->manifest.len);
	sql_rows_end(r);
}

int
message_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_ADD], tenant, rows, e);
}

void
row_message(struct sql_row *r, struct message *out)
{
	sql_get_id(r, &out->id);
	sql_get_text(r, out->sender, sizeof(out->sender));
	sql_get_text(r, out->sender_name, sizeof(out->sender_name));
	sql_get_id(r, &out->sender_account);
	sql_get_id(r, &out->in_reply_to);
	out->created = sql_get_time(r);
	out->expires = sql_get_time(r);
	out->size = (uint64_t)sql_get_int(r);
	out->chunks = (uint32_t)sql_get_int(r);
	sql_get_fixed(r, out->ephemeral_pk, sizeof(out->ephemeral_pk));
	sql_get_fixed(r, out->dek_commit, sizeof(out->dek_commit));
	sql_get_fixed(r, out->content_header, sizeof(out->content_header));
	sql_get_fixed(r, out->signature, sizeof(out->signature));
	sql_get_fixed(r, out->signer_cert, sizeof(out->signer_cert));
	sql_get_buf(r, &out->manifest);
}

static void
message_row(struct sql_row *r, void *out)
{
	row_message(r, out);
}

int
message_get(struct db *db, const struct id *tenant, const struct id *message,
    struct message *out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	*out = (struct message){0};
	sql_id(&a, tenant);
	sql_id(&a, message);
	rc = fetch_one(fetch(db, &statements[S_GET], &a, e), message_row, out);
	if (rc == -1)
		message_clear(out);
	return rc;
}

int
chunk_add(struct db *db, const struct id *tenant, const struct id *message,
    uint32_t part, uint32_t seq, const void *p, size_t n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	sql_int(&a, part);
	sql_int(&a, seq);
	sql_bytes(&a, p, n);
	return sql_queue(db, &statements[S_CHUNK_ADD], &a, e);
}

void
chunk_put(struct sql_rows *r, const struct id *message, uint32_t part,
    uint32_t seq, const void *p, size_t n)
{
	sql_put_id(r, message);
	sql_put_int(r, part);
	sql_put_int(r, seq);
	sql_put_bytes(r, p, n);
	sql_rows_end(r);
}

int
chunk_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_CHUNK_ROWS], tenant, rows, e);
}

struct taker {
	seal_sink take;
	void *arg;
};

/* A row's chunk, where it lies in the answer. */
static int
chunk_take(void *arg, const PGresult *res, struct err *e)
{
	const struct taker *t = arg;
	const uint8_t *p;
	struct sql_row r;
	uint32_t seq;
	size_t len;
	int i;

	for (i = 0; i < PQntuples(res); i++) {
		r = sql_row_at(res, i);
		seq = (uint32_t)sql_get_int(&r);
		p = sql_get_bytes(&r, &len);
		if (sql_row_end(&r, &statements[S_CHUNK_EACH], e) == -1 ||
		    t->take(t->arg, seq, p, len, e) == -1)
			return -1;
	}
	return 0;
}

int
chunk_each(struct db *db, const struct chunk_range *range, seal_sink take,
    void *arg, struct err *e)
{
	struct taker t = {take, arg};
	struct sql_args a = {0};

	if (range->n == 0)
		return 0;
	sql_id(&a, range->tenant);
	sql_id(&a, range->message);
	sql_int(&a, range->part);
	sql_int(&a, range->first);
	sql_int(&a, (int64_t)range->first + range->n - 1);
	return sql_each(db, &statements[S_CHUNK_EACH], &a, chunk_take, &t, e);
}

static void
id_row(struct sql_row *r, void *out)
{
	sql_get_id(r, out);
}

/* At most four tags a query; fewer are filled up with the first. */
static int
find_four(struct db *db, const struct id *tenant, const uint8_t (*tags)[32],
    size_t n, struct id *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	for (size_t i = 0; i < 4; i++)
		sql_bytes(&a, tags[i < n ? i : 0], 32);
	sql_int(&a, LIMIT_DUPLICATE_HOURS);
	return fetch_one(
	    fetch(db, &statements[S_DUPLICATE_FIND], &a, e), id_row, out);
}

int
duplicate_find(struct db *db, const struct id *tenant,
    const uint8_t (*tags)[32], size_t n, struct id *message_out, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i += 4)
		rc = find_four(db, tenant, tags + i, n - i, message_out, e);
	return rc;
}

static void
tags_put(struct sql_rows *r, const uint8_t *tags, size_t n)
{
	for (size_t i = 0; i < 4; i++)
		sql_put_bytes_or_null(
		    r, tags + 32 * (i < n ? i : 0), i < n ? 32 : 0);
	sql_put_int(r, LIMIT_DUPLICATE_HOURS);
	sql_rows_end(r);
}

void
duplicate_put(
    struct sql_rows *r, const uint8_t *tags, size_t n, const struct id *message)
{
	sql_put_id(r, message);
	tags_put(r, tags, n);
}

void
known_put(struct sql_rows *r, uint32_t n, const uint8_t *tags, size_t n_tags)
{
	sql_put_int(r, n);
	tags_put(r, tags, n_tags);
}

struct repeated {
	uint64_t n;
	struct id first;
};

static void
repeated_row(struct sql_row *r, void *out)
{
	struct repeated *of = out;

	of->n = (uint64_t)sql_get_int(r);
	sql_get_id(r, &of->first);
}

int
duplicate_known(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct id *first, size_t cap, struct err *e)
{
	const struct sql *s = &statements[S_DUPLICATE_KNOWN];
	struct sql_args a = {0};
	struct repeated of;
	struct fetch f;

	if (rows->n == 0 && !rows->bad)
		return 0;
	sql_id(&a, tenant);
	if (sql_rows_put(rows, s, &a, e) == -1)
		return -1;
	f = fetch(db, s, &a, e);
	while (fetch_next(&f, repeated_row, &of)) {
		if (of.n >= cap)
			f.rc = err_set(e, ERR_INTERNAL, "%s: a row", s->name);
		else
			first[of.n] = of.first;
	}
	return fetch_end(&f);
}

int
duplicate_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e)
{
	return sql_queue_rows(
	    db, &statements[S_DUPLICATE_ADD], tenant, rows, e);
}

int
message_tenant(struct db *db, const struct id *message, struct id *tenant_out,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, message);
	if (fetch_the(fetch_once(db, &statements[S_TENANT], &a, e), id_row,
		tenant_out) == -1)
		return -1;
	return !id_is_zero(tenant_out);
}

static void
facts_row(struct sql_row *r, void *out)
{
	struct message_facts *m = out;

	sql_get_id(r, &m->id);
	sql_get_text(r, m->sender, sizeof(m->sender));
	sql_get_id(r, &m->sender_account);
	sql_get_id(r, &m->in_reply_to);
	m->created = sql_get_time(r);
	m->expires = sql_get_time(r);
	m->size = (uint64_t)sql_get_int(r);
	m->chunks = (uint32_t)sql_get_int(r);
	m->recipients = (uint32_t)sql_get_int(r);
	m->displayed = (uint32_t)sql_get_int(r);
}

int
message_list(struct db *db, const struct id *tenant, int64_t before, size_t cap,
    void (*row)(void *arg, const struct message_facts *m), void *arg,
    struct err *e)
{
	struct sql_args a = {0};
	struct message_facts m;
	struct fetch f;

	sql_id(&a, tenant);
	sql_time_or_null(&a, before);
	sql_int(&a, (int64_t)cap);
	f = fetch(db, &statements[S_LIST], &a, e);
	while (fetch_next(&f, facts_row, &m))
		row(arg, &m);
	return fetch_end(&f);
}

int
message_facts(struct db *db, const struct id *tenant, const struct id *message,
    struct message_facts *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	return fetch_one(
	    fetch(db, &statements[S_FACTS], &a, e), facts_row, out);
}
