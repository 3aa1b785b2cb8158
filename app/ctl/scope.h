/*
 * scope.h: what the commands share that change who may send what to whom: one tenant's
 * transaction, addresses of its domains, fingerprints.
 */
#ifndef CTL_SCOPE_H
#define CTL_SCOPE_H

#include "ctl/ctl.h"
#include "mail/address.h"
#include "store/directory.h"

/* One command within a tenant. */
struct scope {
	struct ctl *c;
	const char *slug; /* as given, or NULL */
	struct tenant tenant;
	struct err e;
};

/* Finds the tenant and begins its transaction: 0, or the exit status after its sentence. */
int scope_begin(struct scope *s) __attribute__((warn_unused_result));
/* The same for a command that is told --tenant and nothing else. */
int scope_alone(struct scope *s, int argc, char **argv)
    __attribute__((warn_unused_result));
/*
 * The same, and the tenant's rules, to be listed; outside the transaction again. The
 * caller's to rules_clear(). what: "relays".
 */
int scope_rules(struct scope *s, int argc, char **argv, struct rules *out,
    const char *what) __attribute__((warn_unused_result));
/* Ends it: commits what went well (0); the result of both. */
int scope_end(struct scope *s, int result) __attribute__((warn_unused_result));
/* The answer of a command that took `what` away. */
int scope_removed(const struct scope *s, const char *what)
    __attribute__((warn_unused_result));

/*
 * An address of the tenant's domains: 0, or the exit status after its sentence. Outside a
 * transaction.
 */
int scope_address(struct scope *s, const char *option, const char *text,
    struct mailbox *out) __attribute__((warn_unused_result));
/* 64 hexadecimal digits, with colons or without: 0, or CTL_USAGE after its sentence. */
int scope_print(const struct scope *s, const char *option, const char *text,
    uint8_t out[DIRECTORY_PIN]) __attribute__((warn_unused_result));
/* "acme.example", lower case: 0, or CTL_USAGE. */
int scope_domain(const struct scope *s, const char *text, char out[256])
    __attribute__((warn_unused_result));
json_t *scope_json_print(const uint8_t print[DIRECTORY_PIN]);

#endif
