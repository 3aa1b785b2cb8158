/* test_base_text.c: small operations on text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
copying_and_cutting(void **state)
{
	static const struct {
		const char *name, *in;
		size_t cap;
		int r;
		const char *copy, *cut;
	} cases[] = {
	    {"fits", "abc", 8, 0, "abc", "abc"},
	    {"fits exactly", "abcdefg", 8, 0, "abcdefg", "abcdefg"},
	    {"one past", "abcdefgh", 8, -1, "", "abcdefg"},
	    {"empty", "", 1, 0, "", ""},
	    {"no room", "a", 1, -1, "", ""},
	    {"cut in a character of 2", "abc\xc3\xa9", 5, -1, "", "abc"},
	    {"cut behind it", "abc\xc3\xa9z", 6, -1, "", "abc\xc3\xa9"},
	    {"cut in a character of 4", "a\xf0\x9f\x92\x8c", 4, -1, "", "a"},
	    {"all continuation bytes", "\x80\x80\x80\x80", 3, -1, "", ""},
	};
	char out[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(out, 'X', sizeof(out));
		if (text_copy(out, cases[i].cap, cases[i].in) != cases[i].r ||
		    strcmp(out, cases[i].copy) != 0)
			fail_msg("copy, %s: %s", cases[i].name, out);
		memset(out, 'X', sizeof(out));
		text_cut(out, cases[i].cap, cases[i].in);
		if (strcmp(out, cases[i].cut) != 0)
			fail_msg("cut, %s: %s", cases[i].name, out);
	}
	assert_int_equal(text_copy(out, 0, ""), -1);
}

#define FFFD "\xef\xbf\xbd"

static const struct {
	const char *name, *in;
	bool utf8;
	const char *shown;
} texts[] = {
    {"empty", "", true, ""},
    {"ASCII", "plain", true, "plain"},
    {"two to four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\x8c", true,
	"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\x8c"},
    {"first and last of each length",
	"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80"
	"\xf4\x8f\xbf\xbd",
	true,
	FFFD "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbd\xf0\x90\x80\x80"
	     "\xf4\x8f\xbf\xbd"},
    {"lone continuation", "a\x80z", false, "a" FFFD "z"},
    {"overlong slash", "\xc0\xaf", false, FFFD FFFD},
    {"overlong of three", "\xe0\x80\xaf", false, FFFD FFFD FFFD},
    {"overlong of four", "\xf0\x80\x80\xaf", false, FFFD FFFD FFFD FFFD},
    {"surrogate", "\xed\xa0\x80", false, FFFD FFFD FFFD},
    {"past U+10FFFF", "\xf4\x90\x80\x80", false, FFFD FFFD FFFD FFFD},
    {"five bytes", "\xf8\x88\x80\x80\x80", false, FFFD FFFD FFFD FFFD FFFD},
    {"cut short at the end", "a\xe2\x82", false, "a" FFFD},
    {"cut short before text", "\xe2\x82z", false, FFFD "z"},
    {"cut short before a character", "\xf0\x9f\x92\xc3\xa9", false,
	FFFD "\xc3\xa9"},
    {"tab and line feed", "a\tb\nc", true, "a\tb\nc"},
    {"CRLF and CR", "a\r\nb\rc\r\r\nd\r", true, "a\nb\nc\n\nd\n"},
    {"controls", "a\x01\x1b[31m\x7f", true, "a" FFFD FFFD "[31m" FFFD},
    {"C1 controls", "\xc2\x85\xc2\x9f", true, FFFD FFFD},
    {"no-break space stays", "\xc2\xa0", true, "\xc2\xa0"},
    {"bidirectional override",
	"a\xe2\x80\xae"
	"cod.exe",
	true, "acod.exe"},
    {"isolates and embeddings",
	"\xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad\xe2\x81\xa6"
	"\xe2\x81\xa7\xe2\x81\xa8\xe2\x81\xa9z",
	true, "z"},
    {"marks of direction stay", "\xe2\x80\x8e\xe2\x80\x8f", true,
	"\xe2\x80\x8e\xe2\x80\x8f"},
    {"what XML cannot hold", "\xef\xbf\xbe\xef\xbf\xbf", true, FFFD FFFD},
};

static void
utf8_and_showing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t n = strlen(texts[i].in);
		struct buf b = BUF_INIT;

		if (text_is_utf8(texts[i].in, n) != texts[i].utf8)
			fail_msg("is_utf8, %s", texts[i].name);
		assert_int_equal(text_show(&b, texts[i].in, n), 0);
		if (strcmp(buf_cstr(&b), texts[i].shown) != 0)
			fail_msg("show, %s: %s", texts[i].name, buf_cstr(&b));
		buf_free(&b);
	}
}

static void
showing_a_nul_and_any_bytes(void **state)
{
	struct buf b = BUF_INIT, again = BUF_INIT;
	char raw[64];

	(void)state;
	assert_int_equal(text_show(&b, "a\0b", 3), 0);
	assert_string_equal(buf_cstr(&b), "a" FFFD "b");
	for (int k = 0; k < 20000; k++) {
		size_t n = secret_uniform(sizeof(raw) + 1);

		secret_random(raw, n);
		buf_clear(&b);
		buf_clear(&again);
		assert_int_equal(text_show(&b, raw, n), 0);
		assert_true(text_is_utf8(buf_cstr(&b), b.len));
		/* What is fit to be shown stays as it is. */
		assert_int_equal(text_show(&again, buf_cstr(&b), b.len), 0);
		assert_int_equal(again.len, b.len);
		assert_string_equal(buf_cstr(&again), buf_cstr(&b));
	}
	buf_free(&b);
	buf_free(&again);
}

