/*
 * ctl_rate.c: restantectl rate set, list: limits of rates that are not the usual ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "store/rate.h"

#define ALL "every tenant"

static const char *const whose[] = {"client", "tenant", NULL};
static const char *const whats[] = {
    "connections", "messages", "recipients", "unknown", "auth", NULL};
static const char *const classes[] = {"unknown", "known", "trusted", NULL};

/* The place of a word in a list, or -1. */
static int
place(const char *const *words, const char *word)
{
	for (int i = 0; word != NULL && words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

struct rate_wish {
	const char *of, *what, *class, *most, *tenant;
	bool usual;
};

static int
number(const char *text, int64_t *out)
{
	size_t n = text != NULL ? strlen(text) : 0;

	if (n == 0 || n > 12 || strspn(text, "0123456789") != n)
		return -1;
	*out = strtoll(text, NULL, 10);
	return 0;
}

static int
fill(const struct ctl *c, const struct rate_wish *w, struct rate_limit *l)
{
	const char *named = w->tenant != NULL ? "tenant" : "client";
	int of = place(whose, w->of != NULL ? w->of : named);
	int what = place(whats, w->what);
	int class = place(classes, w->class);

	if (what == -1)
		return ctl_usage(c,
		    "--what is connections, messages, recipients, unknown or auth");
	if (of == -1)
		return ctl_usage(c, "--of is client or tenant");
	if (class == -1)
		return ctl_usage(c, "--class is unknown, known or trusted");
	l->of = (enum rate_of)of;
	l->what = (enum rate_what)what;
	l->class = class;
	if (of == RATE_TENANT && (what == RATE_UNKNOWN || what == RATE_AUTH))
		return ctl_usage(c, "%s is counted of clients", whats[what]);
	if ((what == RATE_UNKNOWN || what == RATE_AUTH) && class != 0)
		return ctl_usage(
		    c, "%s is counted of the class unknown", whats[what]);
	if (of == RATE_CLIENT && w->tenant != NULL)
		return ctl_usage(c,
		    "what a client may at one tenant is set by `restantectl"
		    " tenant set`");
	if ((w->most != NULL) == w->usual)
		return ctl_usage(c, "either --most or --usual is needed");
	if (w->most != NULL && number(w->most, &l->most) == -1)
		return ctl_usage(c, "--most is a number");
	return 0;
}

static int
change(struct ctl *c, const struct rate_limit *l, bool usual, struct err *e)
{
	int rc;

	if (db_begin(c->db, &l->tenant, e) == -1)
		return -1;
	rc = usual ? rate_limit_remove(c->db, l, e) :
		     rate_limit_set(c->db, l, e);
	if (rc == -1) {
		db_rollback(c->db);
		return -1;
	}
	return db_commit(c->db, e);
}

static json_t *
json_limit(const struct rate_limit *l)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:I}", "tenant",
	    ctl_json_id(&l->tenant), "of", whose[l->of], "what", whats[l->what],
	    "class", classes[l->class], "most", (json_int_t)l->most);
}

static void
say(const char *tenant, const struct rate_limit *l)
{
	printf("%-24s %-7s %-12s %-8s %lld\n", tenant, whose[l->of],
	    whats[l->what], classes[l->class], (long long)l->most);
}

int
ctl_rate_set(struct ctl *c, int argc, char **argv)
{
	struct rate_wish w = {.class = "unknown"};
	const struct ctl_option options[] = {{"--of", &w.of, NULL},
	    {"--what", &w.what, NULL}, {"--class", &w.class, NULL},
	    {"--most", &w.most, NULL}, {"--tenant", &w.tenant, NULL},
	    {"--usual", NULL, &w.usual}, {NULL, NULL, NULL}};
	struct rate_limit l = {.most = 0};
	struct tenant t;
	struct err e;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0 ||
	    fill(c, &w, &l) != 0)
		return CTL_USAGE;
	if (w.tenant != NULL) {
		if (ctl_tenant(c, w.tenant, &t) != 0)
			return CTL_FAILED;
		l.tenant = t.id;
	}
	if (change(c, &l, w.usual, &e) == -1)
		return ctl_failed(c, &e, "the limit was not changed");
	if (c->json)
		return ctl_json(w.usual ? json_true() : json_limit(&l));
	if (w.usual)
		puts("as usual");
	else
		say(w.tenant != NULL ? t.slug : ALL, &l);
	return CTL_OK;
}

/* What operators call the tenant; its id where that cannot be found out. */
static void
say_of(struct ctl *c, const struct rate_limit *l)
{
	char id[ID_TEXT_LEN];
	struct tenant t;
	struct err e;
	int found = 0;

	if (id_is_zero(&l->tenant)) {
		say(ALL, l);
		return;
	}
	if (db_begin(c->db, &l->tenant, &e) == 0) {
		found = tenant_get(c->db, &l->tenant, &t, &e);
		db_rollback(c->db);
	}
	id_format(&l->tenant, id);
	say(found == 1 ? t.slug : id, l);
}

int
ctl_rate_list(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	struct rate_limit *all;
	json_t *rows;
	struct err e;
	size_t n;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	rows = json_array();
	if (rate_limits(c->db, &all, &n, &e) == -1)
		return ctl_listed(c, -1, rows, &e, "limits");
	if (!c->json)
		printf("%-24s %-7s %-12s %-8s %s\n", "TENANT", "OF", "WHAT",
		    "CLASS", "MOST");
	for (size_t i = 0; i < n; i++) {
		if (c->json)
			json_array_append_new(rows, json_limit(&all[i]));
		else
			say_of(c, &all[i]);
	}
	free(all);
	return ctl_listed(c, 0, rows, &e, "limits");
}
