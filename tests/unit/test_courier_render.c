/*
 * The mails as they leave: golden files of notice, code and receipt made from the
 * real templates, and what must not become a mail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "courier/render.h"
#include "golden.h"
#include "mail/parse.h"
#include "mail/report.h"

#define WHEN (INT64_C(1795183080) * CLOCK_SECOND)

static struct view *view;

static struct id
id_of(uint8_t n)
{
	struct id id;

	memset(&id, n, sizeof(id));
	return id;
}

static const struct outbox_facts facts = {
    .host = "acme.localhost",
    .tenant_name = "Acme Bank",
    .tenant_domain = "acme.example",
    .contact = "+44 20 7946 0000",
    .sender_name = "Alice Example",
    .sender = "alice@acme.example",
    .recipient = "carol@partner.example",
    .recipient_name = "Carol Example",
    .pickup = "7KQF2M9X",
    .created = WHEN,
    .expires = WHEN + 28 * CLOCK_DAY,
};

static const struct seal_item link_item = {.kind = SEAL_I_NOTICE,
    .address = "carol@partner.example",
    .secret = "0123456789ABCDEFGHJKMNPQRS"};
static const struct seal_item receipt_item = {.kind = SEAL_I_RECEIPT,
    .address = "alice@acme.example",
    .secret = "quarterly.1@acme.example"};
static const struct seal_item account_item = {
    .kind = SEAL_I_NOTICE_ACCOUNT, .address = "carol@partner.example"};
static const struct seal_item code_item = {.kind = SEAL_I_CODE,
    .address = "carol@partner.example",
    .secret = "KQ7M2F9X",
    .reference = "7F3"};

static struct outbox
row(enum outbox_kind kind)
{
	return (struct outbox){.tenant = id_of(1),
	    .id = id_of((uint8_t)(16 + kind)),
	    .kind = kind,
	    .message = id_of(3),
	    .slot = 1,
	    .at = WHEN + 5 * CLOCK_MINUTE,
	    .created = WHEN};
}

static int
set_up(void **state)
{
	const char *share = getenv("RESTANTE_SHARE");
	struct err e;

	(void)state;
	mail_init();
	return view_load(share ? share : ".", &view, &e);
}

static int
tear_down(void **state)
{
	(void)state;
	view_free(view);
	return 0;
}

static void
make(int port, enum outbox_kind kind, const struct seal_item *item,
    struct rendered *out)
{
	const struct render r = {view, port, "mail.acme.example"};
	struct outbox o = row(kind);
	struct err e = {0};

	if (render_mail(&r, &o, &facts, item, out, &e) == -1)
		fail_msg("%s", e.text);
}

static void
golden_mails(void **state)
{
	static const struct {
		const char *name;
		enum outbox_kind kind;
		const struct seal_item *item;
	} cases[] = {
	    {"courier/notice.eml", OUTBOX_NOTICE, &link_item},
	    {"courier/notice_account.eml", OUTBOX_NOTICE, &account_item},
	    {"courier/code.eml", OUTBOX_CODE, &code_item},
	    {"courier/receipt.eml", OUTBOX_RECEIPT, &receipt_item},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rendered m;

		make(443, cases[i].kind, cases[i].item, &m);
		assert_int_equal(
		    golden_check(cases[i].name, m.mail.data, m.mail.len), 0);
		assert_true(m.mail.len < 20000);
		rendered_clear(&m);
	}
}

/* One mail for each thing that can be told, in the words people read. */
static void
golden_statuses(void **state)
{
	static const struct seal_item item = {.kind = SEAL_I_STATUS,
	    .address = "alice@acme.example",
	    .secret = "quarterly.1@acme.example"};
	static const struct {
		enum mail_action action;
		const char *status, *diagnostic;
	} cases[] = {
	    {MAIL_DELIVERED, "2.0.0", ""},
	    {MAIL_RELAYED, "2.1.9", "250 2.0.0 queued"},
	    {MAIL_EXPANDED, "2.0.0", ""},
	    {MAIL_FAILED, "5.1.1", "550 5.1.1 no such user"},
	    {MAIL_DELAYED, "4.4.1", "the server was not reached"},
	};
	const struct render r = {view, 443, "mail.acme.example"};
	const struct outbox o = row(OUTBOX_STATUS);
	struct outbox_facts f = facts;
	struct report rows[5] = {0};
	char file[64];
	struct err e;

	(void)state;
	f.proved = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rendered m;

		for (size_t j = 0; j < 5; j++) {
			rows[j].action = cases[i].action;
			snprintf(rows[j].recipient, sizeof(rows[j].recipient),
			    "carol%zu@partner.example", j);
			text_cut(rows[j].status, sizeof(rows[j].status),
			    cases[i].status);
			text_cut(rows[j].diagnostic, sizeof(rows[j].diagnostic),
			    cases[i].diagnostic);
		}
		/* With several the text names some. */
		assert_int_equal(render_status(&r, &o, &f, &item, rows,
				     i == 0 ? 5 : 1, &m, &e),
		    0);
		snprintf(file, sizeof(file), "courier/status_%s.eml",
		    mail_action_name(cases[i].action));
		assert_int_equal(
		    golden_check(file, m.mail.data, m.mail.len), 0);
		assert_string_equal(m.from, "");
		assert_string_equal(m.to, "alice@acme.example");
		rendered_clear(&m);
	}
	/* Delayed, and told to those who run the server in the sender's place. */
	for (int null = 0; null < 2; null++) {
		struct seal_item house = {.kind = SEAL_I_STATUS,
		    .secret = "quarterly.1@acme.example"};
		struct rendered m;

		assert_in_range(snprintf(house.address, sizeof(house.address),
				    "postmaster@%s", f.tenant_domain),
		    1, sizeof(house.address) - 1);
		if (null)
			f.sender[0] = '\0';
		assert_int_equal(
		    render_status(&r, &o, &f, &house, rows, 1, &m, &e), 0);
		snprintf(file, sizeof(file), "courier/status_kept%s.eml",
		    null ? "_null" : "");
		assert_int_equal(
		    golden_check(file, m.mail.data, m.mail.len), 0);
		assert_string_equal(m.from, "");
		rendered_clear(&m);
	}
	assert_int_equal(render_status(&r, &o, &f, &item, rows, 0,
			     &(struct rendered){0}, &e),
	    -1);
	assert_int_equal(render_status(&r, &o, &f, &link_item, rows, 1,
			     &(struct rendered){0}, &e),
	    -1);
}

