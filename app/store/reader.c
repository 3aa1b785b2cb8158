/*
 * reader.c: the slots of a message, one a reader.
 */
#include "store/fetch.h"
#include "store/rows.h"

enum {
	S_ADD,
	S_ADD_ONE,
	S_OF_ACCOUNT,
	S_OF_ADDRESS,
	S_LIST,
	S_ADOPT,
	S_DISPLAYED
};

/* clang-format off */
#define ADD(i)                                                                            \
	"INSERT INTO reader (tenant_id, message_id, slot, role, state, address,"           \
	" address_key, account_id, key_version, notice_id, slot_id, ephemeral_pk, sealed," \
	" created) SELECT $1, $2" i ", $3" i ", $4" i ", $5" i ", $6" i ", $7" i ", $8" i  \
	", $9" i ", $10" i ", $11" i ", $12" i ", $13" i ", coalesce($14" i ", now())"
/* clang-format on */

static const struct sql statements[] = {
    [S_ADD] = {"reader_rows", "uUIIITTUIUIBBM", ADD("[i]") SQL_EACH_ROW,
	&statements[S_ADD_ONE]},
    [S_ADD_ONE] = {"reader_add", "uuiiittuiuibbm", ADD("")},
    [S_OF_ACCOUNT] = {"reader_of_account", "uuui",
	"SELECT " READER_COLUMNS " FROM reader r WHERE r.tenant_id = $1"
	" AND r.message_id = $2 AND r.account_id = $3 ORDER BY r.slot DESC LIMIT $4"},
    [S_OF_ADDRESS] = {"reader_of_address", "uuti",
	"SELECT " READER_COLUMNS " FROM reader r WHERE r.tenant_id = $1"
	" AND r.message_id = $2 AND r.address_key = $3 ORDER BY r.slot DESC LIMIT $4"},
    [S_LIST] = {"reader_list", "uu",
	"SELECT r.message_id, r.slot, r.role, r.state, r.address, r.address_key,"
	" r.account_id, r.key_version, r.notice_id, r.slot_id, NULL::bytea, NULL::bytea,"
	" r.first_displayed FROM reader r WHERE r.tenant_id = $1 AND r.message_id = $2"
	" ORDER BY r.slot"},
    [S_ADOPT] = {"reader_adopt", "uuiuiibb",
	"UPDATE reader SET account_id = $4, key_version = $5, slot_id = $6,"
	" ephemeral_pk = $7, sealed = $8 WHERE tenant_id = $1 AND message_id = $2"
	" AND slot = $3 AND account_id IS NULL"},
    /* The second of two at once waits for the row and then finds it displayed. */
    [S_DISPLAYED] = {"reader_displayed", "uuii",
	"WITH r AS (UPDATE reader SET state = 2, first_displayed = now()"
	"  WHERE tenant_id = $1 AND message_id = $2 AND slot = $3"
	"  AND first_displayed IS NULL AND state <> 3"
	"  RETURNING message_id, now() + make_interval(days => $4::integer) AS least),"
	" m AS (UPDATE message SET expires = r.least FROM r WHERE message.tenant_id = $1"
	"  AND message.message_id = r.message_id AND message.expires < r.least),"
	" n AS (UPDATE notice SET expires = r.least FROM r WHERE notice.tenant_id = $1"
	"  AND notice.message_id = r.message_id AND notice.slot = $3"
	"  AND notice.expires < r.least)"
	" SELECT count(*) FROM r"},
};
const struct sql_table sql_reader = SQL_TABLE(statements);

void
reader_put(struct sql_rows *rows, const struct reader_row *r)
{
	sql_put_id(rows, &r->message);
	sql_put_int(rows, r->slot);
	sql_put_int(rows, r->role);
	sql_put_int(rows, r->state);
	sql_put_text(rows, r->address);
	sql_put_text(rows, r->key);
	sql_put_id_or_null(rows, &r->account);
	if (id_is_zero(&r->account))
		sql_put_null(rows);
	else
		sql_put_int(rows, r->key_version);
	sql_put_id_or_null(rows, &r->notice);
	sql_put_int(rows, (int64_t)r->slot_id);
	sql_put_bytes(rows, r->ephemeral_pk, sizeof(r->ephemeral_pk));
	sql_put_bytes(rows, r->sealed, sizeof(r->sealed));
	sql_put_time_or_null(rows, r->created);
	sql_rows_end(rows);
}

int
reader_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_ADD], tenant, rows, e);
}

void
row_reader(struct sql_row *r, struct reader_row *out)
{
	sql_get_id(r, &out->message);
	out->slot = (uint32_t)sql_get_int(r);
	out->role = (enum reader_role)sql_get_int(r);
	out->state = (enum reader_state)sql_get_int(r);
	sql_get_text(r, out->address, sizeof(out->address));
	sql_get_text(r, out->key, sizeof(out->key));
	sql_get_id(r, &out->account);
	out->key_version = (uint32_t)sql_get_int(r);
	sql_get_id(r, &out->notice);
	out->slot_id = (uint64_t)sql_get_int(r);
	sql_get_fixed(r, out->ephemeral_pk, sizeof(out->ephemeral_pk));
	sql_get_fixed(r, out->sealed, sizeof(out->sealed));
	out->first_displayed = sql_get_time(r);
}

static void
reader_row(struct sql_row *r, void *out)
{
	row_reader(r, out);
}

int
reader_of_account(struct db *db, const struct id *tenant,
    const struct id *message, const struct id *account, struct reader_row *out,
    size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	sql_id(&a, account);
	sql_int(&a, (int64_t)cap);
	return fetch_into(fetch(db, &statements[S_OF_ACCOUNT], &a, e),
	    reader_row, out, sizeof(*out), n);
}

int
reader_of_address(struct db *db, const struct id *tenant,
    const struct id *message, const char *key, struct reader_row *out,
    size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	sql_text(&a, key);
	sql_int(&a, (int64_t)cap);
	return fetch_into(fetch(db, &statements[S_OF_ADDRESS], &a, e),
	    reader_row, out, sizeof(*out), n);
}

int
reader_list(struct db *db, const struct id *tenant, const struct id *message,
    struct reader_row **out, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	*out = fetch_array(fetch(db, &statements[S_LIST], &a, e), reader_row,
	    sizeof(**out), n);
	return *out == NULL ? -1 : 0;
}

int
reader_adopt(struct db *db, const struct id *tenant, const struct reader_row *r,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &r->message);
	sql_int(&a, r->slot);
	sql_id(&a, &r->account);
	sql_int(&a, r->key_version);
	sql_int(&a, (int64_t)r->slot_id);
	sql_bytes(&a, r->ephemeral_pk, sizeof(r->ephemeral_pk));
	sql_bytes(&a, r->sealed, sizeof(r->sealed));
	return sql_change_or(db, &statements[S_ADOPT], &a, ERR_CONFLICT, e);
}

static void
count_row(struct sql_row *r, void *out)
{
	*(int64_t *)out = sql_get_int(r);
}

int
reader_displayed(struct db *db, const struct id *tenant,
    const struct id *message, uint32_t slot, struct err *e)
{
	struct sql_args a = {0};
	int64_t n;

	sql_id(&a, tenant);
	sql_id(&a, message);
	sql_int(&a, slot);
	sql_int(&a, LIMIT_AFTER_OPEN_DAYS);
	if (fetch_the(fetch(db, &statements[S_DISPLAYED], &a, e), count_row,
		&n) == -1)
		return -1;
	return n == 1;
}
