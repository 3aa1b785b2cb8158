/*
 * The MIME tree: structure, ambiguity, limits, names, and damage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail_lies.h"
#include "mail/decode.h"
#include "mail/lines.h"
#include "mail/name.h"
#include "mail/parse.h"

/* Where no more is read than must be, because it is known, all comes out the same. */
static void
same_when_known(const struct mail_source *src, const uint8_t *p, size_t n,
    const struct manifest *m)
{
	const uint8_t *end = memmem(p, n, "\r\n\r\n", 4);
	struct mail_known known = {
	    .body = end == NULL ? n : (size_t)(end + 4 - p)};
	struct mail_source half = *src;
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct manifest *again;
	struct err e = {0};

	SHA256(p, n, known.sha256);
	SHA256(p + known.body, n - (size_t)known.body, known.body_sha256);
	half.known = &known;
	assert_int_equal(mail_parse(&half, &again, &e), 0);
	assert_int_equal(manifest_encode(m, &a, &e), 0);
	assert_int_equal(manifest_encode(again, &b, &e), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	manifest_free(again);
	buf_free(&a);
	buf_free(&b);
}

static struct manifest *
parse_n(const void *p, size_t n)
{
	struct mail_memory memory = {p, n};
	struct mail_source src;
	struct manifest *m;
	struct err e = {0};

	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	assert_int_equal(m->size, n);
	same_when_known(&src, p, n, m);
	return m;
}

static struct manifest *
parse(const char *s)
{
	return parse_n(s, strlen(s));
}

static int
gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

static void
decodes_to(const char *s, const struct mail_part *part, const char *want)
{
	struct mail_memory memory = {(const uint8_t *)s, strlen(s)};
	struct mail_source src;
	struct buf b = BUF_INIT;

	mail_source_memory(&src, &memory);
	assert_int_equal(mail_part_decode(&src, part, gather, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
	assert_int_equal(b.len, part->size);
	buf_free(&b);
}

static const char nested[] =
    "From: =?utf-8?q?Alic=C3=A9?= Example <alice@acme.example>\r\n"
    "To: carol@partner.example, Team: dan@x.example, \"E, F\" <e@x.example>;\r\n"
    "Cc: Ambassador <am\xc3\xa9lie@x.example>\r\n"
    "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n"
    " and\tmore\r\n"
    "Date: Fri, 20 Nov 2026 13:58:00 +0100\r\n"
    "Message-ID: <m1@acme.example>\r\n"
    "In-Reply-To: junk <m0@acme.example> <m9@acme.example>\r\n"
    "Content-Type: multipart/mixed; boundary=\"out\"\r\n"
    "\r\n"
    "preamble --out\r\n"
    "--out\r\n"
    "Content-Type: multipart/alternative; boundary=out-in\r\n"
    "\r\n"
    "--out-in\r\n"
    "Content-Type: text/plain; charset=\"ISO-8859-1\"\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "Gr=FC=\r\n"
    "=DFe\r\n"
    "--out-in\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<p>Hello\r\n"
    "--out-in--\r\n"
    "--out\r\n"
    "Content-Type: application/pdf; name=\"x.exe\"\r\n"
    "Content-Disposition: attachment; filename*=utf-8''..%2Fr%C3%A9sum%C3%A9.pdf\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-ID: <c1@acme.example>\r\n"
    "\r\n"
    "aGVsbG8=\r\n"
    "\r\n"
    "--out\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Content-Type: multipart/mixed; boundary=deep\r\n"
    "\r\n"
    "--deep\r\n"
    "\r\n"
    "inside\r\n"
    "--deep--\r\n"
    "--out--\r\n"
    "epilogue\r\n";

static void
fields_of_a_message(void **state)
{
	struct manifest *m = parse(nested);

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
	struct manifest *m = parse(nested);

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
	decodes_to(nested, &m->parts[2],
	    "Gr\xfc\xdf"
	    "e");
	decodes_to(nested, &m->parts[3], "<p>Hello");
	decodes_to(nested, &m->parts[4], "hello");
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
		struct manifest *m = parse(cases[i].raw);

		if (m->ambiguous != cases[i].ambiguous)
			fail_msg("%s", cases[i].name);
		assert_int_equal(m->n_parts == 0, m->ambiguous);
		assert_true(!m->ambiguous || m->text_part == -1);
		manifest_free(m);
	}
}

/* A multipart of n parts, each one byte. */
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
		m = parse(raw);
		if (strcmp(m->subject, cases[i].want) != 0)
			fail_msg("%s: [%s]", cases[i].name, m->subject);
		manifest_free(m);
	}
}

