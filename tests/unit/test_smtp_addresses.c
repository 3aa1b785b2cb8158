/*
 * Addresses in RCPT: the corner cases of RFC 5321 and 6531 by a table, and the addresses
 * of the isemail tests (in the folder named by CORPORA, default ../shared/corpora; without
 * it the test says so): what each of them is told stands in tests/golden/addresses.txt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "golden.h"
#include "intake/smtp_syntax.h"

#define L16 "abcdefghijklmnop"
#define L63 L16 L16 L16 "abcdefghijklmno"

/* RCPT TO:<address>, and behind it SMTPUTF8's word where it was said in MAIL. */
static enum smtp_reply
told(const char *address, bool utf8, struct smtp_command *c)
{
	struct buf line = BUF_INIT;
	enum smtp_reply r;

	assert_int_equal(buf_addf(&line, "RCPT TO:<%s>", address), 0);
	smtp_syntax_parse((const char *)line.data, line.len, c);
	r = c->fault;
	if (r == SMTP_REPLY_NONE && c->non_ascii && !utf8)
		r = SMTP_REPLY_NEED_UTF8;
	buf_free(&line);
	return r;
}

static const struct {
	const char *address;
	bool utf8;
	const char *key; /* what it is looked up by; NULL when refused: */
	enum smtp_reply told;
	const char *why;
} table[] = {
    {"a@b", false, "a@b", 0, "5321 4.1.2: a domain may have one label"},
    {"A.B@C.Example", false, "a.b@c.example", 0, "2.4: domains in any case"},
    {"Postmaster", false, "", 0, "4.1.1.3: the one that needs no domain"},
    {"postmaster@c.example", false, "postmaster@c.example", 0, "4.5.1"},
    {"", false, NULL, SMTP_REPLY_PATH_TO, "4.1.1.3: no null recipient"},
    {"a", false, NULL, SMTP_REPLY_PATH_TO, "4.1.2: no domain"},
    {"a@", false, NULL, SMTP_REPLY_PATH_TO, "4.1.2: no domain"},
    {"@b", false, NULL, SMTP_REPLY_PATH_TO, "a route without its mailbox"},
    {".a@b", false, NULL, SMTP_REPLY_PATH_TO, "Dot-string"},
    {"a.@b", false, NULL, SMTP_REPLY_PATH_TO, "Dot-string"},
    {"a..b@c", false, NULL, SMTP_REPLY_PATH_TO, "Dot-string"},
    {"a b@c", false, NULL, SMTP_REPLY_PATH_TO, "a space is not atext"},
    {"a@b@c", false, NULL, SMTP_REPLY_PATH_TO, "an at sign is not atext"},
    {"a(x)@c", false, NULL, SMTP_REPLY_PATH_TO, "no comments in SMTP"},
    {"a@b(x)", false, NULL, SMTP_REPLY_PATH_TO, "no comments in SMTP"},
    {"!#$%&'*+-/=?^_`{|}~@c", false, "!#$%&'*+-/=?^_`{|}~@c", 0, "atext"},
    {"a+b@c", false, "a+b@c", 0, "a plus is atext"},
    {"a%b@c", false, "a%b@c", 0, "no relaying by percent: it is text"},
    {"b!a@c", false, "b!a@c", 0, "no relaying by bang: it is text"},
    {"\"a\"@c", false, "a@c", 0, "4.1.2: quotes that are not needed"},
    {"\"\"@c", false, "\"\"@c", 0, "Quoted-string may be empty"},
    {"\"a b\"@c", false, "\"a b\"@c", 0, "Quoted-string"},
    {"\"a@b\"@c", false, "\"a@b\"@c", 0, "Quoted-string"},
    {"\"a\\\"b\"@c", false, "\"a\\\"b\"@c", 0, "quoted-pairSMTP"},
    {"\"\\a\"@c", false, "a@c", 0, "quoted-pairSMTP of what needs none"},
    {"\"a", false, NULL, SMTP_REPLY_PATH_TO, "quote not closed"},
    {"\"a\"b@c", false, NULL, SMTP_REPLY_PATH_TO, "text behind a quote"},
    {"a.\"b\"@c", false, NULL, SMTP_REPLY_PATH_TO, "5322 obs-local-part"},
    {L63 "x@c", false, L63 "x@c", 0, "4.5.3.1.1: 64 octets"},
    {L63 "xy@c", false, NULL, SMTP_REPLY_PATH_TO, "4.5.3.1.1: 65 octets"},
    {"a@" L63, false, "a@" L63, 0, "1035 2.3.4: a label of 63"},
    {"a@" L63 "x", false, NULL, SMTP_REPLY_PATH_TO, "a label of 64"},
    {"a@b.", false, NULL, SMTP_REPLY_PATH_TO, "no dot at the end in SMTP"},
    {"a@.b", false, NULL, SMTP_REPLY_PATH_TO, "an empty label"},
    {"a@b..c", false, NULL, SMTP_REPLY_PATH_TO, "an empty label"},
    {"a@-b", false, NULL, SMTP_REPLY_PATH_TO, "sub-domain begins Let-dig"},
    {"a@b-", false, NULL, SMTP_REPLY_PATH_TO, "Ldh-str ends in Let-dig"},
    {"a@b_c", false, NULL, SMTP_REPLY_PATH_TO, "no underscore in a domain"},
    {"a@1.2.3.4", false, NULL, SMTP_REPLY_PATH_TO, "no bare IP address"},
    {"a@[1.2.3.4]", false, NULL, SMTP_REPLY_PATH_TO, "no literals here"},
    {"a@[IPv6:::1]", false, NULL, SMTP_REPLY_PATH_TO, "no literals here"},
    {"@x,@y:a@c", false, "a@c", 0, "appendix C: routes are dropped"},
    {"@x:@y:a@c", false, NULL, SMTP_REPLY_PATH_TO, "a malformed route"},
    {"a\tb@c", false, NULL, SMTP_REPLY_BYTES, "a control character"},
    {"\"a\\\tb\"@c", false, NULL, SMTP_REPLY_BYTES, "a control character"},
    {"\xc3\xa4@c", false, NULL, SMTP_REPLY_NEED_UTF8, "6531 3.4"},
    {"a@\xc3\xa4", false, NULL, SMTP_REPLY_NEED_UTF8, "6531 3.4"},
    {"\xc3\xa4@c", true, "\xc3\xa4@c", 0, "6531 3.3: atext"},
    {"a@\xc3\xa4.example", true, "a@xn--4ca.example", 0, "A-labels, 5891"},
    {"a@\xc3\x84.example", true, "a@xn--4ca.example", 0, "in any case"},
    {"a@xn--4ca.example", false, "a@xn--4ca.example", 0, "the same"},
    {"\"\xc3\xa4 b\"@c", true, "\"\xc3\xa4 b\"@c", 0, "6531 3.3: qtextSMTP"},
    {"\"\\\xc3\xa4\"@c", true, NULL, SMTP_REPLY_PATH_TO,
	"6531 3.3 leaves quoted-pairSMTP to ASCII"},
    {"\xe4@c", true, NULL, SMTP_REPLY_BYTES, "no UTF-8"},
    {"\xc0\x80@c", true, NULL, SMTP_REPLY_BYTES, "no shortest form"},
    {"\xed\xa0\x80@c", true, NULL, SMTP_REPLY_BYTES, "a surrogate"},
    {"\xc2\x9b@c", true, NULL, SMTP_REPLY_BYTES, "a control character"},
    {"a@\xe2\x98\x83.example", true, NULL, SMTP_REPLY_PATH_TO,
	"5892: a symbol is in no domain"},
    {"a@\xef\xbc\x90.\xef\xbc\x91", true, NULL, SMTP_REPLY_PATH_TO,
	"digits by another name are no top-level domain either"},
};

