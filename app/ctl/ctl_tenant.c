/*
 * ctl_tenant.c: restantectl tenant add, list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"

static json_t *
json_tenant(const struct tenant *t)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:b}", "id",
	    ctl_json_id(&t->id), "slug", t->slug, "name", t->name, "host",
	    t->host, "domain", t->domain, "contact", t->contact, "color",
	    t->color, "retention_days", t->retention_days, "escrow", t->escrow);
}

struct wish {
	const char *slug, *name, *domain, *host, *contact, *color, *retention;
	bool no_escrow, if_missing;
};

static bool
is_slug(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 31 && s[0] != '-' &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Host names and mail domains in their ASCII form. */
static bool
is_domain(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= 253 && s[0] != '.' && s[0] != '-' &&
	    s[n - 1] != '.' && strstr(s, "..") == NULL &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

static bool
is_color(const char *s)
{
	return strlen(s) == 7 && s[0] == '#' &&
	    strspn(s + 1, "0123456789abcdef") == 6;
}

/* Names in UTF-8 without control characters. */
static bool
is_text(const char *s)
{
	const char *p;

	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return text_is_utf8(s, strlen(s));
}

static int
fill(const struct ctl *c, const struct wish *w, struct tenant *t)
{
	int bad = 0;
	char *end;
	long days = w->retention != NULL ? strtol(w->retention, &end, 10) : 0;

	*t = (struct tenant){
	    .id = id_new(), .retention_days = LIMIT_RETENTION_DAYS};
	t->escrow = !w->no_escrow;
	bad |= text_copy(t->slug, sizeof(t->slug), w->slug);
	bad |= text_copy(t->name, sizeof(t->name), w->name);
	bad |= text_copy(t->host, sizeof(t->host), w->host);
	bad |= text_copy(t->domain, sizeof(t->domain), w->domain);
	bad |= text_copy(t->contact, sizeof(t->contact), w->contact);
	bad |= text_copy(t->color, sizeof(t->color), w->color);
	if (bad != 0)
		return ctl_usage(c, "a value is too long");
	text_lower(t->host);
	text_lower(t->domain);
	text_lower(t->color);
	if (!is_slug(t->slug))
		return ctl_usage(
		    c, "--slug is a-z, 0-9 and hyphens, at most 31");
	if (!is_domain(t->host) || !is_domain(t->domain))
		return ctl_usage(
		    c, "--host and --domain are domain names in ASCII form");
	if (!is_color(t->color))
		return ctl_usage(c, "--color looks like #1f4b8f");
	if (t->name[0] == '\0' || !is_text(t->name) || !is_text(t->contact))
		return ctl_usage(
		    c, "--name and --contact are text in UTF-8 on one line");
	if (w->retention != NULL) {
		if (*end != '\0' || days < 1 || days > 3650)
			return ctl_usage(c, "--retention is 1 to 3650 days");
		t->retention_days = (int)days;
	}
	return 0;
}

static int
insert(struct ctl *c, const struct tenant *t, struct err *e)
{
	if (db_begin(c->db, &t->id, e) == -1)
		return -1;
	if (tenant_add(c->db, t, e) == -1) {
		db_rollback(c->db);
		return -1;
	}
	return db_commit(c->db, e);
}

static int
answer(const struct ctl *c, const struct tenant *t, bool added)
{
	json_t *j;

	if (c->json) {
		j = json_tenant(t);
		json_object_set_new(j, "added", json_boolean(added));
		return ctl_json(j);
	}
	printf(added ? "added %s: %s, host %s, mail domain %s\n" :
		       "%s exists: %s, host %s, mail domain %s\n",
	    t->slug, t->name, t->host, t->domain);
	return CTL_OK;
}

int
ctl_tenant_add(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.contact = "", .color = "#1f4b8f"};
	const struct ctl_option options[] = {{"--slug", &w.slug, NULL},
	    {"--id-name", &w.slug, NULL}, {"--name", &w.name, NULL},
	    {"--domain", &w.domain, NULL}, {"--host", &w.host, NULL},
	    {"--contact", &w.contact, NULL}, {"--color", &w.color, NULL},
	    {"--retention", &w.retention, NULL},
	    {"--no-escrow", NULL, &w.no_escrow},
	    {"--if-missing", NULL, &w.if_missing}, {NULL, NULL, NULL}};
	struct tenant t, there;
	struct err e;
	int found;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w.slug == NULL || w.name == NULL || w.domain == NULL ||
	    w.host == NULL)
		return ctl_usage(
		    c, "--slug, --name, --domain and --host are needed");
	if (fill(c, &w, &t) != 0)
		return CTL_USAGE;
	found = tenant_by_slug(c->db, t.slug, &there, &e);
	if (found == 1 && w.if_missing)
		return answer(c, &there, false);
	if (found == 1)
		return ctl_failed(
		    c, NULL, "there is a tenant \"%s\" already", t.slug);
	if (found == 0 && insert(c, &t, &e) == 0)
		return answer(c, &t, true);
	if (e.code == ERR_CONFLICT)
		return ctl_failed(c, NULL,
		    "another tenant has the host %s or the mail domain %s",
		    t.host, t.domain);
	return ctl_failed(c, &e, "the tenant was not added");
}

static void
collect(void *arg, const struct tenant *t)
{
	json_array_append_new(arg, json_tenant(t));
}

static void
line(void *arg, const struct tenant *t)
{
	(void)arg;
	printf("%-16s %-28s %-28s %-28s %s\n", t->slug, t->name, t->host,
	    t->domain, t->contact);
}

int
ctl_tenant_list(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	json_t *rows;
	struct err e;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	rows = json_array();
	if (!c->json)
		printf("%-16s %-28s %-28s %-28s %s\n", "SLUG", "NAME", "HOST",
		    "MAIL DOMAIN", "CONTACT");
	return ctl_listed(c,
	    tenant_list(c->db, c->json ? collect : line, rows, &e), rows, &e,
	    "tenants");
}