static void
a_nul_in_a_header_is_ambiguous(void **state)
{
	static const char raw[] = "Subject: x\0y\r\n" MIXED BODY;
	struct manifest *m = parse_n(raw, sizeof(raw) - 1);

	(void)state;
	assert_true(m->ambiguous);
	manifest_free(m);
}

/* Parts with n octets of fields for each. */
static bool
fields_are_too_many(size_t parts, size_t n)
{
	struct buf b = BUF_INIT;
	struct manifest *m;
	bool cut;

	assert_int_equal(buf_adds(&b, MIXED "\r\n"), 0);
	for (size_t i = 0; i < parts; i++) {
		assert_int_equal(
		    buf_adds(&b, "--b\r\nContent-Type: text/plain; x="), 0);
		for (size_t k = 14; k < n; k++)
			assert_int_equal(buf_add_u8(&b, 'x'), 0);
		assert_int_equal(buf_adds(&b, "\r\n\r\n\r\n"), 0);
	}
	m = parse_n(b.data, b.len);
	cut = m->cut;
	assert_true(cut || m->n_parts == parts + 1);
	manifest_free(m);
	buf_free(&b);
	return cut;
}

static void
fields_of_all_parts_together_are_bounded(void **state)
{
	(void)state;
	/* The multipart's own has 27. */
	assert_false(fields_are_too_many(100, 4095));
	assert_true(fields_are_too_many(100, 4096));
	assert_false(fields_are_too_many(1999, 200));
}

static struct manifest *
many_parts(size_t n)
{
	struct buf b = BUF_INIT;
	struct manifest *m;

	assert_int_equal(buf_adds(&b, MIXED "\r\n"), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_adds(&b, "--b\r\n\r\nx\r\n"), 0);
	assert_int_equal(buf_adds(&b, "--b--\r\n"), 0);
	m = parse_n(b.data, b.len);
	buf_free(&b);
	return m;
}

static void
parts_at_the_limit_and_past_it(void **state)
{
	struct manifest *m = many_parts(LIMIT_MIME_PARTS - 1);

	(void)state;
	assert_int_equal(m->n_parts, LIMIT_MIME_PARTS);
	assert_false(m->cut);
	assert_int_equal(m->parts[LIMIT_MIME_PARTS - 1].length, 1);
	manifest_free(m);
	m = many_parts(LIMIT_MIME_PARTS);
	assert_int_equal(m->n_parts, LIMIT_MIME_PARTS);
	assert_true(m->cut);
	assert_int_equal(m->parts[LIMIT_MIME_PARTS - 1].length, 1);
	manifest_free(m);
}

/* A text below `depth` multiparts. */
static struct manifest *
deep(unsigned depth)
{
	struct buf b = BUF_INIT;
	struct manifest *m;

	for (unsigned i = 0; i < depth; i++)
		assert_int_equal(buf_addf(&b,
				     "Content-Type: multipart/mixed; "
				     "boundary=b%u.\r\n\r\n--b%u.\r\n",
				     i, i),
		    0);
	assert_int_equal(buf_adds(&b, "\r\nx\r\n"), 0);
	m = parse_n(b.data, b.len);
	buf_free(&b);
	return m;
}

static void
depth_at_the_limit_and_past_it(void **state)
{
	struct manifest *m = deep(LIMIT_MIME_DEPTH);

	(void)state;
	assert_int_equal(m->n_parts, LIMIT_MIME_DEPTH + 1);
	assert_int_equal(m->text_part, LIMIT_MIME_DEPTH);
	assert_false(m->cut);
	manifest_free(m);
	m = deep(LIMIT_MIME_DEPTH + 1);
	assert_int_equal(m->n_parts, LIMIT_MIME_DEPTH + 1);
	assert_true(m->cut);
	assert_true(m->parts[LIMIT_MIME_DEPTH].leaf);
	manifest_free(m);
}

