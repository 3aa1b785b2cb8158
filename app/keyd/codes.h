/*
 * codes.h: one-time codes and registration codes. On disk stands only a keyed verifier
 * of each: neither code nor address can be read or tested there without keyd's keys.
 *
 * A one-time code belongs to the browser that asked. Wrong codes from that browser are
 * counted, and stored, before the comparison; at LIMIT_CODE_TRIES the code is dead.
 * Other browsers are refused without a try being spent, since with another browser's
 * value not even the right code would match: a stranger cannot use up the owner's tries.
 * There is room for 8,192 codes; past that the oldest of a set goes, and is then unknown.
 *
 * A registration code is one a tenant and address: a new one replaces the old. Room for
 * 16,384. Wrong tries are the caller's to count (counts.h).
 */
#ifndef KEYD_CODES_H
#define KEYD_CODES_H

#include "keyd/keys.h"
#include "seal/token.h"

struct keyd_codes;

/* Makes what is missing, with a warning unless this is the first start. NULL with *e set. */
struct keyd_codes *keyd_codes_open(int dir, const struct keyd_keys *k,
    bool first, struct err *e) __attribute__((warn_unused_result));
void keyd_codes_close(struct keyd_codes *c); /* NULL is fine */

/* Keeps the verifier of a new code until LIMIT_CODE_MINUTES from `now`. */
void keyd_codes_add(struct keyd_codes *c, const struct id *handle,
    const uint8_t browser[32], const struct id *tenant,
    const uint8_t address[32], const char code[SEAL_CODE_LEN], int64_t now);

/*
 * Checks what was typed. 0 with tenant and address digest when it is right; the code is
 * then used up. -1: ERR_DENIED (wrong, dead, unknown handle, other browser), ERR_EXPIRED.
 */
int keyd_codes_check(struct keyd_codes *c, const struct id *handle,
    const uint8_t browser[32], const char *typed, int64_t now,
    struct id *tenant, uint8_t address[32], struct err *e)
    __attribute__((warn_unused_result));

#define KEYD_REGISTRATION_BYTES \
	10 /* 80 random bits, 16 characters of base 32 */
/* Keeps the verifier until LIMIT_REGISTRATION_DAYS from `now`, in place of an older one. */
void keyd_codes_invite(struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], const uint8_t code[KEYD_REGISTRATION_BYTES],
    int64_t now);
/* 0 when right, and used up; -1 ERR_DENIED, or ERR_EXPIRED for the right code too late. */
int keyd_codes_accept(struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], const uint8_t code[KEYD_REGISTRATION_BYTES],
    int64_t now, struct err *e) __attribute__((warn_unused_result));

#endif
