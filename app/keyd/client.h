/*
 * client.h: the other processes' side of keyd: one function a verb. A client belongs
 * to one thread; it connects when first used and again after keyd was restarted (a
 * request that was cut off by that is sent once more where repeating it is harmless).
 * Every function returns 0, or -1 with ERR_UNAVAILABLE (no keyd), ERR_DENIED (wrong,
 * or not for this role), ERR_TOO_MANY (budget used up), ERR_EXPIRED, ERR_BAD_INPUT.
 */
#ifndef KEYD_CLIENT_H
#define KEYD_CLIENT_H

#include "base/id.h"
#include "base/secret.h"
#include "seal/keys.h"
#include "seal/token.h"

struct keyd;
struct keyd *keyd_open(const char *socket_path)
    __attribute__((warn_unused_result));
void keyd_close(struct keyd *k); /* NULL is fine */

/* Known within 2 s, also of a keyd that hangs. */
int keyd_ping(struct keyd *k, struct err *e)
    __attribute__((warn_unused_result));

/* Every role. The keys that others seal to and verify with; constant while keyd runs. */
struct keyd_public {
	uint32_t generation;
	uint8_t directory_pk[SEAL_PK_LEN];
	uint8_t outbox_pk[SEAL_PK_LEN];
	uint8_t escrow_pk[SEAL_PK_LEN];
	uint8_t forward_pk[SEAL_PK_LEN];
};
int keyd_public(struct keyd *k, struct keyd_public *out, struct err *e)
    __attribute__((warn_unused_result));

/* intake, portal: a certificate for the process's own signing key; the role is the socket's. */
int keyd_certify_process(struct keyd *k, const uint8_t sign_pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
    __attribute__((warn_unused_result));

/* intake, portal: names and keys for slots to come, a block at a time. Never given out twice. */
#define KEYD_LEASE 24
struct keyd_slot {
	uint64_t id;
	uint8_t shred[SECRET_KEY_LEN]; /* wiped by the owner after sealing */
	uint8_t half[SECRET_KEY_LEN];  /* keyd's half of the notice's link */
};
int keyd_lease(struct keyd *k, struct keyd_slot out[KEYD_LEASE], struct err *e)
    __attribute__((warn_unused_result));

/* portal: the shred key of one slot, for opening it. ERR_GONE once destroyed. */
int keyd_shred_key(struct keyd *k, uint64_t slot_id,
    uint8_t out[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));

/*
 * portal, ctl: KDF(pepper, tenant, account, wrap, a), against the account's budget of
 * LIMIT_PASSWORD_HOUR and _DAY, counted whatever the outcome. *wait_s: seconds until
 * the next try when ERR_TOO_MANY.
 */
int keyd_password_mac(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *wrap,
    const uint8_t a[SECRET_KEY_LEN], uint8_t out[SECRET_KEY_LEN], int *wait_s,
    struct err *e) __attribute__((warn_unused_result));

/*
 * portal: has keyd make a one-time code for the address in an escrow record. The code
 * is only inside `item`, a box to keyd's outbox key for outbox row `outbox`; the portal
 * never sees it. `browser` ties code and tries to the browser that asked. `typed` is
 * the address the visitor typed: another one than the record's is ERR_DENIED.
 * ERR_TOO_MANY past LIMIT_CODES_HOUR.
 */
#define KEYD_ITEM_MAX 640
struct keyd_code {
	struct id handle;
	char reference[8]; /* shown on the page and in the mail's subject */
	int64_t expires;
	uint8_t item[KEYD_ITEM_MAX];
	size_t item_len;
};
int keyd_code_make(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *notice, const void *escrow,
    size_t escrow_len, const char *typed, const uint8_t browser[32],
    const struct id *outbox, struct keyd_code *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A proof: keyd's own statement (MAC inside) that the holder proved an address of a
 * tenant, valid 12 hours. Whoever holds it may have that address's pending keys
 * released, so it is kept only inside the session's wrap.
 */
#define KEYD_PROOF_LEN 128
/*
 * portal: ERR_DENIED for a wrong code, an unknown handle or another browser, counted;
 * after LIMIT_CODE_TRIES the code is dead. A right code is used up.
 */
int keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e) __attribute__((warn_unused_result));

/* portal: opens an escrow record against a proof of its address. */
struct keyd_release {
	uint64_t slot_id;
	uint8_t half[SECRET_KEY_LEN];
	int has_key;
	uint8_t sk[SECRET_KEY_LEN]; /* provisional secret key, when has_key */
};
int keyd_release(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *message, const struct id *notice,
    const void *escrow, size_t escrow_len, struct keyd_release *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * ctl: a registration code for a member to be, and its check (portal, ctl), which gives
 * a proof and uses it up.
 */
#define KEYD_REGISTRATION_LEN 17 /* 16 characters and the NUL, shown in fours */
int keyd_registration_make(struct keyd *k, const struct id *tenant,
    const char *address, char code[KEYD_REGISTRATION_LEN], struct err *e)
    __attribute__((warn_unused_result));
int keyd_registration_check(struct keyd *k, const struct id *tenant,
    const char *address, const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e) __attribute__((warn_unused_result));

/* portal, ctl: signs an account's public key; needs a proof of its address. */
int keyd_sign_account(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *account, const char *address,
    uint32_t version, const uint8_t pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
    __attribute__((warn_unused_result));
/* intake, portal: the same certificate with new dates; the old one must verify. */
int keyd_resign(struct keyd *k, const uint8_t old[SEAL_CERT_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
    __attribute__((warn_unused_result));

/*
 * ctl: the verifier to store for an SMTP token; intake: the check. ERR_TOO_MANY past
 * LIMIT_TOKEN_HOUR wrong ones.
 */
int keyd_token_make(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id, const char *token,
    uint8_t verifier[32], struct err *e) __attribute__((warn_unused_result));
int keyd_token_check(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id,
    const uint8_t verifier[32], const char *token, struct err *e)
    __attribute__((warn_unused_result));

/* courier: opens the secret part of one outbox row. */
int keyd_outbox_open(struct keyd *k, const struct id *tenant,
    const struct id *outbox, enum seal_item_kind kind, const void *box,
    size_t n, struct seal_item *out, struct err *e)
    __attribute__((warn_unused_result));

/* courier: the data key of a forwarded copy: what was boxed for this one alone. */
int keyd_forward_open(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *forward, const void *box,
    size_t n, uint8_t dek[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));

/*
 * intake, portal: the tags a digest has under today's key and those of the three days
 * before; [0] is the one to store.
 */
#define KEYD_TAGS 4
int keyd_duplicate_tags(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
    __attribute__((warn_unused_result));
/*
 * The same in two steps, for who has something else to do until the answer comes. Between
 * them nothing else is asked of this client, and the second is always taken.
 */
void keyd_duplicate_ask(
    struct keyd *k, const struct id *tenant, const uint8_t digest[32]);
int keyd_duplicate_take(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
    __attribute__((warn_unused_result));

#endif
