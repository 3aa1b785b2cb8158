/*
 * parcel.c: seals a finished message for every reader and gathers what is to be written:
 * its rows, its notices, its events and its mails. What is committed of it is what 250
 * means.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/directory.h"
#include "desk/forward.h"
#include "desk/internal.h"
#include "store/upload.h"

/* Longer than anything waits for its transaction after it was given its tags. */
#define TURN (10 * CLOCK_MINUTE)

/* One reader while it is being sealed for. */
struct sealing {
	struct reader_row row;
	struct account_key key; /* of its account, where it has one */
	bool has_key;
	uint8_t pk[SEAL_PK_LEN]; /* what is sealed to */
	struct keyd_slot slot;
};

struct work {
	struct desk *d;
	const struct parcel *p;
	const struct id *tenant;
	struct seal_pair ephemeral;
	struct keyd_public pub;
	struct sealing *r;
	size_t n;
	struct bundle *b; /* what comes of it */
};

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
	size_t i;

	for (i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(n >> (56 - 8 * i));
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

/* NULL: memory. */
static struct notice *
notice_start(struct work *w, struct sealing *s, struct err *e)
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
provisional_wrap(struct work *w, struct sealing *s, struct notice *n,
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
provisional_certify(struct work *w, struct sealing *s, struct notice *n)
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
notice_mail(struct work *w, const struct sealing *s, enum seal_item_kind kind,
    struct err *e)
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
is_notified(const struct work *w, const struct sealing *s)
{
	return s->row.role == READER_RECIPIENT &&
	    !w->p->rcpt[s->row.slot - 1].forward;
}

/* A reader without an account key: a pair of its own, for this notice alone. */
static int
seal_for_stranger(struct work *w, struct sealing *s, struct err *e)
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

/*
 * The notice of an account's holder carries no secret, and so no sealed item: the courier
 * reads in the reader's row where it goes.
 */
static int
seal_for_account(struct work *w, struct sealing *s, struct err *e)
{
	struct notice *n;

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
	return notice_mail(w, s, SEAL_I_NOTICE_ACCOUNT, e) == NULL ? -1 : 0;
}

static int
seal_reader(struct work *w, struct sealing *s, struct err *e)
{
	struct reader_row *row;
	struct seal_bind bind;
	int r;

	s->row.message = w->b->message.id;
	s->row.created = w->b->message.created;
	s->row.state = READER_WAITING;
	s->row.slot_id = s->slot.id;
	memcpy(s->row.ephemeral_pk, w->ephemeral.pk, SEAL_PK_LEN);
	r = s->has_key ? seal_for_account(w, s, e) : seal_for_stranger(w, s, e);
	if (r == -1)
		return -1;
	slot_bind(w->tenant, &w->b->message.id, s->row.slot, &bind);
	if (seal_slot_seal(&w->ephemeral, s->pk, s->slot.shred, &bind,
		draft_dek(w->p->draft), s->row.sealed, e) == -1)
		return -1;
	if ((row = bundle_reader(w->b)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "readers: memory");
	*row = s->row;
	return 0;
}

/* Slot 0 is the sender's, where it is proved; recipients follow from 1. */
static int
readers_list(struct work *w, struct err *e)
{
	const struct parcel *p = w->p;
	struct sealing *s;
	size_t i;

	/* Without escrow nothing could ever open a slot of a sender who has no key yet. */
	if ((w->r = calloc(p->n_rcpt + 1, sizeof(*w->r))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "readers: memory");
	if (p->proved && (p->tenant->escrow || !id_is_zero(&p->account))) {
		s = &w->r[w->n++];
		s->row.role = READER_SENDER;
		s->row.account = p->account;
		if (text_copy(s->row.address, sizeof(s->row.address),
			p->from) == -1 ||
		    text_copy(s->row.key, sizeof(s->row.key), p->from_key) ==
			-1)
			return err_set(
			    e, ERR_BAD_INPUT, "sender address too long");
	}
	for (i = 0; i < p->n_rcpt; i++) {
		if (p->rcpt[i].forward_only)
			continue;
		s = &w->r[w->n++];
		s->row.role = READER_RECIPIENT;
		s->row.slot = (uint32_t)i + 1;
		s->row.account = p->rcpt[i].account;
		memcpy(s->row.address, p->rcpt[i].mailbox.address,
		    sizeof(s->row.address));
		memcpy(s->row.key, p->rcpt[i].mailbox.key, sizeof(s->row.key));
	}
	return 0;
}

/* Someone may have registered since the recipient was named. */
static int
key_look(struct work *w, struct sealing *s, struct err *e)
{
	struct account a;
	int found;

	found = directory_account(w->d, w->tenant, s->row.key, &a, e);
	if (found != 1)
		return found;
	s->row.account = a.id;
	found = directory_key(w->d, w->tenant, &a, &s->key, e);
	s->has_key = found == 1;
	return found;
}

static int
keys_look(struct work *w, struct err *e)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (key_look(w, &w->r[i], e) == -1)
			return -1;
	return 0;
}

static int
slots_lease(struct work *w, struct err *e)
{
	struct keyd_slot *slots;
	size_t i;
	int r;

	if ((slots = calloc(w->n, sizeof(*slots))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "slots: memory");
	r = shared_slots(w->d, slots, w->n, e);
	for (i = 0; i < w->n; i++)
		w->r[i].slot = slots[i];
	secret_wipe(slots, w->n * sizeof(*slots));
	free(slots);
	return r;
}

static int
manifest_seal(struct work *w, struct err *e)
{
	struct message *m = &w->b->message;
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r = -1;

	if (manifest_encode(w->p->manifest, &clear, e) == 0) {
		manifest_key(draft_dek(w->p->draft), w->tenant, &m->id, key);
		manifest_bind(w->tenant, &m->id, &bind);
		r = seal_wrap(key, SEAL_P_MANIFEST, &bind, clear.data,
		    clear.len, &m->manifest, e);
		secret_wipe(key, sizeof(key));
	}
	buf_free(&clear);
	return r;
}

static int
message_fill(struct work *w, struct err *e)
{
	const struct parcel *p = w->p;
	struct message *m = &w->b->message;

	m->id = *draft_id(p->draft);
	m->created = clock_now();
	m->expires = m->created + p->tenant->retention_days * CLOCK_DAY;
	if (text_copy(m->sender, sizeof(m->sender), p->from) == -1)
		return err_set(e, ERR_BAD_INPUT, "sender address too long");
	text_cut(m->sender_name, sizeof(m->sender_name), p->from_name);
	m->sender_account = p->proved ? p->account : id_zero();
	m->in_reply_to = p->answers;
	m->size = draft_size(p->draft);
	m->chunks = draft_chunks(p->draft);
	memcpy(m->content_header, draft_header(p->draft), SEAL_CONTENT_HEADER);
	seal_pair_new(&w->ephemeral);
	memcpy(m->ephemeral_pk, w->ephemeral.pk, SEAL_PK_LEN);
	seal_dek_commit(draft_dek(p->draft), w->tenant, &m->id, m->dek_commit);
	if (shared_public(w->d, &w->pub, e) == -1 ||
	    shared_cert(w->d, m->signer_cert, e) == -1)
		return -1;
	return manifest_seal(w, e);
}

static int
event_gather(struct work *w, const struct id *message, uint32_t slot,
    enum event_kind kind, struct err *e)
{
	struct event *ev;

	if ((ev = bundle_event(w->b)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "events: memory");
	ev->message = *message;
	ev->slot = slot;
	ev->kind = kind;
	return 0;
}

/*
 * That the message was accepted its own row says, and that an account's notice was queued
 * that notice's (event_list()).
 */
static int
events_gather(struct work *w, struct err *e)
{
	const struct bundle *b = w->b;
	size_t i;

	for (i = 0; i < b->n_mail; i++)
		if (b->mail[i].kind == OUTBOX_NOTICE &&
		    b->mail[i].item_kind != SEAL_I_NOTICE_ACCOUNT &&
		    event_gather(w, &b->message.id, b->mail[i].slot,
			EVENT_NOTICE_QUEUED, e) == -1)
			return -1;
	if (id_is_zero(&w->p->answers))
		return 0;
	return event_gather(
	    w, &w->p->answers, w->p->answers_slot, EVENT_REPLIED, e);
}

static int
chunk_read(void *arg, uint32_t seq, struct buf *out, struct err *e)
{
	return draft_chunk(arg, seq, out, e);
}

static int
gather(struct work *w, struct err *e)
{
	struct bundle *b = w->b;
	size_t i;

	if (message_fill(w, e) == -1 || readers_list(w, e) == -1 ||
	    slots_lease(w, e) == -1 || keys_look(w, e) == -1)
		return -1;
	for (i = 0; i < w->n; i++)
		if (seal_reader(w, &w->r[i], e) == -1)
			return -1;
	if (parcel_sign(shared_signer(w->d), w->tenant, &b->message, b->reader,
		b->n_reader, b->message.signature) == -1)
		return err_set(e, ERR_UNAVAILABLE, "envelope: memory");
	if (forward_gather(w->d, w->p, b, e) == -1 ||
	    dsn_gather(w->d, w->p, b, e) == -1)
		return -1;
	return events_gather(w, e);
}

int
parcel_gather(
    struct desk *d, const struct parcel *p, struct bundle *b, struct err *e)
{
	struct work w = {.d = d, .p = p, .tenant = &p->tenant->id, .b = b};
	int r;

	b->tenant = *w.tenant;
	b->chunk = chunk_read;
	b->chunk_arg = p->draft;
	b->has_tags = p->tags != NULL;
	if (b->has_tags)
		memcpy(b->tags, p->tags, sizeof(b->tags));
	_Static_assert(KEYD_TAGS == BUNDLE_TAGS, "tags");
	r = gather(&w, e);
	b->turn = b->message.created % CLOCK_DAY < TURN;
	if (w.r != NULL)
		secret_wipe(w.r, w.n * sizeof(*w.r));
	free(w.r);
	secret_wipe(&w.ephemeral, sizeof(w.ephemeral));
	return r;
}

/* The careful way of one alone, which knows what it is a duplicate of. */
struct alone {
	struct bundle *b;
	const struct id *uploads;
	size_t n_uploads;
	struct id *first;
};

static int
alone_write(struct desk *d, void *arg, struct err *e)
{
	struct alone *a = arg;
	const struct id *tenant = &a->b->tenant;
	size_t i;
	int found;

	if (a->b->has_tags) {
		found = duplicate_find(d->db, tenant,
		    (const uint8_t(*)[32])a->b->tags, BUNDLE_TAGS, a->first, e);
		if (found == -1)
			return -1;
		if (found)
			return err_set(e, ERR_CONFLICT, "duplicate");
	}
	for (i = 0; i < a->n_uploads; i++)
		if (upload_sent(d->db, tenant, &a->uploads[i],
			&a->b->message.id, e) == -1)
			return -1;
	return bundle_write(d->db, &a->b, 1, e);
}

int
bundle_commit(
    struct desk *d, struct bundle *b, struct id *first_out, struct err *e)
{
	struct alone a = {.b = b, .first = first_out};

	*first_out = id_zero();
	return desk_within(d, &b->tenant, alone_write, &a, e);
}

int
parcel_commit(
    struct desk *d, const struct parcel *p, struct id *first_out, struct err *e)
{
	struct bundle b = {0};
	struct alone a = {.b = &b,
	    .uploads = p->uploads,
	    .n_uploads = p->n_uploads,
	    .first = first_out};
	int r;

	*first_out = id_zero();
	if ((r = parcel_gather(d, p, &b, e)) == 0)
		r = desk_within(d, &b.tenant, alone_write, &a, e);
	if (r == 0)
		db_wake_courier(d->db, false);
	bundle_clear(&b);
	return r;
}
