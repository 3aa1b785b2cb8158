/*
 * envelope.h: who may send what to whom, decided on plain facts. The caller has
 * looked the facts up; nothing here touches a database or a clock.
 */
#ifndef POLICY_ENVELOPE_H
#define POLICY_ENVELOPE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct policy_sender {
	bool authenticated;
	struct id tenant; /* of the authenticated account */
};

struct policy_recipient {
	bool ours;        /* its domain belongs to a tenant here */
	struct id tenant; /* that tenant, when ours */
	bool member;      /* and it is a member's address there */
};

enum policy_way { POLICY_INWARD = 1, POLICY_OUTWARD = 2 };

/*
 * How far a sender is trusted, for what it may and how much: proved to be of the tenant;
 * of a partner, or one the tenant has written to; anybody.
 */
enum policy_class { POLICY_UNKNOWN = 0, POLICY_KNOWN = 1, POLICY_TRUSTED = 2 };

/* From whom a tenant's people take mail that comes from outside. */
enum policy_inward {
	POLICY_FROM_ANYONE = 1,
	POLICY_FROM_KNOWN = 2, /* partners, and addresses the tenant knows */
	POLICY_FROM_PARTNERS = 3
};

/*
 * One recipient of a transaction. `bound` is the tenant the transaction already belongs
 * to, zero while open. On 0 *tenant_out is the tenant it belongs to from now on and
 * *way_out how the recipient is served. Otherwise:
 *   ERR_NOT_FOUND   ours, but no such member                       550 5.1.1
 *   ERR_DENIED      not ours and the sender is not authenticated   550 5.7.1 (no relay)
 *   ERR_TOO_MANY    of another tenant than the transaction         452 4.5.3
 * An authenticated sender's transaction belongs to the sender's tenant from the start; a
 * recipient who is another tenant's member is then outward mail of the sender's tenant.
 */
int policy_recipient(const struct policy_sender *s,
    const struct policy_recipient *r, const struct id *bound,
    struct id *tenant_out, enum policy_way *way_out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * May this envelope sender be used? An authenticated one only as its own address (553
 * 5.7.1 -> ERR_DENIED); anyone else any but a tenant's own member's. The null sender is
 * fine for the unauthenticated alone.
 */
int policy_sender(const struct policy_sender *s, const char *own_key,
    const char *from_key, bool from_is_member, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A new password: length in characters and bytes, not only one character, not the
 * address. ERR_BAD_INPUT with text "short", "long", "plain", "differs" (the two do not
 * match).
 */
int policy_password(const char *password, const char *again,
    const char *address, struct err *e) __attribute__((warn_unused_result));

#endif
