/*
 * test_portal_form.c: what forms send, decoded: one row a case, each limit and one past
 * it; every boundary of a real body broken at every byte.
 */
#include "portal/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/limits.h"
#include "portal/form_part.h"

#define URL        "application/x-www-form-urlencoded"
#define MP         "multipart/form-data; boundary=B"
#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE(name, file)                                                      \
	"Content-Disposition: form-data; name=\"" name "\"; filename=\"" file \
	"\"\r\nContent-Type: text/plain\r\n\r\n"
#define N(s) (s), sizeof(s) - 1

static const struct {
	const char *name;
	const char *type;
	const char *body;
	size_t len;
	int count;        /* fields; -1: refused */
	const char *want; /* the first field's value or content */
	size_t want_len;
	const char *want_name;
	const char *file; /* its file name; NULL: not a file */
} rows[] = {
    {"nothing", URL, N(""), 0, NULL, 0, NULL, NULL},
    {"one", URL, N("a=b"), 1, N("b"), "a", NULL},
    {"with a charset", URL ";charset=utf-8", N("a=b"), 1, N("b"), "a", NULL},
    {"type in capitals", "APPLICATION/X-WWW-FORM-URLENCODED", N("a=b"), 1,
	N("b"), "a", NULL},
    {"no value", URL, N("a="), 1, N(""), "a", NULL},
    {"no equals sign", URL, N("a"), 1, N(""), "a", NULL},
    {"two equals signs", URL, N("a=b=c"), 1, N("b=c"), "a", NULL},
    {"plus and percent", URL, N("a=b+c%20d%2Be"), 1, N("b c d+e"), "a", NULL},
    {"line breaks", URL, N("a=b%0D%0Ac%0d"), 1, N("b\r\nc\r"), "a", NULL},
    {"raw line break", URL, N("a=b\r\nc"), 1, N("b\r\nc"), "a", NULL},
    {"bytes over 127", URL, N("a=%ff%C3%A9\xc3\xa9"), 1,
	N("\xff\xc3\xa9\xc3\xa9"), "a", NULL},
    {"percent before no digits", URL, N("a=100%&b=%4"), 2, N("100%"), "a",
	NULL},
    {"percent at the end", URL, N("a=%"), 1, N("%"), "a", NULL},
    {"percent with bad digits", URL, N("a=%zz%4g"), 1, N("%zz%4g"), "a", NULL},
    {"encoded name", URL, N("a%62=c"), 1, N("c"), "ab", NULL},
    {"two of one name", URL, N("a=1&a=2"), 2, N("1"), "a", NULL},
    {"empty pairs", URL, N("&&a=1&&"), 1, N("1"), "a", NULL},
    {"empty name", URL, N("=1"), -1, NULL, 0, NULL, NULL},
    {"NUL in a value", URL, N("a=b%00"), -1, NULL, 0, NULL, NULL},
    {"raw NUL", URL, N("a=\0b"), -1, NULL, 0, NULL, NULL},
    {"NUL in a part", MP, N("--B\r\n" HEAD("a") "b\0\r\n--B--\r\n"), -1, NULL,
	0, NULL, NULL},
    {"NUL in a name", URL, N("a%00b=1"), -1, NULL, 0, NULL, NULL},
    {"semicolon separates nothing", URL, N("a=1;b=2"), 1, N("1;b=2"), "a",
	NULL},
    {"another type", "text/plain", N("a=b"), -1, NULL, 0, NULL, NULL},
    {"no type", "", N("a=b"), -1, NULL, 0, NULL, NULL},
    {"a longer type", URL "x", N("a=b"), -1, NULL, 0, NULL, NULL},

    {"part", MP, N("--B\r\n" HEAD("a") "b\r\n--B--\r\n"), 1, N("b"), "a", NULL},
    {"no line break at the end", MP, N("--B\r\n" HEAD("a") "b\r\n--B--"), 1,
	N("b"), "a", NULL},
    {"empty part", MP, N("--B\r\n" HEAD("a") "\r\n--B--\r\n"), 1, N(""), "a",
	NULL},
    {"parts", MP,
	N("--B\r\n" HEAD("a") "b\r\n--B\r\n" HEAD("c") "d\r\n--B--\r\n"), 2,
	N("b"), "a", NULL},
    {"none at all", MP, N("--B--\r\n"), 0, NULL, 0, NULL, NULL},
    {"lines and a cut boundary", MP,
	N("--B\r\n" HEAD("a") "b\r\n--\r\n\r\n-\n--B\r\n--Bx\r\n--B--\r\n"), 1,
	N("b\r\n--\r\n\r\n-\n--B\r\n--Bx"), "a", NULL},
    {"boundary at once after the head", MP,
	N("--B\r\n" HEAD("a") "--B\r\n--B--\r\n"), -1, NULL, 0, NULL, NULL},
    {"white space after a boundary", MP,
	N("--B \t\r\n" HEAD("a") "b\r\n--B-- \r\n"), 1, N("b"), "a", NULL},
    {"quoted boundary", "multipart/form-data; boundary=\"a b?\"",
	N("--a b?\r\n" HEAD("a") "b\r\n--a b?--\r\n"), 1, N("b"), "a", NULL},
    {"other parameters", "multipart/form-data; charset=utf-8; BOUNDARY=B; x=y",
	N("--B\r\n" HEAD("a") "b\r\n--B--\r\n"), 1, N("b"), "a", NULL},
    {"file", MP, N("--B\r\n" FILE("f", "x.txt") "\0\xff\r\n\r\n--B--\r\n"), 1,
	N("\0\xff\r\n"), "f", "x.txt"},
    {"no file chosen", MP, N("--B\r\n" FILE("f", "") "\r\n--B--\r\n"), 0, NULL,
	0, NULL, NULL},
    {"empty file", MP, N("--B\r\n" FILE("f", "x") "\r\n--B--\r\n"), 1, N(""),
	"f", "x"},
    {"file without name", MP, N("--B\r\n" FILE("f", "") "x\r\n--B--\r\n"), 1,
	N("x"), "f", ""},
    {"quotes in a file's name", MP,
	N("--B\r\n" FILE("f", "a%22b%0d%0A%20.txt") "x\r\n--B--\r\n"), 1,
	N("x"), "f", "a\"b\r\n%20.txt"},
    {"quotes as curl writes them", MP,
	N("--B\r\n" FILE("f", "a\\\"b.txt") "x\r\n--B--\r\n"), 1, N("x"), "f",
	"a\"b.txt"},
    {"path with backslashes", MP,
	N("--B\r\n" FILE("f", "C:\\dir\\a.txt") "x\r\n--B--\r\n"), 1, N("x"),
	"f", "C:\\dir\\a.txt"},
    {"name that ends in a backslash", MP,
	N("--B\r\n" FILE("f", "a\\") "x\r\n--B--\r\n"), 1, N("x"), "f", "a\\"},
    {"bytes in a file's name", MP,
	N("--B\r\n" FILE("f", "\xff\xc3\xa9") "x\r\n--B--\r\n"), 1, N("x"), "f",
	"\xff\xc3\xa9"},
    {"fields in small letters", MP,
	N("--B\r\ncontent-disposition:form-data;name=a\r\n\r\nb\r\n--B--\r\n"),
	1, N("b"), "a", NULL},
    {"other fields", MP,
	N("--B\r\nX-A: b\r\nContent-Transfer-Encoding: 8bit\r\n" HEAD(
	    "a") "b\r\n--B--\r\n"),
	1, N("b"), "a", NULL},

    {"no boundary", "multipart/form-data", N("--B--\r\n"), -1, NULL, 0, NULL,
	NULL},
    {"empty boundary", "multipart/form-data; boundary=", N("--\r\n"), -1, NULL,
	0, NULL, NULL},
    {"empty quoted boundary", "multipart/form-data; boundary=\"\"", N("--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"two boundaries", "multipart/form-data; boundary=A; boundary=B",
	N("--B--\r\n"), -1, NULL, 0, NULL, NULL},
    {"boundary with a line break", "multipart/form-data; boundary=\"A\nB\"",
	N("--B--\r\n"), -1, NULL, 0, NULL, NULL},
    {"open quote", "multipart/form-data; boundary=\"B", N("--B--\r\n"), -1,
	NULL, 0, NULL, NULL},
    {"multipart/mixed", "multipart/mixed; boundary=B", N("--B--\r\n"), -1, NULL,
	0, NULL, NULL},
    {"empty body", MP, N(""), -1, NULL, 0, NULL, NULL},
    {"preamble", MP, N("x\r\n--B\r\n" HEAD("a") "b\r\n--B--\r\n"), -1, NULL, 0,
	NULL, NULL},
    {"epilogue", MP, N("--B\r\n" HEAD("a") "b\r\n--B--\r\nmore"), -1, NULL, 0,
	NULL, NULL},
    {"no last boundary", MP, N("--B\r\n" HEAD("a") "b"), -1, NULL, 0, NULL,
	NULL},
    {"last boundary cut", MP, N("--B\r\n" HEAD("a") "b\r\n--B-"), -1, NULL, 0,
	NULL, NULL},
    {"bare line feeds", MP,
	N("--B\nContent-Disposition: form-data; name=\"a\"\n\nb\n--B--\n"), -1,
	NULL, 0, NULL, NULL},
    {"part without a head", MP, N("--B\r\nb\r\n--B--\r\n"), -1, NULL, 0, NULL,
	NULL},
    {"part without disposition", MP,
	N("--B\r\nContent-Type: text/plain\r\n\r\nb\r\n--B--\r\n"), -1, NULL, 0,
	NULL, NULL},
    {"part without name", MP,
	N("--B\r\nContent-Disposition: form-data\r\n\r\nb\r\n--B--\r\n"), -1,
	NULL, 0, NULL, NULL},
    {"empty name", MP, N("--B\r\n" HEAD("") "b\r\n--B--\r\n"), -1, NULL, 0,
	NULL, NULL},
    {"two names", MP,
	N("--B\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nb\r\n"
	  "--B--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"two dispositions", MP,
	N("--B\r\nContent-Disposition: form-data; name=a\r\n" HEAD(
	    "a") "b\r\n--B--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"attachment", MP,
	N("--B\r\nContent-Disposition: attachment; name=a\r\n\r\nb\r\n--B--"
	  "\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"base64", MP,
	N("--B\r\nContent-Transfer-Encoding: base64\r\n" HEAD(
	    "a") "Yg==\r\n--B--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"folded field", MP,
	N("--B\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\nb\r\n"
	  "--B--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"NUL in a head", MP,
	N("--B\r\nContent-Disposition: form-data; name=\"a\0\"\r\n\r\nb\r\n"
	  "--B--\r\n"),
	-1, NULL, 0, NULL, NULL},
    {"open quote in a head", MP,
	N("--B\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--B--"
	  "\r\n"),
	-1, NULL, 0, NULL, NULL},
};

static bool
is_form(const char *type)
{
	const size_t n = strcspn(type, "; ");

	return (n == 33 && strncasecmp(type, URL, n) == 0) ||
	    (n == 19 && strncasecmp(type, "multipart/form-data", n) == 0);
}

static void
test_rows(void **state)
{
	struct form f = FORM_INIT;
	struct err e;
	const void *have;
	size_t i;
	int got;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		got = form_decode(
		    rows[i].type, rows[i].body, rows[i].len, &f, &e);
		if ((got == -1) != (rows[i].count == -1) ||
		    (got == 0 && f.n != (size_t)rows[i].count))
			fail_msg("%s: %d, %zu fields", rows[i].name, got, f.n);
		if (got == -1) {
			assert_int_equal(e.code,
			    is_form(rows[i].type) ? ERR_BAD_INPUT : ERR_TYPE);
			assert_int_equal(f.n, 0);
			assert_null(f.field);
		}
		if (rows[i].want != NULL) {
			have = rows[i].file == NULL ?
			    (const void *)f.field[0].value :
			    f.field[0].data;
			assert_string_equal(f.field[0].name, rows[i].want_name);
			if (f.field[0].len != rows[i].want_len ||
			    memcmp(have, rows[i].want, f.field[0].len) != 0)
				fail_msg("%s: '%.*s'", rows[i].name,
				    (int)f.field[0].len, (const char *)have);
			if (rows[i].file != NULL)
				assert_string_equal(
				    f.field[0].file_name, rows[i].file);
		}
		form_free(&f);
	}
}

static void
test_get(void **state)
{
	struct form f = FORM_INIT;
	struct err e;

	(void)state;
	assert_int_equal(form_query("a=1&b=&a=2&c=x%01y&%C3%A9=z", &f, &e), 0);
	assert_string_equal(form_get(&f, "a"), "1");
	assert_string_equal(form_get(&f, "b"), "");
	assert_string_equal(form_get(&f, "c"), "x\x01y");
	assert_string_equal(form_get(&f, "d"), "");
	assert_string_equal(form_get(&f, "\xc3\xa9"), "z");
	assert_true(form_has(&f, "b"));
	assert_true(form_has(&f, "c"));
	assert_false(form_has(&f, "d"));
	assert_int_equal(f.field[3].len, 3);
	form_free(&f);
}

/* So many fields, and one more; so long a name, and one more. */
static void
test_limits(void **state)
{
	struct form f = FORM_INIT;
	struct buf b = BUF_INIT, mp = BUF_INIT;
	char name[FORM_NAME_MAX + 2];
	struct err e;
	int i;

	(void)state;
	for (i = 0; i <= LIMIT_FORM_FIELDS; i++) {
		if (i == LIMIT_FORM_FIELDS) {
			assert_int_equal(form_query(buf_cstr(&b), &f, &e), 0);
			assert_int_equal(f.n, LIMIT_FORM_FIELDS);
			form_free(&f);
		}
		assert_int_equal(buf_adds(&b, "&a=b"), 0);
		assert_int_equal(buf_adds(&mp, "--B\r\n" HEAD("a") "b\r\n"), 0);
	}
	assert_int_equal(form_query(buf_cstr(&b), &f, &e), -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	assert_int_equal(f.n, 0);
	assert_int_equal(buf_adds(&mp, "--B--\r\n"), 0);
	assert_int_equal(form_decode(MP, mp.data, mp.len, &f, &e), -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	memset(name, 'a', sizeof(name));
	name[FORM_NAME_MAX + 1] = '\0';
	assert_int_equal(form_query(name, &f, &e), -1);
	name[FORM_NAME_MAX] = '\0';
	assert_int_equal(form_query(name, &f, &e), 0);
	form_free(&f);
	buf_free(&b);
	buf_free(&mp);
}

/* A head of so many bytes, and one more; a boundary of 70, and of 71. */
static void
test_head_limits(void **state)
{
	static const char head[] = HEAD("a");
	struct form f = FORM_INIT;
	struct buf b = BUF_INIT;
	char type[200], boundary[80];
	struct err e;
	size_t n;
	int over;

	(void)state;
	for (over = 0; over <= 1; over++) {
		buf_clear(&b);
		assert_int_equal(buf_adds(&b, "--B\r\nX: "), 0);
		n = FORM_PART_HEAD_MAX - 5 - (sizeof(head) - 1) + (size_t)over;
		while (n-- > 0)
			assert_int_equal(buf_adds(&b, "x"), 0);
		assert_int_equal(buf_adds(&b, "\r\n"), 0);
		assert_int_equal(buf_adds(&b, head), 0);
		assert_int_equal(buf_adds(&b, "v\r\n--B--\r\n"), 0);
		assert_int_equal(form_decode(MP, b.data, b.len, &f, &e), -over);
		form_free(&f);

		memset(boundary, 'b', sizeof(boundary));
		boundary[FORM_BOUNDARY_MAX + over] = '\0';
		snprintf(type, sizeof(type), "multipart/form-data; boundary=%s",
		    boundary);
		buf_clear(&b);
		assert_int_equal(buf_addf(&b, "--%s--\r\n", boundary), 0);
		assert_int_equal(
		    form_decode(type, b.data, b.len, &f, &e), -over);
		form_free(&f);
	}
	buf_free(&b);
}

/* Cut anywhere, a body is refused; with any byte changed it never does harm. */
static void
test_broken(void **state)
{
	static const char body[] = "--B\r\n" HEAD("a") "b\r\n--B\r\n" FILE(
	    "f", "x.txt") "content\r\n--B--\r\n";
	struct form f = FORM_INIT;
	struct err e;
	size_t n = sizeof(body) - 1, i;
	uint8_t *copy;
	int c;

	(void)state;
	for (i = 0; i < n - 2; i++) {
		copy = malloc(i + 1);
		memcpy(copy, body, i);
		assert_int_equal(form_decode(MP, copy, i, &f, &e), -1);
		free(copy);
	}
	for (i = 0; i < n; i++) {
		for (c = 0; c < 256; c++) {
			copy = malloc(n);
			memcpy(copy, body, n);
			copy[i] = (uint8_t)c;
			if (form_decode(MP, copy, n, &f, &e) == 0)
				form_free(&f);
			assert_null(f.field);
			free(copy);
		}
	}
}

/* The sanitizer looks at all that is left at every search: so little of it there. */
#ifdef RESTANTE_SANITIZE
#define ALMOST 100000
#else
#define ALMOST 1000000
#endif

/* Megabytes of almost-boundaries are read once. */
static void
test_linear(void **state)
{
	struct buf b = BUF_INIT;
	struct form f = FORM_INIT;
	struct err e;
	int i;

	(void)state;
	assert_int_equal(buf_adds(&b, "--B\r\n" FILE("f", "x")), 0);
	for (i = 0; i < ALMOST; i++)
		assert_int_equal(buf_adds(&b, "\r\n--BB\r\n--Bx"), 0);
	assert_int_equal(form_decode(MP, b.data, b.len, &f, &e), -1);
	assert_int_equal(buf_adds(&b, "\r\n--B--\r\n"), 0);
	assert_int_equal(form_decode(MP, b.data, b.len, &f, &e), 0);
	assert_int_equal(f.n, 1);
	form_free(&f);
	buf_free(&b);
}

/* What people type comes through both encodings byte for byte. */
static void
check_string(const char *s, size_t len)
{
	struct form f = FORM_INIT;
	struct buf b = BUF_INIT;
	struct err e;
	size_t i;

	assert_int_equal(buf_adds(&b, "x=&a="), 0);
	for (i = 0; i < len; i++)
		assert_int_equal(
		    buf_addf(&b, "%%%02x", (unsigned char)s[i]), 0);
	assert_int_equal(form_decode(URL, b.data, b.len, &f, &e), 0);
	assert_int_equal(f.field[1].len, len);
	assert_memory_equal(f.field[1].value, s, len);
	form_free(&f);
	buf_clear(&b);
	assert_int_equal(buf_adds(&b, "--B\r\n" HEAD("a")), 0);
	assert_int_equal(buf_add(&b, s, len), 0);
	assert_int_equal(buf_adds(&b, "\r\n--B--\r\n"), 0);
	assert_int_equal(form_decode(MP, b.data, b.len, &f, &e), 0);
	assert_int_equal(f.field[0].len, len);
	assert_memory_equal(f.field[0].value, s, len);
	form_free(&f);
	buf_free(&b);
}

static void
test_strings(void **state)
{
	const char *corpora = getenv("CORPORA");
	char path[1024];
	json_t *all;
	size_t i;

	(void)state;
	snprintf(path, sizeof(path), "%s/strings/blns.json",
	    corpora == NULL ? "../shared/corpora" : corpora);
	all = json_load_file(path, 0, NULL);
	if (all == NULL)
		skip();
	for (i = 0; i < json_array_size(all); i++)
		check_string(json_string_value(json_array_get(all, i)),
		    json_string_length(json_array_get(all, i)));
	json_decref(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_head_limits),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_linear),
	    cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests_name("portal form", tests, NULL, NULL);
}
