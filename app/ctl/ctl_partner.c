/*
 * ctl_partner.c: restantectl partner add, list, remove.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ctl/scope.h"

static json_t *
json_partner(const struct partner *p)
{
	return json_pack("{s:s, s:b, s:o, s:b, s:o}", "domain", p->domain,
	    "tls_in", p->tls_in, "pin",
	    p->pinned ? scope_json_print(p->pin) : json_null(), "tls_out",
	    p->tls_out, "created", ctl_json_time(p->created));
}

static void
line(const struct partner *p)
{
	char pin[DIRECTORY_PIN * 2 + 1] = "-";

	if (p->pinned)
		text_hex(p->pin, DIRECTORY_PIN, pin);
	printf("%-36s %-8s %-8s %s\n", p->domain, p->tls_in ? "TLS" : "any",
	    p->tls_out ? "TLS" : "any", pin);
}

int
ctl_partner_add(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	struct partner p = {0};
	const char *domain = NULL, *pin = NULL;
	bool clear_in = false;
	const struct ctl_option options[] = {{"--tenant", &s.slug, NULL},
	    {"--domain", &domain, NULL}, {"--pin", &pin, NULL},
	    {"--clear-in", NULL, &clear_in}, {"--tls-out", NULL, &p.tls_out},
	    {NULL, NULL, NULL}};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (s.slug == NULL || domain == NULL)
		return ctl_usage(c, "--tenant and --domain are needed");
	if (scope_domain(&s, domain, p.domain) != 0)
		return CTL_USAGE;
	p.tls_in = !clear_in;
	p.pinned = pin != NULL;
	if (pin != NULL && clear_in)
		return ctl_usage(c, "--pin needs TLS: not with --clear-in");
	if (pin != NULL && scope_print(&s, "--pin", pin, p.pin) != 0)
		return CTL_USAGE;
	if ((rc = scope_begin(&s)) != 0)
		return rc;
	rc = partner_set(c->db, &s.tenant.id, &p, &s.e);
	if (scope_end(&s, rc) != 0)
		return ctl_failed(c, &s.e, "the partner was not added");
	if (c->json)
		return ctl_json(json_partner(&p));
	line(&p);
	return CTL_OK;
}

int
ctl_partner_list(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	struct rules rules = {0};
	json_t *rows;
	size_t i;
	int rc;

	if ((rc = scope_rules(&s, argc, argv, &rules, "partners")) != 0)
		return rc;
	rows = json_array();
	if (!c->json)
		printf("%-36s %-8s %-8s %s\n", "DOMAIN", "IN", "OUT", "PIN");
	for (i = 0; i < rules.n_partner; i++) {
		if (c->json)
			json_array_append_new(
			    rows, json_partner(&rules.partner[i]));
		else
			line(&rules.partner[i]);
	}
	rules_clear(&rules);
	return ctl_listed(c, 0, rows, &s.e, "partners");
}

int
ctl_partner_remove(struct ctl *c, int argc, char **argv)
{
	struct scope s = {.c = c};
	const char *domain = NULL;
	const struct ctl_option options[] = {{"--tenant", &s.slug, NULL},
	    {"--domain", &domain, NULL}, {NULL, NULL, NULL}};
	char key[256];
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (s.slug == NULL || domain == NULL)
		return ctl_usage(c, "--tenant and --domain are needed");
	if (scope_domain(&s, domain, key) != 0)
		return CTL_USAGE;
	if ((rc = scope_begin(&s)) != 0)
		return rc;
	rc = partner_remove(c->db, &s.tenant.id, key, &s.e);
	if (scope_end(&s, rc) != 0)
		return s.e.code == ERR_NOT_FOUND ?
		    ctl_failed(
			c, NULL, "%s has no partner %s", s.tenant.name, key) :
		    ctl_failed(c, &s.e, "the partner was not removed");
	return scope_removed(&s, key);
}
