/*
 * envelope.c: who may send what to whom, and what a new password must be.
 */
#include "policy/envelope.h"

#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

static int
account_claims(const struct policy_claim *c, bool *proved_out, struct err *e)
{
	if (c->from == NULL && !c->relay)
		return err_set(
		    e, ERR_DENIED, "null sender from an authenticated client");
	*proved_out = c->from != NULL;
	if (c->from == NULL || (c->own != NULL && strcmp(c->own, c->from) == 0))
		return 0;
	if (c->relay && c->ours && id_equal(&c->owner, &c->tenant))
		return 0;
	*proved_out = false;
	return err_set(
	    e, ERR_DENIED, "sender is not the authenticated address");
}

int
policy_sender(const struct policy_claim *c, bool *proved_out,
    struct id *tenant_out, struct err *e)
{
	*proved_out = false;
	*tenant_out = id_zero();
	if (c->authenticated) {
		if (account_claims(c, proved_out, e) == -1)
			return -1;
		*tenant_out = c->tenant;
		return 0;
	}
	if (c->from == NULL || !c->ours)
		return 0;
	if (!c->owners_relay)
		return err_set(e, ERR_DENIED,
		    "a tenant's domain from a client that is not its own");
	*proved_out = true;
	*tenant_out = c->owner;
	return 0;
}

/*
 * The address of another tenant is served like any outside address, member or
 * not: an organisation's own people must not be able to list another's.
 */
static int
from_proved(const struct policy_sender *s, const struct policy_recipient *r,
    const struct id *bound, struct id *tenant_out, enum policy_way *way_out,
    struct err *e)
{
	bool own = r->ours && id_equal(&r->tenant, &s->tenant);

	if (!id_is_zero(bound) && !id_equal(bound, &s->tenant))
		return err_set(e, ERR_TOO_MANY,
		    "transaction belongs to another tenant than its sender");
	if (own && r->target == POLICY_NOBODY)
		return err_set(e, ERR_NOT_FOUND, "recipient is no member");
	*tenant_out = s->tenant;
	*way_out = own ? POLICY_INWARD : POLICY_OUTWARD;
	return 0;
}

/* Does the tenant take mail of this sender at all? */
static int
inward_taken(const struct policy_sender *s, const struct policy_recipient *r,
    struct err *e)
{
	bool partner = !s->null && r->partner;

	if (partner && r->partner_tls && !s->tls)
		return err_set(e, ERR_INSECURE, "partner's mail without TLS");
	if (s->house)
		return 0;
	if (partner && r->pinned && !r->shown)
		return err_set(
		    e, ERR_UNWANTED, "partner's mail without its certificate");
	switch (r->inward) {
	case POLICY_FROM_PARTNERS:
		if (!partner)
			return err_set(e, ERR_UNWANTED, "sender is no partner");
		break;
	case POLICY_FROM_KNOWN:
		if (s->null ? !r->alone : !partner && !r->known)
			return err_set(e, ERR_UNWANTED, "sender is not known");
		break;
	case POLICY_FROM_ANYONE:
		break;
	}
	return 0;
}

/* Who is not wanted is not told who is there. */
static int
from_outside(const struct policy_sender *s, const struct policy_recipient *r,
    const struct id *bound, struct id *tenant_out, enum policy_way *way_out,
    struct err *e)
{
	if (!r->ours)
		return err_set(e, ERR_DENIED, "relaying refused");
	if (inward_taken(s, r, e) == -1)
		return -1;
	if (r->target == POLICY_NOBODY)
		return err_set(e, ERR_NOT_FOUND, "recipient is no member");
	if (r->target == POLICY_LIST && (s->null || !r->open))
		return err_set(
		    e, ERR_UNWANTED, "the list is not for this sender");
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
	if (s->proved)
		return from_proved(s, r, bound, tenant_out, way_out, e);
	return from_outside(s, r, bound, tenant_out, way_out, e);
}

enum policy_class
policy_class_of(const struct policy_sender *s, const struct policy_recipient *r)
{
	if (s->proved)
		return POLICY_TRUSTED;
	if (s->house || (!s->null && (r->partner || r->known)))
		return POLICY_KNOWN;
	return POLICY_UNKNOWN;
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
