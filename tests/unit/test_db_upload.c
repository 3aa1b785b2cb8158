/*
 * test_db_upload.c: uploads against PostgreSQL: every byte that was said to be taken is
 * there and opens, whoever writes at once and whatever dies meanwhile.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db_cluster.h"
#include "desk/uploaded.h"
#include "seal/kdf.h"
#include "store/session.h"

#define MIB ((size_t)1024 * 1024)

static struct seal_pair pair; /* the account's key, version 1 */
static uint8_t *bytes;        /* what is uploaded; half of it shrinks */
#define BYTES (28 * MIB)

/* In place of keyd's word for it. */
int
account_key_newest(struct desk *d, const struct id *tenant,
    const struct id *account, struct account_key *out, struct err *e)
{
	(void)d;
	(void)tenant;
	(void)e;
	memset(out, 0, sizeof(*out));
	out->account = *account;
	out->version = 1;
	memcpy(out->pk, pair.pk, sizeof(out->pk));
	return 0;
}

int
account_key_check(struct desk *d, const struct id *tenant,
    const struct id *account, const char *address, struct account_key *k,
    struct err *e)
{
	(void)d;
	(void)tenant;
	(void)account;
	(void)address;
	(void)k;
	(void)e;
	return 0;
}

/* ---- people ---- */

static struct desk *
portal(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->db = cluster_db("restante_portal");
	return d;
}

static void
portal_end(struct desk *d)
{
	db_close(d->db);
	free(d);
}

static struct desk_visit
member(void)
{
	struct desk_visit v = {.kind = SESSION_ACCOUNT};

	v.tenant.id = tenant_a;
	v.account.id = account_a;
	snprintf(v.account.key, sizeof(v.account.key), "member@acme.example");
	v.ring = ring_new();
	assert_non_null(v.ring);
	v.ring->n_key = 1;
	v.ring->key[0].version = 1;
	memcpy(v.ring->key[0].sk, pair.sk, SECRET_KEY_LEN);
	return v;
}

static struct desk_visit
guest(const char *address)
{
	struct desk_visit v = {.kind = SESSION_GUEST};

	v.tenant.id = tenant_a;
	snprintf(v.address, sizeof(v.address), "%s", address);
	secret_random(v.hash, sizeof(v.hash));
	secret_random(v.secret, sizeof(v.secret));
	v.ring = ring_new();
	assert_non_null(v.ring);
	return v;
}

static void
everybody_out(void)
{
	PGconn *c = cluster_raw("postgres", "restante");

	assert_string_equal(
	    cluster_try(c, "DELETE FROM upload_chunk"), "00000");
	assert_string_equal(cluster_try(c, "DELETE FROM upload"), "00000");
	PQfinish(c);
}

/* ---- steps ---- */

static struct id
begin(struct desk *d, const struct desk_visit *v, uint64_t length)
{
	struct desk_upload u;
	struct err e = {0};

	if (desk_upload_create(
		d, v, length, "C:\\a\\Figures.xlsx", "Text/CSV", &u, &e) == -1)
		fail_msg("%s", e.text);
	return u.id;
}

static uint64_t
stands(struct desk *d, const struct desk_visit *v, const struct id *id)
{
	struct desk_upload u;
	struct err e = {0};

	if (desk_upload_get(d, v, id, &u, &e) == -1)
		fail_msg("%s", e.text);
	return u.offset;
}

/* One slice of the file `bytes`, in blocks of that size; its code. */
static enum err_code
slice(struct desk *d, const struct desk_visit *v, const struct id *id,
    uint64_t offset, size_t n, size_t block, struct desk_upload *out)
{
	struct desk_slice *s;
	struct err e = {0}, end = {0};
	size_t i, k;

	if (desk_slice_open(
		d, v, id, offset, n, DESK_NO_DIGEST, NULL, &s, &e) == -1)
		return e.code;
	for (i = 0; i < n && e.code == ERR_NONE; i += k) {
		k = n - i < block ? n - i : block;
		if (desk_slice_add(d, s, bytes + offset + i, k, &e) == -1)
			break;
	}
	if (desk_slice_end(d, s, e.code == ERR_NONE, out, &end) == -1)
		return end.code;
	return e.code;
}

