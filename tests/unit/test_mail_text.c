/*
 * The text a page shows: character sets, HTML, cuts, and time that grows with
 * the input and no faster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "mail/parse.h"

static void
shows(const char *name, const void *raw, size_t n, const char *want)
{
	struct mail_memory memory = {raw, n};
	struct mail_source src;
	struct buf b = BUF_INIT;
	struct manifest *m;
	struct err e = {0};
	bool cut;

	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	assert_int_equal(mail_text(&src, m, &b, &cut, &e), 0);
	if (strcmp(buf_cstr(&b), want) != 0)
		fail_msg("%s: [%s]", name, buf_cstr(&b));
	assert_false(cut);
	manifest_free(m);
	buf_free(&b);
}

static void
texts(void **state)
{
	static const struct {
		const char *name, *raw, *text;
	} cases[] = {
	    {"ascii", "\r\nhello\r\nyou\r\n", "hello\nyou\n"},
	    {"no header", "hello\r\n\r\nyou\r\n", "hello\n\nyou\n"},
	    {"no header but a trace",
		"Received: from a\r\n\tby b\r\nhello\r\nyou: too\r\n",
		"hello\nyou: too\n"},
	    {"a mailbox's line is no text", "From a Sat\r\nX: y\r\n\r\nhi",
		"hi"},
	    {"a quote of the boundary never closed",
		"Content-Type: multipart/mixed; boundary=\"a\r\n\r\n--a\r\n\r\nhi",
		"--a\n\nhi"},
	    {"a boundary that never comes",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\nhi", "hi"},
	    {"unknown encoding",
		"Content-Transfer-Encoding: x-odd\r\n\r\nhi =41", "hi =41"},
	    {"utf-8", "Content-Type: text/plain; charset=utf-8\r\n\r\n\xc3\xa9",
		"\xc3\xa9"},
	    {"latin 1 means windows-1252",
		"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\x80\xe9",
		"\xe2\x82\xac\xc3\xa9"},
	    {"no set, valid utf-8", "\r\n\xc3\xa9", "\xc3\xa9"},
	    {"no set, not utf-8", "\r\n\xe9", "\xc3\xa9"},
	    {"says utf-8 and is not",
		"Content-Type: text/plain; charset=utf-8\r\n\r\n\xe9",
		"\xc3\xa9"},
	    {"unknown set",
		"Content-Type: text/plain; charset=klingon\r\n\r\n\xc3\xa9",
		"\xc3\xa9"},
	    {"options in the set",
		"Content-Type: text/plain; charset=\"utf-16//IGNORE\"\r\n\r\nab",
		"ab"},
	    {"iso-2022-jp",
		"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
		"\x1b$B$\"\x1b(B!",
		"\xe3\x81\x82!"},
	    {"gb18030",
		"Content-Type: text/plain; charset=gb18030\r\n\r\n\xc4\xe3",
		"\xe4\xbd\xa0"},
	    {"broken shift_jis",
		"Content-Type: text/plain; charset=shift_jis\r\n\r\na\x82",
		"a\xef\xbf\xbd"},
	    {"a set that goes on, at the end",
		"Content-Type: text/plain; charset=windows-1258\r\n\r\nchao",
		"chao"},
	    {"a set that goes on, broken",
		"Content-Type: text/plain; charset=windows-1258\r\n\r\na\x8a",
		"a\xef\xbf\xbd"},
	    {"Microsoft's signs in shift_jis",
		"Content-Type: text/plain; charset=Shift_JIS\r\n\r\n\x87\x40\\~",
		"\xe2\x91\xa0\\~"},
	    {"Microsoft's Korean",
		"Content-Type: text/plain; charset=ks_c_5601-1987\r\n\r\n\x8c\x63",
		"\xeb\x98\xa0"},
	    {"an old name of Chinese",
		"Content-Type: text/plain; charset=gb_2312-80\r\n\r\n\xc4\xe3",
		"\xe4\xbd\xa0"},
	    {"a page with a dash",
		"Content-Type: text/plain; charset=win-1251\r\n\r\n\xe0",
		"\xd0\xb0"},
	    {"Hebrew as it is read",
		"Content-Type: text/plain; charset=iso-8859-8-i\r\n\r\n\xe0",
		"\xd7\x90"},
	    {"Turkish with quotes",
		"Content-Type: text/plain; charset=iso-8859-9\r\n\r\n\x93\xfd",
		"\xe2\x80\x9c\xc4\xb1"},
	    {"utf-8 by another name, and it is not",
		"Content-Type: text/plain; charset=utf8mb4\r\n\r\n\xe9",
		"\xc3\xa9"},
	    {"control characters",
		"\r\na\x07"
		"b",
		"a\xef\xbf\xbd"
		"b"},
	    {"html where there is no text",
		"Content-Type: text/html\r\n\r\n<p>a<p>b", "a\n\nb"},
	    {"an attachment alone", "Content-Type: application/pdf\r\n\r\nx",
		""},
	    {"ambiguous",
		"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\n"
		"<p>raw\r\n",
		"<p>raw\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		shows(cases[i].name, cases[i].raw, strlen(cases[i].raw),
		    cases[i].text);
}

static void
html(void **state)
{
	static const struct {
		const char *html, *text;
	} cases[] = {
	    {"", ""},
	    {"hello", "hello"},
	    {"<p>one<p>two", "one\n\ntwo"},
	    {"a<br>b<br/>c", "a\nb\nc"},
	    {"<div>a</div><div>b</div>", "a\nb"},
	    {"  a \n  b  ", "a b"},
	    {"a &amp; b &lt;c&gt; &eacute;&#8364;",
		"a & b <c> \xc3\xa9\xe2\x82\xac"},
	    {"<a href=\"https://x.example/\">here</a>.",
		"here <https://x.example/>."},
	    {"<a href=\"https://x.example/\">https://x.example/</a>",
		"https://x.example/"},
	    {"<a href=\"javascript:alert(1)\">here</a>", "here"},
	    {"<a href=\"mailto:a@x.example\">write</a>", "write <a@x.example>"},
	    {"<ul><li>one<li>two</ul>after", "- one\n- two\n\nafter"},
	    {"<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"},
	    {"<h1>Title</h1>text", "Title\n\ntext"},
	    {"<pre>a  b\n c</pre>", "a  b\n c"},
	    {"<script>alert('x')</script>a<style>p{}</style>b", "ab"},
	    {"<head><title>no</title></head><body>yes", "yes"},
	    {"<!-- no --><b>y</b>es", "yes"},
	    {"<img src=x alt='a cat'>", "a cat"},
	    {"<p>unclosed <b>tag", "unclosed tag"},
	    {"a &#7; b", "a b"},
	    {"<meta charset=utf-16><p>\xc3\xa9", "\xc3\xa9"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = BUF_INIT;

		assert_int_equal(mail_html_text(cases[i].html,
				     strlen(cases[i].html), "utf-8", &b, NULL),
		    0);
		if (strcmp(buf_cstr(&b), cases[i].text) != 0)
			fail_msg("%s: [%s]", cases[i].html, buf_cstr(&b));
		buf_free(&b);
	}
}

static void
text_at_the_limit_and_past_it(void **state)
{
	size_t max = LIMIT_SHOWN_TEXT + 1;
	char *raw = malloc(max + 2);

	(void)state;
	assert_non_null(raw);
	memset(raw, 'a', max + 2);
	memcpy(raw, "\r\n", 2);
	for (size_t over = 0; over < 2; over++) {
		struct mail_memory memory = {
		    (uint8_t *)raw, 2 + LIMIT_SHOWN_TEXT + over};
		struct mail_source src;
		struct buf b = BUF_INIT;
		struct manifest *m;
		bool cut;

		mail_source_memory(&src, &memory);
		assert_int_equal(mail_parse(&src, &m, NULL), 0);
		assert_int_equal(mail_text(&src, m, &b, &cut, NULL), 0);
		assert_int_equal(b.len, LIMIT_SHOWN_TEXT);
		assert_int_equal(cut, over);
		manifest_free(m);
		buf_free(&b);
	}
	free(raw);
}

/* `unit` over and over until n bytes; {} is a number that counts. */
static void
repeat(struct buf *b, const char *unit, size_t n)
{
	for (unsigned i = 0; b->len + strlen(unit) + 8 < n; i++) {
		const char *at = strstr(unit, "{}");

		if (at == NULL)
			assert_int_equal(buf_adds(b, unit), 0);
		else
			assert_int_equal(buf_addf(b, "%.*s%u%s",
					     (int)(at - unit), unit, i, at + 2),
			    0);
	}
}

