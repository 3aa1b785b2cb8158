/*
 * ring.c: the key ring of a session as bytes. It lies sealed in the database, and in clear in
 * memory only while a request is served.
 */
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

#define RING_VERSION 1

struct desk_ring *
ring_new(void)
{
	return calloc(1, sizeof(struct desk_ring));
}

void
ring_free(struct desk_ring *r)
{
	if (r == NULL)
		return;
	secret_wipe(r, sizeof(*r));
	free(r);
}

static int
key_encode(const struct ring_key *k, struct buf *out)
{
	if (buf_add_u32(out, k->version) == -1)
		return -1;
	return buf_add(out, k->sk, sizeof(k->sk));
}

int
ring_encode(const struct desk_ring *r, struct buf *out)
{
	uint32_t i;

	if (buf_add_u8(out, RING_VERSION) == -1 ||
	    buf_add_u8(out, (uint8_t)r->n_key) == -1)
		return -1;
	for (i = 0; i < r->n_key; i++)
		if (key_encode(&r->key[i], out) == -1)
			return -1;
	if (buf_add_u8(out, r->has_proof) == -1 ||
	    buf_add(out, r->proof, sizeof(r->proof)) == -1 ||
	    buf_add_u8(out, r->has_link) == -1 ||
	    buf_add(out, r->link, sizeof(r->link)) == -1 ||
	    buf_add(out, r->pickup, sizeof(r->pickup)) == -1)
		return -1;
	for (i = 0; i < RING_HANDLES; i++)
		if (buf_add(out, r->handle[i].b, ID_LEN) == -1)
			return -1;
	if (buf_add(out, r->reference, sizeof(r->reference)) == -1 ||
	    buf_add_u64(out, (uint64_t)r->code_sent) == -1 ||
	    buf_add_u64(out, (uint64_t)r->code_expires) == -1)
		return -1;
	return 0;
}

static void
take(struct reader *in, void *out, size_t n)
{
	const uint8_t *p;

	if ((p = reader_bytes(in, n)) != NULL)
		memcpy(out, p, n);
}

int
ring_decode(const void *p, size_t n, struct desk_ring *r)
{
	struct reader in;
	uint32_t i;

	reader_init(&in, p, n);
	if (reader_u8(&in) != RING_VERSION)
		return -1;
	r->n_key = reader_u8(&in);
	if (r->n_key > RING_KEYS)
		return -1;
	for (i = 0; i < r->n_key; i++) {
		r->key[i].version = reader_u32(&in);
		take(&in, r->key[i].sk, sizeof(r->key[i].sk));
	}
	r->has_proof = reader_u8(&in);
	take(&in, r->proof, sizeof(r->proof));
	r->has_link = reader_u8(&in);
	take(&in, r->link, sizeof(r->link));
	take(&in, r->pickup, sizeof(r->pickup));
	for (i = 0; i < RING_HANDLES; i++)
		take(&in, r->handle[i].b, ID_LEN);
	take(&in, r->reference, sizeof(r->reference));
	r->code_sent = (int64_t)reader_u64(&in);
	r->code_expires = (int64_t)reader_u64(&in);
	r->pickup[sizeof(r->pickup) - 1] = '\0';
	r->reference[sizeof(r->reference) - 1] = '\0';
	return in.bad || in.left != 0 ? -1 : 0;
}
