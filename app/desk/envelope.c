/*
 * envelope.c: what is signed of a message, and where in it each sealed thing belongs.
 */
#include <string.h>

#include "base/buf.h"
#include "desk/internal.h"

void
slot_bind(const struct id *tenant, const struct id *message, uint32_t slot,
    struct seal_bind *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = *tenant;
	out->owner = *message;
	out->number = slot;
}

void
manifest_bind(
    const struct id *tenant, const struct id *message, struct seal_bind *out)
{
	slot_bind(tenant, message, 0, out);
}

void
manifest_key(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint8_t out[SECRET_KEY_LEN])
{
	const struct seal_field f[] = {SEAL_FID(tenant), SEAL_FID(message)};

	seal_kdf(out, SECRET_KEY_LEN, dek, SEAL_L_MANIFEST, f, 2);
}

static void
hash_number(struct seal_hash *h, uint64_t n)
{
	uint8_t b[8];

	be64_put(b, n);
	seal_hash_add(h, b, sizeof(b));
}

static void
hash_text(struct seal_hash *h, const char *s)
{
	hash_number(h, strlen(s));
	seal_hash_add(h, s, strlen(s));
}

/*
 * One digest over what stands on the envelope, so that any number of readers fits. Its
 * end is left out: the first opening moves it.
 */
static int
envelope_digest(const struct id *tenant, const struct message *m,
    const struct reader_row *readers, size_t n, uint8_t out[32])
{
	struct seal_hash *h;
	size_t i;

	if ((h = seal_hash_new(SEAL_BLAKE2B)) == NULL)
		return -1;
	seal_hash_add(h, tenant->b, ID_LEN);
	seal_hash_add(h, m->id.b, ID_LEN);
	seal_hash_add(h, m->sender_account.b, ID_LEN);
	seal_hash_add(h, m->in_reply_to.b, ID_LEN);
	hash_number(h, (uint64_t)m->created);
	hash_text(h, m->sender_name);
	for (i = 0; i < n; i++) {
		hash_number(h, readers[i].slot);
		hash_number(h, (uint64_t)readers[i].role);
		hash_text(h, readers[i].key);
	}
	seal_hash_end(h, out);
	return 0;
}

/* The signed fields; the caller gives the room for what is derived. */
struct signed_fields {
	uint8_t digest[32];
	struct seal_field f[7];
};

static int
signed_fields(const struct id *tenant, const struct message *m,
    const struct reader_row *readers, size_t n, struct signed_fields *s)
{
	if (envelope_digest(tenant, m, readers, n, s->digest) == -1)
		return -1;
	s->f[0] = SEAL_F(s->digest, sizeof(s->digest));
	s->f[1] = SEAL_FSTR(m->sender);
	s->f[2] = SEAL_F(m->ephemeral_pk, sizeof(m->ephemeral_pk));
	s->f[3] = SEAL_F(m->dek_commit, sizeof(m->dek_commit));
	s->f[4] = SEAL_F(m->content_header, sizeof(m->content_header));
	s->f[5] = SEAL_F(m->manifest.data, m->manifest.len);
	s->f[6] = SEAL_F(m->signer_cert, sizeof(m->signer_cert));
	return 0;
}

int
parcel_sign(const struct seal_signer *s, const struct id *tenant,
    const struct message *m, const struct reader_row *readers, size_t n,
    uint8_t sig[SEAL_SIG_LEN])
{
	struct signed_fields f;

	if (signed_fields(tenant, m, readers, n, &f) == -1)
		return -1;
	seal_sign(s, "envelope", f.f, 7, sig);
	return 0;
}

int
parcel_verify(const uint8_t pk[SEAL_PK_LEN], const struct id *tenant,
    const struct message *m, const struct reader_row *readers, size_t n)
{
	struct signed_fields f;

	if (signed_fields(tenant, m, readers, n, &f) == -1)
		return -1;
	return seal_verify(pk, "envelope", f.f, 7, m->signature);
}
