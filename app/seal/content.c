/*
 * content.c: RSC1, content in chunks of 64 KiB, each compressed by itself where
 * that helps, each openable by itself.
 */
#include "seal/content.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/buf.h"
#include "seal/kdf_list.h"
#include "seal/xchacha.h"

#define CONTENT_VERSION   1
#define CONTENT_ALG       1
#define CONTENT_LOG2      16
#define CONTENT_FORM      8 /* magic, version, algorithm, chunk size, flags */
#define CONTENT_SALT_AT   32
#define CONTENT_COMMITTED 64
#define CONTENT_AD        (SEAL_CONTENT_HEADER + ID_LEN)
#define CONTENT_TAG       16
#define CONTENT_NONCE     24
#define ZSTD_LEVEL        1
#define WRITER_ROOM       8192 /* and its doubles: a chunk is one */

#define FLAGS_AT    7
#define FLAG_LOOSE  1
#define DULL_CHUNKS 2 /* that did not shrink: what follows will not */

#define CHUNK_RAW  0 /* first byte of a clear chunk */
#define CHUNK_ZSTD 1

_Static_assert(SEAL_CHUNK == 1 << CONTENT_LOG2, "chunk");
_Static_assert(CONTENT_NONCE == XCHACHA_NONCE, "nonce");
_Static_assert(CONTENT_TAG == XCHACHA_TAG, "tag");

struct content_key {
	uint8_t key[SECRET_KEY_LEN];
	uint8_t ad[CONTENT_AD]; /* header, then tenant */
};

struct seal_writer {
	struct content_key k;
	uint8_t *clear; /* grows to a chunk: most messages are smaller */
	size_t have;    /* bytes in it */
	size_t room;
	uint64_t size;
	uint32_t chunks;
	int done; /* ended, or failed: takes nothing more */
	seal_sink sink;
	void *arg;
};

struct seal_chunker {
	struct content_key k;
	int dull; /* chunks on end that did not shrink */
};

struct seal_opener {
	struct content_key k;
};

/* What is used for one chunk at a time, and too large to make anew: one of each thread. */
struct tools {
	uint8_t work[SEAL_CHUNK_MAX];
	ZSTD_CCtx *press;
	ZSTD_DCtx *expand;
};

static _Thread_local struct tools *mine;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void
tools_free(void *arg)
{
	struct tools *t = arg;

	if (t == NULL)
		return;
	ZSTD_freeCCtx(t->press);
	ZSTD_freeDCtx(t->expand);
	secret_wipe(t, sizeof(*t));
	free(t);
}

static void
key_make(void)
{
	if (pthread_key_create(&key, tools_free) != 0)
		abort();
}

