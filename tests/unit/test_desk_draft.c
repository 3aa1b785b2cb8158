/* test_desk_draft.c: a message while it comes in, and its clear bytes read back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "desk/internal.h"

#define NOWHERE "/nowhere/at/all"

static struct id tenant;
static char spool[] = "/tmp/restante-draft-XXXXXX";

static int
begin(void **state)
{
	(void)state;
	tenant = id_new();
	return secret_init() == 0 && mkdtemp(spool) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	/* It held nothing anybody could list: the directory is empty. */
	return rmdir(spool);
}

/* Bytes that do not compress and lie about nothing. */
static uint8_t *
noise(size_t n)
{
	uint8_t *p = malloc(n + 1);

	assert_non_null(p);
	secret_random(p, n);
	return p;
}

static struct desk_draft *
draft(const char *dir)
{
	struct err e;
	struct desk_draft *f = desk_draft_new(dir, &tenant, &e);

	assert_non_null(f);
	return f;
}

static void
add(struct desk_draft *f, const void *p, size_t n)
{
	struct err e = {0};

	assert_int_equal(desk_draft_add(f, p, n, &e), 0);
}

static size_t
read_at(const struct mail_source *s, uint64_t at, void *dst, size_t n)
{
	struct err e = {0};
	size_t got = 77;

	assert_int_equal(s->read(s->arg, at, dst, n, &got, &e), 0);
	assert_true(got <= n);
	return got;
}

/* In steps that share no divisor with a chunk, in one go, and past the end. */
static void
compare(struct content *c, const uint8_t *want, size_t n)
{
	struct mail_source s;
	uint8_t *got = malloc(n + 16);

	assert_non_null(got);
	content_source(c, &s);
	assert_int_equal(s.size, n);
	for (size_t at = 0; at < n; at += 7919)
		assert_int_equal(
		    read_at(&s, at, got + at, n - at < 7919 ? n - at : 7919),
		    n - at < 7919 ? n - at : 7919);
	assert_memory_equal(got, want, n);
	memset(got, 0, n);
	assert_int_equal(read_at(&s, 0, got, n + 16), n);
	assert_memory_equal(got, want, n);
	if (n > 2) {
		assert_int_equal(read_at(&s, n - 2, got, 16), 2);
		assert_memory_equal(got, want + n - 2, 2);
	}
	assert_int_equal(read_at(&s, n, got, 16), 0);
	assert_int_equal(read_at(&s, UINT64_MAX, got, 16), 0);
	free(got);
}

/* Opened again it is these bytes; f is gone. */
static void
reads_back(struct desk_draft *f, const uint8_t *want, size_t n)
{
	struct content *c;
	struct err e;

	assert_int_equal(draft_open(f, &c, &e), 0);
	compare(c, want, n);
	content_close(c);
	desk_draft_free(f);
}

static void
what_went_in_comes_out(void **state)
{
	static const size_t sizes[] = {0, 1, SEAL_CHUNK - 1, SEAL_CHUNK,
	    SEAL_CHUNK + 1, 2 * SEAL_CHUNK - 1, 2 * SEAL_CHUNK,
	    5 * SEAL_CHUNK + 4321};
	static const size_t steps[] = {1 << 20, 4099};
	uint8_t *p = noise(5 * SEAL_CHUNK + 4321);
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			struct desk_draft *f = draft(spool);
			size_t n = sizes[i], at, step;

			for (at = 0; at < n; at += step) {
				step = steps[k] < n - at ? steps[k] : n - at;
				add(f, p + at, step);
			}
			assert_int_equal(draft_end(f, &e), 0);
			assert_int_equal(draft_size(f), n);
			assert_int_equal(draft_chunks(f),
			    n == 0 ? 1 : (n + SEAL_CHUNK - 1) / SEAL_CHUNK);
			reads_back(f, p, n);
		}
	}
	free(p);
}

