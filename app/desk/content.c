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
	struct buf sealed;
	bool loaded;
};

static int
content_load(struct content *c, uint32_t seq, struct err *e)
{
	if (c->loaded && c->at == seq)
		return 0;
	c->loaded = false;
	buf_clear(&c->clear);
	if (c->fetch(c->arg, seq, &c->sealed, e) == -1 ||
	    seal_opener_chunk(c->opener, seq, seq + 1 == c->chunks,
		c->sealed.data, c->sealed.len, &c->clear, e) == -1)
		return -1;
	if (seq + 1 < c->chunks && c->clear.len != SEAL_CHUNK)
		return err_set(e, ERR_CORRUPT, "content: short chunk %u", seq);
	c->at = seq;
	c->loaded = true;
	return 0;
}

int
content_open(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, const uint8_t header[SEAL_CONTENT_HEADER],
    uint64_t size, uint32_t chunks, content_fetch fetch, void *arg,
    struct content **out, struct err *e)
{
	struct content *c;

	if (chunks == 0)
		return err_set(e, ERR_CORRUPT, "content without chunks");
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "content: memory");
	c->fetch = fetch;
	c->arg = arg;
	c->size = size;
	c->chunks = chunks;
	if (seal_opener_new(dek, tenant, message, 0, header, &c->opener, e) ==
		-1 ||
	    content_load(c, chunks - 1, e) == -1)
		goto bad;
	if ((uint64_t)(chunks - 1) * SEAL_CHUNK + c->clear.len != size) {
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
}

void
content_close(struct content *c)
{
	if (c == NULL)
		return;
	seal_opener_free(c->opener);
	buf_free(&c->clear);
	buf_free(&c->sealed);
	free(c);
}
