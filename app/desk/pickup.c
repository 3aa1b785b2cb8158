/*
 * pickup.c: the recipient's way in: what a code or link finds, the one-time code, and
 * from a visitor to a guest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/internal.h"

/* What a pick-up code finds in the store. */
struct lookup {
	const struct desk_visit *v;
	const char *pickup; /* stored form, or NULL: by address */
	const char *key;
	struct notice notice;
	struct message message;
	int found;
};

static int
lookup_read(struct desk *d, void *arg, struct err *e)
{
	struct lookup *l = arg;
	const struct id *t = &l->v->tenant.id;
	size_t n = 0;

	if (l->pickup != NULL)
		l->found = notice_by_pickup(d->db, t, l->pickup, &l->notice, e);
	else if ((l->found = notice_of_address(
		      d->db, t, l->key, &l->notice, 1, &n, e)) == 0)
		l->found = n == 1;
	if (l->found != 1)
		return l->found;
	l->found = message_get(d->db, t, &l->notice.message, &l->message, e);
	return l->found == -1 ? -1 : 0;
}

static void
lookup_clear(struct lookup *l)
{
	notice_clear(&l->notice);
	message_clear(&l->message);
}

/* 0 when there is no secret or it is the notice's. */
static int
secret_check(const struct notice *n, const char *secret, struct err *e)
{
	uint8_t link[SEAL_LINK_BYTES], hash[32];
	int ok = 0;

	if (secret == NULL || *secret == '\0')
		return 0;
	if (seal_link_parse(secret, strlen(secret), link) == 0) {
		seal_link_hash(link, hash);
		ok = secret_equal(hash, n->link_hash, sizeof(hash));
	}
	secret_wipe(link, sizeof(link));
	return ok ? 0 : err_set(e, ERR_BAD_INPUT, "mistyped link");
}

/*
 * Does the visit hold what opens it? Where nothing is in escrow that is the very link,
 * and whoever came by another one proves the address again.
 */
static bool
opens(const struct desk_visit *v, const struct notice *n)
{
	uint8_t hash[32];

	if (!id_is_zero(&n->account))
		return v->kind == SESSION_ACCOUNT;
	if (!v->ring->has_proof || v->tenant.escrow)
		return v->ring->has_proof;
	seal_link_hash(v->ring->link, hash);
	return v->ring->has_link &&
	    secret_equal(hash, n->link_hash, sizeof(hash));
}

static void
landing_fill(const struct desk_visit *v, const struct lookup *l,
    struct desk_landing *out)
{
	const struct notice *n = &l->notice;
	const char *at;

	memset(out, 0, sizeof(*out));
	out->message = n->message;
	memcpy(out->pickup, n->pickup, sizeof(out->pickup));
	memcpy(
	    out->sender_name, l->message.sender_name, sizeof(out->sender_name));
	memcpy(out->sender, l->message.sender, sizeof(out->sender));
	out->created = l->message.created;
	out->expires = l->message.expires;
	out->state = out->expires < clock_now() ? LANDING_EXPIRED :
						  LANDING_OPEN;
	out->account = !id_is_zero(&n->account);
	if (v->kind == SESSION_GUEST || v->kind == SESSION_ACCOUNT) {
		out->others = strcmp(v->address, n->key) != 0;
		out->yours = !out->others && opens(v, n);
	}
	if ((at = strchr(n->key, '@')) != NULL)
		text_cut(out->ends_in, 4, at);
}

int
desk_landing(struct desk *d, const struct desk_visit *v, const char *pickup,
    const char *secret, struct desk_landing *out, struct err *e)
{
	struct lookup l = {.v = v};
	char code[SEAL_PICKUP_LEN];
	int r = 0;

	if (seal_pickup_parse(pickup, code) == -1)
		return 0;
	l.pickup = code;
	if (desk_look(d, &v->tenant.id, lookup_read, &l, e) == -1)
		r = -1;
	else if (l.found == 1 &&
	    (r = secret_check(&l.notice, secret, e)) == 0) {
		landing_fill(v, &l, out);
		r = 1;
	}
	lookup_clear(&l);
	return r;
}

/* A code mail about to be queued. */
struct asking {
	struct desk_visit *v;
	const char *address;
	struct lookup *l;
	struct keyd_code code;
	struct id outbox;
	bool made;
};

