/*
 * slice.c: the bytes of an upload as they come, one request's at a time. Whole chunks are
 * sealed and written block by block; these commits do not wait for the disk, the last
 * one of a slice does, for all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "desk/uploaded.h"

struct desk_slice {
	struct id tenant;
	struct id writer;      /* what this slice is known by */
	struct desk_upload up; /* offset: what counts in the store */
	uint64_t end;          /* where the slice ends in the file */
	uint64_t at;           /* how far bytes came */
	uint64_t sealed;       /* how far they lie in rows, or in `row` */
	uint64_t written;      /* how far in rows */
	struct seal_chunker *chunker;
	uint8_t key[SECRET_KEY_LEN];
	uint8_t clear[SEAL_CHUNK]; /* from `sealed` to `at` */
	struct buf row;
	unsigned chunks;        /* in row */
	struct seal_hash *hash; /* NULL: no digest was given */
	size_t digest_len;
	uint8_t digest[32];
	bool open; /* within a transaction */
	bool failed;
};

static void
slice_free(struct desk_slice *s)
{
	if (s == NULL)
		return;
	seal_chunker_free(s->chunker);
	if (s->hash != NULL)
		seal_hash_end(s->hash, NULL);
	buf_free(&s->row);
	secret_wipe(s, sizeof(*s));
	free(s);
}

struct opening {
	const struct desk_visit *v;
	const struct id *id;
	uint64_t offset;
	uint64_t length;
	struct desk_slice *s;
};

/* What an earlier slice left of a chunk: its bytes come first. */
static int
tail_open(struct desk_slice *s, const struct upload *u, struct err *e)
{
	const size_t want = (size_t)(s->at - s->sealed);
	struct buf clear = BUF_INIT;
	struct seal_bind bind;
	uint8_t inner[SECRET_KEY_LEN];
	int r;

	if (want == 0)
		return 0;
	upload_inner(&s->tenant, &u->id, s->key, u->taken, inner, &bind);
	r = seal_unwrap(inner, SEAL_P_UPLOAD_TAIL, &bind, u->tail.data,
	    u->tail.len, &clear, e);
	if (r == 0 && clear.len != want)
		r = err_set(e, ERR_CORRUPT, "upload: length of its tail");
	if (r == 0)
		memcpy(s->clear, clear.data, want);
	secret_wipe(inner, sizeof(inner));
	buf_free(&clear);
	return r;
}

static int
tail_seal(const struct desk_slice *s, struct buf *out, struct err *e)
{
	struct seal_bind bind;
	uint8_t inner[SECRET_KEY_LEN];
	int r;

	if (s->at == s->sealed)
		return 0;
	upload_inner(&s->tenant, &s->up.id, s->key, s->at, inner, &bind);
	r = seal_wrap(inner, SEAL_P_UPLOAD_TAIL, &bind, s->clear,
	    (size_t)(s->at - s->sealed), out, e);
	secret_wipe(inner, sizeof(inner));
	return r;
}

static int
slice_begin(struct desk *d, const struct opening *o, const struct upload *u,
    struct err *e)
{
	struct desk_slice *s = o->s;

	if (o->offset != u->taken)
		return err_set(e, ERR_CONFLICT, "upload stands elsewhere");
	if (o->length > LIMIT_UPLOAD_SLICE || o->length > u->length - u->taken)
		return err_set(e, ERR_TOO_BIG, "slice over its limit");
	s->at = u->taken;
	s->end = u->taken + o->length;
	s->sealed = u->taken - u->taken % SEAL_CHUNK;
	if (o->length == 0)
		s->sealed = u->taken;
	s->written = s->sealed;
	if (upload_show(&s->tenant, u, s->key, &s->up, e) == -1)
		return -1;
	if (o->length == 0)
		return 0;
	if (tail_open(s, u, e) == -1 ||
	    seal_chunker_new(s->key, &s->tenant, &u->id, UPLOAD_PART, u->header,
		&s->chunker, e) == -1)
		return -1;
	return upload_claim(d->db, &s->tenant, &u->id, &s->writer, u->taken, e);
}

static int
open_within(struct desk *d, void *arg, struct err *e)
{
	const struct opening *o = arg;
	struct upload u;
	int r;

	if (db_relax(d->db, e) == -1 ||
	    upload_mine(d, o->v, o->id, &u, o->s->key, e) == -1)
		return -1;
	r = slice_begin(d, o, &u, e);
	upload_clear(&u);
	return r;
}

static int
digest_begin(struct desk_slice *s, enum desk_digest kind, const uint8_t *digest,
    struct err *e)
{
	switch (kind) {
	case DESK_NO_DIGEST:
		return 0;
	case DESK_SHA1:
		s->hash = seal_hash_new(SEAL_SHA1);
		s->digest_len = 20;
		break;
	case DESK_SHA256:
		s->hash = seal_hash_new(SEAL_SHA256);
		s->digest_len = 32;
		break;
	}
	if (s->hash == NULL)
		return err_set(e, ERR_UNAVAILABLE, "slice: memory");
	memcpy(s->digest, digest, s->digest_len);
	return 0;
}

