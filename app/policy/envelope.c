/*
 * envelope.c: who may send what to whom, and what a new password must be.
 */
#include "policy/envelope.h"

#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

/*
 * The address of another tenant is served like any outside address, member or
 * not: an organisation's own people must not be able to list another's.
 */
static int
from_member(const struct policy_sender *s, const struct policy_recipient *r,
    const struct id *bound, struct id *tenant_out, enum policy_way *way_out,
    struct err *e)
{
	bool own = r->ours && id_equal(&r->tenant, &s->tenant);

	if (!id_is_zero(bound) && !id_equal(bound, &s->tenant))
		return err_set(e, ERR_TOO_MANY,
		    "transaction belongs to another tenant than its sender");
	if (own && !r->member)
		return err_set(e, ERR_NOT_FOUND, "recipient is no member");
	*tenant_out = s->tenant;
	*way_out = own ? POLICY_INWARD : POLICY_OUTWARD;
	return 0;
}

static int
from_outside(const struct policy_recipient *r, const struct id *bound,
    struct id *tenant_out, enum policy_way *way_out, struct err *e)
{
	if (!r->ours)
		return err_set(e, ERR_DENIED, "relaying refused");
	if (!r->member)
		return err_set(e, ERR_NOT_FOUND, "recipient is no member");
	if (!id_is_zero(bound) && !id_equal(bound, &r->tenant))
		return err_set(e, ERR_TOO_MANY,
		    "recipient of another tenant than the transaction");
	*tenant_out = r->tenant;
	*way_out = POLICY_INWARD;
	return 0;
}

int
policy_recipient(const struct policy_sender *s,
    const struct policy_recipient *r, const struct id *bound,
    struct id *tenant_out, enum policy_way *way_out, struct err *e)
{
	if (s->authenticated)
		return from_member(s, r, bound, tenant_out, way_out, e);
	return from_outside(r, bound, tenant_out, way_out, e);
}

int
policy_sender(const struct policy_sender *s, const char *own_key,
    const char *from_key, bool from_is_member, struct err *e)
{
	if (s->authenticated) {
		if (from_key == NULL)
			return err_set(e, ERR_DENIED,
			    "null sender from an authenticated client");
		if (own_key == NULL || strcmp(own_key, from_key) != 0)
			return err_set(e, ERR_DENIED,
			    "sender is not the authenticated address");
		return 0;
	}
	if (from_key != NULL && from_is_member)
		return err_set(e, ERR_DENIED,
		    "a member's address from an unauthenticated client");
	return 0;
}

static bool
continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters of s; *plain_out: they are all the same one. */
static size_t
characters(const char *s, bool *plain_out)
{
	const char *at = s;
	size_t count = 0, first = 0, n;

	*plain_out = true;
	while (*at != '\0') {
		for (n = 1; continues(at[n]); n++)
			continue;
		if (count == 0)
			first = n;
		else if (n != first || memcmp(at, s, n) != 0)
			*plain_out = false;
		count++;
		at += n;
	}
	return count;
}

int
policy_password(
    const char *password, const char *again, const char *address, struct err *e)
{
	bool plain;

	if (characters(password, &plain) < LIMIT_PASSWORD_MIN)
		return err_set(e, ERR_BAD_INPUT, "short");
	if (strlen(password) > LIMIT_PASSWORD_MAX)
		return err_set(e, ERR_BAD_INPUT, "long");
	if (plain || (address != NULL && text_equal_ci(password, address)))
		return err_set(e, ERR_BAD_INPUT, "plain");
	if (strcmp(password, again) != 0)
		return err_set(e, ERR_BAD_INPUT, "differs");
	return 0;
}
