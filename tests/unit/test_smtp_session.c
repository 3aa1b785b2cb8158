/*
 * The SMTP session: dialogues by name. Each is fed whole, byte by byte and in
 * odd pieces, and must be answered with the same bytes every time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/secret.h"
#include "smtp_talk.h"

static const struct dialogue dialogues[] = {
    /* the straight road */
    {"one message", HELLO FROM TO MESSAGE QUIT,
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_QUIT, 1, false},
    {"two messages", HELLO FROM TO MESSAGE FROM TO MESSAGE QUIT,
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_MAIL S_RCPT S_MESSAGE S_QUIT, 2,
	false},
    {"HELO", "HELO client.example\r\n" FROM TO MESSAGE QUIT,
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_QUIT, 1, false},
    {"verbs in any case",
	"ehlo c\r\nmAiL fRoM:<x@y.example>\r\nrcpt to:"
	"<a@acme.example>\r\ndata\r\n.\r\nquit\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_QUIT, 1, false},
    {"null sender", HELLO "MAIL FROM:<>\r\n" TO MESSAGE,
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"several recipients",
	HELLO FROM TO TO "RCPT TO:<b@acme.example>\r\n" MESSAGE,
	S_HELLO S_MAIL S_RCPT S_RCPT S_RCPT S_MESSAGE, 1, false},
    {"white space forgiven",
	HELLO "MAIL FROM: <x@y.example>  BODY=7BIT  \r\nRCPT TO: "
	      "<a@acme.example> \r\nDATA  \r\n.\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"source routes stripped",
	HELLO "MAIL FROM:<@one.example,@two.example:x@y.example>\r\n"
	      "RCPT TO:<@one.example:a@acme.example>\r\n" MESSAGE,
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"Postmaster needs no domain",
	HELLO FROM "RCPT TO:<PostMaster>\r\n" MESSAGE,
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"MAIL parameters",
	HELLO "MAIL FROM:<x@y.example> SIZE=1000 BODY=8BITMIME\r\n" TO MESSAGE,
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"RSET forgets the transaction", HELLO FROM TO "RSET\r\nDATA\r\n" FROM,
	S_HELLO S_MAIL S_RCPT "250 2.0.0, 503 5.5.1, " S_MAIL, 0, false},
    {"EHLO forgets the transaction", HELLO FROM TO HELLO "DATA\r\n",
	S_HELLO S_MAIL S_RCPT S_HELLO "503 5.5.1, ", 0, false},
    {"RSET before EHLO", "RSET\r\n" FROM, "250 2.0.0, 503 5.5.1, ", 0, false},
    {"NOOP, VRFY, HELP at any time",
	"NOOP\r\nNOOP any thing\r\nVRFY a\r\nHELP\r\nHELP MAIL\r\n" HELLO FROM
	"NOOP\r\nVRFY <a@acme.example>\r\nHELP\r\n",
	"250 2.0.0, 250 2.0.0, 252 2.0.0, 214 2.0.0, 214 2.0.0, " S_HELLO S_MAIL
	"250 2.0.0, 252 2.0.0, 214 2.0.0, ",
	0, false},
    {"nothing is read after QUIT", HELLO QUIT FROM, S_HELLO S_QUIT, 0, false},

    /* order */
    {"MAIL before EHLO", FROM, "503 5.5.1, ", 0, false},
    {"RCPT before EHLO", TO, "503 5.5.1, ", 0, false},
    {"DATA before EHLO", "DATA\r\n", "503 5.5.1, ", 0, false},
    {"RCPT before MAIL", HELLO TO, S_HELLO "503 5.5.1, ", 0, false},
    {"DATA before MAIL", HELLO "DATA\r\n", S_HELLO "503 5.5.1, ", 0, false},
    {"DATA before RCPT", HELLO FROM "DATA\r\n", S_HELLO S_MAIL "503 5.5.1, ", 0,
	false},
    {"MAIL within MAIL", HELLO FROM FROM TO FROM MESSAGE,
	S_HELLO S_MAIL "503 5.5.1, " S_RCPT "503 5.5.1, " S_MESSAGE, 1, false},
    {"DATA without a valid recipient",
	HELLO FROM "RCPT TO:<nobody@acme.example>\r\nDATA\r\n",
	S_HELLO S_MAIL "550 5.1.1, 554 5.5.1, ", 0, false},
    {"one recipient refused, one taken",
	HELLO FROM "RCPT TO:<nobody@acme.example>\r\n" TO MESSAGE,
	S_HELLO S_MAIL "550 5.1.1, " S_RCPT S_MESSAGE, 1, false},
    {"a refused EHLO changes nothing", HELLO FROM TO "EHLO\r\n" MESSAGE,
	S_HELLO S_MAIL S_RCPT "501 5.5.4, " S_MESSAGE, 1, false},

    /* malformed */
    {"unknown verb", HELLO "FROB\r\nX\r\n\r\n",
	S_HELLO "500 5.5.2, 500 5.5.2, 500 5.5.2, ", 0, false},
    {"verbs of others",
	HELLO "EXPN x\r\nETRN x\r\nTURN\r\n"
	      "SEND FROM:<a@b>\r\nSOML FROM:<a@b>\r\nSAML x\r\n",
	S_HELLO "502 5.5.1, 502 5.5.1, 502 5.5.1, "
		"502 5.5.1, 502 5.5.1, 502 5.5.1, ",
	0, false},
    {"arguments where none are allowed",
	HELLO "RSET x\r\nQUIT now\r\nSTARTTLS x\r\n" FROM TO "DATA x\r\n" QUIT,
	S_HELLO "501 5.5.4, 501 5.5.4, 501 5.5.4, " S_MAIL S_RCPT
		"501 5.5.4, " S_QUIT,
	0, false},
    {"arguments missing",
	"EHLO\r\nHELO \r\nVRFY\r\n" HELLO
	"MAIL\r\nMAIL FROM\r\nMAIL FROM:\r\n" FROM "RCPT\r\n"
	"RCPT TO:\r\nRCPT TO:<>\r\n",
	"501 5.5.4, 501 5.5.4, 501 5.5.4, " S_HELLO
	"501 5.1.7, 501 5.1.7, 501 5.1.7, " S_MAIL
	"501 5.1.3, 501 5.1.3, 501 5.1.3, ",
	0, false},
    {"malformed addresses",
	HELLO "MAIL FROM:x@y.example\r\nMAIL FROM:<x@y.example\r\n"
	      "MAIL FROM:<x y@z.example>\r\nMAIL FROM:<x@y@z>\r\n"
	      "MAIL FROM:<x@y.example>junk\r\nMAIL FROM:<@one:>\r\n"
	      "MAIL FROM:<@one x@y.example>\r\n",
	S_HELLO "501 5.1.7, 501 5.1.7, 501 5.1.7, 501 5.1.7, 501 5.1.7, "
		"501 5.1.7, 501 5.1.7, ",
	0, false},
    {"unknown parameters",
	HELLO "MAIL FROM:<x@y.example> HOLDFOR=1\r\n" FROM
	      "RCPT TO:<a@acme.example> SIZE=1\r\n",
	S_HELLO "555 5.5.4, " S_MAIL "555 5.5.4, ", 0, false},
    {"malformed parameters",
	HELLO "MAIL FROM:<x@y.example> SIZE=\r\nMAIL FROM:<x@y.example> "
	      "SIZE=1x\r\nMAIL FROM:<x@y.example> SIZE=1 SIZE=1\r\n"
	      "MAIL FROM:<x@y.example> BODY=9BIT\r\n"
	      "MAIL FROM:<x@y.example> =\r\nMAIL FROM:<x@y.example> -A=1\r\n",
	S_HELLO "501 5.5.4, 501 5.5.4, 501 5.5.4, 501 5.5.4, 501 5.5.4, "
		"501 5.5.4, ",
	0, false},
    {"SIZE at the limit",
	HELLO "MAIL FROM:<x@y.example> SIZE=52428800\r\nRSET\r\n"
	      "MAIL FROM:<x@y.example> SIZE=0\r\n",
	S_HELLO S_MAIL "250 2.0.0, " S_MAIL, 0, false},
    {"SIZE past the limit, and past all numbers",
	HELLO "MAIL FROM:<x@y.example> SIZE=52428801\r\n"
	      "MAIL FROM:<x@y.example> SIZE=99999999999999999999\r\n"
	      "MAIL FROM:<x@y.example> SIZE=18446744073709551617\r\n" FROM,
	S_HELLO "552 5.3.4, 552 5.3.4, 552 5.3.4, " S_MAIL, 0, false},
    {"bytes that do not belong",
	HELLO "NOOP \x80\r\nNOOP \t\r\nMAIL FROM:<\xc3\xa4@y.example>\r\n"
	      "NOOP \x1b[1m\r\nNO\rOP\r\nNOOP\r\r\n\x7f\r\n",
	S_HELLO "500 5.5.2, 500 5.5.2, 553 5.6.7, 500 5.5.2, 500 5.5.2, "
		"500 5.5.2, 500 5.5.2, ",
	0, false},
    {"a bare LF ends no command",
	HELLO "NOOP\nMAIL FROM:<x@y.example>\r\nNOOP\r\n",
	S_HELLO "500 5.5.2, 250 2.0.0, ", 0, false},
    {"names that could break a header",
	"EHLO a(b\r\nEHLO a b\r\nEHLO <x>\r\nEHLO [127.0.0.1]\r\n"
	"EHLO [IPv6:::1]\r\nEHLO under_score.example.\r\n",
	"501 5.5.4, 501 5.5.4, 501 5.5.4, 250, 250, 250, ", 0, false},

    /* the backend says no */
    {"sender not one's own", HELLO "MAIL FROM:<denied@acme.example>\r\n" TO,
	S_HELLO "553 5.7.1, 503 5.5.1, ", 0, false},
    {"sender check cannot be made",
	HELLO "MAIL FROM:<down@y.example>\r\nMAIL FROM:<many@y.example>\r\n"
	      "MAIL FROM:<unknown@y.example>\r\nMAIL FROM:<corrupt@y.example>"
	      "\r\nMAIL FROM:<broken@y.example>\r\n" FROM,
	S_HELLO
	"451 4.3.0, 452 4.5.3, 451 4.3.0, 451 4.3.0, 451 4.3.0, " S_MAIL,
	0, false},
    {"recipients refused",
	HELLO FROM "RCPT TO:<nobody@acme.example>\r\n"
		   "RCPT TO:<denied@away.example>\r\n"
		   "RCPT TO:<many@globex.example>\r\n"
		   "RCPT TO:<down@acme.example>\r\n"
		   "RCPT TO:<unknown@acme.example>\r\n"
		   "RCPT TO:<corrupt@acme.example>\r\n"
		   "RCPT TO:<broken@acme.example>\r\n" TO,
	S_HELLO S_MAIL "550 5.1.1, 550 5.7.1, 452 4.5.3, 451 4.3.0, 451 4.3.0, "
		       "451 4.3.0, 451 4.3.0, " S_RCPT,
	0, false},

    /* TLS */
    {"STARTTLS", HELLO STARTTLS HELLO FROM TO MESSAGE QUIT,
	S_HELLO "220 2.0.0, " S_HELLO S_MAIL S_RCPT S_MESSAGE S_QUIT, 1, false},
    {"STARTTLS drops what was sent behind it",
	HELLO "STARTTLS\r\n" HELLO FROM NEXT HELLO TO,
	S_HELLO "220 2.0.0, " S_HELLO "503 5.5.1, ", 0, false},
    {"STARTTLS forgets the greeting", HELLO STARTTLS FROM,
	S_HELLO "220 2.0.0, 503 5.5.1, ", 0, false},
    {"STARTTLS before EHLO", STARTTLS HELLO, "503 5.5.1, " S_HELLO, 0, false},
    {"STARTTLS within a transaction", HELLO FROM STARTTLS TO,
	S_HELLO S_MAIL "503 5.5.1, " S_RCPT, 0, false},
    {"second STARTTLS", HELLO STARTTLS HELLO STARTTLS,
	S_HELLO "220 2.0.0, " S_HELLO "503 5.5.1, ", 0, false},
    {"STARTTLS under implicit TLS", HELLO STARTTLS, S_HELLO "503 5.5.1, ", 0,
	true},

    /* AUTH */
    {"AUTH in clear",
	"AUTH PLAIN " ALICE "\r\n" HELLO "AUTH PLAIN " ALICE
	"\r\nAUTH PLAIN\r\nAUTH\r\n",
	"538 5.7.11, " S_HELLO "538 5.7.11, 538 5.7.11, 538 5.7.11, ", 0,
	false},
    {"AUTH after STARTTLS",
	HELLO STARTTLS HELLO "AUTH PLAIN " ALICE "\r\n" FROM TO MESSAGE,
	S_HELLO "220 2.0.0, " S_HELLO "235 2.7.0, " S_MAIL S_RCPT S_MESSAGE, 1,
	false},
    {"AUTH with a challenge", HELLO "auth plain\r\n" ALICE "\r\n" FROM,
	S_HELLO "334, 235 2.7.0, " S_MAIL, 0, true},
    {"AUTH cancelled", HELLO "AUTH PLAIN\r\n*\r\nAUTH PLAIN *\r\n" FROM,
	S_HELLO "334, 501 5.7.0, 501 5.7.0, " S_MAIL, 0, true},
    {"AUTH before EHLO", "AUTH PLAIN " ALICE "\r\n", "503 5.5.1, ", 0, true},
    {"AUTH twice", HELLO "AUTH PLAIN " ALICE "\r\nAUTH PLAIN " ALICE "\r\n",
	S_HELLO "235 2.7.0, 503 5.5.1, ", 0, true},
    {"AUTH within a transaction",
	HELLO FROM "AUTH PLAIN " ALICE "\r\n" TO "AUTH PLAIN\r\n",
	S_HELLO S_MAIL "503 5.5.1, " S_RCPT "503 5.5.1, ", 0, true},
    {"AUTH by another mechanism",
	HELLO "AUTH LOGIN\r\nAUTH CRAM-MD5\r\n"
	      "AUTH PLAINX\r\nAUTH\r\n",
	S_HELLO "504 5.5.4, 504 5.5.4, 504 5.5.4, 501 5.5.4, ", 0, true},
    {"AUTH with garbage",
	HELLO "AUTH PLAIN !\r\nAUTH PLAIN =\r\nAUTH PLAIN AAAA AAAA\r\n"
	      "AUTH PLAIN AA==\r\nAUTH PLAIN AGEA\r\nAUTH PLAIN AABi\r\n"
	      "AUTH PLAIN AGEAYgBj\r\nAUTH PLAIN\r\n\r\nAUTH PLAIN\r\nA\r\n",
	S_HELLO "501 5.5.2, 501 5.5.2, 501 5.5.4, 501 5.5.2, 501 5.5.2, "
		"501 5.5.2, 501 5.5.2, 334, 501 5.5.2, 334, 501 5.5.2, ",
	0, true},
    {"AUTH refused",
	/* alice, wrong; nobody@, down@, many@; acting as another */
	HELLO "AUTH PLAIN AGFsaWNlQGFjbWUuZXhhbXBsZQB3cm9uZw==\r\n"
	      "AUTH PLAIN AG5vYm9keUB4AHg=\r\nAUTH PLAIN AGRvd25AeAB4\r\n"
	      "AUTH PLAIN AG1hbnlAeAB4\r\n"
	      "AUTH PLAIN Ym9iAGFsaWNlQGFjbWUuZXhhbXBsZQBjb3JyZWN0IGhvcnNl\r\n",
	S_HELLO "535 5.7.8, 535 5.7.8, 451 4.3.0, 454 4.7.0, 535 5.7.8, ", 0,
	true},
    {"AUTH as oneself, named twice",
	HELLO "AUTH PLAIN QWxpY2VAYWNtZS5leGFtcGxlAGFsaWNlQGFjbWUuZXhhbXBsZQBj"
	      "b3JyZWN0IGhvcnNl\r\n",
	S_HELLO "235 2.7.0, ", 0, true},
    {"AUTH response with a bare LF", HELLO "AUTH PLAIN\r\nab\ncd\r\nNOOP\r\n",
	S_HELLO "334, 500 5.5.2, 250 2.0.0, ", 0, true},
    {"AUTH= under TLS",
	HELLO "MAIL FROM:<x@y.example> AUTH=<>\r\nRSET\r\n"
	      "MAIL FROM:<x@y.example> AUTH=x+2By@z AUTH=<>\r\n"
	      "MAIL FROM:<x@y.example> AUTH=\r\n"
	      "MAIL FROM:<x@y.example> AUTH=a+\r\n"
	      "MAIL FROM:<x@y.example> AUTH=a+2g\r\n"
	      "MAIL FROM:<x@y.example> AUTH=a=b\r\n"
	      "MAIL FROM:<x@y.example> AUTH=e+3Dmc2@example.com\r\n",
	S_HELLO S_MAIL "250 2.0.0, 501 5.5.4, 501 5.5.4, 501 5.5.4, "
		       "501 5.5.4, 501 5.5.4, " S_MAIL,
	0, true},
    {"AUTH= in clear", HELLO "MAIL FROM:<x@y.example> AUTH=<>\r\n",
	S_HELLO "555 5.5.4, ", 0, false},

    /* DATA */
    {"an empty message", HELLO FROM TO "DATA\r\n.\r\n",
	S_HELLO S_MAIL S_RCPT S_MESSAGE, 1, false},
    {"a bare LF in DATA", HELLO FROM TO "DATA\r\na\nb\r\n.\r\n" FROM,
	S_HELLO S_MAIL S_RCPT "354, 550 5.6.0, " S_MAIL, 0, false},
    {"a bare CR in DATA", HELLO FROM TO "DATA\r\na\rb\r\n.\r\n" FROM,
	S_HELLO S_MAIL S_RCPT "354, 550 5.6.0, " S_MAIL, 0, false},
    {"commands within DATA are text",
	HELLO FROM TO "DATA\r\nQUIT\r\nRSET\r\nDATA\r\n.\r\n" QUIT,
	S_HELLO S_MAIL S_RCPT S_MESSAGE S_QUIT, 1, false},
    {"false ends of DATA",
	HELLO FROM TO "DATA\r\na\n.\n" FROM TO "DATA\r\nb\r\n.\n" FROM
		      "\r.\r\n" FROM "\n.\r\n" FROM ".\r\n" QUIT,
	S_HELLO S_MAIL S_RCPT "354, 550 5.6.0, " S_QUIT, 0, false},
};

