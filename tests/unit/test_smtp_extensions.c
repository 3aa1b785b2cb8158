/*
 * DSN, CHUNKING, BINARYMIME, SMTPUTF8, REQUIRETLS, XCLIENT: dialogues, what of them
 * reaches the backend, and who does not wait for an answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/secret.h"
#include "intake/smtp_line.h"
#include "smtp_talk.h"

#define S_OK    "250 2.0.0, "
#define S_PARAM "501 5.5.4, "
#define BODY    "Subject: s\r\n\r\nbody\r\n" /* 20 octets */

static const struct smtp_settings nothing = {
    .hostname = "mx.example", .backend = &fake_backend, .unwary = true};
static const struct smtp_settings binary = {.hostname = "mx.example",
    .offer = {.chunking = true, .binarymime = true},
    .backend = &fake_backend,
    .unwary = true};
static const struct smtp_settings wary = {
    .hostname = "mx.example", .offer = FAKE_OFFER, .backend = &fake_backend};

static const struct dialogue dialogues[] = {
    /* RFC 3461 */
    {"RET and ENVID",
	HELLO "MAIL FROM:<x@y.example> RET=HDRS ENVID=QQ314159\r\n" TO MESSAGE
	      "MAIL FROM:<x@y.example> envid=a+2Bb+3Dc+20d ret=full\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_MAIL, 1, false},
    {"RET and ENVID malformed",
	HELLO "MAIL FROM:<x@y.example> RET=ALL\r\n"
	      "MAIL FROM:<x@y.example> RET\r\n"
	      "MAIL FROM:<x@y.example> RET=\r\n"
	      "MAIL FROM:<x@y.example> RET=FULL RET=FULL\r\n"
	      "MAIL FROM:<x@y.example> ENVID\r\n"
	      "MAIL FROM:<x@y.example> ENVID=\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+2\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+2bb\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+GGb\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a=b\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+0Ab\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+00b\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+7Fb\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a+E4b\r\n"
	      "MAIL FROM:<x@y.example> ENVID=a ENVID=b\r\n",
	S_HELLO S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM
	    S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM,
	0, false},
    {"NOTIFY and ORCPT",
	HELLO FROM "RCPT TO:<a@acme.example> NOTIFY=NEVER\r\n"
		   "RCPT TO:<b@acme.example> NOTIFY=success,DELAY,Failure\r\n"
		   "RCPT TO:<c@acme.example> ORCPT=rfc822;a+2Bb@y.example\r\n"
		   "RCPT TO:<d@acme.example> ORCPT=x-400;c NOTIFY=DELAY\r\n",
	S_HELLO S_MAIL S_RCPT S_RCPT S_RCPT S_RCPT, 0, false},
    {"NOTIFY malformed",
	HELLO FROM "RCPT TO:<a@acme.example> NOTIFY\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=ALWAYS\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=NEVER,DELAY\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=SUCCESS,NEVER\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=SUCCESS,\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=,SUCCESS\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=SUCCESS,,DELAY\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=SUCCESS DELAY\r\n"
		   "RCPT TO:<a@acme.example> NOTIFY=DELAY NOTIFY=DELAY\r\n",
	S_HELLO S_MAIL S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM
	    S_PARAM "555 5.5.4, " S_PARAM,
	0, false},
    {"ORCPT malformed",
	HELLO FROM "RCPT TO:<a@acme.example> ORCPT\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=a@y.example\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=;a@y.example\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc822;\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc 822;a\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc(822;a\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc822;a+2\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc822;a+0D+0Ab\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=rfc822;a=b\r\n"
		   "RCPT TO:<a@acme.example> ORCPT=x;a ORCPT=x;a\r\n",
	S_HELLO S_MAIL S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM
	    S_PARAM S_PARAM S_PARAM S_PARAM,
	0, false},
    {"each parameter with its own verb",
	HELLO "MAIL FROM:<x@y.example> NOTIFY=NEVER\r\n"
	      "MAIL FROM:<x@y.example> ORCPT=x;a\r\n" FROM
	      "RCPT TO:<a@acme.example> RET=FULL\r\n"
	      "RCPT TO:<a@acme.example> ENVID=x\r\n"
	      "RCPT TO:<a@acme.example> SMTPUTF8\r\n",
	S_HELLO "555 5.5.4, 555 5.5.4, " S_MAIL "555 5.5.4, 555 5.5.4, "
		"555 5.5.4, ",
	0, false},
    /* RFC 6531 */
    {"SMTPUTF8",
	HELLO "MAIL FROM:<j\xc3\xb6rg@b\xc3\xbc"
	      "cher.example> SMTPUTF8\r\n"
	      "RCPT TO:<\xe7\x94\xa8\xe6\x88\xb7@acme.example>\r\n" MESSAGE
	      "MAIL FROM:<x@y.example> SMTPUTF8\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_MAIL, 1, false},
    {"UTF-8 without SMTPUTF8",
	HELLO "MAIL FROM:<j\xc3\xb6rg@y.example>\r\n" FROM
	      "RCPT TO:<j\xc3\xb6rg@acme.example>\r\n"
	      "RCPT TO:<a@acme.example> ORCPT=utf-8;j\xc3\xb6rg@y.example\r\n"
	      "RCPT TO:<a@b\xc3\xbc"
	      "cher.example>\r\nVRFY j\xc3\xb6rg\r\n"
	      "VRFY j\xc3\xb6rg SMTPUTF8\r\nVRFY jorg SMTPUTF8\r\n",
	S_HELLO "553 5.6.7, " S_MAIL
		"553 5.6.7, 553 5.6.7, 553 5.6.7, 553 5.6.7, "
		"252 2.0.0, 252 2.0.0, ",
	0, false},
    {"SMTPUTF8 malformed",
	HELLO "MAIL FROM:<x@y.example> SMTPUTF8=\r\n"
	      "MAIL FROM:<x@y.example> SMTPUTF8=1\r\n"
	      "MAIL FROM:<x@y.example> SMTPUTF8 SMTPUTF8\r\n"
	      "MAIL FROM:<j\xf6rg@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<j\xc3@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<\xc0\xafx@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<\xed\xa0\x80x@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<\xc2\x85x@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<x@\xc3\xbc..example> SMTPUTF8\r\n"
	      "EHLO \xc3\xbc.example\r\nNOOP \xc3\xbc\r\n",
	S_HELLO "501 5.5.4, 501 5.5.4, 501 5.5.4, 500 5.5.2, 500 5.5.2, "
		"500 5.5.2, 500 5.5.2, 500 5.5.2, 501 5.1.7, 500 5.5.2, "
		"500 5.5.2, ",
	0, false},
    {"ORCPT with UTF-8",
	HELLO "MAIL FROM:<x@y.example> SMTPUTF8\r\n"
	      "RCPT TO:<a@acme.example> ORCPT=utf-8;j\xc3\xb6rg@y.example\r\n"
	      "RCPT TO:<a@acme.example> ORCPT=UTF-8;j\\x{F6}rg@y.example\r\n"
	      "RCPT TO:<a@acme.example> ORCPT=rfc822;j\xc3\xb6rg@y.example\r\n",
	S_HELLO S_MAIL S_RCPT S_RCPT S_PARAM, 0, false},
    /* RFC 8689 */
    {"REQUIRETLS under TLS",
	HELLO "MAIL FROM:<x@y.example> REQUIRETLS\r\n" TO MESSAGE
	      "MAIL FROM:<x@y.example> REQUIRETLS=1\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_PARAM, 1, true},
    {"REQUIRETLS in clear", HELLO "MAIL FROM:<x@y.example> REQUIRETLS\r\n" FROM,
	S_HELLO "530 5.7.10, " S_MAIL, 0, false},
    /* RFC 3030 */
    {"BDAT, one chunk", HELLO FROM TO "BDAT 20 LAST\r\n" BODY FROM,
	S_HELLO S_MAIL S_RCPT S_OK S_MAIL, 1, false},
    {"BDAT in chunks, in one packet",
	HELLO FROM TO "BDAT 5\r\nSubjeBDAT 0\r\nbdat 4\r\nct: BDAT 11 last\r\n"
		      "s\r\n\r\nbody\r\n" FROM,
	S_HELLO S_MAIL S_RCPT S_OK S_OK S_OK S_OK S_MAIL, 1, false},
    {"BDAT 0 LAST behind chunks, and alone",
	HELLO FROM TO "BDAT 20\r\n" BODY "BDAT 0 LAST\r\n" FROM TO
		      "BDAT 0 LAST\r\n",
	S_HELLO S_MAIL S_RCPT S_OK S_OK S_MAIL S_RCPT S_OK, 2, false},
    {"BDAT: dots, ends and commands are text",
	HELLO FROM TO "BDAT 22 LAST\r\n..\r\n.\r\nQUIT\r\nRSET\r\n.\r\n" QUIT,
	S_HELLO S_MAIL S_RCPT S_OK S_QUIT, 1, false},
    {"BDAT out of place takes its octets with it",
	"BDAT 6\r\nQUIT\r\n" HELLO "BDAT 6 LAST\r\nQUIT\r\n" FROM
	"BDAT 6\r\nQUIT\r\nRCPT TO:<nobody@acme.example>\r\n"
	"BDAT 6 LAST\r\nQUIT\r\n" TO MESSAGE,
	"503 5.5.1, " S_HELLO "503 5.5.1, " S_MAIL
	"503 5.5.1, 550 5.1.1, 554 5.5.1, " S_RCPT S_MESSAGE,
	1, false},
    {"BDAT behind LAST",
	HELLO FROM TO "BDAT 4 LAST\r\na\r\n\nBDAT 4 LAST\r\nRSETBDAT 0\r\n",
	S_HELLO S_MAIL S_RCPT "550 5.6.0, 503 5.5.1, 503 5.5.1, ", 0, false},
    {"between chunks",
	HELLO FROM TO "BDAT 3\r\na\r\nDATA\r\n" FROM TO "STARTTLS\r\nNOOP\r\n"
		      "VRFY x\r\nHELP\r\nBDAT 3 LAST\r\nb\r\n",
	S_HELLO S_MAIL S_RCPT S_OK
	"503 5.5.1, 503 5.5.1, 503 5.5.1, 503 5.5.1, "
	"250 2.0.0, 252 2.0.0, 214 2.0.0, " S_OK,
	1, false},
    {"RSET and EHLO between chunks",
	HELLO FROM TO "BDAT 1\r\naRSET\r\nBDAT 4 LAST\r\nQUIT" FROM TO
		      "BDAT 1\r\na" HELLO "BDAT 4 LAST\r\nQUIT" FROM,
	S_HELLO S_MAIL S_RCPT S_OK
	"250 2.0.0, 503 5.5.1, " S_MAIL S_RCPT S_OK S_HELLO
	"503 5.5.1, " S_MAIL,
	0, false},
    {"QUIT between chunks", HELLO FROM TO "BDAT 1\r\naQUIT\r\n",
	S_HELLO S_MAIL S_RCPT S_OK S_QUIT, 0, false},
    {"BDAT malformed: the octets cannot be found", HELLO FROM TO "BDAT\r\n" TO,
	S_HELLO S_MAIL S_RCPT S_PARAM, 0, false},
    {"BDAT x", HELLO "BDAT x\r\n" FROM, S_HELLO S_PARAM, 0, false},
    {"BDAT -1", HELLO "BDAT -1\r\n" FROM, S_HELLO S_PARAM, 0, false},
    {"BDAT 1x", HELLO "BDAT 1x\r\n" FROM, S_HELLO S_PARAM, 0, false},
    {"BDAT 0x1", HELLO "BDAT 0x1\r\n" FROM, S_HELLO S_PARAM, 0, false},
    {"BDAT 1 LAST LAST", HELLO "BDAT 1 LAST LAST\r\n" FROM, S_HELLO S_PARAM, 0,
	false},
    {"BDAT LAST 1", HELLO "BDAT LAST 1\r\n" FROM, S_HELLO S_PARAM, 0, false},
    {"BDAT past all numbers", HELLO "BDAT 18446744073709551616\r\n" FROM,
	S_HELLO S_PARAM, 0, false},
    {"BDAT of 21 digits", HELLO "BDAT 000000000000000000001\r\n" FROM,
	S_HELLO S_PARAM, 0, false},
    {"BDAT with a control character", HELLO "BDAT 1\t\r\n" FROM,
	S_HELLO "500 5.5.2, ", 0, false},
    {"BDAT behind a tab", HELLO FROM TO "\tBDAT 6\r\nQUIT\r\n" FROM,
	S_HELLO S_MAIL S_RCPT S_PARAM, 0, false},
    {"BDAT in front of a tab", HELLO "BDAT\t6\r\nQUIT\r\n", S_HELLO S_PARAM, 0,
	false},
    {"BDAT behind a space", HELLO " BDAT 6\r\nQUIT\r\n", S_HELLO S_PARAM, 0,
	false},
    {"BDAT and a bare LF", HELLO FROM TO "BDAT 6\nQUIT\r\n" FROM,
	S_HELLO S_MAIL S_RCPT S_PARAM, 0, false},
    {"BDAT behind a bare LF", HELLO "NOOP\nBDAT 6\r\nQUIT\r\n" FROM,
	S_HELLO "500 5.5.2, " S_PARAM, 0, false},
    {"BDAT deep in what is dropped", HELLO "a\nb\r\rc\n \tbdAt\n",
	S_HELLO "500 5.5.2, " S_PARAM, 0, false},
    {"BDAT behind a bare CR", HELLO "NOOP\rBDAT 6\r\nQUIT\r\n" FROM,
	S_HELLO S_PARAM, 0, false},
    {"BDAT within a line is no verb",
	HELLO "NOOP BDAT 6\r\nx BDAT 6\r\nx\ny BDAT 6\nABDAT\r\n" QUIT,
	S_HELLO "250 2.0.0, 500 5.5.2, 500 5.5.2, " S_QUIT, 0, false},
    {"what BDAT may not hold",
	HELLO FROM TO
	"BDAT 3 LAST\r\na\nb" FROM TO "BDAT 3 LAST\r\na\rb" FROM TO
	"BDAT 2\r\na\rBDAT 1 LAST\r\nb" FROM TO "BDAT 2 LAST\r\na\r" FROM TO
	"BDAT 2\r\na\rBDAT 0\r\nBDAT 0 LAST\r\n" FROM,
	S_HELLO S_MAIL S_RCPT
	"550 5.6.0, " S_MAIL S_RCPT "550 5.6.0, " S_MAIL S_RCPT S_OK
	"550 5.6.0, " S_MAIL S_RCPT "550 5.6.0, " S_MAIL S_RCPT S_OK S_OK
	"550 5.6.0, " S_MAIL,
	0, false},
    {"CR LF over the border of chunks",
	HELLO FROM TO "BDAT 2\r\na\rBDAT 0\r\nBDAT 1 LAST\r\n\n" FROM,
	S_HELLO S_MAIL S_RCPT S_OK S_OK S_OK S_MAIL, 1, false},
    {"all chunks of a failed message are answered alike",
	HELLO FROM TO "BDAT 3\r\na\nbBDAT 6\r\nQUIT\r\nBDAT 0\r\n"
		      "BDAT 6 LAST\r\nRSET\r\n" FROM,
	S_HELLO S_MAIL S_RCPT
	"550 5.6.0, 550 5.6.0, 550 5.6.0, 550 5.6.0, " S_MAIL,
	0, false},
    {"XCLIENT of anybody",
	"XCLIENT ADDR=192.0.2.7\r\n" HELLO "XCLIENT ADDR=192.0.2.7\r\n" FROM,
	"550 5.7.0, " S_HELLO "550 5.7.0, " S_MAIL, 0, false},
};

static const struct dialogue of_no_extensions[] = {
    {"what is not offered is unknown",
	HELLO "MAIL FROM:<x@y.example> RET=FULL\r\n"
	      "MAIL FROM:<x@y.example> ENVID=x\r\n"
	      "MAIL FROM:<x@y.example> SMTPUTF8\r\n"
	      "MAIL FROM:<x@y.example> REQUIRETLS\r\n"
	      "MAIL FROM:<x@y.example> BODY=BINARYMIME\r\n" FROM
	      "RCPT TO:<a@acme.example> NOTIFY=NEVER\r\n"
	      "RCPT TO:<a@acme.example> ORCPT=x;a\r\nBDAT 0 LAST\r\n",
	S_HELLO "555 5.5.4, 555 5.5.4, 555 5.5.4, 555 5.5.4, 501 5.5.4, " S_MAIL
		"555 5.5.4, 555 5.5.4, 502 5.5.1, ",
	0, true},
};

static const struct dialogue of_binary[] = {
    {"BINARYMIME is sent by BDAT, as it is",
	HELLO "MAIL FROM:<x@y.example> BODY=BINARYMIME\r\n" TO
	      "DATA\r\nBDAT 5 LAST\r\na\nb\rc",
	S_HELLO S_MAIL S_RCPT "503 5.5.1, " S_OK, 1, false},
};

static const struct dialogue of_front_ends[] = {
    {"XCLIENT, greeted anew",
	"XCLIENT ADDR=198.51.100.7 NAME=c.example PORT=1234 PROTO=ESMTP "
	"HELO=c.example\r\n" FROM HELLO FROM
	"XCLIENT ADDR=198.51.100.8\r\nRSET\r\nXCLIENT ADDR=198.51.100.8\r\n"
	"RSET\r\n" FROM HELLO FROM TO MESSAGE,
	"220, 503 5.5.1, " S_HELLO S_MAIL "503 5.5.1, 250 2.0.0, 220, "
	"250 2.0.0, 503 5.5.1, " S_HELLO S_MAIL S_RCPT S_MESSAGE,
	1, false},
    {"XCLIENT malformed",
	"XCLIENT\r\nXCLIENT ADDR\r\nXCLIENT ADDR=\r\nXCLIENT ADDR=1.2.3\r\n"
	"XCLIENT ADDR=::1\r\nXCLIENT ADDR=IPV6:1.2.3.4\r\n"
	"XCLIENT LOGIN=alice@acme.example\r\nXCLIENT DESTADDR=192.0.2.9\r\n"
	"XCLIENT PORT=65536\r\nXCLIENT PORT=x\r\nXCLIENT PROTO=LMTP\r\n"
	"XCLIENT HELO=a+28b\r\nXCLIENT NAME=a+0Ab\r\n"
	"XCLIENT ADDR=192.0.2.1 ADDR=192.0.2.2\r\n",
	S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM
	    S_PARAM S_PARAM S_PARAM S_PARAM S_PARAM,
	0, false},
    {"XCLIENT, what is not known",
	"XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL] PORT=[UNAVAILABLE] "
	"HELO=[UNAVAILABLE]\r\nxclient addr=ipv6:2001:DB8::1\r\n",
	"220, 220, ", 0, false},
};

static void
test_dialogues(void **state)
{
	(void)state;
	talk_all(dialogues, sizeof(dialogues) / sizeof(*dialogues),
	    &fake_settings, false);
	talk_all(of_no_extensions,
	    sizeof(of_no_extensions) / sizeof(*of_no_extensions), &nothing,
	    false);
	talk_all(
	    of_binary, sizeof(of_binary) / sizeof(*of_binary), &binary, false);
	talk_all(of_front_ends, sizeof(of_front_ends) / sizeof(*of_front_ends),
	    &fake_settings, true);
}

/* ---- what reaches the backend ------------------------------------------ */

static void
test_what_the_envelope_holds(void **state)
{
	struct smtp_session *s = session(true,
	    HELLO "MAIL FROM:<x@y.example> ENVID=a+2Bb+20+3D RET=HDRS "
		  "REQUIRETLS SMTPUTF8\r\n"
		  "RCPT TO:<a@acme.example> NOTIFY=SUCCESS,DELAY "
		  "ORCPT=rfc822;Bob+2B1@y.example\r\n");

	(void)state;
	assert_int_equal(fake.notify, DESK_NOTIFY_SUCCESS | DESK_NOTIFY_DELAY);
	assert_string_equal(fake.orcpt, "rfc822;Bob+1@y.example");
	say(s, "RCPT TO:<b@acme.example>\r\n", S_RCPT);
	assert_int_equal(fake.notify, 0);
	assert_string_equal(fake.orcpt, "");
	say(s, MESSAGE, S_MESSAGE);
	assert_string_equal(fake.envid, "a+b =");
	assert_int_equal(fake.last.ret, DESK_RET_HDRS);
	assert_true(fake.last.require_tls && fake.last.utf8);
	assert_non_null(
	    strstr(buf_cstr(&fake.last_trace), " with UTF8SMTPS (TLS)"));
	/* Nothing of it is left for the next message. */
	say(s, FROM TO MESSAGE, S_MAIL S_RCPT S_MESSAGE);
	assert_string_equal(fake.envid, "");
	assert_int_equal(fake.last.ret, DESK_RET_NONE);
	assert_false(fake.last.require_tls || fake.last.utf8);
	assert_non_null(
	    strstr(buf_cstr(&fake.last_trace), " with ESMTPS (TLS)"));
	smtp_session_free(s);
}

/* A refused RCPT leaves nothing behind for the next one. */
static void
test_refused_recipient_leaves_nothing(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM);

	(void)state;
	say(s,
	    "RCPT TO:<nobody@acme.example> NOTIFY=NEVER ORCPT=x;1\r\n"
	    "RCPT TO:<a@acme.example>\r\n",
	    "550 5.1.1, " S_RCPT);
	assert_int_equal(fake.notify, 0);
	assert_string_equal(fake.orcpt, "");
	smtp_session_free(s);
}

/* What memory knows is answered without a thread, and alike. */
static void
test_answers_from_memory(void **state)
{
	struct smtp_session *s = session(false, HELLO);
	struct buf out = BUF_INIT, sum = BUF_INIT;
	const char *in = FROM TO "RCPT TO:<b@acme.example> ORCPT=x;1\r\n";
	size_t used;

	(void)state;
	fake.now = 1;
	assert_int_equal(
	    smtp_session_feed(s, in, strlen(in), &used, &out), SMTP_MORE);
	assert_int_equal(used, strlen(in));
	summary(&out, &sum);
	assert_string_equal(buf_cstr(&sum), S_MAIL S_RCPT S_RCPT);
	assert_string_equal(fake.orcpt, "x;1");
	say(s, "RCPT TO:<nobody@acme.example>\r\n" MESSAGE,
	    "550 5.1.1, " S_MESSAGE);
	assert_int_equal(fake.last_rcpt, 2);
	smtp_session_free(s);
	buf_free(&out);
	buf_free(&sum);
}

static void
test_domains_in_u_labels(void **state)
{
	static const struct {
		const char *in, *address, *key;
	} rows[] = {
	    {"A@B\xc3\x9c"
	     "CHER.example",
		"A@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
	    {"J\xc3\x96rg@b\xc3\xbc"
	     "cher.example",
		"J\xc3\x96rg@xn--bcher-kva.example",
		"j\xc3\x96rg@xn--bcher-kva.example"},
	    {"x@fa\xc3\x9f.example", "x@xn--fa-hia.example",
		"x@xn--fa-hia.example"},
	    {"\"j\xc3\xb6 rg\"@y.example", "\"j\xc3\xb6 rg\"@y.example",
		"\"j\xc3\xb6 rg\"@y.example"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_session *s = session(false, HELLO);
		struct buf in = BUF_INIT;

		assert_int_equal(
		    buf_addf(&in, "MAIL FROM:<%s> SMTPUTF8\r\n" TO MESSAGE,
			rows[i].in),
		    0);
		say(s, buf_cstr(&in), S_MAIL S_RCPT S_MESSAGE);
		assert_string_equal(fake.last.from.address, rows[i].address);
		assert_string_equal(fake.last.from.key, rows[i].key);
		smtp_session_free(s);
		buf_free(&in);
	}
}

static void
test_xclient(void **state)
{
	struct smtp_session *s = smtp_session_new(
	    &fake_settings, "192.0.2.1", true);
	struct buf out = BUF_INIT;

	(void)state;
	fake_reset();
	assert_non_null(s);
	smtp_session_front(s);
	fake_packet(s, HELLO, strlen(HELLO), &out);
	assert_non_null(strstr(
	    buf_cstr(&out), "250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"));
	say(s, "AUTH PLAIN " ALICE "\r\n", "235 2.7.0, ");
	say(s,
	    "XCLIENT ADDR=IPV6:2001:DB8:0::7 HELO=there.example\r\n"
	    "EHLO front.example\r\n" FROM,
	    "220, " S_HELLO S_MAIL);
	/* The client is another: no member, and by the name that was told. */
	assert_false(fake.sender.authenticated);
	assert_string_equal(fake.sender.address, "");
	assert_string_equal(fake.sender.client, "2001:db8::7");
	assert_string_equal(fake.sender.helo, "there.example");
	assert_string_equal(fake.sender.tls, "TLS");
	/* In two commands: neither takes back what the other said. */
	say(s,
	    "RSET\r\nXCLIENT ADDR=192.0.2.9\r\nXCLIENT NAME=x PORT=25\r\n"
	    "EHLO front.example\r\n" FROM,
	    "250 2.0.0, 220, 220, " S_HELLO S_MAIL);
	assert_string_equal(fake.sender.client, "192.0.2.9");
	assert_string_equal(fake.sender.helo, "there.example");
	say(s,
	    "RSET\r\nXCLIENT HELO=[UNAVAILABLE]\r\n" FROM
	    "EHLO front.example\r\n" FROM,
	    "250 2.0.0, 220, 503 5.5.1, " S_HELLO S_MAIL);
	assert_string_equal(fake.sender.client, "192.0.2.9");
	assert_string_equal(fake.sender.helo, "front.example");
	smtp_session_free(s);
	buf_free(&out);
}

/* ---- BDAT -------------------------------------------------------------- */

static void
test_bdat_keeps_every_octet(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM TO);

	(void)state;
	say(s, "BDAT 7\r\n..\r\n.\r\nBDAT 6 LAST\r\n.b\r\nxx", S_OK S_OK);
	assert_string_equal(buf_cstr(&fake.last_body), "..\r\n.\r\n.b\r\nxx");
	smtp_session_free(s);
}

static void
test_bdat_nul(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM TO);
	static const char in[] = "BDAT 3 LAST\r\na\0b";

	(void)state;
	expect(s, in, sizeof(in) - 1, "550 5.6.0, ", SMTP_MORE);
	smtp_session_free(s);
}

/* n octets in chunks of `step` in packets of 64 KiB; the last reply is `want`. */
static void
pour(size_t n, size_t step, const char *want)
{
	struct smtp_session *s = session(false, HELLO FROM TO);
	struct buf out = BUF_INIT;
	char *text = malloc(step + 1), line[64];
	const char *last;

	assert_non_null(text);
	memset(text, 'x', step + 1);
	for (size_t i = 76; i + 2 <= step; i += 78)
		memcpy(text + i, "\r\n", 2);
	fake.keep = 0;
	for (size_t at = 0, some; at < n; at += some) {
		some = n - at < step ? n - at : step;
		(void)snprintf(line, sizeof(line), "BDAT %zu%s\r\n", some,
		    at + some == n ? " LAST" : "");
		fake_packet(s, line, strlen(line), &out);
		buf_clear(&out);
		for (size_t k = 0; k < some; k += 65536)
			fake_packet(s, text + k,
			    some - k < 65536 ? some - k : 65536, &out);
	}
	last = buf_cstr(&out);
	if (!fake_starts(last, want))
		fail_msg("%zu by %zu: %s", n, step, last);
	say(s, FROM, S_MAIL);
	smtp_session_free(s);
	buf_free(&out);
	free(text);
	assert_int_equal(fake.drafts, 0);
}

static void
test_bdat_size(void **state)
{
	(void)state;
	pour(LIMIT_MESSAGE, LIMIT_MESSAGE, "250 2.0.0");
	assert_int_equal(fake.messages, 1);
	pour(LIMIT_MESSAGE + 1, LIMIT_MESSAGE + 1, "552 5.3.4");
	pour(LIMIT_MESSAGE, 1000000, "250 2.0.0");
	pour(LIMIT_MESSAGE + 1, 1000000, "552 5.3.4");
	assert_int_equal(fake.messages, 0);
}

/* Of a line that is too long, too, nobody knows what somebody else read in it. */
static void
test_bdat_hidden_in_a_long_line(void **state)
{
	static const struct {
		const char *begin, *end, *want;
		enum smtp_next next;
	} cases[] = {
	    {"BDAT ", " 6\r\nQUIT\r\n", S_PARAM, SMTP_CLOSE},
	    {"\tbdat\v", "6\r\nQUIT\r\n", S_PARAM, SMTP_CLOSE},
	    {"NOOP ", "\nBDAT 6\r\nQUIT\r\n", S_PARAM, SMTP_CLOSE},
	    {"NOOP BDAT ", " BDAT 6\r\n", "500 5.5.2, ", SMTP_MORE},
	};
	char *line = malloc(LIMIT_SMTP_AUTH_LINE + 100);

	(void)state;
	assert_non_null(line);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_session *s = session(false, HELLO FROM TO);
		size_t n = strlen(cases[i].begin);

		memcpy(line, cases[i].begin, n);
		memset(line + n, '0', LIMIT_SMTP_AUTH_LINE);
		n += LIMIT_SMTP_AUTH_LINE;
		memcpy(line + n, cases[i].end, strlen(cases[i].end));
		n += strlen(cases[i].end);
		expect(s, line, n, cases[i].want, cases[i].next);
		smtp_session_free(s);
	}
	free(line);
}

/* A response of AUTH is a line like others, but may begin with any word that is base64. */
static void
test_bdat_hidden_in_a_response(void **state)
{
	static const struct {
		const char *response, *want;
		enum smtp_next next;
	} cases[] = {
	    {"x\rBDAT 6\r\nQUIT\r\n", S_PARAM, SMTP_CLOSE},
	    {"\r\t bdat 6 LAST\r\nQUIT\r\n", S_PARAM, SMTP_CLOSE},
	    {"x\nBDAT 6\r\nQUIT\r\n", "500 5.5.2, " S_PARAM, SMTP_CLOSE},
	    {"BDAT 6\r\nNOOP\r\n", "501 5.5.2, " S_OK, SMTP_MORE},
	    {"x\rNOOP\r\nNOOP\r\n", "501 5.5.2, " S_OK, SMTP_MORE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_session *s = session(true, HELLO "AUTH PLAIN\r\n");

		expect(s, cases[i].response, strlen(cases[i].response),
		    cases[i].want, cases[i].next);
		smtp_session_free(s);
	}
}

/* The largest size there is: octets are taken as long as they come. */
static void
test_bdat_of_any_size(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM TO);
	char block[4096];

	(void)state;
	memset(block, 'x', sizeof(block));
	say(s, "BDAT 18446744073709551614 LAST\r\n", "");
	for (int i = 0; i < 1000; i++)
		expect(s, block, sizeof(block), "", SMTP_MORE);
	smtp_session_free(s);
	assert_int_equal(fake.drafts, 0);
}

static void
test_bdat_faults(void **state)
{
	static const struct {
		const char *name;
		enum err_code begin, trace, add, accept;
		const char *want;
	} rows[] = {
	    {"begin", ERR_UNAVAILABLE, 0, 0, 0,
		"451 4.3.0, 451 4.3.0, 451 4.3.0, "},
	    {"trace", 0, ERR_UNAVAILABLE, 0, 0,
		"451 4.3.0, 451 4.3.0, 451 4.3.0, "},
	    {"add", 0, 0, ERR_UNAVAILABLE, 0,
		"250 2.0.0, 451 4.3.0, 451 4.3.0, "},
	    {"accept", 0, 0, 0, ERR_UNAVAILABLE,
		"250 2.0.0, 250 2.0.0, 451 4.3.0, "},
	    {"nothing", 0, 0, 0, 0, "250 2.0.0, 250 2.0.0, 250 2.0.0, "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_session *s = session(false, HELLO FROM TO);

		fake.begin_err = rows[i].begin;
		fake.trace_err = rows[i].trace;
		fake.add_err = rows[i].add;
		fake.accept_err = rows[i].accept;
		fake.add_after = 3;
		say(s, "BDAT 3\r\na\r\nBDAT 3\r\nb\r\nBDAT 3 LAST\r\nc\r\n",
		    rows[i].want);
		assert_int_equal(fake.drafts, 0);
		fake.begin_err = fake.trace_err = fake.add_err =
		    fake.accept_err = ERR_NONE;
		say(s, FROM TO MESSAGE, S_MAIL S_RCPT S_MESSAGE);
		smtp_session_free(s);
	}
}

/*
 * A message's octets, cut into any two chunks at any place, are the message: the same
 * verdict as in one chunk.
 */
static void
test_bdat_grid(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 5; len++)
		for (unsigned i = 0; i < 1u << (2 * len); i++) {
			uint8_t text[8];
			struct smtp_data whole = {.at = SMTP_DATA_START};
			bool bare = false;

			for (size_t k = 0; k < len; k++)
				text[k] = (uint8_t) "\r\n\0."[i >> 2 * k & 3];
			for (size_t k = 0; k < len; k++)
				bare |= text[k] == '\0' ||
				    (text[k] == '\n' &&
					(k == 0 || text[k - 1] != '\r')) ||
				    (text[k] == '\r' &&
					(k + 1 == len || text[k + 1] != '\n'));
			smtp_chunk_next(&whole, text, len);
			smtp_chunk_end(&whole);
			assert_int_equal(whole.bare, bare);
			for (size_t cut = 0; cut <= len; cut++) {
				struct smtp_data d = {.at = SMTP_DATA_START};

				smtp_chunk_next(&d, text, cut);
				smtp_chunk_next(&d, text + cut, len - cut);
				smtp_chunk_end(&d);
				assert_int_equal(d.bare, bare);
			}
		}
}

/* ---- limits ------------------------------------------------------------ */

static void
test_lengths(void **state)
{
	static const struct {
		const char *head, *tail;
		size_t n;
		const char *at, *past;
	} rows[] = {
	    {"MAIL FROM:<x@y.example> ENVID=", "", LIMIT_ENVID, S_MAIL,
		S_PARAM},
	    {"MAIL FROM:<x@y.example> ENVID=+2B", "", LIMIT_ENVID - 3, S_MAIL,
		S_PARAM},
	    {"RCPT TO:<a@acme.example> ORCPT=x;", "", LIMIT_ORCPT - 2, S_RCPT,
		S_PARAM},
	    {"RCPT TO:<a@acme.example> ORCPT=x;", " NOTIFY=NEVER",
		LIMIT_ORCPT - 2, S_RCPT, S_PARAM},
	    {"VRFY ", "", LIMIT_SMTP_VRFY_LINE - 7, "252 2.0.0, ",
		"500 5.5.2, "},
	    {"RCPT TO:<a@acme.example> ORCPT=x;", "", LIMIT_SMTP_RCPT_LINE - 35,
		S_PARAM, "500 5.5.2, "},
	    {"MAIL FROM:<x@y.example> ENVID=", "", LIMIT_SMTP_MAIL_LINE - 32,
		S_PARAM, "500 5.5.2, "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t past = 0; past < 2; past++) {
			bool rcpt = rows[i].head[0] == 'R';
			struct smtp_session *s = session(
			    false, rcpt ? HELLO FROM : HELLO);
			struct buf in = BUF_INIT;

			assert_int_equal(buf_adds(&in, rows[i].head), 0);
			for (size_t k = 0; k < rows[i].n + past; k++)
				assert_int_equal(buf_add(&in, "e", 1), 0);
			assert_int_equal(
			    buf_addf(&in, "%s\r\n", rows[i].tail), 0);
			say(s, buf_cstr(&in), past ? rows[i].past : rows[i].at);
			smtp_session_free(s);
			buf_free(&in);
		}
}

/* ---- who does not wait ------------------------------------------------- */

/* Replies to `in`, in one packet, of a session that is wary or not. */
static void
ahead(const char *in, bool is_wary, const char *want, enum smtp_next next,
    size_t messages)
{
	struct smtp_session *s = smtp_session_new(
	    is_wary ? &wary : &fake_settings, "192.0.2.1", false);

	fake_reset();
	assert_non_null(s);
	expect(s, in, strlen(in), want, next);
	assert_int_equal(fake.messages, messages);
	smtp_session_free(s);
	assert_int_equal(fake.drafts, 0);
	assert_int_equal(fake.envelopes, 0);
}

#define START "EHLO c.example\r\n"

static void
test_nothing_may_follow_what_waits(void **state)
{
	static const char *const behind[] = {
	    "\r\n", "a", ".\r\n", "QUIT\r\n", FROM, BODY ".\r\n"};
	struct buf in = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
		static const char *const waits[] = {"EHLO c\r\n", "HELO c\r\n",
		    "DATA\r\n", "DATA now\r\n", "EHLO a b\r\n"};

		for (size_t k = 0; k < sizeof(waits) / sizeof(waits[0]); k++) {
			buf_clear(&in);
			assert_int_equal(
			    buf_addf(&in, "%s%s", waits[k], behind[i]), 0);
			ahead(
			    buf_cstr(&in), true, "503 5.5.1, ", SMTP_CLOSE, 0);
		}
	}
	buf_free(&in);
}

static void
test_message_before_354(void **state)
{
	const char *in = FROM TO MESSAGE QUIT;
	const char *in2 = FROM TO "DATA\r\n";
	struct smtp_session *s;

	(void)state;
	s = smtp_session_new(&wary, "192.0.2.1", false);
	fake_reset();
	assert_non_null(s);
	expect(s, START, strlen(START), S_HELLO, SMTP_MORE);
	expect(s, in, strlen(in), S_MAIL S_RCPT "503 5.5.1, ", SMTP_CLOSE);
	assert_int_equal(fake.messages, 0);
	smtp_session_free(s);
	/* Commands up to DATA, and behind the end of the message, may come together. */
	s = smtp_session_new(&wary, "192.0.2.1", false);
	assert_non_null(s);
	expect(s, START, strlen(START), S_HELLO, SMTP_MORE);
	expect(s, in2, strlen(in2), S_MAIL S_RCPT "354, ", SMTP_MORE);
	in2 = BODY ".\r\n" FROM TO "DATA\r\n";
	expect(s, in2, strlen(in2), S_OK S_MAIL S_RCPT "354, ", SMTP_MORE);
	in2 = BODY ".\r\n" QUIT;
	expect(s, in2, strlen(in2), S_OK S_QUIT, SMTP_CLOSE);
	assert_int_equal(fake.messages, 2);
	smtp_session_free(s);
}

/* What had come when the answer was about to leave, though it came by itself. */
static void
test_between_command_and_answer(void **state)
{
	static const char *const waits[] = {
	    "EHLO c\r\n", "HELO c\r\n", START FROM TO "DATA\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++)
		for (int sent = 0; sent < 2; sent++) {
			struct smtp_session *s = smtp_session_new(
			    &wary, "192.0.2.1", false);
			const char *in = waits[i];
			struct buf out = BUF_INIT;
			enum smtp_next next;
			size_t used;

			fake_reset();
			assert_non_null(s);
			if (i == 2) {
				expect(s, START, strlen(START), S_HELLO,
				    SMTP_MORE);
				in += strlen(START);
			}
			assert_int_equal(
			    fake_packet(s, in, strlen(in), &out), SMTP_MORE);
			assert_true(smtp_session_waits(s));
			if (sent)
				smtp_session_sent(s);
			assert_int_equal(smtp_session_waits(s), !sent);
			buf_clear(&out);
			next = smtp_session_feed(s, "NOOP\r\n", 6, &used, &out);
			assert_int_equal(next, sent ? SMTP_MORE : SMTP_CLOSE);
			assert_int_equal(used, 6);
			assert_int_equal(
			    fake_starts(buf_cstr(&out), "503 5.5.1"), !sent);
			smtp_session_free(s);
			buf_free(&out);
			assert_int_equal(fake.drafts, 0);
			assert_int_equal(fake.envelopes, 0);
		}
}

/* A second message hidden in the first is let through by a session that is not wary. */
static void
test_smuggled_behind_an_honest_end(void **state)
{
	const char *in = BODY ".\r\n" FROM TO MESSAGE;
	struct smtp_session *s;

	(void)state;
	for (int is_wary = 0; is_wary < 2; is_wary++) {
		fake_reset();
		s = smtp_session_new(
		    is_wary ? &wary : &fake_settings, "192.0.2.1", false);
		assert_non_null(s);
		expect(s, START, strlen(START), S_HELLO, SMTP_MORE);
		expect(s, FROM TO "DATA\r\n", strlen(FROM TO "DATA\r\n"),
		    S_MAIL S_RCPT "354, ", SMTP_MORE);
		if (is_wary)
			expect(s, in, strlen(in),
			    S_OK S_MAIL S_RCPT "503 5.5.1, ", SMTP_CLOSE);
		else
			expect(s, in, strlen(in), S_OK S_MAIL S_RCPT S_MESSAGE,
			    SMTP_MORE);
		assert_int_equal(fake.messages, is_wary ? 1 : 2);
		smtp_session_free(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogues),
	    cmocka_unit_test(test_what_the_envelope_holds),
	    cmocka_unit_test(test_refused_recipient_leaves_nothing),
	    cmocka_unit_test(test_answers_from_memory),
	    cmocka_unit_test(test_domains_in_u_labels),
	    cmocka_unit_test(test_xclient),
	    cmocka_unit_test(test_bdat_keeps_every_octet),
	    cmocka_unit_test(test_bdat_nul),
	    cmocka_unit_test(test_bdat_size),
	    cmocka_unit_test(test_bdat_hidden_in_a_long_line),
	    cmocka_unit_test(test_bdat_hidden_in_a_response),
	    cmocka_unit_test(test_bdat_of_any_size),
	    cmocka_unit_test(test_bdat_faults),
	    cmocka_unit_test(test_bdat_grid),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_nothing_may_follow_what_waits),
	    cmocka_unit_test(test_message_before_354),
	    cmocka_unit_test(test_between_command_and_answer),
	    cmocka_unit_test(test_smuggled_behind_an_honest_end),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
