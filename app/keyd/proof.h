/*
 * proof.h: keyd's own statements that somebody proved an address of a tenant, and the
 * one form in which keyd compares addresses.
 *
 *	 0   4  "RKP1"
 *	 4   1  method
 *	 5   3  zero
 *	 8  16  tenant
 *	24  32  digest of the address
 *	56   8  issued, microseconds
 *	64   8  expires
 *	72  24  nonce, random
 *	96  32  KDF(proof key, PROOF, the 96 bytes before)
 */
#ifndef KEYD_PROOF_H
#define KEYD_PROOF_H

#include "keyd/client.h"
#include "keyd/keys.h"

enum keyd_method { KEYD_M_CODE = 1, KEYD_M_REGISTRATION = 2 };

struct keyd_proof {
	enum keyd_method method;
	struct id tenant;
	uint8_t address[32];
	int64_t issued;
	int64_t expires;
};

/* A proof that holds LIMIT_PROOF_HOURS from `now`. */
void keyd_proof_make(const struct keyd_keys *k, enum keyd_method method,
    const struct id *tenant, const uint8_t address[32], int64_t now,
    uint8_t out[KEYD_PROOF_LEN]);
/* ERR_DENIED for anything keyd did not make, ERR_EXPIRED. */
int keyd_proof_open(const struct keyd_keys *k,
    const uint8_t proof[KEYD_PROOF_LEN], int64_t now, struct keyd_proof *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * The digest of an address (which takes no notice of case); ERR_BAD_INPUT for what cannot be a mailbox
 * (empty, no '@', white space or control characters).
 */
int keyd_proof_address(const struct id *tenant, const char *address,
    uint8_t out[32], struct err *e) __attribute__((warn_unused_result));

#endif
