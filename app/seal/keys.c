/*
 * keys.c: key pairs, signatures and certificates.
 */
#include "seal/keys.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "seal/kdf_list.h"

#define CERT_ALG    1
#define CERT_SIGNED (SEAL_CERT_LEN - SEAL_SIG_LEN)
#define CERT_SPARE  16
#define CERT_WHAT   "certificate"

_Static_assert(SEAL_SIGN_SK_LEN == crypto_sign_SECRETKEYBYTES, "secret key");
_Static_assert(SEAL_SIG_LEN == crypto_sign_BYTES, "signature");

void
seal_pair_new(struct seal_pair *out)
{
	secret_random(out->sk, sizeof(out->sk));
	crypto_scalarmult_curve25519_base(out->pk, out->sk);
}

void
seal_pair_from(const uint8_t sk[SECRET_KEY_LEN], struct seal_pair *out)
{
	memmove(out->sk, sk, SECRET_KEY_LEN);
	crypto_scalarmult_curve25519_base(out->pk, out->sk);
}

void
seal_signer_new(struct seal_signer *out)
{
	uint8_t seed[crypto_sign_SEEDBYTES];

	secret_random(seed, sizeof(seed));
	seal_signer_from_seed(seed, out);
	secret_wipe(seed, sizeof(seed));
}

void
seal_signer_from_seed(const uint8_t seed[32], struct seal_signer *out)
{
	crypto_sign_seed_keypair(out->pk, out->sk, seed);
}

/* What is signed is a digest that says what kind of thing it is of. */
static void
sign_digest(
    const char *what, const struct seal_field *f, size_t n, uint8_t out[64])
{
	struct kdf_list k;

	kdf_list_begin(&k, 64, kdf_no_key, SEAL_L_SIGN);
	kdf_list_field(&k, what, strlen(what));
	for (size_t i = 0; i < n; i++)
		kdf_list_field(&k, f[i].p, f[i].n);
	kdf_list_end(&k, out);
}

void
seal_sign(const struct seal_signer *s, const char *what,
    const struct seal_field *f, size_t n, uint8_t sig[SEAL_SIG_LEN])
{
	uint8_t digest[64];

	sign_digest(what, f, n, digest);
	crypto_sign_detached(sig, NULL, digest, sizeof(digest), s->sk);
}

int
seal_verify(const uint8_t pk[SEAL_PK_LEN], const char *what,
    const struct seal_field *f, size_t n, const uint8_t sig[SEAL_SIG_LEN])
{
	uint8_t digest[64];

	sign_digest(what, f, n, digest);
	return crypto_sign_verify_detached(sig, digest, sizeof(digest), pk) ==
		0 ?
	    0 :
	    -1;
}

void
seal_address_digest(
    const struct id *tenant, const char *address, uint8_t out[32])
{
	struct kdf_list k;
	char c;

	kdf_list_begin(&k, 32, kdf_no_key, SEAL_L_ADDRESS);
	kdf_list_field(&k, tenant->b, ID_LEN);
	kdf_list_length(&k, strlen(address));
	for (; *address != '\0'; address++) {
		c = *address;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		kdf_list_bytes(&k, &c, 1);
	}
	kdf_list_end(&k, out);
}

/* The signed part, field by field; all lengths are fixed. */
static void
cert_write(const struct seal_cert *c, uint8_t out[CERT_SIGNED])
{
	memset(out, 0, CERT_SIGNED);
	memcpy(out, "RSK1", 4);
	out[4] = CERT_ALG;
	out[5] = (uint8_t)c->kind;
	be32_put(out + 8, c->generation);
	be32_put(out + 12, c->version);
	memcpy(out + 16, c->tenant.b, ID_LEN);
	memcpy(out + 32, c->subject.b, ID_LEN);
	memcpy(out + 48, c->address, 32);
	memcpy(out + 80, c->pk, SEAL_PK_LEN);
	be64_put(out + 112, (uint64_t)c->not_before);
	be64_put(out + 120, (uint64_t)c->not_after);
}

void
seal_cert_sign(const struct seal_signer *by, const struct seal_cert *c,
    uint8_t out[SEAL_CERT_LEN])
{
	cert_write(c, out);
	seal_sign(
	    by, CERT_WHAT, &SEAL_F(out, CERT_SIGNED), 1, out + CERT_SIGNED);
}

static void
cert_read(struct reader *r, struct seal_cert *c)
{
	c->kind = (enum seal_cert_kind)reader_u8(r);
	(void)reader_u16(r);
	c->generation = reader_u32(r);
	c->version = reader_u32(r);
	memcpy(c->tenant.b, reader_bytes(r, ID_LEN), ID_LEN);
	memcpy(c->subject.b, reader_bytes(r, ID_LEN), ID_LEN);
	memcpy(c->address, reader_bytes(r, 32), 32);
	memcpy(c->pk, reader_bytes(r, SEAL_PK_LEN), SEAL_PK_LEN);
	c->not_before = (int64_t)reader_u64(r);
	c->not_after = (int64_t)reader_u64(r);
}

/* Kinds that exist, zeros where zeros belong, dates in order. */
static bool
cert_form_ok(const struct seal_cert *c)
{
	if (c->not_after < c->not_before)
		return false;
	switch (c->kind) {
	case SEAL_C_ACCOUNT:
	case SEAL_C_PROVISIONAL:
		return true;
	case SEAL_C_PROCESS:
		return id_is_zero(&c->tenant) && id_is_zero(&c->subject);
	}
	return false;
}

int
seal_cert_open(const uint8_t by_pk[SEAL_PK_LEN], const void *cert, size_t n,
    struct seal_cert *out, struct err *e)
{
	static const uint8_t zeros[CERT_SPARE];
	const uint8_t *p = cert;
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (n != SEAL_CERT_LEN || memcmp(p, "RSK1", 4) != 0 ||
	    p[4] != CERT_ALG || p[6] != 0 || p[7] != 0 ||
	    memcmp(p + CERT_SIGNED - CERT_SPARE, zeros, CERT_SPARE) != 0)
		return err_set(e, ERR_CORRUPT, "certificate: malformed");
	if (seal_verify(by_pk, CERT_WHAT, &SEAL_F(p, CERT_SIGNED), 1,
		p + CERT_SIGNED) == -1)
		return err_set(e, ERR_CORRUPT, "certificate: signature");
	reader_init(&r, p + 5, CERT_SIGNED - 5);
	cert_read(&r, out);
	if (cert_form_ok(out))
		return 0;
	memset(out, 0, sizeof(*out));
	return err_set(e, ERR_CORRUPT, "certificate: contents");
}