/* From chunk to chunk and back again: each is opened anew, and gives the same. */
static void
random_access(void **state)
{
	const size_t n = 4 * SEAL_CHUNK + 99;
	uint8_t *p = noise(n), got[300];
	struct desk_draft *f = draft(spool);
	struct mail_source s;
	struct content *c;
	struct err e;

	(void)state;
	add(f, p, n);
	assert_int_equal(draft_end(f, &e), 0);
	assert_int_equal(draft_open(f, &c, &e), 0);
	content_source(c, &s);
	for (size_t i = 0; i < 200; i++) {
		size_t at = secret_uniform((uint32_t)n);
		size_t len = n - at < sizeof(got) ? n - at : sizeof(got);

		assert_int_equal(read_at(&s, at, got, sizeof(got)), len);
		assert_memory_equal(got, p + at, len);
	}
	content_close(c);
	desk_draft_free(f);
	free(p);
}

/* Few chunks need no file; the absence of one is said when it is wanted. */
static void
a_spool_that_is_not_there(void **state)
{
	uint8_t *p = noise(2 * SEAL_CHUNK);
	struct desk_draft *f = draft(NOWHERE);
	struct err e;

	(void)state;
	add(f, p, SEAL_CHUNK + 1000);
	assert_int_equal(draft_end(f, &e), 0);
	reads_back(f, p, SEAL_CHUNK + 1000);
	f = draft(NOWHERE);
	add(f, p, 2 * SEAL_CHUNK);
	assert_int_equal(draft_end(f, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	desk_draft_free(f);
	f = draft(NOWHERE);
	assert_int_equal(desk_draft_add(f, p, 2 * SEAL_CHUNK, &e), 0);
	assert_int_equal(desk_draft_add(f, p, 1, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	desk_draft_free(f);
	free(p);
}

/* Text shrinks: chunks stay in memory as long as there is room, then go to the file. */
static void
in_memory_and_in_the_file(void **state)
{
	const size_t n = 12 * SEAL_CHUNK + 5;
	uint8_t *p = noise(n);
	struct desk_draft *f;
	struct err e;

	(void)state;
	for (size_t i = 0; i < n; i++) /* half of it says nothing */
		p[i] = (uint8_t)('a' + p[i] % 16);
	memset(p, 'a', SEAL_CHUNK * 3);
	secret_random(p + 9 * SEAL_CHUNK, SEAL_CHUNK);
	f = draft(spool);
	add(f, p, n);
	assert_int_equal(draft_end(f, &e), 0);
	reads_back(f, p, n);
	free(p);
}

/* What the budget has to spare keeps all of it from the file; then it is given back. */
static void
memory_to_spare(void **state)
{
	const size_t n = 4 * SEAL_CHUNK;
	uint8_t *p = noise(n);
	struct budget b = {.limit = 4 * n};
	struct desk_draft *f = draft(NOWHERE);
	struct err e;

	(void)state;
	desk_draft_budget(f, &b);
	add(f, p, n);
	assert_int_equal(draft_end(f, &e), 0);
	assert_in_range(atomic_load(&b.used), 2 * SEAL_CHUNK, n);
	reads_back(f, p, n);
	assert_int_equal(atomic_load(&b.used), 0);
	/* Of a large one the rest goes to the file all the same. */
	b.limit = SIZE_MAX;
	f = draft(spool);
	desk_draft_budget(f, &b);
	for (size_t i = 0; i < 5; i++)
		add(f, p, n);
	assert_in_range(atomic_load(&b.used), 15 * SEAL_CHUNK, 16 * SEAL_CHUNK);
	desk_draft_free(f);
	b.limit = 4 * n;
	/* The control: what others have taken is none. */
	assert_true(budget_take(&b, n));
	f = draft(NOWHERE);
	desk_draft_budget(f, &b);
	assert_int_equal(desk_draft_add(f, p, n, &e), -1);
	desk_draft_free(f);
	assert_int_equal(atomic_load(&b.used), n);
	free(p);
}

/* Sealed by name where it is full, it is the same as sealed by what follows. */
static void
full_ones_are_sealed_when_told(void **state)
{
	const size_t n = 3 * SEAL_CHUNK;
	uint8_t *p = noise(n);
	struct desk_draft *f = draft(spool);
	struct mail_known known, same;
	struct err e;

	(void)state;
	memcpy(p, "Subject: x\r\n\r\n", 14);
	for (size_t at = 0; at < n; at += SEAL_CHUNK) {
		if (at > 0)
			assert_int_equal(desk_draft_seal(f, &e), 0);
		assert_int_equal(desk_draft_room(f), SEAL_CHUNK);
		add(f, p + at, SEAL_CHUNK);
		assert_int_equal(desk_draft_room(f), 0);
		assert_int_equal(draft_chunks(f), at / SEAL_CHUNK);
	}
	draft_known(f, &known);
	assert_int_equal(known.body, 14);
	assert_int_equal(draft_end(f, &e), 0);
	reads_back(f, p, n);
	f = draft(spool);
	add(f, p, n);
	assert_int_equal(draft_end(f, &e), 0);
	draft_known(f, &same);
	assert_memory_equal(&known, &same, sizeof(known));
	desk_draft_free(f);
	free(p);
}

/* The limit is the client's bytes alone: our trace comes on top. */
static void
the_size_limit(void **state)
{
	const size_t step = 1 << 20;
	uint8_t *p = calloc(1, step);
	struct desk_draft *f = draft(spool);
	struct err e;

	(void)state;
	assert_non_null(p);
	assert_int_equal(desk_draft_trace(f, p, 500, &e), 0);
	for (size_t n = 0; n < LIMIT_MESSAGE; n += step)
		add(f, p, step);
	assert_int_equal(desk_draft_add(f, p, 1, &e), -1);
	assert_int_equal(e.code, ERR_TOO_BIG);
	assert_int_equal(draft_end(f, &e), 0);
	assert_int_equal(draft_size(f), LIMIT_MESSAGE + 500);
	assert_int_equal(draft_trace_size(f), 500);
	desk_draft_free(f);
	free(p);
}

static void
ends_once(void **state)
{
	struct desk_draft *f = draft(spool);
	struct err e;

	(void)state;
	add(f, "a", 1);
	assert_int_equal(draft_end(f, &e), 0);
	assert_int_equal(draft_end(f, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	desk_draft_free(f);
	desk_draft_free(NULL);
}

/* ---- what a store could do to it ---- */

struct stored {
	struct desk_draft *f;
	int swap;    /* gives the other chunk */
	int flip;    /* one byte of it */
	int shorter; /* one byte less */
	int missing;
	int off; /* gives it as the next one */
};

static int
fetch(void *arg, uint32_t first, uint32_t n, seal_sink take, void *take_arg,
    struct err *e)
{
	struct stored *s = arg;
	struct buf c = BUF_INIT;
	int r = 0;

	for (uint32_t i = first; i < first + n && r == 0 && !s->missing; i++) {
		r = draft_chunk(s->f, s->swap ? !i : i, &c, e);
		if (s->flip)
			c.data[c.len / 2] ^= 1;
		if (r == 0)
			r = take(take_arg, s->off ? i + 1 : i, c.data,
			    c.len - (size_t)s->shorter, e);
	}
	buf_free(&c);
	return r;
}

static int
open_as(struct stored *s, const struct id *t, const struct id *m, uint64_t size,
    uint32_t chunks, struct err *e)
{
	struct content *c = NULL;
	int r;

	err_clear(e);
	r = content_open(&(struct content_place){.key = draft_dek(s->f),
			     .tenant = t,
			     .id = m,
			     .header = draft_header(s->f),
			     .size = size,
			     .chunks = chunks},
	    fetch, s, &c, e);
	if (r == 0)
		content_close(c);
	else
		assert_null(c);
	return r;
}

static void
nothing_else_opens(void **state)
{
	const size_t n = SEAL_CHUNK + 100;
	uint8_t *p = noise(n);
	struct stored s = {.f = draft(spool)};
	struct id other = id_new();
	const struct id *id = draft_id(s.f);
	struct err e;

	(void)state;
	add(s.f, p, n);
	assert_int_equal(draft_end(s.f, &e), 0);
	/* The control: as it was written it opens. */
	assert_int_equal(open_as(&s, &tenant, id, n, 2, &e), 0);
	assert_int_equal(open_as(&s, &other, id, n, 2, &e), -1);
	assert_int_equal(open_as(&s, &tenant, &other, n, 2, &e), -1);
#define CORRUPT(size, chunks)                                             \
	assert_int_equal(open_as(&s, &tenant, id, size, chunks, &e), -1); \
	assert_int_equal(e.code, ERR_CORRUPT)
	CORRUPT(n + 1, 2);
	CORRUPT(n - 1, 2);
	CORRUPT(n, 0);
	CORRUPT(SEAL_CHUNK, 1); /* cut off behind a whole chunk */
	s.swap = 1;
	CORRUPT(n, 2);
	s.swap = 0;
	s.flip = 1;
	CORRUPT(n, 2);
	s.flip = 0;
	s.shorter = 1;
	CORRUPT(n, 2);
	s.shorter = 0;
	s.missing = 1;
	CORRUPT(n, 2);
	s.missing = 0;
	s.off = 1;
	CORRUPT(n, 2);
	desk_draft_free(s.f);
	free(p);
}

/* Behind what is there already, and all of it or nothing. */
static void
a_block_is_whole(
    struct stored *s, struct content *c, const uint8_t *p, size_t n)
{
	struct buf out = BUF_INIT;
	struct err e;

	assert_int_equal(content_block(c, 0, 2, &out, &e), 0);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.data, p, n);
	assert_int_equal(content_block(c, 1, 1, &out, &e), 0);
	assert_int_equal(out.len, n + SEAL_CHUNK);
	assert_memory_equal(out.data, p, n);
	assert_memory_equal(out.data + n, p + SEAL_CHUNK, SEAL_CHUNK);
	s->flip = 1;
	assert_int_equal(content_block(c, 0, 2, &out, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_int_equal(out.len, n + SEAL_CHUNK);
	assert_memory_equal(out.data + n, p + SEAL_CHUNK, SEAL_CHUNK);
	s->flip = 0;
	s->missing = 1;
	assert_int_equal(content_block(c, 0, 2, &out, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	buf_free(&out);
}

/* A chunk changed after the last one was checked: its bytes are not given out. */
static void
a_later_change_is_seen(void **state)
{
	const size_t n = 2 * SEAL_CHUNK;
	uint8_t *p = noise(n), got[10];
	struct stored s = {.f = draft(spool)};
	struct mail_source src;
	struct content *c;
	size_t len;
	struct err e;

	(void)state;
	add(s.f, p, n);
	assert_int_equal(draft_end(s.f, &e), 0);
	assert_int_equal(
	    content_open(&(struct content_place){.key = draft_dek(s.f),
			     .tenant = &tenant,
			     .id = draft_id(s.f),
			     .header = draft_header(s.f),
			     .size = n,
			     .chunks = 2},
		fetch, &s, &c, &e),
	    0);
	content_source(c, &src);
	s.flip = 1;
	assert_int_equal(src.read(src.arg, 5, got, 10, &len, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_int_equal(len, 0);
	/* The last chunk is still at hand; the first opens when it is whole. */
	s.flip = 0;
	assert_int_equal(read_at(&src, 5, got, 10), 10);
	assert_memory_equal(got, p + 5, 10);
	a_block_is_whole(&s, c, p, n);
	content_close(c);
	desk_draft_free(s.f);
	free(p);
}

/* ---- digests ---- */

struct digests {
	uint8_t head[32];
	uint8_t body[32];
	struct mail_known known;
};

static struct digests
digest(const char *trace, const char *text, size_t step)
{
	struct desk_draft *f = draft(NOWHERE);
	struct digests d;
	struct err e;

	assert_int_equal(desk_draft_trace(f, trace, strlen(trace), &e), 0);
	for (size_t at = 0, n = strlen(text); at < n; at += step)
		add(f, text + at, n - at < step ? n - at : step);
	assert_int_equal(draft_end(f, &e), 0);
	draft_digests(f, d.head, d.body);
	draft_known(f, &d.known);
	assert_memory_equal(d.known.body_sha256, d.body, 32);
	desk_draft_free(f);
	return d;
}

#define SAME(a, b)   assert_memory_equal(a, b, 32)
#define DIFFER(a, b) assert_memory_not_equal(a, b, 32)

static void
the_body_is_what_follows_the_empty_line(void **state)
{
	static const char text[] = "Subject: x\r\n\r\nHello\r\n\r\nWorld\r\n";
	const struct digests a = digest("Received: 1\r\n", text, 1000);

	(void)state;
	/* However it comes in, and whatever our trace says. */
	for (size_t step = 1; step < 20; step++) {
		const struct digests b = digest("Received: 2\r\n", text, step);

		SAME(a.body, b.body);
		SAME(a.head, b.head);
	}
}

static void
headers_and_bodies_differ_apart(void **state)
{
	const struct digests a = digest("", "A: 1\r\n\r\nbody\r\n", 99),
			     b = digest("", "B: 2\r\n\r\nbody\r\n", 99),
			     c = digest("", "A: 1\r\n\r\nBody\r\n", 99),
			     none = digest("", "A: 1\r\n", 99),
			     empty = digest("", "A: 1\r\n\r\n", 99);

	(void)state;
	SAME(a.body, b.body);
	DIFFER(a.head, b.head);
	DIFFER(a.body, c.body);
	SAME(a.head, c.head);
	SAME(none.body, empty.body);
	DIFFER(none.head, empty.head);
	DIFFER(none.body, a.body);
}

/* What the parser is told is true of all octets, our own trace's too. */
static void
what_is_known(void **state)
{
	static const char trace[] = "Received: 1\r\n", head[] = "A: 1\r\n\r\n",
			  body[] = "b\r\n";
	uint8_t sha256[32];

	(void)state;
	for (size_t step = 1; step < 20; step++) {
		const struct digests d = digest(
		    trace, "A: 1\r\n\r\nb\r\n", step);

		assert_int_equal(d.known.body, strlen(trace) + strlen(head));
		SHA256((const uint8_t *)"Received: 1\r\nA: 1\r\n\r\nb\r\n", 24,
		    sha256);
		SAME(d.known.sha256, sha256);
		SHA256((const uint8_t *)body, strlen(body), sha256);
		SAME(d.known.body_sha256, sha256);
	}
	/* Without an end of the header there is no body. */
	assert_int_equal(
	    digest(trace, "A: 1\r\n", 9).known.body, strlen(trace) + 6);
}

/* Only CR LF CR LF ends the header, whatever nearly is one. */
static void
near_ends_of_the_header(void **state)
{
	static const char *const heads[] = {"A: 1\n\n", "A: 1\r\r\n", "\r\n",
	    "A: 1\r\n\r", "A: 1\r\n \r\n", "A: 1\n\r\n"};
	const struct digests want = digest("", "A: 1\r\n\r\nb", 99);
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		snprintf(text, sizeof(text), "%sX: 2\r\n\r\nb", heads[i]);
		SAME(digest("", text, 1).body, want.body);
		SAME(digest("", text, 99).body, want.body);
	}
	/* A CR more before it takes nothing from it. */
	SAME(digest("", "A: 1\r\r\n\r\nb", 1).body, want.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_went_in_comes_out),
	    cmocka_unit_test(random_access),
	    cmocka_unit_test(a_spool_that_is_not_there),
	    cmocka_unit_test(in_memory_and_in_the_file),
	    cmocka_unit_test(memory_to_spare),
	    cmocka_unit_test(full_ones_are_sealed_when_told),
	    cmocka_unit_test(the_size_limit),
	    cmocka_unit_test(ends_once),
	    cmocka_unit_test(nothing_else_opens),
	    cmocka_unit_test(a_later_change_is_seen),
	    cmocka_unit_test(the_body_is_what_follows_the_empty_line),
	    cmocka_unit_test(headers_and_bodies_differ_apart),
	    cmocka_unit_test(what_is_known),
	    cmocka_unit_test(near_ends_of_the_header),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
