/*
 * pair.h: one certificate with its chain and key as OpenSSL has them.
 */
#ifndef FRONT_PAIR_H
#define FRONT_PAIR_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum pair_kind { PAIR_ECDSA, PAIR_RSA, PAIR_KINDS };

struct pair {
	X509 *leaf;
	STACK_OF(X509) * chain; /* without the leaf */
	EVP_PKEY *key;
	enum pair_kind kind; /* once there is a key */
	bool p256;
};

/* A private key out of PEM; NULL when there is none, or it is encrypted. */
EVP_PKEY *pair_read_key(const void *pem, size_t n);
/* Leaf and chain out of PEM: 1, or 0 when there is no certificate in it. */
int pair_read_chain(struct pair *p, const void *pem, size_t n);
/*
 * Gives p its key (a reference of its own) and judges both: -1 with *e set when the key
 * is another's, of no kind we serve, too weak, or the certificate is not valid now.
 */
int pair_complete(struct pair *p, EVP_PKEY *key, struct err *e)
    __attribute__((warn_unused_result));
void pair_clear(struct pair *p);
/* Is its key on the curve that every client takes? */
bool pair_is_p256(const struct pair *p);

/* Calls each() for every DNS name of the certificate, in lower case, without NUL. */
void pair_names(
    const struct pair *p, void (*each)(void *arg, const char *name), void *arg);

#endif
