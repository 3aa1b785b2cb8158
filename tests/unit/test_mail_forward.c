/*
 * Headers of messages that are handed on: tagged once, cleared of what claims to be ours,
 * and otherwise the same bytes; and what a server must be able to take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mail/forward.h"
#include "mail/parse.h"

#define IDS \
	"Message-ID: <1@x.example>\r\nDate: Fri, 20 Nov 2026 13:58:00 +0000\r\n"

static void
rewritten(const char *head, const char *tag, const char *expected)
{
	const struct mail_forward f = {.lines = "X-Restante-Sender: proved\r\n",
	    .tag = tag,
	    .message_id = "made@acme.localhost",
	    .date = INT64_C(1795183080) * 1000000};
	struct buf out = BUF_INIT;
	struct err e;

	assert_int_equal(
	    mail_forward_head(head, strlen(head), &f, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
}

#define OURS "X-Restante-Sender: proved\r\n"

static void
all_else_stays(void **state)
{
	(void)state;
	rewritten("Received: from a\r\n\tby b\r\n" IDS
		  "Odd line without a colon\r\nSubject : spaced\r\n"
		  "X-Long: a\r\n b\r\n\tc\r\n",
	    "",
	    OURS "Received: from a\r\n\tby b\r\n" IDS
		 "Odd line without a colon\r\nSubject : spaced\r\n"
		 "X-Long: a\r\n b\r\n\tc\r\n");
	/* A line of white space belongs to the field before it. */
	rewritten(
	    IDS "A: 1\r\n \r\nB: 2\r\n", "", OURS IDS "A: 1\r\n \r\nB: 2\r\n");
}

static void
tagged_once(void **state)
{
	(void)state;
	rewritten(IDS "Subject: Figures\r\n", "[secure]",
	    OURS IDS "Subject: [secure] Figures\r\n");
	rewritten(IDS "SUBJECT:Figures\r\n of May\r\n", "[secure]",
	    OURS IDS "SUBJECT: [secure] Figures\r\n of May\r\n");
	/* A reply to what was tagged. */
	rewritten(IDS "Subject: Re: [secure] Figures\r\n", "[secure]",
	    OURS IDS "Subject: Re: [secure] Figures\r\n");
	rewritten(IDS "Subject: =?UTF-8?B?UmU6IFtzZWN1cmVdIEZpZ3VyZXM=?=\r\n",
	    "[secure]",
	    OURS IDS "Subject: =?UTF-8?B?UmU6IFtzZWN1cmVdIEZpZ3VyZXM=?=\r\n");
	/* Of two subjects the first is shown, and tagged. */
	rewritten(IDS "Subject: a\r\nSubject: b\r\n", "[secure]",
	    OURS IDS "Subject: [secure] a\r\nSubject: b\r\n");
	rewritten(
	    IDS "Subject:\r\n", "[secure]", OURS IDS "Subject: [secure]\r\n");
	rewritten(IDS, "[secure]", OURS IDS "Subject: [secure]\r\n");
	rewritten(IDS "Subject: Figures", "[secure]",
	    OURS IDS "Subject: [secure] Figures\r\n");
}

/* What a program shows of it, as RFC 2047 says. */
static void
shown(const char *head, const char *tag, const char *expected)
{
	const struct mail_forward f = {
	    .lines = "", .tag = tag, .message_id = "1@x.example", .date = 1};
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *m;
	struct buf out = BUF_INIT;

	assert_int_equal(
	    mail_forward_head(head, strlen(head), &f, &out, NULL), 0);
	assert_int_equal(buf_adds(&out, "\r\ntext\r\n"), 0);
	memory = (struct mail_memory){out.data, out.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, NULL), 0);
	assert_string_equal(m->subject, expected);
	manifest_free(m);
	buf_free(&out);
}

