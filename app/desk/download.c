/*
 * download.c: a file or the raw message on its way to a reader, a block at a time. What
 * happens between two blocks is nobody's business here: only keys and place are kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/internal.h"
#include "desk/uploaded.h"
#include "mail/decode.h"

#define CHUNKS ((uint32_t)(LIMIT_STREAM_BLOCK / SEAL_CHUNK)) /* of a block */

struct desk_download {
	struct delivered_file file;
	struct id tenant;
	struct id beside; /* the file's; zero: within the message */
	uint32_t slot;
	bool told; /* a recipient's: is recorded */
	char tag[65];
	uint8_t sha256[32];
	struct content *content;
	struct desk *d;  /* of the thread at work */
	uint64_t offset; /* where the file begins in the content */
	uint64_t inside; /* decoded bytes there that are not its own */
	uint64_t at;     /* the next byte of the content, encoded */
	uint64_t end;    /* of what is read of it */
	enum mail_encoding encoding;
	struct mail_decoder *decoder; /* NULL: as it is */
	struct seal_hash *hash; /* NULL unless all of the file is asked for */
	uint64_t first, n;      /* what is asked for, of the file */
	uint64_t skip;          /* bytes that are still decoded for nothing */
	uint64_t made;          /* of n */
	bool broken;
};

struct block {
	struct desk_download *dl;
	struct buf *out;
	size_t before; /* what out held */
	struct buf raw;
};

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "download: memory");
}

static void
download_free(struct desk_download *dl)
{
	content_close(dl->content);
	mail_decoder_free(dl->decoder);
	seal_hash_end(dl->hash, NULL);
	secret_wipe(dl, sizeof(*dl));
	free(dl);
}

static bool
is_beside(const struct mail_part *part)
{
	return part != NULL && !id_is_zero(&part->beside.id);
}

/* ---- opening --------------------------------------------------------------- */

/* The chunks of a message. */
static int
fetch_message(void *arg, uint32_t first, uint32_t n, seal_sink take,
    void *take_arg, struct err *e)
{
	struct desk_download *dl = arg;
	const struct chunk_range r = {.tenant = &dl->tenant,
	    .message = &dl->file.message,
	    .first = first,
	    .n = n};

	return chunk_each(dl->d->db, &r, take, take_arg, e);
}

/* Those of a file beside it. */
static int
fetch_beside(void *arg, uint32_t first, uint32_t n, seal_sink take,
    void *take_arg, struct err *e)
{
	struct desk_download *dl = arg;

	return upload_chunks(
	    dl->d->db, &dl->tenant, &dl->beside, first, n, take, take_arg, e);
}

struct opening {
	struct desk_download *dl;
	const struct desk_message *m;
	const struct mail_part *part; /* NULL: the raw message */
};

static int
beside_begin(struct opening *o, struct err *e)
{
	const struct mail_beside *b = &o->part->beside;
	const struct content_place at = {.key = b->key,
	    .tenant = &o->m->tenant,
	    .id = &b->id,
	    .part = UPLOAD_PART,
	    .header = b->header,
	    .size = o->part->size,
	    .chunks = b->chunks};

	_Static_assert(MAIL_BESIDE_HEADER == SEAL_CONTENT_HEADER, "header");
	return content_open(&at, fetch_beside, o->dl, &o->dl->content, e);
}

static int
download_begin(struct desk *d, void *arg, struct err *e)
{
	struct opening *o = arg;
	const struct content_place at = {.key = o->m->dek,
	    .tenant = &o->m->tenant,
	    .id = &o->m->row.id,
	    .header = o->m->row.content_header,
	    .size = o->m->row.size,
	    .chunks = o->m->row.chunks};

	o->dl->d = d;
	if (is_beside(o->part))
		return beside_begin(o, e);
	return content_open(&at, fetch_message, o->dl, &o->dl->content, e);
}

static void
tag_make(struct desk_download *dl, const uint8_t dek[SECRET_KEY_LEN])
{
	uint8_t no[4], tag[32];

	be32_put(no, dl->file.part);
	seal_kdf(tag, sizeof(tag), dek, SEAL_L_DOWNLOAD_TAG,
	    (const struct seal_field[]){SEAL_FID(&dl->tenant),
		SEAL_FID(&dl->file.message), SEAL_F(no, sizeof(no)),
		SEAL_F(dl->sha256, sizeof(dl->sha256))},
	    4);
	text_hex(tag, sizeof(tag), dl->tag);
}

