/*
 * routing.h: what sender.c and recipient.c share: the tenant's rules applied to a client,
 * and lists taken apart.
 */
#ifndef DESK_ROUTING_H
#define DESK_ROUTING_H

#include "desk/directory.h"
#include "desk/intake.h"

/* Is the client known, by certificate or address, as a server of that tenant's? */
bool sender_is_relay(const struct rules *r, const struct desk_sender *s);
/* Did it show the certificate, or one under the authority, the partner is pinned to? */
bool sender_shows(const struct partner *p, const struct desk_sender *s);

/* One address a list came to. */
struct listed {
	char key[LIMIT_ADDRESS + 1];
	char address[LIMIT_ADDRESS + 1];
	struct id account; /* a member's; zero: outside */
};
struct listing {
	struct listed *at;
	size_t n;
};
/*
 * All a list comes to, through aliases and lists within it, each address once. Lists that
 * hold each other end. Entries of the tenant's domains at which nobody is are left out.
 * ERR_GONE: nothing is left, lists lie deeper than LIMIT_LIST_DEPTH, or over
 * LIMIT_RECIPIENTS. On a thread alone. *out is freed by the caller, on -1 too.
 */
int list_take_apart(struct directory_ask *q, const struct id *tenant,
    const struct id *list, struct listing *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