/* A header of exactly n bytes before the empty line. */
static void
header_of(size_t n, struct buf *b)
{
	static const char start[] = "Subject: s\r\nX-Fill: ";

	assert_int_equal(buf_adds(b, start), 0);
	while (b->len < n - 2)
		assert_int_equal(buf_adds(b, "x"), 0);
	assert_int_equal(buf_adds(b, "\r\n\r\nbody\r\n"), 0);
}

static void
header_at_the_limit_and_past_it(void **state)
{
	struct mail_head head;

	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct buf b = BUF_INIT;
		struct manifest *m;

		header_of(LIMIT_HEADER_BLOCK + over * (MAIL_TRACE_MAX + 1), &b);
		m = parse_n(b.data, b.len);
		assert_int_equal(m->cut, over);
		assert_int_equal(m->n_parts, over ? 0 : 1);
		mail_head_read(b.data, b.len, &head);
		assert_int_equal(head.too_big, over);
		if (!over)
			assert_string_equal(m->subject, "s");
		manifest_free(m);
		buf_free(&b);
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
	assert_false(head.too_big);
	assert_string_equal(head.from, "alice@acme.example");
	assert_string_equal(head.message_id, "m1@acme.example");
	mail_head_read("", 0, &head);
	assert_int_equal(head.received, 0);
	assert_false(head.ours);
	assert_string_equal(head.from, "");
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
		struct manifest *m = parse(cases[i].raw);
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
		struct manifest *m = parse(cases[i].raw);
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
	manifest_free(parse_n(p, n));
	memcpy(p, "Subject: ", 9);
	manifest_free(parse_n(p, n));
	memset(p, 0, n);
	manifest_free(parse_n(p, n));
	memset(p, '\n', n);
	manifest_free(parse_n(p, n));
	memset(p, 0xff, n);
	memcpy(p, "Subject: ", 9);
	memcpy(p + 500, "\r\n\r\n", 4);
	m = parse_n(p, n);
	assert_true(text_is_utf8(m->subject, strlen(m->subject)));
	assert_int_equal(m->parts[0].length, n - 504);
	manifest_free(m);
	free(p);
	for (size_t i = 0; i < strlen(nested); i++)
		manifest_free(parse_n(nested, i));
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
		m = parse(raw);
		assert_string_equal(m->parts[0].name, cases[i].name);
		manifest_free(m);
	}
}

static void
a_manifest_survives_its_json(void **state)
{
	struct manifest *m = parse(nested), *again;
	struct buf b = BUF_INIT, twice = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_int_equal(manifest_encode(again, &twice, &e), 0);
	assert_int_equal(b.len, twice.len);
	assert_memory_equal(b.data, twice.data, b.len);
	assert_memory_equal(m->parts[4].sha256, again->parts[4].sha256, 32);
	assert_ptr_equal(manifest_part(again, 6), NULL);
	assert_ptr_equal(manifest_part(again, 5), &again->parts[5]);
	manifest_free(again);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(manifest_decode(b.data, i, &again, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
	}
	manifest_free(m);
	buf_free(&b);
	buf_free(&twice);
}

/* No other version says it, and it says nothing but yes. */
static void
it_is_told_of_a_program(void **state)
{
	struct manifest *m = parse(nested), *again;
	struct buf b = BUF_INIT;
	const char *at;
	struct err e;

	(void)state;
	assert_false(m->automatic);
	m->automatic = true;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_true(again->automatic);
	manifest_free(again);
	at = strstr(buf_cstr(&b), "\"automatic\":true");
	assert_non_null(at);
	lie_is_refused(&b, at, "\"automatic\":true", "\"automatic\":false");
	at = strstr(buf_cstr(&b), "\"version\":4");
	assert_non_null(at);
	lie_is_refused(&b, at, "\"version\":4", "\"version\":3");
	manifest_free(m);
	buf_free(&b);
}

static void
a_manifest_with_lies_is_corrupt(void **state)
{
	static const char *const lies[][2] = {
	    {"\"version\":1", "\"version\":2"},
	    {"\"text_part\":2", "\"text_part\":0"},
	    {"\"text_part\":2", "\"text_part\":9"},
	    {"\"depth\":2", "\"depth\":33"},
	    {"\"encoding\":\"qp\"", "\"encoding\":\"zz\""},
	    {"\"cut\":false", "\"more\":false"},
	    {"\"offset\":", "\"offset\":99"},
	};
	struct manifest *m = parse(nested);
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const char *at = strstr(buf_cstr(&b), lies[i][0]);

		assert_non_null(at);
		/* The last offset: the one that is far enough to lie. */
		for (const char *p = at; i == 6 && p != NULL;
		     p = strstr(p + 1, lies[i][0]))
			at = p;
		lie_is_refused(&b, at, lies[i][0], lies[i][1]);
	}
	manifest_free(m);
	buf_free(&b);
}

