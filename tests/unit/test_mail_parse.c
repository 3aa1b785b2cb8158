/*
 * The MIME tree: structure, ambiguity, boundaries, and damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail_parsed.h"

static void
fields_of_a_message(void **state)
{
	struct manifest *m = parsed(mail_nested);

	(void)state;
	assert_string_equal(m->subject,
	    "Gr\xc3\xbc\xc3\x9f"
	    "e and more");
	assert_string_equal(m->from.name, "Alic\xc3\xa9 Example");
	assert_string_equal(m->from.address, "alice@acme.example");
	assert_int_equal(m->n_to, 4);
	assert_string_equal(m->to[0].address, "carol@partner.example");
	assert_string_equal(m->to[1].address, "dan@x.example");
	assert_string_equal(m->to[2].name, "E, F");
	assert_string_equal(m->to[2].address, "e@x.example");
	assert_string_equal(m->to[3].name, "Ambassador");
	assert_string_equal(m->to[3].address, "");
	assert_string_equal(m->message_id, "m1@acme.example");
	assert_string_equal(m->in_reply_to, "m0@acme.example");
	assert_int_equal(m->date, INT64_C(1795179480) * 1000000);
	manifest_free(m);
}

static void
tree_of_a_message(void **state)
{
	static const struct {
		const char *type;
		uint32_t depth;
		bool leaf, attached;
	} want[] = {
	    {"multipart/mixed", 0, false, false},
	    {"multipart/alternative", 1, false, false},
	    {"text/plain", 2, true, false},
	    {"text/html", 2, true, false},
	    {"application/pdf", 1, true, true},
	    {"message/rfc822", 1, true, true},
	};
	struct manifest *m = parsed(mail_nested);

	(void)state;
	assert_int_equal(m->n_parts, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(m->parts[i].no, i);
		assert_string_equal(m->parts[i].type, want[i].type);
		assert_int_equal(m->parts[i].depth, want[i].depth);
		assert_int_equal(m->parts[i].leaf, want[i].leaf);
		assert_int_equal(m->parts[i].attached, want[i].attached);
	}
	assert_int_equal(m->text_part, 2);
	assert_int_equal(m->html_part, 3);
	assert_string_equal(m->parts[2].charset, "iso-8859-1");
	assert_string_equal(m->parts[4].name, "r\xc3\xa9sum\xc3\xa9.pdf");
	assert_string_equal(m->parts[4].cid, "c1@acme.example");
	parsed_decodes_to(mail_nested, &m->parts[2],
	    "Gr\xfc\xdf"
	    "e");
	parsed_decodes_to(mail_nested, &m->parts[3], "<p>Hello");
	parsed_decodes_to(mail_nested, &m->parts[4], "hello");
	manifest_free(m);
}

#define MIXED   "Content-Type: multipart/mixed; boundary=b\r\n"
#define BODY    "\r\n--b\r\n\r\nx\r\n--b--\r\n"
#define TYPE(s) "Content-Type: " s "\r\n"

static void
ambiguous_messages_have_no_tree(void **state)
{
	static const struct {
		const char *name, *raw;
		bool ambiguous;
	} cases[] = {
	    {"control", MIXED BODY, false},
	    {"type twice", MIXED "Content-Type: text/plain\r\n" BODY, true},
	    {"type twice, other case and a space",
		MIXED "content-TYPE : text/plain\r\n" BODY, true},
	    {"encoding twice",
		"Content-Transfer-Encoding: 7bit\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nx\r\n",
		true},
	    {"disposition twice",
		"Content-Disposition: inline\r\n"
		"Content-Disposition: attachment\r\n\r\nx\r\n",
		true},
	    {"in a part",
		MIXED "\r\n--b\r\nContent-Type: text/plain\r\n"
		      "Content-Type: text/html\r\n\r\nx\r\n--b--\r\n",
		true},
	    {"no boundary", "Content-Type: multipart/mixed\r\n" BODY, true},
	    {"empty boundary",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n" BODY, true},
	    {"two boundaries",
		"Content-Type: multipart/mixed; boundary=b; boundary=c\r\n" BODY,
		true},
	    {"boundary in pieces",
		"Content-Type: multipart/mixed; boundary*0=b; boundary*1=c\r\n"
		"\r\n--bc\r\n\r\nx\r\n",
		true},
	    {"a quoted word boundary is none",
		"Content-Type: multipart/mixed; x=\"; boundary=c\"; boundary=b"
		"\r\n" BODY,
		false},
	    {"encoded multipart",
		MIXED "Content-Transfer-Encoding: base64\r\n" BODY, true},
	    {"8bit multipart", MIXED "Content-Transfer-Encoding: 8bit\r\n" BODY,
		false},
	    {"multipart in an encoding that nobody knows",
		MIXED "Content-Transfer-Encoding: x\r\n" BODY, true},
	    {"encoding with a comment",
		"Content-Transfer-Encoding: base64 (x)\r\n\r\nx\r\n", true},
	    {"two encodings in one field",
		"Content-Transfer-Encoding: 7bit, base64\r\n\r\nx\r\n", true},
	    {"quoted encoding",
		"Content-Transfer-Encoding: \"base64\"\r\n\r\nx\r\n", true},
	    {"encoding that nobody knows",
		"Content-Transfer-Encoding: x-y z\r\n\r\nx\r\n", false},
	    {"encoding with a blank behind",
		"Content-Transfer-Encoding: base64 \r\n\r\neA==\r\n", false},
	    {"a comment", TYPE("multipart/mixed (x); boundary=b") BODY, true},
	    {"a comment in front", TYPE("(x) multipart/mixed; boundary=b") BODY,
		true},
	    {"a comment within", TYPE("multi(x)part/mixed; boundary=b") BODY,
		true},
	    {"a comment behind", TYPE("multipart/mixed; boundary=b(c)") BODY,
		true},
	    {"a comment on text", TYPE("text/plain (x); charset=utf-8") BODY,
		false},
	    {"no semicolon", TYPE("multipart/mixed boundary=b") BODY, true},
	    {"a comma", TYPE("multipart/mixed, boundary=b") BODY, true},
	    {"no subtype", TYPE("multipart; boundary=b") BODY, true},
	    {"a blank before the slash",
		TYPE("multipart /mixed; boundary=b") BODY, true},
	    {"quoted type", TYPE("\"multipart/mixed\"; boundary=b") BODY, true},
	    {"another type first",
		TYPE("text/plain, multipart/mixed; boundary=b") BODY, true},
	    {"a type that is none", TYPE(";;;===") BODY, false},
	    {"boundary of another type", TYPE("text/plain; boundary=b") BODY,
		false},
	    {"semicolons", TYPE("multipart/mixed;; ;boundary=b; ;") BODY,
		false},
	    {"blanks around the sign",
		TYPE("multipart/mixed; boundary = b") BODY, false},
	    {"other parameters",
		TYPE("multipart/related; type=text/html; start=<a@b>; x=; "
		     "boundary=b") BODY,
		false},
	    {"parameter without a value",
		TYPE("multipart/mixed; x; boundary=b") BODY, true},
	    {"boundary that needs quotes",
		TYPE("multipart/mixed; boundary=a=b") BODY, true},
	    {"boundary with a blank",
		TYPE("multipart/mixed; boundary=b c") BODY, true},
	    {"boundary that ends in a blank",
		TYPE("multipart/mixed; boundary=\"b \"") "\r\n--b \r\n\r\nx"
							 "\r\n--b --\r\n",
		true},
	    {"boundary that begins with a blank",
		TYPE("multipart/mixed; boundary=\" b\"") BODY, true},
	    {"boundary in single quotes",
		TYPE("multipart/mixed; boundary='b'") BODY, true},
	    {"boundary in angles",
		TYPE("multipart/mixed; boundary=\"<b>\"") "\r\n--<b>\r\n\r\nx"
							  "\r\n--<b>--\r\n",
		true},
	    {"boundary with one angle",
		TYPE("multipart/mixed; boundary=\"b>\"") "\r\n--b>\r\n\r\nx"
							 "\r\n--b>--\r\n",
		false},
	    {"boundary with one single quote",
		TYPE("multipart/mixed; boundary=b'") "\r\n--b'\r\n\r\nx\r\n",
		false},
	    {"boundary with an escape",
		TYPE("multipart/mixed; boundary=\"\\b\"") BODY, true},
	    {"boundary with a tab",
		TYPE("multipart/mixed; boundary=\"b\tc\"") BODY, true},
	    {"boundary of 8 bits",
		TYPE("multipart/mixed; boundary=\"\xe9\"") BODY, true},
	    {"boundary that never ends",
		TYPE("multipart/mixed; boundary=\"b") BODY, true},
	    {"boundary that is an encoded word",
		TYPE("multipart/mixed; boundary=\"=?utf-8?Q?b?=\"") BODY, true},
	    {"boundary both ways",
		TYPE("multipart/mixed; boundary=b; boundary*=utf-8''c") BODY,
		true},
	    {"boundary with much in quotes",
		TYPE(
		    "multipart/mixed; boundary=\"b'()+_,-./:=? c\"") "\r\n"
								     "--b'()+_,-./:=? c\r\n\r\nx\r\n",
		false},
	    {"more than a boundary", MIXED "\r\n--b\r\n\r\n--bc\r\n--b--\r\n",
		true},
	    {"more than the last", MIXED "\r\n--b\r\n\r\nx\r\n--b--c\r\n",
		true},
	    {"text behind a boundary", MIXED "\r\n--b x\r\n\r\nx\r\n--b--\r\n",
		true},
	    {"text behind the last", MIXED "\r\n--b\r\n\r\nx\r\n--b-- x\r\n",
		true},
	    {"text behind a boundary behind the last", MIXED BODY "--b x\r\n",
		true},
	    {"a blank in the last", MIXED "\r\n--b\r\n\r\nx\r\n--b --\r\n",
		true},
	    {"blanks behind both", MIXED "\r\n--b \t\r\n\r\nx\r\n--b-- \t\r\n",
		false},
	    {"one boundary begins as the outer",
		MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=bc"
		      "\r\n\r\n--bc\r\n\r\nx\r\n--bc--\r\n--b--\r\n",
		false},
	    {"the outer begins as it",
		TYPE("multipart/mixed; boundary=bc") "\r\n--bc\r\n" MIXED BODY
						     "--bc--\r\n",
		true},
	    {"the outer's own", MIXED "\r\n--b\r\n" MIXED BODY, true},
	    {"one that was closed",
		MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=c"
		      "\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b\r\n"
		      "Content-Type: multipart/mixed; boundary=c"
		      "\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--\r\n",
		false},
	    {"a part behind the last", MIXED BODY "--b\r\n\r\nhidden\r\n",
		true},
	    {"a part behind the last of an inner one",
		MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=c"
		      "\r\n\r\n--c--\r\n--c\r\n\r\nx\r\n--b--\r\n",
		true},
	    {"the last again", MIXED BODY "--b--\r\n", false},
	    {"a line that is no field", "what\r\n" MIXED BODY, false},
	    {"a line that is no field among others",
		"Subject: x\r\nwhat\r\n" MIXED BODY, true},
	    {"a line that is no field, in text",
		"Subject: x\r\nwhat\r\nContent-Type: text/html\r\n\r\nx\r\n",
		false},
	    {"a line that is no field, in base64",
		"Subject: x\r\nwhat\r\nContent-Transfer-Encoding: base64\r\n"
		"\r\nx\r\n",
		true},
	    {"a mailbox's first line", "From a@b Mon\r\n" MIXED BODY, false},
	    {"a mailbox's line among others",
		"Subject: x\r\nFrom a@b Mon\r\n" MIXED BODY, true},
	    {"a fold of blanks", "Subject: x\r\n \t\r\n" MIXED BODY, true},
	    {"a fold first", " x\r\nSubject: x\r\n" MIXED BODY, true},
	    {"a blank before the colon",
		"Content-Type : multipart/mixed; boundary=b\r\n" BODY, true},
	    {"a blank before the colon of another",
		"Subject : x\r\n" MIXED BODY, true},
	    {"a blank before the colon, in text",
		"Subject : x\r\nContent-Type: text/html\r\n\r\nx\r\n", false},
	    {"a CR alone in the header",
		"Subject: x\rContent-Type: text/plain\r\n" MIXED BODY, true},
	    {"a form feed behind an encoding",
		"Content-Transfer-Encoding: base64\f\r\n\r\neA==\r\n", true},
	    {"a form feed in a text's header", "Subject: x\fy\r\n\r\nx\r\n",
		false},
	    {"a CR alone in a text's header", "Subject: x\ry\r\n\r\nx\r\n",
		false},
	    {"an LF alone before a boundary",
		MIXED "\r\nx\n--b\r\n\r\nx\r\n--b--\r\n", true},
	    {"an LF alone behind a boundary",
		MIXED "\r\n--b\n\r\nx\r\n--b--\r\n", true},
	    {"an LF alone elsewhere", MIXED "\r\n--b\r\n\r\nx\ny\r\n--b--\r\n",
		false},
	    {"a CR alone before a boundary",
		MIXED "\r\n--b\r\n\r\nx\r--b\r\n--b--\r\n", true},
	    {"a CR alone elsewhere",
		MIXED "\r\n--b\r\n\r\nx\r--x\r\r\n--b--\r\n", false},
	    {"LF everywhere",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
		false},
	    {"a boundary in the header", MIXED "--b\r\n" BODY, true},
	    {"a boundary in the header of a text",
		MIXED "\r\n--b\r\nX: y\r\n--b--\r\n", false},
	    {"a boundary in the header of a multipart",
		MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=c"
		      "\r\n--b--\r\n",
		true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest *m = parsed(cases[i].raw);

		if (m->ambiguous != cases[i].ambiguous)
			fail_msg("%s", cases[i].name);
		assert_int_equal(m->n_parts == 0, m->ambiguous);
		assert_true(!m->ambiguous || m->text_part == -1);
		manifest_free(m);
	}
}

static void
a_nul_in_a_header_is_ambiguous(void **state)
{
	static const char raw[] = "Subject: x\0y\r\n" MIXED BODY;
	struct manifest *m = parsed_n(raw, sizeof(raw) - 1);

	(void)state;
	assert_true(m->ambiguous);
	manifest_free(m);
}

static void
which_parts_are_bodies_and_which_are_files(void **state)
{
	static const struct {
		const char *name, *raw;
		int text, html;
		size_t files;
	} cases[] = {
	    {"plain", "\r\nhello\r\n", 0, -1, 0},
	    {"html", "Content-Type: text/html\r\n\r\n<p>\r\n", -1, 0, 0},
	    {"a file alone",
		"Content-Type: application/pdf; name=a.pdf\r\n\r\nx\r\n", -1,
		-1, 1},
	    {"text as attachment",
		"Content-Disposition: attachment\r\n\r\nx\r\n", -1, -1, 1},
	    {"body, file, second text",
		MIXED
		"\r\n--b\r\n\r\nfirst\r\n--b\r\nContent-Type: image/png\r\n"
		"\r\nx\r\n--b\r\n\r\nfooter\r\n--b--\r\n",
		1, -1, 2},
	    {"named text is a file",
		MIXED
		"\r\n--b\r\nContent-Type: text/plain; name=notes.txt\r\n\r\n"
		"x\r\n--b\r\n\r\nbody\r\n--b--\r\n",
		2, -1, 1},
	    {"related in alternative",
		"Content-Type: multipart/alternative; boundary=a\r\n\r\n"
		"--a\r\n\r\ntext\r\n--a\r\n"
		"Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n"
		"Content-Type: text/html\r\n\r\n<p>\r\n--r\r\n"
		"Content-Type: image/png\r\nContent-ID: <i@x>\r\n\r\nx\r\n"
		"--r--\r\n--a--\r\n",
		1, 3, 1},
	    {"digest children are messages",
		"Content-Type: multipart/digest; boundary=b\r\n" BODY, -1, -1,
		1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest *m = parsed(cases[i].raw);
		size_t files = 0;

		for (size_t k = 0; k < m->n_parts; k++)
			files += m->parts[k].attached;
		if (m->text_part != cases[i].text ||
		    m->html_part != cases[i].html || files != cases[i].files)
			fail_msg("%s: text %d html %d files %zu", cases[i].name,
			    m->text_part, m->html_part, files);
		manifest_free(m);
	}
}

static void
boundaries(void **state)
{
	static const struct {
		const char *name, *raw;
		size_t parts;
		uint64_t length; /* of the first leaf */
	} cases[] = {
	    {"never closed", MIXED "\r\n--b\r\n\r\nxyz", 2, 3},
	    {"never opened", MIXED "\r\nnothing\r\n", 1, 0},
	    {"closed at once", MIXED "\r\n--b--\r\n", 1, 0},
	    {"empty part", MIXED "\r\n--b\r\n\r\n--b--\r\n", 2, 0},
	    {"part of its header alone",
		MIXED "\r\n--b\r\nContent-Type: text/html\r\n--b--\r\n", 2, 0},
	    {"line feeds",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nxyz\n--b--\n",
		2, 3},
	    {"white space behind", MIXED "\r\n--b \t\r\n\r\nxyz\r\n--b-- \r\n",
		2, 3},
	    {"parent ends child",
		MIXED "\r\n--b\r\n"
		      "Content-Type: multipart/mixed; boundary=c\r\n\r\n"
		      "--c\r\n\r\nxyz\r\n--b\r\n\r\nlast\r\n--c\r\n--b--\r\n",
		4, 3},
	    {"after the end, the end again",
		MIXED "\r\n--b\r\n\r\nxyz\r\n--b--\r\nx\r\n--b--\r\n", 2, 3},
	    {"a NUL in the content", MIXED "\r\n--b\r\n\r\nx", 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct manifest *m = parsed(cases[i].raw);
		uint64_t length = 0;

		for (size_t k = m->n_parts; k > 0; k--)
			if (m->parts[k - 1].leaf)
				length = m->parts[k - 1].length;
		if (m->n_parts != cases[i].parts || length != cases[i].length)
			fail_msg("%s: %zu parts, %u bytes", cases[i].name,
			    m->n_parts, (unsigned)length);
		manifest_free(m);
	}
}

