/* test_seal_content.c: RSC1 at its edges, and what a hostile store could do to it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "seal/content.h"

#define CHUNKS 8

static uint8_t dek[32];
static struct id tenant, message;

struct sealed {
	struct buf chunk[CHUNKS];
	uint32_t n;
	uint8_t header[SEAL_CONTENT_HEADER];
	int fail_at; /* the sink fails at this chunk, counted from 1 */
};

static int
fresh(void **state)
{
	(void)state;
	secret_random(dek, sizeof(dek));
	tenant = id_new();
	message = id_new();
	return 0;
}

static int
keep(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	struct sealed *s = arg;

	if (s->fail_at == (int)seq + 1)
		return err_set(e, ERR_UNAVAILABLE, "disk full");
	assert_int_equal(seq, s->n);
	assert_true(seq < CHUNKS);
	assert_in_range(n, 17, SEAL_CHUNK_MAX);
	assert_int_equal(buf_add(&s->chunk[seq], p, n), 0);
	s->n++;
	return 0;
}

static void
seal_in_steps(
    const uint8_t *p, size_t n, size_t step, uint32_t part, struct sealed *s)
{
	struct seal_writer *w;
	struct err e = {0};

	memset(s, 0, sizeof(*s));
	w = seal_writer_new(dek, &tenant, &message, part, keep, s);
	assert_non_null(w);
	for (size_t i = 0; i < n; i += step)
		assert_int_equal(
		    seal_writer_add(w, p + i, n - i < step ? n - i : step, &e),
		    0);
	assert_int_equal(seal_writer_end(w, &e), 0);
	assert_int_equal(seal_writer_size(w), n);
	assert_int_equal(seal_writer_chunks(w), s->n);
	memcpy(s->header, seal_writer_header(w), SEAL_CONTENT_HEADER);
	/* What has ended takes nothing more. */
	assert_int_equal(seal_writer_add(w, "x", 1, &e), -1);
	assert_int_equal(seal_writer_end(w, &e), -1);
	seal_writer_free(w);
}

static void
drop(struct sealed *s)
{
	for (size_t i = 0; i < CHUNKS; i++)
		buf_free(&s->chunk[i]);
}

static struct seal_opener *
opener(const struct sealed *s, uint32_t part)
{
	struct seal_opener *o;
	struct err e = {0};

	assert_int_equal(
	    seal_opener_new(dek, &tenant, &message, part, s->header, &o, &e),
	    0);
	return o;
}

/* The code; on failure nothing may have been appended. */
static enum err_code
open_chunk(struct seal_opener *o, uint32_t seq, int final, const void *p,
    size_t n, struct buf *out)
{
	struct err e = {0};
	struct buf own = BUF_INIT;
	size_t before;

	if (out == NULL)
		out = &own;
	before = out->len;
	if (seal_opener_chunk(o, seq, final, p, n, out, &e) == -1)
		assert_int_equal(out->len, before);
	buf_free(&own);
	return e.code;
}

static void
opens_to(const struct sealed *s, uint32_t part, const uint8_t *p, size_t n)
{
	struct seal_opener *o = opener(s, part);
	struct buf out = BUF_INIT;

	for (uint32_t i = 0; i < s->n; i++)
		assert_int_equal(open_chunk(o, i, i + 1 == s->n,
				     s->chunk[i].data, s->chunk[i].len, &out),
		    ERR_NONE);
	assert_int_equal(out.len, n);
	if (n > 0)
		assert_memory_equal(out.data, p, n);
	buf_free(&out);
	seal_opener_free(o);
}

/* Bytes that do not compress, or that do. */
static uint8_t *
filled(size_t n, bool dense)
{
	uint8_t *p = malloc(n + 1);

	assert_non_null(p);
	if (dense)
		secret_random(p, n);
	else
		for (size_t i = 0; i < n; i++)
			p[i] = (uint8_t)("message "[i % 8] + (i >> 14));
	return p;
}

