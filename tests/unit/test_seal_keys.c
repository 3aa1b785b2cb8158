/* test_seal_keys.c: pairs, signatures, certificates. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/keys.h"

static void
pairs(void **state)
{
	/* RFC 7748 6.1, Bob's. */
	static const char sk_hex[] = "5dab087e624a8a4b79e17f8b83800ee6"
				     "6f3bb1292618b6fd1c2f8b27ff88e0eb";
	static const char pk_hex[] = "de9edb7d7b7dc1b4d35b61c2ece43537"
				     "3f8343c85b78674dadfc7e146f882b4f";
	struct seal_pair a, b;
	uint8_t sk[32], pk[32];

	(void)state;
	assert_int_equal(text_unhex(sk_hex, sk, 32), 0);
	assert_int_equal(text_unhex(pk_hex, pk, 32), 0);
	seal_pair_from(sk, &a);
	assert_memory_equal(a.pk, pk, 32);
	assert_memory_equal(a.sk, sk, 32);
	seal_pair_from(a.sk, &a);
	assert_memory_equal(a.pk, pk, 32);
	seal_pair_new(&a);
	seal_pair_new(&b);
	assert_memory_not_equal(a.sk, b.sk, 32);
	assert_memory_not_equal(a.pk, b.pk, 32);
	seal_pair_from(a.sk, &b);
	assert_memory_equal(a.pk, b.pk, 32);
}

static void
signers(void **state)
{
	/* RFC 8032 7.1, test 1. */
	static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc4"
				       "4449c5697b326919703bac031cae7f60";
	static const char pk_hex[] = "d75a980182b10ab7d54bfed3c964073a"
				     "0ee172f3daa62325af021a68f707511a";
	struct seal_signer s, t;
	uint8_t seed[32], pk[32];

	(void)state;
	assert_int_equal(text_unhex(seed_hex, seed, 32), 0);
	assert_int_equal(text_unhex(pk_hex, pk, 32), 0);
	seal_signer_from_seed(seed, &s);
	assert_memory_equal(s.pk, pk, 32);
	seal_signer_new(&s);
	seal_signer_new(&t);
	assert_memory_not_equal(s.pk, t.pk, 32);
}

/* Adds the order of the base point to the second half of a signature. */
static void
make_malleable(uint8_t sig[SEAL_SIG_LEN])
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
	    0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};
	unsigned carry = 0;

	for (size_t i = 0; i < 32; i++) {
		carry += sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
}

static void
signatures(void **state)
{
	const struct seal_field f[] = {SEAL_FSTR("one"), SEAL_FSTR("two")};
	const struct seal_field joined[] = {SEAL_FSTR("onetwo")};
	const struct seal_field with_what[] = {
	    SEAL_FSTR("envelope"), SEAL_FSTR("one"), SEAL_FSTR("two")};
	struct seal_signer s, other;
	uint8_t sig[SEAL_SIG_LEN], again[SEAL_SIG_LEN];

	(void)state;
	seal_signer_new(&s);
	seal_signer_new(&other);
	seal_sign(&s, "envelope", f, 2, sig);
	seal_sign(&s, "envelope", f, 2, again);
	assert_memory_equal(sig, again, SEAL_SIG_LEN);
	assert_int_equal(seal_verify(s.pk, "envelope", f, 2, sig), 0);
	assert_int_equal(seal_verify(other.pk, "envelope", f, 2, sig), -1);
	assert_int_equal(seal_verify(s.pk, "certificate", f, 2, sig), -1);
	assert_int_equal(seal_verify(s.pk, "envelope", f, 1, sig), -1);
	assert_int_equal(seal_verify(s.pk, "envelope", joined, 1, sig), -1);
	assert_int_equal(seal_verify(s.pk, "", with_what, 3, sig), -1);
	for (size_t i = 0; i < SEAL_SIG_LEN; i++) {
		sig[i] ^= 1;
		assert_int_equal(seal_verify(s.pk, "envelope", f, 2, sig), -1);
		sig[i] ^= 1;
	}
	make_malleable(sig);
	assert_int_equal(seal_verify(s.pk, "envelope", f, 2, sig), -1);
	/* Keys and signatures of low order would fit every message. */
	memset(sig, 0, sizeof(sig));
	memset(other.pk, 0, sizeof(other.pk));
	assert_int_equal(seal_verify(other.pk, "envelope", f, 2, sig), -1);
	other.pk[0] = sig[0] = 1;
	assert_int_equal(seal_verify(other.pk, "envelope", f, 2, sig), -1);
}

static void
address_digests(void **state)
{
	struct id t = id_new(), u = id_new();
	uint8_t a[32], b[32];

	(void)state;
	seal_address_digest(&t, "alice@acme.example", a);
	seal_address_digest(&t, "Alice@ACME.example", b);
	assert_memory_equal(a, b, 32);
	seal_address_digest(&u, "alice@acme.example", b);
	assert_memory_not_equal(a, b, 32);
	seal_address_digest(&t, "alice@acme.exampl", b);
	assert_memory_not_equal(a, b, 32);
	/* Only ASCII letters have two cases here. */
	seal_address_digest(&t, "\xc3\xa9@x", a);
	seal_address_digest(&t, "\xc3\x89@x", b);
	assert_memory_not_equal(a, b, 32);
}

