/*
 * account.h: people of one tenant: its members, and outside recipients who registered;
 * their public keys, unlockers and SMTP tokens. All within a transaction of the tenant.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "seal/keys.h"
#include "store/db.h"

enum account_kind { ACCOUNT_MEMBER = 1, ACCOUNT_GUEST = 2 };

struct account {
	struct id id;
	enum account_kind kind;
	bool admin;
	bool active; /* registered: has a key and an unlocker */
	char address[LIMIT_ADDRESS + 1]; /* as people write it */
	char key[LIMIT_ADDRESS + 1];     /* lower case; unique in the tenant */
	char name[LIMIT_NAME * 4 + 1];
	int64_t created;
	int64_t last_login; /* 0: never */
};

int account_find(struct db *db, const struct id *tenant, const char *key,
    struct account *out, struct err *e) __attribute__((warn_unused_result));
/* ERR_CONFLICT: address taken */
int account_add(struct db *db, const struct id *tenant, const struct account *a,
    struct err *e) __attribute__((warn_unused_result));
/* Sets active and the name; ERR_CONFLICT when it is active already. */
int account_activate(struct db *db, const struct id *tenant,
    const struct id *account, const char *name, struct err *e)
    __attribute__((warn_unused_result));
int account_logged_in(struct db *db, const struct id *tenant,
    const struct id *account, struct err *e)
    __attribute__((warn_unused_result));
int account_list(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const struct account *a), void *arg, struct err *e)
    __attribute__((warn_unused_result));

/* Versioned X25519 keys. sk_wrap: RSW1 under the master key, purpose ACCOUNT_KEY. */
struct account_key {
	struct id account;
	uint32_t version;
	uint8_t pk[SEAL_PK_LEN];
	uint8_t cert[SEAL_CERT_LEN];
	uint8_t sk_wrap[SEAL_WRAP_OVERHEAD + SECRET_KEY_LEN];
};
int account_key_add(struct db *db, const struct id *tenant,
    const struct account_key *k, struct err *e)
    __attribute__((warn_unused_result));
/* The newest, public half: sk_wrap is left zero (intake's role cannot read it). */
int account_key_public(struct db *db, const struct id *tenant,
    const struct id *account, struct account_key *out, struct err *e)
    __attribute__((warn_unused_result));
/* All versions, newest first, with sk_wrap: at most cap. */
int account_key_all(struct db *db, const struct id *tenant,
    const struct id *account, struct account_key *out, size_t cap, size_t *n,
    struct err *e) __attribute__((warn_unused_result));
int account_key_recert(struct db *db, const struct id *tenant,
    const struct id *account, uint32_t version,
    const uint8_t cert[SEAL_CERT_LEN], struct err *e)
    __attribute__((warn_unused_result));

/* Unlockers: the master key wrapped. */
enum unlocker_kind { UNLOCKER_PASSWORD = 1 };
struct unlocker {
	struct id id;
	struct id account;
	enum unlocker_kind kind;
	uint8_t salt[SEAL_SALT_LEN];
	uint8_t blob[SEAL_WRAP_OVERHEAD + SECRET_KEY_LEN];
};
int unlocker_add(struct db *db, const struct id *tenant,
    const struct unlocker *u, struct err *e)
    __attribute__((warn_unused_result));
int unlocker_find(struct db *db, const struct id *tenant,
    const struct id *account, enum unlocker_kind kind, struct unlocker *out,
    struct err *e) __attribute__((warn_unused_result));

/* SMTP tokens: keyd's verifier, nothing that unwraps. */
struct smtp_token {
	struct id id;
	struct id account;
	char label[64];
	uint8_t verifier[32];
};
int smtp_token_add(struct db *db, const struct id *tenant,
    const struct smtp_token *t, struct err *e)
    __attribute__((warn_unused_result));
int smtp_token_all(struct db *db, const struct id *tenant,
    const struct id *account, struct smtp_token *out, size_t cap, size_t *n,
    struct err *e) __attribute__((warn_unused_result));

#endif
