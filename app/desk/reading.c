/*
 * reading.c: a message in the hands of a proved reader: opened and shown.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/internal.h"

#define SLOTS_MAX \
	4 /* of one reader in one message: sender and recipient, twice */

struct opening {
	const struct desk_visit *v;
	const struct id *id;
	struct desk_message *out;
};

/* The slot to read with: a recipient's before the sender's own copy. */
static int
slot_choose(struct desk *d, struct opening *o, struct err *e)
{
	const struct desk_visit *v = o->v;
	struct reader_row r[SLOTS_MAX];
	size_t i, best = 0, n = 0;

	if (v->kind == SESSION_ACCOUNT &&
	    reader_of_account(d->db, &v->tenant.id, o->id, &v->account.id, r,
		SLOTS_MAX, &n, e) == -1)
		return -1;
	if (n == 0 && v->ring->has_proof &&
	    reader_of_address(d->db, &v->tenant.id, o->id, v->address, r,
		SLOTS_MAX, &n, e) == -1)
		return -1;
	if (n == 0)
		return err_set(e, ERR_NOT_FOUND, "not this reader's");
	for (i = 0; i < n; i++) {
		if (r[i].role == READER_SENDER)
			o->out->mine = true;
		else
			best = i;
	}
	o->out->reader = r[best];
	return 0;
}

/* Made by one of our processes, for these readers, and unchanged since? */
static int
signature_check(struct desk *d, const struct id *tenant,
    const struct desk_message *m, struct err *e)
{
	struct keyd_public pub;
	struct seal_cert c;

	if (shared_public(d, &pub, e) == -1 ||
	    seal_cert_open(pub.directory_pk, m->row.signer_cert,
		sizeof(m->row.signer_cert), &c, e) == -1)
		return -1;
	if (c.kind != SEAL_C_PROCESS ||
	    parcel_verify(c.pk, tenant, &m->row, m->people, m->n_people) == -1)
		return err_set(e, ERR_CORRUPT, "envelope signature");
	return 0;
}

static int
manifest_open(const struct id *tenant, const struct message *m,
    const uint8_t dek[SECRET_KEY_LEN], struct manifest **out, struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	manifest_key(dek, tenant, &m->id, key);
	manifest_bind(tenant, &m->id, &bind);
	r = seal_unwrap(key, SEAL_P_MANIFEST, &bind, m->manifest.data,
	    m->manifest.len, &clear, e);
	if (r == 0)
		r = manifest_decode(clear.data, clear.len, out, e);
	secret_wipe(key, sizeof(key));
	buf_free(&clear);
	return r;
}

int
message_unseal(struct desk *d, const struct desk_visit *v,
    const struct message *m, const struct reader_row *r,
    uint8_t dek[SECRET_KEY_LEN], struct manifest **manifest, struct err *e)
{
	struct seal_pair pair;
	int done = -1;

	if (visit_pair(d, v, r, &pair, e) == 0)
		done = slot_open(d, &v->tenant.id, m, r, &pair, dek, e);
	secret_wipe(&pair, sizeof(pair));
	return done == 0 ? manifest_open(&v->tenant.id, m, dek, manifest, e) :
			   -1;
}

static int
message_open(struct desk *d, void *arg, struct err *e)
{
	struct opening *o = arg;
	struct desk_message *m = o->out;
	const struct id *t = &o->v->tenant.id;
	int found;

	if (slot_choose(d, o, e) == -1)
		return -1;
	if ((found = message_get(d->db, t, o->id, &m->row, e)) != 1)
		return found == -1 ?
		    -1 :
		    err_set(e, ERR_NOT_FOUND, "no such message");
	if (m->row.expires < clock_now())
		return err_set(e, ERR_EXPIRED, "message expired");
	if (reader_list(d->db, t, o->id, &m->people, &m->n_people, e) == -1 ||
	    signature_check(d, t, m, e) == -1)
		return -1;
	if (message_unseal(
		d, o->v, &m->row, &m->reader, m->dek, &m->manifest, e) == -1)
		return -1;
	m->receipt = m->n_people > 0 && m->people[0].role == READER_SENDER &&
	    !m->mine && !m->manifest->automatic;
	return 0;
}

/* Nothing is left of it but, where they are to be told, who sent it and when. */
static void
message_shut(struct desk_message *m, bool tell)
{
	const struct message was = m->row; /* its buffer goes with m */
	bool mine = m->mine;

	desk_message_clear(m);
	if (!tell)
		return;
	m->mine = mine;
	m->row.created = was.created;
	m->row.expires = was.expires;
	memcpy(m->row.sender, was.sender, sizeof(m->row.sender));
	memcpy(m->row.sender_name, was.sender_name, sizeof(m->row.sender_name));
}