static void
lengths_at_the_edges(void **state)
{
	static const struct {
		size_t n;
		uint32_t chunks;
	} cases[] = {
	    {0, 1},
	    {1, 1},
	    {15, 1},
	    {16, 1},
	    {17, 1},
	    {65535, 1},
	    {65536, 1},
	    {65537, 2},
	    {131071, 2},
	    {131072, 2},
	    {131073, 3},
	    {300000, 5},
	};
	struct sealed s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int dense = 0; dense < 2; dense++) {
			uint8_t *p = filled(cases[i].n, dense);

			seal_in_steps(p, cases[i].n, 1 << 20, 0, &s);
			assert_int_equal(s.n, cases[i].chunks);
			opens_to(&s, 0, p, cases[i].n);
			drop(&s);
			seal_in_steps(p, cases[i].n, 777, 9, &s);
			assert_int_equal(s.n, cases[i].chunks);
			opens_to(&s, 9, p, cases[i].n);
			drop(&s);
			free(p);
		}
	}
}

static void
layout_of_the_header(void **state)
{
	struct sealed a, b;

	(void)state;
	seal_in_steps(NULL, 0, 1, 0x01020304, &a);
	seal_in_steps(NULL, 0, 1, 0x01020304, &b);
	assert_memory_equal(a.header, "RSC1\x01\x01\x10\x00", 8);
	assert_memory_equal(a.header + 8, message.b, 16);
	assert_memory_equal(a.header + 24, "\1\2\3\4\0\0\0\0", 8);
	assert_memory_equal(a.header, b.header, 32);
	assert_memory_not_equal(a.header + 32, b.header + 32, 32);
	assert_memory_not_equal(a.header + 64, b.header + 64, 32);
	assert_int_equal(a.chunk[0].len, 17);
	drop(&a);
	drop(&b);
}

/* A sixteenth must be saved, or the bytes stand as they are. */
static void
compression_only_where_it_pays(void **state)
{
	uint8_t *p = filled(SEAL_CHUNK, true), *q = filled(SEAL_CHUNK, false);
	struct sealed s;

	(void)state;
	seal_in_steps(p, SEAL_CHUNK, SEAL_CHUNK, 0, &s);
	assert_int_equal(s.chunk[0].len, SEAL_CHUNK_MAX);
	drop(&s);
	seal_in_steps(q, SEAL_CHUNK, SEAL_CHUNK, 0, &s);
	assert_true(s.chunk[0].len < SEAL_CHUNK / 16);
	drop(&s);
	/* Dense but for a tail: each size is either raw or saves enough. */
	for (size_t tail = 0; tail <= 8192; tail += 512) {
		secret_random(p, SEAL_CHUNK);
		memset(p + SEAL_CHUNK - tail, 'x', tail);
		seal_in_steps(p, SEAL_CHUNK, SEAL_CHUNK, 0, &s);
		assert_true(s.chunk[0].len == SEAL_CHUNK_MAX ||
		    s.chunk[0].len <= SEAL_CHUNK_MAX - SEAL_CHUNK / 16);
		if (tail == 0)
			assert_int_equal(s.chunk[0].len, SEAL_CHUNK_MAX);
		if (tail == 8192)
			assert_true(s.chunk[0].len < SEAL_CHUNK_MAX);
		opens_to(&s, 0, p, SEAL_CHUNK);
		drop(&s);
	}
	free(p);
	free(q);
}

static void
every_changed_bit_of_the_header(void **state)
{
	struct sealed s;

	(void)state;
	seal_in_steps((const uint8_t *)"content", 7, 7, 1, &s);
	for (size_t i = 0; i < SEAL_CONTENT_HEADER; i++) {
		for (int bit = 0; bit < 8; bit++) {
			struct seal_opener *o = (struct seal_opener *)&s;
			struct err e = {0};

			s.header[i] ^= (uint8_t)(1 << bit);
			assert_int_equal(seal_opener_new(dek, &tenant, &message,
					     1, s.header, &o, &e),
			    -1);
			/* Salt, commitment and what it covers name the key. */
			if (e.code !=
			    (i >= 32 || (i == 7 && bit == 0) ? ERR_DENIED :
							       ERR_CORRUPT))
				fail_msg("byte %zu: %d", i, (int)e.code);
			assert_null(o);
			s.header[i] ^= (uint8_t)(1 << bit);
		}
	}
	drop(&s);
}

static void
loose_chunk(struct seal_chunker *c, uint32_t seq, int final, const uint8_t *p,
    size_t n, struct buf *out)
{
	struct err e = {0};

	buf_clear(out);
	assert_int_equal(seal_chunker_add(c, seq, final, p, n, out, &e), 0);
	assert_in_range(out->len, SEAL_LOOSE + 17, SEAL_LOOSE_MAX);
}

