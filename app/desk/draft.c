/*
 * draft.c: a message on its way in, sealed as it streams. The first sealed chunk stays
 * in memory, the rest goes to an unlinked file; both are in the form the store keeps.
 */
#include "desk/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "desk/internal.h"

struct place {
	uint64_t offset; /* in the spool file; chunk 0 is in memory */
	uint32_t len;
};

struct desk_draft {
	struct id tenant;
	struct id id;
	struct secret *dek;
	struct seal_writer *writer;
	const char *dir;
	int fd;           /* -1 until a second chunk comes */
	uint64_t end;     /* of the file */
	struct buf first; /* sealed chunk 0 */
	struct place *place;
	size_t n_place, cap_place;
	struct seal_hash *head, *body;
	uint8_t head_digest[32], body_digest[32];
	unsigned
	    blank; /* how much of CR LF CR LF was just seen; 4: in the body */
	uint64_t trace;
	bool ended;
};

static int
spool_open(struct desk_draft *f, struct err *e)
{
	if (f->fd != -1)
		return 0;
	f->fd = open(f->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (f->fd == -1)
		return err_set(
		    e, ERR_UNAVAILABLE, "spool: %s", strerror(errno));
	return 0;
}

static int
spool_write(struct desk_draft *f, const uint8_t *p, size_t n, struct err *e)
{
	ssize_t w;

	while (n > 0) {
		w = pwrite(f->fd, p, n, (off_t)f->end);
		if (w == -1 && errno == EINTR)
			continue;
		if (w <= 0)
			return err_set(
			    e, ERR_UNAVAILABLE, "spool: %s", strerror(errno));
		p += w;
		n -= (size_t)w;
		f->end += (uint64_t)w;
	}
	return 0;
}

static int
place_add(struct desk_draft *f, size_t n, struct err *e)
{
	struct place *p;
	size_t cap;

	if (f->n_place == f->cap_place) {
		cap = f->cap_place == 0 ? 4 : f->cap_place * 2;
		if ((p = realloc(f->place, cap * sizeof(*p))) == NULL)
			return err_set(e, ERR_UNAVAILABLE, "draft: memory");
		f->place = p;
		f->cap_place = cap;
	}
	f->place[f->n_place].offset = f->end;
	f->place[f->n_place].len = (uint32_t)n;
	f->n_place++;
	return 0;
}

static int
draft_sink(void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e)
{
	struct desk_draft *f = arg;

	if (place_add(f, n, e) == -1)
		return -1;
	if (seq == 0) {
		if (buf_add(&f->first, sealed, n) == -1)
			return err_set(e, ERR_UNAVAILABLE, "draft: memory");
		return 0;
	}
	if (spool_open(f, e) == -1)
		return -1;
	return spool_write(f, sealed, n, e);
}

struct desk_draft *
desk_draft_new(const char *spool_dir, const struct id *tenant, struct err *e)
{
	struct desk_draft *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "draft: memory");
		return NULL;
	}
	f->fd = -1;
	f->dir = spool_dir;
	f->tenant = *tenant;
	f->id = id_new();
	f->dek = secret_new(SECRET_KEY_LEN);
	f->head = seal_hash_new(SEAL_BLAKE2B);
	f->body = seal_hash_new(SEAL_SHA256);
	if (f->dek != NULL) {
		secret_random(secret_data(f->dek), SECRET_KEY_LEN);
		f->writer = seal_writer_new(
		    secret_data(f->dek), tenant, &f->id, 0, draft_sink, f);
	}
	if (f->writer == NULL || f->head == NULL || f->body == NULL) {
		desk_draft_free(f);
		err_set(e, ERR_UNAVAILABLE, "draft: memory");
		return NULL;
	}
	return f;
}

void
desk_draft_free(struct desk_draft *f)
{
	if (f == NULL)
		return;
	if (f->fd != -1)
		close(f->fd);
	seal_writer_free(f->writer);
	secret_free(f->dek);
	if (f->head != NULL)
		seal_hash_end(f->head, NULL);
	if (f->body != NULL)
		seal_hash_end(f->body, NULL);
	buf_free(&f->first);
	free(f->place);
	secret_wipe(f, sizeof(*f));
	free(f);
}

