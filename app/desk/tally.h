/*
 * tally.h: counts within windows of time, of very many keys in memory of a fixed size.
 * What a key's count is: all of the present window, and of the one before as much as a
 * window's length back from now takes in of it, as if it had come evenly.
 *
 * No count is ever too low. Keys lie in rows, chosen by a hash under a secret; a new key
 * in a full row takes the place of the one with the lowest count, and begins with that
 * count. So nobody's count is forgotten because others are many, and to have a newcomer
 * counted n too high takes n counts of every key in his row.
 *
 * Does not lock. All times are microseconds of clock_now(), so that windows are the same
 * for all processes.
 */
#ifndef DESK_TALLY_H
#define DESK_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "store/rate.h"

struct tally;

/* After secret_init(). Room for at least so many keys. NULL: memory. */
struct tally *tally_new(size_t keys, int64_t window)
    __attribute__((warn_unused_result));
void tally_free(struct tally *t); /* NULL is fine */

/* Either makes others' counts of that key be asked for with the next news. */
uint64_t tally_look(struct tally *t, const struct rate_key *key, int64_t now);
void tally_add(
    struct tally *t, const struct rate_key *key, uint64_t n, int64_t now);

/*
 * What others have not been told, and what they are to be asked for: up to cap of them
 * (2 at least) into out, from *at on, which begins as 0. Returns how many; 0 when that was
 * all.
 */
size_t tally_news(struct tally *t, size_t *at, int64_t now,
    struct rate_count *out, size_t cap);
/* Their answer: counts go up to what all have counted, and never down. */
void tally_told(
    struct tally *t, const struct rate_count *c, size_t n, int64_t now);
/* They were not reached: it is told again with the next news. */
void tally_untold(
    struct tally *t, const struct rate_count *c, size_t n, int64_t now);

/* Keys with a count; keys that had to make place, since the beginning. */
size_t tally_keys(const struct tally *t, int64_t now);
uint64_t tally_displaced(const struct tally *t);

#endif
