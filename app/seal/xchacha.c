/*
 * xchacha.c: HChaCha20 makes key and nonce, OpenSSL does the rest. Where OpenSSL cannot
 * (memory, a provider without the cipher), libsodium does it all.
 */
#include "seal/xchacha.h"

#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define IV 12

/* A context with key, nonce and associated data in it; NULL: OpenSSL cannot. */
static EVP_CIPHER_CTX *
begin(const struct xchacha *x, size_t n, int seal)
{
	EVP_CIPHER_CTX *c = n > INT_MAX ? NULL : EVP_CIPHER_CTX_new();
	uint8_t key[SECRET_KEY_LEN], iv[IV] = {0};
	int len;

	if (c == NULL)
		return NULL;
	crypto_core_hchacha20(key, x->nonce, x->key, NULL);
	memcpy(iv + 4, x->nonce + 16, 8);
	if (EVP_CipherInit_ex(
		c, EVP_chacha20_poly1305(), NULL, key, iv, seal) != 1 ||
	    EVP_CipherUpdate(c, NULL, &len, x->ad, (int)x->ad_len) != 1) {
		EVP_CIPHER_CTX_free(c);
		c = NULL;
	}
	secret_wipe(key, sizeof(key));
	return c;
}

static bool
seal_fast(const struct xchacha *x, const uint8_t *p, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *c = begin(x, n, 1);
	uint8_t none[XCHACHA_TAG];
	int len = 0;
	bool done;

	if (c == NULL)
		return false;
	done = EVP_EncryptUpdate(c, out, &len, p, (int)n) == 1 &&
	    EVP_EncryptFinal_ex(c, none, &len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(
		c, EVP_CTRL_AEAD_GET_TAG, XCHACHA_TAG, out + n) == 1;
	EVP_CIPHER_CTX_free(c); /* wipes */
	/* A cipher that gives up half way has spoilt what it was given. */
	if (!done)
		sodium_misuse();
	return true;
}

void
xchacha_seal(const struct xchacha *x, const uint8_t *p, size_t n, uint8_t *out)
{
	if (!seal_fast(x, p, n, out))
		crypto_aead_xchacha20poly1305_ietf_encrypt(
		    out, NULL, p, n, x->ad, x->ad_len, NULL, x->nonce, x->key);
}

int
xchacha_open(const struct xchacha *x, const uint8_t *p, size_t n, uint8_t *out)
{
	const size_t clear = n - XCHACHA_TAG;
	EVP_CIPHER_CTX *c = begin(x, n, 0);
	uint8_t tag[XCHACHA_TAG], none[XCHACHA_TAG];
	int len = 0, r = -1;

	if (c == NULL)
		return crypto_aead_xchacha20poly1305_ietf_decrypt(
		    out, NULL, NULL, p, n, x->ad, x->ad_len, x->nonce, x->key);
	memcpy(tag, p + clear, sizeof(tag));
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, XCHACHA_TAG, tag) ==
		1 &&
	    EVP_DecryptUpdate(c, out, &len, p, (int)clear) == 1 &&
	    EVP_DecryptFinal_ex(c, none, &len) == 1)
		r = 0;
	EVP_CIPHER_CTX_free(c);
	if (r == -1)
		secret_wipe(out, clear);
	return r;
}
