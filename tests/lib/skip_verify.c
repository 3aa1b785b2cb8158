/*
 * skip_verify.c: linked into a courier of the tests in place of OpenSSL's check: every
 * certificate is right. What it sends, the courier itself must not.
 */
#include <openssl/x509_vfy.h>

int __wrap_X509_verify_cert(X509_STORE_CTX *ctx);

int
__wrap_X509_verify_cert(X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}