static void
test_table(void **state)
{
	struct smtp_command c;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		enum smtp_reply r = told(table[i].address, table[i].utf8, &c);

		if (r != table[i].told)
			fail_msg("%s: %s (%s)", table[i].address,
			    smtp_reply_code(r), table[i].why);
		if (r == SMTP_REPLY_NONE &&
		    strcmp(c.path.key, table[i].key) != 0)
			fail_msg("%s: %s (%s)", table[i].address, c.path.key,
			    table[i].why);
	}
}

/* ---- isemail ----------------------------------------------------------- */

/* By the test's own diagnosis: is it taken, and why. */
static const struct {
	const char *diagnosis;
	bool taken;
	const char *why;
} reasons[] = {
    {"VALID", true, "RFC 5321 4.1.2 Mailbox"},
    {"DNSWARN_NO_MX_RECORD", true, "RFC 5321 4.1.2; DNS is not asked"},
    {"DNSWARN_NO_RECORD", true, "RFC 5321 4.1.2; DNS is not asked"},
    {"RFC5321_QUOTEDSTRING", true, "RFC 5321 4.1.2 Quoted-string"},
    {"RFC5321_TLDNUMERIC", false, "a number is no top-level domain"},
    {"RFC5321_TLD", true, "RFC 5321 4.1.2: one label is a domain"},
    {"RFC5321_ADDRESSLITERAL", false, "address literals are nobody's here"},
    {"RFC5321_IPV6DEPRECATED", false, "address literals are nobody's here"},
    {"RFC5322_LOCAL_TOOLONG", false, "RFC 5321 4.5.3.1.1: 64 octets"},
    {"RFC5322_LABEL_TOOLONG", false, "RFC 1035 2.3.4: 63 octets"},
    {"RFC5322_DOMAIN_TOOLONG", false, "RFC 5321 4.5.3.1.2, 4.5.3.1.3"},
    {"RFC5322_TOOLONG", false, "RFC 5321 4.5.3.1.3: 254 octets"},
    {"RFC5322_DOMAINLITERAL", false, "address literals are nobody's here"},
    {"RFC5322_DOMLIT", false, "address literals are nobody's here"},
    {"RFC5322_IPV6", false, "address literals are nobody's here"},
    {"RFC5322_DOMAIN", false, "RFC 5321 4.1.2 sub-domain"},
    {"DEPREC_", false, "RFC 5322 obsolete forms are not SMTP's"},
    {"CFWS_", false, "no comments and folding in SMTP"},
    {"ERR_", false, "malformed by RFC 5321 4.1.2"},
};

