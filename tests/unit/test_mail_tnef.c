/*
 * winmail.dat: its files, names and text, by itself and within a message; and damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "mail/parse.h"
#include "mail/tnef.h"
#include "mail_lies.h"

static void
le(struct buf *b, uint32_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_add_u8(b, (uint8_t)(v >> (8 * i))), 0);
}

static void
attribute(struct buf *b, uint32_t id, const void *p, size_t n)
{
	le(b, (id & 0xf000) == 0x9000 ? 1 : 2, 1);
	le(b, id, 4);
	le(b, (uint32_t)n, 4);
	assert_int_equal(buf_add(b, p, n), 0);
	le(b, 0, 2);
}

/* A property of one value; the length is told unless it is a number. */
static void
property(struct buf *b, unsigned type, unsigned id, const void *p, size_t n)
{
	le(b, type, 2);
	le(b, id, 2);
	if (id >= 0x8000) {
		for (int i = 0; i < 16; i++)
			le(b, 7, 1);
		le(b, id & 1, 4);
		le(b, id & 1 ? 6 : 5, 4);
		if (id & 1)
			le(b, 0x610061, 4), le(b, 0, 4);
	}
	if (type >= 0x0d && type != 0x40) {
		le(b, 1, 4);
		le(b, (uint32_t)n, 4);
	}
	assert_int_equal(buf_add(b, p, n), 0);
	while (n++ % 4 != 0)
		le(b, 0, 1);
}

static void
begin(struct buf *b)
{
	static const uint8_t codepage[8] = {0xe3, 4}; /* 1251 */

	le(b, 0x223e9f78, 4);
	le(b, 1, 2);
	attribute(b, 0x00069007, codepage, sizeof(codepage));
	attribute(b, 0x00018004, "Subject", 8);
}

/* Two files, of which the second has all that may be said of one, and a text. */
static void
sample(struct buf *b)
{
	static const char iid[] = "0123456789abcdef<object>";
	struct buf p = BUF_INIT;

	begin(b);
	attribute(b, 0x0002800c, "The text.", 10);
	le(&p, 5, 4);
	property(&p, 0x03, 0x3fde, "\xe9\xfd\0", 4); /* 65001 */
	property(&p, 0x40, 0x0e06, "12345678", 8);
	property(&p, 0x1e, 0x8001, "named", 6);
	property(&p, 0x03, 0x8002, "1234", 4);
	property(&p, 0x102, 0x1013, "<p>HTML", 7);
	attribute(b, 0x00069003, p.data, p.len);
	buf_free(&p);
	attribute(b, 0x00069002, "render", 6);
	attribute(b, 0x00018010, "..\\\xe0\xe1.txt", 10);
	attribute(b, 0x0006800f, "first file", 10);
	attribute(b, 0x00069002, "render", 6);
	attribute(b, 0x00018010, "SHORT~1.PDF", 12);
	le(&p, 6, 4);
	property(&p, 0x0b, 0x7ffe, "\1\0\0", 4);
	property(&p, 0x1f, 0x3707, "l\0\xe9\0n\0g\0.\0p\0d\0f\0\0", 16);
	property(&p, 0x1e, 0x370e, "application/PDF", 16);
	property(&p, 0x1e, 0x3712, "c@id", 5);
	property(&p, 0x0d, 0x3701, iid, sizeof(iid) - 1);
	property(&p, 0x1e, 0x3704, "again.txt", 10);
	attribute(b, 0x00069005, p.data, p.len);
	buf_free(&p);
}

struct found {
	struct tnef_item item[8];
	size_t n;
};

static int
take(void *arg, const struct tnef_item *item, struct err *e)
{
	struct found *f = arg;

	(void)e;
	if (f->n < 8)
		f->item[f->n++] = *item;
	return 0;
}