/* NULL when memory is out. */
static struct tools *
tools(void)
{
	struct tools *t;

	if (mine != NULL)
		return mine;
	(void)pthread_once(&once, key_make);
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	t->press = ZSTD_createCCtx();
	t->expand = ZSTD_createDCtx();
	if (t->press == NULL || t->expand == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(
		t->press, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    pthread_setspecific(key, t) != 0) {
		tools_free(t);
		return NULL;
	}
	mine = t;
	return t;
}

static void
content_form(uint8_t out[CONTENT_FORM])
{
	memcpy(out, "RSC1", 4);
	out[4] = CONTENT_VERSION;
	out[5] = CONTENT_ALG;
	out[6] = CONTENT_LOG2;
	out[FLAGS_AT] = 0;
}

/* The first 32 bytes, which say what and where, without salt and commitment. */
static void
content_place(const struct id *message, uint32_t part, uint8_t out[32])
{
	memset(out, 0, 32);
	content_form(out);
	memcpy(out + CONTENT_FORM, message->b, ID_LEN);
	be32_put(out + 24, part);
}

static void
content_derive(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, const uint8_t *header, struct content_key *k)
{
	seal_kdf(k->key, SECRET_KEY_LEN, dek, SEAL_L_PART,
	    (const struct seal_field[]){SEAL_FID(tenant), SEAL_FID(message),
		SEAL_F(header + 24, 4), SEAL_F(header + CONTENT_SALT_AT, 32)},
	    4);
}

static void
content_commit(
    const struct content_key *k, const uint8_t *header, uint8_t out[32])
{
	seal_kdf(out, 32, k->key, SEAL_L_PART_COMMIT,
	    &SEAL_F(header, CONTENT_COMMITTED), 1);
}

/* Salt, key and commitment of new content whose place stands in the header. */
static void
content_begin(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, struct content_key *k)
{
	secret_random(k->ad + CONTENT_SALT_AT, 32);
	content_derive(dek, tenant, message, k->ad, k);
	content_commit(k, k->ad, k->ad + CONTENT_COMMITTED);
	memcpy(k->ad + SEAL_CONTENT_HEADER, tenant->b, ID_LEN);
}

/* The key of stored content: its header must name this place, and commit to this key. */
static int
content_again(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint32_t part,
    const uint8_t header[SEAL_CONTENT_HEADER], struct content_key *k,
    struct err *e)
{
	uint8_t place[32], commit[32];

	content_place(message, part, place);
	place[FLAGS_AT] = header[FLAGS_AT] & FLAG_LOOSE;
	if (memcmp(header, place, sizeof(place)) != 0)
		return err_set(e, ERR_CORRUPT,
		    "content: header malformed or of another part");
	memcpy(k->ad, header, SEAL_CONTENT_HEADER);
	memcpy(k->ad + SEAL_CONTENT_HEADER, tenant->b, ID_LEN);
	content_derive(dek, tenant, message, header, k);
	content_commit(k, header, commit);
	if (!secret_equal(commit, header + CONTENT_COMMITTED, sizeof(commit)))
		return err_set(e, ERR_DENIED, "content: not its key");
	return 0;
}

static bool
is_loose(const struct content_key *k)
{
	return k->ad[FLAGS_AT] == FLAG_LOOSE;
}

/*
 * Index and final flag: no two chunks under one key share a nonce. A loose one may be
 * sealed again, and has random bytes in front.
 */
static void
content_nonce(uint32_t seq, int final, uint8_t out[CONTENT_NONCE])
{
	memset(out, 0, CONTENT_NONCE);
	be64_put(out + 15, seq);
	out[23] = final ? 1 : 0;
}

/* In place; the tag comes behind. */
static void
content_seal(const struct content_key *k, const uint8_t nonce[CONTENT_NONCE],
    uint8_t *p, size_t n)
{
	const struct xchacha x = {k->key, nonce, k->ad, sizeof(k->ad)};

	xchacha_seal(&x, p, n, p);
}

static int
content_unseal(const struct content_key *k, const uint8_t nonce[CONTENT_NONCE],
    const uint8_t *p, size_t n, uint8_t *out)
{
	const struct xchacha x = {k->key, nonce, k->ad, sizeof(k->ad)};

	return xchacha_open(&x, p, n, out);
}

/* Puts the chunk behind its first byte; returns the length of both. zstd NULL: as it is. */
static size_t
chunk_prefix(ZSTD_CCtx *zstd, const uint8_t *p, size_t n, uint8_t *out)
{
	size_t most, z;

	/* Worth it only where a sixteenth is saved: zstd may not write more. */
	most = n - (n + 15) / 16;
	if (most > 0 && zstd != NULL) {
		z = ZSTD_compress2(zstd, out + 1, most, p, n);
		if (!ZSTD_isError(z) && z <= most) {
			out[0] = CHUNK_ZSTD;
			return z + 1;
		}
	}
	out[0] = CHUNK_RAW;
	if (n > 0)
		memcpy(out + 1, p, n);
	return n + 1;
}

struct seal_writer *
seal_writer_new(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint32_t part, seal_sink sink, void *arg)
{
	struct seal_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->sink = sink;
	w->arg = arg;
	content_place(message, part, w->k.ad);
	content_begin(dek, tenant, message, &w->k);
	return w;
}

static int
writer_flush(struct seal_writer *w, int final, struct err *e)
{
	uint8_t nonce[CONTENT_NONCE];
	struct tools *t = tools();
	size_t n;

	if (w->chunks == UINT32_MAX)
		return err_set(e, ERR_TOO_BIG, "content: too many chunks");
	if (t == NULL)
		return err_set(e, ERR_UNAVAILABLE, "content: out of memory");
	n = chunk_prefix(t->press, w->clear, w->have, t->work);
	content_nonce(w->chunks, final, nonce);
	content_seal(&w->k, nonce, t->work, n);
	w->have = 0;
	return w->sink(w->arg, w->chunks++, t->work, n + CONTENT_TAG, e);
}

/* Room for n more bytes, or for as many as a chunk has. */
static int
writer_grow(struct seal_writer *w, size_t n)
{
	size_t want = w->have + (n < SEAL_CHUNK ? n : SEAL_CHUNK);
	size_t room = w->room == 0 ? WRITER_ROOM : w->room;
	uint8_t *more;

	want = want < SEAL_CHUNK ? want : SEAL_CHUNK;
	if (want <= w->room)
		return 0;
	while (room < want)
		room *= 2;
	if ((more = malloc(room)) == NULL)
		return -1;
	if (w->have > 0)
		memcpy(more, w->clear, w->have);
	secret_wipe(w->clear, w->have);
	free(w->clear);
	w->clear = more;
	w->room = room;
	return 0;
}

int
seal_writer_add(struct seal_writer *w, const void *p, size_t n, struct err *e)
{
	const uint8_t *from = p;
	size_t k;

	if (w->done)
		return err_set(e, ERR_INTERNAL, "content: writer is done");
	while (n > 0) {
		/* A full chunk waits until it is known not to be the last. */
		if (w->have == SEAL_CHUNK && seal_writer_seal(w, e) == -1)
			return -1;
		if (writer_grow(w, n) == -1) {
			w->done = 1;
			return err_set(
			    e, ERR_UNAVAILABLE, "content: out of memory");
		}
		k = SEAL_CHUNK - w->have < n ? SEAL_CHUNK - w->have : n;
		memcpy(w->clear + w->have, from, k);
		w->have += k;
		w->size += k;
		from += k;
		n -= k;
	}
	return 0;
}

size_t
seal_writer_room(const struct seal_writer *w)
{
	return SEAL_CHUNK - w->have;
}

int
seal_writer_seal(struct seal_writer *w, struct err *e)
{
	if (w->done || w->have < SEAL_CHUNK)
		return err_set(e, ERR_INTERNAL, "content: no chunk to seal");
	if (writer_flush(w, 0, e) == 0)
		return 0;
	w->done = 1;
	return -1;
}

int
seal_writer_end(struct seal_writer *w, struct err *e)
{
	int r;

	if (w->done)
		return err_set(e, ERR_INTERNAL, "content: writer is done");
	w->done = 1;
	r = writer_flush(w, 1, e);
	secret_wipe(w->clear, w->room);
	free(w->clear);
	w->clear = NULL;
	w->room = 0;
	secret_wipe(w->k.key, sizeof(w->k.key));
	return r;
}

const uint8_t *
seal_writer_clear(const struct seal_writer *w, size_t *n)
{
	*n = w->done ? 0 : w->have;
	return *n > 0 ? w->clear : NULL;
}

uint64_t
seal_writer_size(const struct seal_writer *w)
{
	return w->size;
}

uint32_t
seal_writer_chunks(const struct seal_writer *w)
{
	return w->chunks;
}

const uint8_t *
seal_writer_header(const struct seal_writer *w)
{
	return w->k.ad;
}

void
seal_writer_free(struct seal_writer *w)
{
	if (w == NULL)
		return;
	secret_wipe(w->clear, w->room);
	free(w->clear);
	secret_wipe(w, sizeof(*w));
	free(w);
}

void
seal_loose_header(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *file, uint32_t part, uint8_t header[SEAL_CONTENT_HEADER])
{
	struct content_key k;

	content_place(file, part, k.ad);
	k.ad[FLAGS_AT] = FLAG_LOOSE;
	content_begin(dek, tenant, file, &k);
	memcpy(header, k.ad, SEAL_CONTENT_HEADER);
	secret_wipe(&k, sizeof(k));
}

int
seal_chunker_new(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *file, uint32_t part,
    const uint8_t header[SEAL_CONTENT_HEADER], struct seal_chunker **out,
    struct err *e)
{
	struct seal_chunker *c;

	*out = NULL;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "content: out of memory");
	if (content_again(dek, tenant, file, part, header, &c->k, e) == -1) {
		seal_chunker_free(c);
		return -1;
	}
	if (!is_loose(&c->k)) {
		seal_chunker_free(c);
		return err_set(e, ERR_CORRUPT, "content: was sealed in one go");
	}
	*out = c;
	return 0;
}

