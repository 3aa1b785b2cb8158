/*
 * upload.c: uploads as their owner has them: begun, found again, removed. Their bytes come
 * by slice.c.
 */
#include "desk/upload.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "desk/uploaded.h"
#include "mail/name.h"

#define FACTS_VERSION 1
#define PLAIN_TYPE    "application/octet-stream"

static bool
may_upload(const struct desk_visit *v)
{
	return v->kind == SESSION_GUEST || v->kind == SESSION_ACCOUNT;
}

void
upload_inner(const struct id *tenant, const struct id *upload,
    const uint8_t key[SECRET_KEY_LEN], uint64_t number,
    uint8_t out[SECRET_KEY_LEN], struct seal_bind *bind)
{
	const struct seal_field f[] = {SEAL_FID(tenant), SEAL_FID(upload)};

	memset(bind, 0, sizeof(*bind));
	bind->tenant = *tenant;
	bind->owner = *upload;
	bind->number = number;
	seal_kdf(out, SECRET_KEY_LEN, key, SEAL_L_UPLOAD, f, 2);
}

uint32_t
upload_chunk_count(uint64_t length)
{
	return length == 0 ? 1 :
			     (uint32_t)((length + SEAL_CHUNK - 1) / SEAL_CHUNK);
}

int
upload_frame(struct seal_chunker *c, uint32_t seq, int final, const void *p,
    size_t n, struct buf *row, struct err *e)
{
	const size_t at = row->len;
	uint32_t len;
	int i;

	if (buf_add_u32(row, 0) == -1)
		return err_set(e, ERR_UNAVAILABLE, "upload: memory");
	if (seal_chunker_add(c, seq, final, p, n, row, e) == -1)
		return -1;
	len = (uint32_t)(row->len - at - UPLOAD_FRAME);
	for (i = 0; i < UPLOAD_FRAME; i++)
		row->data[at + (size_t)i] = (uint8_t)(len >> (24 - 8 * i));
	return 0;
}

/* ---- whose it is ------------------------------------------------------------------ */

static void
owner_bind(
    const struct id *tenant, const struct upload *u, struct seal_bind *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = *tenant;
	out->owner = u->id;
	if (id_is_zero(&u->account))
		memcpy(out->item.b, u->session, ID_LEN);
	else
		out->item = u->account;
	out->number = u->key_version;
}

/* A fresh file key for whoever sits there: a box to the account, or under the cookie. */
static int
key_seal(struct desk *d, const struct desk_visit *v, struct upload *u,
    const uint8_t key[SECRET_KEY_LEN], struct err *e)
{
	const struct id *t = &v->tenant.id;
	struct account_key k;
	struct seal_bind bind;
	uint8_t guest[SECRET_KEY_LEN];
	int r;

	if (v->kind == SESSION_GUEST) {
		memcpy(u->session, v->hash, sizeof(u->session));
		owner_bind(t, u, &bind);
		visit_upload_key(v, guest);
		r = seal_wrap(guest, SEAL_P_UPLOAD_KEY, &bind, key,
		    SECRET_KEY_LEN, &u->key_wrap, e);
		secret_wipe(guest, sizeof(guest));
		return r;
	}
	u->account = v->account.id;
	if (account_key_newest(d, t, &u->account, &k, e) == -1 ||
	    account_key_check(d, t, &u->account, v->account.key, &k, e) == -1)
		return -1;
	u->key_version = k.version;
	owner_bind(t, u, &bind);
	return seal_box_seal(k.pk, SEAL_P_UPLOAD_KEY, &bind, key,
	    SECRET_KEY_LEN, &u->key_wrap, e);
}

static bool
is_mine(const struct desk_visit *v, const struct upload *u)
{
	switch (v->kind) {
	case SESSION_ACCOUNT:
		return id_equal(&u->account, &v->account.id);
	case SESSION_GUEST:
		return id_is_zero(&u->account) &&
		    memcmp(u->session, v->hash, sizeof(u->session)) == 0 &&
		    strcmp(u->key, v->address) == 0;
	case SESSION_VISITOR:
	default:
		return false;
	}
}

static int
box_open(const struct desk_visit *v, const struct upload *u,
    const struct seal_bind *bind, struct buf *out, struct err *e)
{
	struct seal_pair pair;
	uint32_t i;
	int r;

	for (i = 0; i < v->ring->n_key; i++) {
		if (v->ring->key[i].version != u->key_version)
			continue;
		seal_pair_from(v->ring->key[i].sk, &pair);
		r = seal_box_open(&pair, SEAL_P_UPLOAD_KEY, bind,
		    u->key_wrap.data, u->key_wrap.len, out, e);
		secret_wipe(&pair, sizeof(pair));
		return r;
	}
	return err_set(e, ERR_DENIED, "key version is not in the ring");
}

