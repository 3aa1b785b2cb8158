/*
 * limiter.h: counts what a client address, or its /64 where it is IPv6, did within the
 * last hour, in memory of a fixed size. Safe on many threads.
 */
#ifndef PORTAL_LIMITER_H
#define PORTAL_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct limiter;

struct limiter *limiter_new(unsigned per_hour); /* NULL: memory */
void limiter_free(struct limiter *l);
/* Is this client at its limit? now is clock_mono_ms(). */
bool limiter_full(struct limiter *l, const char *client, int64_t now);
void limiter_count(struct limiter *l, const char *client, int64_t now);

#endif
