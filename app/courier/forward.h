/*
 * forward.h: messages handed on to a tenant's own server: opened with a key that keyd gives
 * for this one copy, streamed over TLS that was verified against that server's name, and
 * destroyed at its final answer.
 */
#ifndef COURIER_FORWARD_H
#define COURIER_FORWARD_H

#include "courier/deliver.h"

/*
 * How long a taken copy is ours; and from its taking on, how long anything is said to the
 * server: what comes after is time to write down what became of it.
 */
#define FORWARD_LEASE_S    900
#define FORWARD_SESSION_MS 840000
/* Of one turn: the lease is one session's. */
#define FORWARD_BATCH 1

struct forwarding *forwarding_new(struct err *e)
    __attribute__((warn_unused_result));
void forwarding_free(struct forwarding *f); /* NULL is fine */

/* lane_take() and lane_work() of such a lane. */
int forwarding_take(struct lane *l, struct db *db, struct err *e)
    __attribute__((warn_unused_result));
void forwarding_work(struct lane *l);

#endif
