/*
 * sealing.c: a message sealed for one reader: its slot, its notice and the mail that tells
 * of it.
 */
#include "desk/sealing.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* NULL: memory. */
static struct notice *
notice_start(struct sealing *w, struct sealed_for *s, struct err *e)
{
	struct notice *n;

	if ((n = bundle_notice(w->b)) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "notice: memory");
		return NULL;
	}
	n->id = id_new();
	n->message = w->b->message.id;
	n->slot = s->row.slot;
	seal_pickup_new(n->pickup);
	memcpy(n->key, s->row.key, sizeof(n->key));
	n->expires = w->b->message.expires;
	s->row.notice = n->id;
	return n;
}

/* The two ways to a provisional secret key: through the link, and through escrow. */
static int
provisional_wrap(struct sealing *w, struct sealed_for *s, struct notice *n,
    const struct seal_pair *pair, const uint8_t link[SEAL_LINK_BYTES],
    struct err *e)
{
	const struct seal_bind bind = {
	    .tenant = *w->tenant, .owner = w->b->message.id, .item = n->id};
	struct seal_escrow record = {.slot_id = s->slot.id,
	    /* A first opening on its last day moves the message's end this far. */
	    .expires = n->expires + LIMIT_AFTER_OPEN_DAYS * CLOCK_DAY,
	    .has_key = w->p->tenant->escrow};
	struct buf clear = BUF_INIT;
	uint8_t half[SECRET_KEY_LEN], key[SECRET_KEY_LEN];
	int r;

	seal_half_bind(s->slot.half, w->tenant, s->row.key, half);
	seal_link_key(link, half, w->tenant, &n->id, key);
	secret_wipe(half, sizeof(half));
	r = seal_wrap(key, SEAL_P_LINK, &bind, pair->sk, sizeof(pair->sk),
	    &n->link_wrap, e);
	secret_wipe(key, sizeof(key));
	if (r == -1)
		return -1;
	if (text_copy(record.address, sizeof(record.address), s->row.key) == -1)
		return err_set(e, ERR_INTERNAL, "address too long");
	if (record.has_key)
		memcpy(record.sk, pair->sk, sizeof(record.sk));
	r = seal_escrow_encode(&record, &clear);
	secret_wipe(&record, sizeof(record));
	if (r == -1)
		err_set(e, ERR_UNAVAILABLE, "escrow: memory");
	else
		r = seal_box_seal(w->pub.escrow_pk, SEAL_P_ESCROW, &bind,
		    clear.data, clear.len, &n->escrow, e);
	buf_free(&clear);
	return r;
}

static void
provisional_certify(struct sealing *w, struct sealed_for *s, struct notice *n)
{
	struct seal_cert c = {.kind = SEAL_C_PROVISIONAL,
	    .generation = w->pub.generation,
	    .tenant = *w->tenant,
	    .subject = n->id,
	    .version = 1,
	    .not_before = w->b->message.created,
	    .not_after = w->b->message.expires};

	seal_address_digest(w->tenant, s->row.key, c.address);
	memcpy(c.pk, s->pk, SEAL_PK_LEN);
	seal_cert_sign(shared_signer(w->d), &c, n->cert);
}

/* The mail that tells the recipient. NULL: memory. */
static struct outbox *
notice_mail(struct sealing *w, const struct sealed_for *s,
    enum seal_item_kind kind, struct err *e)
{
	struct outbox *o;

	if ((o = bundle_mail(w->b)) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "mail: memory");
		return NULL;
	}
	o->tenant = *w->tenant;
	o->id = id_new();
	o->kind = OUTBOX_NOTICE;
	o->message = w->b->message.id;
	o->slot = s->row.slot;
	o->notice = s->row.notice;
	o->item_kind = kind;
	return o;
}

/* Whoever is handed the message itself needs no notice of it. */
static bool
is_notified(const struct sealing *w, const struct sealed_for *s)
{
	return s->row.role == READER_RECIPIENT &&
	    !w->p->rcpt[s->row.slot - 1].forward;
}

/* A reader without an account key: a pair of its own, for this notice alone. */
static int
seal_for_stranger(struct sealing *w, struct sealed_for *s, struct err *e)
{
	struct seal_pair pair;
	uint8_t link[SEAL_LINK_BYTES];
	char text[SEAL_LINK_LEN];
	struct notice *n;
	struct outbox *o;
	int r;

	if ((n = notice_start(w, s, e)) == NULL)
		return -1;
	s->row.account = id_zero();
	seal_pair_new(&pair);
	seal_link_new(link, text);
	memcpy(s->pk, pair.pk, SEAL_PK_LEN);
	seal_link_hash(link, n->link_hash);
	provisional_certify(w, s, n);
	r = provisional_wrap(w, s, n, &pair, link, e);
	if (r == 0 && is_notified(w, s))
		r = (o = notice_mail(w, s, SEAL_I_NOTICE, e)) == NULL ?
		    -1 :
		    outbox_seal_for(w->d, o, SEAL_I_NOTICE, s->row.address,
			text, w->p->proved ? w->p->manifest->message_id : "",
			e);
	secret_wipe(&pair, sizeof(pair));
	secret_wipe(link, sizeof(link));
	secret_wipe(text, sizeof(text));
	return r;
}

/* May its sender be told that a notice failed, and so of which message? */
static bool
is_told(const struct sealing *w, const struct sealed_for *s)
{
	const struct parcel *p = w->p;

	return p->proved && !p->automatic && *p->manifest->message_id != '\0' &&
	    p->rcpt[s->row.slot - 1].way == POLICY_OUTWARD;
}

/*
 * The notice of an account's holder carries no secret, and so no sealed item: the courier
 * reads in the reader's row where it goes. But for the Message-ID that a report may have
 * to name.
 */
static int
seal_for_account(struct sealing *w, struct sealed_for *s, struct err *e)
{
	struct notice *n;
	struct outbox *o;

	memcpy(s->pk, s->key.pk, SEAL_PK_LEN);
	s->row.key_version = s->key.version;
	if (s->row.role != READER_RECIPIENT)
		return 0;
	if ((n = notice_start(w, s, e)) == NULL)
		return -1;
	n->account = s->row.account;
	s->row.notice = n->id;
	if (!is_notified(w, s))
		return 0;
	if ((o = notice_mail(w, s, SEAL_I_NOTICE_ACCOUNT, e)) == NULL)
		return -1;
	return !is_told(w, s) ?
	    0 :
	    outbox_seal_for(w->d, o, SEAL_I_NOTICE_ACCOUNT, s->row.address, "",
		w->p->manifest->message_id, e);
}

int
sealing_notice(struct sealing *w, struct sealed_for *s, struct err *e)
{
	s->row.message = w->b->message.id;
	s->row.created = w->b->message.created;
	s->row.state = READER_WAITING;
	s->row.slot_id = s->slot.id;
	memcpy(s->row.ephemeral_pk, w->ephemeral.pk, SEAL_PK_LEN);
	return s->has_key ? seal_for_account(w, s, e) :
			    seal_for_stranger(w, s, e);
}

int
sealing_slot(struct sealing *w, struct sealed_for *s, struct err *e)
{
	struct reader_row *row;
	struct seal_bind bind;

	slot_bind(w->tenant, &w->b->message.id, s->row.slot, &bind);
	if (seal_slot_seal(&w->ephemeral, s->pk, s->slot.shred, &bind,
		draft_dek(w->p->draft), s->row.sealed, e) == -1)
		return -1;
	if ((row = bundle_reader(w->b)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "readers: memory");
	*row = s->row;
	return 0;
}
