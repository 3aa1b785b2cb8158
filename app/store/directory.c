/*
 * directory.c: a tenant's rules, and what an address of it is.
 */
#include "store/directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/address_row.h"
#include "store/fetch.h"
#include "store/rows.h"

enum {
	S_DOMAIN,
	S_HOUSE,
	S_RULES,
	S_RELAYS,
	S_PARTNERS,
	S_SET,
	S_ADDRESS,
	S_ADMIN,
	S_KNOWN
};

#define NO_ACCOUNT                                                  \
	"NULL::uuid, NULL::smallint, NULL::boolean, NULL::boolean," \
	" NULL::text, NULL::text, NULL::text, NULL::timestamptz,"   \
	" NULL::timestamptz"
#define NO_LIST "NULL::uuid, NULL::boolean, NULL::timestamptz"

static const struct sql statements[] = {
    [S_DOMAIN] = {"domain_tenant", "t",
	"SELECT tenant_id FROM tenant_by_domain($1)"},
    [S_HOUSE] = {"house_tenant", "", "SELECT tenant_id FROM house_tenant()"},
    [S_RULES] = {"rules_get", "u",
	"SELECT inward_policy, inward_way, inward_server, inward_port, subject_tag,"
	" plus_addresses, catch_all, messages_unknown, messages_known, messages_trusted,"
	" recipients_unknown, recipients_known, recipients_trusted, harvest"
	" FROM tenant WHERE tenant_id = $1"},
    [S_RELAYS] = {"rules_relays", "u",
	"SELECT relay_id, kind, certificate, range::text, account_id, label, created"
	" FROM relay WHERE tenant_id = $1 ORDER BY created, relay_id"},
    [S_PARTNERS] = {"rules_partners", "u",
	"SELECT domain, tls_in, pin, tls_out, created FROM partner"
	" WHERE tenant_id = $1 ORDER BY domain COLLATE \"C\""},
    [S_SET] = {"rules_set", "uiititftiiiiiii",
	"UPDATE tenant SET inward_policy = $2, inward_way = $3, inward_server = $4,"
	" inward_port = $5, subject_tag = $6, plus_addresses = $7, catch_all = $8,"
	" messages_unknown = nullif($9, 0), messages_known = nullif($10, 0),"
	" messages_trusted = nullif($11, 0), recipients_unknown = nullif($12, 0),"
	" recipients_known = nullif($13, 0), recipients_trusted = nullif($14, 0),"
	" harvest = nullif($15, 0) WHERE tenant_id = $1"},
    [S_ADDRESS] = {"address_find", "ut",
	"SELECT 1, " ACCOUNT_COLUMNS ", " NO_LIST
	" FROM account a WHERE a.tenant_id = $1 AND a.address_key = $2 AND a.kind = 1"
	" UNION ALL SELECT 2, " ACCOUNT_COLUMNS ", " NO_LIST
	" FROM mail_alias l JOIN account a ON a.tenant_id = l.tenant_id"
	" AND a.account_id = l.account_id"
	" WHERE l.tenant_id = $1 AND l.address_key = $2"
	" UNION ALL SELECT 3, " NO_ACCOUNT ", l.list_id, l.open, l.created"
	" FROM mail_list l WHERE l.tenant_id = $1 AND l.address_key = $2"
	" ORDER BY 1 LIMIT 1"},
    [S_ADMIN] = {"admin_find", "u",
	"SELECT " ACCOUNT_COLUMNS
	" FROM account a WHERE a.tenant_id = $1 AND a.admin"
	" ORDER BY a.created, a.account_id LIMIT 1"},
    [S_KNOWN] = {"sender_known", "t", "SELECT sender_known($1)"},
};
const struct sql_table sql_directory = SQL_TABLE(statements);

static void
id_row(struct sql_row *r, void *out)
{
	sql_get_id(r, out);
}

int
domain_tenant(
    struct db *db, const char *domain, struct id *tenant_out, struct err *e)
{
	struct sql_args a = {0};

	sql_text(&a, domain);
	return fetch_one(
	    fetch_once(db, &statements[S_DOMAIN], &a, e), id_row, tenant_out);
}

int
house_tenant(struct db *db, struct id *tenant_out, struct err *e)
{
	return fetch_one(
	    fetch_once(db, &statements[S_HOUSE], NULL, e), id_row, tenant_out);
}

static void
rules_row(struct sql_row *r, void *p)
{
	struct rules *out = p;
	int i;

	out->inward = (enum policy_inward)sql_get_int(r);
	out->way = (enum inward_way)sql_get_int(r);
	sql_get_text(r, out->server, sizeof(out->server));
	out->port = (int)sql_get_int(r);
	sql_get_text(r, out->tag, sizeof(out->tag));
	out->plus = sql_get_bool(r);
	sql_get_text(r, out->catch_all, sizeof(out->catch_all));
	for (i = 0; i < 3; i++)
		out->rates.messages[i] = (int)sql_get_int(r);
	for (i = 0; i < 3; i++)
		out->rates.recipients[i] = (int)sql_get_int(r);
	out->rates.harvest = (int)sql_get_int(r);
}

