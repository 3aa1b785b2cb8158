/*
 * Messages of ours: golden files, injection, and that what is built is read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "golden.h"
#include "mail/build.h"
#include "mail/parse.h"

#define WHEN \
	(INT64_C(1795183080) * 1000000) /* Fri, 20 Nov 2026 13:58:00 +0000 */

static const struct mail_system notice = {
    .from = {"Alice Example via Acme Bank", "notice@acme.example"},
    .to = {"", "carol@partner.example"},
    .reply_to = "alice@acme.example",
    .subject = "Alice Example (Acme Bank) sent you a secure message",
    .text =
	"Alice Example <alice@acme.example> at Acme Bank has sent you a "
	"message that is kept on Acme Bank's own secure server.\n\n"
	"Read it:  "
	"https://acme.localhost:8443/m/7kqf2m9x-0123456789abcdefghjkmnpqrs\n"
	"\nFrom here, =3D and a dot:\n.\n",
    .html = "<!DOCTYPE html>\n<html lang=\"en\"><body>\n"
	    "<p>Alice \xc3\x89xample</p>\n</body></html>\n",
    .message_id = "0190a.notice@acme.localhost",
    .references = "0190a.thread@acme.localhost",
    .date = WHEN,
};

static const struct mail_system code = {
    .from = {"Acme Bank", "notice@acme.example"},
    .to = {"Caf\xc3\xa9 \"Carol\"", "carol@partner.example"},
    .subject = "Acme Bank: your code, 7F3",
    .text = "KQ7M-2F9X\n",
    .message_id = "0190b.code@acme.localhost",
    .date = WHEN,
};

static const struct mail_receipt receipt = {
    .mail =
	{
	    .from = {"Acme Bank", "notice@acme.example"},
	    .to = {"Alice Example", "alice@acme.example"},
	    .subject = "Read: your secure message to carol@partner.example",
	    .text = "Displayed 20 Nov 2026, 14:03 UTC.\n",
	    .message_id = "0190c.receipt@acme.localhost",
	    .references = "original@acme.example",
	    .date = WHEN,
	},
    .reporting_ua = "acme.localhost; Restante",
    .original_recipient = "carol@partner.example",
    .original_message_id = "original@acme.example",
};

static const struct mail_person people[] = {
    {"Carol Example", "carol@partner.example"},
    {"Beate \xc3\x96zil, M\xc3\xbcnchen und noch ein ganz langer Name dahinter",
	"b@x.example"},
    {"", "\"a b\"@x.example"},
};

static const struct mail_file files[] = {
    {"C:\\reports\\\xc3\x9c"
     "bersicht.pdf",
	"application/pdf", "%PDF\0\1\2", 7},
    {"a\r\nBcc: evil@x.example", "text/plain; charset=x", "plain", 5},
    {"", "message/rfc822", "", 0},
};

static const struct mail_composed composed = {
    .from = {"Alice Example", "alice@acme.example"},
    .to = people,
    .n_to = 3,
    .subject = "Gr\xc3\xbc\xc3\x9f"
	       "e: the quarterly figures of the whole "
	       "year, which is a subject long enough to be folded",
    .text = "Hello,\r\n\n.\nFrom me\ntrailing space \n\xc3\xa9\xe2\x82\xac",
    .files = files,
    .n_files = 3,
    .message_id = "m1@acme.localhost",
    .in_reply_to = "m0@partner.example",
    .date = WHEN,
};

/* Every line ends in CRLF, is ASCII, and fits RFC 5322 2.1.1. */
static void
is_wire_clean(const struct buf *b)
{
	size_t start = 0;

	for (size_t i = 0; i < b->len; i++) {
		assert_true(b->data[i] < 0x7f && b->data[i] != '\0');
		if (b->data[i] == '\r')
			assert_int_equal(b->data[i + 1], '\n');
		if (b->data[i] != '\n')
			continue;
		assert_int_equal(b->data[i - 1], '\r');
		assert_true(i - start < LIMIT_SMTP_LINE);
		start = i + 1;
	}
	assert_int_equal(start, b->len);
}