static void
test_dialogues(void **state)
{
	(void)state;
	talk_all(dialogues, sizeof(dialogues) / sizeof(*dialogues),
	    &fake_settings, false);
}

/* The very words, as clients read them. */
static void
test_greetings(void **state)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	(void)state;
	fake_reset();
	s = smtp_session_new(&fake_settings, "192.0.2.1", false);
	assert_non_null(s);
	smtp_session_greet(s, &out);
	assert_string_equal(
	    buf_cstr(&out), "220 mx.example ESMTP Restante\r\n");
	buf_clear(&out);
	fake_packet(s, HELLO, strlen(HELLO), &out);
	assert_string_equal(buf_cstr(&out),
	    "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n"
	    "250-8BITMIME\r\n250-STARTTLS\r\n250-DSN\r\n250-CHUNKING\r\n"
	    "250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n");
	buf_clear(&out);
	fake_packet(s, "STARTTLS\r\n", 10, &out);
	buf_clear(&out);
	fake_packet(s, HELLO, strlen(HELLO), &out);
	assert_string_equal(buf_cstr(&out),
	    "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n"
	    "250-8BITMIME\r\n250-AUTH PLAIN\r\n250-DSN\r\n250-CHUNKING\r\n"
	    "250-SMTPUTF8\r\n250-REQUIRETLS\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n");
	buf_clear(&out);
	smtp_session_goodbye(s, "Idle for too long", &out);
	assert_string_equal(
	    buf_cstr(&out), "421 4.3.2 mx.example Idle for too long\r\n");
	expect(s, HELLO, strlen(HELLO), "", SMTP_CLOSE);
	smtp_session_free(s);
	smtp_session_free(NULL);
	buf_free(&out);
}

