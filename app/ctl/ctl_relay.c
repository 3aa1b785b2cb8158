/*
 * ctl_relay.c: restantectl relay add, list, remove.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/scope.h"

static const char *
kind_name(enum relay_kind kind)
{
	switch (kind) {
	case RELAY_CERTIFICATE:
		return "certificate";
	case RELAY_RANGE:
		return "range";
	case RELAY_ACCOUNT:
		return "account";
	}
	return "?";
}

/* address: of the account; NULL where it is none, or not known. */
static json_t *
json_relay(const struct relay *r, const char *address)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:s?, s:s, s:o}", "id",
	    ctl_json_id(&r->id), "kind", kind_name(r->kind), "certificate",
	    r->kind == RELAY_CERTIFICATE ? scope_json_print(r->certificate) :
					   json_null(),
	    "range",
	    r->kind == RELAY_RANGE ? json_string(r->range) : json_null(),
	    "account", ctl_json_id(&r->account), "address", address, "label",
	    r->label, "created", ctl_json_time(r->created));
}

static void
line(const struct relay *r, const char *address)
{
	char id[ID_TEXT_LEN], what[LIMIT_ADDRESS + 1], when[32];

	id_format(&r->id, id);
	if (r->kind == RELAY_CERTIFICATE)
		text_hex(r->certificate, DIRECTORY_PIN, what);
	else if (r->kind == RELAY_RANGE)
		text_cut(what, sizeof(what), r->range);
	else if (address != NULL)
		text_cut(what, sizeof(what), address);
	else
		id_format(&r->account, what);
	printf("%-36s %-11s %-64s %-20s %s\n", id, kind_name(r->kind), what,
	    r->label, ctl_time(r->created, when));
}

struct wish {
	struct scope scope;
	const char *certificate, *range, *account, *label;
	struct relay relay;
	struct mailbox box; /* of the account */
};

/* 10.0.0.5/8 may be meant for one address, and would be sixteen million. */
static bool
is_within(const char *range, const struct policy_net *net)
{
	char address[POLICY_NET_TEXT];
	struct policy_net one;

	text_cut(address, sizeof(address), range);
	address[strcspn(address, "/")] = '\0';
	return policy_net_parse(address, &one) == 0 &&
	    memcmp(one.at, net->at, sizeof(one.at)) != 0;
}

static int
range_fill(struct wish *w)
{
	struct ctl *c = w->scope.c;

	if (policy_net_parse(w->range, &w->relay.net) == -1 ||
	    text_copy(w->relay.range, sizeof(w->relay.range), w->range) == -1)
		return ctl_usage(
		    c, "--range looks like 192.0.2.0/24 or 2001:db8::/48");
	if (policy_net_wide(&w->relay.net))
		return ctl_usage(
		    c, "--range is too wide: at least /8 of IPv4, /32 of IPv6");
	if (is_within(w->range, &w->relay.net))
		return ctl_usage(c,
		    "--range %s is an address within a network: leave out what"
		    " stands behind it, or give the network's first address",
		    w->range);
	w->relay.kind = RELAY_RANGE;
	return 0;
}

static int
fill(struct wish *w)
{
	struct ctl *c = w->scope.c;

	if ((w->certificate != NULL) + (w->range != NULL) +
		(w->account != NULL) !=
	    1)
		return ctl_usage(
		    c, "one of --certificate, --range and --account is needed");
	w->relay.id = id_new();
	if (text_copy(w->relay.label, sizeof(w->relay.label),
		w->label != NULL ? w->label : "") == -1 ||
	    !text_is_utf8(w->relay.label, strlen(w->relay.label)))
		return ctl_usage(c, "--label is text of at most 63 bytes");
	if (w->range != NULL)
		return range_fill(w);
	if (w->certificate != NULL) {
		w->relay.kind = RELAY_CERTIFICATE;
		return scope_print(&w->scope, "--certificate", w->certificate,
		    w->relay.certificate);
	}
	w->relay.kind = RELAY_ACCOUNT;
	return scope_address(&w->scope, "--account", w->account, &w->box);
}

/* Within the transaction: the account's id, then the row. */
static int
insert(struct wish *w)
{
	struct scope *s = &w->scope;
	struct account a;
	int r;

	if (w->relay.kind == RELAY_ACCOUNT) {
		r = account_find(
		    s->c->db, &s->tenant.id, w->box.key, &a, &s->e);
		if (r == -1)
			return -1;
		if (r == 0 || a.kind != ACCOUNT_MEMBER)
			return err_set(&s->e, ERR_NOT_FOUND, "no such member");
		w->relay.account = a.id;
	}
	return relay_add(s->c->db, &s->tenant.id, &w->relay, &s->e);
}

