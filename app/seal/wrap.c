/*
 * wrap.c: RSW1, one secret or blob under a key.
 */
#include "seal/wrap.h"

#include <sodium.h>
#include <string.h>

#include "seal/kdf.h"
#include "seal/kdf_list.h"

#define WRAP_ALG    1
#define WRAP_HEAD   8 /* magic, algorithm, purpose, zeros */
#define WRAP_NONCE  24
#define WRAP_COMMIT 32
#define WRAP_FRONT  (WRAP_HEAD + WRAP_NONCE + WRAP_COMMIT)
#define WRAP_TAG    16
#define WRAP_BIND   (3 * ID_LEN + 8)
#define WRAP_AD     (WRAP_FRONT + WRAP_BIND)

_Static_assert(WRAP_FRONT + WRAP_TAG == SEAL_WRAP_OVERHEAD, "overhead");
_Static_assert(
    WRAP_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(WRAP_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(
    SECRET_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

static void
wrap_head(enum seal_purpose purpose, uint8_t out[WRAP_HEAD])
{
	memcpy(out, "RSW1", 4);
	out[4] = WRAP_ALG;
	out[5] = (uint8_t)purpose;
	out[6] = out[7] = 0;
}

/* The nonce enters, so that two blobs do not show that they share a key. */
static void
wrap_derive(const uint8_t key[SECRET_KEY_LEN], enum seal_label label,
    const uint8_t nonce[WRAP_NONCE], uint8_t out[32])
{
	seal_kdf(out, 32, key, label, &SEAL_F(nonce, WRAP_NONCE), 1);
}

/* All fields have fixed lengths: no two places give the same bytes. */
static void
wrap_ad(const uint8_t front[WRAP_FRONT], const struct seal_bind *bind,
    uint8_t out[WRAP_AD])
{
	uint8_t *p = out;

	memcpy(p, front, WRAP_FRONT);
	p += WRAP_FRONT;
	memcpy(p, bind->tenant.b, ID_LEN);
	memcpy(p + ID_LEN, bind->owner.b, ID_LEN);
	memcpy(p + 2 * ID_LEN, bind->item.b, ID_LEN);
	be64_put(p + 3 * ID_LEN, bind->number);
}

int
seal_wrap(const uint8_t key[SECRET_KEY_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *plain, size_t n, struct buf *out,
    struct err *e)
{
	uint8_t cipher_key[SECRET_KEY_LEN], ad[WRAP_AD], *front;

	if (n > SIZE_MAX - SEAL_WRAP_OVERHEAD ||
	    buf_reserve(out, n + SEAL_WRAP_OVERHEAD) == -1)
		return err_set(e, ERR_UNAVAILABLE, "wrap: out of memory");
	front = out->data + out->len;
	wrap_head(purpose, front);
	secret_random(front + WRAP_HEAD, WRAP_NONCE);
	wrap_derive(key, SEAL_L_WRAP_COMMIT, front + WRAP_HEAD,
	    front + WRAP_HEAD + WRAP_NONCE);
	wrap_derive(key, SEAL_L_WRAP_KEY, front + WRAP_HEAD, cipher_key);
	wrap_ad(front, bind, ad);
	crypto_aead_xchacha20poly1305_ietf_encrypt(front + WRAP_FRONT, NULL,
	    plain, n, ad, sizeof(ad), NULL, front + WRAP_HEAD, cipher_key);
	out->len += n + SEAL_WRAP_OVERHEAD;
	secret_wipe(cipher_key, sizeof(cipher_key));
	return 0;
}

/* The commitment, compared before anything is deciphered. */
static bool
wrap_key_fits(const uint8_t key[SECRET_KEY_LEN], const uint8_t *front)
{
	uint8_t commit[WRAP_COMMIT];

	wrap_derive(key, SEAL_L_WRAP_COMMIT, front + WRAP_HEAD, commit);
	return secret_equal(
	    commit, front + WRAP_HEAD + WRAP_NONCE, WRAP_COMMIT);
}

int
seal_unwrap(const uint8_t key[SECRET_KEY_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *blob, size_t n, struct buf *out,
    struct err *e)
{
	const uint8_t *front = blob;
	uint8_t cipher_key[SECRET_KEY_LEN], ad[WRAP_AD], head[WRAP_HEAD];
	size_t clear;
	int r;

	wrap_head(purpose, head);
	if (n < SEAL_WRAP_OVERHEAD || memcmp(front, head, WRAP_HEAD) != 0)
		return err_set(e, ERR_CORRUPT, "wrap: not one of purpose %d",
		    (int)purpose);
	if (!wrap_key_fits(key, front))
		return err_set(e, ERR_DENIED, "wrap: not its key");
	clear = n - SEAL_WRAP_OVERHEAD;
	/* One more, so that an empty secret has a place to go to. */
	if (buf_reserve(out, clear + 1) == -1)
		return err_set(e, ERR_UNAVAILABLE, "wrap: out of memory");
	wrap_derive(key, SEAL_L_WRAP_KEY, front + WRAP_HEAD, cipher_key);
	wrap_ad(front, bind, ad);
	r = crypto_aead_xchacha20poly1305_ietf_decrypt(out->data + out->len,
	    NULL, NULL, front + WRAP_FRONT, n - WRAP_FRONT, ad, sizeof(ad),
	    front + WRAP_HEAD, cipher_key);
	secret_wipe(cipher_key, sizeof(cipher_key));
	if (r != 0)
		return err_set(e, ERR_CORRUPT,
		    "wrap: changed or moved, purpose %d", (int)purpose);
	out->len += clear;
	return 0;
}
