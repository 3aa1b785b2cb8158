/*
 * pair.c: PEM into OpenSSL's objects, and what is wrong with them.
 */
#include "front/pair.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string.h>

#define NAME_MAX_LEN 253

/* Nobody is asked for a password. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

EVP_PKEY *
pair_read_key(const void *pem, size_t n)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return key;
}

int
pair_read_chain(struct pair *p, const void *pem, size_t n)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	X509 *x;

	*p = (struct pair){.chain = sk_X509_new_null()};
	if (bio != NULL)
		p->leaf = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	while (p->leaf != NULL && p->chain != NULL &&
	    (x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (sk_X509_push(p->chain, x) == 0)
			X509_free(x);
	}
	BIO_free(bio);
	if (p->leaf != NULL && p->chain != NULL)
		return 1;
	pair_clear(p);
	return 0;
}

/* What OpenSSL would refuse at each handshake is refused now. */
static int
usable(const struct pair *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int good = ctx != NULL &&
	    SSL_CTX_use_cert_and_key(ctx, p->leaf, p->key, p->chain, 1) == 1;

	SSL_CTX_free(ctx);
	return good;
}

int
pair_complete(struct pair *p, EVP_PKEY *key, struct err *e)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		p->kind = PAIR_ECDSA;
		break;
	case EVP_PKEY_RSA:
		p->kind = PAIR_RSA;
		break;
	default:
		return err_set(
		    e, ERR_BAD_INPUT, "the key is neither ECDSA nor RSA");
	}
	if (X509_check_private_key(p->leaf, key) != 1)
		return err_set(
		    e, ERR_BAD_INPUT, "the key is not the certificate's");
	if (X509_cmp_current_time(X509_get0_notAfter(p->leaf)) < 0)
		return err_set(e, ERR_EXPIRED, "the certificate has expired");
	if (X509_cmp_current_time(X509_get0_notBefore(p->leaf)) > 0)
		return err_set(
		    e, ERR_BAD_INPUT, "the certificate is not yet valid");
	EVP_PKEY_free(p->key);
	(void)EVP_PKEY_up_ref(key);
	p->key = key;
	if (!usable(p))
		return err_set(
		    e, ERR_BAD_INPUT, "the certificate or its key is too weak");
	return 0;
}

void
pair_clear(struct pair *p)
{
	X509_free(p->leaf);
	sk_X509_pop_free(p->chain, X509_free);
	EVP_PKEY_free(p->key);
	*p = (struct pair){0};
}

bool
pair_is_p256(const struct pair *p)
{
	char name[32];
	size_t n;

	return EVP_PKEY_get_group_name(p->key, name, sizeof(name), &n) == 1 &&
	    strcmp(name, "prime256v1") == 0;
}

static void
one_name(const ASN1_IA5STRING *s, void (*each)(void *, const char *), void *arg)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);
	char name[NAME_MAX_LEN + 1];

	if (n <= 0 || n > NAME_MAX_LEN)
		return;
	for (int i = 0; i < n; i++) {
		name[i] = (char)p[i];
		if (p[i] >= 'A' && p[i] <= 'Z')
			name[i] = (char)(p[i] - 'A' + 'a');
	}
	name[n] = '\0';
	if (strlen(name) == (size_t)n)
		each(arg, name);
}

void
pair_names(
    const struct pair *p, void (*each)(void *arg, const char *name), void *arg)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(
	    p->leaf, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type == GEN_DNS)
			one_name(g->d.dNSName, each, arg);
	}
	GENERAL_NAMES_free(all);
}
