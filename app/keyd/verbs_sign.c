/*
 * verbs_sign.c: public keys and the certificates of keyd's directory key.
 */
#include "keyd/verbs.h"

#include <string.h>

#include "base/clock.h"

int
keyd_do_public(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	(void)q;
	(void)e;
	r->public.generation = keyd_keys_generation(st->keys);
	memcpy(r->public.directory_pk, keyd_keys_directory(st->keys)->pk,
	    SEAL_PK_LEN);
	memcpy(
	    r->public.outbox_pk, keyd_keys_outbox(st->keys)->pk, SEAL_PK_LEN);
	memcpy(
	    r->public.escrow_pk, keyd_keys_escrow(st->keys)->pk, SEAL_PK_LEN);
	memcpy(
	    r->public.forward_pk, keyd_keys_forward(st->keys)->pk, SEAL_PK_LEN);
	return 0;
}

/* Signs with this generation and dates that begin now. */
static void
sign(struct keyd_state *st, struct seal_cert *c, uint8_t out[SEAL_CERT_LEN])
{
	c->generation = keyd_keys_generation(st->keys);
	c->not_before = st->now;
	c->not_after = st->now + LIMIT_KEY_CERT_DAYS * CLOCK_DAY;
	seal_cert_sign(keyd_keys_directory(st->keys), c, out);
}

int
keyd_do_certify(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const char *role = proto_role_name(st->role);
	struct seal_cert c;

	(void)e;
	memset(&c, 0, sizeof(c));
	c.kind = SEAL_C_PROCESS;
	c.version = 1;
	memcpy(c.address, role, strlen(role));
	memcpy(c.pk, q->certify.sign_pk, SEAL_PK_LEN);
	sign(st, &c, r->cert);
	return 0;
}

int
keyd_do_sign_account(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	struct keyd_proof p;
	struct seal_cert c;

	memset(&c, 0, sizeof(c));
	if (keyd_proof_open(st->keys, q->sign.proof, st->now, &p, e) == -1 ||
	    keyd_proof_address(
		&q->sign.tenant, q->sign.address, c.address, e) == -1)
		return -1;
	if (!id_equal(&p.tenant, &q->sign.tenant) ||
	    !secret_equal(p.address, c.address, sizeof(c.address)))
		return err_set(e, ERR_DENIED, "proof of another address");
	if (q->sign.version == 0 || id_is_zero(&q->sign.account))
		return err_set(e, ERR_BAD_INPUT, "no account or version");
	c.kind = SEAL_C_ACCOUNT;
	c.tenant = q->sign.tenant;
	c.subject = q->sign.account;
	c.version = q->sign.version;
	memcpy(c.pk, q->sign.pk, SEAL_PK_LEN);
	sign(st, &c, r->cert);
	return 0;
}

int
keyd_do_resign(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct seal_signer *by = keyd_keys_directory(st->keys);
	struct seal_cert c;

	if (seal_cert_open(by->pk, q->resign.cert, SEAL_CERT_LEN, &c, e) == -1)
		return err_set(e, ERR_DENIED, "not a certificate of ours");
	if (c.kind != SEAL_C_ACCOUNT ||
	    c.generation != keyd_keys_generation(st->keys))
		return err_set(
		    e, ERR_DENIED, "certificate of another kind or generation");
	sign(st, &c, r->cert);
	return 0;
}