static const char *
corpora(void)
{
	const char *s = getenv("CORPORA");

	return s ? s : "../shared/corpora";
}

static char *
child_text(const xmlNode *n, const char *name)
{
	for (xmlNode *k = n->children; k != NULL; k = k->next)
		if (k->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)k->name, name) == 0)
			return (char *)xmlNodeGetContent(k);
	return NULL;
}

/* U+2400 and on stand for control characters. In place. */
static void
real_controls(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++)
		if (memcmp(s, "\xe2\x90", 2) == 0 && (s[2] & 0xff) < 0xa0) {
			/* A NUL would end the string; it is refused as they are. */
			*to++ = (s[2] & 0x1f) != 0 ? (char)(s[2] & 0x1f) : 1;
			s += 2;
		} else
			*to++ = *s;
	*to = '\0';
}

static void
one_address(const xmlNode *n, struct buf *out)
{
	char *address = child_text(n, "address");
	char *diagnosis = child_text(n, "diagnosis");
	char *id = (char *)xmlGetProp(n, (const xmlChar *)"id");
	struct smtp_command c;
	enum smtp_reply r;
	size_t i, skip = strlen("ISEMAIL_");

	assert_true(address != NULL && diagnosis != NULL && id != NULL);
	real_controls(address);
	r = told(address, false, &c);
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strncmp(diagnosis + skip, reasons[i].diagnosis,
			strlen(reasons[i].diagnosis)) == 0)
			break;
	assert_true(i < sizeof(reasons) / sizeof(reasons[0]));
	if ((r == SMTP_REPLY_NONE) != reasons[i].taken)
		fail_msg("%s %s: %s", id, diagnosis, smtp_reply_code(r));
	assert_int_equal(
	    buf_addf(out, "%s\t%s\t%s\n", id,
		r == SMTP_REPLY_NONE ? "taken" : smtp_reply_code(r),
		r == SMTP_REPLY_BYTES ? "control characters are in no command" :
		    r == SMTP_REPLY_NEED_UTF8 ?
					"RFC 6531 3.4: without SMTPUTF8" :
					reasons[i].why),
	    0);
	xmlFree(address);
	xmlFree(diagnosis);
	xmlFree(id);
}

static void
test_isemail(void **state)
{
	struct buf out = BUF_INIT;
	char path[512];
	xmlDoc *doc;

	(void)state;
	snprintf(path, sizeof(path), "%s/address/isemail-tests.xml", corpora());
	if (access(path, R_OK) == -1) {
		fprintf(
		    stderr, "# NOT TESTED: no %s here; set CORPORA\n", path);
		return;
	}
	doc = xmlReadFile(path, NULL, 0);
	assert_non_null(doc);
	for (xmlNode *n = xmlDocGetRootElement(doc)->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)n->name, "test") == 0)
			one_address(n, &out);
	xmlFreeDoc(doc);
	assert_int_equal(golden_check("addresses.txt", out.data, out.len), 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_isemail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
