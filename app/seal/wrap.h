/*
 * wrap.h: one secret or blob sealed under a 32-byte key ("RSW1"). The key is
 * committed to and the commitment compared first, because XChaCha20-Poly1305 alone
 * does not bind its key. Everything that says what the blob is and where it belongs
 * enters as associated data, so that a row copied to another place does not open.
 * doc/SEALED-FORMAT.md 3.
 *
 *	 0   4  "RSW1"
 *	 4   1  algorithm, 1 = XChaCha20-Poly1305 with a BLAKE2b commitment
 *	 5   1  purpose
 *	 6   2  zero
 *	 8  24  nonce, random
 *	32  32  commitment
 *	64   n  ciphertext
 *	     16  tag
 */
#ifndef SEAL_WRAP_H
#define SEAL_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"

#define SEAL_WRAP_OVERHEAD 80

/* Values are stored: never renumber. */
enum seal_purpose {
	SEAL_P_PASSWORD = 1,    /* master key under a password */
	SEAL_P_ACCOUNT_KEY = 2, /* X25519 secret under the master key */
	SEAL_P_SESSION = 3,     /* key ring under a cookie's secret */
	SEAL_P_LINK = 4, /* provisional secret key under link secret and half */
	SEAL_P_ESCROW = 5, /* escrow record, boxed to keyd */
	SEAL_P_OUTBOX = 6, /* secret part of an outbox row, boxed to keyd */
	SEAL_P_SLOT = 7,   /* a message's data key for one reader */
	SEAL_P_MANIFEST = 8,
	SEAL_P_UPLOAD_KEY = 9,    /* an upload's file key for its owner */
	SEAL_P_UPLOAD_FACTS = 10, /* its name and type */
	SEAL_P_UPLOAD_TAIL = 11,  /* the beginning of its next chunk */
	SEAL_P_PAGE = 12,         /* a finished page, in memory only */
	SEAL_P_FORWARD = 13 /* data key of a forwarded copy, boxed to keyd */
};

/* Where a blob belongs. Zero what does not apply. */
struct seal_bind {
	struct id tenant;
	struct id owner; /* account, message, session, outbox row */
	struct id item;  /* unlocker, notice, key */
	uint64_t number; /* slot, version, kind */
};

/* Appends the blob to *out. -1 only when memory is out. */
int seal_wrap(const uint8_t key[SECRET_KEY_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *plain, size_t n, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Appends the clear bytes to *out. -1 with ERR_DENIED when the key is not the one
 * (the commitment differs: this is the password check), ERR_CORRUPT when the blob is
 * malformed, of another purpose, moved or changed (changed in nonce or commitment it
 * names another key, and is denied). *out keeps what it held. Memory out is ERR_UNAVAILABLE.
 */
int seal_unwrap(const uint8_t key[SECRET_KEY_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *blob, size_t n, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));

#endif