int
seal_chunker_add(struct seal_chunker *c, uint32_t seq, int final, const void *p,
    size_t n, struct buf *out, struct err *e)
{
	uint8_t nonce[CONTENT_NONCE], *at;
	struct tools *t = tools();
	size_t len;

	if (n > SEAL_CHUNK || (!final && n < SEAL_CHUNK))
		return err_set(e, ERR_INTERNAL, "content: length of a chunk");
	if (t == NULL || buf_reserve(out, SEAL_LOOSE_MAX) == -1)
		return err_set(e, ERR_UNAVAILABLE, "content: out of memory");
	content_nonce(seq, final, nonce);
	secret_random(nonce, SEAL_LOOSE);
	at = out->data + out->len;
	memcpy(at, nonce, SEAL_LOOSE);
	at += SEAL_LOOSE;
	len = chunk_prefix(c->dull < DULL_CHUNKS ? t->press : NULL, p, n, at);
	c->dull = at[0] == CHUNK_RAW ? c->dull + 1 : 0;
	content_seal(&c->k, nonce, at, len);
	out->len += SEAL_LOOSE + len + CONTENT_TAG;
	return 0;
}

void
seal_chunker_free(struct seal_chunker *c)
{
	if (c == NULL)
		return;
	secret_wipe(c, sizeof(*c));
	free(c);
}

