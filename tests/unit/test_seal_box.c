/* test_seal_box.c: sealed boxes and slots. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "seal/keys.h"

static struct seal_pair reader, ephemeral;
static struct seal_bind place;
static uint8_t shred[32], dek[32], slot[SEAL_SLOT_LEN];

static int
fresh(void **state)
{
	struct err e;

	(void)state;
	seal_pair_new(&reader);
	seal_pair_new(&ephemeral);
	place = (struct seal_bind){id_new(), id_new(), id_zero(), 3};
	secret_random(shred, sizeof(shred));
	secret_random(dek, sizeof(dek));
	return seal_slot_seal(
	    &ephemeral, reader.pk, shred, &place, dek, slot, &e);
}

static enum err_code
open_box(const struct seal_pair *to, enum seal_purpose purpose,
    const struct seal_bind *bind, const void *p, size_t n, const char *plain)
{
	struct err e = {0};
	struct buf out = BUF_INIT;

	if (seal_box_open(to, purpose, bind, p, n, &out, &e) == 0) {
		assert_int_equal(out.len, strlen(plain));
		assert_memory_equal(out.data, plain, out.len);
	} else {
		assert_int_equal(out.len, 0);
	}
	buf_free(&out);
	return e.code;
}

static struct buf
boxed(const char *plain)
{
	struct buf b = BUF_INIT;
	struct err e = {0};

	assert_int_equal(seal_box_seal(reader.pk, SEAL_P_OUTBOX, &place, plain,
			     strlen(plain), &b, &e),
	    0);
	assert_int_equal(b.len, strlen(plain) + SEAL_BOX_OVERHEAD);
	return b;
}

static void
boxes_round_trip(void **state)
{
	struct buf a = boxed("for one reader"), b = boxed("for one reader"),
		   none = boxed("");

	(void)state;
	assert_memory_equal(a.data, "RSB1\x01\x00\x00\x00", 8);
	assert_memory_not_equal(a.data + 8, b.data + 8, 32);
	assert_int_equal(open_box(&reader, SEAL_P_OUTBOX, &place, a.data, a.len,
			     "for one reader"),
	    ERR_NONE);
	assert_int_equal(
	    open_box(&reader, SEAL_P_OUTBOX, &place, none.data, none.len, ""),
	    ERR_NONE);
	buf_free(&a);
	buf_free(&b);
	buf_free(&none);
}

static void
changed_boxes(void **state)
{
	struct buf b = boxed("for one reader");

	(void)state;
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			enum err_code got;

			b.data[i] ^= (uint8_t)(1 << bit);
			got = open_box(
			    &reader, SEAL_P_OUTBOX, &place, b.data, b.len, "");
			/* Ephemeral key, nonce, commitment: another key. */
			if (got !=
			    ((i >= 8 && i < 40) || (i >= 48 && i < 104) ?
				    ERR_DENIED :
				    ERR_CORRUPT))
				fail_msg("byte %zu: %d", i, (int)got);
			b.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *p = malloc(n + (n == 0));

		assert_non_null(p);
		memcpy(p, b.data, n);
		assert_int_equal(
		    open_box(&reader, SEAL_P_OUTBOX, &place, p, n, ""),
		    ERR_CORRUPT);
		free(p);
	}
	assert_int_equal(buf_add_u8(&b, 0), 0);
	assert_int_equal(
	    open_box(&reader, SEAL_P_OUTBOX, &place, b.data, b.len, ""),
	    ERR_CORRUPT);
	buf_free(&b);
}

static void
boxes_elsewhere(void **state)
{
	struct buf b = boxed("for one reader");
	struct seal_pair other, wrong_pk = reader;
	struct seal_bind o = place;

	(void)state;
	seal_pair_new(&other);
	assert_int_equal(
	    open_box(&other, SEAL_P_OUTBOX, &place, b.data, b.len, ""),
	    ERR_DENIED);
	memcpy(wrong_pk.pk, other.pk, 32);
	assert_int_equal(
	    open_box(&wrong_pk, SEAL_P_OUTBOX, &place, b.data, b.len, ""),
	    ERR_DENIED);
	assert_int_equal(
	    open_box(&reader, SEAL_P_ESCROW, &place, b.data, b.len, ""),
	    ERR_CORRUPT);
	o.owner = id_new();
	assert_int_equal(
	    open_box(&reader, SEAL_P_OUTBOX, &o, b.data, b.len, ""),
	    ERR_CORRUPT);
	buf_free(&b);
}

/* Points of small order, RFC 7748 6.1 and their other encodings. */
static const char *const low_order[] = {
    "00000000000000000000000000000000"
    "00000000000000000000000000000000",
    "01000000000000000000000000000000"
    "00000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46a"
    "da098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b"
    "04445cc4581c8e86d8224eddd09f1157",
};

