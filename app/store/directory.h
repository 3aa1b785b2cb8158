/*
 * directory.h: what a tenant's addresses stand for and who may use them: its rules for
 * mail, relays, partners, aliases and lists. Everything but the domain's tenant is asked
 * within a transaction of the tenant.
 */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include <stdbool.h>

#include "base/limits.h"
#include "policy/envelope.h"
#include "policy/network.h"
#include "store/account.h"
#include "store/db.h"
#include "store/tenant.h"

#define DIRECTORY_PIN 32 /* SHA-256 of a certificate */

enum relay_kind { RELAY_CERTIFICATE = 1, RELAY_RANGE = 2, RELAY_ACCOUNT = 3 };
/* A server of the tenant's own. */
struct relay {
	struct id id;
	enum relay_kind kind;
	uint8_t certificate[DIRECTORY_PIN];
	char range[POLICY_NET_TEXT]; /* "192.0.2.0/24"; "" for the others */
	struct policy_net net;       /* the same */
	struct id account;           /* whose SMTP tokens it uses */
	char label[64];
	int64_t created;
};

/* A domain the tenant has agreed with. */
struct partner {
	char domain[256]; /* lower case */
	bool tls_in;      /* mail from there is taken over TLS alone */
	/* and only from who shows a certificate that is this, or that this one signed */
	bool pinned;
	uint8_t pin[DIRECTORY_PIN];
	/* mail to there asks for verified TLS all the way (RFC 8689), or fails */
	bool tls_out;
	int64_t created;
};

/* Where members' mail goes: kept in the portal, handed to the tenant's own server, both. */
enum inward_way { INWARD_PORTAL = 1, INWARD_FORWARD = 2, INWARD_BOTH = 3 };

/* Of a client and hour, by class of sender; 0: the installation's own. */
struct rates {
	int messages[3]; /* by enum policy_class */
	int recipients[3];
	int harvest; /* unknown recipients, within LIMIT_BRAKE_SECONDS */
};

struct rules {
	struct tenant tenant;
	enum policy_inward inward;
	enum inward_way way;
	char server[256]; /* where it is handed to; "" for none */
	int port;
	char tag[64];                      /* in front of the subject then */
	bool plus;                         /* alice+tag@ is alice@ */
	char catch_all[LIMIT_ADDRESS + 1]; /* key of a member; "": off */
	struct rates rates;
	struct relay *relay;
	size_t n_relay;
	struct partner *partner; /* sorted by domain */
	size_t n_partner;
};

/* Lists of addresses. */
struct dist_list {
	struct id id;
	char key[LIMIT_ADDRESS + 1];
	bool open; /* anyone may send to it; else members and relays alone */
	int64_t created;
};

enum address_kind {
	ADDRESS_MEMBER = 1,
	ADDRESS_ALIAS = 2, /* account is whom it stands for */
	ADDRESS_LIST = 3,
	ADDRESS_NONE = 4 /* of a list's entry: nothing here */
};
struct address_row {
	enum address_kind kind;
	char key[LIMIT_ADDRESS + 1]; /* what was asked for */
	struct account account;
	struct dist_list list;
};

/* Across tenants. 1 with the tenant, 0 nobody's, -1. */
int domain_tenant(struct db *db, const char *domain, struct id *tenant_out,
    struct err *e) __attribute__((warn_unused_result));
/* Across tenants: the first one, whose administrator answers for this host. 1, 0, -1. */
int house_tenant(struct db *db, struct id *tenant_out, struct err *e)
    __attribute__((warn_unused_result));
/* 1, 0 there is no such tenant, -1. Free *out with rules_clear(). */
int rules_get(struct db *db, const struct id *tenant, struct rules *out,
    struct err *e) __attribute__((warn_unused_result));
void rules_clear(struct rules *r);
/* NULL: no partner. */
const struct partner *rules_partner(const struct rules *r, const char *domain);
/* Its settings alone: from inward to rates. */
int rules_set(struct db *db, const struct id *tenant, const struct rules *r,
    struct err *e) __attribute__((warn_unused_result));

/* A member, an alias, a list: what the address is itself. 1, 0, -1. */
int address_find(struct db *db, const struct id *tenant, const char *key,
    struct address_row *out, struct err *e) __attribute__((warn_unused_result));
/* The tenant's first administrator. 1, 0, -1. */
int admin_find(struct db *db, const struct id *tenant, struct account *out,
    struct err *e) __attribute__((warn_unused_result));
/* Has it an account here, or was it sent something? 1, 0, -1. */
int sender_known(struct db *db, const struct id *tenant, const char *key,
    struct err *e) __attribute__((warn_unused_result));

/* ERR_CONFLICT: there is one. Removing: ERR_NOT_FOUND. */
int relay_add(struct db *db, const struct id *tenant, const struct relay *r,
    struct err *e) __attribute__((warn_unused_result));
int relay_remove(struct db *db, const struct id *tenant, const struct id *relay,
    struct err *e) __attribute__((warn_unused_result));
/* Adds it, or puts it in the place of the one there is. */
int partner_set(struct db *db, const struct id *tenant, const struct partner *p,
    struct err *e) __attribute__((warn_unused_result));
int partner_remove(struct db *db, const struct id *tenant, const char *domain,
    struct err *e) __attribute__((warn_unused_result));
/* Is mail to that domain promised to go over TLS? "": to any. 1, 0, -1. */
int partner_promised(struct db *db, const struct id *tenant, const char *domain,
    struct err *e) __attribute__((warn_unused_result));
int alias_add(struct db *db, const struct id *tenant, const char *key,
    const struct id *account, struct err *e)
    __attribute__((warn_unused_result));
int alias_remove(struct db *db, const struct id *tenant, const char *key,
    struct err *e) __attribute__((warn_unused_result));
int alias_list(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const char *key, const char *member), void *arg,
    struct err *e) __attribute__((warn_unused_result));
int dist_list_add(struct db *db, const struct id *tenant,
    const struct dist_list *l, struct err *e)
    __attribute__((warn_unused_result));
int dist_list_remove(struct db *db, const struct id *tenant, const char *key,
    struct err *e) __attribute__((warn_unused_result));
int dist_list_all(struct db *db, const struct id *tenant,
    void (*row)(void *arg, const struct dist_list *l, int64_t members),
    void *arg, struct err *e) __attribute__((warn_unused_result));
int dist_list_join(struct db *db, const struct id *tenant,
    const struct id *list, const char *key, struct err *e)
    __attribute__((warn_unused_result));
int dist_list_leave(struct db *db, const struct id *tenant,
    const struct id *list, const char *key, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Its entries by address, at most LIMIT_RECIPIENTS and one, each with what it stands for
 * here; row() may say -1.
 */
int dist_list_entries(struct db *db, const struct id *tenant,
    const struct id *list,
    int (*row)(void *arg, const struct address_row *r, struct err *e),
    void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