/* Where the file lies in the message; -1 when it does not. */
static int
download_place(struct desk_download *dl, const struct desk_message *m,
    const struct mail_part *part)
{
	if (part == NULL) {
		dl->end = dl->file.size = m->row.size;
		memcpy(dl->sha256, m->manifest->sha256, sizeof(dl->sha256));
		return 0;
	}
	if (is_beside(part)) {
		dl->end = dl->file.size = part->size;
		dl->beside = part->beside.id;
		return 0;
	}
	if (part->length > m->row.size ||
	    part->offset > m->row.size - part->length ||
	    (part->encoding == MAIL_ENC_IDENTITY &&
		(part->skip > part->length ||
		    part->size > part->length - part->skip ||
		    (part->box == 0 && part->size != part->length))))
		return -1;
	dl->offset = dl->at = part->offset;
	dl->end = part->offset + part->length;
	dl->encoding = part->encoding;
	dl->inside = dl->skip = part->skip;
	if (part->encoding == MAIL_ENC_IDENTITY) {
		dl->offset = dl->at += part->skip;
		dl->end = dl->at + part->size;
	}
	dl->file.size = part->size;
	memcpy(dl->sha256, part->sha256, sizeof(dl->sha256));
	return 0;
}

int
desk_download_open(struct desk *d, const struct desk_visit *v,
    const struct desk_message *m, uint32_t no, struct desk_download **out,
    struct err *e)
{
	const struct mail_part *part = NULL;
	struct desk_download *dl;
	struct opening o = {.m = m};

	if (no != DESK_WHOLE && (part = manifest_part(m->manifest, no)) == NULL)
		return err_set(e, ERR_NOT_FOUND, "no such part");
	if (part != NULL && !part->leaf)
		return err_set(e, ERR_NOT_FOUND, "part without content");
	o.part = part;
	if ((dl = o.dl = calloc(1, sizeof(*dl))) == NULL)
		return no_memory(e);
	memcpy(dl->file.session, v->hash, sizeof(dl->file.session));
	dl->file.message = m->row.id;
	dl->file.part = no;
	dl->tenant = m->tenant;
	dl->slot = m->reader.slot;
	dl->told = m->reader.role == READER_RECIPIENT;
	if (download_place(dl, m, part) == -1)
		err_set(e, ERR_CORRUPT, "part %u is not in its message", no);
	else if (desk_look(d, &m->tenant, download_begin, &o, e) == 0) {
		dl->n = dl->file.size;
		tag_make(dl, m->dek);
		*out = dl;
		return 0;
	}
	download_free(dl);
	return -1;
}

uint64_t
desk_download_size(const struct desk_download *dl)
{
	return dl->file.size;
}

void
desk_download_tag(const struct desk_download *dl, char out[65])
{
	memcpy(out, dl->tag, sizeof(dl->tag));
}

void
desk_download_range(struct desk_download *dl, uint64_t first, uint64_t n)
{
	dl->first = first;
	dl->n = n;
	if (dl->encoding != MAIL_ENC_IDENTITY) {
		dl->skip = dl->inside + first;
		return;
	}
	dl->at = dl->offset + first;
	dl->end = dl->at + n;
}

/* ---- blocks ---------------------------------------------------------------- */

/* Appends what the next chunks hold of at to end. */
static int
block_read(
    struct desk_download *dl, uint32_t chunks, struct buf *out, struct err *e)
{
	const size_t before = out->len;
	const uint32_t first = (uint32_t)(dl->at / SEAL_CHUNK);
	const uint32_t stop = (uint32_t)((dl->end + SEAL_CHUNK - 1) /
	    SEAL_CHUNK);
	const size_t head = (size_t)(dl->at % SEAL_CHUNK);
	size_t have, want;

	/* Resumed in the middle, they soon begin where rows of the store do. */
	chunks -= first % chunks;
	if (stop - first < chunks)
		chunks = stop - first;
	if (content_block(dl->content, first, chunks, out, e) == -1)
		return -1;
	have = out->len - before - head;
	want = dl->end - dl->at < have ? (size_t)(dl->end - dl->at) : have;
	if (head > 0)
		memmove(out->data + before, out->data + before + head, have);
	out->len = before + want;
	secret_wipe(out->data + out->len, head + have - want);
	dl->at += want;
	return 0;
}

/* Decoded bytes: those before the range are dropped, and those behind it. */
static int
pour(void *arg, const void *p, size_t n, struct err *e)
{
	struct block *b = arg;
	struct desk_download *dl = b->dl;
	const uint64_t left = dl->n - dl->made - (b->out->len - b->before);

	if (n <= dl->skip) {
		dl->skip -= n;
		return 0;
	}
	p = (const uint8_t *)p + dl->skip;
	n -= (size_t)dl->skip;
	dl->skip = 0;
	if (n > left)
		n = (size_t)left;
	return buf_add(b->out, p, n) == -1 ? no_memory(e) : 0;
}