static void
keys_of_low_order(void **state)
{
	struct buf b = boxed("for one reader"), out = BUF_INIT;
	struct err e = {0};
	uint8_t pk[32], got[32];

	(void)state;
	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++) {
		assert_int_equal(text_unhex(low_order[i], pk, 32), 0);
		assert_int_equal(
		    seal_box_seal(pk, SEAL_P_OUTBOX, &place, "x", 1, &out, &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		assert_int_equal(out.len, 0);
		assert_int_equal(seal_slot_seal(&ephemeral, pk, shred, &place,
				     dek, slot, &e),
		    -1);
		assert_int_equal(seal_slot_open(&reader, pk, shred, &place,
				     slot, sizeof(slot), got, &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		memcpy(b.data + 8, pk, 32);
		assert_int_equal(
		    open_box(&reader, SEAL_P_OUTBOX, &place, b.data, b.len, ""),
		    ERR_CORRUPT);
	}
	buf_free(&b);
	buf_free(&out);
}

static enum err_code
open_slot(const struct seal_pair *who, const uint8_t *epk,
    const uint8_t *shredding, const struct seal_bind *bind, const void *p,
    size_t n)
{
	static const uint8_t zero[32];
	struct err e = {0};
	uint8_t got[32];

	memset(got, 0xff, sizeof(got));
	if (seal_slot_open(who, epk, shredding, bind, p, n, got, &e) == 0)
		assert_memory_equal(got, dek, 32);
	else
		assert_memory_equal(got, zero, 32);
	return e.code;
}

static void
slots_round_trip(void **state)
{
	(void)state;
	assert_int_equal(
	    open_slot(&reader, ephemeral.pk, shred, &place, slot, sizeof(slot)),
	    ERR_NONE);
}

/* Without its shred key a slot is lost, whoever asks. */
static void
slots_need_every_key(void **state)
{
	struct seal_pair other;
	uint8_t gone[32];

	(void)state;
	seal_pair_new(&other);
	assert_int_equal(
	    open_slot(&other, ephemeral.pk, shred, &place, slot, sizeof(slot)),
	    ERR_DENIED);
	assert_int_equal(
	    open_slot(&reader, other.pk, shred, &place, slot, sizeof(slot)),
	    ERR_DENIED);
	for (size_t i = 0; i < 32; i++) {
		memcpy(gone, shred, 32);
		gone[i] ^= 0x40;
		assert_int_equal(open_slot(&reader, ephemeral.pk, gone, &place,
				     slot, sizeof(slot)),
		    ERR_DENIED);
	}
	/* The sender's half of the exchange serves nobody as a reader. */
	assert_int_equal(open_slot(&ephemeral, ephemeral.pk, shred, &place,
			     slot, sizeof(slot)),
	    ERR_DENIED);
}

static void
slots_elsewhere(void **state)
{
	struct seal_bind o;

	(void)state;
#define MOVED(want, change)                                                  \
	do {                                                                 \
		o = place;                                                   \
		change;                                                      \
		assert_int_equal(open_slot(&reader, ephemeral.pk, shred, &o, \
				     slot, sizeof(slot)),                    \
		    want);                                                   \
	} while (0)
	MOVED(ERR_DENIED, o.tenant = id_new());
	MOVED(ERR_DENIED, o.owner = id_new());
	MOVED(ERR_DENIED, o.number = 4);
	MOVED(ERR_CORRUPT, o.item = id_new());
#undef MOVED
}

static void
changed_slots(void **state)
{
	uint8_t longer[SEAL_SLOT_LEN + 1] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(slot); i++) {
		enum err_code want = i >= 8 && i < 64 ? ERR_DENIED :
							ERR_CORRUPT;

		for (int bit = 0; bit < 8; bit++) {
			slot[i] ^= (uint8_t)(1 << bit);
			if (open_slot(&reader, ephemeral.pk, shred, &place,
				slot, sizeof(slot)) != want)
				fail_msg("byte %zu", i);
			slot[i] ^= (uint8_t)(1 << bit);
		}
	}
	memcpy(longer, slot, sizeof(slot));
	for (size_t n = 0; n <= sizeof(longer); n++)
		assert_int_equal(
		    open_slot(&reader, ephemeral.pk, shred, &place, longer, n),
		    n == SEAL_SLOT_LEN ? ERR_NONE : ERR_CORRUPT);
}

static void
commitments_to_data_keys(void **state)
{
	uint8_t a[32], b[32], other[32];

	(void)state;
	seal_dek_commit(dek, &place.tenant, &place.owner, a);
	seal_dek_commit(dek, &place.tenant, &place.owner, b);
	assert_memory_equal(a, b, 32);
	seal_dek_commit(dek, &place.owner, &place.tenant, b);
	assert_memory_not_equal(a, b, 32);
	memcpy(other, dek, 32);
	other[31] ^= 1;
	seal_dek_commit(other, &place.tenant, &place.owner, b);
	assert_memory_not_equal(a, b, 32);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(boxes_round_trip, fresh),
	    cmocka_unit_test_setup(changed_boxes, fresh),
	    cmocka_unit_test_setup(boxes_elsewhere, fresh),
	    cmocka_unit_test_setup(keys_of_low_order, fresh),
	    cmocka_unit_test_setup(slots_round_trip, fresh),
	    cmocka_unit_test_setup(slots_need_every_key, fresh),
	    cmocka_unit_test_setup(slots_elsewhere, fresh),
	    cmocka_unit_test_setup(changed_slots, fresh),
	    cmocka_unit_test_setup(commitments_to_data_keys, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