/* Another port than 443 stands in what people type and in links. */
static void
a_port_of_its_own(void **state)
{
	struct mail_memory memory;
	struct mail_source src;
	struct buf text = BUF_INIT;
	struct manifest *parsed;
	struct rendered m;
	bool cut;

	(void)state;
	make(8443, OUTBOX_NOTICE, &link_item, &m);
	memory = (struct mail_memory){m.mail.data, m.mail.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &parsed, NULL), 0);
	assert_int_equal(mail_text(&src, parsed, &text, &cut, NULL), 0);
	assert_non_null(strstr(buf_cstr(&text),
	    "https://acme.localhost:8443/m/"
	    "7kqf2m9x-0123456789abcdefghjkmnpqrs"));
	assert_non_null(strstr(buf_cstr(&text), "7KQF-2M9X"));
	manifest_free(parsed);
	buf_free(&text);
	rendered_clear(&m);
}

/* Subject and text of the notice of a message from that sender. */
static void
say(const char *name, const char *sender, char *subject, size_t cap,
    struct buf *text)
{
	const struct render r = {view, 443, "mail.acme.example"};
	struct outbox o = row(OUTBOX_NOTICE);
	struct outbox_facts f = facts;
	struct mail_memory memory;
	struct mail_source src;
	struct manifest *parsed;
	struct rendered m;
	struct err e = {0};
	bool cut;

	text_cut(f.sender_name, sizeof(f.sender_name), name);
	text_cut(f.sender, sizeof(f.sender), sender);
	if (render_mail(&r, &o, &f, &link_item, &m, &e) == -1)
		fail_msg("%s: %s", sender, e.text);
	memory = (struct mail_memory){m.mail.data, m.mail.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &parsed, NULL), 0);
	assert_int_equal(mail_text(&src, parsed, text, &cut, NULL), 0);
	text_cut(subject, cap, parsed->subject);
	assert_int_equal(
	    memmem(m.mail.data, m.mail.len, "\nReply-To:", 10) == NULL,
	    sender[0] == '\0');
	manifest_free(parsed);
	rendered_clear(&m);
}