static int
collect(void *arg, uint32_t seq, const void *p, size_t n, struct err *e)
{
	void **a = arg;
	struct seal_opener *o = a[0];
	const uint32_t *count = a[2];

	return seal_opener_chunk(o, seq, seq + 1 == *count, p, n, a[1], e);
}

struct opening {
	const struct desk_visit *v;
	const struct id *id;
	struct buf out;
};

static int
open_all(struct desk *d, void *arg, struct err *e)
{
	struct opening *o = arg;
	const struct id *t = &o->v->tenant.id;
	struct seal_opener *opener;
	struct upload u;
	uint8_t key[SECRET_KEY_LEN];
	uint32_t whole, count, i;
	void *a[3];

	if (upload_mine(d, o->v, o->id, &u, key, e) == -1)
		return -1;
	assert_int_equal(
	    seal_opener_new(key, t, o->id, UPLOAD_PART, u.header, &opener, e),
	    0);
	count = upload_chunk_count(u.length);
	whole = u.taken == u.length ? count : (uint32_t)(u.taken / SEAL_CHUNK);
	a[0] = opener;
	a[1] = &o->out;
	a[2] = &count;
	/* By pieces that do not begin where rows do. */
	for (i = 0; i < whole; i += 7)
		if (upload_chunks(d->db, t, o->id, i,
			whole - i < 7 ? whole - i : 7, collect, a, e) == -1)
			fail_msg("chunk %u of %u: %s", i, whole, e->text);
	seal_opener_free(opener);
	upload_clear(&u);
	return 0;
}

/* What is there opens, and is what was sent. */
static void
is_true_to(struct desk *d, const struct desk_visit *v, const struct id *id)
{
	struct opening o = {.v = v, .id = id, .out = BUF_INIT};
	struct err e = {0};

	if (desk_look(d, &v->tenant.id, open_all, &o, &e) == -1)
		fail_msg("%s", e.text);
	if (o.out.len > 0)
		assert_memory_equal(o.out.data, bytes, o.out.len);
	assert_true(o.out.len + SEAL_CHUNK > stands(d, v, id));
	buf_free(&o.out);
}

/* ---- the tests ---- */

static void
what_goes_in_comes_out(void **state)
{
	static const struct {
		size_t length, slice, block;
	} cases[] = {
	    {0, 1, 1},
	    {1, 1, 1},
	    {65535, 65535, 65535},
	    {65536, 65536, 65536},
	    {65537, 8 * MIB, 512 * 1024},
	    {300000, 1000, 1000},
	    {300000, 70000, 33333},
	    {3 * MIB + 5, 100001, 100001},
	    {3 * MIB + 5, 3 * MIB + 5, 1234},
	    {20 * MIB + 77, 8 * MIB, 512 * 1024},
	};
	struct desk *d = portal();
	struct desk_visit v[2] = {member(), guest("carol@partner.example")};
	struct desk_upload u;
	struct id id;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t n = cases[i / 2].length;
		const struct desk_visit *w = &v[i % 2];
		uint64_t at = 0;

		everybody_out();
		id = begin(d, w, n);
		while (at < n) {
			size_t k = n - at < cases[i / 2].slice ?
			    (size_t)(n - at) :
			    cases[i / 2].slice;

			assert_int_equal(
			    slice(d, w, &id, at, k, cases[i / 2].block, &u),
			    ERR_NONE);
			at += k;
			assert_int_equal(u.offset, at);
			assert_int_equal(stands(d, w, &id), at);
			assert_string_equal(u.name, "Figures.xlsx");
			assert_string_equal(u.type, "text/csv");
		}
		is_true_to(d, w, &id);
	}
	for (size_t i = 0; i < 2; i++)
		ring_free(v[i].ring);
	portal_end(d);
}

