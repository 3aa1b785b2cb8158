/*
 * keys.h: key pairs, certificates of public keys, signatures, sealed boxes and
 * slots. doc/SEALED-FORMAT.md 4 to 6.
 */
#ifndef SEAL_KEYS_H
#define SEAL_KEYS_H

#include "seal/wrap.h"
#include "seal/kdf.h"

#define SEAL_PK_LEN      32
#define SEAL_SIG_LEN     64
#define SEAL_SIGN_SK_LEN 64

/*
 * X25519, for being sealed to. The secret is wiped by its owner with secret_wipe(&kp,
 * sizeof(kp)).
 */
struct seal_pair {
	uint8_t pk[SEAL_PK_LEN];
	uint8_t sk[SECRET_KEY_LEN];
};
void seal_pair_new(struct seal_pair *out);
/* pk from sk. */
void seal_pair_from(const uint8_t sk[SECRET_KEY_LEN], struct seal_pair *out);

/* Ed25519, for signing. */
struct seal_signer {
	uint8_t pk[SEAL_PK_LEN];
	uint8_t sk[SEAL_SIGN_SK_LEN];
};
void seal_signer_new(struct seal_signer *out);
void seal_signer_from_seed(const uint8_t seed[32], struct seal_signer *out);
void seal_sign(const struct seal_signer *s, const char *what,
    const struct seal_field *f, size_t n, uint8_t sig[SEAL_SIG_LEN]);
/* 0 when the signature is right, else -1. */
int seal_verify(const uint8_t pk[SEAL_PK_LEN], const char *what,
    const struct seal_field *f, size_t n, const uint8_t sig[SEAL_SIG_LEN])
    __attribute__((warn_unused_result));

/*
 * A signed public key ("RSK1", 208 bytes): of an account or a process, signed by
 * keyd's directory key; of a provisional pair, signed by the process that made it.
 */
enum seal_cert_kind {
	SEAL_C_ACCOUNT = 1,
	SEAL_C_PROVISIONAL = 2,
	SEAL_C_PROCESS = 3
};
struct seal_cert {
	enum seal_cert_kind kind;
	uint32_t generation; /* of the directory key */
	struct id tenant;    /* zero for a process */
	struct id subject;   /* account, notice; zero for a process */
	uint32_t version;    /* of the subject's key */
	uint8_t address[32]; /* its digest; a process's role by name, padded */
	uint8_t pk[SEAL_PK_LEN];
	int64_t not_before; /* microseconds */
	int64_t not_after;
};
#define SEAL_CERT_LEN 208

/* ASCII letters of either case give the same. */
void seal_address_digest(
    const struct id *tenant, const char *address, uint8_t out[32]);
void seal_cert_sign(const struct seal_signer *by, const struct seal_cert *c,
    uint8_t out[SEAL_CERT_LEN]);
/*
 * Checks form and signature, not the dates. -1 ERR_CORRUPT. The caller compares kind,
 * tenant, subject and address with what it expects, and the dates with the clock.
 */
int seal_cert_open(const uint8_t by_pk[SEAL_PK_LEN], const void *cert, size_t n,
    struct seal_cert *out, struct err *e) __attribute__((warn_unused_result));

/*
 * Sealed box ("RSB1"): to a public key, from nobody in particular: magic, algorithm,
 * three zero bytes, ephemeral public key (32), then an RSW1 blob under
 * KDF(shared, BOX, both public keys).
 */
#define SEAL_BOX_OVERHEAD (40 + SEAL_WRAP_OVERHEAD)
int seal_box_seal(const uint8_t to_pk[SEAL_PK_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *plain, size_t n, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));
int seal_box_open(const struct seal_pair *to, enum seal_purpose purpose,
    const struct seal_bind *bind, const void *blob, size_t n, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Slots. One ephemeral pair a message; the data key sealed for one reader under
 * KDF(X25519(ephemeral, reader), SLOT, shred key, tenant, message, slot, both public keys).
 * bind: tenant, owner = message, number = slot number within the message. Asked for
 * under another of these a slot is denied: they enter the key.
 */
#define SEAL_SLOT_LEN (SEAL_WRAP_OVERHEAD + SECRET_KEY_LEN)
int seal_slot_seal(const struct seal_pair *ephemeral,
    const uint8_t reader_pk[SEAL_PK_LEN], const uint8_t shred[SECRET_KEY_LEN],
    const struct seal_bind *bind, const uint8_t dek[SECRET_KEY_LEN],
    uint8_t out[SEAL_SLOT_LEN], struct err *e)
    __attribute__((warn_unused_result));
/*
 * ERR_DENIED when the keys are not the reader's. The caller then checks the data key's
 * commitment.
 */
int seal_slot_open(const struct seal_pair *reader,
    const uint8_t ephemeral_pk[SEAL_PK_LEN],
    const uint8_t shred[SECRET_KEY_LEN], const struct seal_bind *bind,
    const void *slot, size_t n, uint8_t dek[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));
/*
 * Sealing the same data key again to another key of the same reader (adoption at
 * registration) needs a new ephemeral pair: its public key then stands in front of
 * the slot. seal_slot_open() takes the ephemeral key the store gives with the slot.
 */

/* The commitment to a message's data key, stored once with the message. */
void seal_dek_commit(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint8_t out[32]);

#endif
