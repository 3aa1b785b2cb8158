/*
 * kept.h: finished pages that sessions may see again, sealed by their owners: what lies
 * here opens with no key of this process. A process's, KEPT_PAGES of KEPT_BYTES at most;
 * the longest unused goes first, and each after KEPT_SECONDS. Safe between threads.
 */
#ifndef DESK_KEPT_H
#define DESK_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

#define KEPT_PAGES   LIMIT_KEPT_PAGES
#define KEPT_BYTES   LIMIT_KEPT_BYTES
#define KEPT_SECONDS LIMIT_KEPT_SECONDS

struct kept;
struct kept *kept_new(void) __attribute__((warn_unused_result));
void kept_free(struct kept *k); /* wipes; NULL is fine */

/* In place of what that session had before. Quietly not: too large, no memory. */
void kept_put(struct kept *k, const uint8_t session[32], const uint8_t name[32],
    const struct buf *sealed);
/* Appends it; false when there is none of that name. */
bool kept_get(struct kept *k, const uint8_t session[32], const uint8_t name[32],
    struct buf *out);
void kept_forget(struct kept *k, const uint8_t session[32]);

#endif