/* Any order, any number of times, by anybody with key and header: all of it opens. */
static void
loose_chunks_open_one_by_one(void **state)
{
	uint8_t *p = malloc(SEAL_CHUNK);
	struct buf a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
	struct seal_chunker *one, *two;
	struct seal_opener *o;
	struct sealed s = {.n = 0};
	struct err e = {0};

	(void)state;
	secret_random(p, SEAL_CHUNK);
	seal_loose_header(dek, &tenant, &message, 1, s.header);
	assert_int_equal(
	    seal_chunker_new(dek, &tenant, &message, 1, s.header, &one, &e), 0);
	assert_int_equal(
	    seal_chunker_new(dek, &tenant, &message, 1, s.header, &two, &e), 0);
	o = opener(&s, 1);
	loose_chunk(one, 7, 1, p, 100, &a);
	assert_int_equal(open_chunk(o, 7, 1, a.data, a.len, &out), ERR_NONE);
	assert_int_equal(out.len, 100);
	assert_memory_equal(out.data, p, 100);
	assert_int_equal(open_chunk(o, 7, 0, a.data, a.len, NULL), ERR_CORRUPT);
	assert_int_equal(open_chunk(o, 6, 1, a.data, a.len, NULL), ERR_CORRUPT);
	loose_chunk(one, 3, 0, p, SEAL_CHUNK, &a);
	assert_int_equal(a.len, SEAL_LOOSE_MAX);
	loose_chunk(two, 3, 0, p, SEAL_CHUNK, &b);
	/* The same chunk again shares no nonce and no byte of key stream. */
	assert_memory_not_equal(a.data, b.data, SEAL_LOOSE);
	assert_memory_not_equal(a.data + SEAL_LOOSE, b.data + SEAL_LOOSE, 64);
	buf_clear(&out);
	assert_int_equal(open_chunk(o, 3, 0, b.data, b.len, &out), ERR_NONE);
	assert_memory_equal(out.data, p, SEAL_CHUNK);
	for (size_t i = 0; i < b.len; i += i < 80 ? 1 : 997) {
		b.data[i] ^= 1;
		assert_int_equal(
		    open_chunk(o, 3, 0, b.data, b.len, NULL), ERR_CORRUPT);
		b.data[i] ^= 1;
	}
	for (size_t n = 0; n < 40; n++)
		assert_int_equal(
		    open_chunk(o, 3, 0, b.data, n, NULL), ERR_CORRUPT);
	assert_int_equal(
	    open_chunk(o, 3, 0, b.data, b.len + 1, NULL), ERR_CORRUPT);
	seal_opener_free(o);
	seal_chunker_free(one);
	seal_chunker_free(two);
	buf_free(&a);
	buf_free(&b);
	buf_free(&out);
	free(p);
}

