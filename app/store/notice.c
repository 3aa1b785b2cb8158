/*
 * notice.c: what a pick-up code finds.
 */
#include "store/fetch.h"
#include "store/rows.h"

enum { S_ADD, S_ADD_ONE, S_BY_PICKUP, S_OF_SLOT, S_OF_ADDRESS, S_ADOPTED };

#define NOTICE                                                                 \
	"SELECT notice_id, message_id, slot, pickup, address_key, account_id," \
	" link_hash, link_wrap, escrow, cert, expires, created FROM notice"    \
	" WHERE tenant_id = $1"

/* clang-format off */
#define ADD(i)                                                                           \
	"INSERT INTO notice (tenant_id, notice_id, message_id, slot, pickup, address_key,"\
	" account_id, link_hash, link_wrap, escrow, cert, expires, created) SELECT $1"    \
	", $2" i ", $3" i ", $4" i ", $5" i ", $6" i ", $7" i ", $8" i ", $9" i           \
	", $10" i ", $11" i ", $12" i ", coalesce($13" i ", now())"
/* clang-format on */

static const struct sql statements[] = {
    [S_ADD] = {"notice_rows", "uUUITTUBBBBMM", ADD("[i]") SQL_EACH_ROW,
	&statements[S_ADD_ONE]},
    [S_ADD_ONE] = {"notice_add", "uuuittubbbbmm", ADD("")},
    [S_BY_PICKUP] = {"notice_by_pickup", "ut", NOTICE " AND pickup = $2"},
    [S_OF_SLOT] = {"notice_of_slot", "uui",
	NOTICE
	" AND message_id = $2 AND slot = $3 ORDER BY created DESC LIMIT 1"},
    [S_OF_ADDRESS] = {"notice_of_address", "uti",
	NOTICE
	" AND address_key = $2 AND escrow IS NOT NULL AND expires > now()"
	" ORDER BY created DESC LIMIT $3"},
    [S_ADOPTED] = {"notice_adopted", "uuu",
	"UPDATE notice SET account_id = $3, link_wrap = NULL, escrow = NULL"
	" WHERE tenant_id = $1 AND notice_id = $2"},
};
const struct sql_table sql_notice = SQL_TABLE(statements);

void
notice_clear(struct notice *n)
{
	buf_free(&n->link_wrap);
	buf_free(&n->escrow);
	*n = (struct notice){0};
}

void
notice_put(struct sql_rows *r, const struct notice *n)
{
	bool bare = n->link_wrap.len == 0;

	sql_put_id(r, &n->id);
	sql_put_id(r, &n->message);
	sql_put_int(r, n->slot);
	sql_put_text(r, n->pickup);
	sql_put_text(r, n->key);
	sql_put_id_or_null(r, &n->account);
	sql_put_bytes_or_null(r, n->link_hash, bare ? 0 : sizeof(n->link_hash));
	sql_put_bytes_or_null(r, n->link_wrap.data, n->link_wrap.len);
	sql_put_bytes_or_null(r, n->escrow.data, n->escrow.len);
	sql_put_bytes_or_null(
	    r, n->cert, bare && n->escrow.len == 0 ? 0 : sizeof(n->cert));
	sql_put_time(r, n->expires);
	sql_put_time_or_null(r, n->created);
	sql_rows_end(r);
}

int
notice_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_ADD], tenant, rows, e);
}

static void
notice_row(struct sql_row *r, void *p)
{
	struct notice *out = p;

	*out = (struct notice){0};
	sql_get_id(r, &out->id);
	sql_get_id(r, &out->message);
	out->slot = (uint32_t)sql_get_int(r);
	sql_get_text(r, out->pickup, sizeof(out->pickup));
	sql_get_text(r, out->key, sizeof(out->key));
	sql_get_id(r, &out->account);
	sql_get_fixed(r, out->link_hash, sizeof(out->link_hash));
	sql_get_buf(r, &out->link_wrap);
	sql_get_buf(r, &out->escrow);
	sql_get_fixed(r, out->cert, sizeof(out->cert));
	out->expires = sql_get_time(r);
	out->created = sql_get_time(r);
}

static int
notice_one(struct fetch f, struct notice *out)
{
	int rc;

	*out = (struct notice){0};
	rc = fetch_one(f, notice_row, out);
	if (rc == -1)
		notice_clear(out);
	return rc;
}

int
notice_by_pickup(struct db *db, const struct id *tenant, const char *pickup,
    struct notice *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, pickup);
	return notice_one(fetch(db, &statements[S_BY_PICKUP], &a, e), out);
}

int
notice_of_slot(struct db *db, const struct id *tenant, const struct id *message,
    uint32_t slot, struct notice *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	sql_int(&a, slot);
	return notice_one(fetch(db, &statements[S_OF_SLOT], &a, e), out);
}

int
notice_of_address(struct db *db, const struct id *tenant, const char *key,
    struct notice *out, size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};
	struct fetch f;

	sql_id(&a, tenant);
	sql_text(&a, key);
	sql_int(&a, (int64_t)cap);
	f = fetch(db, &statements[S_OF_ADDRESS], &a, e);
	for (*n = 0; fetch_next(&f, notice_row, &out[*n]);)
		++*n;
	if (fetch_end(&f) == 0)
		return 0;
	*n = 0;
	while (f.at-- > 0)
		notice_clear(&out[f.at]);
	return -1;
}

int
notice_adopted(struct db *db, const struct id *tenant, const struct id *notice,
    const struct id *account, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, notice);
	sql_id(&a, account);
	return sql_queue(db, &statements[S_ADOPTED], &a, e);
}
