/* test_seal_xchacha.c: two implementations of one cipher, byte for byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "seal/xchacha.h"

#define MOST (65536 + 1)

static uint8_t clear[MOST], key[SECRET_KEY_LEN], nonce[XCHACHA_NONCE], ad[112];
static const struct xchacha x = {key, nonce, ad, sizeof(ad)};

static int
fresh(void **state)
{
	(void)state;
	if (secret_init() == -1)
		return -1;
	secret_random(clear, sizeof(clear));
	secret_random(key, sizeof(key));
	secret_random(nonce, sizeof(nonce));
	secret_random(ad, sizeof(ad));
	return 0;
}

static void
libsodium_makes_the_same(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 15, 16, 17, 63, 64, 65, 255, 256, 4097, 65535, 65536, MOST};
	static uint8_t a[MOST + XCHACHA_TAG], b[MOST + XCHACHA_TAG], c[MOST];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i];

		crypto_aead_xchacha20poly1305_ietf_encrypt(
		    a, NULL, clear, n, ad, sizeof(ad), NULL, nonce, key);
		memcpy(b, clear, n);
		xchacha_seal(&x, b, n, b);
		assert_memory_equal(a, b, n + XCHACHA_TAG);
		memset(c, 7, sizeof(c));
		assert_int_equal(xchacha_open(&x, a, n + XCHACHA_TAG, c), 0);
		assert_memory_equal(c, clear, n);
		assert_true(n == MOST || c[n] == 7); /* nothing behind it */
	}
}

static void
whatever_is_changed_is_seen(void **state)
{
	static uint8_t sealed[300 + XCHACHA_TAG], out[300], zero[300];
	uint8_t *const what[] = {sealed, sealed + 299, sealed + 300,
	    sealed + 315, key, key + 31, nonce, nonce + 15, nonce + 16,
	    nonce + 23, ad, ad + 111};
	struct xchacha less = x;

	(void)state;
	xchacha_seal(&x, clear, 300, sealed);
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		*what[i] ^= 0x80;
		memset(out, 7, sizeof(out));
		assert_int_equal(
		    xchacha_open(&x, sealed, sizeof(sealed), out), -1);
		assert_memory_equal(out, zero, sizeof(out));
		*what[i] ^= 0x80;
	}
	assert_int_equal(xchacha_open(&x, sealed, sizeof(sealed) - 1, out), -1);
	less.ad_len--;
	assert_int_equal(xchacha_open(&less, sealed, sizeof(sealed), out), -1);
	/* The control. */
	assert_int_equal(xchacha_open(&x, sealed, sizeof(sealed), out), 0);
	assert_memory_equal(out, clear, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(libsodium_makes_the_same, fresh),
	    cmocka_unit_test_setup(whatever_is_changed_is_seen, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
