/*
 * Delivery status mails: golden files, what senders may not smuggle in, and that nothing
 * of the message stands there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "mail/parse.h"
#include "mail/report.h"

#define WHEN \
	(INT64_C(1795183080) * 1000000) /* Fri, 20 Nov 2026 13:58:00 +0000 */
#define DAY (INT64_C(86400) * 1000000)

static const struct mail_outcome failed = {.recipient = "carol@partner.example",
    .original = "rfc822;Carol@partner.example",
    .action = MAIL_FAILED,
    .status = "5.1.1",
    .diagnostic = "550 5.1.1 ... no such user",
    .remote = "mx.partner.example"};
static const struct mail_outcome delayed = {.recipient = "dave@partner.example",
    .original = "",
    .action = MAIL_DELAYED,
    .status = "4.4.1",
    .diagnostic = "the server was not reached",
    .remote = "",
    .until = WHEN + 5 * DAY};
static const struct mail_outcome several[] = {
    {"alice@acme.example", "", MAIL_DELIVERED, "2.0.0", "", "", 0},
    {"staff@acme.example", "rfc822;staff@acme.example", MAIL_EXPANDED, "2.0.0",
	"", "", 0},
    {"gr\xc3\xbc\xc3\x9f"
     "e@acme.example",
	"", MAIL_RELAYED, "2.1.9", "", "mx.acme.example", 0},
};

static struct mail_report
report(const struct mail_outcome *rcpt, size_t n)
{
	return (struct mail_report){
	    .mail =
		{
		    .from = {"Acme Bank", "notice@acme.example"},
		    .to = {"", "bob@globex.example"},
		    .subject = "Not delivered: your message",
		    .text = "We are sorry.\n",
		    .message_id = "0190d.status@acme.localhost",
		    .references = "original@globex.example",
		    .date = WHEN,
		},
	    .reporting_mta = "mail.acme.example",
	    .envid = "QQ314159",
	    .arrival = WHEN,
	    .rcpt = rcpt,
	    .n_rcpt = n,
	    .message_id = "original@globex.example",
	    .date = WHEN - DAY,
	    .sender = "bob@globex.example",
	};
}

static char *
built(const struct mail_report *r)
{
	struct buf out = BUF_INIT;
	struct err e;
	char *text;

	if (mail_report(r, &out, &e) == -1)
		fail_msg("%s", e.text);
	text = strdup(buf_cstr(&out));
	buf_free(&out);
	return text;
}

static void
golden_reports(void **state)
{
	static const struct {
		const char *file;
		const struct mail_outcome *rcpt;
		size_t n;
	} cases[] = {
	    {"mail/report-failed.eml", &failed, 1},
	    {"mail/report-delayed.eml", &delayed, 1},
	    {"mail/report-several.eml", several, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail_report r = report(cases[i].rcpt, cases[i].n);
		char *text = built(&r);

		assert_int_equal(
		    golden_check(cases[i].file, text, strlen(text)), 0);
		free(text);
	}
}

/* ENVID and ORCPT come decoded: whatever bytes their sender wrote in hexadecimal. */
static void
nothing_is_smuggled_in(void **state)
{
	struct mail_outcome o = failed;
	struct mail_report r = report(&o, 1);
	char *text;

	(void)state;
	o.original = "rfc822;x\r\nAction: delivered";
	o.diagnostic = "550\r\n\r\nboo";
	o.remote = "a\nb";
	r.envid = "1\r\nX-Evil: 1";
	r.message_id = "a>\r\nBcc: <evil@x.example";
	r.sender = "x\r\nSubject: evil";
	text = built(&r);
	assert_null(strstr(text, "evil"));
	assert_null(strstr(text, "Evil"));
	assert_null(strstr(text, "delivered\r\n"));
	assert_null(strstr(text, "boo"));
	assert_non_null(strstr(text, "Action: failed\r\n"));
	assert_null(strstr(text, "Original-Envelope-Id"));
	free(text);
}

/* The machine's part in lines of ASCII, and each recipient a block of its own. */
static void
addresses_of_other_alphabets(void **state)
{
	struct mail_report r = report(several, 3);
	char *text = built(&r), *status;

	(void)state;
	status = strstr(text, "message/delivery-status");
	assert_non_null(status);
	for (char *p = status; *p != '\0'; p++)
		assert_true((unsigned char)*p < 0x80);
	assert_non_null(strstr(status,
	    "\r\n\r\nFinal-Recipient: utf-8;"
	    "gr\\x{FC}\\x{DF}e@acme.example\r\n"));
	free(text);
}

/* Nobody answers it, and it is known again as ours. */
static void
it_is_a_programs(void **state)
{
	struct mail_report r = report(&failed, 1);
	struct mail_head head;
	char *text = built(&r);

	(void)state;
	mail_head_read(text, strlen(text), &head);
	assert_true(head.automatic);
	assert_true(head.ours);
	free(text);
}

static void
heads_of_programs(void **state)
{
	static const struct {
		const char *field;
		bool automatic;
	} cases[] = {
	    {"Auto-Submitted: no", false},
	    {"auto-submitted: auto-generated", true},
	    {"Content-Type: multipart/report; boundary=b", true},
	    {"content-type:\r\n\tMULTIPART/Report;boundary=b", true},
	    {"Content-Type: multipart/mixed; boundary=multipart/report", false},
	    {"X-Content-Type: multipart/report", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mail_head head;
		char text[200];

		snprintf(text, sizeof(text),
		    "From: <a@b.example>\r\n%s\r\n\r\n", cases[i].field);
		mail_head_read(text, strlen(text), &head);
		assert_int_equal(head.automatic, cases[i].automatic);
	}
}

static void
refused(void **state)
{
	struct mail_outcome o = failed;
	struct mail_report r = report(&o, 1);
	struct buf out = BUF_INIT;

	(void)state;
	r.n_rcpt = 0;
	assert_int_equal(mail_report(&r, &out, NULL), -1);
	r.n_rcpt = 1;
	o.recipient = "a@b\r\nc";
	assert_int_equal(mail_report(&r, &out, NULL), -1);
	o.recipient = failed.recipient;
	o.status = "";
	assert_int_equal(mail_report(&r, &out, NULL), -1);
	o.status = "5.0.0";
	r.reporting_mta = "a\nb";
	assert_int_equal(mail_report(&r, &out, NULL), -1);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_reports),
	    cmocka_unit_test(nothing_is_smuggled_in),
	    cmocka_unit_test(addresses_of_other_alphabets),
	    cmocka_unit_test(it_is_a_programs),
	    cmocka_unit_test(heads_of_programs),
	    cmocka_unit_test(refused),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