int
desk_slice_open(struct desk *d, const struct desk_visit *v, const struct id *id,
    uint64_t offset, uint64_t length, enum desk_digest kind,
    const uint8_t *digest, struct desk_slice **out, struct err *e)
{
	struct opening o = {
	    .v = v, .id = id, .offset = offset, .length = length};

	*out = NULL;
	if (v->kind != SESSION_GUEST && v->kind != SESSION_ACCOUNT)
		return err_set(e, ERR_NOT_FOUND, "nobody uploads");
	if ((o.s = calloc(1, sizeof(*o.s))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "slice: memory");
	o.s->tenant = v->tenant.id;
	o.s->writer = id_new();
	if (digest_begin(o.s, kind, digest, e) == -1 ||
	    desk_within(d, &v->tenant.id, open_within, &o, e) == -1) {
		slice_free(o.s);
		return -1;
	}
	*out = o.s;
	return 0;
}

static struct upload_row
slice_row(const struct desk_slice *s)
{
	return (struct upload_row){.tenant = &s->tenant,
	    .upload = &s->up.id,
	    .writer = &s->writer,
	    .taken = s->up.offset,
	    /* With a digest nothing counts before the end. */
	    .now = s->hash != NULL ? s->up.offset : s->sealed,
	    .seq = (uint32_t)(s->written / SEAL_CHUNK),
	    .data = &s->row};
}

/* Sends the row on its way: PostgreSQL writes it while the next one is sealed. */
static int
row_flush(struct desk *d, struct desk_slice *s, struct err *e)
{
	const struct upload_row r = slice_row(s);

	if (s->chunks == 0)
		return 0;
	if (!s->open) {
		if (db_begin(d->db, &s->tenant, e) == -1)
			return -1;
		s->open = true;
		if (db_relax(d->db, e) == -1)
			return -1;
	}
	if (upload_row_add(d->db, &r, e) == -1)
		return -1;
	s->up.offset = r.now;
	s->written = s->sealed;
	s->chunks = 0;
	s->row.len = 0;
	return 0;
}

/* Bytes the chunk under way will have. */
static size_t
chunk_want(const struct desk_slice *s)
{
	const uint64_t left = s->up.length - s->sealed;

	return left < SEAL_CHUNK ? (size_t)left : SEAL_CHUNK;
}

static int
chunk_seal(struct desk *d, struct desk_slice *s, const uint8_t *p, size_t n,
    struct err *e)
{
	const uint32_t seq = (uint32_t)(s->sealed / SEAL_CHUNK);

	if (upload_frame(s->chunker, seq, s->sealed + n == s->up.length, p, n,
		&s->row, e) == -1)
		return -1;
	s->sealed += n;
	return ++s->chunks == UPLOAD_ROW_CHUNKS ? row_flush(d, s, e) : 0;
}

static int
bytes_take(struct desk *d, struct desk_slice *s, const uint8_t *p, size_t n,
    struct err *e)
{
	size_t have, want, k;

	while (n > 0) {
		have = (size_t)(s->at - s->sealed);
		want = chunk_want(s);
		k = want - have < n ? want - have : n;
		s->at += k;
		if (k == want) {
			if (chunk_seal(d, s, p, want, e) == -1)
				return -1;
		} else {
			memcpy(s->clear + have, p, k);
			if (have + k == want &&
			    chunk_seal(d, s, s->clear, want, e) == -1)
				return -1;
		}
		p += k;
		n -= k;
	}
	return row_flush(d, s, e);
}

/* Ends the block's transaction, if it came to one. */
static int
block_commit(struct desk *d, struct desk_slice *s, struct err *e)
{
	struct upload_row r;

	if (!s->open)
		return 0;
	s->open = false;
	r = slice_row(s);
	r.now = s->up.offset;
	if (upload_kept(d->db, &r, e) == -1) {
		db_rollback(d->db);
		return -1;
	}
	return db_commit(d->db, e);
}

int
desk_slice_add(struct desk *d, struct desk_slice *s, const void *p, size_t n,
    struct err *e)
{
	const uint64_t before = s->up.offset;

	if (s->failed)
		return err_set(e, ERR_CONFLICT, "slice has failed");
	if (n > s->end - s->at)
		return err_set(e, ERR_TOO_BIG, "slice over its length");
	if (s->hash != NULL)
		seal_hash_add(s->hash, p, n);
	if (bytes_take(d, s, p, n, e) == 0 && block_commit(d, s, e) == 0)
		return 0;
	if (s->open)
		db_rollback(d->db);
	s->open = false;
	s->failed = true;
	s->up.offset = before;
	return -1;
}

static int
digest_check(struct desk_slice *s, struct err *e)
{
	uint8_t digest[32];

	if (s->hash == NULL)
		return 0;
	seal_hash_end(s->hash, digest);
	s->hash = NULL;
	if (memcmp(digest, s->digest, s->digest_len) != 0)
		return err_set(e, ERR_BAD_INPUT, "slice: digest differs");
	return 0;
}

struct ending {
	struct desk_slice *s;
	bool complete;
};

static int
leave(struct desk *d, void *arg, struct err *e)
{
	const struct ending *n = arg;
	struct desk_slice *s = n->s;
	struct upload_row r = slice_row(s);
	struct buf tail = BUF_INIT;
	int rc = 0;

	r.now = n->complete ? s->at : s->up.offset;
	if (n->complete)
		rc = tail_seal(s, &tail, e);
	if (rc == 0)
		rc = upload_leave(
		    d->db, &r, n->complete ? &tail : NULL, &s->up.expires, e);
	if (rc == 0)
		s->up.offset = r.now;
	buf_free(&tail);
	return rc;
}

int
desk_slice_end(struct desk *d, struct desk_slice *s, bool complete,
    struct desk_upload *out, struct err *e)
{
	struct ending n = {.s = s};
	int r = 0;

	n.complete = complete && !s->failed && s->at == s->end;
	if (n.complete)
		r = digest_check(s, e);
	/* One without a byte took nobody's place. */
	if (r == 0 && s->chunker != NULL)
		r = desk_within(d, &s->tenant, leave, &n, e);
	if (r == 0)
		*out = s->up;
	slice_free(s);
	return r;
}