static void
loose_chunks_shrink_until_they_do_not(void **state)
{
	uint8_t *p = calloc(1, SEAL_CHUNK), *dense = malloc(SEAL_CHUNK);
	struct buf b = BUF_INIT;
	struct sealed s = {.n = 0}, whole;
	struct seal_chunker *c;
	struct err e = {0};

	(void)state;
	secret_random(dense, SEAL_CHUNK);
	seal_loose_header(dek, &tenant, &message, 1, s.header);
	assert_int_equal(
	    seal_chunker_new(dek, &tenant, &message, 1, s.header, &c, &e), 0);
	loose_chunk(c, 0, 0, p, SEAL_CHUNK, &b);
	assert_true(b.len < 1000);
	loose_chunk(c, 1, 0, dense, SEAL_CHUNK, &b);
	loose_chunk(c, 2, 0, p, SEAL_CHUNK, &b);
	assert_true(b.len < 1000);
	loose_chunk(c, 3, 0, dense, SEAL_CHUNK, &b);
	loose_chunk(c, 4, 0, dense, SEAL_CHUNK, &b);
	loose_chunk(c, 5, 0, p, SEAL_CHUNK, &b);
	assert_int_equal(b.len, SEAL_LOOSE_MAX);
	/* A short one that is not the last is none; nor may counting content be gone on with. */
	assert_int_equal(
	    seal_chunker_add(c, 6, 0, p, SEAL_CHUNK - 1, &b, &e), -1);
	assert_int_equal(
	    seal_chunker_add(c, 6, 1, p, SEAL_CHUNK + 1, &b, &e), -1);
	seal_chunker_free(c);
	seal_in_steps((const uint8_t *)"content", 7, 7, 1, &whole);
	assert_int_equal(
	    seal_chunker_new(dek, &tenant, &message, 1, whole.header, &c, &e),
	    -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_null(c);
	drop(&whole);
	buf_free(&b);
	free(p);
	free(dense);
}

static enum err_code
open_header(const uint8_t *k, const struct id *t, const struct id *m,
    uint32_t part, const struct sealed *s)
{
	struct seal_opener *o;
	struct err e = {0};

	if (seal_opener_new(k, t, m, part, s->header, &o, &e) == 0)
		seal_opener_free(o);
	return e.code;
}

static void
content_of_another(void **state)
{
	struct id other = id_new();
	struct sealed s;
	uint8_t k[32];

	(void)state;
	seal_in_steps((const uint8_t *)"content", 7, 7, 1, &s);
	assert_int_equal(open_header(dek, &tenant, &message, 1, &s), ERR_NONE);
	assert_int_equal(open_header(dek, &other, &message, 1, &s), ERR_DENIED);
	assert_int_equal(open_header(dek, &tenant, &other, 1, &s), ERR_CORRUPT);
	assert_int_equal(
	    open_header(dek, &tenant, &message, 2, &s), ERR_CORRUPT);
	memcpy(k, dek, 32);
	k[0] ^= 1;
	assert_int_equal(open_header(k, &tenant, &message, 1, &s), ERR_DENIED);
	drop(&s);
}

static void
every_changed_byte_of_a_chunk(void **state)
{
	static const char *const texts[] = {"short and raw",
	    "long long long long long long long long long long long "
	    "long long long long long long long long and compressed"};
	struct sealed s;

	(void)state;
	for (size_t t = 0; t < 2; t++) {
		size_t n = strlen(texts[t]);
		struct seal_opener *o;

		seal_in_steps((const uint8_t *)texts[t], n, n, 0, &s);
		assert_int_equal(s.chunk[0].len < n + 17, t);
		o = opener(&s, 0);
		for (size_t i = 0; i < s.chunk[0].len; i++) {
			for (int bit = 0; bit < 8; bit++) {
				s.chunk[0].data[i] ^= (uint8_t)(1 << bit);
				assert_int_equal(
				    open_chunk(o, 0, 1, s.chunk[0].data,
					s.chunk[0].len, NULL),
				    ERR_CORRUPT);
				s.chunk[0].data[i] ^= (uint8_t)(1 << bit);
			}
		}
		seal_opener_free(o);
		opens_to(&s, 0, (const uint8_t *)texts[t], n);
		drop(&s);
	}
}

static void
cut_and_extended_chunks(void **state)
{
	uint8_t *big = calloc(1, SEAL_CHUNK_MAX + 10);
	struct seal_opener *o;
	struct sealed s;

	(void)state;
	seal_in_steps((const uint8_t *)"short and raw", 13, 13, 0, &s);
	o = opener(&s, 0);
	for (size_t n = 0; n < s.chunk[0].len; n++) {
		uint8_t *p = malloc(n + (n == 0));

		assert_non_null(p);
		memcpy(p, s.chunk[0].data, n);
		assert_int_equal(open_chunk(o, 0, 1, p, n, NULL), ERR_CORRUPT);
		free(p);
	}
	assert_non_null(big);
	memcpy(big, s.chunk[0].data, s.chunk[0].len);
	for (size_t n = s.chunk[0].len + 1; n < 200; n++)
		assert_int_equal(
		    open_chunk(o, 0, 1, big, n, NULL), ERR_CORRUPT);
	for (size_t n = SEAL_CHUNK_MAX - 2; n < SEAL_CHUNK_MAX + 10; n++)
		assert_int_equal(
		    open_chunk(o, 0, 1, big, n, NULL), ERR_CORRUPT);
	seal_opener_free(o);
	drop(&s);
	free(big);
}

/* Chunks out of their order, of another part, of another write. */
static void
chunks_in_the_wrong_place(void **state)
{
	uint8_t *p = filled(3 * SEAL_CHUNK + 100, false);
	struct sealed s, again, part;
	struct seal_opener *o;

	(void)state;
	seal_in_steps(p, 3 * SEAL_CHUNK + 100, 1 << 20, 0, &s);
	seal_in_steps(p, 3 * SEAL_CHUNK + 100, 1 << 20, 0, &again);
	seal_in_steps(p, 3 * SEAL_CHUNK + 100, 1 << 20, 1, &part);
	assert_int_equal(s.n, 4);
	o = opener(&s, 0);
	for (uint32_t at = 0; at < 5; at++) {
		for (uint32_t from = 0; from < 4; from++) {
			for (int final = 0; final < 2; final++) {
				bool right = at == from && final == (at == 3);

				assert_int_equal(
				    open_chunk(o, at, final, s.chunk[from].data,
					s.chunk[from].len, NULL),
				    right ? ERR_NONE : ERR_CORRUPT);
				assert_int_equal(
				    open_chunk(o, at, final,
					again.chunk[from].data,
					again.chunk[from].len, NULL),
				    ERR_CORRUPT);
				assert_int_equal(
				    open_chunk(o, at, final,
					part.chunk[from].data,
					part.chunk[from].len, NULL),
				    ERR_CORRUPT);
			}
		}
	}
	seal_opener_free(o);
	drop(&s);
	drop(&again);
	drop(&part);
	free(p);
}

/*
 * Chunks that are rightly sealed but that no writer of ours makes: only someone
 * with the key could, and still they must not harm the reader.
 */
static void
sealed_nonsense(void **state)
{
	static uint8_t clear[SEAL_CHUNK + 2], work[SEAL_CHUNK_MAX + 1];
	static uint8_t twice[2 * SEAL_CHUNK];
	static const struct {
		const char *name;
		uint32_t seq;
		int final;
		int first;       /* first byte */
		size_t raw;      /* then so many bytes as they are */
		size_t squeezed; /* or so many, compressed */
		enum err_code want;
	} cases[] = {
	    {"control: one byte, last", 0, 1, 0, 1, 0, ERR_NONE},
	    {"control: full, not last", 0, 0, 0, 65536, 0, ERR_NONE},
	    {"control: compressed", 0, 0, 1, 0, 65536, ERR_NONE},
	    {"control: empty", 0, 1, 0, 0, 0, ERR_NONE},
	    {"short, not last", 0, 0, 0, 65535, 0, ERR_CORRUPT},
	    {"compressed short, not last", 0, 0, 1, 0, 65535, ERR_CORRUPT},
	    {"compressed, one too long", 0, 1, 1, 0, 65537, ERR_CORRUPT},
	    {"compressed, far too long", 0, 1, 1, 0, 131072, ERR_CORRUPT},
	    {"as it is, one too long", 0, 1, 0, 65537, 0, ERR_CORRUPT},
	    {"empty, not the first", 5, 1, 0, 0, 0, ERR_CORRUPT},
	    {"empty, not last", 0, 0, 0, 0, 0, ERR_CORRUPT},
	    {"another first byte", 0, 1, 2, 10, 0, ERR_CORRUPT},
	    {"first byte 255", 0, 1, 255, 10, 0, ERR_CORRUPT},
	    {"no zstd behind a 1", 0, 1, 1, 10, 0, ERR_CORRUPT},
	    {"nothing behind a 1, not last", 0, 0, 1, 0, 0, ERR_CORRUPT},
	};
	uint8_t key[32], nonce[24], ad[112];
	struct seal_opener *o;
	struct sealed s;

	(void)state;
	seal_in_steps(NULL, 0, 1, 0, &s);
	seal_kdf(key, 32, dek, SEAL_L_PART,
	    (const struct seal_field[]){SEAL_FID(&tenant), SEAL_FID(&message),
		SEAL_F("\0\0\0\0", 4), SEAL_F(s.header + 32, 32)},
	    4);
	memcpy(ad, s.header, 96);
	memcpy(ad + 96, tenant.b, 16);
	o = opener(&s, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = cases[i].raw;
		enum err_code got;

		memset(clear, 7, sizeof(clear));
		clear[0] = (uint8_t)cases[i].first;
		if (cases[i].squeezed > 0)
			n = ZSTD_compress(
			    clear + 1, SEAL_CHUNK, twice, cases[i].squeezed, 1);
		memset(nonce, 0, sizeof(nonce));
		nonce[22] = (uint8_t)cases[i].seq;
		nonce[23] = (uint8_t)cases[i].final;
		crypto_aead_xchacha20poly1305_ietf_encrypt(
		    work, NULL, clear, n + 1, ad, sizeof(ad), NULL, nonce, key);
		got = open_chunk(
		    o, cases[i].seq, cases[i].final, work, n + 17, NULL);
		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].name, (int)got);
	}
	/* Not even the first byte. */
	memset(nonce, 0, sizeof(nonce));
	nonce[23] = 1;
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    work, NULL, NULL, 0, ad, sizeof(ad), NULL, nonce, key);
	assert_int_equal(open_chunk(o, 0, 1, work, 16, NULL), ERR_CORRUPT);
	seal_opener_free(o);
	drop(&s);
}

