/*
 * address.c: relays, partners, aliases and lists, as the operator changes them, and a
 * list's entries.
 */
#include <string.h>

#include "base/text.h"
#include "store/directory.h"
#include "store/address_row.h"
#include "store/fetch.h"
#include "store/rows.h"

enum {
	S_RELAY_ADD,
	S_RELAY_REMOVE,
	S_PARTNER_SET,
	S_PARTNER_REMOVE,
	S_PARTNER_PROMISED,
	S_ALIAS_ADD,
	S_ALIAS_REMOVE,
	S_ALIAS_LIST,
	S_LIST_ADD,
	S_LIST_REMOVE,
	S_LIST_ALL,
	S_LIST_JOIN,
	S_LIST_LEAVE,
	S_LIST_ENTRIES
};

static const struct sql statements[] = {
    [S_RELAY_ADD] = {"relay_add", "uuibtut",
	"INSERT INTO relay (tenant_id, relay_id, kind, certificate, range, account_id, label)"
	" VALUES ($1, $2, $3, $4, nullif($5, '')::cidr, $6, $7) ON CONFLICT DO NOTHING"},
    [S_RELAY_REMOVE] = {"relay_remove", "uu",
	"DELETE FROM relay WHERE tenant_id = $1 AND relay_id = $2"},
    [S_PARTNER_SET] = {"partner_set", "utfbf",
	"INSERT INTO partner (tenant_id, domain, tls_in, pin, tls_out)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, domain) DO UPDATE"
	" SET tls_in = $3, pin = $4, tls_out = $5"},
    [S_PARTNER_REMOVE] = {"partner_remove", "ut",
	"DELETE FROM partner WHERE tenant_id = $1 AND domain = $2"},
    [S_PARTNER_PROMISED] = {"partner_promised", "ut",
	"SELECT 1 FROM partner WHERE tenant_id = $1 AND tls_out"
	" AND ($2 = '' OR domain = $2) LIMIT 1"},
    [S_ALIAS_ADD] = {"alias_add", "utu",
	"INSERT INTO mail_alias (tenant_id, address_key, account_id)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"},
    [S_ALIAS_REMOVE] = {"alias_remove", "ut",
	"DELETE FROM mail_alias WHERE tenant_id = $1 AND address_key = $2"},
    [S_ALIAS_LIST] = {"alias_list", "u",
	"SELECT l.address_key, a.address FROM mail_alias l JOIN account a"
	" ON a.tenant_id = l.tenant_id AND a.account_id = l.account_id"
	" WHERE l.tenant_id = $1 ORDER BY l.address_key"},
    [S_LIST_ADD] = {"list_add", "uutf",
	"INSERT INTO mail_list (tenant_id, list_id, address_key, open)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"},
    [S_LIST_REMOVE] = {"list_remove", "ut",
	"DELETE FROM mail_list WHERE tenant_id = $1 AND address_key = $2"},
    [S_LIST_ALL] = {"list_all", "u",
	"SELECT l.list_id, l.address_key, l.open, l.created,"
	" (SELECT count(*) FROM mail_list_entry m WHERE m.tenant_id = l.tenant_id"
	" AND m.list_id = l.list_id)"
	" FROM mail_list l WHERE l.tenant_id = $1 ORDER BY l.address_key"},
    [S_LIST_JOIN] = {"list_join", "uut",
	"INSERT INTO mail_list_entry (tenant_id, list_id, address_key)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"},
    [S_LIST_LEAVE] = {"list_leave", "uut",
	"DELETE FROM mail_list_entry WHERE tenant_id = $1 AND list_id = $2"
	" AND address_key = $3"},
    /* A member of that address before an alias, an alias before a list. */
    [S_LIST_ENTRIES] = {"list_entries", "uui",
	"SELECT CASE WHEN a.kind = 1 AND x.account_id IS NULL THEN 1"
	" WHEN x.account_id IS NOT NULL THEN 2"
	" WHEN l.list_id IS NOT NULL THEN 3 ELSE 4 END, " ACCOUNT_COLUMNS
	", l.list_id, l.open, l.created, m.address_key"
	" FROM mail_list_entry m"
	" LEFT JOIN account o ON o.tenant_id = m.tenant_id"
	" AND o.address_key = m.address_key"
	" LEFT JOIN mail_alias x ON x.tenant_id = m.tenant_id"
	" AND x.address_key = m.address_key AND o.account_id IS NULL"
	" LEFT JOIN account a ON a.tenant_id = m.tenant_id"
	" AND a.account_id = coalesce(o.account_id, x.account_id)"
	" LEFT JOIN mail_list l ON l.tenant_id = m.tenant_id"
	" AND l.address_key = m.address_key AND a.account_id IS NULL"
	" WHERE m.tenant_id = $1 AND m.list_id = $2"
	" ORDER BY m.address_key LIMIT $3"},
};
const struct sql_table sql_address = SQL_TABLE(statements);

int
relay_add(struct db *db, const struct id *tenant, const struct relay *r,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &r->id);
	sql_int(&a, r->kind);
	sql_bytes_or_null(&a, r->certificate,
	    r->kind == RELAY_CERTIFICATE ? sizeof(r->certificate) : 0);
	sql_text(&a, r->range);
	sql_id_or_null(&a, &r->account);
	sql_text(&a, r->label);
	return sql_change_or(db, &statements[S_RELAY_ADD], &a, ERR_CONFLICT, e);
}

