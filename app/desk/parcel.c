/*
 * parcel.c: seals a finished message for every reader and writes it, its notices, its
 * events and its mails in one transaction. What is committed here is what 250 means.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/internal.h"
#include "store/upload.h"

/* One reader while it is being sealed for. */
struct sealing {
	struct reader_row row;
	uint8_t pk[SEAL_PK_LEN];
	struct keyd_slot slot;
	struct notice notice;
	bool has_notice;
	struct outbox mail;
	bool has_mail;
};

struct work {
	struct desk *d;
	const struct parcel *p;
	const struct id *tenant;
	struct message m;
	struct seal_pair ephemeral;
	struct keyd_public pub;
	struct sealing *r;
	size_t n;
	struct id *first; /* the message a duplicate repeats */
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

static void
notice_start(struct work *w, struct sealing *s)
{
	struct notice *n = &s->notice;

	n->id = id_new();
	n->message = w->m.id;
	n->slot = s->row.slot;
	seal_pickup_new(n->pickup);
	memcpy(n->key, s->row.key, sizeof(n->key));
	n->expires = w->m.expires;
	s->has_notice = true;
}

/* The two ways to a provisional secret key: through the link, and through escrow. */
static int
provisional_wrap(struct work *w, struct sealing *s,
    const struct seal_pair *pair, const uint8_t link[SEAL_LINK_BYTES],
    struct err *e)
{
	const struct seal_bind bind = {
	    .tenant = *w->tenant, .owner = w->m.id, .item = s->notice.id};
	struct seal_escrow record = {.slot_id = s->slot.id,
	    /* A first opening on its last day moves the message's end this far. */
	    .expires = s->notice.expires + LIMIT_AFTER_OPEN_DAYS * CLOCK_DAY,
	    .has_key = w->p->tenant->escrow};
	struct buf clear = BUF_INIT;
	uint8_t half[SECRET_KEY_LEN], key[SECRET_KEY_LEN];
	int r;

	seal_half_bind(s->slot.half, w->tenant, s->row.key, half);
	seal_link_key(link, half, w->tenant, &s->notice.id, key);
	secret_wipe(half, sizeof(half));
	r = seal_wrap(key, SEAL_P_LINK, &bind, pair->sk, sizeof(pair->sk),
	    &s->notice.link_wrap, e);
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
		    clear.data, clear.len, &s->notice.escrow, e);
	buf_free(&clear);
	return r;
}

static void
provisional_certify(struct work *w, struct sealing *s)
{
	struct seal_cert c = {.kind = SEAL_C_PROVISIONAL,
	    .generation = w->pub.generation,
	    .tenant = *w->tenant,
	    .subject = s->notice.id,
	    .version = 1,
	    .not_before = w->m.created,
	    .not_after = w->m.expires};

	seal_address_digest(w->tenant, s->row.key, c.address);
	memcpy(c.pk, s->pk, SEAL_PK_LEN);
	seal_cert_sign(shared_signer(w->d), &c, s->notice.cert);
}

/* The mail that tells the recipient. */
static int
notice_mail(struct work *w, struct sealing *s, enum seal_item_kind kind,
    const char *secret, struct err *e)
{
	s->mail.tenant = *w->tenant;
	s->mail.kind = OUTBOX_NOTICE;
	s->mail.message = w->m.id;
	s->mail.slot = s->row.slot;
	s->mail.notice = s->notice.id;
	s->has_mail = true;
	return outbox_seal(w->d, &s->mail, kind, s->row.address, secret, e);
}

/* A reader without an account key: a pair of its own, for this notice alone. */
static int
seal_for_stranger(struct work *w, struct sealing *s, struct err *e)
{
	struct seal_pair pair;
	uint8_t link[SEAL_LINK_BYTES];
	char text[SEAL_LINK_LEN];
	int r;

	notice_start(w, s);
	s->row.account = id_zero();
	s->row.notice = s->notice.id;
	seal_pair_new(&pair);
	seal_link_new(link, text);
	memcpy(s->pk, pair.pk, SEAL_PK_LEN);
	seal_link_hash(link, s->notice.link_hash);
	provisional_certify(w, s);
	r = provisional_wrap(w, s, &pair, link, e);
	if (r == 0 && s->row.role == READER_RECIPIENT)
		r = notice_mail(w, s, SEAL_I_NOTICE, text, e);
	secret_wipe(&pair, sizeof(pair));
	secret_wipe(link, sizeof(link));
	secret_wipe(text, sizeof(text));
	return r;
}

static int
seal_for_account(
    struct work *w, struct sealing *s, struct account_key *k, struct err *e)
{
	if (account_key_check(
		w->d, w->tenant, &s->row.account, s->row.key, k, e) == -1)
		return -1;
	memcpy(s->pk, k->pk, SEAL_PK_LEN);
	s->row.key_version = k->version;
	if (s->row.role != READER_RECIPIENT)
		return 0;
	notice_start(w, s);
	s->notice.account = s->row.account;
	return notice_mail(w, s, SEAL_I_NOTICE_ACCOUNT, "", e);
}

/* Someone may have registered since the recipient was named. */
static int
account_lookup(struct work *w, struct reader_row *r, struct err *e)
{
	struct account a;
	int found;

	if (!id_is_zero(&r->account))
		return 0;
	if ((found = account_find(w->d->db, w->tenant, r->key, &a, e)) == 1)
		r->account = a.id;
	return found == -1 ? -1 : 0;
}

