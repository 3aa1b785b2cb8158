/*
 * ctl_alias.c: restantectl alias add, list, remove.
 */
#include <stdio.h>

#include "ctl/scope.h"

struct wish {
	struct scope scope;
	const char *address, *member;
	struct mailbox alias, box;
};

/* Nothing else answers to an alias; it stands for a member. */
static int
insert(struct wish *w)
{
	struct scope *s = &w->scope;
	struct address_row row;
	struct account a;
	int r;

	r = address_find(s->c->db, &s->tenant.id, w->alias.key, &row, &s->e);
	if (r == -1)
		return -1;
	if (r == 1)
		return err_set(&s->e, ERR_CONFLICT, "address is taken");
	r = account_find(s->c->db, &s->tenant.id, w->box.key, &a, &s->e);
	if (r == -1)
		return -1;
	if (r == 0 || a.kind != ACCOUNT_MEMBER)
		return err_set(&s->e, ERR_NOT_FOUND, "no such member");
	return alias_add(s->c->db, &s->tenant.id, w->alias.key, &a.id, &s->e);
}

static int
failed(const struct wish *w)
{
	const struct scope *s = &w->scope;

	switch ((int)s->e.code) {
	case ERR_CONFLICT:
		return ctl_failed(s->c, NULL,
		    "%s is a member, an alias or a list already",
		    w->alias.address);
	case ERR_NOT_FOUND:
		return ctl_failed(
		    s->c, NULL, "%s is no member", w->box.address);
	}
	return ctl_failed(s->c, &s->e, "the alias was not added");
}

int
ctl_alias_add(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	const struct ctl_option options[] = {{"--tenant", &w.scope.slug, NULL},
	    {"--address", &w.address, NULL}, {"--member", &w.member, NULL},
	    {NULL, NULL, NULL}};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w.scope.slug == NULL || w.address == NULL || w.member == NULL)
		return ctl_usage(
		    c, "--tenant, --address and --member are needed");
	if ((rc = scope_address(&w.scope, "--address", w.address, &w.alias)) !=
		0 ||
	    (rc = scope_address(&w.scope, "--member", w.member, &w.box)) != 0 ||
	    (rc = scope_begin(&w.scope)) != 0)
		return rc;
	if (scope_end(&w.scope, insert(&w)) != 0)
		return failed(&w);
	if (c->json)
		return ctl_json(json_pack(
		    "{s:s, s:s}", "address", w.alias.key, "member", w.box.key));
	printf("%s is %s\n", w.alias.key, w.box.key);
	return CTL_OK;
}

static void
collect(void *arg, const char *key, const char *member)
{
	json_array_append_new(
	    arg, json_pack("{s:s, s:s}", "address", key, "member", member));
}

static void
line(void *arg, const char *key, const char *member)
{
	(void)arg;
	printf("%-36s %s\n", key, member);
}

int
ctl_alias_list(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	json_t *rows;
	int rc;

	if ((rc = scope_alone(&s, argc, argv)) != 0)
		return rc;
	rows = json_array();
	if (!c->json)
		printf("%-36s %s\n", "ALIAS", "MEMBER");
	rc = alias_list(
	    c->db, &s.tenant.id, c->json ? collect : line, rows, &s.e);
	db_rollback(c->db);
	return ctl_listed(c, rc, rows, &s.e, "aliases");
}

int
ctl_alias_remove(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	const char *address = NULL;
	const struct ctl_option options[] = {{"--tenant", &s.slug, NULL},
	    {"--address", &address, NULL}, {NULL, NULL, NULL}};
	struct mailbox box;
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (s.slug == NULL || address == NULL)
		return ctl_usage(c, "--tenant and --address are needed");
	if ((rc = scope_address(&s, "--address", address, &box)) != 0 ||
	    (rc = scope_begin(&s)) != 0)
		return rc;
	rc = alias_remove(c->db, &s.tenant.id, box.key, &s.e);
	if (scope_end(&s, rc) != 0)
		return s.e.code == ERR_NOT_FOUND ?
		    ctl_failed(c, NULL, "%s is no alias", box.key) :
		    ctl_failed(c, &s.e, "the alias was not removed");
	return scope_removed(&s, box.key);
}