static void
test_starttls_not_offered(void **state)
{
	static const struct smtp_settings plain = {
	    .hostname = "mx.example", .backend = &fake_backend};
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	(void)state;
	fake_reset();
	s = smtp_session_new(&plain, "192.0.2.1", false);
	assert_non_null(s);
	fake_packet(s, HELLO, strlen(HELLO), &out);
	assert_null(strstr(buf_cstr(&out), "STARTTLS"));
	say(s, "STARTTLS\r\n", "502 5.5.1, ");
	smtp_session_free(s);
	buf_free(&out);
}

/* What the session itself does with bytes the glue failed to drop. */
static void
test_nothing_is_read_before_the_handshake(void **state)
{
	struct smtp_session *s = session(false, HELLO);
	struct buf out = BUF_INIT;
	const char *in = "STARTTLS\r\nEHLO evil\r\nMAIL FROM:<x@y>\r\n";
	size_t used;

	(void)state;
	assert_int_equal(
	    smtp_session_feed(s, in, strlen(in), &used, &out), SMTP_STARTTLS);
	assert_int_equal(used, 10);
	buf_clear(&out);
	assert_int_equal(
	    smtp_session_feed(s, in + 10, strlen(in) - 10, &used, &out),
	    SMTP_STARTTLS);
	assert_int_equal(used, strlen(in) - 10);
	assert_int_equal(out.len, 0);
	smtp_session_tls(s, "TLSv1.3 X");
	say(s, FROM, "503 5.5.1, ");
	smtp_session_free(s);
	buf_free(&out);
}

