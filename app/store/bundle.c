/*
 * bundle.c: rows of messages, gathered and written together: one statement a table and
 * tenant. Large chunks go by themselves: to copy them into an array gains nothing.
 */
#include "store/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "store/rows.h"

#define CHUNK_SMALL ((size_t)16 * 1024)

/* One more of a vector that doubles; its memory is wiped when it moves. */
static void *
grow(void *vector, size_t *n, size_t size)
{
	uint8_t **p = vector, *more;
	size_t cap;

	/* Full at every power of two. */
	if ((*n & (*n - 1)) == 0) {
		cap = *n == 0 ? 1 : *n * 2;
		if ((more = calloc(cap, size)) == NULL)
			return NULL;
		if (*n > 0) {
			memcpy(more, *p, *n * size);
			secret_wipe(*p, *n * size);
		}
		free(*p);
		*p = more;
	}
	return *p + (*n)++ * size;
}

struct reader_row *
bundle_reader(struct bundle *b)
{
	return grow(&b->reader, &b->n_reader, sizeof(*b->reader));
}

struct notice *
bundle_notice(struct bundle *b)
{
	return grow(&b->notice, &b->n_notice, sizeof(*b->notice));
}

struct outbox *
bundle_mail(struct bundle *b)
{
	return grow(&b->mail, &b->n_mail, sizeof(*b->mail));
}

struct event *
bundle_event(struct bundle *b)
{
	return grow(&b->event, &b->n_event, sizeof(*b->event));
}

struct dsn *
bundle_dsn(struct bundle *b)
{
	return grow(&b->dsn, &b->n_dsn, sizeof(*b->dsn));
}

void
bundle_clear(struct bundle *b)
{
	size_t i;

	if (b->forward_free != NULL)
		b->forward_free(b->forward_arg);
	if (b->forward != NULL)
		forward_clear(b->forward);
	free(b->forward);
	free(b->dsn);
	report_mail_clear(&b->told[0]);
	report_mail_clear(&b->told[1]);

	for (i = 0; i < b->n_notice; i++)
		notice_clear(&b->notice[i]);
	for (i = 0; i < b->n_mail; i++)
		outbox_clear(&b->mail[i]);
	free(b->reader);
	free(b->notice);
	free(b->mail);
	free(b->event);
	message_clear(&b->message);
	*b = (struct bundle){0};
}

/* ---- writing ---- */

static int
in_order(const void *a, const void *b)
{
	const struct bundle *const *x = a, *const *y = b;
	int r = memcmp((*x)->tenant.b, (*y)->tenant.b, ID_LEN);

	return r != 0 ? r : memcmp((*x)->tags[0], (*y)->tags[0], 32);
}

static bool
has_tag(const struct bundle *b, const uint8_t tag[32])
{
	for (size_t i = 0; i < BUNDLE_TAGS; i++)
		if (memcmp(b->tags[i], tag, 32) == 0)
			return true;
	return false;
}

bool
bundle_same(const struct bundle *a, const struct bundle *b)
{
	return a->has_tags && b->has_tags && id_equal(&a->tenant, &b->tenant) &&
	    (has_tag(a, b->tags[0]) || has_tag(b, a->tags[0]));
}

/* One statement does not see its own rows: two of it are compared here. */
static int
tags_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	struct sql_rows rows = {0};
	const struct id *id;
	size_t i, j;
	int r = 0;

	for (i = 0; i < n && r == 0; i++) {
		for (j = 0; j < i && r == 0; j++)
			if (bundle_same(b[i], b[j]))
				r = err_set(e, ERR_CONFLICT, "duplicate");
		id = &b[i]->message.id;
		if (b[i]->has_tags)
			duplicate_put(&rows, b[i]->tags[0], BUNDLE_TAGS, id);
		if (b[i]->has_tags && b[i]->turn)
			duplicate_put(&rows, b[i]->tags[1], 1, id);
	}
	if (r == 0)
		r = duplicate_rows_add(db, &b[0]->tenant, &rows, e);
	sql_rows_clear(&rows);
	return r;
}

