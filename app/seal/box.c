/*
 * box.c: what is sealed to a public key: boxes from nobody in particular (RSB1),
 * and the slots of a message.
 */
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "seal/kdf_list.h"
#include "seal/keys.h"

#define BOX_ALG   1
#define BOX_FRONT (SEAL_BOX_OVERHEAD - SEAL_WRAP_OVERHEAD)

static const uint8_t box_head[8] = {'R', 'S', 'B', '1', BOX_ALG, 0, 0, 0};

/*
 * Both public keys enter beside the shared secret, which does not tell all of
 * their encodings apart. -1 for a public key of low order.
 */
static int
box_key(const uint8_t sk[SECRET_KEY_LEN], const uint8_t other_pk[SEAL_PK_LEN],
    const uint8_t ephemeral_pk[SEAL_PK_LEN], const uint8_t to_pk[SEAL_PK_LEN],
    uint8_t key[SECRET_KEY_LEN])
{
	uint8_t shared[crypto_scalarmult_curve25519_BYTES];
	int r = crypto_scalarmult_curve25519(shared, sk, other_pk);

	if (r == 0)
		seal_kdf(key, SECRET_KEY_LEN, shared, SEAL_L_BOX,
		    (const struct seal_field[]){
			SEAL_F(ephemeral_pk, SEAL_PK_LEN),
			SEAL_F(to_pk, SEAL_PK_LEN)},
		    2);
	secret_wipe(shared, sizeof(shared));
	return r == 0 ? 0 : -1;
}

int
seal_box_seal(const uint8_t to_pk[SEAL_PK_LEN], enum seal_purpose purpose,
    const struct seal_bind *bind, const void *plain, size_t n, struct buf *out,
    struct err *e)
{
	struct seal_pair ephemeral;
	uint8_t key[SECRET_KEY_LEN];
	size_t before = out->len;
	int r = -1;

	seal_pair_new(&ephemeral);
	if (box_key(ephemeral.sk, to_pk, ephemeral.pk, to_pk, key) == -1)
		err_set(e, ERR_CORRUPT, "box: unusable public key");
	else if (buf_add(out, box_head, sizeof(box_head)) == -1 ||
	    buf_add(out, ephemeral.pk, SEAL_PK_LEN) == -1)
		err_set(e, ERR_UNAVAILABLE, "box: out of memory");
	else
		r = seal_wrap(key, purpose, bind, plain, n, out, e);
	if (r == -1)
		out->len = before;
	secret_wipe(&ephemeral, sizeof(ephemeral));
	secret_wipe(key, sizeof(key));
	return r;
}

int
seal_box_open(const struct seal_pair *to, enum seal_purpose purpose,
    const struct seal_bind *bind, const void *blob, size_t n, struct buf *out,
    struct err *e)
{
	const uint8_t *p = blob, *ephemeral_pk;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	if (n < SEAL_BOX_OVERHEAD || memcmp(p, box_head, sizeof(box_head)) != 0)
		return err_set(e, ERR_CORRUPT, "box: malformed");
	ephemeral_pk = p + sizeof(box_head);
	if (box_key(to->sk, ephemeral_pk, ephemeral_pk, to->pk, key) == -1)
		return err_set(e, ERR_CORRUPT, "box: unusable public key");
	r = seal_unwrap(
	    key, purpose, bind, p + BOX_FRONT, n - BOX_FRONT, out, e);
	secret_wipe(key, sizeof(key));
	return r;
}

/* As box_key(), with the shred key and the slot's place. */
static int
slot_key(const uint8_t sk[SECRET_KEY_LEN], const uint8_t other_pk[SEAL_PK_LEN],
    const uint8_t shred[SECRET_KEY_LEN], const struct seal_bind *bind,
    const uint8_t *const pks[2], uint8_t key[SECRET_KEY_LEN])
{
	uint8_t shared[crypto_scalarmult_curve25519_BYTES], number[8];
	int r = crypto_scalarmult_curve25519(shared, sk, other_pk);

	be64_put(number, bind->number);
	if (r == 0)
		seal_kdf(key, SECRET_KEY_LEN, shared, SEAL_L_SLOT,
		    (const struct seal_field[]){SEAL_F(shred, SECRET_KEY_LEN),
			SEAL_FID(&bind->tenant), SEAL_FID(&bind->owner),
			SEAL_F(number, sizeof(number)),
			SEAL_F(pks[0], SEAL_PK_LEN),
			SEAL_F(pks[1], SEAL_PK_LEN)},
		    6);
	secret_wipe(shared, sizeof(shared));
	return r == 0 ? 0 : -1;
}

int
seal_slot_seal(const struct seal_pair *ephemeral,
    const uint8_t reader_pk[SEAL_PK_LEN], const uint8_t shred[SECRET_KEY_LEN],
    const struct seal_bind *bind, const uint8_t dek[SECRET_KEY_LEN],
    uint8_t out[SEAL_SLOT_LEN], struct err *e)
{
	const uint8_t *const pks[2] = {ephemeral->pk, reader_pk};
	uint8_t key[SECRET_KEY_LEN];
	struct buf b = BUF_INIT;
	int r = -1;

	memset(out, 0, SEAL_SLOT_LEN);
	if (slot_key(ephemeral->sk, reader_pk, shred, bind, pks, key) == -1)
		err_set(e, ERR_CORRUPT, "slot: unusable public key");
	else
		r = seal_wrap(
		    key, SEAL_P_SLOT, bind, dek, SECRET_KEY_LEN, &b, e);
	if (r == 0)
		memcpy(out, b.data, SEAL_SLOT_LEN);
	buf_free(&b);
	secret_wipe(key, sizeof(key));
	return r;
}

int
seal_slot_open(const struct seal_pair *reader,
    const uint8_t ephemeral_pk[SEAL_PK_LEN],
    const uint8_t shred[SECRET_KEY_LEN], const struct seal_bind *bind,
    const void *slot, size_t n, uint8_t dek[SECRET_KEY_LEN], struct err *e)
{
	const uint8_t *const pks[2] = {ephemeral_pk, reader->pk};
	uint8_t key[SECRET_KEY_LEN];
	struct buf b = BUF_INIT;
	int r = -1;

	memset(dek, 0, SECRET_KEY_LEN);
	if (n != SEAL_SLOT_LEN)
		return err_set(e, ERR_CORRUPT, "slot: length");
	if (slot_key(reader->sk, ephemeral_pk, shred, bind, pks, key) == -1)
		err_set(e, ERR_CORRUPT, "slot: unusable public key");
	else
		r = seal_unwrap(key, SEAL_P_SLOT, bind, slot, n, &b, e);
	if (r == 0)
		memcpy(dek, b.data, SECRET_KEY_LEN);
	buf_free(&b);
	secret_wipe(key, sizeof(key));
	return r;
}

void
seal_dek_commit(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint8_t out[32])
{
	seal_kdf(out, 32, dek, SEAL_L_DEK_COMMIT,
	    (const struct seal_field[]){SEAL_FID(tenant), SEAL_FID(message)},
	    2);
}
