/*
 * test_desk_download.c: files of a stored message, block by block over a real database:
 * every range is what the file has there, nothing changed is served, and who has had all
 * of it is written down.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "db_cluster.h"
#include "desk/internal.h"

#define BIG   1900001 /* bytes: a block and most of another */
#define BOUND "--b\r\n"

static struct sample sample;
static struct desk_message msg;
static struct desk_visit visit;
static struct desk desk[2]; /* two threads' */
static struct buf raw;      /* the message */
static struct buf file[5];  /* its parts by number, decoded */
static PGconn *super;

static void
must(int r)
{
	if (r != 0)
		abort();
}

/* ---- the message --------------------------------------------------------------- */

static void
add_base64(const struct buf *b)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, column = 0;

	for (i = 0; i < b->len; i += 3) {
		uint32_t v = (uint32_t)b->data[i] << 16;
		char four[4];

		v |= i + 1 < b->len ? (uint32_t)b->data[i + 1] << 8 : 0;
		v |= i + 2 < b->len ? b->data[i + 2] : 0;
		for (int k = 0; k < 4; k++)
			four[k] = digit[v >> (18 - 6 * k) & 63];
		if (i + 2 >= b->len)
			four[3] = '=';
		if (i + 1 >= b->len)
			four[2] = '=';
		must(buf_add(&raw, four, 4));
		/* Lines of no one length: nothing may be computed from them. */
		if ((column += 4) > 60 + i % 17) {
			must(buf_adds(&raw, "\r\n"));
			column = 0;
		}
	}
	must(buf_adds(&raw, "\r\n"));
}

static void
add_qp(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] >= 'a' && b->data[i] <= 'z')
			must(buf_add(&raw, b->data + i, 1));
		else
			must(buf_addf(&raw, "=%02X", b->data[i]));
		if (i % 24 == 23)
			must(buf_adds(&raw, "=\r\n"));
	}
	must(buf_adds(&raw, "\r\n"));
}

