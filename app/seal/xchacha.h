/*
 * xchacha.h: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) for much at once: libsodium's
 * bytes by OpenSSL's code, which uses what the processor has and takes half the time.
 */
#ifndef SEAL_XCHACHA_H
#define SEAL_XCHACHA_H

#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

#define XCHACHA_NONCE 24
#define XCHACHA_TAG   16

struct xchacha {
	const uint8_t *key; /* SECRET_KEY_LEN bytes */
	const uint8_t *nonce;
	const uint8_t *ad;
	size_t ad_len;
};

/* n + XCHACHA_TAG bytes to out, which may be p. Cannot fail. */
void xchacha_seal(
    const struct xchacha *x, const uint8_t *p, size_t n, uint8_t *out);
/*
 * n sealed bytes, XCHACHA_TAG at least, to n - XCHACHA_TAG clear ones at out, which does
 * not overlap p. -1: they are not what was sealed; out holds zeros then.
 */
int xchacha_open(const struct xchacha *x, const uint8_t *p, size_t n,
    uint8_t *out) __attribute__((warn_unused_result));

#endif
