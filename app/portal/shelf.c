/*
 * shelf.c: a table of buckets by a keyed hash, as strangers choose some of the names; a
 * full bucket forgets what ends first.
 */
#include "portal/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define BUCKETS 128
#define WAYS    4

struct entry {
	char *key; /* NULL: free */
	int64_t until;
	struct buf head;
	struct buf body;
	struct ready ready;
};

struct shelf {
	uint8_t seed[SECRET_KEY_LEN];
	struct entry entry[BUCKETS][WAYS];
};

struct shelf *
shelf_new(void)
{
	struct shelf *s = calloc(1, sizeof(*s));

	if (s != NULL)
		secret_random(s->seed, sizeof(s->seed));
	return s;
}

static void
clear(struct entry *e)
{
	free(e->key);
	buf_free(&e->head);
	buf_free(&e->body);
	memset(e, 0, sizeof(*e));
}

void
shelf_free(struct shelf *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (size_t k = 0; k < WAYS; k++)
			clear(&s->entry[i][k]);
	free(s);
}

static struct entry *
bucket_of(struct shelf *s, const char *key)
{
	return s->entry[secret_hash(s->seed, key, strlen(key)) % BUCKETS];
}

const struct ready *
shelf_find(struct shelf *s, const char *key, int64_t now)
{
	const struct entry *b = bucket_of(s, key);

	for (size_t i = 0; i < WAYS; i++)
		if (b[i].key != NULL && strcmp(b[i].key, key) == 0)
			return b[i].until > now ? &b[i].ready : NULL;
	return NULL;
}

/* The one of this name, else a free one, else the one that ends first. */
static struct entry *
place(struct shelf *s, const char *key)
{
	struct entry *b = bucket_of(s, key), *best = &b[0];

	for (size_t i = 0; i < WAYS; i++) {
		if (b[i].key != NULL && strcmp(b[i].key, key) == 0)
			return &b[i];
		if (best->key != NULL &&
		    (b[i].key == NULL || b[i].until < best->until))
			best = &b[i];
	}
	return best;
}

static int
write_head(const struct response *r, struct buf *out)
{
	for (size_t i = 0; i < r->n_header; i++) {
		if (buf_addf(out, "%s: %s\r\n", r->header[i].name,
			r->header[i].value) == -1)
			return -1;
	}
	return 0;
}

const struct ready *
shelf_put(struct shelf *s, const char *key, int64_t until, struct response *r)
{
	struct entry new = {.until = until}, *e;

	if (r->body.len > READY_BODY_MAX)
		return NULL;
	new.key = strdup(key);
	if (new.key == NULL || write_head(r, &new.head) == -1) {
		clear(&new);
		return NULL;
	}
	new.body = r->body;
	r->body = (struct buf)BUF_INIT;
	response_free(r);
	new.ready = (struct ready){(const char *)new.head.data, new.head.len,
	    new.body.data, new.body.len};
	e = place(s, key);
	clear(e);
	*e = new;
	return &e->ready;
}