/* tenant and one more id or text; none touched is `none`. */
static int
change(struct db *db, int which, const struct id *tenant, const struct id *id,
    const char *text, enum err_code none, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	if (id != NULL)
		sql_id(&a, id);
	if (text != NULL)
		sql_text(&a, text);
	return sql_change_or(db, &statements[which], &a, none, e);
}

int
relay_remove(struct db *db, const struct id *tenant, const struct id *relay,
    struct err *e)
{
	return change(
	    db, S_RELAY_REMOVE, tenant, relay, NULL, ERR_NOT_FOUND, e);
}

int
partner_set(struct db *db, const struct id *tenant, const struct partner *p,
    struct err *e)
{
	struct sql_args a = {0};
	int rows;

	sql_id(&a, tenant);
	sql_text(&a, p->domain);
	sql_bool(&a, p->tls_in);
	sql_bytes_or_null(&a, p->pin, p->pinned ? sizeof(p->pin) : 0);
	sql_bool(&a, p->tls_out);
	return sql_change(db, &statements[S_PARTNER_SET], &a, &rows, e);
}

int
partner_remove(
    struct db *db, const struct id *tenant, const char *domain, struct err *e)
{
	return change(
	    db, S_PARTNER_REMOVE, tenant, NULL, domain, ERR_NOT_FOUND, e);
}

int
partner_promised(
    struct db *db, const struct id *tenant, const char *domain, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, domain);
	return fetch_any(fetch(db, &statements[S_PARTNER_PROMISED], &a, e));
}

int
alias_add(struct db *db, const struct id *tenant, const char *key,
    const struct id *account, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, key);
	sql_id(&a, account);
	return sql_change_or(db, &statements[S_ALIAS_ADD], &a, ERR_CONFLICT, e);
}

int
alias_remove(
    struct db *db, const struct id *tenant, const char *key, struct err *e)
{
	return change(db, S_ALIAS_REMOVE, tenant, NULL, key, ERR_NOT_FOUND, e);
}

struct alias {
	char key[LIMIT_ADDRESS + 1];
	char member[LIMIT_ADDRESS + 1];
};

static void
alias_row(struct sql_row *r, void *out)
{
	struct alias *l = out;

	sql_get_text(r, l->key, sizeof(l->key));
	sql_get_text(r, l->member, sizeof(l->member));
}

int
alias_list(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const char *key, const char *member), void *arg,
    struct err *e)
{
	struct sql_args a = {0};
	struct alias l;
	struct fetch f;

	sql_id(&a, tenant);
	f = fetch(db, &statements[S_ALIAS_LIST], &a, e);
	while (fetch_next(&f, alias_row, &l))
		row(arg, l.key, l.member);
	return fetch_end(&f);
}

int
dist_list_add(struct db *db, const struct id *tenant, const struct dist_list *l,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &l->id);
	sql_text(&a, l->key);
	sql_bool(&a, l->open);
	return sql_change_or(db, &statements[S_LIST_ADD], &a, ERR_CONFLICT, e);
}

int
dist_list_remove(
    struct db *db, const struct id *tenant, const char *key, struct err *e)
{
	return change(db, S_LIST_REMOVE, tenant, NULL, key, ERR_NOT_FOUND, e);
}

struct counted {
	struct dist_list list;
	int64_t members;
};

static void
counted_row(struct sql_row *r, void *out)
{
	struct counted *c = out;

	sql_get_id(r, &c->list.id);
	sql_get_text(r, c->list.key, sizeof(c->list.key));
	c->list.open = sql_get_bool(r);
	c->list.created = sql_get_time(r);
	c->members = sql_get_int(r);
}

int
dist_list_all(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const struct dist_list *l, int64_t members),
    void *arg, struct err *e)
{
	struct sql_args a = {0};
	struct counted c;
	struct fetch f;

	sql_id(&a, tenant);
	f = fetch(db, &statements[S_LIST_ALL], &a, e);
	while (fetch_next(&f, counted_row, &c))
		row(arg, &c.list, c.members);
	return fetch_end(&f);
}

int
dist_list_join(struct db *db, const struct id *tenant, const struct id *list,
    const char *key, struct err *e)
{
	return change(db, S_LIST_JOIN, tenant, list, key, ERR_CONFLICT, e);
}

int
dist_list_leave(struct db *db, const struct id *tenant, const struct id *list,
    const char *key, struct err *e)
{
	return change(db, S_LIST_LEAVE, tenant, list, key, ERR_NOT_FOUND, e);
}

static void
entry_row(struct sql_row *r, void *p)
{
	struct address_row *out = p;

	memset(out, 0, sizeof(*out));
	row_address(r, out);
	sql_get_text(r, out->key, sizeof(out->key));
	memcpy(out->list.key, out->key, sizeof(out->key));
}

int
dist_list_entries(struct db *db, const struct id *tenant, const struct id *list,
    int (*row)(void *arg, const struct address_row *r, struct err *e),
    void *arg, struct err *e)
{
	struct address_row entry;
	struct sql_args a = {0};
	struct fetch f;
	int rc = 0;

	sql_id(&a, tenant);
	sql_id(&a, list);
	sql_int(&a, LIMIT_RECIPIENTS + 1);
	f = fetch(db, &statements[S_LIST_ENTRIES], &a, e);
	while (rc == 0 && fetch_next(&f, entry_row, &entry))
		rc = row(arg, &entry, e);
	return fetch_end(&f) == -1 ? -1 : rc;
}