static int
block_decode(struct block *b, struct err *e)
{
	struct desk_download *dl = b->dl;
	/* Three octets of four; others may give as many, and what was kept back. */
	const uint32_t chunks = dl->encoding == MAIL_ENC_BASE64 ? CHUNKS :
								  CHUNKS - 1;

	if (dl->decoder == NULL &&
	    (dl->decoder = mail_decoder_new(dl->encoding)) == NULL)
		return no_memory(e);
	if (buf_reserve(b->out, LIMIT_STREAM_BLOCK) == -1)
		return no_memory(e);
	buf_clear(&b->raw);
	if (block_read(dl, chunks, &b->raw, e) == -1 ||
	    mail_decoder_add(
		dl->decoder, b->raw.data, b->raw.len, pour, b, e) == -1)
		return -1;
	return dl->at < dl->end ? 0 : mail_decoder_end(dl->decoder, pour, b, e);
}

/* One look at the database. */
static int
block_make(struct desk *d, void *arg, struct err *e)
{
	struct block *b = arg;

	b->dl->d = d;
	if (b->dl->encoding != MAIL_ENC_IDENTITY)
		return block_decode(b, e);
	return block_read(b->dl, CHUNKS, b->out, e);
}

/* Once more where the connection has died; what failed to be read left nothing. */
static int
block_look(struct desk *d, struct block *b, struct err *e)
{
	struct desk_download *dl = b->dl;
	const uint64_t at = dl->at;

	if (desk_look(d, &dl->tenant, block_make, b, e) == 0)
		return 0;
	if (e->code != ERR_UNAVAILABLE || dl->at != at)
		return -1;
	return desk_look(d, &dl->tenant, block_make, b, e);
}

/* The digest of the whole, before its last bytes leave. */
static int
block_check(struct block *b, struct err *e)
{
	struct desk_download *dl = b->dl;
	uint8_t digest[32];

	/* Of a file beside it no digest is known: every chunk is sealed in its place. */
	if (dl->n < dl->file.size || !id_is_zero(&dl->beside))
		return 0;
	if (dl->hash == NULL && (dl->hash = seal_hash_new(SEAL_SHA256)) == NULL)
		return no_memory(e);
	seal_hash_add(
	    dl->hash, b->out->data + b->before, b->out->len - b->before);
	if (dl->made + (b->out->len - b->before) < dl->n)
		return 0;
	seal_hash_end(dl->hash, digest);
	dl->hash = NULL;
	if (memcmp(digest, dl->sha256, sizeof(digest)) != 0)
		return err_set(e, ERR_CORRUPT, "download: digest differs");
	return 0;
}

int
desk_download_next(
    struct desk *d, struct desk_download *dl, struct buf *out, struct err *e)
{
	struct block b = {.dl = dl, .out = out, .before = out->len};
	int r = 0;

	if (dl->made == dl->n || dl->broken)
		return err_set(e, ERR_INTERNAL, "download: nothing is left");
	while (r == 0 && out->len == b.before) {
		if (dl->at == dl->end)
			r = err_set(
			    e, ERR_CORRUPT, "download: shorter than it was");
		else
			r = block_look(d, &b, e);
	}
	if (r == 0)
		r = block_check(&b, e);
	buf_free(&b.raw);
	if (r == 0) {
		dl->made += out->len - b.before;
		return 0;
	}
	dl->broken = true;
	secret_wipe(out->data + b.before, out->len - b.before);
	out->len = b.before;
	return -1;
}

/* ---- its end --------------------------------------------------------------- */

static int
downloaded_write(struct desk *d, void *arg, struct err *e)
{
	const struct desk_download *dl = arg;
	struct event ev = {.message = dl->file.message,
	    .slot = dl->slot,
	    .kind = EVENT_DOWNLOADED};

	if (dl->file.part == DESK_WHOLE)
		text_cut(ev.detail, sizeof(ev.detail), "raw message");
	else
		snprintf(ev.detail, sizeof(ev.detail), "part %u",
		    (unsigned)dl->file.part);
	return event_add(d->db, &dl->tenant, &ev, e);
}

/* Does its reader have all of it now? */
static bool
download_whole(struct desk *d, const struct desk_download *dl, bool complete)
{
	struct delivered *t = shared_delivered(d);

	if (!dl->told || dl->broken)
		return false;
	if (complete && dl->made == dl->n)
		return delivered_took(t, &dl->file, dl->first, dl->n);
	if (dl->made > 0)
		delivered_broke(t, &dl->file, dl->first, dl->made);
	return false;
}

int
desk_download_end(
    struct desk *d, struct desk_download *dl, bool complete, struct err *e)
{
	int r = 0;

	if (download_whole(d, dl, complete)) {
		r = desk_within(d, &dl->tenant, downloaded_write, dl, e);
		/* The bytes are gone: once more, over a new connection. */
		if (r == -1 && e->code == ERR_UNAVAILABLE)
			r = desk_within(
			    d, &dl->tenant, downloaded_write, dl, e);
	}
	download_free(dl);
	return r;
}
