/*
 * account.c: people, their keys, unlockers and SMTP tokens.
 */
#include "store/account.h"

#include <string.h>

#include "store/fetch.h"
#include "store/rows.h"

enum {
	S_FIND,
	S_ADD,
	S_ACTIVATE,
	S_LOGGED_IN,
	S_LIST,
	S_KEY_ADD,
	S_KEY_PUBLIC,
	S_KEY_ALL,
	S_KEY_RECERT,
	S_UNLOCKER_ADD,
	S_UNLOCKER_FIND,
	S_TOKEN_ADD,
	S_TOKEN_ALL
};

#define ACCOUNT \
	"SELECT " ACCOUNT_COLUMNS " FROM account a WHERE a.tenant_id = $1"

static const struct sql statements[] = {
    [S_FIND] = {"account_find", "ut", ACCOUNT " AND a.address_key = $2"},
    [S_LIST] = {"account_list", "u", ACCOUNT " ORDER BY a.address_key"},
    [S_ADD] = {"account_add", "uuifftttm",
	"INSERT INTO account (tenant_id, account_id, kind, admin, active, address,"
	" address_key, name, created)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, now()))"
	" ON CONFLICT DO NOTHING"},
    [S_ACTIVATE] = {"account_activate", "uut",
	"UPDATE account SET active = true, name = CASE WHEN $3 = '' THEN name ELSE $3 END"
	" WHERE tenant_id = $1 AND account_id = $2 AND NOT active"},
    [S_LOGGED_IN] = {"account_logged_in", "uu",
	"UPDATE account SET last_login = now() WHERE tenant_id = $1 AND account_id = $2"},
    [S_KEY_ADD] = {"account_key_add", "uuibbb",
	"INSERT INTO account_key (tenant_id, account_id, version, pk, cert, sk_wrap)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"},
    [S_KEY_PUBLIC] = {"account_key_public", "uu",
	"SELECT account_id, version, pk, cert, NULL::bytea FROM account_key"
	" WHERE tenant_id = $1 AND account_id = $2 ORDER BY version DESC LIMIT 1"},
    [S_KEY_ALL] = {"account_key_all", "uui",
	"SELECT account_id, version, pk, cert, sk_wrap FROM account_key"
	" WHERE tenant_id = $1 AND account_id = $2 ORDER BY version DESC LIMIT $3"},
    [S_KEY_RECERT] = {"account_key_recert", "uuib",
	"UPDATE account_key SET cert = $4"
	" WHERE tenant_id = $1 AND account_id = $2 AND version = $3"},
    [S_UNLOCKER_ADD] = {"unlocker_add", "uuuibb",
	"INSERT INTO unlocker (tenant_id, unlocker_id, account_id, kind, salt, blob)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"},
    [S_UNLOCKER_FIND] = {"unlocker_find", "uui",
	"SELECT unlocker_id, account_id, kind, salt, blob FROM unlocker"
	" WHERE tenant_id = $1 AND account_id = $2 AND kind = $3"
	" ORDER BY created DESC LIMIT 1"},
    [S_TOKEN_ADD] = {"smtp_token_add", "uuutb",
	"INSERT INTO smtp_token (tenant_id, token_id, account_id, label, verifier)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"},
    [S_TOKEN_ALL] = {"smtp_token_all", "uui",
	"SELECT token_id, account_id, label, verifier FROM smtp_token"
	" WHERE tenant_id = $1 AND account_id = $2 ORDER BY created, token_id LIMIT $3"},
};
const struct sql_table sql_account = SQL_TABLE(statements);

void
row_account(struct sql_row *r, struct account *out)
{
	sql_get_id(r, &out->id);
	out->kind = (enum account_kind)sql_get_int(r);
	out->admin = sql_get_bool(r);
	out->active = sql_get_bool(r);
	sql_get_text(r, out->address, sizeof(out->address));
	sql_get_text(r, out->key, sizeof(out->key));
	sql_get_text(r, out->name, sizeof(out->name));
	out->created = sql_get_time(r);
	out->last_login = sql_get_time(r);
}

static void
account_row(struct sql_row *r, void *out)
{
	row_account(r, out);
}

int
account_find(struct db *db, const struct id *tenant, const char *key,
    struct account *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, key);
	return fetch_one(
	    fetch(db, &statements[S_FIND], &a, e), account_row, out);
}

int
account_add(struct db *db, const struct id *tenant, const struct account *acc,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &acc->id);
	sql_int(&a, acc->kind);
	sql_bool(&a, acc->admin);
	sql_bool(&a, acc->active);
	sql_text(&a, acc->address);
	sql_text(&a, acc->key);
	sql_text(&a, acc->name);
	sql_time_or_null(&a, acc->created);
	return sql_change_or(db, &statements[S_ADD], &a, ERR_CONFLICT, e);
}

