/*
 * turns.h: whose job is next: the line in which a pool's jobs wait. It has lanes, and in
 * each lane the owners take turns. It does not lock, and after turns_new() it needs no
 * memory.
 */
#ifndef BASE_TURNS_H
#define BASE_TURNS_H

#include <stddef.h>

#include "base/pool.h"

struct turns;

/* `queue` and `share` as in struct pool_setup. NULL: memory. */
struct turns *turns_new(size_t queue, size_t share);
void turns_free(struct turns *t); /* not the jobs; NULL is fine */

/* 0, POOL_FULL or POOL_GREEDY; of a job both could be said of, the latter. */
int turns_add(struct turns *t, struct pool_job *job)
    __attribute__((warn_unused_result));
/* The next; NULL when nobody waits. */
struct pool_job *turns_take(struct turns *t);
/* How many wait. */
size_t turns_waiting(const struct turns *t, enum pool_lane lane);

#endif
