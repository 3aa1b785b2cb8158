/*
 * ctl.h: what the commands of restantectl share: their arguments, what they work with,
 * and how they answer: lines for people, or one JSON value.
 *
 * A command returns the exit status: CTL_OK, CTL_FAILED or CTL_USAGE.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/settings.h"
#include "desk/desk.h"
#include "store/tenant.h"

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
	const struct ctl_command *command;
	struct settings set;
	/* the desk's: never without a name for keyd */
	struct settings desk_set;
	bool json;
	struct desk_shared *shared;
	struct desk *desk; /* connects when first used */
	struct db *db;     /* its */
};

/* One option of a command: --name value, or a flag without a value. */
struct ctl_option {
	const char *name;   /* "--slug"; the list ends with NULL */
	const char **value; /* or NULL: */
	bool *flag;
};

struct ctl_command {
	const char *noun; /* "tenant" */
	const char *verb; /* "add", or NULL when the noun says it all */
	const char *usage;
	const char *what; /* one line for --help */
	int (*run)(struct ctl *c, int argc, char **argv);
};

/*
 * Reads options, and up to cap words that are none (NULL otherwise). --json is known to
 * all. 0, or CTL_USAGE after saying what is wrong.
 */
int ctl_args(struct ctl *c, int argc, char **argv,
    const struct ctl_option *options, const char **words, int cap)
    __attribute__((warn_unused_result));
/* CTL_USAGE after a sentence and the command's usage on standard error. */
int ctl_usage(const struct ctl *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* CTL_FAILED after a sentence on standard error, or {"error": ..., "message": ...}. */
int ctl_failed(const struct ctl *c, const struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints one JSON value and releases it: CTL_OK, or CTL_FAILED when memory is out. */
int ctl_json(json_t *value) __attribute__((warn_unused_result));
json_t *ctl_json_id(const struct id *id); /* null for zero */
json_t *ctl_json_time(int64_t t);         /* null for 0 */
const char *ctl_time(
    int64_t t, char out[32]); /* "2026-11-20 13:58:00Z", or "-" */

/*
 * The end of a list, whose lines are out already or rows, which it releases: the result
 * (0: well) becomes the exit status. what: "tenants".
 */
int ctl_listed(struct ctl *c, int result, json_t *rows, const struct err *e,
    const char *what) __attribute__((warn_unused_result));

/* The tenant of that slug; 0, or CTL_FAILED with its sentence. */
int ctl_tenant(struct ctl *c, const char *slug, struct tenant *out)
    __attribute__((warn_unused_result));

int ctl_migrate(struct ctl *c, int argc, char **argv);
int ctl_tenant_add(struct ctl *c, int argc, char **argv);
int ctl_tenant_list(struct ctl *c, int argc, char **argv);
int ctl_member_add(struct ctl *c, int argc, char **argv);
int ctl_member_list(struct ctl *c, int argc, char **argv);
int ctl_message_list(struct ctl *c, int argc, char **argv);
int ctl_message_show(struct ctl *c, int argc, char **argv);
int ctl_rate_list(struct ctl *c, int argc, char **argv);
int ctl_rate_set(struct ctl *c, int argc, char **argv);
int ctl_tenant_set(struct ctl *c, int argc, char **argv);
int ctl_relay_add(struct ctl *c, int argc, char **argv);
int ctl_relay_list(struct ctl *c, int argc, char **argv);
int ctl_relay_remove(struct ctl *c, int argc, char **argv);
int ctl_partner_add(struct ctl *c, int argc, char **argv);
int ctl_partner_list(struct ctl *c, int argc, char **argv);
int ctl_partner_remove(struct ctl *c, int argc, char **argv);
int ctl_alias_add(struct ctl *c, int argc, char **argv);
int ctl_alias_list(struct ctl *c, int argc, char **argv);
int ctl_alias_remove(struct ctl *c, int argc, char **argv);
int ctl_list_add(struct ctl *c, int argc, char **argv);
int ctl_list_remove(struct ctl *c, int argc, char **argv);
int ctl_list_join(struct ctl *c, int argc, char **argv);
int ctl_list_leave(struct ctl *c, int argc, char **argv);
int ctl_list_list(struct ctl *c, int argc, char **argv);
int ctl_list_show(struct ctl *c, int argc, char **argv);
int ctl_queue(struct ctl *c, int argc, char **argv);
int ctl_doctor(struct ctl *c, int argc, char **argv);

#endif