int
desk_draft_trace(struct desk_draft *f, const void *p, size_t n, struct err *e)
{
	f->trace += n;
	return seal_writer_add(f->writer, p, n, e);
}

/* The part of p that lies behind the header's blank line. */
static size_t
body_start(struct desk_draft *f, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && f->blank < 4; i++) {
		if (p[i] == (f->blank % 2 == 0 ? '\r' : '\n'))
			f->blank++;
		else
			f->blank = p[i] == '\r';
	}
	return i;
}

int
desk_draft_add(struct desk_draft *f, const void *p, size_t n, struct err *e)
{
	const uint8_t *bytes = p;
	size_t at;

	if (seal_writer_size(f->writer) - f->trace + n > LIMIT_MESSAGE)
		return err_set(
		    e, ERR_TOO_BIG, "message over %zu bytes", LIMIT_MESSAGE);
	at = f->blank < 4 ? body_start(f, bytes, n) : 0;
	if (at > 0)
		seal_hash_add(f->head, p, at);
	if (at < n)
		seal_hash_add(f->body, bytes + at, n - at);
	return seal_writer_add(f->writer, p, n, e);
}

int
draft_end(struct desk_draft *f, struct err *e)
{
	if (f->ended)
		return err_set(e, ERR_INTERNAL, "draft ended twice");
	f->ended = true;
	return seal_writer_end(f->writer, e);
}

const uint8_t *
draft_clear(const struct desk_draft *f, size_t *n)
{
	return seal_writer_clear(f->writer, n);
}

const struct id *
draft_id(const struct desk_draft *f)
{
	return &f->id;
}

const char *
draft_dir(const struct desk_draft *f)
{
	return f->dir;
}

const uint8_t *
draft_dek(const struct desk_draft *f)
{
	return secret_peek(f->dek);
}

uint64_t
draft_size(const struct desk_draft *f)
{
	return seal_writer_size(f->writer);
}

uint32_t
draft_chunks(const struct desk_draft *f)
{
	return seal_writer_chunks(f->writer);
}

const uint8_t *
draft_header(const struct desk_draft *f)
{
	return seal_writer_header(f->writer);
}

uint64_t
draft_trace_size(const struct desk_draft *f)
{
	return f->trace;
}

void
draft_digests(struct desk_draft *f, uint8_t head[32], uint8_t body[32])
{
	if (f->head != NULL) {
		seal_hash_end(f->head, f->head_digest);
		seal_hash_end(f->body, f->body_digest);
		f->head = f->body = NULL;
	}
	memcpy(body, f->body_digest, 32);
	memcpy(head, f->head_digest, 32);
}

int
draft_chunk(struct desk_draft *f, uint32_t seq, struct buf *out, struct err *e)
{
	const struct place *p;
	ssize_t r;

	if (seq >= f->n_place)
		return err_set(e, ERR_INTERNAL, "draft has no chunk %u", seq);
	p = &f->place[seq];
	buf_clear(out);
	if (seq == 0) {
		if (buf_add(out, f->first.data, f->first.len) == -1)
			return err_set(e, ERR_UNAVAILABLE, "draft: memory");
		return 0;
	}
	if (buf_reserve(out, p->len) == -1)
		return err_set(e, ERR_UNAVAILABLE, "draft: memory");
	r = pread(f->fd, out->data, p->len, (off_t)p->offset);
	if (r != (ssize_t)p->len)
		return err_set(e, ERR_UNAVAILABLE, "spool: short read");
	out->len = p->len;
	return 0;
}

static int
fetch_draft(void *arg, uint32_t first, uint32_t n, seal_sink take,
    void *take_arg, struct err *e)
{
	struct buf sealed = BUF_INIT;
	uint32_t i;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		r = draft_chunk(arg, first + i, &sealed, e);
		if (r == 0)
			r = take(
			    take_arg, first + i, sealed.data, sealed.len, e);
	}
	buf_free(&sealed);
	return r;
}

int
draft_open(struct desk_draft *f, struct content **out, struct err *e)
{
	const struct content_place at = {.key = secret_peek(f->dek),
	    .tenant = &f->tenant,
	    .id = &f->id,
	    .header = draft_header(f),
	    .size = draft_size(f),
	    .chunks = draft_chunks(f)};

	return content_open(&at, fetch_draft, f, out, e);
}