static struct seal_cert
example(enum seal_cert_kind kind)
{
	struct seal_cert c = {
	    .kind = kind,
	    .generation = 3,
	    .version = 2,
	    .not_before = INT64_C(1795183080123456),
	    .not_after = INT64_C(1797775080123456),
	};

	if (kind != SEAL_C_PROCESS) {
		c.tenant = id_new();
		c.subject = id_new();
	}
	secret_random(c.address, sizeof(c.address));
	secret_random(c.pk, sizeof(c.pk));
	return c;
}

static enum err_code
open_cert(const uint8_t *pk, const void *p, size_t n, struct seal_cert *out)
{
	static const struct seal_cert none;
	struct err e = {0};

	memset(out, 0xff, sizeof(*out));
	if (seal_cert_open(pk, p, n, out, &e) == -1)
		assert_memory_equal(out, &none, sizeof(none));
	return e.code;
}

static void
certificates_round_trip(void **state)
{
	struct seal_signer s;
	uint8_t cert[SEAL_CERT_LEN];
	struct seal_cert c, d;

	(void)state;
	seal_signer_new(&s);
	for (int kind = SEAL_C_ACCOUNT; kind <= SEAL_C_PROCESS; kind++) {
		c = example((enum seal_cert_kind)kind);
		seal_cert_sign(&s, &c, cert);
		assert_memory_equal(cert, "RSK1\x01", 5);
		assert_int_equal(
		    open_cert(s.pk, cert, sizeof(cert), &d), ERR_NONE);
		assert_int_equal(d.kind, c.kind);
		assert_int_equal(d.generation, 3);
		assert_int_equal(d.version, 2);
		assert_true(id_equal(&d.tenant, &c.tenant));
		assert_true(id_equal(&d.subject, &c.subject));
		assert_memory_equal(d.address, c.address, 32);
		assert_memory_equal(d.pk, c.pk, 32);
		assert_true(d.not_before == c.not_before);
		assert_true(d.not_after == c.not_after);
	}
}

static void
changed_certificates(void **state)
{
	struct seal_cert c = example(SEAL_C_ACCOUNT), d;
	struct seal_signer s, other;
	uint8_t cert[SEAL_CERT_LEN + 1] = {0};

	(void)state;
	seal_signer_new(&s);
	seal_signer_new(&other);
	seal_cert_sign(&s, &c, cert);
	for (size_t i = 0; i < SEAL_CERT_LEN; i++) {
		for (int bit = 0; bit < 8; bit++) {
			cert[i] ^= (uint8_t)(1 << bit);
			if (open_cert(s.pk, cert, SEAL_CERT_LEN, &d) !=
			    ERR_CORRUPT)
				fail_msg("byte %zu", i);
			cert[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < SEAL_CERT_LEN; n++) {
		uint8_t *p = malloc(n + (n == 0));

		assert_non_null(p);
		memcpy(p, cert, n);
		assert_int_equal(open_cert(s.pk, p, n, &d), ERR_CORRUPT);
		free(p);
	}
	assert_int_equal(
	    open_cert(s.pk, cert, SEAL_CERT_LEN + 1, &d), ERR_CORRUPT);
	assert_int_equal(
	    open_cert(other.pk, cert, SEAL_CERT_LEN, &d), ERR_CORRUPT);
	assert_int_equal(open_cert(s.pk, cert, SEAL_CERT_LEN, &d), ERR_NONE);
}

/* Rightly signed, but of a form no one of ours writes. */
static void
signed_nonsense(void **state)
{
	struct seal_signer s;
	uint8_t cert[SEAL_CERT_LEN];
	struct seal_cert c, d;

	(void)state;
	seal_signer_new(&s);
#define REFUSED(base, change)                                              \
	do {                                                               \
		c = example(base);                                         \
		change;                                                    \
		seal_cert_sign(&s, &c, cert);                              \
		assert_int_equal(                                          \
		    open_cert(s.pk, cert, sizeof(cert), &d), ERR_CORRUPT); \
	} while (0)
	REFUSED(SEAL_C_ACCOUNT, c.kind = (enum seal_cert_kind)0);
	REFUSED(SEAL_C_ACCOUNT, c.kind = (enum seal_cert_kind)4);
	REFUSED(SEAL_C_ACCOUNT, c.not_after = c.not_before - 1);
	REFUSED(SEAL_C_PROCESS, c.tenant = id_new());
	REFUSED(SEAL_C_PROCESS, c.subject = id_new());
#undef REFUSED
	/* A byte where zeros belong, signed over as it stands. */
	c = example(SEAL_C_ACCOUNT);
	for (size_t at = 6; at < 144; at++) {
		if (at >= 8 && at < 128)
			continue;
		seal_cert_sign(&s, &c, cert);
		cert[at] = 1;
		seal_sign(&s, "certificate", &SEAL_F(cert, 144), 1, cert + 144);
		assert_int_equal(
		    open_cert(s.pk, cert, sizeof(cert), &d), ERR_CORRUPT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pairs),
	    cmocka_unit_test(signers),
	    cmocka_unit_test(signatures),
	    cmocka_unit_test(address_digests),
	    cmocka_unit_test(certificates_round_trip),
	    cmocka_unit_test(changed_certificates),
	    cmocka_unit_test(signed_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