/* Small ones into rows, a full statement of them queued; large ones at once. */
static int
chunk_write(struct db *db, const struct bundle *b, uint32_t seq,
    const struct buf *chunk, struct sql_rows *rows, struct err *e)
{
	const struct id *tenant = &b->tenant, *id = &b->message.id;

	if (chunk->len > CHUNK_SMALL)
		return chunk_add(
		    db, tenant, id, 0, seq, chunk->data, chunk->len, e);
	chunk_put(rows, id, 0, seq, chunk->data, chunk->len);
	return rows->n < SQL_ROWS ? 0 : chunk_rows_add(db, tenant, rows, e);
}

static int
chunks_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	struct sql_rows rows = {0};
	struct buf chunk = BUF_INIT;
	uint32_t seq, chunks;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		/* Without a reader nobody could open it: its copy alone goes on. */
		chunks = b[i]->unread ? 0 : b[i]->message.chunks;
		for (seq = 0; seq < chunks && r == 0; seq++) {
			r = b[i]->chunk(b[i]->chunk_arg, seq, &chunk, e);
			if (r == 0)
				r = chunk_write(
				    db, b[i], seq, &chunk, &rows, e);
		}
	}
	if (r == 0)
		r = chunk_rows_add(db, &b[0]->tenant, &rows, e);
	sql_rows_clear(&rows);
	buf_free(&chunk);
	return r;
}

/* The four tables of rows that are vectors. */
struct vectors {
	struct sql_rows readers, notices, mails, events;
};

/* Those that are so many rows at least. */
static int
vectors_queue(struct db *db, const struct id *tenant, struct vectors *v,
    int least, struct err *e)
{
	if ((v->readers.n >= least &&
		reader_rows_add(db, tenant, &v->readers, e) == -1) ||
	    (v->notices.n >= least &&
		notice_rows_add(db, tenant, &v->notices, e) == -1) ||
	    (v->mails.n >= least &&
		outbox_rows_add(db, tenant, &v->mails, e) == -1) ||
	    (v->events.n >= least &&
		event_rows_add(db, tenant, &v->events, e) == -1))
		return -1;
	return 0;
}

/* The i-th of each; no more than a statement takes are kept. */
static int
vectors_put(struct db *db, const struct bundle *b, size_t i, struct vectors *v,
    struct err *e)
{
	if (i < b->n_reader)
		reader_put(&v->readers, &b->reader[i]);
	if (i < b->n_notice && i >= b->written_notice)
		notice_put(&v->notices, &b->notice[i]);
	if (i < b->n_mail && i >= b->written_mail)
		outbox_put(&v->mails, &b->mail[i]);
	if (i < b->n_event)
		event_put(&v->events, &b->event[i]);
	return vectors_queue(db, &b->tenant, v, SQL_ROWS, e);
}

static bool
has_vector(const struct bundle *b, size_t i)
{
	return i < b->n_reader || i < b->n_notice || i < b->n_mail ||
	    i < b->n_event;
}

static int
vectors_write(
    struct db *db, const struct bundle *const *b, size_t n, struct err *e)
{
	struct vectors v = {0};
	size_t i, j;
	int r = 0;

	for (i = 0; i < n && r == 0; i++)
		for (j = 0; has_vector(b[i], j) && r == 0; j++)
			r = vectors_put(db, b[i], j, &v, e);
	if (r == 0)
		r = vectors_queue(db, &b[0]->tenant, &v, 1, e);
	sql_rows_clear(&v.readers);
	sql_rows_clear(&v.notices);
	sql_rows_clear(&v.mails);
	sql_rows_clear(&v.events);
	return r;
}

static int
copy_write(struct db *db, const struct bundle *b, struct err *e)
{
	struct buf chunk = BUF_INIT;
	int r;

	r = forward_add(db, &b->tenant, b->forward, e);
	for (uint32_t seq = 0; seq < b->forward->chunks && r == 0; seq++) {
		r = b->forward_chunk(b->forward_arg, seq, &chunk, e);
		if (r == 0)
			r = forward_chunk_add(db, &b->tenant, &b->forward->id,
			    seq, chunk.data, chunk.len, e);
	}
	buf_free(&chunk);
	return r;
}