static void
relay_row(struct sql_row *r, void *p)
{
	struct relay *out = p;

	sql_get_id(r, &out->id);
	out->kind = (enum relay_kind)sql_get_int(r);
	sql_get_fixed(r, out->certificate, sizeof(out->certificate));
	sql_get_text(r, out->range, sizeof(out->range));
	sql_get_id(r, &out->account);
	sql_get_text(r, out->label, sizeof(out->label));
	out->created = sql_get_time(r);
	if (out->kind == RELAY_RANGE &&
	    policy_net_parse(out->range, &out->net) == -1)
		r->bad = true;
}

static void
partner_row(struct sql_row *r, void *p)
{
	struct partner *out = p;
	const uint8_t *pin;
	size_t n;

	sql_get_text(r, out->domain, sizeof(out->domain));
	out->tls_in = sql_get_bool(r);
	pin = sql_get_bytes(r, &n);
	out->pinned = pin != NULL && n == sizeof(out->pin);
	if (out->pinned)
		memcpy(out->pin, pin, sizeof(out->pin));
	out->tls_out = sql_get_bool(r);
	out->created = sql_get_time(r);
}

int
rules_get(
    struct db *db, const struct id *tenant, struct rules *out, struct err *e)
{
	struct sql_args a = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	if ((rc = tenant_get(db, tenant, &out->tenant, e)) != 1)
		return rc;
	sql_id(&a, tenant);
	rc = fetch_one(fetch(db, &statements[S_RULES], &a, e), rules_row, out);
	if (rc != 1)
		return rc;
	out->relay = fetch_array(fetch(db, &statements[S_RELAYS], &a, e),
	    relay_row, sizeof(*out->relay), &out->n_relay);
	if (out->relay != NULL)
		out->partner = fetch_array(
		    fetch(db, &statements[S_PARTNERS], &a, e), partner_row,
		    sizeof(*out->partner), &out->n_partner);
	if (out->partner != NULL)
		return 1;
	rules_clear(out);
	return -1;
}

void
rules_clear(struct rules *r)
{
	free(r->relay);
	free(r->partner);
	r->relay = NULL;
	r->partner = NULL;
	r->n_relay = r->n_partner = 0;
}

static int
partner_order(const void *domain, const void *partner)
{
	return strcmp(domain, ((const struct partner *)partner)->domain);
}

const struct partner *
rules_partner(const struct rules *r, const char *domain)
{
	if (r->n_partner == 0)
		return NULL;
	return bsearch(domain, r->partner, r->n_partner, sizeof(*r->partner),
	    partner_order);
}

int
rules_set(struct db *db, const struct id *tenant, const struct rules *r,
    struct err *e)
{
	struct sql_args a = {0};
	int i;

	sql_id(&a, tenant);
	sql_int(&a, r->inward);
	sql_int(&a, r->way);
	sql_text(&a, r->server);
	sql_int(&a, r->port);
	sql_text(&a, r->tag);
	sql_bool(&a, r->plus);
	sql_text(&a, r->catch_all);
	for (i = 0; i < 3; i++)
		sql_int(&a, r->rates.messages[i]);
	for (i = 0; i < 3; i++)
		sql_int(&a, r->rates.recipients[i]);
	sql_int(&a, r->rates.harvest);
	return sql_change_or(db, &statements[S_SET], &a, ERR_NOT_FOUND, e);
}

static void
list_columns(struct sql_row *r, struct dist_list *out)
{
	sql_get_id(r, &out->id);
	out->open = sql_get_bool(r);
	out->created = sql_get_time(r);
}

void
row_address(struct sql_row *r, struct address_row *out)
{
	out->kind = (enum address_kind)sql_get_int(r);
	row_account(r, &out->account);
	list_columns(r, &out->list);
}

static void
address_row(struct sql_row *r, void *out)
{
	row_address(r, out);
}

int
address_find(struct db *db, const struct id *tenant, const char *key,
    struct address_row *out, struct err *e)
{
	struct sql_args a = {0};

	memset(out, 0, sizeof(*out));
	if (text_copy(out->key, sizeof(out->key), key) == -1)
		return 0; /* nobody has one that long */
	memcpy(out->list.key, out->key, sizeof(out->key));
	sql_id(&a, tenant);
	sql_text(&a, key);
	return fetch_one(
	    fetch(db, &statements[S_ADDRESS], &a, e), address_row, out);
}

static void
account_row(struct sql_row *r, void *out)
{
	row_account(r, out);
}

int
admin_find(
    struct db *db, const struct id *tenant, struct account *out, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	return fetch_one(
	    fetch(db, &statements[S_ADMIN], &a, e), account_row, out);
}

static void
bool_row(struct sql_row *r, void *out)
{
	*(bool *)out = sql_get_bool(r);
}

int
sender_known(
    struct db *db, const struct id *tenant, const char *key, struct err *e)
{
	struct sql_args a = {0};
	bool known = false;
	int rc;

	(void)tenant; /* the transaction's */
	sql_text(&a, key);
	rc = fetch_one(
	    fetch(db, &statements[S_KNOWN], &a, e), bool_row, &known);
	return rc == -1 ? -1 : known;
}
