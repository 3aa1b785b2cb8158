/*
 * proof.c: see proof.h.
 */
#include "keyd/proof.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#define MAGIC    UINT32_C(0x524b5031) /* "RKP1" */
#define MAC_AT   96
#define MAC_LEN  32
#define NONCE_AT 72

static void
mac_of(const struct keyd_keys *k, const uint8_t proof[KEYD_PROOF_LEN],
    uint8_t out[MAC_LEN])
{
	const struct seal_field f = SEAL_F(proof, MAC_AT);

	seal_kdf(
	    out, MAC_LEN, keyd_keys_get(k, KEYD_PROOF), SEAL_L_PROOF, &f, 1);
}

void
keyd_proof_make(const struct keyd_keys *k, enum keyd_method method,
    const struct id *tenant, const uint8_t address[32], int64_t now,
    uint8_t out[KEYD_PROOF_LEN])
{
	memset(out, 0, KEYD_PROOF_LEN);
	memcpy(out, "RKP1", 4);
	out[4] = (uint8_t)method;
	memcpy(out + 8, tenant->b, ID_LEN);
	memcpy(out + 24, address, 32);
	be64_put(out + 56, (uint64_t)now);
	be64_put(out + 64, (uint64_t)(now + LIMIT_PROOF_HOURS * CLOCK_HOUR));
	secret_random(out + NONCE_AT, MAC_AT - NONCE_AT);
	mac_of(k, out, out + MAC_AT);
}

int
keyd_proof_open(const struct keyd_keys *k, const uint8_t proof[KEYD_PROOF_LEN],
    int64_t now, struct keyd_proof *out, struct err *e)
{
	uint8_t mac[MAC_LEN];
	struct reader r;
	bool right;

	mac_of(k, proof, mac);
	right = secret_equal(mac, proof + MAC_AT, MAC_LEN);
	secret_wipe(mac, sizeof(mac));
	reader_init(&r, proof, MAC_AT);
	if (!right || reader_u32(&r) != MAGIC)
		return err_set(e, ERR_DENIED, "not a proof of ours");
	out->method = (enum keyd_method)reader_u8(&r);
	(void)reader_bytes(&r, 3);
	memcpy(out->tenant.b, reader_bytes(&r, ID_LEN), ID_LEN);
	memcpy(out->address, reader_bytes(&r, 32), 32);
	out->issued = (int64_t)reader_u64(&r);
	out->expires = (int64_t)reader_u64(&r);
	if (out->expires <= now)
		return err_set(e, ERR_EXPIRED, "proof expired");
	return 0;
}

int
keyd_proof_address(const struct id *tenant, const char *address,
    uint8_t out[32], struct err *e)
{
	const char *p;

	if (strlen(address) > LIMIT_ADDRESS || strchr(address, '@') == NULL)
		return err_set(e, ERR_BAD_INPUT, "not an address");
	for (p = address; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(e, ERR_BAD_INPUT, "not an address");
	seal_address_digest(tenant, address, out);
	return 0;
}