/* Lines beyond every window, NULs, 8-bit headers, cut at every byte. */
static void
damage_does_no_harm(void **state)
{
	size_t n = 300000;
	uint8_t *p = malloc(n);
	struct manifest *m;

	(void)state;
	assert_non_null(p);
	memset(p, 'a', n);
	manifest_free(parsed_n(p, n));
	memcpy(p, "Subject: ", 9);
	manifest_free(parsed_n(p, n));
	memset(p, 0, n);
	manifest_free(parsed_n(p, n));
	memset(p, '\n', n);
	manifest_free(parsed_n(p, n));
	memset(p, 0xff, n);
	memcpy(p, "Subject: ", 9);
	memcpy(p + 500, "\r\n\r\n", 4);
	m = parsed_n(p, n);
	assert_true(text_is_utf8(m->subject, strlen(m->subject)));
	assert_int_equal(m->parts[0].length, n - 504);
	manifest_free(m);
	free(p);
	for (size_t i = 0; i < strlen(mail_nested); i++)
		manifest_free(parsed_n(mail_nested, i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_a_message),
	    cmocka_unit_test(tree_of_a_message),
	    cmocka_unit_test(ambiguous_messages_have_no_tree),
	    cmocka_unit_test(a_nul_in_a_header_is_ambiguous),
	    cmocka_unit_test(which_parts_are_bodies_and_which_are_files),
	    cmocka_unit_test(boundaries),
	    cmocka_unit_test(damage_does_no_harm),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
