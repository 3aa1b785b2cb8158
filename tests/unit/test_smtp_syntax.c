/*
 * The grammar of SMTP commands, and the Received field made of a session.
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
#include "intake/smtp_received.h"
#include "intake/smtp_syntax.h"

static void
test_paths(void **state)
{
	static const struct {
		const char *name, *line;
		enum smtp_reply fault;
		const char *address;
	} rows[] = {
	    {"plain", "MAIL FROM:<x@y.example>", 0, "x@y.example"},
	    {"route", "MAIL FROM:<@a,@b.c:x@y.example>", 0, "x@y.example"},
	    {"route of a literal", "MAIL FROM:<@[10.0.0.1]:x@y.example>", 0,
		"x@y.example"},
	    {"route without end", "MAIL FROM:<@a,@b>", SMTP_REPLY_PATH_FROM,
		NULL},
	    {"route, two colons", "MAIL FROM:<@a:@b:x@y.example>",
		SMTP_REPLY_PATH_FROM, NULL},
	    {"route, empty hop", "MAIL FROM:<@:x@y.example>",
		SMTP_REPLY_PATH_FROM, NULL},
	    {"route, trailing comma", "MAIL FROM:<@a,:x@y.example>",
		SMTP_REPLY_PATH_FROM, NULL},
	    {"route and nothing", "MAIL FROM:<@a:>", SMTP_REPLY_PATH_FROM,
		NULL},
	    {"quoted, with all delimiters",
		"MAIL FROM:<\"a>:, <\\\"\"@y.example>"
		" BODY=7BIT",
		0, "\"a>:, <\\\"\"@y.example"},
	    {"quote never closed", "MAIL FROM:<\"x@y.example>",
		SMTP_REPLY_PATH_FROM, NULL},
	    {"backslash at the end", "MAIL FROM:<\"x\\", SMTP_REPLY_PATH_FROM,
		NULL},
	    {"no FROM", "MAIL <x@y.example>", SMTP_REPLY_PATH_FROM, NULL},
	    {"TO for FROM", "MAIL TO:<x@y.example>", SMTP_REPLY_PATH_FROM,
		NULL},
	    {"FROM for TO", "RCPT FROM:<x@y.example>", SMTP_REPLY_PATH_TO,
		NULL},
	    {"no domain", "RCPT TO:<x>", SMTP_REPLY_PATH_TO, NULL},
	    {"postmaster is not a sender", "MAIL FROM:<postmaster>",
		SMTP_REPLY_PATH_FROM, NULL},
	    {"address literal", "RCPT TO:<x@[127.0.0.1]>", SMTP_REPLY_PATH_TO,
		NULL},
	    {"percent stays text", "RCPT TO:<x%y@z.example>", 0,
		"x%y@z.example"},
	    {"bang stays text", "RCPT TO:<y!x@z.example>", 0, "y!x@z.example"},
	};
	struct smtp_command c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		smtp_syntax_parse(rows[i].line, strlen(rows[i].line), &c);
		if (c.fault != rows[i].fault)
			fail_msg("%s: %d", rows[i].name, (int)c.fault);
		if (rows[i].address != NULL)
			assert_string_equal(c.path.address, rows[i].address);
	}
}

static void
parse_address_of(size_t local, size_t domain, struct smtp_command *c)
{
	char line[600], name[300];
	int n;

	memset(name, 'd', sizeof(name));
	for (size_t i = 60; i < domain; i += 60)
		name[i] = '.';
	name[domain] = '\0';
	n = snprintf(line, sizeof(line), "RCPT TO:<%.*s@%s>", (int)local,
	    "llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll",
	    name);
	assert_true(n > 0 && (size_t)n < sizeof(line));
	smtp_syntax_parse(line, (size_t)n, c);
}

static void
test_address_length(void **state)
{
	struct smtp_command c;

	(void)state;
	parse_address_of(64, LIMIT_ADDRESS - 65, &c);
	assert_int_equal(c.fault, SMTP_REPLY_NONE);
	assert_int_equal(strlen(c.path.address), LIMIT_ADDRESS);
	parse_address_of(64, LIMIT_ADDRESS - 64, &c);
	assert_int_equal(c.fault, SMTP_REPLY_PATH_TO);
	parse_address_of(65, 20, &c);
	assert_int_equal(c.fault, SMTP_REPLY_PATH_TO);
}

static void
test_parameters(void **state)
{
	struct smtp_command c;
	const char *line = "mail from:<x@y.example> size=52428800 "
			   "body=8bitmime auth=x+2By";

	(void)state;
	smtp_syntax_parse(line, strlen(line), &c);
	assert_int_equal(c.fault, SMTP_REPLY_NONE);
	assert_true(c.has_size && c.body == DESK_BODY_8BIT && c.auth_param);
	assert_int_equal(c.size, 52428800);
	line = "MAIL FROM:<> SIZE=18446744073709551615";
	smtp_syntax_parse(line, strlen(line), &c);
	assert_true(c.null_path && c.size == UINT64_MAX);
	line = "MAIL FROM:<> SIZE=18446744073709551616";
	smtp_syntax_parse(line, strlen(line), &c);
	assert_true(c.fault == SMTP_REPLY_NONE && c.size == UINT64_MAX);
	line = "MAIL FROM:<> SIZE=100000000000000000000";
	smtp_syntax_parse(line, strlen(line), &c);
	assert_int_equal(c.fault, SMTP_REPLY_PARAMETER);
}

static void
test_auth(void **state)
{
	struct smtp_command c;
	const char *line = "AUTH  PLAIN   abc=";

	(void)state;
	smtp_syntax_parse(line, strlen(line), &c);
	assert_int_equal(c.fault, SMTP_REPLY_NONE);
	assert_int_equal(c.arg_len, 5);
	assert_memory_equal(c.arg, "PLAIN", 5);
	assert_int_equal(c.initial_len, 4);
	assert_memory_equal(c.initial, "abc=", 4);
	smtp_syntax_parse("AUTH PLAIN ", 11, &c);
	assert_null(c.initial);
}

/* Every one-byte change of a good command is parsed or refused, never more. */
static void
test_every_byte_everywhere(void **state)
{
	static const char *const lines[] = {"EHLO c.example",
	    "MAIL FROM:<@a:\"x\"@y.example> SIZE=1", "RCPT TO:<x@y>",
	    "AUTH PLAIN AAA="};
	struct smtp_command c;
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t at = 0; at < strlen(lines[i]); at++)
			for (int b = 0; b < 256; b++) {
				size_t n = strlen(lines[i]);

				memcpy(line, lines[i], n + 1);
				line[at] = (char)b;
				smtp_syntax_parse(line, n, &c);
				if ((b < ' ' || b > '~') &&
				    c.fault == SMTP_REPLY_NONE)
					fail_msg("%s, byte %d at %zu", lines[i],
					    b, at);
			}
}

