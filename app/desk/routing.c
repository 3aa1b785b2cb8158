/*
 * routing.c: lists taken apart: one list after the other, each once.
 */
#include "desk/routing.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/internal.h"

#define LISTS_MAX 256 /* within one */

struct sublist {
	struct id id;
	unsigned depth;
};

struct taking {
	struct directory_ask *q;
	const struct id *tenant;
	struct sublist list[LISTS_MAX];
	size_t n_list, at; /* those before `at` are done */
	struct listing *out;
	/* of the present list, domains not yet asked for */
	struct listing outside;
};

static int
too_much(struct err *e)
{
	return err_set(
	    e, ERR_GONE, "a list over %d addresses", LIMIT_RECIPIENTS);
}

static int
listing_add(struct listing *l, const char *key, const char *address,
    const struct id *account, struct err *e)
{
	struct listed *at;
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->at[i].key, key) == 0)
			return 0;
	if (l->n >= LIMIT_RECIPIENTS)
		return too_much(e);
	if (l->n % 64 == 0) {
		if ((at = realloc(l->at, (l->n + 64) * sizeof(*at))) == NULL)
			return err_set(e, ERR_UNAVAILABLE, "list: memory");
		l->at = at;
	}
	at = &l->at[l->n++];
	memset(at, 0, sizeof(*at));
	text_cut(at->key, sizeof(at->key), key);
	text_cut(at->address, sizeof(at->address), address);
	if (account != NULL)
		at->account = *account;
	return 0;
}

static int
sublist_add(
    struct taking *t, const struct id *list, unsigned depth, struct err *e)
{
	size_t i;

	for (i = 0; i < t->n_list; i++)
		if (id_equal(&t->list[i].id, list))
			return 0;
	if (depth > LIMIT_LIST_DEPTH || t->n_list >= LISTS_MAX)
		return err_set(e, ERR_GONE, "lists too deep in lists");
	t->list[t->n_list++] = (struct sublist){.id = *list, .depth = depth};
	return 0;
}

static int
entry(void *arg, const struct address_row *r, struct err *e)
{
	struct taking *t = arg;

	switch (r->kind) {
	case ADDRESS_MEMBER:
	case ADDRESS_ALIAS:
		return listing_add(t->out, r->account.key, r->account.address,
		    &r->account.id, e);
	case ADDRESS_LIST:
		return sublist_add(t, &r->list.id, t->list[t->at].depth + 1, e);
	case ADDRESS_NONE:
		break;
	}
	return listing_add(&t->outside, r->key, r->key, NULL, e);
}

static int
entries_read(struct desk *d, void *arg, struct err *e)
{
	struct taking *t = arg;

	return dist_list_entries(
	    d->db, t->tenant, &t->list[t->at].id, entry, t, e);
}

/* An address of the tenant's own domains at which nobody is, is nobody's. */
static int
outside_keep(struct taking *t, struct err *e)
{
	struct mailbox box;
	struct id owner;
	size_t i;
	int r;

	for (i = 0; i < t->outside.n; i++) {
		const char *key = t->outside.at[i].key;

		if (mailbox_typed(key, &box, e) == -1)
			continue;
		r = directory_domain(t->q, box.domain, &owner, e);
		if (r == -1)
			return -1;
		if (r == 1 && id_equal(&owner, t->tenant))
			continue;
		if (listing_add(t->out, box.key, box.address, NULL, e) == -1)
			return -1;
	}
	t->outside.n = 0;
	free(t->outside.at);
	t->outside.at = NULL;
	return 0;
}

int
list_take_apart(struct directory_ask *q, const struct id *tenant,
    const struct id *list, struct listing *out, struct err *e)
{
	struct taking t = {.q = q, .tenant = tenant, .out = out};
	int r;

	memset(out, 0, sizeof(*out));
	r = sublist_add(&t, list, 1, e);
	for (; r == 0 && t.at < t.n_list; t.at++) {
		r = desk_look(q->d, tenant, entries_read, &t, e);
		if (r == 0)
			r = outside_keep(&t, e);
	}
	free(t.outside.at);
	if (r == 0 && out->n == 0)
		return err_set(e, ERR_GONE, "a list that reaches nobody");
	return r;
}
