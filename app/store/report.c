/*
 * report.c: what senders asked to be told, and what they are.
 */
#include "store/report.h"

#include <stdlib.h>

#include "base/text.h"
#include "store/sql.h"

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

int
dsn_list(struct db *db, const struct id *tenant, const struct id *message,
    struct dsn **out, size_t *n, struct err *e)
{
	const struct sql *s = &statements[S_ASKED_LIST];
	struct sql_args a = {0};
	struct dsn *list;
	struct sql_row r;
	PGresult *res;
	int i, rc = 0;

	*out = NULL;
	*n = 0;
	sql_id(&a, tenant);
	sql_id(&a, message);
	if (sql_exec(db, s, &a, &res, e) == -1)
		return -1;
	list = calloc((size_t)PQntuples(res) + 1, sizeof(*list));
	if (list == NULL)
		rc = err_set(e, ERR_UNAVAILABLE, "dsn_list: memory");
	for (i = 0; rc == 0 && i < PQntuples(res); i++) {
		r = sql_row_at(res, i);
		list[i].slot = (uint32_t)sql_get_int(&r);
		sql_get_text(&r, list[i].given, sizeof(list[i].given));
		rc = sql_row_end(&r, s, e);
	}
	PQclear(res);
	if (rc == -1) {
		free(list);
		return -1;
	}
	*out = list;
	*n = (size_t)i;
	return 0;
}

int
dsn_facts(
    struct db *db, const struct outbox *o, struct dsn_facts *out, struct err *e)
{
	const struct sql *s = &statements[S_FACTS];
	struct sql_args a = {0};
	struct sql_row r;
	PGresult *res;
	int rc;

	*out = (struct dsn_facts){0};
	sql_id(&a, &o->tenant);
	sql_id(&a, &o->message);
	sql_int(&a, o->slot);
	if (sql_exec(db, s, &a, &res, e) == -1)
		return -1;
	rc = PQntuples(res) > 0;
	r = sql_row_at(res, 0);
	if (rc == 1) {
		out->asked.message = o->message;
		out->asked.slot = o->slot;
		sql_get_text(&r, out->sender, sizeof(out->sender));
		sql_get_text(&r, out->asked.given, sizeof(out->asked.given));
		out->asked.notify = (unsigned)sql_get_int(&r);
		sql_get_text(&r, out->asked.orcpt, sizeof(out->asked.orcpt));
		sql_get_text(&r, out->asked.envid, sizeof(out->asked.envid));
		out->inward = sql_get_bool(&r);
		if (sql_row_end(&r, s, e) == -1)
			rc = -1;
	}
	PQclear(res);
	return rc;
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

static int
report_row(const PGresult *res, int row, struct report *out, struct err *e)
{
	struct sql_row r = sql_row_at(res, row);

	out->action = (int)sql_get_int(&r);
	sql_get_text(&r, out->recipient, sizeof(out->recipient));
	sql_get_text(&r, out->orcpt, sizeof(out->orcpt));
	sql_get_text(&r, out->envid, sizeof(out->envid));
	sql_get_text(&r, out->status, sizeof(out->status));
	sql_get_text(&r, out->diagnostic, sizeof(out->diagnostic));
	sql_get_text(&r, out->remote, sizeof(out->remote));
	return sql_row_end(&r, &statements[S_LIST], e);
}

int
report_list(struct db *db, const struct outbox *o, struct report **out,
    size_t *n, struct err *e)
{
	struct sql_args a = {0};
	struct report *list;
	PGresult *res;
	int i, rc = 0;

	*out = NULL;
	*n = 0;
	sql_id(&a, &o->tenant);
	sql_id(&a, &o->id);
	if (sql_exec(db, &statements[S_LIST], &a, &res, e) == -1)
		return -1;
	list = calloc((size_t)PQntuples(res) + 1, sizeof(*list));
	if (list == NULL)
		rc = err_set(e, ERR_UNAVAILABLE, "report_list: memory");
	for (i = 0; rc == 0 && i < PQntuples(res); i++)
		rc = report_row(res, i, &list[i], e);
	PQclear(res);
	if (rc == -1) {
		free(list);
		return -1;
	}
	*out = list;
	*n = (size_t)i;
	return 0;
}