static void
test_received(void **state)
{
	static const struct {
		const char *name, *helo, *client, *tls;
		bool esmtp, authenticated;
		const char *want;
	} rows[] = {
	    {"in clear", "c.example", "192.0.2.1", "", true, false,
		"Received: from c.example ([192.0.2.1])\r\n"
		"\tby mx.example with ESMTP\r\n"},
	    {"HELO", "c.example", "192.0.2.1", "", false, false,
		"Received: from c.example ([192.0.2.1])\r\n"
		"\tby mx.example with SMTP\r\n"},
	    {"TLS", "c.example", "192.0.2.1", "TLSv1.3 TLS_AES_256_GCM_SHA384",
		true, false,
		"Received: from c.example ([192.0.2.1])\r\n"
		"\tby mx.example with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)"
		"\r\n"},
	    {"TLS and AUTH, IPv6", "[IPv6:::1]", "::1", "TLSv1.2 X", true, true,
		"Received: from [IPv6:::1] ([IPv6:::1])\r\n"
		"\tby mx.example with ESMTPSA (TLSv1.2 X)\r\n"},
	    {"nothing hostile gets through", "a\r\nX-Evil: (1)\t\"<b>;\\\x80",
		"1.2.3.4)\r\nX: y", "a)\r\n(b", true, false,
		"Received: from aX-Evil:1b ([IPv6:1.2.3.4X:y])\r\n"
		"\tby mx.example with ESMTPS (ab)\r\n"},
	    {"nothing left of the name", "(\r\n)", "192.0.2.1", "", true, false,
		"Received: from unknown ([192.0.2.1])\r\n"
		"\tby mx.example with ESMTP\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct desk_sender s = {.authenticated = rows[i].authenticated};
		struct buf out = BUF_INIT, want = BUF_INIT;

		(void)snprintf(s.helo, sizeof(s.helo), "%s", rows[i].helo);
		(void)snprintf(
		    s.client, sizeof(s.client), "%s", rows[i].client);
		(void)snprintf(s.tls, sizeof(s.tls), "%s", rows[i].tls);
		(void)snprintf(
		    s.session, sizeof(s.session), "0123456789abcdef");
		assert_int_equal(
		    smtp_received(&out, &s, rows[i].esmtp, false, "mx.example",
			INT64_C(1763647080) * CLOCK_SECOND),
		    0);
		assert_int_equal(buf_addf(&want,
				     "%s\tid 0123456789abcdef; "
				     "Thu, 20 Nov 2025 13:58:00 +0000\r\n",
				     rows[i].want),
		    0);
		if (strcmp(buf_cstr(&out), buf_cstr(&want)) != 0)
			fail_msg("%s:\n%s", rows[i].name, buf_cstr(&out));
		buf_free(&out);
		buf_free(&want);
	}
}

/* No line of it is over the 998 octets of RFC 5322 2.1.1. */
static void
test_received_length(void **state)
{
	struct desk_sender s = {.authenticated = true};
	struct buf out = BUF_INIT;
	const char *at, *end;

	(void)state;
	memset(s.helo, 'h', sizeof(s.helo) - 1);
	memset(s.client, '1', sizeof(s.client) - 1);
	memset(s.tls, 't', sizeof(s.tls) - 1);
	memset(s.session, 'f', sizeof(s.session) - 1);
	assert_int_equal(
	    smtp_received(&out, &s, true, true, "mx.example", 0), 0);
	for (at = buf_cstr(&out); (end = strstr(at, "\r\n")) != NULL;
	     at = end + 2)
		assert_true(end - at <= 998);
	assert_int_equal(*at, '\0');
	buf_free(&out);
}

/* Every reply of ours is well-formed, in both shapes. */
static void
test_replies(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (int r = 0; r < SMTP_REPLIES; r++) {
		const char *code = smtp_reply_code(r);
		size_t n = strlen(code);

		assert_in_range(code[0], '2', '5');
		assert_true(n == 3 || (n >= 9 && code[4] == code[0]));
		assert_int_equal(smtp_reply_add(&out, r), 0);
	}
	for (int asked = SMTP_ASKED_AUTH; asked <= SMTP_ASKED_DATA; asked++)
		for (int code = 0; code < ERR_CODES; code++) {
			const char *said = smtp_reply_err_code(asked, code);

			assert_in_range(said[0], '4', '5');
			assert_int_equal(said[4], said[0]);
			assert_int_equal(smtp_reply_err(&out, asked, code), 0);
		}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_address_length),
	    cmocka_unit_test(test_parameters),
	    cmocka_unit_test(test_auth),
	    cmocka_unit_test(test_every_byte_everywhere),
	    cmocka_unit_test(test_received),
	    cmocka_unit_test(test_received_length),
	    cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