static void
read_in(const uint8_t *p, size_t n, size_t step, struct found *f)
{
	struct tnef *t = tnef_new(take, f);

	f->n = 0;
	assert_non_null(t);
	for (size_t at = 0; at < n; at += step)
		assert_int_equal(
		    tnef_add(t, p + at, n - at < step ? n - at : step, NULL),
		    0);
	assert_int_equal(tnef_end(t, NULL), 0);
	tnef_free(t);
}

static void
holds(const struct buf *b, const struct tnef_item *item, const char *want)
{
	assert_int_equal(item->size, strlen(want));
	assert_true(item->skip + item->size <= b->len);
	assert_memory_equal(b->data + item->skip, want, strlen(want));
}

static void
files_and_text_are_found(void **state)
{
	struct buf b = BUF_INIT;
	struct found f;

	(void)state;
	sample(&b);
	for (size_t step = 1; step <= b.len; step++) {
		read_in(b.data, b.len, step, &f);
		assert_int_equal(f.n, 4);
		assert_string_equal(f.item[0].name, "\xd0\xb0\xd0\xb1.txt");
		assert_string_equal(f.item[0].type, "");
		holds(&b, &f.item[0], "first file");
		assert_string_equal(f.item[1].name, "l\xc3\xa9ng.pdf");
		assert_string_equal(f.item[1].type, "application/PDF");
		assert_string_equal(f.item[1].cid, "c@id");
		holds(&b, &f.item[1], "<object>");
		assert_int_equal(f.item[2].kind, TNEF_TEXT);
		assert_string_equal(f.item[2].charset, "windows-1251");
		holds(&b, &f.item[2], "The text.");
		assert_int_equal(f.item[3].kind, TNEF_HTML);
		assert_string_equal(f.item[3].charset, "utf-8");
		holds(&b, &f.item[3], "<p>HTML");
	}
	tnef_free(NULL);
	buf_free(&b);
}

/* Cut anywhere, and with any octet another one: what is found lies within. */
static void
damage_does_no_harm(void **state)
{
	struct buf b = BUF_INIT;
	struct found f;

	(void)state;
	sample(&b);
	for (size_t n = 0; n < b.len; n++) {
		read_in(b.data, n, b.len, &f);
		for (size_t i = 0; i < f.n; i++)
			assert_true(f.item[i].skip + f.item[i].size <= n);
	}
	for (size_t at = 0; at < b.len; at++) {
		for (unsigned x = 1; x < 256; x += 2) {
			b.data[at] ^= (uint8_t)x;
			read_in(b.data, b.len, b.len, &f);
			for (size_t i = 0; i < f.n; i++)
				assert_true(
				    f.item[i].skip + f.item[i].size <= b.len);
			b.data[at] ^= (uint8_t)x;
		}
	}
	buf_free(&b);
}

