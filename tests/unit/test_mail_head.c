/*
 * What is read of a header: its fields, encoded words, names of files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "mail/name.h"
#include "mail_parsed.h"

/* Encoded words: what stands behind padding counts too. */
static void
encoded_words(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} cases[] = {
	    {"padded, then another",
		"=?UTF-8?B?w6Q=?=\r\n =?UTF-8?B?w7Y=?=", "\xc3\xa4\xc3\xb6"},
	    {"three of them",
		"=?utf-8?b?YQ==?= =?utf-8?B?Yg==?=\r\n\t=?UTF-8?B?Yw==?= d",
		"abc d"},
	    {"latin 1", "=?iso-8859-1?B?5A==?= =?iso-8859-1?B?9g==?=",
		"\xc3\xa4\xc3\xb6"},
	    {"two sets",
		"=?iso-8859-1?B?5A==?= =?utf-8?B?w7Y=?=", "\xc3\xa4\xc3\xb6"},
	    {"base64, then quoted", "=?utf-8?B?YQ==?= =?utf-8?Q?b?=", "ab"},
	    {"text between", "=?utf-8?B?YQ==?= x =?utf-8?B?Yg==?=", "a x b"},
	    {"cut", "=?utf-8?B?YQ==?= =?utf-8?B?Yg=", "a =?utf-8?B?Yg="},
	    {"an end that with its padding looks like a beginning",
		"=?utf-8?B?YQ==?=foo?b?c", "afoo?b?c"},
	    {"what is a parameter elsewhere", "5*=it's", "5*=it's"},
	    {"a set by another name", "=?x-sjis?B?h0A=?=", "\xe2\x91\xa0"},
	    {"Macintosh by its other name", "=?mac-roman?Q?=8A?=", "\xc3\xa4"},
	    {"a set with a language", "=?iso-8859-1*de?Q?=E4?=", "\xc3\xa4"},
	    {"a set that nobody knows", "=?klingon?Q?a?= =?klingon?B?Yg==?= c",
		"ab c"},
	    {"what is no word",
		"=?klingon is=?klingon?x?a?=", "=?klingon is=?klingon?x?a?="},
	    {"nothing in it",
		"=?utf-8?B?"
		"?= =?utf-8?B?Yg==?=",
		"b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest *m;
		char raw[300];

		snprintf(raw, sizeof(raw), "Subject: %s\r\n\r\nx\r\n",
		    cases[i].value);
		m = parsed(raw);
		if (strcmp(m->subject, cases[i].want) != 0)
			fail_msg("%s: [%s]", cases[i].name, m->subject);
		manifest_free(m);
	}
}

static void
head_before_a_full_parse(void **state)
{
	static const char raw[] =
	    "Received: a\r\n"
	    "Received: b\r\n"
	    "\tc\r\n"
	    "From: \"A, B\" <alice@acme.example>, bob@x.example\r\n"
	    "Message-ID: <m1@acme.example>\r\n"
	    "X-Restante: 1\r\n"
	    "\r\n"
	    "Received: not here\r\n";
	struct mail_head head;

	(void)state;
	mail_head_read(raw, strlen(raw), &head);
	assert_int_equal(head.received, 2);
	assert_true(head.ours);
	assert_false(head.dated);
	assert_false(head.too_big);
	assert_string_equal(head.from, "alice@acme.example");
	assert_string_equal(head.message_id, "m1@acme.example");
	mail_head_read("Date:\r\n\r\n", 9, &head);
	assert_true(head.dated);
	mail_head_read("", 0, &head);
	assert_false(head.dated);
	assert_int_equal(head.received, 0);
	assert_false(head.ours);
	assert_string_equal(head.from, "");
}

static void
names(void **state)
{
	static const struct {
		const char *raw, *safe;
	} cases[] = {
	    {"report.pdf", "report.pdf"},
	    {"../../etc/passwd", "passwd"},
	    {"C:\\Users\\a\\b.doc", "b.doc"},
	    {"a/", ""},
	    {"...", ""},
	    {".bashrc", "bashrc"},
	    {" . x.txt . ", "x.txt"},
	    {"a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"},
	    {"a\r\nb\tc\x01", "abc_"},
	    {"evil\xe2\x80\xae"
	     "fdp.exe",
		"evilfdp.exe"},
	    {"r\xc3\xa9sum\xc3\xa9", "r\xc3\xa9sum\xc3\xa9"},
	    {"bad\xff.txt", "bad_.txt"},
	    {"con", "_con"},
	    {"COM1.txt", "_COM1.txt"},
	    {"NUL.tar.gz", "_NUL.tar.gz"},
	    {"console", "console"},
	    {"", ""},
	};
	char out[LIMIT_FILE_NAME + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    mail_name_safe(cases[i].raw, strlen(cases[i].raw), out), 0);
		assert_string_equal(out, cases[i].safe);
	}
}

static void
names_at_the_limit_and_past_it(void **state)
{
	char raw[LIMIT_FILE_NAME + 3];
	char out[LIMIT_FILE_NAME + 1];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	memcpy(raw + LIMIT_FILE_NAME - 4, ".pdf", 5);
	assert_int_equal(mail_name_safe(raw, strlen(raw), out), 0);
	assert_string_equal(out, raw);
	/* One more, and a character of two bytes where the cut falls. */
	memset(raw, 'a', sizeof(raw));
	memcpy(raw + LIMIT_FILE_NAME - 5, "\xc3\xa9.pdf", 7);
	assert_int_equal(mail_name_safe(raw, strlen(raw), out), 0);
	assert_int_equal(strlen(out), LIMIT_FILE_NAME - 1);
	assert_string_equal(out + LIMIT_FILE_NAME - 5, ".pdf");
	assert_true(text_is_utf8(out, strlen(out)));
}

static void
encoded_names(void **state)
{
	static const struct {
		const char *header, *name;
	} cases[] = {
	    {"Content-Disposition: attachment; filename=\"=?utf-8?q?=C3=A4.txt?=\"",
		"\xc3\xa4.txt"},
	    {"Content-Disposition: attachment; filename*0=\"a b\"; filename*1=.txt",
		"a b.txt"},
	    {"Content-Disposition: attachment;\r\n"
	     " filename*0*=iso-8859-1''%E4; filename*1*=%20c; filename*2=.txt",
		"\xc3\xa4 c.txt"},
	    {"Content-Type: text/plain; name=\"only.txt\"", "only.txt"},
	    {"Content-Disposition: attachment; filename=\"a\x01/b\"", "b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char raw[512];
		struct manifest *m;

		snprintf(raw, sizeof(raw), "%s\r\n\r\nx\r\n", cases[i].header);
		m = parsed(raw);
		assert_string_equal(m->parts[0].name, cases[i].name);
		manifest_free(m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encoded_words),
	    cmocka_unit_test(head_before_a_full_parse),
	    cmocka_unit_test(names),
	    cmocka_unit_test(names_at_the_limit_and_past_it),
	    cmocka_unit_test(encoded_names),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