static int
key_open(const struct desk_visit *v, const struct upload *u,
    uint8_t key[SECRET_KEY_LEN], struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t guest[SECRET_KEY_LEN];
	int r;

	owner_bind(&v->tenant.id, u, &bind);
	if (v->kind == SESSION_GUEST) {
		visit_upload_key(v, guest);
		r = seal_unwrap(guest, SEAL_P_UPLOAD_KEY, &bind,
		    u->key_wrap.data, u->key_wrap.len, &clear, e);
		secret_wipe(guest, sizeof(guest));
	} else {
		r = box_open(v, u, &bind, &clear, e);
	}
	if (r == 0 && clear.len != SECRET_KEY_LEN)
		r = err_set(e, ERR_CORRUPT, "upload: length of its key");
	if (r == 0)
		memcpy(key, clear.data, SECRET_KEY_LEN);
	buf_free(&clear);
	return r;
}

int
upload_mine(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct upload *out, uint8_t key[SECRET_KEY_LEN], struct err *e)
{
	int found;

	found = upload_get(d->db, &v->tenant.id, id, out, e);
	if (found == -1)
		return -1;
	if (found == 0 || !is_mine(v, out) || out->key_wrap.len == 0)
		err_set(e, ERR_NOT_FOUND, "no such upload of theirs");
	else if (out->expires <= clock_now())
		err_set(e, ERR_EXPIRED, "upload expired");
	else if (key_open(v, out, key, e) == 0)
		return 0;
	upload_clear(out);
	return -1;
}

/* ---- what it is called ------------------------------------------------------------ */

static bool
is_token(const char *s, size_t n)
{
	static const char others[] = "!#$&-^_.+";

	if (n == 0)
		return false;
	for (; n > 0; s++, n--)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') ||
			(*s != '\0' && strchr(others, *s) != NULL)))
			return false;
	return true;
}

/* RFC 6838 4.2, without parameters. */
static void
type_safe(const char *type, char *out, size_t cap)
{
	const char *slash;

	if (text_copy(out, cap, type) == 0) {
		text_lower(out);
		slash = strchr(out, '/');
		if (slash != NULL && is_token(out, (size_t)(slash - out)) &&
		    is_token(slash + 1, strlen(slash + 1)))
			return;
	}
	text_cut(out, cap, PLAIN_TYPE);
}

static int
add_text(struct buf *b, const char *s)
{
	if (buf_add_u8(b, (uint8_t)strlen(s)) == -1)
		return -1;
	return buf_adds(b, s);
}

static int
facts_seal(const struct id *tenant, struct upload *u,
    const uint8_t key[SECRET_KEY_LEN], const struct desk_upload *up,
    struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t inner[SECRET_KEY_LEN];
	int r = -1;

	_Static_assert(LIMIT_FILE_NAME < 256, "one octet of length");
	upload_inner(tenant, &u->id, key, 0, inner, &bind);
	if (buf_add_u8(&clear, FACTS_VERSION) == -1 ||
	    add_text(&clear, up->name) == -1 ||
	    add_text(&clear, up->type) == -1)
		err_set(e, ERR_UNAVAILABLE, "upload: memory");
	else
		r = seal_wrap(inner, SEAL_P_UPLOAD_FACTS, &bind, clear.data,
		    clear.len, &u->facts, e);
	secret_wipe(inner, sizeof(inner));
	buf_free(&clear);
	return r;
}

static int
take_text(struct reader *in, char *out, size_t cap)
{
	const size_t n = reader_u8(in);
	const uint8_t *p = reader_bytes(in, n);

	if (p == NULL || n >= cap)
		return -1;
	memcpy(out, p, n);
	out[n] = '\0';
	return 0;
}

int
upload_show(const struct id *tenant, const struct upload *u,
    const uint8_t key[SECRET_KEY_LEN], struct desk_upload *out, struct err *e)
{
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	struct reader in;
	uint8_t inner[SECRET_KEY_LEN];
	int r;

	memset(out, 0, sizeof(*out));
	out->id = u->id;
	out->length = u->length;
	out->offset = u->taken;
	out->expires = u->expires;
	upload_inner(tenant, &u->id, key, 0, inner, &bind);
	r = seal_unwrap(inner, SEAL_P_UPLOAD_FACTS, &bind, u->facts.data,
	    u->facts.len, &clear, e);
	reader_init(&in, clear.data, clear.len);
	if (r == 0 &&
	    (reader_u8(&in) != FACTS_VERSION ||
		take_text(&in, out->name, sizeof(out->name)) == -1 ||
		take_text(&in, out->type, sizeof(out->type)) == -1 ||
		in.left != 0))
		r = err_set(e, ERR_CORRUPT, "upload: its name");
	secret_wipe(inner, sizeof(inner));
	buf_free(&clear);
	return r;
}

/* ---- from the outside ------------------------------------------------------------- */