static int
seal_reader(struct work *w, struct sealing *s, struct err *e)
{
	struct account_key k;
	struct seal_bind bind;
	int found = 0, r;

	s->row.message = w->m.id;
	s->row.state = READER_WAITING;
	s->row.slot_id = s->slot.id;
	memcpy(s->row.ephemeral_pk, w->ephemeral.pk, SEAL_PK_LEN);
	if (account_lookup(w, &s->row, e) == -1)
		return -1;
	if (!id_is_zero(&s->row.account))
		found = account_key_public(
		    w->d->db, w->tenant, &s->row.account, &k, e);
	if (found == -1)
		return -1;
	r = found ? seal_for_account(w, s, &k, e) : seal_for_stranger(w, s, e);
	if (r == -1)
		return -1;
	slot_bind(w->tenant, &w->m.id, s->row.slot, &bind);
	return seal_slot_seal(&w->ephemeral, s->pk, s->slot.shred, &bind,
	    draft_dek(w->p->draft), s->row.sealed, e);
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
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r = -1;

	if (manifest_encode(w->p->manifest, &clear, e) == 0) {
		manifest_key(draft_dek(w->p->draft), w->tenant, &w->m.id, key);
		manifest_bind(w->tenant, &w->m.id, &bind);
		r = seal_wrap(key, SEAL_P_MANIFEST, &bind, clear.data,
		    clear.len, &w->m.manifest, e);
		secret_wipe(key, sizeof(key));
	}
	buf_free(&clear);
	return r;
}

static int
message_fill(struct work *w, struct err *e)
{
	const struct parcel *p = w->p;
	struct message *m = &w->m;

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
envelope_sign(struct work *w, struct err *e)
{
	struct reader_row *rows;
	size_t i;
	int r;

	if ((rows = calloc(w->n, sizeof(*rows))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "envelope: memory");
	for (i = 0; i < w->n; i++)
		rows[i] = w->r[i].row;
	r = parcel_sign(
	    shared_signer(w->d), w->tenant, &w->m, rows, w->n, w->m.signature);
	free(rows);
	return r == 0 ? 0 : err_set(e, ERR_UNAVAILABLE, "envelope: memory");
}

static int
event_write(struct work *w, const struct id *message, uint32_t slot,
    enum event_kind kind, struct err *e)
{
	const struct event ev = {
	    .message = *message, .slot = slot, .kind = kind};

	return event_add(w->d->db, w->tenant, &ev, e);
}

static int
reader_write(struct work *w, struct sealing *s, struct err *e)
{
	struct db *db = w->d->db;

	if (s->has_notice && notice_add(db, w->tenant, &s->notice, e) == -1)
		return -1;
	if (reader_add(db, w->tenant, &s->row, e) == -1)
		return -1;
	if (!s->has_mail)
		return 0;
	if (outbox_add(db, &s->mail, e) == -1)
		return -1;
	return event_write(w, &w->m.id, s->row.slot, EVENT_NOTICE_QUEUED, e);
}

static int
chunks_write(struct work *w, struct err *e)
{
	struct buf chunk = BUF_INIT;
	uint32_t i;
	int r = 0;

	for (i = 0; i < w->m.chunks && r == 0; i++) {
		if ((r = draft_chunk(w->p->draft, i, &chunk, e)) == 0)
			r = chunk_add(w->d->db, w->tenant, &w->m.id, 0, i,
			    chunk.data, chunk.len, e);
	}
	buf_free(&chunk);
	return r;
}

static int
parcel_write(struct work *w, struct err *e)
{
	const struct parcel *p = w->p;
	struct db *db = w->d->db;
	size_t i;

	if (message_add(db, w->tenant, &w->m, e) == -1)
		return -1;
	if (p->tags != NULL &&
	    duplicate_add(db, w->tenant, p->tags[0], &w->m.id, e) == -1)
		return -1;
	for (i = 0; i < p->n_uploads; i++)
		if (upload_sent(db, w->tenant, &p->uploads[i], &w->m.id, e) ==
		    -1)
			return -1;
	if (event_write(w, &w->m.id, 0, EVENT_ACCEPTED, e) == -1)
		return -1;
	for (i = 0; i < w->n; i++)
		if (reader_write(w, &w->r[i], e) == -1)
			return -1;
	if (!id_is_zero(&p->answers) &&
	    event_write(w, &p->answers, p->answers_slot, EVENT_REPLIED, e) ==
		-1)
		return -1;
	return chunks_write(w, e);
}

static int
parcel_transaction(struct desk *d, void *arg, struct err *e)
{
	struct work *w = arg;
	size_t i;
	int found;

	if (w->p->tags != NULL) {
		found = duplicate_find(
		    d->db, w->tenant, w->p->tags, KEYD_TAGS, w->first, e);
		if (found == -1)
			return -1;
		if (found)
			return err_set(e, ERR_CONFLICT, "duplicate");
	}
	for (i = 0; i < w->n; i++)
		if (seal_reader(w, &w->r[i], e) == -1)
			return -1;
	if (envelope_sign(w, e) == -1)
		return -1;
	return parcel_write(w, e);
}

static void
work_clear(struct work *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		notice_clear(&w->r[i].notice);
		outbox_clear(&w->r[i].mail);
	}
	if (w->r != NULL)
		secret_wipe(w->r, w->n * sizeof(*w->r));
	free(w->r);
	message_clear(&w->m);
	secret_wipe(&w->ephemeral, sizeof(w->ephemeral));
}

int
parcel_commit(
    struct desk *d, const struct parcel *p, struct id *first_out, struct err *e)
{
	struct work w = {
	    .d = d, .p = p, .tenant = &p->tenant->id, .first = first_out};
	int r = -1;

	*first_out = id_zero();
	if (message_fill(&w, e) == 0 && readers_list(&w, e) == 0 &&
	    slots_lease(&w, e) == 0)
		r = desk_within(d, w.tenant, parcel_transaction, &w, e);
	if (r == 0)
		db_wake_courier(d->db, false);
	work_clear(&w);
	return r;
}