int
ctl_relay_add(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	const struct ctl_option options[] = {{"--tenant", &w.scope.slug, NULL},
	    {"--certificate", &w.certificate, NULL},
	    {"--range", &w.range, NULL}, {"--account", &w.account, NULL},
	    {"--label", &w.label, NULL}, {NULL, NULL, NULL}};
	const char *address;
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w.scope.slug == NULL)
		return ctl_usage(c, "--tenant is needed");
	if ((rc = fill(&w)) != 0 || (rc = scope_begin(&w.scope)) != 0)
		return rc;
	if (scope_end(&w.scope, insert(&w)) != 0)
		return w.scope.e.code == ERR_CONFLICT ?
		    ctl_failed(c, NULL, "%s has this relay already",
			w.scope.tenant.name) :
		    ctl_failed(c, &w.scope.e, "the relay was not added");
	address = w.relay.kind == RELAY_ACCOUNT ? w.box.key : NULL;
	if (c->json)
		return ctl_json(json_relay(&w.relay, address));
	line(&w.relay, address);
	return CTL_OK;
}

/* The relays known by accounts, and where whose address is put; "": not found. */
struct owners {
	const struct rules *rules;
	char (*address)[LIMIT_ADDRESS + 1];
};

static void
owner_row(void *arg, const struct account *a)
{
	struct owners *o = arg;

	for (size_t i = 0; i < o->rules->n_relay; i++)
		if (o->rules->relay[i].kind == RELAY_ACCOUNT &&
		    id_equal(&o->rules->relay[i].account, &a->id))
			text_cut(o->address[i], sizeof(o->address[i]), a->key);
}

static int
owners_find(struct scope *s, struct owners *o)
{
	int rc;

	o->address = calloc(o->rules->n_relay + 1, sizeof(*o->address));
	if (o->address == NULL)
		return err_set(&s->e, ERR_UNAVAILABLE, "memory");
	if (db_begin(s->c->db, &s->tenant.id, &s->e) == -1)
		return -1;
	rc = account_list(s->c->db, &s->tenant.id, owner_row, o, &s->e);
	db_rollback(s->c->db);
	return rc;
}

int
ctl_relay_list(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	struct rules rules = {0};
	struct owners owners = {.rules = &rules};
	const char *address;
	json_t *rows;
	size_t i;
	int rc;

	if ((rc = scope_rules(&s, argc, argv, &rules, "relays")) != 0)
		return rc;
	rows = json_array();
	rc = owners_find(&s, &owners);
	if (rc == 0 && !c->json)
		printf("%-36s %-11s %-64s %-20s %s\n", "ID", "KNOWN BY",
		    "WHICH", "LABEL", "ADDED");
	for (i = 0; rc == 0 && i < rules.n_relay; i++) {
		address = owners.address[i][0] != '\0' ? owners.address[i] :
							 NULL;
		if (c->json)
			json_array_append_new(
			    rows, json_relay(&rules.relay[i], address));
		else
			line(&rules.relay[i], address);
	}
	free(owners.address);
	rules_clear(&rules);
	return ctl_listed(c, rc, rows, &s.e, "relays");
}

int
ctl_relay_remove(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	const struct ctl_option options[] = {
	    {"--tenant", &s.slug, NULL}, {NULL, NULL, NULL}};
	const char *words[1];
	struct id id;
	int rc;

	if (ctl_args(c, argc, argv, options, words, 1) != 0)
		return CTL_USAGE;
	if (s.slug == NULL || words[0] == NULL || id_parse(words[0], &id) == -1)
		return ctl_usage(c, "--tenant and the relay's id are needed");
	if ((rc = scope_begin(&s)) != 0)
		return rc;
	rc = relay_remove(c->db, &s.tenant.id, &id, &s.e);
	if (scope_end(&s, rc) != 0)
		return s.e.code == ERR_NOT_FOUND ?
		    ctl_failed(c, NULL, "%s has no relay %s", s.tenant.name,
			words[0]) :
		    ctl_failed(c, &s.e, "the relay was not removed");
	return scope_removed(&s, words[0]);
}