int
seal_opener_new(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint32_t part,
    const uint8_t header[SEAL_CONTENT_HEADER], struct seal_opener **out,
    struct err *e)
{
	struct seal_opener *o;

	*out = NULL;
	o = calloc(1, sizeof(*o));
	if (o == NULL)
		return err_set(e, ERR_UNAVAILABLE, "content: out of memory");
	if (content_again(dek, tenant, message, part, header, &o->k, e) == -1) {
		seal_opener_free(o);
		return -1;
	}
	*out = o;
	return 0;
}

/*
 * A whole chunk that did not compress, opened where it is wanted: its first octet comes to
 * lie on the last byte of what is there already, which is put back. *done: it was one.
 */
static int
opener_whole(struct seal_opener *o, const uint8_t *sealed, const uint8_t *nonce,
    struct buf *out, bool *done)
{
	uint8_t *at, kept = 0, first;
	int r;

	if (buf_reserve(out, SEAL_CHUNK + (out->len == 0)) == -1)
		return -1;
	at = out->data + out->len;
	if (out->len > 0)
		kept = *--at;
	r = content_unseal(&o->k, nonce, sealed, SEAL_CHUNK_MAX, at);
	first = *at;
	if (out->len > 0)
		*at = kept;
	else if (r == 0)
		memmove(at, at + 1, SEAL_CHUNK);
	*done = r == 0 && first == CHUNK_RAW;
	if (*done)
		out->len += SEAL_CHUNK;
	return 0;
}

/* The n > 0 deciphered bytes in work[], appended as clear ones. -1: they are no chunk. */
static int
opener_expand(struct tools *t, size_t n, struct buf *out)
{
	size_t z;

	switch (t->work[0]) {
	case CHUNK_RAW:
		memcpy(out->data + out->len, t->work + 1, n - 1);
		out->len += n - 1;
		return 0;
	case CHUNK_ZSTD:
		z = ZSTD_decompressDCtx(t->expand, out->data + out->len,
		    SEAL_CHUNK, t->work + 1, n - 1);
		if (ZSTD_isError(z))
			return -1;
		out->len += z;
		return 0;
	default:
		return -1;
	}
}

int
seal_opener_chunk(struct seal_opener *o, uint32_t seq, int final,
    const void *sealed, size_t n, struct buf *out, struct err *e)
{
	uint8_t nonce[CONTENT_NONCE];
	const size_t before = out->len;
	struct tools *t = tools();
	bool done = false;
	size_t len;
	int r = -1;

	content_nonce(seq, final, nonce);
	if (is_loose(&o->k) && n >= SEAL_LOOSE) {
		memcpy(nonce, sealed, SEAL_LOOSE);
		sealed = (const uint8_t *)sealed + SEAL_LOOSE;
		n -= SEAL_LOOSE;
	}
	if (n < 1 + CONTENT_TAG || n > SEAL_CHUNK_MAX)
		return err_set(e, ERR_CORRUPT, "content: chunk length");
	if (t == NULL || buf_reserve(out, SEAL_CHUNK) == -1 ||
	    (n == SEAL_CHUNK_MAX &&
		opener_whole(o, sealed, nonce, out, &done) == -1))
		return err_set(e, ERR_UNAVAILABLE, "content: out of memory");
	if (done)
		return 0;
	if (content_unseal(&o->k, nonce, sealed, n, t->work) == 0)
		r = opener_expand(t, n - CONTENT_TAG, out);
	secret_wipe(t->work, n - CONTENT_TAG);
	len = out->len - before;
	/* Only the last may be short, and only a sole one empty. */
	if (r == 0 && (final ? len > 0 || seq == 0 : len == SEAL_CHUNK))
		return 0;
	out->len = before;
	return err_set(e, ERR_CORRUPT,
	    "content: chunk %u changed, moved or not the %s", seq,
	    final ? "last" : "expected");
}

void
seal_opener_free(struct seal_opener *o)
{
	if (o == NULL)
		return;
	secret_wipe(o, sizeof(*o));
	free(o);
}
