/*
 * event.c: what happened to a message.
 */
#include "store/message.h"

#include "store/fetch.h"
#include "store/rows.h"

enum { S_ADD, S_ROWS, S_LIST };

#define ADD(i)                                                          \
	"INSERT INTO event (tenant_id, message_id, slot, kind, detail)" \
	" SELECT $1, $2" i ", $3" i ", $4" i ", $5" i

static const struct sql statements[] = {
    [S_ADD] = {"event_add", "uuiit", ADD("")},
    [S_ROWS] = {"event_rows", "uUIIT", ADD("[i]") SQL_EACH_ROW,
	&statements[S_ADD]},
    /* Two that are not written: the message's row says the one, an account's notice the other. */
    [S_LIST] = {"event_list", "uu",
	"WITH told AS (SELECT message_id, slot, kind, at, detail, event_id FROM event"
	"  WHERE tenant_id = $1 AND message_id = $2)"
	" SELECT message_id, slot, kind, at, detail FROM (SELECT * FROM told"
	"  UNION ALL SELECT m.message_id, 0, 1::smallint, m.created, '', 0"
	"   FROM message m WHERE m.tenant_id = $1 AND m.message_id = $2"
	"   AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 1)"
	"  UNION ALL SELECT n.message_id, n.slot, 2::smallint, n.created, '', 0"
	"   FROM notice n WHERE n.tenant_id = $1 AND n.message_id = $2"
	"   AND n.link_hash IS NULL"
	"   AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 2 AND t.slot = n.slot)) e"
	" ORDER BY at, event_id"},
};
const struct sql_table sql_event = SQL_TABLE(statements);

const char *
event_name(enum event_kind k)
{
	static const char *const names[] = {
	    [EVENT_ACCEPTED] = "accepted",
	    [EVENT_NOTICE_QUEUED] = "notice queued",
	    [EVENT_NOTICE_TAKEN] = "notice taken",
	    [EVENT_NOTICE_FAILED] = "notice failed",
	    [EVENT_CODE_SENT] = "code sent",
	    [EVENT_CODE_TAKEN] = "code taken",
	    [EVENT_CODE_FAILED] = "code failed",
	    [EVENT_PROVED] = "proved",
	    [EVENT_DISPLAYED] = "displayed",
	    [EVENT_DOWNLOADED] = "downloaded",
	    [EVENT_REPLIED] = "replied",
	    [EVENT_RETRACTED] = "retracted",
	    [EVENT_EXPIRED] = "expired",
	    [EVENT_RECEIPT_TAKEN] = "receipt taken",
	    [EVENT_WRONG_PERSON] = "wrong person",
	    [EVENT_FORWARD_QUEUED] = "forward queued",
	    [EVENT_FORWARD_TAKEN] = "forward taken",
	    [EVENT_FORWARD_FAILED] = "forward failed",
	};
	size_t i = (size_t)k;

	if (i >= sizeof(names) / sizeof(names[0]) || names[i] == NULL)
		return "unknown";
	return names[i];
}

int
event_add(struct db *db, const struct id *tenant, const struct event *ev,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, &ev->message);
	sql_int(&a, ev->slot);
	sql_int(&a, ev->kind);
	sql_text(&a, ev->detail);
	return sql_queue(db, &statements[S_ADD], &a, e);
}

void
event_put(struct sql_rows *r, const struct event *ev)
{
	sql_put_id(r, &ev->message);
	sql_put_int(r, ev->slot);
	sql_put_int(r, ev->kind);
	sql_put_text(r, ev->detail);
	sql_rows_end(r);
}

int
event_rows_add(struct db *db, const struct id *tenant, struct sql_rows *rows,
    struct err *e)
{
	return sql_queue_rows(db, &statements[S_ROWS], tenant, rows, e);
}

static void
event_row(struct sql_row *r, void *out)
{
	struct event *ev = out;

	sql_get_id(r, &ev->message);
	ev->slot = (uint32_t)sql_get_int(r);
	ev->kind = (enum event_kind)sql_get_int(r);
	ev->at = sql_get_time(r);
	sql_get_text(r, ev->detail, sizeof(ev->detail));
}

int
event_list(struct db *db, const struct id *tenant, const struct id *message,
    struct event **out, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, message);
	*out = fetch_array(
	    fetch(db, &statements[S_LIST], &a, e), event_row, sizeof(**out), n);
	return *out == NULL ? -1 : 0;
}
