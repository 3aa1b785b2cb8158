/*
 * client.c: one function a verb: fills a request, and reads its reply.
 */
#include "keyd/client.h"

#include <string.h>

#include "base/text.h"
#include "keyd/talk.h"

static int
set_text(struct keyd *k, char *out, size_t cap, const char *s, struct err *e)
{
	if (text_copy(out, cap, s) == 0)
		return 0;
	talk_finish(k);
	return err_set(e, ERR_BAD_INPUT, "keyd: text too long");
}

static int
set_blob(struct keyd *k, struct proto_blob *b, const void *p, size_t n,
    struct err *e)
{
	if (n > sizeof(b->data)) {
		talk_finish(k);
		return err_set(e, ERR_BAD_INPUT, "keyd: blob too long");
	}
	if (n > 0)
		memcpy(b->data, p, n);
	b->len = n;
	return 0;
}

int
keyd_public(struct keyd *k, struct keyd_public *out, struct err *e)
{
	talk_begin(k);
	return talk_bytes(k, PROTO_PUBLIC, NULL, out, sizeof(*out), e);
}

int
keyd_certify_process(struct keyd *k, const uint8_t sign_pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	memcpy(talk_begin(k)->certify.sign_pk, sign_pk, SEAL_PK_LEN);
	return talk_bytes(k, PROTO_CERTIFY, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_lease(struct keyd *k, struct keyd_slot out[KEYD_LEASE], struct err *e)
{
	talk_begin(k);
	return talk_bytes(
	    k, PROTO_LEASE, NULL, out, KEYD_LEASE * sizeof(out[0]), e);
}

int
keyd_shred_key(struct keyd *k, uint64_t slot_id, uint8_t out[SECRET_KEY_LEN],
    struct err *e)
{
	talk_begin(k)->shred.slot_id = slot_id;
	return talk_bytes(k, PROTO_SHRED_KEY, NULL, out, SECRET_KEY_LEN, e);
}

int
keyd_password_mac(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *wrap,
    const uint8_t a[SECRET_KEY_LEN], uint8_t out[SECRET_KEY_LEN], int *wait_s,
    struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->password.tenant = *tenant;
	q->password.account = *account;
	q->password.wrap = *wrap;
	memcpy(q->password.a, a, SECRET_KEY_LEN);
	return talk_bytes(
	    k, PROTO_PASSWORD_MAC, wait_s, out, SECRET_KEY_LEN, e);
}

static int
take_code(struct keyd *k, struct keyd_code *out, struct err *e)
{
	const union proto_reply *r = talk_reply(k);
	int rc = -1;

	memset(out, 0, sizeof(*out));
	if (r->code.item.len > sizeof(out->item)) {
		err_set(e, ERR_INTERNAL, "keyd: outbox item too long");
		goto done;
	}
	out->handle = r->code.handle;
	memcpy(out->reference, r->code.reference, sizeof(out->reference));
	out->expires = (int64_t)r->code.expires;
	memcpy(out->item, r->code.item.data, r->code.item.len);
	out->item_len = r->code.item.len;
	rc = 0;
done:
	talk_finish(k);
	return rc;
}

int
keyd_code_make(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *notice, const void *escrow,
    size_t escrow_len, const char *typed, const uint8_t browser[32],
    const struct id *outbox, struct keyd_code *out, struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->code_make.tenant = *tenant;
	q->code_make.message = *message;
	q->code_make.notice = *notice;
	q->code_make.outbox = *outbox;
	memcpy(q->code_make.browser, browser, 32);
	if (set_text(k, q->code_make.typed, sizeof(q->code_make.typed), typed,
		e) == -1 ||
	    set_blob(k, &q->code_make.escrow, escrow, escrow_len, e) == -1 ||
	    talk_call(k, PROTO_CODE_MAKE, NULL, e) == -1)
		return -1;
	return take_code(k, out, e);
}

int
keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->code_check.handle = *handle;
	memcpy(q->code_check.browser, browser, 32);
	/* A cut code is as wrong as the whole would be. */
	text_cut(q->code_check.code, sizeof(q->code_check.code), code);
	return talk_bytes(k, PROTO_CODE_CHECK, NULL, proof, KEYD_PROOF_LEN, e);
}

int
keyd_release(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *message, const struct id *notice,
    const void *escrow, size_t escrow_len, struct keyd_release *out,
    struct err *e)
{
	union proto_request *q = talk_begin(k);
	union proto_reply *r = talk_reply(k);

	memcpy(q->release.proof, proof, KEYD_PROOF_LEN);
	q->release.tenant = *tenant;
	q->release.message = *message;
	q->release.notice = *notice;
	if (set_blob(k, &q->release.escrow, escrow, escrow_len, e) == -1 ||
	    talk_call(k, PROTO_RELEASE, NULL, e) == -1)
		return -1;
	out->slot_id = r->release.slot_id;
	memcpy(out->half, r->release.half, sizeof(out->half));
	out->has_key = r->release.has_key != 0;
	memcpy(out->sk, r->release.sk, sizeof(out->sk));
	talk_finish(k);
	return 0;
}

int
keyd_registration_make(struct keyd *k, const struct id *tenant,
    const char *address, char code[KEYD_REGISTRATION_LEN], struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->registration.tenant = *tenant;
	if (set_text(k, q->registration.address,
		sizeof(q->registration.address), address, e) == -1)
		return -1;
	return talk_bytes(
	    k, PROTO_REGISTRATION_MAKE, NULL, code, KEYD_REGISTRATION_LEN, e);
}

int
keyd_registration_check(struct keyd *k, const struct id *tenant,
    const char *address, const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->registration.tenant = *tenant;
	if (set_text(k, q->registration.address,
		sizeof(q->registration.address), address, e) == -1)
		return -1;
	text_cut(q->registration.code, sizeof(q->registration.code), code);
	return talk_bytes(
	    k, PROTO_REGISTRATION_CHECK, NULL, proof, KEYD_PROOF_LEN, e);
}

int
keyd_sign_account(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *account, const char *address,
    uint32_t version, const uint8_t pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	union proto_request *q = talk_begin(k);

	memcpy(q->sign.proof, proof, KEYD_PROOF_LEN);
	q->sign.tenant = *tenant;
	q->sign.account = *account;
	q->sign.version = version;
	memcpy(q->sign.pk, pk, SEAL_PK_LEN);
	if (set_text(k, q->sign.address, sizeof(q->sign.address), address, e) ==
	    -1)
		return -1;
	return talk_bytes(k, PROTO_SIGN_ACCOUNT, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_resign(struct keyd *k, const uint8_t old[SEAL_CERT_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	memcpy(talk_begin(k)->resign.cert, old, SEAL_CERT_LEN);
	return talk_bytes(k, PROTO_RESIGN, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_token_make(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id, const char *token,
    uint8_t verifier[32], struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->token.tenant = *tenant;
	q->token.account = *account;
	q->token.token_id = *token_id;
	if (set_text(k, q->token.token, sizeof(q->token.token), token, e) == -1)
		return -1;
	return talk_bytes(k, PROTO_TOKEN_MAKE, NULL, verifier, 32, e);
}

int
keyd_token_check(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id,
    const uint8_t verifier[32], const char *token, struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->token.tenant = *tenant;
	q->token.account = *account;
	q->token.token_id = *token_id;
	memcpy(q->token.verifier, verifier, 32);
	/* None that long was ever made. */
	if (text_copy(q->token.token, sizeof(q->token.token), token) == -1) {
		talk_finish(k);
		return err_set(e, ERR_DENIED, "keyd: token too long");
	}
	return talk_bytes(k, PROTO_TOKEN_CHECK, NULL, NULL, 0, e);
}

int
keyd_outbox_open(struct keyd *k, const struct id *tenant,
    const struct id *outbox, enum seal_item_kind kind, const void *box,
    size_t n, struct seal_item *out, struct err *e)
{
	union proto_request *q = talk_begin(k);
	const union proto_reply *r = talk_reply(k);

	q->outbox.tenant = *tenant;
	q->outbox.outbox = *outbox;
	q->outbox.kind = (uint32_t)kind;
	if (set_blob(k, &q->outbox.box, box, n, e) == -1 ||
	    talk_call(k, PROTO_OUTBOX_OPEN, NULL, e) == -1)
		return -1;
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	memcpy(out->address, r->item.address, sizeof(out->address));
	memcpy(out->secret, r->item.secret, sizeof(out->secret));
	memcpy(out->reference, r->item.reference, sizeof(out->reference));
	memcpy(out->original, r->item.original, sizeof(out->original));
	talk_finish(k);
	return 0;
}

int
keyd_forward_open(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *forward, const void *box,
    size_t n, uint8_t dek[SECRET_KEY_LEN], struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->forward.tenant = *tenant;
	q->forward.message = *message;
	q->forward.forward = *forward;
	if (set_blob(k, &q->forward.box, box, n, e) == -1)
		return -1;
	return talk_bytes(k, PROTO_FORWARD_OPEN, NULL, dek, SECRET_KEY_LEN, e);
}

int
keyd_duplicate_tags(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
{
	union proto_request *q = talk_begin(k);

	q->tags.tenant = *tenant;
	memcpy(q->tags.digest, digest, 32);
	return talk_bytes(
	    k, PROTO_DUPLICATE_TAGS, NULL, tags, KEYD_TAGS * 32, e);
}

void
keyd_duplicate_ask(
    struct keyd *k, const struct id *tenant, const uint8_t digest[32])
{
	union proto_request *q = talk_begin(k);

	q->tags.tenant = *tenant;
	memcpy(q->tags.digest, digest, 32);
	talk_ask(k, PROTO_DUPLICATE_TAGS);
}

int
keyd_duplicate_take(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
{
	switch (talk_take(k, PROTO_DUPLICATE_TAGS, e)) {
	case 1:
		memcpy(tags, talk_reply(k), KEYD_TAGS * sizeof(tags[0]));
		talk_finish(k);
		return 0;
	case 0:
		return keyd_duplicate_tags(k, tenant, digest, tags, e);
	default:
		return -1;
	}
}