static void
tags_of_other_alphabets(void **state)
{
	(void)state;
	shown("Subject: Figures\r\n", "[gesch\xc3\xbctzt]",
	    "[gesch\xc3\xbctzt] Figures");
	shown("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n", "[gesch\xc3\xbctzt]",
	    "[gesch\xc3\xbctzt] Gr\xc3\xbc\xc3\x9f"
	    "e");
	shown("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n", "[secure]",
	    "[secure] Gr\xc3\xbc\xc3\x9f"
	    "e");
	/* A tag that would be read as an encoded word is none. */
	shown("Subject: a\r\n", "=?utf-8?q?x?=", "=?utf-8?q?x?= a");
}

/* A subject at the limit of a line is folded behind the tag. */
static void
long_subjects_are_folded(void **state)
{
	char head[1200] = "Subject: ", expected[1600];

	(void)state;
	memset(head + 9, 'x', 985);
	memcpy(head + 994, "\r\n", 3);
	snprintf(expected, sizeof(expected),
	    OURS "Subject: [secure]\r\n %s"
		 "Date: Fri, 20 Nov 2026 13:58:00 +0000\r\n"
		 "Message-ID: <made@acme.localhost>\r\n",
	    head + 9);
	rewritten(head, "[secure]", expected);
}

static void
foreign_claims_are_taken_out(void **state)
{
	(void)state;
	rewritten("X-Restante-Transport: TLSv1.3\r\nx-restante-sender:\r\n"
		  " proved\r\n" IDS "X-Restante: 1\r\nX-Restantes: 2\r\n",
	    "", OURS IDS "X-Restante: 1\r\nX-Restantes: 2\r\n");
	/* But who it was for before is what a loop is known by. */
	rewritten("X-Restante-Trace: 0123456789abcdef\r\n" IDS, "",
	    OURS "X-Restante-Trace: 0123456789abcdef\r\n" IDS);
}

static void
tags_that_are_none(void **state)
{
	char tag[MAIL_TAG_MAX + 2];

	(void)state;
	memset(tag, 'x', sizeof(tag));
	tag[MAIL_TAG_MAX] = '\0';
	assert_true(mail_tag_ok(tag));
	tag[MAIL_TAG_MAX] = 'x';
	tag[MAIL_TAG_MAX + 1] = '\0';
	assert_false(mail_tag_ok(tag));
	assert_true(mail_tag_ok(""));
	assert_true(mail_tag_ok("[gesch\xc3\xbctzt]"));
	assert_false(mail_tag_ok("a\r\nBcc: x"));
	assert_false(mail_tag_ok("\xff"));
	assert_false(mail_tag_ok(" x"));
	assert_false(mail_tag_ok("x "));
}

/* Whatever the pieces are. */
static struct mail_shape
shape(const char *p, size_t n, size_t piece)
{
	struct mail_shape s = {0};

	for (size_t at = 0; at < n; at += piece)
		mail_shape_add(&s, p + at, n - at < piece ? n - at : piece);
	mail_shape_end(&s);
	return s;
}

static void
shapes(void **state)
{
	static const struct {
		const char *p;
		size_t n;
		bool eight, binary;
	} cases[] = {
	    {"a\r\nb\r\n", 6, false, false},
	    {"", 0, false, false},
	    {"\xc3\xbc\r\n", 4, true, false},
	    {"a\nb\r\n", 5, false, true},
	    {"\nb\r\n", 4, false, true},
	    {"a\rb\r\n", 5, false, true},
	    {"a\r\r\n", 4, false, true},
	    {"a\0b\r\n", 5, false, true},
	    {"a", 1, false, false},
	    {"a\r", 2, false, true},
	    {"\r\n\r\n", 4, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 4; piece++) {
			struct mail_shape s = shape(
			    cases[i].p, cases[i].n, piece);

			assert_int_equal(s.eight, cases[i].eight);
			assert_int_equal(s.binary, cases[i].binary);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_else_stays),
	    cmocka_unit_test(tagged_once),
	    cmocka_unit_test(tags_of_other_alphabets),
	    cmocka_unit_test(long_subjects_are_folded),
	    cmocka_unit_test(foreign_claims_are_taken_out),
	    cmocka_unit_test(tags_that_are_none),
	    cmocka_unit_test(shapes),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