static void
write_message(void)
{
	static uint8_t noise[BIG];
	size_t i;

	secret_random(noise, sizeof(noise));
	must(buf_adds(&raw,
	    "From: a@acme.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" BOUND
	    "\r\nHello\r\n" BOUND "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n"));
	must(buf_adds(&file[1], "Hello"));
	must(buf_add(&file[2], noise, BIG));
	add_base64(&file[2]);
	must(buf_adds(&raw,
	    BOUND "Content-Type: application/x-b\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	must(buf_add(&file[3], noise + 7, 300001));
	add_qp(&file[3]);
	must(buf_adds(&raw,
	    BOUND "Content-Type: application/x-c\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n\r\n"));
	for (i = 0; i < BIG; i++)
		noise[i] = i % 70 == 69 ? '\n' : (uint8_t)('a' + i % 26);
	must(buf_add(&file[4], noise, BIG));
	must(buf_add(&raw, noise, BIG));
	must(buf_adds(&raw, "\r\n--b--\r\n"));
}

/* ---- the store ------------------------------------------------------------------- */

static int
keep(void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e)
{
	return chunk_add(arg, &tenant_a, &sample.m.id, 0, seq, sealed, n, e);
}

static int
store_message(struct db *db, struct err *e)
{
	struct message *m = &sample.m;
	struct seal_writer *w;
	int r;

	if (db_begin(db, &tenant_a, e) == -1)
		return -1;
	secret_random(msg.dek, sizeof(msg.dek));
	w = seal_writer_new(msg.dek, &tenant_a, &m->id, 0, keep, db);
	r = seal_writer_add(w, raw.data, raw.len, e);
	if (r == 0)
		r = seal_writer_end(w, e);
	m->size = seal_writer_size(w);
	m->chunks = seal_writer_chunks(w);
	memcpy(m->content_header, seal_writer_header(w), SEAL_CONTENT_HEADER);
	seal_writer_free(w);
	if (r == -1 || message_add(db, &tenant_a, m, e) == -1 ||
	    reader_add(db, &tenant_a, &sample.guest, e) == -1 ||
	    reader_add(db, &tenant_a, &sample.member, e) == -1 ||
	    notice_add(db, &tenant_a, &sample.notice, e) == -1)
		return -1;
	return db_commit(db, e);
}

static int
begin(void **state)
{
	struct mail_memory memory;
	struct mail_source src;
	struct db *db;
	struct err e;

	if (cluster_start(state) == -1)
		return -1;
	mail_init();
	write_message();
	memory = (struct mail_memory){raw.data, raw.len};
	mail_source_memory(&src, &memory);
	must(mail_parse(&src, &msg.manifest, &e));
	sample_fill(
	    &sample, &tenant_a, &account_a, "DOWNLOAD", "carol@x.example");
	db = cluster_db("restante_intake");
	if (store_message(db, &e) == -1) {
		print_error("%s\n", e.text);
		return -1;
	}
	db_close(db);
	msg.tenant = tenant_a;
	msg.row = sample.m;
	for (int i = 0; i < 2; i++) {
		desk[i].db = cluster_db("restante_portal");
		desk[i].shared = i == 0 ? desk_shared_new() : desk[0].shared;
	}
	super = cluster_raw("postgres", "restante");
	return 0;
}

static int
end(void **state)
{
	desk_shared_free(desk[0].shared);
	for (int i = 0; i < 2; i++)
		db_close(desk[i].db);
	PQfinish(super);
	manifest_free(msg.manifest);
	sample_clear(&sample);
	buf_free(&raw);
	for (int i = 0; i < 5; i++)
		buf_free(&file[i]);
	return cluster_stop(state);
}

/* Each test is a session of its own, of the recipient. */
static int
fresh(void **state)
{
	(void)state;
	secret_random(visit.hash, sizeof(visit.hash));
	msg.reader = sample.guest;
	if (strcmp(cluster_try(super, "TRUNCATE event"), "00000") != 0)
		return -1;
	return 0;
}

/* ---- asking ------------------------------------------------------------------------ */

static const struct buf *
clear_of(uint32_t no)
{
	return no == DESK_WHOLE ? &raw : &file[no];
}

static struct desk_download *
open_file(uint32_t no)
{
	struct desk_download *dl = NULL;
	struct err e = {0};

	if (desk_download_open(&desk[0], &visit, &msg, no, &dl, &e) == -1)
		fail_msg("part %u: %s", no, e.text);
	return dl;
}

/* The bytes of it, the two threads in turn; -1 with what came until then. */
static int
take(struct desk_download *dl, uint64_t n, struct buf *out, struct err *e)
{
	size_t from = out->len, before;
	int turn = 0;

	while (out->len - from < n) {
		before = out->len;
		if (desk_download_next(&desk[turn++ & 1], dl, out, e) == -1) {
			assert_int_equal(out->len, before);
			return -1;
		}
		assert_true(out->len > before);
		assert_true(out->len - before <= LIMIT_STREAM_BLOCK);
	}
	assert_int_equal(out->len - from, n);
	return 0;
}

static long
events(const char *detail)
{
	char query[200];

	snprintf(query, sizeof(query),
	    "SELECT count(*) FROM event WHERE kind = 10 AND slot = 1"
	    " AND detail LIKE '%s'",
	    detail);
	return cluster_number(super, query);
}

static void
end_as(struct desk_download *dl, bool complete)
{
	struct err e = {0};

	assert_int_equal(desk_download_end(&desk[1], dl, complete, &e), 0);
}

/* A range of a file, taken or broken off after it was all handed out. */
static void
range(uint32_t no, uint64_t first, uint64_t n, bool complete)
{
	struct desk_download *dl = open_file(no);
	struct buf out = BUF_INIT;
	struct err e = {0};

	must(buf_adds(&out, "in front"));
	desk_download_range(dl, first, n);
	assert_int_equal(take(dl, n, &out, &e), 0);
	assert_memory_equal(out.data, "in front", 8);
	assert_memory_equal(out.data + 8, clear_of(no)->data + first, n);
	end_as(dl, complete);
	buf_free(&out);
}

/* ---- tests ------------------------------------------------------------------------- */

static const uint32_t all[] = {1, 2, 3, 4, DESK_WHOLE};
#define ALL (sizeof(all) / sizeof(all[0]))

static void
whole_files(void **state)
{
	struct buf out = BUF_INIT;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		struct desk_download *dl = open_file(all[i]);
		const struct buf *want = clear_of(all[i]);

		assert_int_equal(desk_download_size(dl), want->len);
		buf_clear(&out);
		assert_int_equal(take(dl, want->len, &out, &e), 0);
		assert_memory_equal(out.data, want->data, want->len);
		/* Nothing comes behind the end. */
		assert_int_equal(
		    desk_download_next(&desk[0], dl, &out, &e), -1);
		assert_int_equal(events("%"), i);
		end_as(dl, true);
		assert_int_equal(events("%"), i + 1);
	}
	assert_int_equal(events("part 3"), 1);
	assert_int_equal(events("raw message"), 1);
	buf_free(&out);
}

static void
ranges(void **state)
{
	static const size_t edge[] = {0, 1, SEAL_CHUNK - 1, SEAL_CHUNK,
	    SEAL_CHUNK + 1, LIMIT_STREAM_BLOCK - 1, LIMIT_STREAM_BLOCK,
	    LIMIT_STREAM_BLOCK + 1};

	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		const size_t size = clear_of(all[i])->len;

		for (size_t k = 0; k < sizeof(edge) / sizeof(edge[0]); k++) {
			if (edge[k] + 1 >= size)
				continue;
			range(all[i], edge[k], 1, false);
			range(all[i], edge[k], size - edge[k], false);
			range(all[i], size - edge[k] - 1, edge[k] + 1, false);
		}
		for (int k = 0; k < 12; k++) {
			uint32_t at = secret_uniform((uint32_t)size);

			range(all[i], at,
			    1 + secret_uniform((uint32_t)(size - at)), false);
		}
	}
	assert_int_equal(events("%"), 0);
}

