/*
 * verbs_secret.c: what is derived from master secrets: slot keys, the password MAC,
 * token verifiers, duplicate tags.
 */
#include "keyd/verbs.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

int
keyd_do_lease(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	struct keyd_slot *s = r->lease;
	uint64_t first;
	int i;

	(void)q;
	if (keyd_slots_take(st->slots, KEYD_LEASE, &first, e) == -1)
		return -1;
	for (i = 0; i < KEYD_LEASE; i++) {
		s[i].id = first + (uint64_t)i;
		if (keyd_slots_shred(
			st->slots, st->keys, s[i].id, s[i].shred, e) == -1 ||
		    keyd_slots_half(
			st->slots, st->keys, s[i].id, s[i].half, e) == -1)
			return -1;
	}
	return 0;
}

int
keyd_do_shred_key(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	return keyd_slots_shred(
	    st->slots, st->keys, q->shred.slot_id, r->key, e);
}

int
keyd_do_password_mac(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct seal_field f[] = {SEAL_FID(&q->password.tenant),
	    SEAL_FID(&q->password.account), SEAL_FID(&q->password.wrap),
	    SEAL_F(q->password.a, SECRET_KEY_LEN)};

	/* Counted first: whatever happens to the answer, the try was made. */
	if (keyd_spend(st, KEYD_B_PASSWORD, &q->password.tenant,
		q->password.account.b, ID_LEN, e) == -1)
		return -1;
	seal_kdf(r->key, SECRET_KEY_LEN, keyd_keys_get(st->keys, KEYD_PEPPER),
	    SEAL_L_PEPPER, f, 4);
	return 0;
}

static void
token_verifier(
    const struct keyd_state *st, const union proto_request *q, uint8_t out[32])
{
	const struct seal_field f[] = {SEAL_FID(&q->token.tenant),
	    SEAL_FID(&q->token.account), SEAL_FID(&q->token.token_id),
	    SEAL_FSTR(q->token.token)};

	seal_kdf(
	    out, 32, keyd_keys_get(st->keys, KEYD_TOKEN), SEAL_L_TOKEN, f, 4);
}

int
keyd_do_token_make(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	if (q->token.token[0] == '\0')
		return err_set(e, ERR_BAD_INPUT, "empty token");
	token_verifier(st, q, r->verifier);
	return 0;
}

int
keyd_do_token_check(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct id *tenant = &q->token.tenant;
	const uint8_t *account = q->token.account.b;
	uint8_t verifier[32];
	bool right;

	(void)r;
	if (keyd_may_try(st, KEYD_B_TOKEN, tenant, account, ID_LEN, e) == -1)
		return -1;
	token_verifier(st, q, verifier);
	right = secret_equal(verifier, q->token.verifier, sizeof(verifier));
	secret_wipe(verifier, sizeof(verifier));
	if (right)
		return 0;
	keyd_tried(st, KEYD_B_TOKEN, tenant, account, ID_LEN);
	return err_set(e, ERR_DENIED, "wrong token");
}

int
keyd_do_duplicate_tags(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct seal_field f[] = {
	    SEAL_FID(&q->tags.tenant), SEAL_F(q->tags.digest, 32)};
	uint8_t daily[SECRET_KEY_LEN], day[8];
	int i;

	(void)e;
	for (i = 0; i < KEYD_TAGS; i++) {
		be64_put(day, (uint64_t)(st->now / CLOCK_DAY - i));
		seal_kdf(daily, sizeof(daily),
		    keyd_keys_get(st->keys, KEYD_DUPLICATE),
		    SEAL_L_DUPLICATE_DAY, &SEAL_F(day, sizeof(day)), 1);
		seal_kdf(r->tags[i], 32, daily, SEAL_L_DUPLICATE, f, 2);
	}
	secret_wipe(daily, sizeof(daily));
	return 0;
}
