/*
 * proto.h: what the clients of keyd and keyd say to each other over its Unix
 * sockets (SOCK_SEQPACKET): one request, one reply, each exactly PROTO_SIZE bytes.
 * Integers are big-endian; what a message does not use is zero.
 *
 *	 0   4  "RKD1"
 *	 4   2  verb
 *	 6   2  outcome: an enum err_code; 0 in a request
 *	 8   4  seconds to wait, with ERR_TOO_MANY; 0 in a request
 *	12   4  sequence number, which the reply repeats
 *	16   2  bytes of body that follow the header
 *	18   6  zero
 *	24   n  body: the verb's fields in the order of its struct
 *
 * A field is bytes of fixed length, an integer, or a length (16 bits) and that many
 * bytes. One table in proto.c lists every verb's fields for both sides.
 */
#ifndef KEYD_PROTO_H
#define KEYD_PROTO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "keyd/client.h"

#define PROTO_SIZE   2048
#define PROTO_HEADER 24
#define PROTO_BODY   (PROTO_SIZE - PROTO_HEADER)

/* Whoever asks; each has a socket of its name. */
enum proto_role {
	PROTO_PORTAL,
	PROTO_INTAKE,
	PROTO_COURIER,
	PROTO_CTL,
	PROTO_ROLES
};
const char *proto_role_name(enum proto_role role);

/* Numbers of the wire: never renumber. */
enum proto_verb {
	PROTO_PING = 1,
	PROTO_PUBLIC = 2,
	PROTO_CERTIFY = 3,
	PROTO_LEASE = 4,
	PROTO_SHRED_KEY = 5,
	PROTO_PASSWORD_MAC = 6,
	PROTO_CODE_MAKE = 7,
	PROTO_CODE_CHECK = 8,
	PROTO_RELEASE = 9,
	PROTO_REGISTRATION_MAKE = 10,
	PROTO_REGISTRATION_CHECK = 11,
	PROTO_SIGN_ACCOUNT = 12,
	PROTO_RESIGN = 13,
	PROTO_TOKEN_MAKE = 14,
	PROTO_TOKEN_CHECK = 15,
	PROTO_OUTBOX_OPEN = 16,
	PROTO_DUPLICATE_TAGS = 17,
	PROTO_FORWARD_OPEN = 18,
	PROTO_VERBS
};
/* The verb's name for the log; NULL for a number that is no verb. */
const char *proto_verb_name(unsigned verb);

#define PROTO_BLOB_MAX 1024
struct proto_blob {
	size_t len;
	uint8_t data[PROTO_BLOB_MAX];
};

#define PROTO_ADDRESS (LIMIT_ADDRESS + 1)
#define PROTO_CODE    65 /* a code as typed, with the NUL */
#define PROTO_TOKEN   (LIMIT_PASSWORD_MAX + 1)

union proto_request {
	struct {
		uint8_t sign_pk[SEAL_PK_LEN];
	} certify;
	struct {
		uint64_t slot_id;
	} shred;
	struct {
		struct id tenant, account, wrap;
		uint8_t a[SECRET_KEY_LEN];
	} password;
	struct {
		struct id tenant, message, notice, outbox;
		uint8_t browser[32];
		char typed[PROTO_ADDRESS];
		struct proto_blob escrow;
	} code_make;
	struct {
		struct id handle;
		uint8_t browser[32];
		char code[PROTO_CODE];
	} code_check;
	struct {
		uint8_t proof[KEYD_PROOF_LEN];
		struct id tenant, message, notice;
		struct proto_blob escrow;
	} release;
	struct {
		struct id tenant;
		char address[PROTO_ADDRESS];
		char code[PROTO_CODE]; /* not sent when one is made */
	} registration;
	struct {
		uint8_t proof[KEYD_PROOF_LEN];
		struct id tenant, account;
		char address[PROTO_ADDRESS];
		uint32_t version;
		uint8_t pk[SEAL_PK_LEN];
	} sign;
	struct {
		uint8_t cert[SEAL_CERT_LEN];
	} resign;
	struct {
		struct id tenant, account, token_id;
		uint8_t verifier[32]; /* not sent when one is made */
		char token[PROTO_TOKEN];
	} token;
	struct {
		struct id tenant, outbox;
		uint32_t kind;
		struct proto_blob box;
	} outbox;
	struct {
		struct id tenant, message, forward;
		struct proto_blob box;
	} forward;
	struct {
		struct id tenant;
		uint8_t digest[32];
	} tags;
};

union proto_reply {
	struct keyd_public public;
	uint8_t cert[SEAL_CERT_LEN];
	struct keyd_slot lease[KEYD_LEASE];
	uint8_t key[SECRET_KEY_LEN];
	struct {
		struct id handle;
		char reference[8];
		uint64_t expires;
		struct proto_blob item;
	} code;
	uint8_t proof[KEYD_PROOF_LEN];
	struct {
		uint64_t slot_id;
		uint8_t half[SECRET_KEY_LEN];
		uint32_t has_key;
		uint8_t sk[SECRET_KEY_LEN];
	} release;
	char registration[KEYD_REGISTRATION_LEN];
	uint8_t verifier[32];
	struct {
		char address[PROTO_ADDRESS];
		char secret[SEAL_ITEM_SECRET];
		char reference[8];
		char original[SEAL_ITEM_SECRET];
	} item;
	uint8_t tags[KEYD_TAGS][32];
};

struct proto_head {
	unsigned verb;
	enum err_code outcome;
	uint32_t wait_s;
	uint32_t seq;
};

/*
 * Writes a whole message into out; the union may be NULL where the verb has no fields
 * that way or the outcome is an error. -1 when a string has no NUL in its place or a
 * blob is too long; out then holds nothing of it.
 */
int proto_write_request(uint8_t out[PROTO_SIZE], const struct proto_head *h,
    const union proto_request *q) __attribute__((warn_unused_result));
int proto_write_reply(uint8_t out[PROTO_SIZE], const struct proto_head *h,
    const union proto_reply *r) __attribute__((warn_unused_result));

/* The header alone; -1 when it is none of ours. The verb may still be unknown. */
int proto_read_head(const uint8_t in[PROTO_SIZE], struct proto_head *out)
    __attribute__((warn_unused_result));
/*
 * The body of a message whose header was read. -1 when the verb is unknown or the
 * fields do not fill the body exactly. Strings come out with a NUL and none inside.
 */
int proto_read_request(const uint8_t in[PROTO_SIZE], union proto_request *out)
    __attribute__((warn_unused_result));
int proto_read_reply(const uint8_t in[PROTO_SIZE], union proto_reply *out)
    __attribute__((warn_unused_result));

#endif