/* Only who is of the tenant is said to be; who has no address has a notice all the same. */
static void
who_wrote(void **state)
{
	static const struct {
		const char *name, *sender, *subject, *text;
		bool stranger;
	} cases[] = {
	    {"Alice Example", "alice@acme.example", "Alice Example (Acme Bank)",
		"Alice Example <alice@acme.example> at Acme Bank", false},
	    {"", "invoices@acme.example", "invoices@acme.example (Acme Bank)",
		"invoices@acme.example at Acme Bank", false},
	    {"", "invoices@ACME.example", "invoices@ACME.example (Acme Bank)",
		"invoices@ACME.example at Acme Bank", false},
	    {"", "carol@partner.example", "carol@partner.example",
		"carol@partner.example has sent", true},
	    {"", "m@sub.acme.example", "m@sub.acme.example",
		"m@sub.acme.example has sent", true},
	    {"", "m@notacme.example", "m@notacme.example",
		"m@notacme.example has sent", true},
	    {"", "", "A mail server", "A mail server has sent", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf text = BUF_INIT;
		char subject[256], wanted[256];

		say(cases[i].name, cases[i].sender, subject, sizeof(subject),
		    &text);
		snprintf(wanted, sizeof(wanted), "%s sent you a secure message",
		    cases[i].subject);
		assert_string_equal(subject, wanted);
		assert_ptr_equal(
		    strstr(buf_cstr(&text), cases[i].text), buf_cstr(&text));
		assert_int_equal(strstr(buf_cstr(&text), "not known") != NULL,
		    cases[i].stranger);
		buf_free(&text);
	}
}

static void
envelopes(void **state)
{
	struct rendered m;

	(void)state;
	make(443, OUTBOX_NOTICE, &link_item, &m);
	assert_string_equal(m.from, "notice@acme.example");
	assert_string_equal(m.to, "carol@partner.example");
	rendered_clear(&m);
	make(443, OUTBOX_RECEIPT, &receipt_item, &m);
	assert_string_equal(m.from, "");
	assert_string_equal(m.to, "alice@acme.example");
	rendered_clear(&m);
}

/* The same row twice is the same mail twice, byte for byte. */
static void
a_second_try_is_the_same_mail(void **state)
{
	struct rendered a, b;

	(void)state;
	make(443, OUTBOX_NOTICE, &link_item, &a);
	make(443, OUTBOX_NOTICE, &link_item, &b);
	assert_int_equal(a.mail.len, b.mail.len);
	assert_memory_equal(a.mail.data, b.mail.data, a.mail.len);
	rendered_clear(&a);
	rendered_clear(&b);
}

static void
refused(struct outbox o, struct outbox_facts f, const struct seal_item *item,
    enum err_code code)
{
	const struct render r = {view, 443, "mail.acme.example"};
	struct rendered m;
	struct err e = {0};

	assert_int_equal(render_mail(&r, &o, &f, item, &m, &e), -1);
	assert_int_equal(e.code, code);
	assert_int_equal(m.mail.len, 0);
}

static void
what_makes_no_mail(void **state)
{
	struct outbox_facts f = facts;
	struct seal_item item = link_item;

	(void)state;
	refused(row(OUTBOX_NOTICE), facts, &code_item, ERR_CORRUPT);
	refused(row(OUTBOX_CODE), facts, &link_item, ERR_CORRUPT);
	refused(row(OUTBOX_RECEIPT), facts, &link_item, ERR_CORRUPT);
	refused(row(OUTBOX_NOTICE), facts, &receipt_item, ERR_CORRUPT);
	f.pickup[0] = '\0';
	refused(row(OUTBOX_NOTICE), f, &link_item, ERR_GONE);
	f = facts;
	f.created = 0;
	refused(row(OUTBOX_NOTICE), f, &link_item, ERR_GONE);
	f = facts;
	f.sender[0] = '\0';
	refused(row(OUTBOX_RECEIPT), f, &receipt_item, ERR_GONE);
	memcpy(item.address, "a@x.example\r\nBcc: b", 20);
	refused(row(OUTBOX_NOTICE), facts, &item, ERR_BAD_INPUT);
}

static int
gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

/* Names that look like markup or like fields of the template are only names. */
static void
hostile_names(void **state)
{
	const struct render r = {view, 443, "mail.acme.example"};
	struct outbox o = row(OUTBOX_NOTICE);
	struct outbox_facts f = facts;
	struct mail_memory memory;
	struct mail_source src;
	struct buf html = BUF_INIT;
	struct manifest *parsed;
	struct rendered m;
	struct err e = {0};

	(void)state;
	memcpy(f.sender_name, "<b>Mallory</b> \"{url}\" & \xe2\x80\xae", 29);
	memset(f.tenant_name, 'x', sizeof(f.tenant_name) - 1);
	if (render_mail(&r, &o, &f, &link_item, &m, &e) == -1)
		fail_msg("%s", e.text);
	memory = (struct mail_memory){m.mail.data, m.mail.len};
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &parsed, NULL), 0);
	assert_int_equal(parsed->n_parts, 3);
	assert_int_equal(
	    mail_part_decode(&src, &parsed->parts[2], gather, &html, NULL), 0);
	assert_null(strstr(buf_cstr(&html), "<b>Mallory"));
	assert_non_null(strstr(buf_cstr(&html), "&lt;b&gt;Mallory"));
	assert_non_null(strstr(buf_cstr(&html), "{url}"));
	manifest_free(parsed);
	buf_free(&html);
	rendered_clear(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_mails),
	    cmocka_unit_test(golden_statuses),
	    cmocka_unit_test(a_port_of_its_own),
	    cmocka_unit_test(who_wrote),
	    cmocka_unit_test(envelopes),
	    cmocka_unit_test(a_second_try_is_the_same_mail),
	    cmocka_unit_test(what_makes_no_mail),
	    cmocka_unit_test(hostile_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
