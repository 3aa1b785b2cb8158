/*
 * content.c: the clear bytes of sealed content with random access, a chunk at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

struct content {
	struct seal_opener *opener;
	content_fetch fetch;
	void *arg;
	uint64_t size;
	uint32_t chunks;
	uint32_t at; /* index of the chunk in clear */
	struct buf clear;
	bool loaded;
};

struct taking {
	struct content *c;
	uint32_t next; /* the chunk that must come */
	uint32_t end;
	struct buf *out;
};

static int
content_take(
    void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e)
{
	struct taking *t = arg;

	if (seq != t->next || seq >= t->end)
		return err_set(e, ERR_CORRUPT, "chunk %u is missing", t->next);
	t->next++;
	return seal_opener_chunk(
	    t->c->opener, seq, seq + 1 == t->c->chunks, sealed, n, t->out, e);
}

int
content_block(struct content *c, uint32_t first, uint32_t n, struct buf *out,
    struct err *e)
{
	struct taking t = {.c = c, .next = first, .end = first + n, .out = out};
	const size_t before = out->len;

	if (buf_reserve(out, (size_t)n * SEAL_CHUNK) == -1)
		return err_set(e, ERR_UNAVAILABLE, "content: memory");
	if (c->fetch(c->arg, first, n, content_take, &t, e) == 0) {
		if (t.next == t.end)
			return 0;
		err_set(e, ERR_CORRUPT, "chunk %u is missing", t.next);
	}
	secret_wipe(out->data + before, out->len - before);
	out->len = before;
	return -1;
}

static int
content_load(struct content *c, uint32_t seq, struct err *e)
{
	if (c->loaded && c->at == seq)
		return 0;
	c->loaded = false;
	buf_clear(&c->clear);
	if (content_block(c, seq, 1, &c->clear, e) == -1)
		return -1;
	c->at = seq;
	c->loaded = true;
	return 0;
}

int
content_open(const struct content_place *p, content_fetch fetch, void *arg,
    struct content **out, struct err *e)
{
	struct content *c;

	if (p->chunks == 0)
		return err_set(e, ERR_CORRUPT, "content without chunks");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "content: memory");
	c->fetch = fetch;
	c->arg = arg;
	c->size = p->size;
	c->chunks = p->chunks;
	if (seal_opener_new(p->key, p->tenant, p->id, p->part, p->header,
		&c->opener, e) == -1 ||
	    content_load(c, p->chunks - 1, e) == -1)
		goto bad;
	if ((uint64_t)(p->chunks - 1) * SEAL_CHUNK + c->clear.len != p->size) {
		err_set(e, ERR_CORRUPT, "content: size differs");
		goto bad;
	}
	*out = c;
	return 0;
bad:
	content_close(c);
	return -1;
}

static int
content_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	struct content *c = arg;
	size_t in, take;

	*got = 0;
	while (n > 0 && offset < c->size) {
		if (content_load(c, (uint32_t)(offset / SEAL_CHUNK), e) == -1)
			return -1;
		in = (size_t)(offset % SEAL_CHUNK);
		if (in >= c->clear.len)
			break;
		take = c->clear.len - in < n ? c->clear.len - in : n;
		memcpy((uint8_t *)dst + *got, c->clear.data + in, take);
		*got += take;
		offset += take;
		n -= take;
	}
	return 0;
}

void
content_source(struct content *c, struct mail_source *out)
{
	out->read = content_read;
	out->arg = c;
	out->size = c->size;
	out->known = NULL;
}

void
content_close(struct content *c)
{
	if (c == NULL)
		return;
	seal_opener_free(c->opener);
	buf_free(&c->clear);
	free(c);
}