static void
case_space_and_prefix(void **state)
{
	char a[] = "MiXed \xc3\x89 09", b[] = " \t\r\n x y \v\f", c[] = "  ",
	     d[] = "";

	(void)state;
	text_lower(a);
	assert_string_equal(a, "mixed \xc3\x89 09");
	assert_string_equal(text_trim(b), "x y");
	assert_string_equal(text_trim(c), "");
	assert_string_equal(text_trim(d), "");
	assert_true(text_equal_ci("Alice", "aLICE"));
	assert_true(text_equal_ci("", ""));
	assert_false(text_equal_ci("Alice", "Alic"));
	assert_false(text_equal_ci("Alic", "Alice"));
	assert_false(text_equal_ci("[", "{"));
	assert_false(text_equal_ci("@", "`"));
	assert_true(text_starts("message", "mess"));
	assert_true(text_starts("message", ""));
	assert_false(text_starts("mes", "mess"));
}

static void
base64url_known_answers(void **state)
{
	static const struct {
		const char *name, *hex, *text;
	} cases[] = {
	    {"nothing", "", ""},
	    {"one byte", "66", "Zg"},
	    {"two bytes", "666f", "Zm8"},
	    {"three bytes", "666f6f", "Zm9v"},
	    {"the two last digits", "fbefff", "--__"},
	    {"eight bytes", "00108310518720ff", "ABCDEFGHIP8"},
	};
	uint8_t raw[16], back[16];
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].hex) / 2;

		assert_int_equal(text_unhex(cases[i].hex, raw, n), 0);
		text_base64url(raw, n, out);
		if (strcmp(out, cases[i].text) != 0)
			fail_msg("%s: %s", cases[i].name, out);
		assert_int_equal(text_unbase64url(out, back, n), 0);
		assert_memory_equal(raw, back, n);
	}
}

static void
malformed_base64url_and_hex(void **state)
{
	static const struct {
		const char *name, *text;
		size_t n;
	} cases[] = {
	    {"too long", "Zm9v", 2},
	    {"too short", "Zm9v", 4},
	    {"padding", "Zg==", 1},
	    {"left-over bits", "Zh", 1},
	    {"left-over bits of two", "Zm9", 2},
	    {"a lone digit", "Z", 0},
	    {"digits of the other kind", "++//", 3},
	    {"space", "Zm 9", 3},
	    {"high byte", "Zm9\xe9", 3},
	};
	uint8_t out[8], zero[8] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(out, 0, sizeof(out));
		if (text_unbase64url(cases[i].text, out, cases[i].n) != -1)
			fail_msg("%s", cases[i].name);
		assert_memory_equal(out, zero, sizeof(out));
	}
	assert_int_equal(text_unhex("00fF", out, 2), 0);
	assert_memory_equal(out, "\x00\xff", 2);
	assert_int_equal(text_unhex("00f", out, 2), -1);
	assert_int_equal(text_unhex("00fff", out, 2), -1);
	assert_int_equal(text_unhex("00fg", out, 2), -1);
	assert_int_equal(text_unhex("0x0f", out, 2), -1);
	assert_int_equal(text_unhex("", out, 0), 0);
}

static void
base64_of_sasl(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
	    {"nothing", "", ""},
	    {"no padding", "Zm9v", "foo"},
	    {"one sign", "Zm8=", "fo"},
	    {"two signs", "Zg==", "f"},
	    {"the two last digits", "++//", "\xfb\xef\xff"},
	    {"three signs", "Z===", NULL},
	    {"signs alone", "====", NULL},
	    {"two signs alone", "==", NULL},
	    {"padding missing", "Zg", NULL},
	    {"padding inside", "Zg==Zg==", NULL},
	    {"left-over bits", "Zh==", NULL},
	    {"url digits", "--__", NULL},
	    {"line break", "Zm9v\r\n", NULL},
	    {"space", "Zm 9", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = BUF_INIT;
		int r;

		assert_int_equal(buf_adds(&b, "kept:"), 0);
		r = text_unbase64(cases[i].text, strlen(cases[i].text), &b);
		if (r != (cases[i].want == NULL ? -1 : 0) ||
		    strncmp(buf_cstr(&b), "kept:", 5) != 0 ||
		    strcmp(buf_cstr(&b) + 5,
			cases[i].want == NULL ? "" : cases[i].want) != 0)
			fail_msg("%s", cases[i].name);
		buf_free(&b);
	}
}

static void
sizes_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} cases[] = {
	    {0, "0 B"},
	    {1, "1 B"},
	    {999, "999 B"},
	    {1000, "1 kB"},
	    {1049, "1 kB"},
	    {1050, "1.1 kB"},
	    {9949, "9.9 kB"},
	    {9950, "10 kB"},
	    {412345, "412 kB"},
	    {999499, "999 kB"},
	    {999500, "1 MB"},
	    {3200000, "3.2 MB"},
	    {52428800, "52 MB"},
	    {UINT64_C(2147483648), "2.1 GB"},
	    {UINT64_C(999999999999), "1 TB"},
	    {UINT64_C(5000000000000000), "5 PB"},
	    {UINT64_MAX, "18 EB"},
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		text_size(cases[i].bytes, out);
		assert_string_equal(out, cases[i].want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(copying_and_cutting),
	    cmocka_unit_test(utf8_and_showing),
	    cmocka_unit_test(showing_a_nul_and_any_bytes),
	    cmocka_unit_test(case_space_and_prefix),
	    cmocka_unit_test(base64url_known_answers),
	    cmocka_unit_test(malformed_base64url_and_hex),
	    cmocka_unit_test(base64_of_sasl),
	    cmocka_unit_test(sizes_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
