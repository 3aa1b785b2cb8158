/*
 * repeat.h: which message is one that was taken already (RFC 1047): a client that lost our
 * 250 sends it again.
 */
#ifndef DESK_REPEAT_H
#define DESK_REPEAT_H

#include "base/clock.h"
#include "base/limits.h"
#include "desk/intake.h"
#include "keyd/client.h"

/* Of a header, as the client sent it, what says which message it is. 0, or -1. */
int repeat_said(const void *head, size_t n, uint8_t out[32], struct err *e)
    __attribute__((warn_unused_result));
/* The digest by which it is known: client, envelope, Message-ID, body, and that. 0, or -1. */
int repeat_digest(const struct desk_sender *s, const struct desk_envelope *env,
    struct desk_draft *draft, const char *message_id, const uint8_t said[32],
    uint8_t out[32], struct err *e) __attribute__((warn_unused_result));

/*
 * Of a message that nothing tells from the next like it the repeat comes soon or is none:
 * the tags of keyd, of four days, become those of four spans of this many milliseconds, of
 * which [0] is the one that `now` lies in.
 */
#define REPEAT_SOON_MS (LIMIT_NAMELESS_MINUTES * CLOCK_MINUTE / KEYD_TAGS)
void repeat_soon(uint8_t tags[KEYD_TAGS][32], int64_t now);

#endif
