/*
 * delivered.c: files a session has begun to download and does not have yet.
 */
#include "desk/delivered.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

struct entry {
	struct delivered_file file;
	uint64_t took; /* bytes from the beginning on that were acknowledged */
	uint64_t sent; /* the same, as far as broken answers came */
	uint64_t used; /* 0: free */
};

struct delivered {
	pthread_mutex_t lock;
	uint64_t turn;
	struct entry entry[DELIVERED_FILES];
};

struct delivered *
delivered_new(void)
{
	struct delivered *t = calloc(1, sizeof(*t));

	if (t != NULL)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
delivered_free(struct delivered *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	secret_wipe(t, sizeof(*t));
	free(t);
}

static bool
is_file(const struct entry *e, const struct delivered_file *f)
{
	return e->used != 0 && e->file.part == f->part &&
	    e->file.size == f->size &&
	    id_equal(&e->file.message, &f->message) &&
	    memcmp(e->file.session, f->session, sizeof(f->session)) == 0;
}

/* The file's entry, or the one to be had for it, emptied. */
static struct entry *
entry_of(struct delivered *t, const struct delivered_file *f)
{
	struct entry *e = &t->entry[0];
	size_t i;

	for (i = 0; i < DELIVERED_FILES; i++) {
		if (is_file(&t->entry[i], f))
			return &t->entry[i];
		if (t->entry[i].used < e->used)
			e = &t->entry[i];
	}
	*e = (struct entry){.file = *f};
	return e;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

bool
delivered_took(struct delivered *t, const struct delivered_file *f,
    uint64_t first, uint64_t n)
{
	const uint64_t end = first + n;
	struct entry *e;
	bool whole;

	pthread_mutex_lock(&t->lock);
	e = entry_of(t, f);
	e->used = ++t->turn;
	if (first <= e->took || (first <= e->sent && end == f->size))
		e->took = larger(e->took, end);
	whole = e->took == f->size;
	if (whole)
		secret_wipe(e, sizeof(*e));
	pthread_mutex_unlock(&t->lock);
	return whole;
}

void
delivered_broke(struct delivered *t, const struct delivered_file *f,
    uint64_t first, uint64_t n)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = entry_of(t, f);
	e->used = ++t->turn;
	if (first <= larger(e->took, e->sent))
		e->sent = larger(e->sent, first + n);
	pthread_mutex_unlock(&t->lock);
}
