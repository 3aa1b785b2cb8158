/*
 * scope.c: one tenant's transaction, and what is typed within it.
 */
#include "ctl/scope.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

int
scope_begin(struct scope *s)
{
	int rc;

	if (s->tenant.slug[0] == '\0' &&
	    (rc = ctl_tenant(s->c, s->slug, &s->tenant)) != 0)
		return rc;
	if (db_begin(s->c->db, &s->tenant.id, &s->e) == -1)
		return ctl_failed(s->c, &s->e, "the database does not answer");
	return 0;
}

int
scope_alone(struct scope *s, int argc, char **argv)
{
	const struct ctl_option options[] = {
	    {"--tenant", &s->slug, NULL}, {NULL, NULL, NULL}};

	if (ctl_args(s->c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (s->slug == NULL)
		return ctl_usage(s->c, "--tenant is needed");
	return scope_begin(s);
}

int
scope_rules(
    struct scope *s, int argc, char **argv, struct rules *out, const char *what)
{
	int rc;

	if ((rc = scope_alone(s, argc, argv)) != 0)
		return rc;
	rc = rules_get(s->c->db, &s->tenant.id, out, &s->e);
	db_rollback(s->c->db);
	return rc == 1 ?
	    0 :
	    ctl_failed(s->c, &s->e, "the %s could not be listed", what);
}

int
scope_end(struct scope *s, int result)
{
	if (result != 0) {
		db_rollback(s->c->db);
		return result;
	}
	return db_commit(s->c->db, &s->e);
}

int
scope_removed(const struct scope *s, const char *what)
{
	if (s->c->json)
		return ctl_json(json_pack("{s:b}", "removed", 1));
	printf("%s removed\n", what);
	return CTL_OK;
}

int
scope_address(
    struct scope *s, const char *option, const char *text, struct mailbox *out)
{
	struct tenant owner;
	int rc;

	if (mailbox_typed(text, out, &s->e) == -1)
		return ctl_usage(s->c, "%s: %s", option, s->e.text);
	if (s->tenant.slug[0] == '\0' &&
	    (rc = ctl_tenant(s->c, s->slug, &s->tenant)) != 0)
		return rc;
	rc = tenant_by_domain(s->c->db, out->domain, &owner, &s->e);
	if (rc == -1)
		return ctl_failed(s->c, &s->e, "the database does not answer");
	if (rc == 0 || !id_equal(&owner.id, &s->tenant.id))
		return ctl_failed(s->c, NULL, "%s is not a mail domain of %s",
		    out->domain, s->tenant.name);
	return 0;
}

int
scope_print(const struct scope *s, const char *option, const char *text,
    uint8_t out[DIRECTORY_PIN])
{
	char hex[DIRECTORY_PIN * 2 + 1];
	size_t n = 0;

	for (; *text != '\0' && n < sizeof(hex) - 1; text++)
		if (*text != ':')
			hex[n++] = *text;
	hex[n] = '\0';
	if (*text != '\0' || n != sizeof(hex) - 1 ||
	    text_unhex(hex, out, DIRECTORY_PIN) == -1)
		return ctl_usage(s->c,
		    "%s is a SHA-256 fingerprint: 64 hexadecimal digits",
		    option);
	return 0;
}

int
scope_domain(const struct scope *s, const char *text, char out[256])
{
	char address[LIMIT_ADDRESS + 1] = "x@";
	struct mailbox box;

	if (text_copy(address + 2, sizeof(address) - 2, text) == -1 ||
	    mailbox_typed(address, &box, NULL) == -1 ||
	    text_copy(out, 256, box.domain) == -1)
		return ctl_usage(
		    s->c, "--domain is a mail domain in ASCII form");
	return 0;
}

json_t *
scope_json_print(const uint8_t print[DIRECTORY_PIN])
{
	char hex[DIRECTORY_PIN * 2 + 1];

	text_hex(print, DIRECTORY_PIN, hex);
	return json_string(hex);
}
