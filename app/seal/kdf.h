/*
 * kdf.h: key derivation. KDF(key, label, fields) is BLAKE2b keyed with `key` over
 * the label and the fields, each with its length in front (32 bits), so that two
 * different lists never give the same input. One label a purpose; the labels stand
 * here and nowhere else. doc/SEALED-FORMAT.md 2.
 */
#ifndef SEAL_KDF_H
#define SEAL_KDF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/id.h"
#include "base/secret.h"

enum seal_label {
	SEAL_L_WRAP_COMMIT, /* wrapped secrets: commitment to the key */
	SEAL_L_WRAP_KEY,    /* wrapped secrets: cipher key */
	SEAL_L_BOX,         /* sealed box: key from the shared secret */
	SEAL_L_SLOT,        /* slot key */
	SEAL_L_DEK_COMMIT,  /* commitment to a message's data key */
	SEAL_L_MANIFEST,    /* manifest key from the data key */
	SEAL_L_PART,        /* content key of one part */
	SEAL_L_PART_COMMIT, /* commitment to it */
	SEAL_L_PASSWORD, /* password unlocker: from Argon2id's output and keyd's MAC */
	SEAL_L_PEPPER, /* keyd's MAC over that output */
	SEAL_L_ACCOUNT_KEY, /* wrap of an account's X25519 secret under its master key */
	SEAL_L_SESSION,    /* session wrap from the cookie's secret */
	SEAL_L_SESSION_ID, /* what the database knows a session id by */
	SEAL_L_CSRF,       /* form token from the cookie's secret */
	SEAL_L_BROWSER,    /* what keyd knows a browser by */
	SEAL_L_LINK, /* link unlocker: from the link secret and keyd's half */
	SEAL_L_LINK_ID, /* hash of a link secret, to tell a mistyped link */
	SEAL_L_HALF,    /* keyd's half of a link */
	SEAL_L_HALF_ADDRESS,   /* that half as it counts for one address */
	SEAL_L_SHRED,          /* a slot's shred key from the epoch key */
	SEAL_L_CODE,           /* keyd's verifier of a one-time code */
	SEAL_L_REGISTRATION,   /* keyd's verifier of a registration code */
	SEAL_L_TOKEN,          /* keyd's verifier of an SMTP token */
	SEAL_L_PROOF,          /* keyd's proof that an address was proved */
	SEAL_L_DUPLICATE,      /* duplicate tag under a daily key */
	SEAL_L_DUPLICATE_DAY,  /* that daily key */
	SEAL_L_DUPLICATE_SOON, /* tag of a shorter span, from that tag */
	SEAL_L_DIGEST,       /* unkeyed digest of named fields (key of zeros) */
	SEAL_L_ADDRESS,      /* digest of an address inside a certificate */
	SEAL_L_COUNT,        /* keyd's budget counters: row of an account */
	SEAL_L_SIGN,         /* what an Ed25519 signature is over */
	SEAL_L_DOWNLOAD_TAG, /* validator of a file that is downloaded */
	SEAL_L_UPLOAD, /* key of an upload's facts and tail, from its file key */
	SEAL_L_UPLOAD_GUEST, /* wrap of a guest's uploads, from the cookie's secret */
	SEAL_L_PAGE, /* a finished page kept in memory, from the cookie's secret */
	SEAL_L_PAGE_NAME, /* what it is of, from that key */
	SEAL_LABELS
};

struct seal_field {
	const void *p;
	size_t n;
};
/* For use in a list: SEAL_F(&x, sizeof(x)) and SEAL_FID(&id), SEAL_FSTR("text"). */
#define SEAL_F(p, n) ((struct seal_field){(p), (n)})
#define SEAL_FID(id) ((struct seal_field){(id)->b, ID_LEN})
#define SEAL_FSTR(s) ((struct seal_field){(s), strlen(s)})

/* The label's text as it enters the hash; texts are unique. */
const char *seal_label_text(enum seal_label l);

/* outlen 16..64. Cannot fail. */
void seal_kdf(uint8_t *out, size_t outlen, const uint8_t key[SECRET_KEY_LEN],
    enum seal_label label, const struct seal_field *f, size_t n);

/*
 * Incremental SHA-256, BLAKE2b-256 and SHA-1 (20 bytes; a client's check, no proof), so that
 * no other module needs libsodium.
 */
struct seal_hash;
enum seal_hash_kind { SEAL_SHA256, SEAL_BLAKE2B, SEAL_SHA1 };
struct seal_hash *seal_hash_new(enum seal_hash_kind kind)
    __attribute__((warn_unused_result));
void seal_hash_add(struct seal_hash *h, const void *p, size_t n);
void seal_hash_end(
    struct seal_hash *h, uint8_t out[32]); /* frees h; out NULL just frees */

/*
 * Argon2id, t = 3, 64 MiB, 1 lane: about 80 ms. Its memory is mapped for the call
 * and given back to the kernel. -1 when memory is out.
 */
#define SEAL_SALT_LEN 16
int seal_password(const void *password, size_t n,
    const uint8_t salt[SEAL_SALT_LEN], uint8_t out[SECRET_KEY_LEN])
    __attribute__((warn_unused_result));

#endif