/* Half a command in clear must not be completed under TLS. */
static void
test_half_a_line_does_not_survive_the_handshake(void **state)
{
	struct smtp_session *s = session(false, HELLO "NO");

	(void)state;
	smtp_session_tls(s, "TLSv1.3 X");
	say(s, "OP\r\n", "500 5.5.2, ");
	smtp_session_free(s);
	s = session(false, HELLO "NOOP\r");
	smtp_session_tls(s, "TLSv1.3 X");
	say(s, "\nNOOP\r\nNOOP\r\n", "500 5.5.2, 250 2.0.0, ");
	smtp_session_free(s);
}

static void
test_nothing_is_taken_while_a_job_runs(void **state)
{
	struct smtp_session *s = session(false, HELLO);
	struct buf out = BUF_INIT;
	size_t used;

	(void)state;
	assert_int_equal(
	    smtp_session_feed(s, FROM TO, strlen(FROM TO), &used, &out),
	    SMTP_JOB);
	assert_int_equal(used, strlen(FROM));
	assert_int_equal(
	    smtp_session_feed(s, TO, strlen(TO), &used, &out), SMTP_JOB);
	assert_int_equal(used, 0);
	assert_int_equal(out.len, 0);
	/* The client went away: the job ends first, then the session. */
	(void)smtp_session_run(s, NULL, NULL);
	assert_int_equal(smtp_session_done(s, &out), SMTP_MORE);
	smtp_session_free(s);
	buf_free(&out);
}

