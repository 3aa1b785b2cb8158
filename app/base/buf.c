/*
 * buf.c: bytes that grow, and the reader of our own formats.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define BUF_FIRST 64

/* A fresh block and a copy: realloc() would leave the old bytes behind. */
static int
buf_grow(struct buf *b, size_t cap)
{
	uint8_t *p = malloc(cap);

	if (p == NULL)
		return -1;
	if (b->len > 0)
		memcpy(p, b->data, b->len);
	if (b->data != NULL)
		secret_wipe(b->data, b->cap);
	free(b->data);
	b->data = p;
	b->cap = cap;
	return 0;
}

int
buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (more > SIZE_MAX / 2 || b->len > SIZE_MAX / 2)
		return -1;
	need = b->len + more;
	if (need <= b->cap)
		return 0;
	if (need > PTRDIFF_MAX)
		return -1;
	cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
	while (cap < need)
		cap = cap > PTRDIFF_MAX / 2 ? need : cap * 2;
	return buf_grow(b, cap);
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return 0;
	if (buf_reserve(b, n) == -1)
		return -1;
	memcpy(b->data + b->len, p, n);
	b->len += n;
	return 0;
}

int
buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(b, (size_t)n + 1) == -1)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	b->len += (size_t)n;
	return 0;
}

/* The lowest n bytes of v. */
static void
put_be(uint8_t *out, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void
be32_put(uint8_t out[4], uint32_t v)
{
	put_be(out, v, 4);
}

void
be64_put(uint8_t out[8], uint64_t v)
{
	put_be(out, v, 8);
}

static int
buf_add_be(struct buf *b, uint64_t v, size_t n)
{
	uint8_t be[8];

	put_be(be, v, n);
	return buf_add(b, be, n);
}

int
buf_add_u8(struct buf *b, uint8_t v)
{
	return buf_add_be(b, v, 1);
}

int
buf_add_u32(struct buf *b, uint32_t v)
{
	return buf_add_be(b, v, 4);
}

int
buf_add_u64(struct buf *b, uint64_t v)
{
	return buf_add_be(b, v, 8);
}

const char *
buf_cstr(struct buf *b)
{
	if (buf_reserve(b, 1) == -1)
		return "";
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n == 0 || b->len == 0)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->data, b->data + n, b->len - n);
	secret_wipe(b->data + b->len - n, n);
	b->len -= n;
}

void
buf_clear(struct buf *b)
{
	if (b->data != NULL)
		secret_wipe(b->data, b->cap);
	b->len = 0;
}

void
buf_free(struct buf *b)
{
	buf_clear(b);
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

void
reader_init(struct reader *r, const void *p, size_t n)
{
	r->p = p;
	r->left = n;
	r->bad = 0;
}

const uint8_t *
reader_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > r->left) {
		r->bad = 1;
		r->left = 0;
		return NULL;
	}
	/* An empty buffer's NULL must not look like the end. */
	if (n == 0)
		return p != NULL ? p : (const uint8_t *)"";
	r->p += n;
	r->left -= n;
	return p;
}

static uint64_t
reader_be(struct reader *r, size_t n)
{
	const uint8_t *p = reader_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)reader_be(r, 1);
}

uint16_t
reader_u16(struct reader *r)
{
	return (uint16_t)reader_be(r, 2);
}

uint32_t
reader_u32(struct reader *r)
{
	return (uint32_t)reader_be(r, 4);
}

uint64_t
reader_u64(struct reader *r)
{
	return reader_be(r, 8);
}