struct creating {
	const struct desk_visit *v;
	struct desk_upload *up;
	uint8_t key[SECRET_KEY_LEN];
	struct upload row;
};

static int
quota_check(struct desk *d, struct creating *c, struct err *e)
{
	uint64_t files, bytes;

	if (upload_load(
		d->db, &c->v->tenant.id, c->row.key, &files, &bytes, e) == -1)
		return -1;
	if (files >= LIMIT_UPLOADS_OPEN ||
	    bytes + c->row.length > LIMIT_UPLOAD_BYTES)
		return err_set(e, ERR_TOO_MANY, "uploads not sent yet");
	return 0;
}

/* A file without a byte has its one chunk from the beginning. */
static int
empty_write(struct desk *d, struct creating *c, struct err *e)
{
	const struct id *t = &c->v->tenant.id;
	const struct id writer = id_new();
	struct seal_chunker *chunker;
	struct buf row = BUF_INIT;
	const struct upload_row r = {
	    .tenant = t, .upload = &c->row.id, .writer = &writer, .data = &row};
	int rc = -1;

	if (c->row.length > 0)
		return 0;
	if (seal_chunker_new(c->key, t, &c->row.id, UPLOAD_PART, c->row.header,
		&chunker, e) == -1)
		return -1;
	if (upload_frame(chunker, 0, 1, "", 0, &row, e) == 0 &&
	    upload_claim(d->db, t, &c->row.id, &writer, 0, e) == 0 &&
	    upload_row_add(d->db, &r, e) == 0)
		rc = upload_kept(d->db, &r, e);
	seal_chunker_free(chunker);
	buf_free(&row);
	return rc;
}

static int
create(struct desk *d, void *arg, struct err *e)
{
	struct creating *c = arg;
	const struct id *t = &c->v->tenant.id;

	if (quota_check(d, c, e) == -1 ||
	    key_seal(d, c->v, &c->row, c->key, e) == -1 ||
	    facts_seal(t, &c->row, c->key, c->up, e) == -1 ||
	    upload_add(d->db, t, &c->row, &c->up->expires, e) == -1)
		return -1;
	return empty_write(d, c, e);
}

int
desk_upload_create(struct desk *d, const struct desk_visit *v, uint64_t length,
    const char *name, const char *type, struct desk_upload *out, struct err *e)
{
	struct creating c = {.v = v, .up = out};
	int r;

	memset(out, 0, sizeof(*out));
	if (!may_upload(v))
		return err_set(e, ERR_DENIED, "nobody uploads");
	if (length > LIMIT_FILE)
		return err_set(e, ERR_TOO_BIG, "file over its limit");
	if (mail_name_safe(name, strlen(name), out->name) == -1)
		return err_set(e, ERR_UNAVAILABLE, "upload: memory");
	type_safe(type, out->type, sizeof(out->type));
	out->id = c.row.id = id_new();
	out->length = c.row.length = length;
	memcpy(c.row.key,
	    v->kind == SESSION_ACCOUNT ? v->account.key : v->address,
	    sizeof(c.row.key));
	secret_random(c.key, sizeof(c.key));
	seal_loose_header(
	    c.key, &v->tenant.id, &c.row.id, UPLOAD_PART, c.row.header);
	r = desk_within(d, &v->tenant.id, create, &c, e);
	secret_wipe(c.key, sizeof(c.key));
	upload_clear(&c.row);
	return r;
}

struct asking {
	const struct desk_visit *v;
	const struct id *id;
	struct desk_upload *out;
};

static int
look(struct desk *d, void *arg, struct err *e)
{
	struct asking *a = arg;
	struct upload u;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	if (upload_mine(d, a->v, a->id, &u, key, e) == -1)
		return -1;
	r = upload_show(&a->v->tenant.id, &u, key, a->out, e);
	secret_wipe(key, sizeof(key));
	upload_clear(&u);
	return r;
}

int
desk_upload_get(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct desk_upload *out, struct err *e)
{
	struct asking a = {.v = v, .id = id, .out = out};

	if (!may_upload(v))
		return err_set(e, ERR_NOT_FOUND, "nobody uploads");
	return desk_look(d, &v->tenant.id, look, &a, e);
}

static int
take_away(struct desk *d, void *arg, struct err *e)
{
	struct asking *a = arg;
	struct upload u;
	uint8_t key[SECRET_KEY_LEN];

	if (upload_mine(d, a->v, a->id, &u, key, e) == -1)
		return -1;
	secret_wipe(key, sizeof(key));
	upload_clear(&u);
	return upload_remove(d->db, &a->v->tenant.id, a->id, e);
}

int
desk_upload_remove(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct err *e)
{
	struct asking a = {.v = v, .id = id};

	if (!may_upload(v))
		return err_set(e, ERR_NOT_FOUND, "nobody uploads");
	return desk_within(d, &v->tenant.id, take_away, &a, e);
}