static void
nobody_elses(void **state)
{
	struct desk *d = portal();
	struct desk_visit mine = member(), carol = guest("carol@x.example"),
			  again = guest("carol@x.example"), other = member(),
			  nobody = {.tenant = mine.tenant};
	const struct desk_visit *strangers[] = {&again, &other, &nobody, &mine};
	struct desk_upload u;
	struct desk_slice *s;
	struct err e = {0};
	struct id id;

	(void)state;
	everybody_out();
	other.account.id = id_new();
	id = begin(d, &carol, 10);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(
		    desk_upload_get(d, strangers[i], &id, &u, &e), -1);
		assert_int_equal(e.code, ERR_NOT_FOUND);
		assert_int_equal(
		    desk_upload_remove(d, strangers[i], &id, &e), -1);
		assert_int_equal(e.code, ERR_NOT_FOUND);
		assert_int_equal(desk_slice_open(d, strangers[i], &id, 0, 10,
				     DESK_NO_DIGEST, NULL, &s, &e),
		    -1);
		assert_int_equal(e.code, ERR_NOT_FOUND);
	}
	assert_int_equal(
	    desk_upload_create(d, &nobody, 1, "a", "b", &u, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	/* Nor does a row that was moved to another's name open: the wrap knows its place. */
	id = begin(d, &mine, 10);
	mine.ring->key[0].version = 2;
	assert_int_equal(desk_upload_get(d, &mine, &id, &u, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	mine.ring->key[0].version = 1;
	mine.ring->key[0].sk[5] ^= 1;
	assert_int_equal(desk_upload_get(d, &mine, &id, &u, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	mine.ring->key[0].sk[5] ^= 1;
	assert_int_equal(
	    desk_upload_get(d, &mine, &id, &u, &e), 0); /* control */
	ring_free(mine.ring);
	ring_free(carol.ring);
	ring_free(again.ring);
	ring_free(other.ring);
	portal_end(d);
}

/* A store that puts one upload's key, name and header in another's place. */
static void
a_row_in_anothers_place_does_not_open(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	struct desk *d = portal();
	struct desk_visit v[2] = {member(), guest("finn@x.example")};
	struct desk_upload u;
	struct err e = {0};
	struct id id;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		everybody_out();
		id = begin(d, &v[i], 10);
		begin(d, &v[i], 10);
		assert_int_equal(desk_upload_get(d, &v[i], &id, &u, &e), 0);
		assert_string_equal(
		    cluster_try(c,
			"UPDATE upload a SET key_wrap = b.key_wrap,"
			" facts = b.facts, header = b.header FROM upload b"
			" WHERE b.upload_id <> a.upload_id"),
		    "00000");
		assert_int_equal(desk_upload_get(d, &v[i], &id, &u, &e), -1);
		/* The key is the owner's, the place is not. */
		assert_int_equal(e.code, ERR_CORRUPT);
		ring_free(v[i].ring);
	}
	PQfinish(c);
	portal_end(d);
}

static void
bounds(void **state)
{
	struct desk *d = portal();
	struct desk_visit v = member();
	struct desk_upload u;
	struct err e = {0};
	struct id id, ids[LIMIT_UPLOADS_OPEN];

	(void)state;
	everybody_out();
	assert_int_equal(
	    desk_upload_create(d, &v, LIMIT_FILE + 1, "a", "", &u, &e), -1);
	assert_int_equal(e.code, ERR_TOO_BIG);
	assert_int_equal(
	    desk_upload_create(d, &v, LIMIT_FILE, "", "x", &u, &e), 0);
	assert_string_equal(u.type, "application/octet-stream");
	id = u.id;
	assert_int_equal(
	    slice(d, &v, &id, 0, LIMIT_UPLOAD_SLICE, 512 * 1024, &u), ERR_NONE);
	assert_int_equal(
	    slice(d, &v, &id, u.offset, LIMIT_UPLOAD_SLICE + 1, MIB, &u),
	    ERR_TOO_BIG);
	assert_int_equal(slice(d, &v, &id, 0, 10, 10, &u), ERR_CONFLICT);
	assert_int_equal(
	    slice(d, &v, &id, u.offset + 1, 10, 10, &u), ERR_CONFLICT);
	assert_int_equal(slice(d, &v, &id, u.offset, 0, 10, &u), ERR_NONE);
	assert_int_equal(u.offset, LIMIT_UPLOAD_SLICE);
	everybody_out();
	id = begin(d, &v, 100);
	assert_int_equal(slice(d, &v, &id, 0, 101, 101, &u), ERR_TOO_BIG);
	assert_int_equal(slice(d, &v, &id, 0, 100, 100, &u), ERR_NONE);
	assert_int_equal(slice(d, &v, &id, 100, 1, 1, &u), ERR_TOO_BIG);
	assert_int_equal(slice(d, &v, &id, 100, 0, 1, &u), ERR_NONE);
	is_true_to(d, &v, &id);
	everybody_out();
	for (size_t i = 0; i < LIMIT_UPLOADS_OPEN; i++)
		ids[i] = begin(d, &v, 10);
	assert_int_equal(desk_upload_create(d, &v, 1, "a", "", &u, &e), -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	assert_int_equal(desk_upload_remove(d, &v, &ids[3], &e), 0);
	assert_int_equal(desk_upload_create(d, &v, 1, "a", "", &u, &e), 0);
	everybody_out();
	for (size_t i = 0; i < LIMIT_UPLOAD_BYTES / LIMIT_FILE; i++)
		begin(d, &v, LIMIT_FILE);
	assert_int_equal(desk_upload_create(d, &v, 0, "a", "", &u, &e), 0);
	assert_int_equal(desk_upload_create(d, &v, 1, "a", "", &u, &e), -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	ring_free(v.ring);
	portal_end(d);
}

/* Opens a slice with the digest of n bytes, `wrong`ly if asked; the code of its end. */
static enum err_code
digested(struct desk *d, const struct desk_visit *v, const struct id *id,
    uint64_t offset, size_t n, enum desk_digest kind, bool wrong, bool complete,
    struct desk_upload *out)
{
	struct seal_hash *h = seal_hash_new(
	    kind == DESK_SHA1 ? SEAL_SHA1 : SEAL_SHA256);
	uint8_t digest[32];
	struct desk_slice *s;
	struct err e = {0};

	seal_hash_add(h, bytes + offset, n);
	seal_hash_end(h, digest);
	digest[19] ^= wrong;
	assert_int_equal(
	    desk_slice_open(d, v, id, offset, n, kind, digest, &s, &e), 0);
	assert_int_equal(desk_slice_add(d, s, bytes + offset, n / 2, &e), 0);
	assert_int_equal(desk_slice_add(d, s, bytes + offset + n / 2,
			     complete ? n - n / 2 : 0, &e),
	    0);
	/* Nothing counts before the end. */
	assert_int_equal(stands(d, v, id), offset);
	(void)!desk_slice_end(d, s, complete, out, &e);
	return e.code;
}

static void
digests(void **state)
{
	struct desk *d = portal();
	struct desk_visit v = member();
	const size_t n = 2 * MIB + 99;
	struct desk_upload u;
	struct id id;

	(void)state;
	everybody_out();
	id = begin(d, &v, 3 * n);
	assert_int_equal(digested(d, &v, &id, 0, n, DESK_SHA1, true, true, &u),
	    ERR_BAD_INPUT);
	assert_int_equal(stands(d, &v, &id), 0);
	assert_int_equal(
	    digested(d, &v, &id, 0, n, DESK_SHA256, false, false, &u),
	    ERR_NONE);
	assert_int_equal(u.offset, 0);
	assert_int_equal(
	    digested(d, &v, &id, 0, n, DESK_SHA1, false, true, &u), ERR_NONE);
	assert_int_equal(u.offset, n);
	assert_int_equal(
	    digested(d, &v, &id, n, n, DESK_SHA256, true, true, &u),
	    ERR_BAD_INPUT);
	assert_int_equal(stands(d, &v, &id), n);
	is_true_to(d, &v, &id);
	assert_int_equal(
	    digested(d, &v, &id, n, n, DESK_SHA256, false, true, &u), ERR_NONE);
	assert_int_equal(slice(d, &v, &id, 2 * n, n, MIB, &u), ERR_NONE);
	is_true_to(d, &v, &id);
	ring_free(v.ring);
	portal_end(d);
}

static void
what_came_before_a_cut_is_kept(void **state)
{
	struct desk *d = portal();
	struct desk_visit v = guest("dora@x.example");
	struct desk_slice *s;
	struct desk_upload u;
	struct err e = {0};
	struct id id;

	(void)state;
	everybody_out();
	id = begin(d, &v, 4 * MIB);
	assert_int_equal(slice(d, &v, &id, 0, 1000, 1000, &u), ERR_NONE);
	assert_int_equal(desk_slice_open(d, &v, &id, 1000, 2 * MIB,
			     DESK_NO_DIGEST, NULL, &s, &e),
	    0);
	/* Less than a chunk: what was there stays, and no more. */
	assert_int_equal(desk_slice_add(d, s, bytes + 1000, 500, &e), 0);
	assert_int_equal(desk_slice_end(d, s, false, &u, &e), 0);
	assert_int_equal(u.offset, 1000);
	assert_int_equal(desk_slice_open(d, &v, &id, 1000, 2 * MIB,
			     DESK_NO_DIGEST, NULL, &s, &e),
	    0);
	assert_int_equal(desk_slice_add(d, s, bytes + 1000, MIB, &e), 0);
	assert_int_equal(desk_slice_add(d, s, bytes, 2 * MIB, &e), -1);
	assert_int_equal(e.code, ERR_TOO_BIG);
	assert_int_equal(desk_slice_end(d, s, false, &u, &e), 0);
	assert_int_equal(u.offset, MIB);
	assert_int_equal(
	    slice(d, &v, &id, MIB, 3 * MIB, 512 * 1024, &u), ERR_NONE);
	is_true_to(d, &v, &id);
	ring_free(v.ring);
	portal_end(d);
}

/* ---- at once ---- */

struct writer {
	struct desk_visit *v;
	struct id id;
	int won, lost, other;
};

static void *
write_on(void *arg)
{
	struct writer *w = arg;
	struct desk *d = portal();
	struct desk_upload u;
	enum err_code code;
	uint64_t at;

	while ((at = stands(d, w->v, &w->id)) < 8 * MIB) {
		size_t n = 8 * MIB - (size_t)at;

		code = slice(
		    d, w->v, &w->id, at, n < MIB ? n : MIB, 256 * 1024, &u);
		w->won += code == ERR_NONE;
		w->lost += code == ERR_CONFLICT;
		w->other += code != ERR_NONE && code != ERR_CONFLICT;
	}
	portal_end(d);
	return NULL;
}

static void
two_at_once_lose_nothing(void **state)
{
	struct desk *d = portal();
	struct desk_visit v = member();
	struct writer w[2] = {{.v = &v}, {.v = &v}};
	pthread_t thread[2];
	struct desk_slice *one, *two;
	struct desk_upload u;
	struct err e = {0};

	(void)state;
	everybody_out();
	w[0].id = w[1].id = begin(d, &v, 8 * MIB);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, write_on, &w[i]), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(w[0].other + w[1].other, 0);
	assert_true(w[0].won + w[1].won > 0);
	is_true_to(d, &v, &w[0].id);
	/* One after another, at the same place: who came last goes on. */
	w[0].id = begin(d, &v, 8 * MIB);
	assert_int_equal(desk_slice_open(d, &v, &w[0].id, 0, MIB,
			     DESK_NO_DIGEST, NULL, &one, &e),
	    0);
	assert_int_equal(desk_slice_open(d, &v, &w[0].id, 0, MIB,
			     DESK_NO_DIGEST, NULL, &two, &e),
	    0);
	assert_int_equal(desk_slice_add(d, one, bytes + MIB, MIB, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_int_equal(desk_slice_add(d, two, bytes, MIB, &e), 0);
	assert_int_equal(desk_slice_end(d, one, false, &u, &e), -1);
	assert_int_equal(desk_slice_end(d, two, true, &u, &e), 0);
	assert_int_equal(u.offset, MIB);
	is_true_to(d, &v, &w[0].id);
	ring_free(v.ring);
	portal_end(d);
}

/* ---- and what dies ---- */

/* Another process uploads; each offset it is told is noted where it survives. */
static pid_t
uploader(
    const struct desk_visit *v, const struct id *id, volatile uint64_t *told)
{
	struct desk_upload u;
	struct desk *d;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) != 0)
		return pid;
	d = portal();
	u.offset = stands(d, v, id);
	while (u.offset < BYTES) {
		size_t n = BYTES - (size_t)u.offset;

		if (slice(d, v, id, u.offset, n < MIB ? n : MIB, 100000, &u) !=
		    ERR_NONE)
			_exit(1);
		*told = u.offset;
	}
	_exit(0);
}

static void
a_killed_process_and_a_crashed_server(void **state)
{
	struct desk *d = portal();
	struct desk_visit v = member();
	volatile uint64_t *told = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct id id;
	uint64_t at = 0;
	int status, deaths = 0;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(told, MAP_FAILED);
	everybody_out();
	id = begin(d, &v, BYTES);
	for (int round = 0; at < BYTES; round++) {
		pid = uploader(&v, &id, told);
		assert_true(pid > 0);
		usleep(20000 + 7000 * (useconds_t)(round % 11));
		if (round % 4 == 3)
			assert_int_equal(cluster_crash(), 0);
		else if (round < 40)
			kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		deaths += status != 0;
		/* A connection that went with the server says so once. */
		portal_end(d);
		d = portal();
		assert_true(stands(d, &v, &id) >= *told);
		is_true_to(d, &v, &id);
		at = stands(d, &v, &id);
	}
	assert_true(deaths > 0);
	munmap((void *)(uintptr_t)told, 4096);
	ring_free(v.ring);
	portal_end(d);
}

/* ---- the end of it ---- */

static long
rows(const char *table)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char query[64];
	long n;

	snprintf(query, sizeof(query), "SELECT count(*) FROM %s", table);
	n = cluster_number(c, query);
	PQfinish(c);
	return n;
}

static void
removed_and_swept(void **state)
{
	struct db *courier = cluster_db("restante_courier");
	PGconn *c = cluster_raw("postgres", "restante");
	struct desk *d = portal();
	struct desk_visit v = member();
	struct desk_upload u;
	struct err e = {0};
	struct id small, large, old, left;
	uint32_t gone, total = 0;
	int turns = 0;

	(void)state;
	everybody_out();
	left = begin(d, &v, MIB);
	assert_int_equal(slice(d, &v, &left, 0, MIB, MIB, &u), ERR_NONE);
	small = begin(d, &v, MIB);
	assert_int_equal(slice(d, &v, &small, 0, MIB, MIB, &u), ERR_NONE);
	assert_int_equal(desk_upload_remove(d, &v, &small, &e), 0);
	assert_int_equal(rows("upload"), 1);
	assert_int_equal(rows("upload_chunk"), 4);
	assert_int_equal(desk_upload_get(d, &v, &small, &u, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(desk_upload_remove(d, &v, &small, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	/* Of one with many rows the first go at once, and nobody opens the rest. */
	large = begin(d, &v, BYTES);
	for (size_t at = 0; at < BYTES; at += 4 * MIB)
		assert_int_equal(
		    slice(d, &v, &large, at, 4 * MIB, 50000, &u), ERR_NONE);
	assert_true(rows("upload_chunk") > LIMIT_UPLOAD_SWEEP + 4);
	assert_int_equal(desk_upload_remove(d, &v, &large, &e), 0);
	assert_true(rows("upload_chunk") > 4);
	assert_int_equal(desk_upload_get(d, &v, &large, &u, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	/* One whose time is over says so until it is swept. */
	old = begin(d, &v, MIB);
	assert_int_equal(slice(d, &v, &old, 0, MIB, MIB, &u), ERR_NONE);
	assert_string_equal(
	    cluster_try(c,
		"UPDATE upload SET expires = now() - interval '1 second'"
		" WHERE created = (SELECT max(created) FROM upload)"),
	    "00000");
	assert_int_equal(desk_upload_get(d, &v, &old, &u, &e), -1);
	assert_int_equal(e.code, ERR_EXPIRED);
	do {
		assert_int_equal(upload_sweep(courier, 50, &gone, &e), 0);
		assert_true(gone <= 50);
		total += gone;
		turns++;
	} while (gone > 0);
	assert_true(total > 5 && turns > 1);
	assert_int_equal(rows("upload"), 1);
	assert_int_equal(rows("upload_chunk"), 4);
	is_true_to(d, &v, &left);
	ring_free(v.ring);
	db_close(courier);
	PQfinish(c);
	portal_end(d);
}

struct sending {
	struct id upload, message;
};

static int
send_it(struct desk *d, void *arg, struct err *e)
{
	const struct sending *s = arg;

	return upload_sent(d->db, &tenant_a, &s->upload, &s->message, e);
}

static void
set_tenant(PGconn *c)
{
	char text[ID_TEXT_LEN], command[128];

	id_format(&tenant_a, text);
	snprintf(command, sizeof(command),
	    "BEGIN; SET LOCAL restante.tenant = '%s'", text);
	assert_string_equal(cluster_try(c, command), "00000");
}

/* As the operator sees it. */
static uint64_t
facts_size(const struct id *message)
{
	struct db *ctl = cluster_db("restante_ctl");
	struct message_facts f;
	struct err e = {0};

	if (db_begin(ctl, &tenant_a, &e) == -1 ||
	    message_facts(ctl, &tenant_a, message, &f, &e) != 1)
		fail_msg("%s", e.text);
	db_close(ctl);
	return f.size;
}

static void
what_was_sent_stays(void **state)
{
	struct db *intake = cluster_db("restante_intake");
	PGconn *c = cluster_raw("restante_portal", "restante");
	PGconn *super = cluster_raw("postgres", "restante");
	struct desk *d = portal();
	struct desk_visit v = member();
	struct sending s;
	struct sample letter;
	struct desk_upload u;
	struct err e = {0};
	uint32_t gone;

	(void)state;
	everybody_out();
	sample_fill(
	    &letter, &tenant_a, &account_a, "CCCCCCC1", "eve@x.example");
	assert_int_equal(sample_write(intake, &tenant_a, &letter, &e), 0);
	s.message = letter.m.id;
	s.upload = begin(d, &v, MIB);
	/* Not before it is whole. */
	assert_int_equal(desk_within(d, &tenant_a, send_it, &s, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_int_equal(slice(d, &v, &s.upload, 0, MIB, MIB, &u), ERR_NONE);
	assert_int_equal(facts_size(&s.message), 5);
	/* The control: before, the portal may change and remove. */
	set_tenant(c);
	assert_int_equal(cluster_number(c,
			     "WITH d AS (DELETE FROM upload_chunk RETURNING 1)"
			     " SELECT count(*) FROM d"),
	    4);
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	assert_int_equal(desk_within(d, &tenant_a, send_it, &s, &e), 0);
	assert_int_equal(facts_size(&s.message), 5 + MIB);
	assert_int_equal(desk_within(d, &tenant_a, send_it, &s, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_int_equal(desk_upload_get(d, &v, &s.upload, &u, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(desk_upload_remove(d, &v, &s.upload, &e), -1);
	assert_int_equal(slice(d, &v, &s.upload, MIB, 0, 1, &u), ERR_NOT_FOUND);
	set_tenant(c);
	assert_int_equal(
	    cluster_number(c,
		"WITH d AS (DELETE FROM upload_chunk RETURNING 1), f AS"
		" (DELETE FROM upload RETURNING 1), g AS"
		" (UPDATE upload SET taken = 0 RETURNING 1)"
		" SELECT (SELECT count(*) FROM d) + (SELECT count(*) FROM f)"
		" + (SELECT count(*) FROM g)"),
	    0);
	assert_string_equal(
	    cluster_try(c,
		"INSERT INTO upload_chunk SELECT tenant_id, upload_id, 99, data"
		" FROM upload_chunk LIMIT 1"),
	    "42501");
	assert_string_equal(cluster_try(c, "ROLLBACK"), "00000");
	assert_string_equal(
	    cluster_try(
		super, "UPDATE upload SET expires = now() - interval '9 days'"),
	    "00000");
	assert_int_equal(upload_sweep(d->db, 9, &gone, &e), -1);
	assert_int_equal(rows("upload_chunk"), 4);
	sample_clear(&letter);
	ring_free(v.ring);
	db_close(intake);
	PQfinish(c);
	PQfinish(super);
	portal_end(d);
}

static int
start(void **state)
{
	seal_pair_new(&pair);
	if ((bytes = malloc(BYTES)) == NULL)
		return -1;
	/* Half a MiB that does not shrink, half one that does, and so on. */
	for (size_t i = 0; i < BYTES; i += MIB / 2) {
		if (i / (MIB / 2) % 2 == 0)
			secret_random(bytes + i, MIB / 2);
		else
			for (size_t k = 0; k < MIB / 2; k++)
				bytes[i + k] = (uint8_t)((i / MIB) + k / 97);
	}
	return cluster_start(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_goes_in_comes_out),
	    cmocka_unit_test(nobody_elses),
	    cmocka_unit_test(a_row_in_anothers_place_does_not_open),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(digests),
	    cmocka_unit_test(what_came_before_a_cut_is_kept),
	    cmocka_unit_test(two_at_once_lose_nothing),
	    cmocka_unit_test(a_killed_process_and_a_crashed_server),
	    cmocka_unit_test(removed_and_swept),
	    cmocka_unit_test(what_was_sent_stays),
	};

	return cmocka_run_group_tests(tests, start, cluster_stop);
}
