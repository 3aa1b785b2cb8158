/*
 * draft.c: a message on its way in, sealed as it streams. The first sealed chunks stay
 * in memory, the rest goes to an unlinked file; both are in the form the store keeps. What
 * is in clear is digested when it is about to be sealed, on whichever thread that is.
 */
#include "desk/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "desk/internal.h"

/* With a clear chunk it is less than LIMIT_DRAFT_MEMORY. */
#define KEPT_MOST (SEAL_CHUNK_MAX + (size_t)32 * 1024)
/* And so much of what is to spare: one large message is not to take it all. */
#define SPARE_MOST ((size_t)1024 * 1024)

/* Where a sealed chunk is: in memory, or in the file. */
struct place {
	uint8_t *kept;
	uint64_t offset;
	uint32_t len;
};

struct desk_draft {
	struct id tenant;
	struct id id;
	struct secret *dek;
	struct seal_writer *writer;
	const char *dir;
	struct budget *budget; /* NULL: no more than KEPT_MOST */
	size_t kept, taken;    /* bytes in memory, and those of the budget */
	int fd;                /* -1 until one comes that has no room there */
	uint64_t end;          /* of the file */
	struct place *place;
	size_t n_place, cap_place;
	uint64_t trace;
	struct seal_hash *all, *head, *body;
	uint8_t all_digest[32], head_digest[32], body_digest[32];
	uint64_t traced, head_size; /* of what was digested */
	/* how much of CR LF CR LF was just seen; 4: in the body */
	unsigned blank;
	bool digested; /* what the writer has in clear is */
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

static struct place *
place_add(struct desk_draft *f, size_t n, struct err *e)
{
	struct place *p;
	size_t cap;

	if (f->n_place == f->cap_place) {
		cap = f->cap_place == 0 ? 4 : f->cap_place * 2;
		if ((p = realloc(f->place, cap * sizeof(*p))) == NULL) {
			err_set(e, ERR_UNAVAILABLE, "draft: memory");
			return NULL;
		}
		f->place = p;
		f->cap_place = cap;
	}
	p = &f->place[f->n_place++];
	*p = (struct place){.offset = f->end, .len = (uint32_t)n};
	return p;
}

/* Memory for a chunk, where there is some to spare. */
static uint8_t *
keep(struct desk_draft *f, size_t n)
{
	uint8_t *p;

	if (f->kept + n - f->taken > KEPT_MOST) {
		if (f->budget == NULL || f->taken + n > SPARE_MOST ||
		    !budget_spare(f->budget, n))
			return NULL;
		f->taken += n;
	}
	if ((p = malloc(n)) != NULL)
		f->kept += n;
	return p;
}

static int
draft_sink(void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e)
{
	struct desk_draft *f = arg;
	struct place *p = place_add(f, n, e);

	(void)seq;
	if (p == NULL)
		return -1;
	if ((p->kept = keep(f, n)) != NULL) {
		memcpy(p->kept, sealed, n);
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
	f->all = seal_hash_new(SEAL_SHA256);
	f->head = seal_hash_new(SEAL_BLAKE2B);
	f->body = seal_hash_new(SEAL_SHA256);
	if (f->dek != NULL) {
		secret_random(secret_data(f->dek), SECRET_KEY_LEN);
		f->writer = seal_writer_new(
		    secret_data(f->dek), tenant, &f->id, 0, draft_sink, f);
	}
	if (f->writer == NULL || f->all == NULL || f->head == NULL ||
	    f->body == NULL) {
		desk_draft_free(f);
		err_set(e, ERR_UNAVAILABLE, "draft: memory");
		return NULL;
	}
	return f;
}

void
desk_draft_budget(struct desk_draft *f, struct budget *b)
{
	f->budget = b;
}

void
desk_draft_free(struct desk_draft *f)
{
	size_t i;

	if (f == NULL)
		return;
	if (f->fd != -1)
		close(f->fd);
	seal_writer_free(f->writer);
	secret_free(f->dek);
	seal_hash_end(f->all, NULL);
	seal_hash_end(f->head, NULL);
	seal_hash_end(f->body, NULL);
	for (i = 0; i < f->n_place; i++)
		free(f->place[i].kept);
	free(f->place);
	if (f->budget != NULL)
		budget_give(f->budget, f->taken);
	secret_wipe(f, sizeof(*f));
	free(f);
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

/* What is here in clear, once. */
static void
digest(struct desk_draft *f)
{
	size_t n, at;
	const uint8_t *p = seal_writer_clear(f->writer, &n);

	if (f->digested || p == NULL)
		return;
	f->digested = true;
	seal_hash_add(f->all, p, n);
	at = f->trace - f->traced < n ? (size_t)(f->trace - f->traced) : n;
	f->traced += at;
	p += at;
	n -= at;
	at = f->blank < 4 ? body_start(f, p, n) : 0;
	f->head_size += at;
	seal_hash_add(f->head, p, at);
	seal_hash_add(f->body, p + at, n - at);
}

int
desk_draft_seal(struct desk_draft *f, struct err *e)
{
	digest(f);
	f->digested = false;
	return seal_writer_seal(f->writer, e);
}

size_t
desk_draft_room(const struct desk_draft *f)
{
	return seal_writer_room(f->writer);
}

static int
put(struct desk_draft *f, const uint8_t *p, size_t n, struct err *e)
{
	size_t room;

	while (n > 0) {
		if (seal_writer_room(f->writer) == 0 &&
		    desk_draft_seal(f, e) == -1)
			return -1;
		room = seal_writer_room(f->writer);
		room = room < n ? room : n;
		if (seal_writer_add(f->writer, p, room, e) == -1)
			return -1;
		p += room;
		n -= room;
	}
	return 0;
}

int
desk_draft_trace(struct desk_draft *f, const void *p, size_t n, struct err *e)
{
	f->trace += n;
	return put(f, p, n, e);
}

int
desk_draft_add(struct desk_draft *f, const void *p, size_t n, struct err *e)
{
	if (seal_writer_size(f->writer) - f->trace + n > LIMIT_MESSAGE)
		return err_set(
		    e, ERR_TOO_BIG, "message over %zu bytes", LIMIT_MESSAGE);
	return put(f, p, n, e);
}

int
draft_end(struct desk_draft *f, struct err *e)
{
	if (f->ended)
		return err_set(e, ERR_INTERNAL, "draft ended twice");
	f->ended = true;
	digest(f);
	return seal_writer_end(f->writer, e);
}

const uint8_t *
draft_clear(const struct desk_draft *f, size_t *n)
{
	return seal_writer_chunks(f->writer) > 0 ?
	    NULL :
	    seal_writer_clear(f->writer, n);
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

/* Nothing more comes. */
static void
digests_end(struct desk_draft *f)
{
	digest(f);
	if (f->all == NULL)
		return;
	seal_hash_end(f->all, f->all_digest);
	seal_hash_end(f->head, f->head_digest);
	seal_hash_end(f->body, f->body_digest);
	f->all = f->head = f->body = NULL;
}

void
draft_digests(struct desk_draft *f, uint8_t head[32], uint8_t body[32])
{
	digests_end(f);
	memcpy(body, f->body_digest, 32);
	memcpy(head, f->head_digest, 32);
}

void
draft_known(struct desk_draft *f, struct mail_known *out)
{
	digests_end(f);
	memcpy(out->sha256, f->all_digest, 32);
	memcpy(out->body_sha256, f->body_digest, 32);
	out->body = f->trace + f->head_size;
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
	if (buf_reserve(out, p->len) == -1)
		return err_set(e, ERR_UNAVAILABLE, "draft: memory");
	out->len = p->len;
	if (p->kept != NULL) {
		memcpy(out->data, p->kept, p->len);
		return 0;
	}
	r = pread(f->fd, out->data, p->len, (off_t)p->offset);
	if (r != (ssize_t)p->len)
		return err_set(e, ERR_UNAVAILABLE, "spool: short read");
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
