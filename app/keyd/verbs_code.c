/*
 * verbs_code.c: one-time codes, made for the address in an escrow record and leaving
 * only inside a box for the courier; and registration codes.
 */
#include "keyd/verbs.h"

#include <string.h>

#include "base/text.h"

/* Three characters that tell code mails apart; they grant nothing. */
static int
new_reference(char out[8])
{
	uint8_t b[2];
	char text[5];

	secret_random(b, sizeof(b));
	if (id_base32(b, sizeof(b), text, sizeof(text)) == -1)
		return -1;
	memcpy(out, text, 3);
	out[3] = '\0';
	return 0;
}

/* The box that only keyd opens again, for the courier and this outbox row. */
static int
seal_item(struct keyd_state *st, const union proto_request *q,
    const struct seal_item *item, struct proto_blob *out, struct err *e)
{
	const struct seal_bind bind = {.tenant = q->code_make.tenant,
	    .owner = q->code_make.outbox,
	    .number = SEAL_I_CODE};
	struct buf plain = BUF_INIT, box = BUF_INIT;
	int rc = -1;

	if (seal_item_encode(item, &plain) == -1) {
		err_set(e, ERR_INTERNAL, "outbox item does not encode");
		goto out;
	}
	if (seal_box_seal(keyd_keys_outbox(st->keys)->pk, SEAL_P_OUTBOX, &bind,
		plain.data, plain.len, &box, e) == -1)
		goto out;
	if (box.len > KEYD_ITEM_MAX) {
		err_set(e, ERR_INTERNAL, "outbox item too long");
		goto out;
	}
	memcpy(out->data, box.data, box.len);
	out->len = box.len;
	rc = 0;
out:
	buf_free(&plain);
	buf_free(&box);
	return rc;
}

static int
make_code(struct keyd_state *st, const union proto_request *q, const char *to,
    const uint8_t address[32], union proto_reply *r, struct err *e)
{
	struct seal_item item;
	int rc = -1;

	memset(&item, 0, sizeof(item));
	item.kind = SEAL_I_CODE;
	if (text_copy(item.address, sizeof(item.address), to) == -1 ||
	    new_reference(item.reference) == -1) {
		err_set(e, ERR_INTERNAL, "no code could be made");
		goto out;
	}
	seal_code_new(item.secret);
	if (seal_item(st, q, &item, &r->code.item, e) == -1)
		goto out;
	secret_random(r->code.handle.b, ID_LEN);
	keyd_codes_add(st->codes, &r->code.handle, q->code_make.browser,
	    &q->code_make.tenant, address, item.secret, st->now);
	memcpy(r->code.reference, item.reference, sizeof(r->code.reference));
	r->code.expires = (uint64_t)(st->now +
	    LIMIT_CODE_MINUTES * CLOCK_MINUTE);
	rc = 0;
out:
	secret_wipe(&item, sizeof(item));
	return rc;
}

int
keyd_do_code_make(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	struct seal_escrow rec;
	uint8_t address[32];
	int rc = -1;

	memset(&rec, 0, sizeof(rec));
	if (keyd_escrow_open(st, &q->code_make.tenant, &q->code_make.message,
		&q->code_make.notice, &q->code_make.escrow, &rec, e) == -1)
		goto out;
	if (!text_equal_ci(rec.address, q->code_make.typed)) {
		err_set(e, ERR_DENIED, "not the address of the record");
		goto out;
	}
	if (keyd_proof_address(&q->code_make.tenant, rec.address, address, e) ==
		-1 ||
	    keyd_spend(st, KEYD_B_CODE, &q->code_make.tenant, address,
		sizeof(address), e) == -1)
		goto out;
	rc = make_code(st, q, rec.address, address, r, e);
out:
	secret_wipe(&rec, sizeof(rec));
	return rc;
}

int
keyd_do_code_check(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	struct id tenant;
	uint8_t address[32];

	if (keyd_codes_check(st->codes, &q->code_check.handle,
		q->code_check.browser, q->code_check.code, st->now, &tenant,
		address, e) == -1)
		return -1;
	keyd_proof_make(
	    st->keys, KEYD_M_CODE, &tenant, address, st->now, r->proof);
	return 0;
}

int
keyd_do_registration_make(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	uint8_t address[32], code[KEYD_REGISTRATION_BYTES];
	int rc = 0;

	if (keyd_proof_address(&q->registration.tenant, q->registration.address,
		address, e) == -1)
		return -1;
	secret_random(code, sizeof(code));
	if (id_base32(code, sizeof(code), r->registration,
		sizeof(r->registration)) == -1)
		rc = err_set(e, ERR_INTERNAL, "no code could be made");
	else
		keyd_codes_invite(
		    st->codes, &q->registration.tenant, address, code, st->now);
	secret_wipe(code, sizeof(code));
	return rc;
}

int
keyd_do_registration_check(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct id *tenant = &q->registration.tenant;
	uint8_t address[32], code[KEYD_REGISTRATION_BYTES];
	int rc = -1;

	memset(code, 0, sizeof(code));
	if (keyd_proof_address(tenant, q->registration.address, address, e) ==
		-1 ||
	    keyd_may_try(st, KEYD_B_REGISTRATION, tenant, address,
		sizeof(address), e) == -1)
		return -1;
	if (id_unbase32(q->registration.code, code, sizeof(code)) == -1)
		err_set(e, ERR_DENIED, "not a registration code");
	else
		rc = keyd_codes_accept(
		    st->codes, tenant, address, code, st->now, e);
	secret_wipe(code, sizeof(code));
	if (rc == -1) {
		keyd_tried(
		    st, KEYD_B_REGISTRATION, tenant, address, sizeof(address));
		return -1;
	}
	keyd_proof_make(
	    st->keys, KEYD_M_REGISTRATION, tenant, address, st->now, r->proof);
	return 0;
}
