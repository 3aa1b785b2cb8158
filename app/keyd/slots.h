/*
 * slots.h: names and keys of message slots. Ids count up from 1 and are never given
 * out twice: the file "slots" holds the first id beyond those reserved, advanced on
 * disk KEYD_SLOTS_STEP at a time before any of them is used; a restart skips the rest
 * of a step. The file has two copies in turn (at 0 and 512), each 32 bytes: "RKS1",
 * four zero bytes, the number, and a 16-byte check, so that a torn write costs nothing.
 */
#ifndef KEYD_SLOTS_H
#define KEYD_SLOTS_H

#include "keyd/keys.h"

#define KEYD_SLOTS_STEP 4096

struct keyd_slots;

/*
 * Whether keyd has ever run here: 1, 0, or -1 with *e set. A missing file is made when
 * `make` is set, else it is an error: without it ids would be given out again.
 */
int keyd_slots_used(int dir, bool make, struct err *e)
    __attribute__((warn_unused_result));

/* Opens the file and reserves the first step. NULL with *e set. */
struct keyd_slots *keyd_slots_open(int dir, struct err *e)
    __attribute__((warn_unused_result));
void keyd_slots_close(struct keyd_slots *s); /* NULL is fine */

/* n new ids in a row, at most KEYD_SLOTS_STEP. -1 when the disk refuses; no id is spent then. */
int keyd_slots_take(struct keyd_slots *s, uint64_t n, uint64_t *first_out,
    struct err *e) __attribute__((warn_unused_result));

/* The two keys of a slot. ERR_NOT_FOUND for an id that was never given out. */
int keyd_slots_shred(const struct keyd_slots *s, const struct keyd_keys *k,
    uint64_t id, uint8_t out[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));
int keyd_slots_half(const struct keyd_slots *s, const struct keyd_keys *k,
    uint64_t id, uint8_t out[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));

#endif
