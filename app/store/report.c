/*
 * report.c: what senders asked to be told, and what they are.
 */
#include "store/report.h"

#include <stdlib.h>

#include "base/text.h"
#include "store/fetch.h"

enum { S_ASKED, S_ASKED_LIST, S_FACTS, S_MAIL, S_ADD, S_LIST };

static const struct sql statements[] = {
    [S_ASKED] = {"dsn_add", "uuititt",
	"INSERT INTO dsn (tenant_id, message_id, slot, given, notify, orcpt, envid)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)"},
    [S_ASKED_LIST] = {"dsn_list", "uu",
	"SELECT slot, given FROM dsn WHERE tenant_id = $1 AND message_id = $2"
	" ORDER BY slot"},
    [S_FACTS] = {"dsn_facts", "uui",
	"SELECT m.sender, coalesce(q.given, r.address), coalesce(q.notify, 0::smallint),"
	" coalesce(q.orcpt, ''), coalesce(q.envid, ''), EXISTS (SELECT FROM tenant_domain d"
	"  WHERE d.tenant_id = $1 AND d.domain = substring(r.address_key from '[^@]*$'))"
	" FROM message m"
	" JOIN reader r ON r.tenant_id = $1 AND r.message_id = $2 AND r.slot = $3"
	" LEFT JOIN dsn q ON q.tenant_id = $1 AND q.message_id = $2 AND q.slot = $3"
	" WHERE m.tenant_id = $1 AND m.message_id = $2"},
    [S_MAIL] = {"report_mail", "uuiubi",
	"INSERT INTO outbox (tenant_id, outbox_id, kind, message_id, item, item_kind)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"},
    [S_ADD] = {"report_add", "uuiitttttt",
	"INSERT INTO report (tenant_id, outbox_id, n, action, recipient, orcpt, envid,"
	" status, diagnostic, remote) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	" ON CONFLICT DO NOTHING"},
    [S_LIST] = {"report_list", "uu",
	"SELECT action, recipient, orcpt, envid, status, diagnostic, remote FROM report"
	" WHERE tenant_id = $1 AND outbox_id = $2 ORDER BY n"},
};
const struct sql_table sql_report = SQL_TABLE(statements);

int
dsn_add(
    struct db *db, const struct id *tenant, const struct dsn *d, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &d->message);
	sql_int(&a, d->slot);
	sql_text(&a, d->given);
	sql_int(&a, d->notify);
	sql_text(&a, d->orcpt);
	sql_text(&a, d->envid);
	return sql_queue(db, &statements[S_ASKED], &a, e);
}

static void
row_asked(struct sql_row *r, void *out)
{
	struct dsn *d = out;

	d->slot = (uint32_t)sql_get_int(r);
	sql_get_text(r, d->given, sizeof(d->given));
}

int
dsn_list(struct db *db, const struct id *tenant, const struct id *message,
    struct dsn **out, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	*out = fetch_array(fetch(db, &statements[S_ASKED_LIST], &a, e),
	    row_asked, sizeof(**out), n);
	return *out == NULL ? -1 : 0;
}

static void
row_facts(struct sql_row *r, void *out)
{
	struct dsn_facts *f = out;

	sql_get_text(r, f->sender, sizeof(f->sender));
	sql_get_text(r, f->asked.given, sizeof(f->asked.given));
	f->asked.notify = (unsigned)sql_get_int(r);
	sql_get_text(r, f->asked.orcpt, sizeof(f->asked.orcpt));
	sql_get_text(r, f->asked.envid, sizeof(f->asked.envid));
	f->inward = sql_get_bool(r);
}

int
dsn_facts(
    struct db *db, const struct outbox *o, struct dsn_facts *out, struct err *e)
{
	struct sql_args a = {0};

	*out = (struct dsn_facts){
	    .asked = {.message = o->message, .slot = o->slot}};
	sql_id(&a, &o->tenant);
	sql_id(&a, &o->message);
	sql_int(&a, o->slot);
	return fetch_one(
	    fetch(db, &statements[S_FACTS], &a, e), row_facts, out);
}

void
report_mail_clear(struct report_mail *m)
{
	outbox_clear(&m->mail);
	free(m->row);
	*m = (struct report_mail){0};
}

static int
row_add(struct db *db, const struct report_mail *m, size_t i, struct err *e)
{
	const struct report *p = &m->row[i];
	struct sql_args a = {0};

	sql_id(&a, &m->mail.tenant);
	sql_id(&a, &m->mail.id);
	sql_int(&a, (int64_t)i);
	sql_int(&a, p->action);
	sql_text(&a, p->recipient);
	sql_text(&a, p->orcpt);
	sql_text(&a, p->envid);
	sql_text(&a, p->status);
	sql_text(&a, p->diagnostic);
	sql_text(&a, p->remote);
	return sql_queue(db, &statements[S_ADD], &a, e);
}

int
report_add(struct db *db, const struct report_mail *m, struct err *e)
{
	struct sql_args a = {0};
	int r;

	sql_id(&a, &m->mail.tenant);
	sql_id(&a, &m->mail.id);
	sql_int(&a, OUTBOX_STATUS);
	sql_id_or_null(&a, &m->mail.message);
	sql_bytes(&a, m->mail.item.data, m->mail.item.len);
	sql_int(&a, m->mail.item_kind);
	r = sql_queue(db, &statements[S_MAIL], &a, e);
	for (size_t i = 0; i < m->n && r == 0; i++)
		r = row_add(db, m, i, e);
	return r;
}

static void
row_report(struct sql_row *r, void *out)
{
	struct report *p = out;

	p->action = (int)sql_get_int(r);
	sql_get_text(r, p->recipient, sizeof(p->recipient));
	sql_get_text(r, p->orcpt, sizeof(p->orcpt));
	sql_get_text(r, p->envid, sizeof(p->envid));
	sql_get_text(r, p->status, sizeof(p->status));
	sql_get_text(r, p->diagnostic, sizeof(p->diagnostic));
	sql_get_text(r, p->remote, sizeof(p->remote));
}

int
report_list(struct db *db, const struct outbox *o, struct report **out,
    size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, &o->tenant);
	sql_id(&a, &o->id);
	*out = fetch_array(fetch(db, &statements[S_LIST], &a, e), row_report,
	    sizeof(**out), n);
	return *out == NULL ? -1 : 0;
}