static int
code_queue(struct desk *d, struct asking *a, struct err *e)
{
	struct event ev = {.message = a->l->notice.message,
	    .slot = a->l->notice.slot,
	    .kind = EVENT_CODE_SENT};
	struct outbox mail = {.tenant = a->v->tenant.id,
	    .id = a->outbox,
	    .kind = OUTBOX_CODE,
	    .message = a->l->notice.message,
	    .slot = a->l->notice.slot,
	    .notice = a->l->notice.id,
	    .item_kind = SEAL_I_CODE};
	int r;

	if (buf_add(&mail.item, a->code.item, a->code.item_len) == -1)
		return err_set(e, ERR_UNAVAILABLE, "code: memory");
	r = outbox_add(d->db, &mail, e);
	outbox_clear(&mail);
	return r == -1 ? -1 : event_add(d->db, &a->v->tenant.id, &ev, e);
}

static int
ask_write(struct desk *d, void *arg, struct err *e)
{
	struct asking *a = arg;

	if (a->made && code_queue(d, a, e) == -1)
		return -1;
	return visit_save(d, a->v, e);
}

/* Whether a code was made must not show: a reference and times stand there either way. */
static void
ring_remember(struct asking *a)
{
	struct desk_ring *r = a->v->ring;
	char random[SEAL_CODE_LEN];

	r->code_sent = clock_now();
	r->code_expires = r->code_sent + LIMIT_CODE_MINUTES * CLOCK_MINUTE;
	if (a->made) {
		r->handle[1] = r->handle[0];
		r->handle[0] = a->code.handle;
		memcpy(r->reference, a->code.reference, sizeof(r->reference));
	} else {
		seal_code_new(random);
		random[3] = '\0';
		text_cut(r->reference, sizeof(r->reference), random);
	}
	a->v->code_sent = r->code_sent;
	a->v->code_expires = r->code_expires;
	memcpy(a->v->code_reference, r->reference, sizeof(r->reference));
}

/* Asks keyd for a code where the address is the notice's; any refusal looks like none. */
static int
code_make(struct desk *d, struct asking *a, struct err *e)
{
	const struct notice *n = &a->l->notice;
	uint8_t browser[32];
	int r;

	if (a->l->found != 1 || n->escrow.len == 0 ||
	    n->expires < clock_now() || strcmp(n->key, a->address) != 0)
		return 0;
	a->outbox = id_new();
	visit_browser(a->v, browser);
	r = keyd_code_make(d->keyd, &a->v->tenant.id, &n->message, &n->id,
	    n->escrow.data, n->escrow.len, a->address, browser, &a->outbox,
	    &a->code, e);
	secret_wipe(browser, sizeof(browser));
	if (r == -1 && e->code == ERR_UNAVAILABLE)
		return -1;
	a->made = r == 0;
	if (r == -1)
		err_clear(e);
	return 0;
}

struct starting {
	struct desk_visit *v;
	const char *address;
};

static int
visitor_begin(struct desk *d, void *arg, struct err *e)
{
	struct starting *s = arg;

	return visit_begin(d, s->v, SESSION_VISITOR, NULL, s->address, e);
}

/* A visitor who asks again for the same thing keeps the session, and with it the code before. */
static int
visitor_ready(struct desk *d, struct desk_visit *v, const char *address,
    const char *pickup, struct err *e)
{
	struct starting s = {.v = v, .address = address};

	if (v->kind == SESSION_VISITOR && strcmp(v->address, address) == 0 &&
	    strcmp(v->ring->pickup, pickup) == 0)
		return 0;
	secret_wipe(v->ring, sizeof(*v->ring));
	text_cut(v->ring->pickup, sizeof(v->ring->pickup), pickup);
	memcpy(v->pickup, v->ring->pickup, sizeof(v->pickup));
	return visit_within(d, v, visitor_begin, &s, e);
}

int
desk_ask_code(struct desk *d, struct desk_visit *v, const char *pickup,
    const char *secret, const char *typed, struct err *e)
{
	struct lookup l = {.v = v};
	struct asking a = {.v = v, .l = &l};
	struct mailbox box;
	char code[SEAL_PICKUP_LEN] = "";
	int r = -1;

	if (mailbox_typed(typed, &box, e) == -1)
		return -1;
	a.address = l.key = box.key;
	if (pickup != NULL && seal_pickup_parse(pickup, code) == -1)
		return err_set(e, ERR_NOT_FOUND, "no pick-up code");
	l.pickup = pickup != NULL ? code : NULL;
	if (desk_look(d, &v->tenant.id, lookup_read, &l, e) == -1 ||
	    visitor_ready(d, v, box.key, code, e) == -1 ||
	    code_make(d, &a, e) == -1)
		goto out;
	if (secret != NULL &&
	    seal_link_parse(secret, strlen(secret), v->ring->link) == 0)
		v->ring->has_link = 1;
	ring_remember(&a);
	if ((r = desk_within(d, &v->tenant.id, ask_write, &a, e)) == 0 &&
	    a.made)
		db_wake_courier(d->db, true);
out:
	secret_wipe(&a.code, sizeof(a.code));
	lookup_clear(&l);
	return r;
}

