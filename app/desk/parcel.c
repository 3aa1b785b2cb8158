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
#include "desk/sealing.h"
#include "store/upload.h"

/* Longer than anything waits for its transaction after it was given its tags. */
#define TURN (10 * CLOCK_MINUTE)

struct work {
	struct sealing s; /* first */
	struct sealed_for *r;
	size_t n;
};

/* Slot 0 is the sender's, where it is proved; recipients follow from 1. */
static int
readers_list(struct work *w, struct err *e)
{
	const struct parcel *p = w->s.p;
	struct sealed_for *s;
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
	w->s.b->unread = w->n == 0;
	return 0;
}

/* Someone may have registered since the recipient was named. */
static int
key_look(struct work *w, struct sealed_for *s, struct err *e)
{
	struct account a;
	int found;

	found = directory_account(w->s.d, w->s.tenant, s->row.key, &a, e);
	if (found != 1)
		return found;
	s->row.account = a.id;
	found = directory_key(w->s.d, w->s.tenant, &a, &s->key, e);
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
	r = shared_slots(w->s.d, slots, w->n, e);
	for (i = 0; i < w->n; i++)
		w->r[i].slot = slots[i];
	secret_wipe(slots, w->n * sizeof(*slots));
	free(slots);
	return r;
}

static int
manifest_seal(struct work *w, struct err *e)
{
	struct message *m = &w->s.b->message;
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r = -1;

	if (manifest_encode(w->s.p->manifest, &clear, e) == 0) {
		manifest_key(
		    draft_dek(w->s.p->draft), w->s.tenant, &m->id, key);
		manifest_bind(w->s.tenant, &m->id, &bind);
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
	const struct parcel *p = w->s.p;
	struct message *m = &w->s.b->message;

	m->expires = m->created + p->tenant->retention_days * CLOCK_DAY;
	if (text_copy(m->sender, sizeof(m->sender), p->from) == -1)
		return err_set(e, ERR_BAD_INPUT, "sender address too long");
	text_cut(m->sender_name, sizeof(m->sender_name), p->from_name);
	m->sender_account = p->proved ? p->account : id_zero();
	m->in_reply_to = p->answers;
	memcpy(m->content_header, draft_header(p->draft), SEAL_CONTENT_HEADER);
	desk_pair(w->s.d, &w->s.ephemeral);
	memcpy(m->ephemeral_pk, w->s.ephemeral.pk, SEAL_PK_LEN);
	seal_dek_commit(
	    draft_dek(p->draft), w->s.tenant, &m->id, m->dek_commit);
	if (shared_public(w->s.d, &w->s.pub, e) == -1 ||
	    shared_cert(w->s.d, m->signer_cert, e) == -1)
		return -1;
	return manifest_seal(w, e);
}

static int
event_gather(struct work *w, const struct id *message, uint32_t slot,
    enum event_kind kind, struct err *e)
{
	struct event *ev;

	if ((ev = bundle_event(w->s.b)) == NULL)
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
	const struct bundle *b = w->s.b;
	size_t i;

	for (i = 0; i < b->n_mail; i++)
		if (b->mail[i].kind == OUTBOX_NOTICE &&
		    b->mail[i].item_kind != SEAL_I_NOTICE_ACCOUNT &&
		    event_gather(w, &b->message.id, b->mail[i].slot,
			EVENT_NOTICE_QUEUED, e) == -1)
			return -1;
	if (id_is_zero(&w->s.p->answers))
		return 0;
	return event_gather(
	    w, &w->s.p->answers, w->s.p->answers_slot, EVENT_REPLIED, e);
}

static int
chunk_read(void *arg, uint32_t seq, struct buf *out, struct err *e)
{
	return draft_chunk(arg, seq, out, e);
}

static int
gather(struct work *w, struct err *e)
{
	struct bundle *b = w->s.b;
	size_t i;

	if (message_fill(w, e) == -1 || readers_list(w, e) == -1 ||
	    slots_lease(w, e) == -1 || keys_look(w, e) == -1)
		return -1;
	for (i = 0; i < w->n; i++)
		if (sealing_notice(&w->s, &w->r[i], e) == -1)
			return -1;
	if (w->s.p->item != NULL)
		commit_mails(w->s.d, w->s.p->item);
	for (i = 0; i < w->n; i++)
		if (sealing_slot(&w->s, &w->r[i], e) == -1)
			return -1;
	if (parcel_sign(shared_signer(w->s.d), w->s.tenant, &b->message,
		b->reader, b->n_reader, b->message.signature) == -1)
		return err_set(e, ERR_UNAVAILABLE, "envelope: memory");
	if (forward_gather(w->s.d, w->s.p, b, e) == -1 ||
	    dsn_gather(w->s.d, w->s.p, b, e) == -1)
		return -1;
	return events_gather(w, e);
}

void
parcel_begin(
    const struct id *tenant, const struct desk_draft *f, struct bundle *b)
{
	b->tenant = *tenant;
	b->message.id = *draft_id(f);
	/* Before its transaction begins: what that writes is of its own time, and comes later. */
	b->message.created = clock_now();
}

void
parcel_tags(const uint8_t (*tags)[32], int64_t span, struct bundle *b)
{
	b->has_tags = tags != NULL;
	if (tags != NULL)
		memcpy(b->tags, tags, sizeof(b->tags));
	_Static_assert(KEYD_TAGS == BUNDLE_TAGS, "tags");
	b->turn = clock_now() % span < TURN;
}

void
parcel_content(struct desk_draft *f, struct bundle *b)
{
	b->message.size = draft_size(f);
	b->message.chunks = draft_chunks(f);
	b->chunk = chunk_read;
	b->chunk_arg = f;
}

int
parcel_gather(
    struct desk *d, const struct parcel *p, struct bundle *b, struct err *e)
{
	struct work w = {
	    .s = {.d = d, .p = p, .tenant = &p->tenant->id, .b = b}};
	int r;

	r = gather(&w, e);
	if (w.r != NULL)
		secret_wipe(w.r, w.n * sizeof(*w.r));
	free(w.r);
	secret_wipe(&w.s.ephemeral, sizeof(w.s.ephemeral));
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
	parcel_begin(&p->tenant->id, p->draft, &b);
	parcel_tags(p->tags, CLOCK_DAY, &b);
	parcel_content(p->draft, &b);
	if ((r = parcel_gather(d, p, &b, e)) == 0)
		r = desk_within(d, &b.tenant, alone_write, &a, e);
	if (r == 0)
		db_wake_courier(d->db, false);
	bundle_clear(&b);
	return r;
}