int
desk_open_message(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct desk_message *out, struct err *e)
{
	struct opening o = {.v = v, .id = id, .out = out};

	memset(out, 0, sizeof(*out));
	out->tenant = v->tenant.id;
	if (v->kind != SESSION_GUEST && v->kind != SESSION_ACCOUNT)
		return err_set(e, ERR_NOT_FOUND, "nobody reads");
	if (desk_within(d, &v->tenant.id, message_open, &o, e) == -1) {
		message_shut(out, e->code == ERR_EXPIRED);
		return -1;
	}
	return 0;
}

void
desk_message_clear(struct desk_message *m)
{
	message_clear(&m->row);
	manifest_free(m->manifest);
	free(m->people);
	secret_wipe(m, sizeof(*m));
}

/* One event of this reader; the first display also queues the sender's receipt. */
struct telling {
	const struct desk_visit *v;
	const struct desk_message *m;
	enum event_kind kind;
	char detail[200];
	bool receipt;
};

static int
event_tell(struct desk *d, const struct telling *t, struct err *e)
{
	struct event ev = {.message = t->m->row.id,
	    .slot = t->m->reader.slot,
	    .kind = t->kind};

	memcpy(ev.detail, t->detail, sizeof(ev.detail));
	return event_add(d->db, &t->v->tenant.id, &ev, e);
}

/* Fits a receipt: short enough, and nothing but printable ASCII. */
static bool
id_fits(const char *id)
{
	if (strlen(id) >= SEAL_ITEM_SECRET)
		return false;
	for (; *id != '\0'; id++)
		if (*id <= ' ' || *id > '~')
			return false;
	return true;
}

/* The receipt names the original by its Message-ID, which nobody but the two may read. */
static int
receipt_queue(struct desk *d, const struct telling *t, struct err *e)
{
	struct outbox mail = {.tenant = t->v->tenant.id,
	    .kind = OUTBOX_RECEIPT,
	    .message = t->m->row.id,
	    .slot = t->m->reader.slot,
	    .at = clock_now()};
	const char *id = t->m->manifest->message_id;
	int r;

	r = outbox_seal(d, &mail, SEAL_I_RECEIPT, t->m->row.sender,
	    id_fits(id) ? id : "", e);
	if (r == 0)
		r = outbox_add(d->db, &mail, e);
	outbox_clear(&mail);
	return r;
}

static int
displayed_write(struct desk *d, void *arg, struct err *e)
{
	struct telling *t = arg;
	int first;

	first = reader_displayed(
	    d->db, &t->v->tenant.id, &t->m->row.id, t->m->reader.slot, e);
	if (first != 1)
		return first;
	if (event_tell(d, t, e) == -1)
		return -1;
	if (!t->m->receipt)
		return 0;
	t->receipt = true;
	return receipt_queue(d, t, e);
}

int
desk_displayed(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, struct err *e)
{
	struct telling t = {.v = v, .m = m, .kind = EVENT_DISPLAYED};

	if (m->reader.role != READER_RECIPIENT ||
	    m->reader.first_displayed != 0)
		return 0;
	text_cut(t.detail, sizeof(t.detail),
	    v->kind == SESSION_ACCOUNT ? "signed in" : "code by mail");
	if (desk_within(d, &v->tenant.id, displayed_write, &t, e) == -1)
		return -1;
	if (t.receipt)
		db_wake_courier(d->db, false);
	return 0;
}

/* Something made from the message's content, within one transaction. */
struct making {
	struct desk *d;
	const struct id *tenant;
	const struct desk_message *m;
	int (*make)(
	    const struct mail_source *src, struct making *k, struct err *e);
	struct buf *out;
	bool cut;
};

static int
fetch_stored(void *arg, uint32_t first, uint32_t n, seal_sink take,
    void *take_arg, struct err *e)
{
	struct making *k = arg;
	const struct chunk_range r = {.tenant = k->tenant,
	    .message = &k->m->row.id,
	    .first = first,
	    .n = n};

	return chunk_each(k->d->db, &r, take, take_arg, e);
}

static int
content_make(struct desk *d, void *arg, struct err *e)
{
	struct making *k = arg;
	struct content *c = NULL;
	struct mail_source src;
	int r;

	const struct content_place at = {.key = k->m->dek,
	    .tenant = k->tenant,
	    .id = &k->m->row.id,
	    .header = k->m->row.content_header,
	    .size = k->m->row.size,
	    .chunks = k->m->row.chunks};

	k->d = d;
	if (content_open(&at, fetch_stored, k, &c, e) == -1)
		return -1;
	content_source(c, &src);
	r = k->make(&src, k, e);
	content_close(c);
	return r;
}

static int
make_text(const struct mail_source *src, struct making *k, struct err *e)
{
	return mail_text(src, k->m->manifest, k->out, &k->cut, e);
}

int
desk_text(struct desk *d, const struct desk_message *m, struct buf *out,
    bool *cut_out, struct err *e)
{
	struct making k = {
	    .tenant = &m->tenant, .m = m, .make = make_text, .out = out};
	int r;

	r = desk_look(d, &m->tenant, content_make, &k, e);
	*cut_out = k.cut;
	return r;
}