/* The code against the newest handle and the one before. */
static int
code_prove(
    struct desk *d, struct desk_visit *v, const char *typed, struct err *e)
{
	char code[SEAL_CODE_LEN];
	uint8_t browser[32];
	int i, r = -1;

	if (v->kind != SESSION_VISITOR || seal_code_parse(typed, code) == -1)
		return err_set(e, ERR_DENIED, "no such code");
	err_set(e, ERR_DENIED, "no such code");
	visit_browser(v, browser);
	for (i = 0; i < RING_HANDLES && r == -1; i++) {
		if (id_is_zero(&v->ring->handle[i]))
			break;
		err_clear(e);
		r = keyd_code_check(d->keyd, &v->ring->handle[i], browser, code,
		    v->ring->proof, e);
		if (r == -1 && e->code == ERR_UNAVAILABLE)
			break;
	}
	secret_wipe(code, sizeof(code));
	secret_wipe(browser, sizeof(browser));
	if (r == -1 && e->code != ERR_UNAVAILABLE)
		return err_set(e, ERR_DENIED, "code refused");
	if (r == 0)
		v->ring->has_proof = 1;
	return r;
}

struct proving {
	struct desk_visit *v;
	struct lookup *l;
};

static int
guest_write(struct desk *d, void *arg, struct err *e)
{
	struct proving *p = arg;
	struct event ev = {.kind = EVENT_PROVED};
	char address[LIMIT_ADDRESS + 1];

	if (lookup_read(d, p->l, e) == -1)
		return -1;
	memcpy(address, p->v->address, sizeof(address));
	if (visit_begin(d, p->v, SESSION_GUEST, NULL, address, e) == -1)
		return -1;
	if (p->l->found != 1 || p->l->pickup == NULL)
		return 0;
	ev.message = p->l->notice.message;
	ev.slot = p->l->notice.slot;
	text_cut(ev.detail, sizeof(ev.detail), "code by mail");
	return event_add(d->db, &p->v->tenant.id, &ev, e);
}

int
desk_check_code(struct desk *d, struct desk_visit *v, const char *code,
    struct id *message_out, struct err *e)
{
	char pickup[SEAL_PICKUP_LEN];
	struct lookup l = {.v = v, .key = v->address};
	struct proving p = {.v = v, .l = &l};
	int r;

	*message_out = id_zero();
	if (code_prove(d, v, code, e) == -1)
		return -1;
	memcpy(pickup, v->ring->pickup, sizeof(pickup));
	l.pickup = *pickup != '\0' ? pickup : NULL;
	memset(v->ring->handle, 0, sizeof(v->ring->handle));
	r = visit_within(d, v, guest_write, &p, e);
	if (r == 0 && l.found == 1 && l.pickup != NULL)
		*message_out = l.notice.message;
	lookup_clear(&l);
	return r;
}

/* "Not for me" is told once a notice. */
static int
wrong_write(struct desk *d, void *arg, struct err *e)
{
	struct lookup *l = arg;
	const struct id *t = &l->v->tenant.id;
	struct event *list, ev = {.kind = EVENT_WRONG_PERSON};
	size_t i, n;
	bool told = false;

	if (lookup_read(d, l, e) == -1)
		return -1;
	if (l->found != 1)
		return err_set(e, ERR_NOT_FOUND, "no such notice");
	if (event_list(d->db, t, &l->notice.message, &list, &n, e) == -1)
		return -1;
	for (i = 0; i < n; i++)
		told |= list[i].kind == EVENT_WRONG_PERSON &&
		    list[i].slot == l->notice.slot;
	free(list);
	ev.message = l->notice.message;
	ev.slot = l->notice.slot;
	return told ? 0 : event_add(d->db, t, &ev, e);
}

int
desk_wrong_person(struct desk *d, const struct desk_visit *v,
    const char *pickup, struct err *e)
{
	char code[SEAL_PICKUP_LEN];
	struct lookup l = {.v = v, .pickup = code};
	int r;

	if (seal_pickup_parse(pickup, code) == -1)
		return err_set(e, ERR_NOT_FOUND, "no pick-up code");
	r = desk_within(d, &v->tenant.id, wrong_write, &l, e);
	lookup_clear(&l);
	return r;
}
