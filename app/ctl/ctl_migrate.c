/*
 * ctl_migrate.c: restantectl migrate.
 */
#include <stdio.h>

#include "ctl/ctl.h"
#include "store/migrate.h"

struct report {
	const struct ctl *c;
	json_t *applied;
	int now;
	int version;
};

static void
did(void *arg, int version, const char *name, bool now)
{
	struct report *r = arg;

	r->version = version;
	if (!now)
		return;
	r->now++;
	json_array_append_new(r->applied, json_string(name));
	if (!r->c->json)
		printf("applied %s\n", name);
}

int
ctl_migrate(struct ctl *c, int argc, char **argv)
{
	static const struct ctl_option options[] = {{NULL, NULL, NULL}};
	struct report r = {.c = c};
	char dir[4096];
	struct err e;
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (c->set.share == NULL)
		return ctl_failed(
		    c, NULL, "RESTANTE_SHARE is not set: it holds migrations/");
	snprintf(dir, sizeof(dir), "%s/migrations", c->set.share);
	r.applied = json_array();
	if (migrate_run(c->set.db, dir, did, &r, &e) == -1) {
		rc = ctl_failed(
		    c, &e, "the schema was not brought to its newest version");
		json_decref(r.applied);
		return rc;
	}
	if (c->json)
		return ctl_json(json_pack(
		    "{s:i, s:o}", "version", r.version, "applied", r.applied));
	json_decref(r.applied);
	if (r.now == 0)
		printf("the schema is up to date (version %d)\n", r.version);
	return CTL_OK;
}