static void
tags(void **state)
{
	char tag[ALL + 1][65];

	(void)state;
	for (size_t i = 0; i <= ALL; i++) {
		struct desk_download *dl;

		/* The last one as another reader, in another session. */
		if (i == ALL) {
			fresh(NULL);
			msg.reader = sample.member;
		}
		dl = open_file(all[i % ALL]);
		desk_download_tag(dl, tag[i]);
		assert_int_equal(strlen(tag[i]), 64);
		assert_int_equal(strspn(tag[i], "0123456789abcdef"), 64);
		end_as(dl, false);
		for (size_t k = 0; k < i && i < ALL; k++)
			assert_string_not_equal(tag[i], tag[k]);
	}
	assert_string_equal(tag[ALL], tag[0]);
	/* Keyed: the same file under another message's key is not told by it. */
	msg.dek[0] ^= 1;
	{
		struct desk_download *dl = NULL;
		struct err e;

		assert_int_equal(
		    desk_download_open(&desk[0], &visit, &msg, 2, &dl, &e), -1);
		assert_int_equal(e.code, ERR_DENIED);
	}
	msg.dek[0] ^= 1;
}

static void
no_such_file(void **state)
{
	static const uint32_t no[] = {0, 5, UINT32_MAX - 1};
	struct desk_download *dl = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		assert_int_equal(
		    desk_download_open(&desk[0], &visit, &msg, no[i], &dl, &e),
		    -1);
		assert_int_equal(e.code, ERR_NOT_FOUND);
	}
	/* A place past the message's end. */
	msg.manifest->parts[4].length = raw.len;
	msg.manifest->parts[4].size = raw.len;
	assert_int_equal(
	    desk_download_open(&desk[0], &visit, &msg, 4, &dl, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	msg.manifest->parts[4].length = msg.manifest->parts[4].size = BIG;
	assert_null(dl);
}

static void
all_of_it_is_recorded(void **state)
{
	(void)state;
	range(2, 0, BIG, false);
	assert_int_equal(events("%"), 0);
	range(2, 1, BIG - 2, true);
	assert_int_equal(events("%"), 0);
	range(2, 0, BIG, true); /* the control */
	assert_int_equal(events("part 2"), 1);
	/* Resumed: broken off, and the rest from somewhere in there. */
	range(3, 0, 300001, false);
	assert_int_equal(events("part 3"), 0);
	range(3, 200000, 100001, true);
	assert_int_equal(events("part 3"), 1);
	/* In two pieces. */
	range(4, 0, 70000, true);
	assert_int_equal(events("part 4"), 0);
	range(4, 70000, BIG - 70000, true);
	assert_int_equal(events("part 4"), 1);
}

static void
some_of_it_is_not(void **state)
{
	(void)state;
	range(4, 0, 70000, false);
	range(4, 70001, BIG - 70001, true); /* a hole */
	range(3, 200000, 100001, true);     /* the end alone */
	range(2, 0, 100, false);
	secret_random(visit.hash, sizeof(visit.hash));
	range(2, 100, BIG - 100, true); /* somebody else's */
	assert_int_equal(events("%"), 0);
	msg.reader.role = READER_SENDER;
	range(2, 0, BIG, true);
	assert_int_equal(events("%"), 0);
	msg.reader.role = READER_RECIPIENT; /* the control */
	range(2, 0, BIG, true);
	assert_int_equal(events("%"), 1);
}

/* Acknowledged, says the caller; but not all of it had been made. */
static void
an_early_end_is_not_whole(void **state)
{
	struct desk_download *dl = open_file(4);
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(desk_download_next(&desk[0], dl, &out, &e), 0);
	assert_true(out.len < BIG);
	end_as(dl, true);
	assert_int_equal(events("%"), 0);
	buf_free(&out);
}

static long
set_chunk(const char *change)
{
	char command[300], id[ID_TEXT_LEN];

	id_format(&sample.m.id, id);
	snprintf(command, sizeof(command),
	    "UPDATE chunk SET %s AND message_id = '%s'", change, id);
	return strcmp(cluster_try(super, command), "00000");
}

#define FLIP "data = set_byte(data, 99, get_byte(data, 99) # 1)"

static void
changed_chunks_are_not_served(void **state)
{
	struct desk_download *dl = open_file(DESK_WHOLE), *none = NULL;
	const uint32_t last = sample.m.chunks - 1;
	struct buf out = BUF_INIT;
	char change[100];
	struct err e;

	(void)state;
	/* In the second block: the first is served, of the second nothing. */
	assert_int_equal(set_chunk(FLIP " WHERE seq = 19"), 0);
	assert_int_equal(take(dl, raw.len, &out, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_int_equal(out.len, LIMIT_STREAM_BLOCK);
	assert_memory_equal(out.data, raw.data, out.len);
	/* Nor later, and nothing of it is recorded. */
	assert_int_equal(set_chunk(FLIP " WHERE seq = 19"), 0);
	assert_int_equal(desk_download_next(&desk[0], dl, &out, &e), -1);
	end_as(dl, true);
	/* The last one is looked at before any other. */
	snprintf(change, sizeof(change), FLIP " WHERE seq = %u", last);
	assert_int_equal(set_chunk(change), 0);
	assert_int_equal(
	    desk_download_open(&desk[0], &visit, &msg, 1, &none, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	assert_int_equal(set_chunk(change), 0);
	/* Two that changed places. */
	dl = open_file(DESK_WHOLE);
	assert_int_equal(set_chunk("seq = 9999 WHERE seq = 3"), 0);
	buf_clear(&out);
	assert_int_equal(take(dl, raw.len, &out, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	end_as(dl, true);
	assert_int_equal(set_chunk("seq = 3 WHERE seq = 9999"), 0);
	assert_int_equal(events("%"), 0);
	range(DESK_WHOLE, 0, raw.len, true); /* the control */
	assert_int_equal(events("%"), 1);
	buf_free(&out);
}

/* What is not what was accepted ends short of its last bytes. */
static void
another_digest_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALL; i++) {
		uint8_t *sha = all[i] == DESK_WHOLE ?
		    msg.manifest->sha256 :
		    msg.manifest->parts[all[i]].sha256;
		const size_t size = clear_of(all[i])->len;
		struct desk_download *dl;
		struct buf out = BUF_INIT;
		struct err e;

		sha[31] ^= 1;
		dl = open_file(all[i]);
		assert_int_equal(take(dl, size, &out, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		assert_true(out.len < size);
		end_as(dl, true);
		if (size > 1)
			range(all[i], 1, size - 1, true); /* unchecked */
		sha[31] ^= 1;
		buf_free(&out);
	}
	assert_int_equal(events("%"), 0);
}

static long
in_transaction(void)
{
	/* Its end is not waited for. */
	assert_string_equal(
	    cluster_try(super, "SELECT pg_sleep(0.2)"), "00000");
	return cluster_number(super,
	    "SELECT count(*) FROM pg_stat_activity"
	    " WHERE usename = 'restante_portal' AND state <> 'idle'");
}

static void
nothing_is_held_between_blocks(void **state)
{
	struct desk_download *dl = open_file(2);
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(in_transaction(), 0);
	assert_int_equal(desk_download_next(&desk[0], dl, &out, &e), 0);
	assert_int_equal(in_transaction(), 0);
	/* The connection it came over may go. */
	assert_true(
	    cluster_number(super,
		"SELECT count(pg_terminate_backend(pid)) FROM"
		" pg_stat_activity WHERE usename = 'restante_portal'") > 0);
	assert_int_equal(take(dl, BIG - out.len, &out, &e), 0);
	assert_memory_equal(out.data, file[2].data, BIG);
	end_as(dl, true);
	assert_int_equal(events("%"), 1);
	/* The control: a transaction is seen. */
	assert_int_equal(db_begin(desk[0].db, &tenant_a, &e), 0);
	assert_int_equal(reader_list(desk[0].db, &tenant_a, &msg.row.id,
			     &msg.people, &msg.n_people, &e),
	    0);
	assert_int_equal(in_transaction(), 1);
	db_rollback(desk[0].db);
	free(msg.people);
	msg.people = NULL;
	buf_free(&out);
}

#define T(f) cmocka_unit_test_setup(f, fresh)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(whole_files),
	    T(ranges),
	    T(tags),
	    T(no_such_file),
	    T(all_of_it_is_recorded),
	    T(some_of_it_is_not),
	    T(an_early_end_is_not_whole),
	    T(changed_chunks_are_not_served),
	    T(another_digest_is_cut),
	    T(nothing_is_held_between_blocks),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