/* A message with this winmail.dat, and a text of its own or none. */
static struct manifest *
message(const struct buf *tnef, const char *text, struct buf *out)
{
	char *base64 = g_base64_encode(tnef->data, tnef->len);
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *m;
	struct err e;

	assert_int_equal(
	    buf_addf(out,
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n%s"
		"--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--\r\n",
		text, base64),
	    0);
	g_free(base64);
	memory = (struct mail_memory){out->data, out->len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	return m;
}

static int
gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

static void
decodes_to(
    const struct buf *raw, const struct mail_part *part, const char *want)
{
	struct mail_memory memory = {raw->data, raw->len};
	struct mail_source src;
	struct buf b = BUF_INIT;

	mail_source_memory(&src, &memory);
	assert_int_equal(mail_part_decode(&src, part, gather, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
	assert_int_equal(part->size, strlen(want));
	buf_free(&b);
}

static void
files_are_parts_of_the_message(void **state)
{
	struct buf b = BUF_INIT, raw = BUF_INIT, json = BUF_INIT;
	struct manifest *m, *again;
	struct err e;

	(void)state;
	sample(&b);
	m = message(&b, "--b\r\n\r\nown text\r\n", &raw);
	assert_int_equal(m->n_parts, 5);
	assert_int_equal(m->text_part, 1);
	assert_int_equal(m->html_part, -1);
	assert_string_equal(m->parts[2].name, "winmail.dat");
	assert_int_equal(m->parts[3].box, 3);
	assert_true(m->parts[2].attached && m->parts[3].attached);
	assert_string_equal(m->parts[3].type, "application/octet-stream");
	decodes_to(&raw, &m->parts[3], "first file");
	assert_string_equal(m->parts[4].type, "application/pdf");
	decodes_to(&raw, &m->parts[4], "<object>");
	assert_int_equal(manifest_encode(m, &json, &e), 0);
	assert_int_equal(manifest_decode(json.data, json.len, &again, &e), 0);
	assert_int_equal(again->n_parts, 5);
	decodes_to(&raw, &again->parts[4], "<object>");
	manifest_free(m);
	manifest_free(again);
	buf_free(&b);
	buf_free(&raw);
	buf_free(&json);
}

static void
its_text_is_shown_where_there_is_none(void **state)
{
	struct buf b = BUF_INIT, raw = BUF_INIT, text = BUF_INIT;
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *m;
	struct err e;
	bool cut;

	(void)state;
	sample(&b);
	m = message(&b, "", &raw);
	assert_int_equal(m->n_parts, 6);
	assert_int_equal(m->text_part, 4);
	assert_int_equal(m->html_part, 5);
	assert_false(m->parts[4].attached);
	memory = (struct mail_memory){raw.data, raw.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_text(&src, m, &text, &cut, &e), 0);
	assert_string_equal(buf_cstr(&text), "The text.");
	manifest_free(m);
	buf_free(&b);
	buf_free(&raw);
	buf_free(&text);
}

static void
a_box_with_lies_is_corrupt(void **state)
{
	static const char *const lies[][2] = {
	    {"\"version\":3", "\"version\":1"},
	    {"\"part\":2", "\"part\":3"},
	    {"\"part\":2", "\"part\":1"},
	    {"\"part\":2", "\"part\":-1"},
	    {"\"skip\":", "\"skip\":99999"},
	    {"\"skip\":", "\"skip\":-"},
	    {"\"skip\":", "\"skap\":"},
	};
	struct buf b = BUF_INIT, raw = BUF_INIT, json = BUF_INIT;
	struct manifest *m;
	struct err e;

	(void)state;
	sample(&b);
	m = message(&b, "--b\r\n\r\nown text\r\n", &raw);
	assert_int_equal(manifest_encode(m, &json, &e), 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const char *at = strstr(buf_cstr(&json), lies[i][0]);

		assert_non_null(at);
		lie_is_refused(&json, at, lies[i][0], lies[i][1]);
	}
	manifest_free(m);
	buf_free(&b);
	buf_free(&raw);
	buf_free(&json);
}

static void
no_more_files_than_parts(void **state)
{
	struct buf b = BUF_INIT, raw = BUF_INIT;
	struct manifest *m;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		begin(&b);
		for (size_t i = 0; i < LIMIT_MIME_PARTS - 2 + over; i++) {
			attribute(&b, 0x00069002, "", 0);
			attribute(&b, 0x0006800f, "x", 1);
		}
		m = message(&b, "", &raw);
		assert_int_equal(m->n_parts, LIMIT_MIME_PARTS);
		assert_int_equal(m->cut, over);
		manifest_free(m);
		buf_free(&b);
		buf_free(&raw);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_and_text_are_found),
	    cmocka_unit_test(damage_does_no_harm),
	    cmocka_unit_test(files_are_parts_of_the_message),
	    cmocka_unit_test(its_text_is_shown_where_there_is_none),
	    cmocka_unit_test(a_box_with_lies_is_corrupt),
	    cmocka_unit_test(no_more_files_than_parts),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
