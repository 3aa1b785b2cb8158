/*
 * token.h: secrets that people or cookies carry, and the small records that are
 * boxed to keyd. doc/SEALED-FORMAT.md 8.
 */
#ifndef SEAL_TOKEN_H
#define SEAL_TOKEN_H

#include "base/limits.h"
#include "seal/keys.h"

/* A pick-up code: 40 random bits, 8 characters of base 32. Locates, grants nothing. */
#define SEAL_PICKUP_LEN 9                        /* with the NUL */
void seal_pickup_new(char out[SEAL_PICKUP_LEN]); /* 7KQF2M9X */
/*
 * Reads what people type (either case, hyphen, look-alikes) into the stored form; -1
 * when it is none.
 */
int seal_pickup_parse(const char *s, char out[SEAL_PICKUP_LEN])
    __attribute__((warn_unused_result));
void seal_pickup_show(
    const char code[SEAL_PICKUP_LEN], char out[10]); /* 7KQF-2M9X */

/* A link secret: 130 random bits, 26 characters of base 32, lower case in links. */
#define SEAL_LINK_LEN   27 /* with the NUL */
#define SEAL_LINK_BYTES 17 /* 130 bits, the last six of the 17th byte zero */
void seal_link_new(uint8_t out[SEAL_LINK_BYTES], char text[SEAL_LINK_LEN]);
int seal_link_parse(const char *s, size_t n, uint8_t out[SEAL_LINK_BYTES])
    __attribute__((warn_unused_result));
/* Stored beside the notice: tells a mistyped link from the right one. 130 bits need no salt. */
void seal_link_hash(const uint8_t secret[SEAL_LINK_BYTES], uint8_t out[32]);
/*
 * keyd's half as it counts for one address: KDF(half, HALF_ADDRESS, digest of the
 * address). keyd releases only this form, for the address that was proved, so that
 * a record naming somebody else's slot gives a half that opens nothing.
 */
void seal_half_bind(const uint8_t half[SECRET_KEY_LEN], const struct id *tenant,
    const char *address, uint8_t out[SECRET_KEY_LEN]);
/* KDF(link secret, LINK, that half, tenant, notice). */
void seal_link_key(const uint8_t secret[SEAL_LINK_BYTES],
    const uint8_t half[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *notice, uint8_t out[SECRET_KEY_LEN]);

/* A one-time code: 8 characters of base 32 (40 bits), shown as XXXX-XXXX. */
#define SEAL_CODE_LEN 9
void seal_code_new(char out[SEAL_CODE_LEN]);
int seal_code_parse(const char *s, char out[SEAL_CODE_LEN])
    __attribute__((warn_unused_result));

/* The secret part of an outbox row: what keyd opens for the courier alone. */
enum seal_item_kind {
	SEAL_I_NOTICE = 1,
	SEAL_I_CODE = 2,
	SEAL_I_NOTICE_ACCOUNT = 3,
	SEAL_I_RECEIPT = 4,
	SEAL_I_STATUS = 5 /* a delivery status notification */
};
/* Room for the longest secret of them, with the NUL. */
#define SEAL_ITEM_SECRET 256
struct seal_item {
	enum seal_item_kind kind;
	char address[LIMIT_ADDRESS + 1]; /* the only address it may go to */
	/*
	 * link secret, or code; "" for an account's notice; the original's Message-ID for a
	 * receipt and for a delivery status
	 */
	char secret[SEAL_ITEM_SECRET];
	char reference[8]; /* of a code mail: what its subject ends in */
	/* of a notice: the original's Message-ID, for when it fails; else "" */
	char original[SEAL_ITEM_SECRET];
};
/*
 * Appends / reads the encoding; the box around it is seal_box_*, purpose OUTBOX, bind
 * tenant, owner = outbox row, number = kind.
 */
int seal_item_encode(const struct seal_item *i, struct buf *out)
    __attribute__((warn_unused_result));
int seal_item_decode(const void *p, size_t n, struct seal_item *out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * The escrow record of one notice: which address may prove itself for it, and, where
 * the tenant allows links to be sent again, the provisional secret key.
 * Box: purpose ESCROW, bind tenant, owner = message, item = notice.
 */
struct seal_escrow {
	uint64_t slot_id; /* keyd's name of the slot: its half and shred key */
	char address[LIMIT_ADDRESS + 1];
	int64_t expires;
	int has_key;
	uint8_t sk[SECRET_KEY_LEN];
};
int seal_escrow_encode(const struct seal_escrow *r, struct buf *out)
    __attribute__((warn_unused_result));
int seal_escrow_decode(const void *p, size_t n, struct seal_escrow *out,
    struct err *e) __attribute__((warn_unused_result));

#endif
