/*
 * kdf.c: key derivation, digests, and the password's slow hash.
 */
#include "seal/kdf.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/buf.h"
#include "seal/kdf_list.h"

#define PASSWORD_OPS 3
#define PASSWORD_MEM ((size_t)64 * 1024 * 1024)

const uint8_t kdf_no_key[SECRET_KEY_LEN] = {0};

/* Stored values depend on these texts: never change one. */
static const char *const labels[SEAL_LABELS] = {
    [SEAL_L_WRAP_COMMIT] = "restante wrap commitment 1",
    [SEAL_L_WRAP_KEY] = "restante wrap key 1",
    [SEAL_L_BOX] = "restante box key 1",
    [SEAL_L_SLOT] = "restante slot key 1",
    [SEAL_L_DEK_COMMIT] = "restante data key commitment 1",
    [SEAL_L_MANIFEST] = "restante manifest key 1",
    [SEAL_L_PART] = "restante part key 1",
    [SEAL_L_PART_COMMIT] = "restante part commitment 1",
    [SEAL_L_PASSWORD] = "restante password unlocker 1",
    [SEAL_L_PEPPER] = "restante password pepper 1",
    [SEAL_L_ACCOUNT_KEY] = "restante account key 1",
    [SEAL_L_SESSION] = "restante session key 1",
    [SEAL_L_SESSION_ID] = "restante session id 1",
    [SEAL_L_CSRF] = "restante form token 1",
    [SEAL_L_BROWSER] = "restante browser 1",
    [SEAL_L_LINK] = "restante link unlocker 1",
    [SEAL_L_LINK_ID] = "restante link id 1",
    [SEAL_L_HALF] = "restante link half 1",
    [SEAL_L_HALF_ADDRESS] = "restante half of address 1",
    [SEAL_L_SHRED] = "restante shred key 1",
    [SEAL_L_CODE] = "restante one-time code 1",
    [SEAL_L_REGISTRATION] = "restante registration code 1",
    [SEAL_L_TOKEN] = "restante smtp token 1",
    [SEAL_L_PROOF] = "restante proof of address 1",
    [SEAL_L_DUPLICATE] = "restante duplicate tag 1",
    [SEAL_L_DUPLICATE_DAY] = "restante duplicate day 1",
    [SEAL_L_DUPLICATE_SOON] = "restante duplicate span 1",
    [SEAL_L_DIGEST] = "restante digest 1",
    [SEAL_L_ADDRESS] = "restante address 1",
    [SEAL_L_COUNT] = "restante counter 1",
    [SEAL_L_SIGN] = "restante signature 1",
    [SEAL_L_DOWNLOAD_TAG] = "restante download tag 1",
    [SEAL_L_UPLOAD] = "restante upload key 1",
    [SEAL_L_UPLOAD_GUEST] = "restante guest's uploads 1",
    [SEAL_L_PAGE] = "restante page 1",
    [SEAL_L_PAGE_NAME] = "restante page name 1",
};

const char *
seal_label_text(enum seal_label l)
{
	/* A number that is no label is a fault of the program's. */
	if ((unsigned)l >= SEAL_LABELS)
		abort();
	return labels[l];
}

void
kdf_list_begin(struct kdf_list *k, size_t outlen,
    const uint8_t key[SECRET_KEY_LEN], enum seal_label label)
{
	const char *text = seal_label_text(label);

	k->outlen = outlen;
	if (outlen < 16 || outlen > 64 ||
	    crypto_generichash_init(&k->state, key, SECRET_KEY_LEN, outlen) !=
		0)
		abort();
	kdf_list_field(k, text, strlen(text));
}

void
kdf_list_length(struct kdf_list *k, size_t n)
{
	uint8_t be[4];

	if (n > UINT32_MAX)
		abort();
	be32_put(be, (uint32_t)n);
	kdf_list_bytes(k, be, sizeof(be));
}

void
kdf_list_bytes(struct kdf_list *k, const void *p, size_t n)
{
	if (n > 0)
		crypto_generichash_update(&k->state, p, n);
}

void
kdf_list_field(struct kdf_list *k, const void *p, size_t n)
{
	kdf_list_length(k, n);
	kdf_list_bytes(k, p, n);
}

void
kdf_list_end(struct kdf_list *k, uint8_t *out)
{
	crypto_generichash_final(&k->state, out, k->outlen);
	secret_wipe(k, sizeof(*k));
}

void
seal_kdf(uint8_t *out, size_t outlen, const uint8_t key[SECRET_KEY_LEN],
    enum seal_label label, const struct seal_field *f, size_t n)
{
	struct kdf_list k;

	kdf_list_begin(&k, outlen, key, label);
	for (size_t i = 0; i < n; i++)
		kdf_list_field(&k, f[i].p, f[i].n);
	kdf_list_end(&k, out);
}

struct seal_hash {
	crypto_generichash_state blake; /* first: it wants its alignment */
	/* OpenSSL's: with the processor's own instructions four times as fast */
	EVP_MD_CTX *sha;
	enum seal_hash_kind kind;
};

struct seal_hash *
seal_hash_new(enum seal_hash_kind kind)
{
	struct seal_hash *h = aligned_alloc(
	    _Alignof(struct seal_hash), sizeof(*h));

	if (h == NULL)
		return NULL;
	h->sha = NULL;
	h->kind = kind;
	switch (kind) {
	case SEAL_SHA256:
	case SEAL_SHA1:
		h->sha = EVP_MD_CTX_new();
		if (h->sha == NULL ||
		    EVP_DigestInit_ex(h->sha,
			kind == SEAL_SHA1 ? EVP_sha1() : EVP_sha256(),
			NULL) != 1) {
			seal_hash_end(h, NULL);
			return NULL;
		}
		break;
	case SEAL_BLAKE2B:
		crypto_generichash_init(&h->blake, NULL, 0, 32);
		break;
	}
	return h;
}

void
seal_hash_add(struct seal_hash *h, const void *p, size_t n)
{
	if (n == 0)
		return;
	switch (h->kind) {
	case SEAL_SHA256:
	case SEAL_SHA1:
		EVP_DigestUpdate(h->sha, p, n);
		break;
	case SEAL_BLAKE2B:
		crypto_generichash_update(&h->blake, p, n);
		break;
	}
}

void
seal_hash_end(struct seal_hash *h, uint8_t out[32])
{
	if (h == NULL)
		return;
	if (out != NULL) {
		switch (h->kind) {
		case SEAL_SHA256:
		case SEAL_SHA1:
			EVP_DigestFinal_ex(h->sha, out, NULL);
			break;
		case SEAL_BLAKE2B:
			crypto_generichash_final(&h->blake, out, 32);
			break;
		}
	}
	EVP_MD_CTX_free(h->sha); /* wipes */
	secret_wipe(h, sizeof(*h));
	free(h);
}

int
seal_password(const void *password, size_t n, const uint8_t salt[SEAL_SALT_LEN],
    uint8_t out[SECRET_KEY_LEN])
{
	_Static_assert(SEAL_SALT_LEN == crypto_pwhash_SALTBYTES, "salt");

	/* Its 64 MiB are mapped for this call alone and given back to the
	 * kernel, which clears pages before anyone else sees them. */
	return crypto_pwhash(out, SECRET_KEY_LEN, password, n, salt,
		   PASSWORD_OPS, PASSWORD_MEM,
		   crypto_pwhash_ALG_ARGON2ID13) == 0 ?
	    0 :
	    -1;
}
