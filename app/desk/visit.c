/*
 * visit.c: sessions: from the cookie to who sits at the browser, and new ones.
 */
#include "desk/visit.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/internal.h"

#define SID_LEN    16
#define SECRET_LEN 32

static const uint8_t zero_key[SECRET_KEY_LEN];

static void
session_hash(const uint8_t sid[SID_LEN], uint8_t out[32])
{
	const struct seal_field f[] = {SEAL_F(sid, SID_LEN)};

	seal_kdf(out, 32, zero_key, SEAL_L_SESSION_ID, f, 1);
}

/* One of the keys that follow from the cookie's secret. */
static void
session_kdf(const struct desk_visit *v, enum seal_label label,
    uint8_t out[SECRET_KEY_LEN])
{
	const struct seal_field f[] = {SEAL_F(v->hash, sizeof(v->hash))};

	seal_kdf(out, SECRET_KEY_LEN, v->secret, label, f, 1);
}

void
visit_page_key(const struct desk_visit *v, uint8_t out[SECRET_KEY_LEN])
{
	session_kdf(v, SEAL_L_PAGE, out);
}

void
visit_browser(const struct desk_visit *v, uint8_t out[32])
{
	session_kdf(v, SEAL_L_BROWSER, out);
}

void
visit_upload_key(const struct desk_visit *v, uint8_t out[SECRET_KEY_LEN])
{
	session_kdf(v, SEAL_L_UPLOAD_GUEST, out);
}

static void
csrf_make(struct desk_visit *v)
{
	uint8_t key[SECRET_KEY_LEN];
	char text[SECRET_KEY_LEN * 4 / 3 + 4];

	session_kdf(v, SEAL_L_CSRF, key);
	text_base64url(key, 16, text);
	memcpy(v->csrf, text, DESK_CSRF_LEN - 1);
	v->csrf[DESK_CSRF_LEN - 1] = '\0';
	secret_wipe(key, sizeof(key));
}

bool
desk_csrf_ok(const struct desk_visit *v, const char *token)
{
	if (v->kind == 0 || token == NULL || strlen(token) != DESK_CSRF_LEN - 1)
		return false;
	return secret_equal(v->csrf, token, DESK_CSRF_LEN - 1);
}

/* Whose session it is, too: a row changed to another's name opens nothing. */
static void
session_bind(const struct desk_visit *v, struct seal_bind *out)
{
	struct id account = v->kind == SESSION_ACCOUNT ? v->account.id :
							 id_zero();
	const struct seal_field f[] = {
	    SEAL_FID(&account), SEAL_FSTR(v->address)};

	memset(out, 0, sizeof(*out));
	out->tenant = v->tenant.id;
	memcpy(out->owner.b, v->hash, ID_LEN);
	out->number = (uint64_t)v->kind;
	seal_kdf(out->item.b, ID_LEN, zero_key, SEAL_L_SESSION_ID, f, 2);
}

static int
ring_open(struct desk_visit *v, const struct buf *blob, struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	session_bind(v, &bind);
	session_kdf(v, SEAL_L_SESSION, key);
	r = seal_unwrap(
	    key, SEAL_P_SESSION, &bind, blob->data, blob->len, &clear, e);
	if (r == 0 && ring_decode(clear.data, clear.len, v->ring) == -1)
		r = err_set(e, ERR_CORRUPT, "key ring");
	secret_wipe(key, sizeof(key));
	buf_free(&clear);
	return r;
}

static int
ring_seal(struct desk_visit *v, struct buf *out, struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r = -1;

	session_bind(v, &bind);
	session_kdf(v, SEAL_L_SESSION, key);
	if (ring_encode(v->ring, &clear) == -1)
		err_set(e, ERR_UNAVAILABLE, "key ring: memory");
	else
		r = seal_wrap(
		    key, SEAL_P_SESSION, &bind, clear.data, clear.len, out, e);
	secret_wipe(key, sizeof(key));
	buf_free(&clear);
	return r;
}

/* Nobody: what is left when a cookie does not open anything. */
static void
visit_nobody(struct desk_visit *v)
{
	struct tenant t = v->tenant;
	struct desk_ring *ring = v->ring;

	secret_wipe(v, sizeof(*v));
	secret_wipe(ring, sizeof(*ring));
	v->tenant = t;
	v->ring = ring;
}

struct found {
	struct desk_visit *v;
	struct session_row row;
	bool inbox;
	int n;
};

static int
session_read(struct desk *d, struct found *f, struct err *e)
{
	struct desk_visit *v = f->v;
	const struct account *a = &f->row.person;

	f->n = (f->inbox ? session_find_inbox : session_find)(
	    d->db, &v->tenant.id, v->hash, &f->row, e);
	if (f->n != 1 || f->row.kind != SESSION_ACCOUNT)
		return f->n == -1 ? -1 : 0;
	/* An address is an account's for good: another one was put there. */
	if (strcmp(a->key, f->row.address) != 0)
		f->n = 0;
	else
		v->account = *a;
	return 0;
}

/* A transaction that must be committed once a minute, and else is not waited for. */
static int
session_look(struct desk *d, struct found *f, struct err *e)
{
	int r;

	if (db_begin(d->db, &f->v->tenant.id, e) == -1)
		return -1;
	r = session_read(d, f, e);
	if (r == 0 && f->row.touched)
		return db_commit(d->db, e);
	db_rollback(d->db);
	return r;
}