/* Few messages have any of that: row by row. */
static int
others_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (b[i]->forward != NULL)
			r = copy_write(db, b[i], e);
		for (size_t j = 0; j < b[i]->n_dsn && r == 0; j++)
			r = dsn_add(db, &b[i]->tenant, &b[i]->dsn[j], e);
		for (size_t j = 0; j < 2 && r == 0; j++)
			if (b[i]->told[j].n > 0)
				r = report_add(db, &b[i]->told[j], e);
	}
	return r;
}

/* All but their tags and chunks. */
static int
rows_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	const struct id *tenant = &b[0]->tenant;
	struct sql_rows messages = {0};
	size_t i;
	int r = -1;

	for (i = 0; i < n; i++)
		message_put(&messages, &b[i]->message);
	if (message_rows_add(db, tenant, &messages, e) == 0 &&
	    vectors_write(db, (const struct bundle *const *)b, n, e) == 0)
		r = others_write(db, b, n, e);
	sql_rows_clear(&messages);
	return r;
}

/* Those of one tenant. Tags first: what is refused for them costs no more than them. */
static int
tenant_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	if (tags_write(db, b, n, e) == -1 || rows_write(db, b, n, e) == -1)
		return -1;
	return chunks_write(db, b, n, e);
}

/* Calls fn for those of each tenant, in the tenant's name; from: where they begin. */
static int
each_tenant(struct db *db, struct bundle **b, size_t n,
    int (*fn)(struct db *db, struct bundle **b, size_t from, size_t n,
	void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct id open = b[0]->tenant;
	size_t i, from;

	qsort(b, n, sizeof(*b), in_order);
	for (from = 0; from < n; from = i) {
		for (i = from + 1; i < n; i++)
			if (!id_equal(&b[i]->tenant, &b[from]->tenant))
				break;
		if (!id_equal(&b[from]->tenant, &open) &&
		    db_tenant(db, &b[from]->tenant, e) == -1)
			return -1;
		open = b[from]->tenant;
		if (fn(db, b, from, i - from, arg, e) == -1)
			return -1;
	}
	return 0;
}

static int
one_tenant(struct db *db, struct bundle **b, size_t from, size_t n, void *arg,
    struct err *e)
{
	(void)arg;
	return tenant_write(db, b + from, n, e);
}

int
bundle_write(struct db *db, struct bundle **b, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		b[i]->written_notice = b[i]->written_mail = 0;
	return each_tenant(db, b, n, one_tenant, NULL, e);
}

int
bundle_write_tags(struct db *db, struct bundle *b, struct err *e)
{
	return tags_write(db, &b, 1, e);
}

int
bundle_write_chunks(struct db *db, struct bundle *b, struct err *e)
{
	return chunks_write(db, &b, 1, e);
}

int
bundle_write_mails(struct db *db, struct bundle *b, struct err *e)
{
	const struct bundle only = {.tenant = b->tenant,
	    .notice = b->notice,
	    .n_notice = b->n_notice,
	    .mail = b->mail,
	    .n_mail = b->n_mail};
	const struct bundle *list[] = {&only};

	b->written_notice = b->n_notice;
	b->written_mail = b->n_mail;
	return vectors_write(db, list, 1, e);
}

int
bundle_write_rest(struct db *db, struct bundle *b, struct err *e)
{
	return rows_write(db, &b, 1, e);
}

static int
known(struct db *db, struct bundle **b, size_t from, size_t n, void *arg,
    struct err *e)
{
	struct id *first = arg;
	struct sql_rows tags = {0};
	size_t i;
	int r;

	for (i = from; i < from + n; i++)
		if (b[i]->has_tags)
			known_put(
			    &tags, (uint32_t)i, b[i]->tags[0], BUNDLE_TAGS);
	r = duplicate_known(db, &b[from]->tenant, &tags, first, from + n, e);
	sql_rows_clear(&tags);
	return r;
}

int
bundle_known(
    struct db *db, struct bundle **b, size_t n, struct id *first, struct err *e)
{
	memset(first, 0, n * sizeof(*first));
	return each_tenant(db, b, n, known, first, e);
}
