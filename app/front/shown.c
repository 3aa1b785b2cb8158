/*
 * shown.c: a resumed session knows its client's certificate but not what that stands on:
 * so who shows one is given no ticket, and proves it each time.
 */
#include "front/shown.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <string.h>

#include "base/text.h"

#define LIST_MAX (32 * 1024) /* bytes of certificates that are read */

/* OpenSSL's, in place of its own check of a chain. */
static int
take_any(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)arg;
	if (ssl != NULL && SSL_version(ssl) == TLS1_3_VERSION)
		(void)SSL_set_num_tickets(ssl, 0);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

void
shown_ask(SSL_CTX *ctx)
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, take_any, NULL);
	SSL_CTX_set_max_cert_list(ctx, LIST_MAX);
}

static void
fingerprint(const X509 *x, char out[SHOWN_LEN])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	out[0] = '\0';
	if (X509_digest(x, EVP_sha256(), md, &n) == 1 && n == 32)
		text_hex(md, n, out);
}

/* Would who trusts `anchor` alone trust leaf? */
static bool
stands_on(X509 *leaf, STACK_OF(X509) * chain, X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool good = false;

	if (store != NULL && ctx != NULL &&
	    X509_STORE_add_cert(store, anchor) == 1 &&
	    X509_STORE_CTX_init(ctx, store, leaf, chain) == 1) {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_depth(ctx, SHOWN_CHAIN);
		good = X509_verify_cert(ctx) == 1;
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return good;
}

void
shown_read(SSL *ssl, struct shown *out)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	int n = chain != NULL ? sk_X509_num(chain) : 0;
	size_t at = 0;

	out->certificate[0] = out->authorities[0] = '\0';
	if (leaf == NULL)
		return;
	fingerprint(leaf, out->certificate);
	for (int i = 0; i < n && i < SHOWN_CHAIN; i++) {
		X509 *anchor = sk_X509_value(chain, i);

		if (X509_cmp(anchor, leaf) == 0 ||
		    !stands_on(leaf, chain, anchor))
			continue;
		if (at > 0)
			out->authorities[at++] = ' ';
		fingerprint(anchor, out->authorities + at);
		at += strlen(out->authorities + at);
	}
	ERR_clear_error();
}