static void
mark_make(struct desk_visit *v, const struct buf *inbox)
{
	listing_mark(inbox->data, inbox->len, v->mark);
	v->marked = true;
}

static int
visit_load(struct desk *d, struct desk_visit *v, bool inbox, struct err *e)
{
	struct found f = {.v = v, .inbox = inbox};
	struct err bad;
	int r;

	r = session_look(d, &f, e);
	if (r == 0 && f.n == 1) {
		v->kind = f.row.kind;
		memcpy(v->address, f.row.address, sizeof(v->address));
		/* A blob that the cookie's secret does not open is no session. */
		if (ring_open(v, &f.row.blob, &bad) == -1)
			f.n = 0;
		else if (inbox)
			mark_make(v, &f.row.inbox);
	}
	session_row_clear(&f.row);
	if (r == -1 || f.n == 0) {
		visit_nobody(v);
		return r;
	}
	memcpy(v->pickup, v->ring->pickup, sizeof(v->pickup));
	memcpy(
	    v->code_reference, v->ring->reference, sizeof(v->code_reference));
	v->code_sent = v->ring->code_sent;
	v->code_expires = v->ring->code_expires;
	csrf_make(v);
	return 0;
}

static int
visit_open(struct desk *d, const struct tenant *t, const char *cookie,
    bool inbox, struct desk_visit *out, struct err *e)
{
	uint8_t raw[SID_LEN + SECRET_LEN];

	memset(out, 0, sizeof(*out));
	out->tenant = *t;
	if ((out->ring = ring_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "visit: memory");
	if (cookie == NULL || strlen(cookie) != DESK_COOKIE_LEN - 1 ||
	    text_unbase64url(cookie, raw, sizeof(raw)) == -1)
		return 0;
	session_hash(raw, out->hash);
	memcpy(out->secret, raw + SID_LEN, SECRET_LEN);
	secret_wipe(raw, sizeof(raw));
	return visit_load(d, out, inbox, e);
}

int
desk_visit_open(struct desk *d, const struct tenant *t, const char *cookie,
    struct desk_visit *out, struct err *e)
{
	return visit_open(d, t, cookie, false, out, e);
}

int
desk_visit_open_inbox(struct desk *d, const struct tenant *t,
    const char *cookie, struct desk_visit *out, struct err *e)
{
	return visit_open(d, t, cookie, true, out, e);
}

void
desk_visit_close(struct desk_visit *v)
{
	ring_free(v->ring);
	secret_wipe(v, sizeof(*v));
}

int
visit_begin(struct desk *d, struct desk_visit *v, enum session_kind kind,
    const struct account *account, const char *address, struct err *e)
{
	struct session_row row;
	uint8_t raw[SID_LEN + SECRET_LEN];
	int r;

	if (v->kind != 0) {
		if (session_end(d->db, &v->tenant.id, v->hash, e) == -1)
			return -1;
		kept_forget(shared_kept(d), v->hash);
	}
	secret_random(raw, sizeof(raw));
	session_hash(raw, v->hash);
	memcpy(v->secret, raw + SID_LEN, SECRET_LEN);
	text_base64url(raw, sizeof(raw), v->cookie);
	secret_wipe(raw, sizeof(raw));
	v->kind = kind;
	v->cookie_end = false;
	if (account != NULL)
		v->account = *account;
	memset(&row, 0, sizeof(row));
	memcpy(row.hash, v->hash, sizeof(row.hash));
	row.kind = kind;
	row.account = account != NULL ? account->id : id_zero();
	row.created = row.last_seen = clock_now();
	row.expires = row.created + LIMIT_SESSION_HOURS * CLOCK_HOUR;
	text_cut(row.address, sizeof(row.address), address);
	memcpy(v->address, row.address, sizeof(v->address));
	csrf_make(v);
	if ((r = ring_seal(v, &row.blob, e)) == 0)
		r = session_add(d->db, &v->tenant.id, &row, e);
	session_row_clear(&row);
	return r;
}

int
visit_within(struct desk *d, struct desk_visit *v,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	struct desk_visit before = *v;
	int r;

	if ((r = desk_within(d, &v->tenant.id, fn, arg, e)) == -1)
		*v = before;
	secret_wipe(&before, sizeof(before));
	return r;
}

int
visit_save(struct desk *d, struct desk_visit *v, struct err *e)
{
	struct buf blob = BUF_INIT;
	int r;

	if ((r = ring_seal(v, &blob, e)) == 0)
		r = session_set_blob(d->db, &v->tenant.id, v->hash, &blob, e);
	buf_free(&blob);
	return r;
}

struct leaving {
	struct desk_visit *v;
	bool everywhere;
};

static int
sessions_end(struct desk *d, void *arg, struct err *e)
{
	struct leaving *l = arg;
	const struct id *t = &l->v->tenant.id;

	if (l->everywhere && l->v->kind != SESSION_VISITOR &&
	    session_end_all(d->db, t, l->v->address, e) == -1)
		return -1;
	return session_end(d->db, t, l->v->hash, e);
}

int
desk_logout(
    struct desk *d, struct desk_visit *v, bool everywhere, struct err *e)
{
	struct leaving l = {.v = v, .everywhere = everywhere};

	if (v->kind != 0 &&
	    desk_within(d, &v->tenant.id, sessions_end, &l, e) == -1)
		return -1;
	kept_forget(shared_kept(d), v->hash);
	visit_nobody(v);
	v->cookie_end = true;
	return 0;
}