static void
test_goodbye_for_a_job_that_could_not_start(void **state)
{
	struct smtp_session *s = session(true, HELLO);
	struct buf out = BUF_INIT;
	const char *in = "AUTH PLAIN " ALICE "\r\n";
	size_t used;

	(void)state;
	assert_int_equal(
	    smtp_session_feed(s, in, strlen(in), &used, &out), SMTP_JOB);
	smtp_session_goodbye(s, "Too busy", &out);
	assert_string_equal(
	    buf_cstr(&out), "421 4.3.2 mx.example Too busy\r\n");
	smtp_session_free(s);
	assert_int_equal(fake.asked, 0);
	buf_free(&out);
}

/* What the backend is told. */
static void
test_what_the_backend_sees(void **state)
{
	struct smtp_session *s = session(true,
	    HELLO "AUTH PLAIN " ALICE "\r\n"
		  "MAIL FROM:<@r.example:Alice@Acme.Example> BODY=8BITMIME\r\n"
		  "RCPT TO:<Bob@Globex.Example>\r\n");

	(void)state;
	assert_true(fake.sender.authenticated);
	assert_string_equal(fake.sender.address, "alice@acme.example");
	assert_string_equal(fake.sender.client, "192.0.2.1");
	assert_string_equal(fake.sender.helo, "client.example");
	assert_string_equal(fake.sender.tls, "TLS");
	assert_int_equal(strlen(fake.sender.session), ID_REQUEST_LEN - 1);
	say(s, "DATA\r\n..a\r\n...\r\n.b\r\n.\r\n", "354, 250 2.0.0, ");
	assert_string_equal(buf_cstr(&fake.last_body), ".a\r\n..\r\nb\r\n");
	assert_string_equal(fake.last.from.address, "Alice@Acme.Example");
	assert_string_equal(fake.last.from.key, "alice@acme.example");
	assert_memory_equal(&fake.last.tenant, &fake.sender.tenant, ID_LEN);
	assert_int_equal(fake.last.body, DESK_BODY_8BIT);
	assert_false(fake.last.null_sender);
	assert_int_equal(fake.last_rcpt, 1);
	assert_null(strstr(buf_cstr(&fake.last_trace), "obex"));
	assert_non_null(
	    strstr(buf_cstr(&fake.last_trace), " by mx.example") == NULL ?
		strstr(
		    buf_cstr(&fake.last_trace), "by mx.example with ESMTPSA") :
		NULL);
	say(s, "MAIL FROM:<>\r\n" TO "DATA\r\n.\r\n", S_MAIL S_RCPT S_MESSAGE);
	assert_true(fake.last.null_sender);
	assert_int_equal(fake.last.body, DESK_BODY_7BIT);
	smtp_session_free(s);
}