static void
a_connection_survives_too(void **state)
{
	const struct mail_connection c = {.client = "2001:db8::1",
	    .helo = "mx\x01.\xff example",
	    .tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
	    .account = "alice@acme.example"};
	struct manifest *m = parse(nested), *again;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_connection(m, &c, &e), 0);
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_non_null(strstr(buf_cstr(&b), "\"version\":3"));
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_memory_equal(&again->connection, &m->connection, sizeof(c));
	assert_string_equal(
	    again->connection.helo, "mx\xef\xbf\xbd.\xef\xbf\xbd example");
	assert_string_equal(again->connection.certificate, "");
	manifest_free(again);
	manifest_free(m);
	buf_free(&b);
}

static struct manifest *
with_file(struct buf *json)
{
	struct manifest *m = parse(nested);
	struct mail_beside where = {.id = id_new(), .chunks = 3};
	struct err e;

	for (size_t i = 0; i < sizeof(where.header); i++)
		where.header[i] = (uint8_t)i;
	memset(where.key, 0xc5, sizeof(where.key));
	assert_int_equal(manifest_add(m, "film.mov", "video/quicktime",
			     UINT64_C(5000000000), &where, &e),
	    0);
	assert_int_equal(manifest_encode(m, json, &e), 0);
	return m;
}

static void
a_file_beside_survives_too(void **state)
{
	struct buf b = BUF_INIT;
	struct manifest *m = with_file(&b), *again;
	const struct mail_part *p;
	struct err e;

	(void)state;
	assert_non_null(strstr(buf_cstr(&b), "\"version\":2"));
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_int_equal(again->n_parts, m->n_parts);
	p = manifest_part(again, (uint32_t)again->n_parts - 1);
	assert_int_equal(p->no, again->n_parts - 1);
	assert_string_equal(p->name, "film.mov");
	assert_string_equal(p->type, "video/quicktime");
	assert_true(p->leaf && p->attached);
	assert_int_equal(p->size, UINT64_C(5000000000));
	assert_int_equal(p->length, 0);
	assert_memory_equal(
	    &p->beside, &m->parts[p->no].beside, sizeof(p->beside));
	for (size_t i = 0; i < p->no; i++)
		assert_true(id_is_zero(&again->parts[i].beside.id));
	manifest_free(again);
	manifest_free(m);
	buf_free(&b);
}

static void
a_file_beside_with_lies_is_corrupt(void **state)
{
	static const char *const lies[][2] = {
	    {"\"version\":2", "\"version\":1"},
	    {"\"version\":2", "\"version\":3"},
	    {"\"chunks\":3", "\"chunks\":0"},
	    {"\"chunks\":3", "\"chunks\":4294967296"},
	    {"\"key\":\"c5", "\"key\":\"x5"},
	    {"\"key\":\"c5", "\"key\":\""},
	    {"\"header\":\"00", "\"header\":\"0000"},
	    {"\"beside\":", "\"Beside\":"},
	    {"\"length\":0,\"size\":5", "\"length\":1,\"size\":5"},
	};
	struct buf b = BUF_INIT;
	struct manifest *m = with_file(&b), *again;
	const char *s = buf_cstr(&b);
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const char *at = strstr(s, lies[i][0]);
		struct buf bad = BUF_INIT;

		if (at == NULL)
			fail_msg("%s is not there", lies[i][0]);
		assert_int_equal(buf_add(&bad, s, (size_t)(at - s)), 0);
		assert_int_equal(buf_adds(&bad, lies[i][1]), 0);
		assert_int_equal(buf_adds(&bad, at + strlen(lies[i][0])), 0);
		if (manifest_decode(bad.data, bad.len, &again, &e) == 0)
			fail_msg("%s was taken", lies[i][1]);
		assert_int_equal(e.code, ERR_CORRUPT);
		buf_free(&bad);
	}
	manifest_free(m);
	buf_free(&b);
}

