/*
 * test_seal_wycheproof.c: C2SP's Wycheproof vectors, read from $CORPORA or
 * ../shared/corpora. X25519 goes through seal_slot_seal(). Our formats add derived
 * keys and digests that no vector knows, so AEAD and Ed25519 are asked of the
 * library as linked; what our wrappers add is in the other tests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/keys.h"

struct bytes {
	uint8_t p[4096];
	size_t n;
};

static struct bytes
hex_member(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	struct bytes b = {{0}, 0};

	assert_non_null(text);
	b.n = strlen(text) / 2;
	assert_true(b.n <= sizeof(b.p));
	assert_int_equal(text_unhex(text, b.p, b.n), 0);
	return b;
}

/* NULL, said plainly, when the vectors are not on this machine. */
static json_t *
load(const char *file)
{
	const char *dir = getenv("CORPORA");
	char path[1024];
	json_error_t je;
	json_t *o;

	snprintf(path, sizeof(path), "%s/crypto/%s",
	    dir != NULL && *dir != '\0' ? dir : "../shared/corpora", file);
	o = json_load_file(path, 0, &je);
	if (o == NULL)
		print_message("# NOT RUN: no %s (set CORPORA)\n", path);
	return o;
}

typedef bool (*check)(const json_t *group, const json_t *t);

/* Runs every vector of a file; how many there must be at least is a control. */
static void
run(const char *file, size_t least, check f)
{
	json_t *o = load(file), *group, *t;
	size_t g, i, n = 0;

	if (o == NULL)
		return;
	json_array_foreach(json_object_get(o, "testGroups"), g, group)
	{
		json_array_foreach(json_object_get(group, "tests"), i, t)
		{
			n++;
			if (!f(group, t))
				fail_msg("%s: tcId %d, %s", file,
				    (int)json_integer_value(
					json_object_get(t, "tcId")),
				    json_string_value(
					json_object_get(t, "comment")));
		}
	}
	print_message("# %s: %zu vectors\n", file, n);
	assert_true(n >= least);
	json_decref(o);
}

static bool
says_valid(const json_t *t)
{
	return strcmp(json_string_value(json_object_get(t, "result")),
		   "invalid") != 0;
}

/* A slot opens under the key that the vector's shared secret gives, or is refused. */
static bool
check_x25519(const json_t *group, const json_t *t)
{
	struct bytes pk = hex_member(t, "public"),
		     sk = hex_member(t, "private"),
		     shared = hex_member(t, "shared");
	const struct seal_bind bind = {id_new(), id_new(), id_zero(), 1};
	uint8_t shred[32], dek[32], slot[SEAL_SLOT_LEN], key[32];
	static const uint8_t number[8] = {0, 0, 0, 0, 0, 0, 0, 1};
	struct seal_pair ephemeral;
	struct buf out = BUF_INIT;
	struct err e;
	bool right;

	(void)group;
	secret_random(shred, 32);
	secret_random(dek, 32);
	seal_pair_from(sk.p, &ephemeral);
	if (seal_slot_seal(&ephemeral, pk.p, shred, &bind, dek, slot, &e) == -1)
		return sodium_is_zero(shared.p, 32);
	if (sodium_is_zero(shared.p, 32))
		return false;
	seal_kdf(key, 32, shared.p, SEAL_L_SLOT,
	    (const struct seal_field[]){SEAL_F(shred, 32),
		SEAL_FID(&bind.tenant), SEAL_FID(&bind.owner),
		SEAL_F(number, 8), SEAL_F(ephemeral.pk, 32), SEAL_F(pk.p, 32)},
	    6);
	right = seal_unwrap(key, SEAL_P_SLOT, &bind, slot, sizeof(slot), &out,
		    &e) == 0 &&
	    out.len == 32 && memcmp(out.data, dek, 32) == 0;
	buf_free(&out);
	return right;
}

static void
x25519(void **state)
{
	(void)state;
	run("x25519_test.json", 500, check_x25519);
}

static bool
check_ed25519(const json_t *group, const json_t *t)
{
	const json_t *key = json_object_get(group, "publicKey");
	struct bytes pk = hex_member(key, "pk"), msg = hex_member(t, "msg"),
		     sig = hex_member(t, "sig");

	/* Our formats hold exactly 64 octets. */
	if (sig.n != SEAL_SIG_LEN)
		return !says_valid(t);
	return (crypto_sign_verify_detached(sig.p, msg.p, msg.n, pk.p) == 0) ==
	    says_valid(t);
}

static void
ed25519(void **state)
{
	(void)state;
	run("ed25519_test.json", 140, check_ed25519);
}

static bool
check_xchacha(const json_t *group, const json_t *t)
{
	struct bytes key = hex_member(t, "key"), iv = hex_member(t, "iv"),
		     aad = hex_member(t, "aad"), msg = hex_member(t, "msg"),
		     ct = hex_member(t, "ct"), tag = hex_member(t, "tag");
	uint8_t sealed[4096 + 16], clear[4096 + 16];

	(void)group;
	/* Nor are there nonces of another length. */
	if (iv.n != 24)
		return !says_valid(t);
	memcpy(sealed, ct.p, ct.n);
	memcpy(sealed + ct.n, tag.p, tag.n);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(clear, NULL, NULL,
		sealed, ct.n + tag.n, aad.p, aad.n, iv.p, key.p) != 0)
		return !says_valid(t);
	if (!says_valid(t) || memcmp(clear, msg.p, msg.n) != 0)
		return false;
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    clear, NULL, msg.p, msg.n, aad.p, aad.n, NULL, iv.p, key.p);
	return memcmp(clear, sealed, ct.n + tag.n) == 0;
}

static void
xchacha20_poly1305(void **state)
{
	(void)state;
	run("xchacha20_poly1305_test.json", 300, check_xchacha);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x25519),
	    cmocka_unit_test(ed25519),
	    cmocka_unit_test(xchacha20_poly1305),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