static void
golden(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = {0};

	(void)state;
	assert_int_equal(mail_system(&notice, &b, &e), 0);
	is_wire_clean(&b);
	assert_int_equal(golden_check("mail/notice.eml", b.data, b.len), 0);
	buf_clear(&b);
	assert_int_equal(mail_system(&code, &b, &e), 0);
	is_wire_clean(&b);
	assert_int_equal(golden_check("mail/code.eml", b.data, b.len), 0);
	buf_clear(&b);
	assert_int_equal(mail_receipt(&receipt, &b, &e), 0);
	is_wire_clean(&b);
	assert_int_equal(golden_check("mail/receipt.eml", b.data, b.len), 0);
	buf_clear(&b);
	assert_int_equal(mail_compose(&composed, &b, &e), 0);
	is_wire_clean(&b);
	assert_int_equal(golden_check("mail/composed.eml", b.data, b.len), 0);
	buf_free(&b);
}

static int
gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

static void
what_is_composed_is_read_back(void **state)
{
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *m;
	struct buf b = BUF_INIT, file = BUF_INIT, text = BUF_INIT;
	bool cut;

	(void)state;
	assert_int_equal(mail_compose(&composed, &b, NULL), 0);
	memory = (struct mail_memory){b.data, b.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, NULL), 0);
	assert_string_equal(m->subject, composed.subject);
	assert_string_equal(m->from.name, composed.from.name);
	assert_int_equal(m->n_to, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(m->to[i].name, people[i].name);
		assert_string_equal(m->to[i].address, people[i].address);
	}
	assert_string_equal(m->message_id, composed.message_id);
	assert_string_equal(m->in_reply_to, composed.in_reply_to);
	assert_int_equal(m->date, composed.date);
	assert_int_equal(m->n_parts, 5);
	assert_int_equal(m->text_part, 1);
	assert_string_equal(m->parts[2].name,
	    "\xc3\x9c"
	    "bersicht.pdf");
	assert_string_equal(m->parts[2].type, "application/pdf");
	assert_string_equal(m->parts[3].name, "aBcc_ evil@x.example");
	assert_string_equal(m->parts[3].type, "application/octet-stream");
	assert_string_equal(m->parts[4].name, "file");
	assert_string_equal(m->parts[4].type, "application/octet-stream");
	assert_int_equal(
	    mail_part_decode(&src, &m->parts[2], gather, &file, NULL), 0);
	assert_int_equal(file.len, 7);
	assert_memory_equal(file.data, files[0].data, 7);
	assert_int_equal(mail_text(&src, m, &text, &cut, NULL), 0);
	assert_string_equal(buf_cstr(&text),
	    "Hello,\n\n.\nFrom me\ntrailing space \n\xc3\xa9\xe2\x82\xac\n");
	manifest_free(m);
	buf_free(&b);
	buf_free(&file);
	buf_free(&text);
}

static void
refused(const struct mail_system *s)
{
	struct buf b = BUF_INIT;
	struct err e = {0};

	assert_int_equal(mail_system(s, &b, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void
nothing_starts_a_field_of_its_own(void **state)
{
	static const char *const bad[] = {
	    "a\r\nBcc: x@x.example", "a\nb", "a\rb", "a\x01", "a\xff"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mail_system s = notice;

		s.subject = bad[i];
		refused(&s);
		s = notice;
		memcpy(s.from.name, bad[i], strlen(bad[i]) + 1);
		refused(&s);
		s = notice;
		memcpy(s.to.address, bad[i], strlen(bad[i]) + 1);
		refused(&s);
		s = notice;
		s.message_id = bad[i];
		refused(&s);
		s = notice;
		s.references = bad[i];
		refused(&s);
		s = notice;
		s.reply_to = bad[i];
		refused(&s);
	}
}

static void
a_receipt_takes_no_lines_either(void **state)
{
	struct buf b = BUF_INIT;
	struct mail_receipt r = receipt;

	(void)state;
	r.reporting_ua = "x\r\nDisposition: y";
	assert_int_equal(mail_receipt(&r, &b, NULL), -1);
	r = receipt;
	r.original_message_id = "x>\r\nDisposition: y";
	assert_int_equal(mail_receipt(&r, &b, NULL), -1);
	r = receipt;
	r.original_recipient = "x\r\ny";
	assert_int_equal(mail_receipt(&r, &b, NULL), -1);
	r = receipt;
	r.original_message_id = "";
	assert_int_equal(mail_receipt(&r, &b, NULL), 0);
	assert_null(strstr(buf_cstr(&b), "Original-Message-ID"));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden),
	    cmocka_unit_test(what_is_composed_is_read_back),
	    cmocka_unit_test(nothing_starts_a_field_of_its_own),
	    cmocka_unit_test(a_receipt_takes_no_lines_either),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