static int
failing_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	(void)arg;
	(void)dst;
	(void)n;
	if (offset > 0)
		return err_set(e, ERR_UNAVAILABLE, "gone");
	memcpy(dst, "Subject: x\r\n\r\n", 14);
	*got = 14;
	return 0;
}

static void
a_failing_source_is_an_error(void **state)
{
	struct mail_source src = {failing_read, NULL, 1000, NULL};
	struct manifest *m;
	struct err e;

	(void)state;
	assert_int_equal(mail_parse(&src, &m, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_null(m);
}

/* A source that hands out no more than so many bytes at once. */
struct drops {
	const uint8_t *p;
	size_t n, most;
	uint64_t last; /* how far it was read */
};

static int
drops_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	struct drops *d = arg;

	(void)e;
	*got = offset < d->n ? d->n - (size_t)offset : 0;
	if (*got > n)
		*got = n;
	if (*got > d->most)
		*got = d->most;
	memcpy(dst, d->p + offset, *got);
	d->last = offset + *got;
	return 0;
}

/* Of a text that is known its header is read, and no more; of anything else, all. */
static void
what_is_known_is_not_read(void **state)
{
	static const struct {
		const char *head;
		bool read;
	} cases[] = {
	    {"Subject: x\r\n\r\n", false},
	    {"Content-Type: text/html\r\n\r\n", false},
	    {"Content-Type: multipart/mixed\r\n\r\n", false}, /* no tree */
	    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n", true},
	    {"Content-Transfer-Encoding: base64\r\n\r\n", true},
	    {"X: y\n\nText\r\n\r\n", true}, /* it began before */
	};
	const size_t n = 4 * LINES_WINDOW;
	char *p = malloc(n);
	struct manifest *m;
	struct err e;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drops d = {(uint8_t *)p, n, n, 0};
		struct mail_known known = {.body = strlen(cases[i].head)};
		struct mail_source src = {drops_read, &d, n, &known};

		memset(p, 'x', n);
		memcpy(p, cases[i].head, known.body);
		assert_int_equal(mail_parse(&src, &m, &e), 0);
		assert_int_equal(m->size, n);
		assert_int_equal(d.last, cases[i].read ? n : LINES_WINDOW);
		manifest_free(m);
	}
	free(p);
}

/* Size and digest of every leaf are those of what it decodes to. */
static void
is_measured(const uint8_t *p, size_t n, size_t most)
{
	struct drops d = {p, n, most, 0};
	struct mail_source src = {drops_read, &d, n, NULL};
	struct manifest *m;
	struct err e;

	assert_int_equal(mail_parse(&src, &m, &e), 0);
	for (size_t i = 0; i < m->n_parts; i++) {
		struct buf b = BUF_INIT;
		uint8_t sha256[32];

		if (!m->parts[i].leaf)
			continue;
		assert_int_equal(
		    mail_part_decode(&src, &m->parts[i], gather, &b, &e), 0);
		assert_int_equal(b.len, m->parts[i].size);
		SHA256(b.data, b.len, sha256);
		assert_memory_equal(sha256, m->parts[i].sha256, 32);
		buf_free(&b);
	}
	manifest_free(m);
}

