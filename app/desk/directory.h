/*
 * directory.h: what a process remembers of domains, tenants' rules, accounts and their
 * public keys, so that a message does not ask the database for what the one before it
 * asked. Safe between threads, bounded, nothing secret in it.
 *
 * An answer is at most DIRECTORY_MS old. What that can mean: who was removed may be sent
 * mail, a relay taken away may send, a rule made stricter is not kept, an older version
 * of a key is sealed to (it still opens) for that long. That something is not there is not
 * remembered: who and what is new is known at once. The one exception is a domain that
 * is no tenant's, which makes nobody a member and lets nobody relay: for that long after
 * it was added, strangers may use it as a sender's, and members' mail to it goes outward.
 * A refusal is never made from memory.
 */
#ifndef DESK_DIRECTORY_H
#define DESK_DIRECTORY_H

#include <stdbool.h>

#include "store/account.h"
#include "store/directory.h"
#include "store/tenant.h"

#define DIRECTORY_MS 2000

struct desk;
struct directory;

struct directory *directory_new(void) __attribute__((warn_unused_result));
void directory_free(struct directory *dir); /* NULL is fine */

/*
 * For a thread, outside a transaction: from memory, else from the database, in a
 * transaction of their own that is over when they return. 1 found, 0 there is none, -1.
 */
int directory_tenant(struct desk *d, const struct id *tenant,
    struct tenant *out, struct err *e) __attribute__((warn_unused_result));
/* By its address in lower case; of whatever kind. */
int directory_account(struct desk *d, const struct id *tenant, const char *key,
    struct account *out, struct err *e) __attribute__((warn_unused_result));
/*
 * The newest key of a's, its certificate checked (account_key_check()), sk_wrap zero. 0: it
 * has none, and is sealed for as a stranger.
 */
int directory_key(struct desk *d, const struct id *tenant,
    const struct account *a, struct account_key *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * How a question is asked. d NULL: from memory alone, on the event loop. fresh: nothing is
 * taken from memory, but for what this process read within the last DIRECTORY_FRESH_MS.
 */
#define DIRECTORY_FRESH_MS 100
struct directory_ask {
	struct directory *dir;
	struct desk *d;
	bool fresh;
	bool unsure; /* set: memory alone did not know, the answer is none */
	bool aged;   /* set: an answer was older than that */
};

/* Whose mail domain is it? 1 with its tenant, 0 nobody's here (or unsure), -1. */
int directory_domain(struct directory_ask *q, const char *domain,
    struct id *tenant_out, struct err *e) __attribute__((warn_unused_result));
/* 1 with the rules, to be given back; 0 no such tenant (or unsure), -1. */
int directory_rules(struct directory_ask *q, const struct id *tenant,
    const struct rules **out, struct err *e)
    __attribute__((warn_unused_result));
void directory_rules_drop(const struct rules *r); /* NULL is fine */
/*
 * What an address of a tenant's domain, in lower case, stands for itself: a member, an
 * alias or a list, in this order. 1, 0 nothing (or unsure), -1.
 */
int directory_address(struct directory_ask *q, const struct id *tenant,
    const char *key, struct address_row *out, struct err *e)
    __attribute__((warn_unused_result));
/*
 * What another address was found to stand for by the tenant's rules, from answers that are
 * not aged.
 */
void directory_learn(struct directory_ask *q, const struct id *tenant,
    const char *key, const struct address_row *row);
/* Does the tenant know this outside address? 1, 0 it does not (or unsure), -1. */
int directory_known(struct directory_ask *q, const struct id *tenant,
    const char *key, struct err *e) __attribute__((warn_unused_result));

#endif