int
account_activate(struct db *db, const struct id *tenant,
    const struct id *account, const char *name, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	sql_text(&a, name);
	return sql_change_or(db, &statements[S_ACTIVATE], &a, ERR_CONFLICT, e);
}

int
account_logged_in(struct db *db, const struct id *tenant,
    const struct id *account, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	return sql_queue(db, &statements[S_LOGGED_IN], &a, e);
}

int
account_list(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const struct account *a), void *arg, struct err *e)
{
	struct sql_args a = {0};
	struct account acc;
	struct fetch f;

	sql_id(&a, tenant);
	f = fetch(db, &statements[S_LIST], &a, e);
	while (fetch_next(&f, account_row, &acc))
		row(arg, &acc);
	return fetch_end(&f);
}

int
account_key_add(struct db *db, const struct id *tenant,
    const struct account_key *k, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &k->account);
	sql_int(&a, k->version);
	sql_bytes(&a, k->pk, sizeof(k->pk));
	sql_bytes(&a, k->cert, sizeof(k->cert));
	sql_bytes(&a, k->sk_wrap, sizeof(k->sk_wrap));
	return sql_change_or(db, &statements[S_KEY_ADD], &a, ERR_CONFLICT, e);
}

static void
key_row(struct sql_row *r, void *out)
{
	struct account_key *k = out;

	sql_get_id(r, &k->account);
	k->version = (uint32_t)sql_get_int(r);
	sql_get_fixed(r, k->pk, sizeof(k->pk));
	sql_get_fixed(r, k->cert, sizeof(k->cert));
	sql_get_fixed(r, k->sk_wrap, sizeof(k->sk_wrap));
}

int
account_key_public(struct db *db, const struct id *tenant,
    const struct id *account, struct account_key *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	return fetch_one(
	    fetch(db, &statements[S_KEY_PUBLIC], &a, e), key_row, out);
}

int
account_key_all(struct db *db, const struct id *tenant,
    const struct id *account, struct account_key *out, size_t cap, size_t *n,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	sql_int(&a, (int64_t)cap);
	return fetch_into(fetch(db, &statements[S_KEY_ALL], &a, e), key_row,
	    out, sizeof(*out), n);
}

int
account_key_recert(struct db *db, const struct id *tenant,
    const struct id *account, uint32_t version,
    const uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	sql_int(&a, version);
	sql_bytes(&a, cert, SEAL_CERT_LEN);
	return sql_change_or(
	    db, &statements[S_KEY_RECERT], &a, ERR_NOT_FOUND, e);
}

int
unlocker_add(struct db *db, const struct id *tenant, const struct unlocker *u,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &u->id);
	sql_id(&a, &u->account);
	sql_int(&a, u->kind);
	sql_bytes(&a, u->salt, sizeof(u->salt));
	sql_bytes(&a, u->blob, sizeof(u->blob));
	return sql_change_or(
	    db, &statements[S_UNLOCKER_ADD], &a, ERR_CONFLICT, e);
}

static void
unlocker_row(struct sql_row *r, void *out)
{
	struct unlocker *u = out;

	sql_get_id(r, &u->id);
	sql_get_id(r, &u->account);
	u->kind = (enum unlocker_kind)sql_get_int(r);
	sql_get_fixed(r, u->salt, sizeof(u->salt));
	sql_get_fixed(r, u->blob, sizeof(u->blob));
}

int
unlocker_find(struct db *db, const struct id *tenant, const struct id *account,
    enum unlocker_kind kind, struct unlocker *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	sql_int(&a, kind);
	return fetch_one(
	    fetch(db, &statements[S_UNLOCKER_FIND], &a, e), unlocker_row, out);
}

int
smtp_token_add(struct db *db, const struct id *tenant,
    const struct smtp_token *t, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &t->id);
	sql_id(&a, &t->account);
	sql_text(&a, t->label);
	sql_bytes(&a, t->verifier, sizeof(t->verifier));
	return sql_change_or(db, &statements[S_TOKEN_ADD], &a, ERR_CONFLICT, e);
}

static void
token_row(struct sql_row *r, void *out)
{
	struct smtp_token *t = out;

	sql_get_id(r, &t->id);
	sql_get_id(r, &t->account);
	sql_get_text(r, t->label, sizeof(t->label));
	sql_get_fixed(r, t->verifier, sizeof(t->verifier));
}

int
smtp_token_all(struct db *db, const struct id *tenant, const struct id *account,
    struct smtp_token *out, size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	sql_int(&a, (int64_t)cap);
	return fetch_into(fetch(db, &statements[S_TOKEN_ALL], &a, e), token_row,
	    out, sizeof(*out), n);
}