static void
what_is_measured_is_what_decodes(void **state)
{
	static const size_t most[] = {1, 2, 3, 7, 64, 100000};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		for (size_t n = 0; n <= strlen(nested); n += most[i])
			is_measured((const uint8_t *)nested, n, most[i]);
	/* The end of the window at every octet of it. */
	assert_int_equal(buf_adds(&b, "X: y\r\n"), 0);
	while (b.len < LINES_WINDOW - 1500)
		assert_int_equal(buf_adds(&b, "X-Fill: 1234567\r\n"), 0);
	for (size_t i = 0; i < 1700; i++) {
		const size_t before = b.len;

		assert_int_equal(buf_adds(&b, nested), 0);
		is_measured(b.data, b.len, 100000);
		b.len = before;
		assert_int_equal(buf_reserve(&b, 1), 0);
		memmove(b.data + 4, b.data + 3, b.len++ - 3);
	}
	buf_free(&b);
}

/* However it is cut: letters, lines and escapes, and damage among them. */
static void
pieces_decode_as_the_whole(void **state)
{
	static const struct {
		enum mail_encoding enc;
		const char *in, *out;
	} cases[] = {
	    {MAIL_ENC_IDENTITY, "a=\r\nb", "a=\r\nb"},
	    {MAIL_ENC_BASE64, "SGVs\r\nbG8s\r\nIHdv\r\ncmxkIQ==\r\n",
		"Hello, world!"},
	    {MAIL_ENC_BASE64, "SG\r\nVsb!G8sIHd\tvcmxkIQ", "Hello, world"},
	    {MAIL_ENC_BASE64, "\r\n \r\n", ""},
	    {MAIL_ENC_QP, "na=C3=AFve=\r\n line =3D=zz\r\nend=",
		"na\xc3\xafve line ==zz\r\nend"},
	    {MAIL_ENC_UU, "begin 644 x\r\n#0V%T\r\n#0V%T\r\n`\r\nend\r\n",
		"CatCat"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t n = strlen(cases[i].in);

		for (size_t step = n; step > 0; step--) {
			struct mail_decoder *d = mail_decoder_new(cases[i].enc);
			struct buf b = BUF_INIT;

			assert_non_null(d);
			for (size_t at = 0; at < n; at += step)
				assert_int_equal(
				    mail_decoder_add(d, cases[i].in + at,
					n - at < step ? n - at : step, gather,
					&b, NULL),
				    0);
			assert_int_equal(
			    mail_decoder_end(d, gather, &b, NULL), 0);
			assert_string_equal(buf_cstr(&b), cases[i].out);
			mail_decoder_free(d);
			buf_free(&b);
		}
	}
	mail_decoder_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_a_message),
	    cmocka_unit_test(tree_of_a_message),
	    cmocka_unit_test(ambiguous_messages_have_no_tree),
	    cmocka_unit_test(a_nul_in_a_header_is_ambiguous),
	    cmocka_unit_test(fields_of_all_parts_together_are_bounded),
	    cmocka_unit_test(parts_at_the_limit_and_past_it),
	    cmocka_unit_test(depth_at_the_limit_and_past_it),
	    cmocka_unit_test(header_at_the_limit_and_past_it),
	    cmocka_unit_test(head_before_a_full_parse),
	    cmocka_unit_test(which_parts_are_bodies_and_which_are_files),
	    cmocka_unit_test(boundaries),
	    cmocka_unit_test(damage_does_no_harm),
	    cmocka_unit_test(names),
	    cmocka_unit_test(names_at_the_limit_and_past_it),
	    cmocka_unit_test(encoded_names),
	    cmocka_unit_test(a_manifest_survives_its_json),
	    cmocka_unit_test(it_is_told_of_a_program),
	    cmocka_unit_test(a_manifest_with_lies_is_corrupt),
	    cmocka_unit_test(a_file_beside_survives_too),
	    cmocka_unit_test(a_connection_survives_too),
	    cmocka_unit_test(a_file_beside_with_lies_is_corrupt),
	    cmocka_unit_test(encoded_words),
	    cmocka_unit_test(a_failing_source_is_an_error),
	    cmocka_unit_test(pieces_decode_as_the_whole),
	    cmocka_unit_test(what_is_known_is_not_read),
	    cmocka_unit_test(what_is_measured_is_what_decodes),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