/* The same, where it is filled to the brim and sealed by name. */
static void
a_full_chunk_is_sealed_when_told(void **state)
{
	uint8_t *p = filled(2 * SEAL_CHUNK, true);
	struct sealed s = {.n = 0};
	struct seal_writer *w;
	struct err e = {0};
	size_t n;

	(void)state;
	w = seal_writer_new(dek, &tenant, &message, 0, keep, &s);
	assert_non_null(w);
	assert_null(seal_writer_clear(w, &n));
	assert_int_equal(seal_writer_room(w), SEAL_CHUNK);
	assert_int_equal(seal_writer_seal(w, &e), -1); /* it is not full */
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(seal_writer_add(w, p, SEAL_CHUNK - 1, &e), 0);
	assert_int_equal(seal_writer_room(w), 1);
	assert_int_equal(seal_writer_add(w, p + SEAL_CHUNK - 1, 1, &e), 0);
	assert_int_equal(seal_writer_room(w), 0);
	assert_int_equal(s.n, 0);
	assert_memory_equal(seal_writer_clear(w, &n), p, SEAL_CHUNK);
	assert_int_equal(n, SEAL_CHUNK);
	assert_int_equal(seal_writer_seal(w, &e), 0);
	assert_int_equal(s.n, 1);
	assert_null(seal_writer_clear(w, &n));
	assert_int_equal(n, 0);
	assert_int_equal(seal_writer_room(w), SEAL_CHUNK);
	assert_int_equal(seal_writer_add(w, p + SEAL_CHUNK, SEAL_CHUNK, &e), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(seal_writer_end(w, &e), 0);
	assert_null(seal_writer_clear(w, &n));
	assert_int_equal(n, 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(seal_writer_seal(w, &e), -1);
	memcpy(s.header, seal_writer_header(w), SEAL_CONTENT_HEADER);
	seal_writer_free(w);
	for (uint32_t i = 0; i < 2; i++) {
		struct seal_opener *o = opener(&s, 0);
		struct buf out = BUF_INIT;

		assert_int_equal(open_chunk(o, i, i == 1, s.chunk[i].data,
				     s.chunk[i].len, &out),
		    ERR_NONE);
		assert_memory_equal(out.data, p + i * SEAL_CHUNK, SEAL_CHUNK);
		buf_free(&out);
		seal_opener_free(o);
	}
	drop(&s);
	free(p);
}

static void
a_failing_sink_ends_the_writer(void **state)
{
	uint8_t *p = filled(4 * SEAL_CHUNK, true);
	struct sealed s = {.fail_at = 2};
	struct seal_writer *w;
	struct err e = {0};

	(void)state;
	w = seal_writer_new(dek, &tenant, &message, 0, keep, &s);
	assert_non_null(w);
	assert_int_equal(seal_writer_add(w, p, 4 * SEAL_CHUNK, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_string_equal(e.text, "disk full");
	assert_int_equal(seal_writer_add(w, p, 1, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(seal_writer_end(w, &e), -1);
	assert_int_equal(s.n, 1);
	seal_writer_free(w);
	seal_writer_free(NULL);
	seal_opener_free(NULL);
	drop(&s);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(lengths_at_the_edges, fresh),
	    cmocka_unit_test_setup(layout_of_the_header, fresh),
	    cmocka_unit_test_setup(compression_only_where_it_pays, fresh),
	    cmocka_unit_test_setup(every_changed_bit_of_the_header, fresh),
	    cmocka_unit_test_setup(loose_chunks_open_one_by_one, fresh),
	    cmocka_unit_test_setup(
		loose_chunks_shrink_until_they_do_not, fresh),
	    cmocka_unit_test_setup(content_of_another, fresh),
	    cmocka_unit_test_setup(every_changed_byte_of_a_chunk, fresh),
	    cmocka_unit_test_setup(cut_and_extended_chunks, fresh),
	    cmocka_unit_test_setup(chunks_in_the_wrong_place, fresh),
	    cmocka_unit_test_setup(sealed_nonsense, fresh),
	    cmocka_unit_test_setup(a_full_chunk_is_sealed_when_told, fresh),
	    cmocka_unit_test_setup(a_failing_sink_ends_the_writer, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