/* TLS forgets who the client was in clear. */
static void
test_handshake_forgets(void **state)
{
	struct smtp_session *s = session(
	    false, "EHLO first.example\r\n" FROM TO);
	struct buf out = BUF_INIT;

	(void)state;
	smtp_session_tls(s, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	say(s, "HELO second.example\r\n" FROM TO "DATA\r\n.\r\n",
	    S_HELLO S_MAIL S_RCPT S_MESSAGE);
	assert_string_equal(fake.sender.helo, "second.example");
	assert_string_equal(fake.sender.tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	assert_non_null(strstr(buf_cstr(&fake.last_trace),
	    "with SMTP (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"));
	smtp_session_free(s);
	buf_free(&out);
}

static void
test_faults_around_data(void **state)
{
	static const struct {
		const char *name;
		enum err_code begin, trace, add, accept;
		const char *want;
	} rows[] = {
	    {"begin", ERR_UNAVAILABLE, 0, 0, 0, "451 4.3.0, "},
	    {"trace", 0, ERR_UNAVAILABLE, 0, 0, "451 4.3.0, "},
	    {"add: no space", 0, 0, ERR_UNAVAILABLE, 0, "354, 451 4.3.0, "},
	    {"add: too big", 0, 0, ERR_TOO_BIG, 0, "354, 552 5.3.4, "},
	    {"accept: down", 0, 0, 0, ERR_UNAVAILABLE, "354, 451 4.3.0, "},
	    {"accept: unknown", 0, 0, 0, ERR_UNKNOWN, "354, 451 4.3.0, "},
	    {"accept: corrupt", 0, 0, 0, ERR_CORRUPT, "354, 451 4.3.0, "},
	    {"accept: internal", 0, 0, 0, ERR_INTERNAL, "354, 451 4.3.0, "},
	    {"accept: conflict", 0, 0, 0, ERR_CONFLICT, "354, 451 4.3.0, "},
	    {"accept: loop", 0, 0, 0, ERR_BAD_INPUT, "354, 554 5.6.0, "},
	    {"accept: too big", 0, 0, 0, ERR_TOO_BIG, "354, 552 5.3.4, "},
	    {"accept: no member", 0, 0, 0, ERR_NOT_FOUND, "354, 550 5.1.1, "},
	    {"accept: denied", 0, 0, 0, ERR_DENIED, "354, 550 5.7.1, "},
	    {"accept: too many", 0, 0, 0, ERR_TOO_MANY, "354, 452 4.3.1, "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_session *s = session(false, HELLO FROM TO);
		bool early = rows[i].begin != 0 || rows[i].trace != 0;

		fake.begin_err = rows[i].begin;
		fake.trace_err = rows[i].trace;
		fake.add_err = rows[i].add;
		fake.accept_err = rows[i].accept;
		fake.add_after = 3;
		say(s, early ? "DATA\r\n" : "DATA\r\none\r\ntwo\r\n.\r\n",
		    rows[i].want);
		assert_int_equal(fake.drafts, 0);
		assert_int_equal(fake.messages, 0);
		fake.begin_err = fake.trace_err = fake.add_err =
		    fake.accept_err = ERR_NONE;
		/* The session is alive, and the transaction over unless DATA never began. */
		say(s, early ? MESSAGE : FROM TO MESSAGE,
		    early ? S_MESSAGE : S_MAIL S_RCPT S_MESSAGE);
		smtp_session_free(s);
	}
}

/* A message that is to be refused anyway gives its spool space back at once. */
static void
test_refused_message_holds_no_draft(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM TO "DATA\r\n");

	(void)state;
	assert_int_equal(fake.drafts, 1);
	say(s, "a\nb", "");
	assert_int_equal(fake.drafts, 0);
	say(s, "\r\n.\r\n", "550 5.6.0, ");
	smtp_session_free(s);
}

/* ---- limits ------------------------------------------------------------ */

/* `head`, then so many of `c` that the whole with CR LF has n octets. */
static char *
padded(const char *head, char c, size_t n)
{
	size_t len = strlen(head);
	char *line = malloc(n + 1);

	assert_non_null(line);
	memset(line, c, n);
	memcpy(line, head, len);
	memcpy(line + n - 2, "\r\n", 3);
	return line;
}

static void
test_command_length(void **state)
{
	static const struct {
		const char *head;
		char fill;
		size_t max;
		const char *at, *past;
	} rows[] = {
	    {"NOOP ", 'x', LIMIT_SMTP_COMMAND, "250 2.0.0, ", "500 5.5.2, "},
	    {"FROB ", 'x', LIMIT_SMTP_COMMAND, "500 5.5.2, ", "500 5.5.2, "},
	    {"MAIL FROM:<x@y.example> AUTH=", 'x', LIMIT_SMTP_MAIL_LINE,
		"250 2.1.0, ", "500 5.5.2, "},
	    {"AUTH PLAIN ", 'A', LIMIT_SMTP_AUTH_LINE, "501 5.5.2, ",
		"500 5.5.2, "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_session *s = session(true, HELLO);
		char *line = padded(rows[i].head, rows[i].fill, rows[i].max);

		say(s, line, rows[i].at);
		free(line);
		say(s, "RSET\r\n", "250 2.0.0, ");
		line = padded(rows[i].head, rows[i].fill, rows[i].max + 1);
		say(s, line, rows[i].past);
		/* Byte by byte, and the session lives. */
		for (const char *p = line; *p != '\0'; p++)
			expect(s, p, 1, p[1] == '\0' ? rows[i].past : "",
			    SMTP_MORE);
		say(s, FROM, S_MAIL);
		free(line);
		smtp_session_free(s);
	}
}

static void
test_endless_line(void **state)
{
	struct smtp_session *s = session(false, HELLO);
	char *line = padded("", 'x', 100000);

	(void)state;
	for (int i = 0; i < 100; i++)
		expect(s, line, 99998, "", SMTP_MORE);
	say(s, "\r\n" FROM, "500 5.5.2, " S_MAIL);
	free(line);
	smtp_session_free(s);
}

static void
test_auth_response_length(void **state)
{
	struct smtp_session *s = session(true, HELLO);
	char *line = padded("", 'A', LIMIT_SMTP_AUTH_LINE);

	(void)state;
	say(s, "AUTH PLAIN\r\n", "334, ");
	say(s, line, "501 5.5.2, ");
	free(line);
	line = padded("", 'A', LIMIT_SMTP_AUTH_LINE + 1);
	say(s, "AUTH PLAIN\r\n", "334, ");
	say(s, line, "500 5.5.6, ");
	say(s, "AUTH PLAIN\r\n" ALICE "\r\n", "334, 235 2.7.0, ");
	free(line);
	smtp_session_free(s);
}

static void
base64(const char *p, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = 0;

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < n ? (unsigned char)p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			*out++ = i + k <= n ? digits[v >> (18 - 6 * k) & 63] :
					      '=';
	}
	*out = '\0';
}

/* Longer than any address or token: answered without asking anybody. */
static void
test_auth_field_length(void **state)
{
	static const struct {
		size_t user, password;
		int asked;
	} rows[] = {
	    {LIMIT_ADDRESS, LIMIT_PASSWORD_MAX, 1},
	    {LIMIT_ADDRESS + 1, LIMIT_PASSWORD_MAX, 0},
	    {LIMIT_ADDRESS, LIMIT_PASSWORD_MAX + 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_session *s = session(true, HELLO);
		char plain[1024], line[1500] = "AUTH PLAIN ";

		memset(plain, 'u', sizeof(plain));
		plain[0] = plain[1 + rows[i].user] = '\0';
		base64(plain, rows[i].user + rows[i].password + 2,
		    line + strlen(line));
		memcpy(line + strlen(line), "\r\n", 3);
		say(s, line, "535 5.7.8, ");
		assert_int_equal(fake.asked, rows[i].asked);
		smtp_session_free(s);
	}
}

static void
test_errors(void **state)
{
	struct smtp_session *s = session(false, HELLO);

	(void)state;
	/* Faults of ours, and taken commands, count for nothing. */
	for (int i = 0; i < LIMIT_SMTP_ERRORS * 2; i++)
		say(s, "NOOP\r\nMAIL FROM:<down@y.example>\r\n",
		    "250 2.0.0, 451 4.3.0, ");
	for (int i = 0; i < LIMIT_SMTP_ERRORS; i++)
		say(s, "FROB\r\n", "500 5.5.2, ");
	say(s, FROM TO, S_MAIL S_RCPT);
	expect(s, "FROB\r\n" MESSAGE, strlen("FROB\r\n" MESSAGE), "421 4.7.0, ",
	    SMTP_CLOSE);
	expect(s, FROM, strlen(FROM), "", SMTP_CLOSE);
	assert_int_equal(fake.messages, 0);
	assert_int_equal(fake.envelopes, 0);
	smtp_session_free(s);
}

/* What a client sent in one packet with a command we put off is not its fault. */
static void
test_what_follows_4yz_does_not_count(void **state)
{
	struct smtp_session *s = session(false, HELLO);

	(void)state;
	for (int i = 0; i < LIMIT_SMTP_ERRORS; i++) {
		say(s, "MAIL FROM:<down@y.example>\r\n" TO TO "DATA\r\n",
		    "451 4.3.0, 503 5.5.1, 503 5.5.1, 503 5.5.1, ");
		say(s, "MAIL FROM:<down@y.example>\r\n" TO "BDAT 2 LAST\r\nab",
		    "451 4.3.0, 503 5.5.1, 503 5.5.1, ");
		say(s, FROM "RCPT TO:<down@acme.example>\r\nDATA\r\n",
		    S_MAIL "451 4.3.0, 554 5.5.1, ");
		say(s, "RSET\r\n", "250 2.0.0, ");
	}
	/* Nor does it excuse what comes later. */
	for (int i = 0; i < LIMIT_SMTP_ERRORS; i++)
		say(s, TO, "503 5.5.1, ");
	expect(s, TO, strlen(TO), "421 4.7.0, ", SMTP_CLOSE);
	smtp_session_free(s);
}

static void
test_errors_of_every_kind_count(void **state)
{
	struct smtp_session *s = session(true, HELLO);

	(void)state;
	for (int i = 0; i < LIMIT_SMTP_ERRORS / 2; i++)
		say(s,
		    "AUTH PLAIN AG5vYm9keUB4AHg=\r\nRCPT TO:<a@b.example>\r\n",
		    "535 5.7.8, 503 5.5.1, ");
	expect(s, "AUTH PLAIN AG5vYm9keUB4AHg=\r\n", 29, "421 4.7.0, ",
	    SMTP_CLOSE);
	smtp_session_free(s);
}

static void
test_a_message_clears_the_errors(void **state)
{
	struct smtp_session *s = session(false, HELLO);

	(void)state;
	for (int k = 0; k < 3; k++) {
		for (int i = 0; i < LIMIT_SMTP_ERRORS; i++)
			say(s, "FROB\r\n", "500 5.5.2, ");
		say(s, FROM TO MESSAGE, S_MAIL S_RCPT S_MESSAGE);
	}
	smtp_session_free(s);
}

static void
test_recipients(void **state)
{
	struct smtp_session *s = session(false, HELLO FROM);
	char line[64];

	(void)state;
	for (int i = 0; i < LIMIT_RECIPIENTS; i++) {
		(void)snprintf(
		    line, sizeof(line), "RCPT TO:<a%d@acme.example>\r\n", i);
		say(s, line, S_RCPT);
	}
	for (int i = 0; i < LIMIT_SMTP_ERRORS * 2; i++)
		say(s, TO, "452 4.5.3, ");
	say(s, MESSAGE, S_MESSAGE);
	assert_int_equal(fake.last_rcpt, LIMIT_RECIPIENTS);
	smtp_session_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogues),
	    cmocka_unit_test(test_greetings),
	    cmocka_unit_test(test_starttls_not_offered),
	    cmocka_unit_test(test_nothing_is_read_before_the_handshake),
	    cmocka_unit_test(test_half_a_line_does_not_survive_the_handshake),
	    cmocka_unit_test(test_nothing_is_taken_while_a_job_runs),
	    cmocka_unit_test(test_goodbye_for_a_job_that_could_not_start),
	    cmocka_unit_test(test_what_the_backend_sees),
	    cmocka_unit_test(test_handshake_forgets),
	    cmocka_unit_test(test_faults_around_data),
	    cmocka_unit_test(test_refused_message_holds_no_draft),
	    cmocka_unit_test(test_command_length),
	    cmocka_unit_test(test_endless_line),
	    cmocka_unit_test(test_auth_response_length),
	    cmocka_unit_test(test_auth_field_length),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_what_follows_4yz_does_not_count),
	    cmocka_unit_test(test_errors_of_every_kind_count),
	    cmocka_unit_test(test_a_message_clears_the_errors),
	    cmocka_unit_test(test_recipients),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
