/*
 * envelope.h: who may send what to whom, decided on plain facts. The caller has
 * looked the facts up; nothing here touches a database or a clock.
 */
#ifndef POLICY_ENVELOPE_H
#define POLICY_ENVELOPE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

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

/* Who wants to send under an envelope sender. */
struct policy_claim {
	bool authenticated;
	bool relay;       /* with an account of the tenant's own server */
	struct id tenant; /* of the account */
	const char *own;  /* its address, lower case; NULL for none */
	/* the envelope sender, lower case; NULL: the null sender */
	const char *from;
	bool ours;       /* its domain is a tenant's here */
	struct id owner; /* that tenant */
	/* the client is known as a server of that tenant's */
	bool owners_relay;
};

/*
 * May it? On 0 *proved_out says whether the sender is then taken to be who it says; the
 * transaction is then of *tenant_out, as it is with any account (zero: open). ERR_DENIED:
 * 553 5.7.1.
 *   an account          its own address alone
 *   a relay's account   any address of its tenant's domains; the null sender, unproved
 *   a known relay       any address of that tenant's domains, proved
 *   anybody             any address of no tenant's domain, and the null sender, unproved
 * A tenant's domain is for its own people and servers, whether there is such a member
 * or not: the answer tells nobody who is one.
 */
int policy_sender(const struct policy_claim *c, bool *proved_out,
    struct id *tenant_out, struct err *e) __attribute__((warn_unused_result));

struct policy_sender {
	bool proved;
	struct id tenant; /* when proved */
	bool null;        /* the null sender: a bounce */
	/* The client is a server of the recipient's tenant, whoever the sender is. */
	bool house;
	bool tls;
};

enum policy_target { POLICY_NOBODY = 0, POLICY_MEMBER, POLICY_LIST };

struct policy_recipient {
	bool ours;        /* its domain belongs to a tenant here */
	struct id tenant; /* that tenant, when ours */
	enum policy_target target;
	bool open;  /* a list: anyone may send to it */
	bool alone; /* it is the first of the transaction */
	/* What that tenant has said of senders from outside, and of this one. */
	enum policy_inward inward;
	bool partner;     /* the sender's domain is a partner's */
	bool partner_tls; /* whose mail must come over TLS */
	bool pinned;      /* under a certificate or authority */
	bool shown;       /* which the client showed */
	bool known;
};

/*
 * One recipient of a transaction. `bound` is the tenant the transaction already belongs
 * to, zero while open. On 0 *tenant_out is the tenant it belongs to from now on and
 * *way_out how the recipient is served. Otherwise:
 *   ERR_DENIED      not ours, and the sender is not proved        550 5.7.1 (no relay)
 *   ERR_INSECURE    a partner's mail that must come over TLS      550 5.7.10
 *   ERR_UNWANTED    not from this sender: the tenant's policy,
 *                   a pin, a list for members                     550 5.7.1
 *   ERR_NOT_FOUND   ours, but nobody there                        550 5.1.1
 *   ERR_TOO_MANY    of another tenant than the transaction        452 4.5.3
 * A proved sender's transaction belongs to the sender's tenant from the start; a
 * recipient who is another tenant's member is then outward mail of the sender's tenant.
 *
 * The null sender's mail goes to members, never to a list; where a tenant takes mail
 * from known senders alone it goes to one recipient a transaction (a bounce has one),
 * where it takes it from partners alone, to none. A server of the tenant's own may
 * hand in whatever the tenant would not take from others, but for what must come over TLS.
 */
int policy_recipient(const struct policy_sender *s,
    const struct policy_recipient *r, const struct id *bound,
    struct id *tenant_out, enum policy_way *way_out, struct err *e)
    __attribute__((warn_unused_result));

/* Of a sender whose recipient was taken: what it counts as. */
enum policy_class policy_class_of(
    const struct policy_sender *s, const struct policy_recipient *r);

/*
 * A new password: length in characters and bytes, not only one character, not the
 * address. ERR_BAD_INPUT with text "short", "long", "plain", "differs" (the two do not
 * match).
 */
int policy_password(const char *password, const char *again,
    const char *address, struct err *e) __attribute__((warn_unused_result));

#endif
