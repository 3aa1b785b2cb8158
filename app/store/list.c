/*
 * list.c: the inbox and the sent list.
 */
#include <string.h>

#include "store/fetch.h"
#include "store/rows.h"

enum { S_OF_ACCOUNT, S_OF_ADDRESS };

#define LIST                                                                     \
	"SELECT " MESSAGE_COLUMNS ", " READER_COLUMNS ","                        \
	" (SELECT count(*) FROM reader x WHERE x.tenant_id = $1"                 \
	"  AND x.message_id = m.message_id AND x.role = 2),"                     \
	" (SELECT count(x.first_displayed) FROM reader x WHERE x.tenant_id = $1" \
	"  AND x.message_id = m.message_id AND x.role = 2)"                      \
	" FROM reader r" MESSAGE_OF_READER                                       \
	" WHERE r.tenant_id = $1 AND r.role = $3 AND r.state <> 3"               \
	" AND m.expires > now() AND (r.created, r.message_id) < ($4, $5)"
#define NEWEST " ORDER BY r.created DESC, r.message_id DESC LIMIT $6"

static const struct sql statements[] = {
    [S_OF_ACCOUNT] = {"list_of_account", "uuimui",
	LIST " AND r.account_id = $2" NEWEST},
    [S_OF_ADDRESS] = {"list_of_address", "utimui",
	LIST " AND r.address_key = $2 AND r.account_id IS NULL" NEWEST},
};
const struct sql_table sql_list = SQL_TABLE(statements);

void
list_row_clear(struct list_row *r)
{
	message_clear(&r->message);
	*r = (struct list_row){0};
}

void
list_mark(const struct list_row *r, uint8_t out[LIST_MARK_LEN])
{
	const struct reader_row *reader = &r->reader;
	int64_t first = reader->first_displayed;

	memcpy(out, r->message.id.b, ID_LEN);
	be32_put(out + 16, reader->slot);
	be64_put(out + 20, (uint64_t)(r->message.expires - SQL_EPOCH));
	be64_put(out + 28, first != 0 ? (uint64_t)(first - SQL_EPOCH) : 0);
}

static void
list_row(struct sql_row *r, void *p)
{
	struct list_row *out = p;

	*out = (struct list_row){0};
	row_message(r, &out->message);
	row_reader(r, &out->reader);
	out->recipients = (uint32_t)sql_get_int(r);
	out->displayed = (uint32_t)sql_get_int(r);
}

/* a holds tenant and owner; the rest is the same for both. */
static int
list(struct db *db, const struct sql *s, struct sql_args *a,
    enum reader_role role, const struct list_place *after, struct list_row *out,
    size_t cap, size_t *n, struct err *e)
{
	/* Asked for without an OR, which no index answers. */
	const int64_t before = after->created != 0 ? after->created : INT64_MAX;
	struct fetch f;

	sql_int(a, role);
	sql_time(a, before);
	sql_id(a, &after->id);
	sql_int(a, (int64_t)cap);
	f = fetch(db, s, a, e);
	for (*n = 0; fetch_next(&f, list_row, &out[*n]);)
		++*n;
	if (fetch_end(&f) == 0)
		return 0;
	*n = 0;
	while (f.at-- > 0)
		list_row_clear(&out[f.at]);
	return -1;
}

int
list_of_account(struct db *db, const struct id *tenant,
    const struct id *account, enum reader_role role,
    const struct list_place *after, struct list_row *out, size_t cap, size_t *n,
    struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_id(&a, account);
	return list(
	    db, &statements[S_OF_ACCOUNT], &a, role, after, out, cap, n, e);
}

int
list_of_address(struct db *db, const struct id *tenant, const char *key,
    enum reader_role role, const struct list_place *after, struct list_row *out,
    size_t cap, size_t *n, struct err *e)
{
	struct sql_args a = {0};

	sql_id(&a, tenant);
	sql_text(&a, key);
	return list(
	    db, &statements[S_OF_ADDRESS], &a, role, after, out, cap, n, e);
}
