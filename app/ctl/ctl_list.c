/*
 * ctl_list.c: restantectl list add, remove, join, leave, list, show.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/scope.h"

/* What every command here is told: a tenant, a list, perhaps an entry. */
struct wish {
	struct scope scope;
	const char *list, *address;
	bool open;
	struct mailbox box;   /* the list's */
	struct mailbox entry; /* of any domain */
	struct address_row row;
};

static int
failed(const struct wish *w, const char *what)
{
	const struct scope *s = &w->scope;

	switch ((int)s->e.code) {
	case ERR_CONFLICT:
		return ctl_failed(s->c, NULL,
		    what == w->entry.key ?
			"%s is on that list already" :
			"%s is a member, an alias or a list already",
		    what);
	case ERR_NOT_FOUND:
		if (w->row.kind != ADDRESS_LIST)
			return ctl_failed(s->c, NULL, "%s has no list %s",
			    s->tenant.name, w->box.key);
		return ctl_failed(
		    s->c, NULL, "%s is not on %s", what, w->box.key);
	}
	return ctl_failed(s->c, &s->e, "%s: not done", what);
}

/* Options, the list's address, and the transaction: 0, or the exit status. */
static int
begin(struct wish *w, int argc, char **argv, bool entry)
{
	struct ctl *c = w->scope.c;
	const struct ctl_option options[] = {{"--tenant", &w->scope.slug, NULL},
	    {"--list", &w->list, NULL},
	    {entry ? "--address" : NULL, &w->address, NULL},
	    {NULL, NULL, NULL}};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w->scope.slug == NULL || w->list == NULL)
		return ctl_usage(c, "--tenant and --list are needed");
	if (entry && w->address == NULL)
		return ctl_usage(c, "--address is needed");
	if (entry && mailbox_typed(w->address, &w->entry, &w->scope.e) == -1)
		return ctl_usage(c, "--address: %s", w->scope.e.text);
	if ((rc = scope_address(&w->scope, "--list", w->list, &w->box)) != 0)
		return rc;
	return scope_begin(&w->scope);
}

static int
find(struct wish *w)
{
	struct scope *s = &w->scope;
	int r;

	r = address_find(s->c->db, &s->tenant.id, w->box.key, &w->row, &s->e);
	if (r == -1)
		return -1;
	if (r == 0 || w->row.kind != ADDRESS_LIST)
		return err_set(&s->e, ERR_NOT_FOUND, "no such list");
	return 0;
}

static int
insert(struct wish *w)
{
	struct scope *s = &w->scope;
	struct dist_list l = {.id = id_new(), .open = w->open};
	int r;

	r = address_find(s->c->db, &s->tenant.id, w->box.key, &w->row, &s->e);
	if (r == -1)
		return -1;
	if (r == 1 || text_copy(l.key, sizeof(l.key), w->box.key) == -1)
		return err_set(&s->e, ERR_CONFLICT, "address is taken");
	return dist_list_add(s->c->db, &s->tenant.id, &l, &s->e);
}

static int
said(const struct wish *w, const char *did)
{
	if (w->scope.c->json)
		return ctl_json(
		    json_pack("{s:s, s:b}", "list", w->box.key, did, 1));
	printf("%s %s\n", w->box.key, did);
	return CTL_OK;
}

int
ctl_list_add(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	const struct ctl_option options[] = {{"--tenant", &w.scope.slug, NULL},
	    {"--list", &w.list, NULL}, {"--open", NULL, &w.open},
	    {NULL, NULL, NULL}};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w.scope.slug == NULL || w.list == NULL)
		return ctl_usage(c, "--tenant and --list are needed");
	if ((rc = scope_address(&w.scope, "--list", w.list, &w.box)) != 0 ||
	    (rc = scope_begin(&w.scope)) != 0)
		return rc;
	if (scope_end(&w.scope, insert(&w)) != 0)
		return failed(&w, w.box.key);
	return said(&w, "added");
}

int
ctl_list_remove(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	struct scope *s = &w.scope;
	int rc;

	if ((rc = begin(&w, argc, argv, false)) != 0)
		return rc;
	rc = dist_list_remove(c->db, &s->tenant.id, w.box.key, &s->e);
	if (scope_end(s, rc) != 0)
		return failed(&w, w.box.key);
	return said(&w, "removed");
}

/* A change of one entry of a list. */
typedef int (*entry_change)(struct db *db, const struct id *tenant,
    const struct id *list, const char *key, struct err *e);

