/*
 * verbs_mail.c: records that others sealed to keyd: escrow for a reader who has
 * proved the address, outbox items for the courier.
 */
#include "keyd/verbs.h"

#include <string.h>

#include "base/log.h"

int
keyd_escrow_open(struct keyd_state *st, const struct id *tenant,
    const struct id *message, const struct id *notice,
    const struct proto_blob *box, struct seal_escrow *out, struct err *e)
{
	const struct seal_bind bind = {
	    .tenant = *tenant, .owner = *message, .item = *notice};
	struct buf plain = BUF_INIT;
	int rc = -1;

	if (seal_box_open(keyd_keys_escrow(st->keys), SEAL_P_ESCROW, &bind,
		box->data, box->len, &plain, e) == -1 ||
	    seal_escrow_decode(plain.data, plain.len, out, e) == -1) {
		/* Moved, changed or foreign: to whoever asks, no proof. */
		err_set(e, ERR_DENIED, "escrow record does not open");
		goto out;
	}
	if (out->expires <= st->now) {
		err_set(e, ERR_EXPIRED, "escrow record expired");
		goto out;
	}
	rc = 0;
out:
	buf_free(&plain);
	return rc;
}

static int
release(struct keyd_state *st, const union proto_request *q,
    const struct seal_escrow *rec, const struct keyd_proof *p,
    union proto_reply *r, struct err *e)
{
	char message[ID_TEXT_LEN];
	uint8_t address[32], half[SECRET_KEY_LEN];

	if (keyd_proof_address(&q->release.tenant, rec->address, address, e) ==
	    -1)
		return -1;
	if (!id_equal(&p->tenant, &q->release.tenant) ||
	    !secret_equal(p->address, address, sizeof(address)))
		return err_set(e, ERR_DENIED, "proof of another address");
	if (keyd_spend(st, KEYD_B_RELEASE, &p->tenant, address, sizeof(address),
		e) == -1 ||
	    keyd_slots_half(st->slots, st->keys, rec->slot_id, half, e) == -1)
		return -1;
	seal_half_bind(half, &p->tenant, rec->address, r->release.half);
	secret_wipe(half, sizeof(half));
	r->release.slot_id = rec->slot_id;
	r->release.has_key = rec->has_key != 0;
	if (rec->has_key)
		memcpy(r->release.sk, rec->sk, SECRET_KEY_LEN);
	id_format(&q->release.message, message);
	log_line(LOG_LEVEL_INFO, NULL, "released",
	    "message=%s slot=%llu key=%d", message,
	    (unsigned long long)rec->slot_id, rec->has_key != 0);
	return 0;
}

int
keyd_do_release(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	struct seal_escrow rec;
	struct keyd_proof p;
	int rc = -1;

	memset(&rec, 0, sizeof(rec));
	/* Without a proof the record is not even opened. */
	if (keyd_proof_open(st->keys, q->release.proof, st->now, &p, e) == 0 &&
	    keyd_escrow_open(st, &q->release.tenant, &q->release.message,
		&q->release.notice, &q->release.escrow, &rec, e) == 0)
		rc = release(st, q, &rec, &p, r, e);
	secret_wipe(&rec, sizeof(rec));
	return rc;
}

int
keyd_do_outbox_open(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct seal_bind bind = {.tenant = q->outbox.tenant,
	    .owner = q->outbox.outbox,
	    .number = q->outbox.kind};
	struct buf plain = BUF_INIT;
	struct seal_item item;
	int rc = -1;

	memset(&item, 0, sizeof(item));
	if (seal_box_open(keyd_keys_outbox(st->keys), SEAL_P_OUTBOX, &bind,
		q->outbox.box.data, q->outbox.box.len, &plain, e) == -1 ||
	    seal_item_decode(plain.data, plain.len, &item, e) == -1 ||
	    (uint32_t)item.kind != q->outbox.kind) {
		err_set(e, ERR_DENIED, "outbox item does not open");
		goto out;
	}
	memcpy(r->item.address, item.address, sizeof(r->item.address));
	memcpy(r->item.secret, item.secret, sizeof(r->item.secret));
	memcpy(r->item.reference, item.reference, sizeof(r->item.reference));
	memcpy(r->item.original, item.original, sizeof(r->item.original));
	rc = 0;
out:
	buf_free(&plain);
	secret_wipe(&item, sizeof(item));
	return rc;
}

int
keyd_do_forward_open(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	const struct seal_bind bind = {.tenant = q->forward.tenant,
	    .owner = q->forward.message,
	    .item = q->forward.forward};
	struct buf plain = BUF_INIT;
	int rc = -1;

	if (seal_box_open(keyd_keys_forward(st->keys), SEAL_P_FORWARD, &bind,
		q->forward.box.data, q->forward.box.len, &plain, e) == -1 ||
	    plain.len != SECRET_KEY_LEN) {
		err_set(e, ERR_DENIED, "forwarded copy does not open");
	} else {
		memcpy(r->key, plain.data, SECRET_KEY_LEN);
		rc = 0;
	}
	buf_free(&plain);
	return rc;
}
