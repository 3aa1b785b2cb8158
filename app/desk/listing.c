/*
 * listing.c: inbox and sent list: a page of rows, each with its subject opened.
 */
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

/* The signature and the content are looked at when a message is opened, not here. */
struct listing {
	const struct desk_visit *v;
	enum reader_role role;
	const struct list_place *after;
	struct list_row *row;
	size_t n;
	struct desk_list *out;
};

static const struct reader_row *
first_recipient(const struct reader_row *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (r[i].role == READER_RECIPIENT)
			return &r[i];
	return NULL;
}

static int
item_people(struct desk *d, const struct listing *l, const struct list_row *row,
    struct desk_item *item, struct err *e)
{
	const struct reader_row *to;
	struct reader_row *people;
	size_t n;

	if (l->role == READER_RECIPIENT) {
		memcpy(
		    item->name, row->message.sender_name, sizeof(item->name));
		memcpy(
		    item->address, row->message.sender, sizeof(item->address));
		return 0;
	}
	if (reader_list(d->db, &l->v->tenant.id, &row->message.id, &people, &n,
		e) == -1)
		return -1;
	if ((to = first_recipient(people, n)) != NULL)
		memcpy(item->address, to->address, sizeof(item->address));
	free(people);
	return 0;
}

static void
item_files(const struct manifest *m, struct desk_item *item)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		item->files += m->parts[i].attached;
}

static int
item_fill(struct desk *d, const struct listing *l, const struct list_row *row,
    struct desk_item *item, struct err *e)
{
	uint8_t dek[SECRET_KEY_LEN];
	struct manifest *m = NULL;
	int r;

	item->id = row->message.id;
	item->created = row->message.created;
	item->expires = row->message.expires;
	item->fresh = l->role == READER_RECIPIENT &&
	    row->reader.first_displayed == 0;
	item->recipients = row->recipients;
	item->displayed = row->displayed;
	if (item_people(d, l, row, item, e) == -1)
		return -1;
	r = message_unseal(d, l->v, &row->message, &row->reader, dek, &m, e);
	secret_wipe(dek, sizeof(dek));
	if (r == 0) {
		item_files(m, item);
		item->subject = strdup(m->subject);
	}
	manifest_free(m);
	/* One that does not open is listed without its subject; opening it says why. */
	if (r == -1 && e->code != ERR_UNAVAILABLE)
		item->subject = strdup("");
	return item->subject != NULL ? 0 :
	    r == -1                  ? -1 :
		      err_set(e, ERR_UNAVAILABLE, "list: memory");
}

void
listing_mark(const void *p, size_t n, uint8_t out[32])
{
	static const uint8_t zero_key[SECRET_KEY_LEN];
	const struct seal_field f[] = {SEAL_F(p, n)};

	seal_kdf(out, 32, zero_key, SEAL_L_DIGEST, f, 1);
}

static void
mark_rows(const struct listing *l)
{
	uint8_t mark[(LIMIT_PAGE_ROWS + 1) * LIST_MARK_LEN];

	for (size_t i = 0; i < l->n; i++)
		list_mark(&l->row[i], mark + i * LIST_MARK_LEN);
	listing_mark(mark, l->n * LIST_MARK_LEN, l->out->mark);
}

static int
list_read(struct desk *d, void *arg, struct err *e)
{
	struct listing *l = arg;
	const struct desk_visit *v = l->v;
	size_t i, keep;
	int r;

	r = v->kind == SESSION_ACCOUNT ?
	    list_of_account(d->db, &v->tenant.id, &v->account.id, l->role,
		l->after, l->row, LIMIT_PAGE_ROWS + 1, &l->n, e) :
	    list_of_address(d->db, &v->tenant.id, v->address, l->role, l->after,
		l->row, LIMIT_PAGE_ROWS + 1, &l->n, e);
	if (r == -1)
		return -1;
	mark_rows(l);
	keep = l->n < LIMIT_PAGE_ROWS ? l->n : LIMIT_PAGE_ROWS;
	if ((l->out->item = calloc(keep + 1, sizeof(*l->out->item))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "list: memory");
	for (i = 0; i < keep; i++) {
		l->out->n++;
		if (item_fill(d, l, &l->row[i], &l->out->item[i], e) == -1)
			return -1;
	}
	if (l->n > keep)
		l->out->more = (struct list_place){
		    l->out->item[keep - 1].created, l->out->item[keep - 1].id};
	return 0;
}

int
desk_list(struct desk *d, const struct desk_visit *v, enum reader_role role,
    const struct list_place *after, struct desk_list *out, struct err *e)
{
	struct listing l = {.v = v, .role = role, .after = after, .out = out};
	size_t i;
	int r;

	memset(out, 0, sizeof(*out));
	if (v->kind != SESSION_GUEST && v->kind != SESSION_ACCOUNT)
		return err_set(e, ERR_DENIED, "nobody reads");
	if ((l.row = calloc(LIMIT_PAGE_ROWS + 1, sizeof(*l.row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "list: memory");
	r = desk_look(d, &v->tenant.id, list_read, &l, e);
	for (i = 0; i < l.n; i++)
		list_row_clear(&l.row[i]);
	free(l.row);
	if (r == -1)
		desk_list_clear(out);
	return r;
}

void
desk_list_clear(struct desk_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (l->item[i].subject != NULL)
			secret_wipe(
			    l->item[i].subject, strlen(l->item[i].subject));
		free(l->item[i].subject);
	}
	free(l->item);
	memset(l, 0, sizeof(*l));
}
