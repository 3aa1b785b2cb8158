/*
 * keys.h: keyd's master secrets, each in a file of its own of mode 0400 under keys/,
 * held in locked memory while keyd runs.
 *
 * A key file is 56 bytes: "RKF1", generation (32 bits), 32 random bytes, and the first
 * 16 bytes of KDF(those bytes, DIGEST, the key's name and generation), which tells a
 * damaged or misnamed file before anything is sealed or opened with it.
 */
#ifndef KEYD_KEYS_H
#define KEYD_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "seal/keys.h"

enum keyd_key {
	KEYD_PEPPER, /* MAC over Argon2id's output */
	KEYD_OUTBOX, /* X25519: secret part of outbox rows */
	KEYD_ESCROW, /* X25519: escrow records */
	KEYD_DIRECTORY, /* Ed25519: certificates; the one whose generation counts */
	KEYD_HALF,      /* halves of links */
	KEYD_SHRED,     /* epoch key of the shred keys */
	KEYD_CODE,      /* verifiers of codes */
	KEYD_TOKEN,     /* verifiers of SMTP tokens */
	KEYD_PROOF,     /* proofs of addresses */
	KEYD_DUPLICATE, /* daily keys of duplicate tags */
	KEYD_COUNT,     /* names of rows in the tables on disk */
	KEYD_FORWARD, /* X25519: data keys of forwarded mail; made when missing */
	KEYD_KEYS
};

struct keyd_keys;

/*
 * Reads all keys under dir (keyd's directory). When there is no keys/ at all and
 * `first` is set, makes them: in a directory of another name that is renamed once
 * everything is on disk, so that there are all keys or none. ERR_NOT_FOUND when there
 * is no keys/ and `first` is not set; ERR_CORRUPT when a file is missing, damaged, or
 * could have been read or changed by another user. NULL with *e set.
 */
bool keyd_keys_exist(int dir); /* whether there is a keys/ at all */
struct keyd_keys *keyd_keys_load(int dir, bool first, struct err *e)
    __attribute__((warn_unused_result));
void keyd_keys_free(struct keyd_keys *k); /* wipes; NULL is fine */

const uint8_t *keyd_keys_get(const struct keyd_keys *k, enum keyd_key which);
const struct seal_pair *keyd_keys_outbox(const struct keyd_keys *k);
const struct seal_pair *keyd_keys_escrow(const struct keyd_keys *k);
const struct seal_pair *keyd_keys_forward(const struct keyd_keys *k);
const struct seal_signer *keyd_keys_directory(const struct keyd_keys *k);
uint32_t keyd_keys_generation(const struct keyd_keys *k);

#endif