/* Milliseconds of the processor that n bytes of it take; never less than 20. */
static double
html_cost(const char *start, const char *unit, size_t n)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct timespec from, to;
	double ms;

	assert_int_equal(buf_adds(&in, start), 0);
	repeat(&in, unit, n);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_int_equal(mail_html_text(in.data, in.len, "", &out, NULL), 0);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	buf_free(&in);
	buf_free(&out);
	ms = (double)(to.tv_sec - from.tv_sec) * 1e3 +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e6;
	return ms > 20 ? ms : 20;
}

/* Ten times the input, at most twelve times the work, in the best of five. */
static void
hostile_html_takes_linear_time(void **state)
{
	static const struct {
		const char *start, *unit;
	} cases[] = {
	    {"<a", " a{}"},
	    {"<a", " a{}='>'"},
	    {"<a", " a{}=\"<b\""},
	    {"", "<a a{}=1 b{}=2 c{}=3>"},
	    {"", "<div>"},
	    {"", "<b><i></u>"},
	    {"", "<x{}>"},
	    {"", "</x{}>"},
	    {"", "<!--"},
	    {"", "<!-- --"},
	    {"", "<![CDATA["},
	    {"", "<?x "},
	    {"", "&"},
	    {"", "&#x"},
	    {"", "<"},
	    {"", "<a href='"},
	    {"<script>", "</scrip"},
	    {"<style>", "<a "},
	    {"<textarea>", "<"},
	    {"", "<table><tr><td>"},
	    {"", "<p><form><p>"},
	    {"<a href=https://x/>", "<a>"},
	    {"<!DOCTYPE ", "x "},
	    {"<img src=\"data:image/png;base64,", "AAAA"},
	    {"", "\xff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double best = 1e9;

		for (int k = 0; k < 5 && best > 12; k++) {
			double small = html_cost(cases[i].start, cases[i].unit,
			    LIMIT_SHOWN_TEXT / 10);
			double ratio = html_cost(cases[i].start, cases[i].unit,
					   LIMIT_SHOWN_TEXT) /
			    small;

			best = ratio < best ? ratio : best;
		}
		if (best > 12)
			fail_msg("%s%s: times %.1f", cases[i].start,
			    cases[i].unit, best);
	}
}

static void
declarations_hold_no_text(void **state)
{
	static const char *const cases[][2] = {
	    {"<!DOCTYPE html><p>x", "x"},
	    {"a<!ENTITY x \"y\">b<!x>c", "abc"},
	    {"a<!-- <!x> -->b<!-- <!x -->c", "abc"},
	    {"a<!-- <!x> b", "a"},
	    {"a<!x b", "a<!x b"},
	    {"a <!", "a"},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = BUF_INIT;

		assert_int_equal(mail_html_text(cases[i][0],
				     strlen(cases[i][0]), "", &out, NULL),
		    0);
		if (strcmp(buf_cstr(&out), cases[i][1]) != 0)
			fail_msg("%s: [%s]", cases[i][0], buf_cstr(&out));
		buf_free(&out);
	}
}

static void
pictures_inside_the_page_hide_no_text(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;

	(void)state;
	assert_int_equal(
	    buf_adds(&in, "before<img src=\"data:image/png;base64,"), 0);
	for (int i = 0; i < 25000; i++)
		assert_int_equal(buf_adds(&in, "QUJD"), 0);
	assert_int_equal(buf_adds(&in, "\" alt=\"cat\">after"), 0);
	assert_int_equal(mail_html_text(in.data, in.len, "", &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), "beforecatafter");
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts),
	    cmocka_unit_test(html),
	    cmocka_unit_test(text_at_the_limit_and_past_it),
	    cmocka_unit_test(hostile_html_takes_linear_time),
	    cmocka_unit_test(pictures_inside_the_page_hide_no_text),
	    cmocka_unit_test(declarations_hold_no_text),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