/* Of the tenant's own domain, and nobody's: whoever is on a list by it gets nothing. */
static bool
is_nobodys(const struct scope *s, const char *key, enum address_kind kind)
{
	const char *at = strrchr(key, '@');

	return kind == ADDRESS_NONE && at != NULL &&
	    strcmp(at + 1, s->tenant.domain) == 0;
}

/* It may be a slip of the pen, or somebody who is not there yet. */
static void
warn_nobody(struct wish *w)
{
	struct scope *s = &w->scope;
	struct address_row row = {.kind = ADDRESS_NONE};
	struct err e;

	if (address_find(s->c->db, &s->tenant.id, w->entry.key, &row, &e) ==
		0 &&
	    is_nobodys(s, w->entry.key, ADDRESS_NONE))
		fprintf(stderr,
		    "restantectl: nobody is at %s yet: nothing goes there\n",
		    w->entry.key);
}

static int
change_entry(
    struct ctl *c, int argc, char **argv, entry_change change, const char *did)
{
	struct wish w = {.scope = {.c = c}};
	struct scope *s = &w.scope;
	int rc;

	if ((rc = begin(&w, argc, argv, true)) != 0)
		return rc;
	if ((rc = find(&w)) == 0)
		rc = change(
		    c->db, &s->tenant.id, &w.row.list.id, w.entry.key, &s->e);
	if (rc == 0 && change == dist_list_join)
		warn_nobody(&w);
	if (scope_end(s, rc) != 0)
		return failed(&w, w.entry.key);
	return said(&w, did);
}

int
ctl_list_join(struct ctl *c, int argc, char **argv)
{
	return change_entry(c, argc, argv, dist_list_join, "joined");
}

int
ctl_list_leave(struct ctl *c, int argc, char **argv)
{
	return change_entry(c, argc, argv, dist_list_leave, "left");
}

static void
collect(void *arg, const struct dist_list *l, int64_t members)
{
	json_array_append_new(arg,
	    json_pack("{s:s, s:b, s:I, s:o}", "list", l->key, "open", l->open,
		"entries", (json_int_t)members, "created",
		ctl_json_time(l->created)));
}

static void
line(void *arg, const struct dist_list *l, int64_t members)
{
	(void)arg;
	printf("%-36s %-8s %lld\n", l->key, l->open ? "anyone" : "members",
	    (long long)members);
}

int
ctl_list_list(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	json_t *rows;
	int rc;

	if ((rc = scope_alone(&s, argc, argv)) != 0)
		return rc;
	rows = json_array();
	if (!c->json)
		printf("%-36s %-8s %s\n", "LIST", "FROM", "ENTRIES");
	rc = dist_list_all(
	    c->db, &s.tenant.id, c->json ? collect : line, rows, &s.e);
	db_rollback(c->db);
	return ctl_listed(c, rc, rows, &s.e, "lists");
}

static const char *
kind_name(enum address_kind kind)
{
	switch (kind) {
	case ADDRESS_MEMBER:
		return "member";
	case ADDRESS_ALIAS:
		return "alias";
	case ADDRESS_LIST:
		return "list";
	case ADDRESS_NONE:
		break;
	}
	return "outside";
}

struct showing {
	const struct scope *scope;
	json_t *rows; /* NULL: lines */
};

static int
entry_show(void *arg, const struct address_row *r, struct err *e)
{
	const struct showing *to = arg;
	const char *kind = is_nobodys(to->scope, r->key, r->kind) ?
	    "nobody" :
	    kind_name(r->kind);

	(void)e;
	if (to->rows != NULL)
		json_array_append_new(to->rows,
		    json_pack("{s:s, s:s}", "address", r->key, "kind", kind));
	else
		printf("%-36s %s\n", r->key, kind);
	return 0;
}

int
ctl_list_show(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	struct scope *s = &w.scope;
	struct showing to = {.scope = s};
	json_t *rows;
	int rc;

	if ((rc = begin(&w, argc, argv, false)) != 0)
		return rc;
	rows = to.rows = c->json ? json_array() : NULL;
	if ((rc = find(&w)) == 0)
		rc = dist_list_entries(c->db, &s->tenant.id, &w.row.list.id,
		    entry_show, &to, &s->e);
	db_rollback(c->db);
	if (rc == 0 && c->json)
		return ctl_json(rows);
	json_decref(rows);
	return rc == 0 ? CTL_OK : failed(&w, w.box.key);
}
