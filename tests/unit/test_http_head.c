/* The strict reading of a request's head: one row a rule, at each limit and past it. */
#include "portal/http_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GET  "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"
#define HOST "Host: acme.localhost\r\n"
#define END  "\r\n"

static const struct {
	const char *name;
	int status;
	const char *head;
} rows[] = {
    {"plain", 0, GET HOST END},
    {"HTTP/1.0", 0, "GET / HTTP/1.0\r\n" HOST END},
    {"every method", 0, "DELETE /x HTTP/1.1\r\n" HOST END},
    {"post", 0, POST HOST "Content-Length: 5\r\n" END "hello"},
    {"post of nothing", 0, POST HOST "Content-Length: 0\r\n" END},
    {"content-length 0 on get", 0, GET HOST "Content-Length: 0\r\n" END},
    {"empty value", 0, GET HOST "X-Empty:\r\n" END},
    {"tab in a value", 0, GET HOST "X-Tab: a\tb\r\n" END},
    {"octets over 127 in a value", 0, GET HOST "X: caf\xc3\xa9\r\n" END},
    {"white space around a value", 0, GET "Host: \t a \t\r\n" END},
    {"port", 0, GET "Host: acme.localhost:8443\r\n" END},
    {"address of IPv6", 0, GET "Host: [::1]:8443\r\n" END},
    {"100-continue", 0,
	POST HOST "Content-Length: 1\r\nExpect: 100-Continue\r\n" END},
    {"Hostile is not Host", 0, GET "Hostile: evil\r\n" HOST END},

    {"nothing yet", HTTP_HEAD_MORE, ""},
    {"half a line", HTTP_HEAD_MORE, "GET /"},
    {"between CR and LF", HTTP_HEAD_MORE, GET HOST "\r"},
    {"no empty line yet", HTTP_HEAD_MORE, GET HOST},

    {"no host", 400, GET END},
    {"Hostile alone", 400, GET "Hostile: evil\r\n" END},
    {"empty host", 400, GET "Host:\r\n" END},
    {"two hosts", 400, GET HOST HOST END},
    {"two hosts in two cases", 400, GET HOST "hOST: b\r\n" END},
    {"host with a path", 400, GET "Host: a/b\r\n" END},
    {"host with a user", 400, GET "Host: a@b\r\n" END},
    {"bare LF after the request line", 400, "GET / HTTP/1.1\n" HOST END},
    {"bare LF after a field", 400, GET "Host: a\n\r\n"},
    {"bare LF as the empty line", 400, GET HOST "\n"},
    {"bare CR in a field", 400, GET "Host: a\rb\r\n" END},
    {"bare CR at once", 400, "GET / \rHTTP/1.1"},
    {"empty line before", 0, "\r\n" GET HOST END},
    {"two spaces", 400, "GET  / HTTP/1.1\r\n" HOST END},
    {"no version", 400, "GET /\r\n" HOST END},
    {"lower-case version", 400, "GET / http/1.1\r\n" HOST END},
    {"space at the end", 400, "GET / HTTP/1.1 \r\n" HOST END},
    {"absolute form", 0, "GET https://a/ HTTP/1.1\r\n" HOST END},
    {"control in the target", 400, "GET /\x01 HTTP/1.1\r\n" HOST END},
    {"octet over 127 in the target", 400, "GET /\xe9 HTTP/1.1\r\n" HOST},
    {"odd method", 400, "G@T / HTTP/1.1\r\n" HOST END},
    {"field without colon", 400, GET HOST "nonsense\r\n" END},
    {"field without name", 400, GET HOST ": x\r\n" END},
    {"space before the colon", 400, GET "Host : a\r\n" END},
    {"folded line", 400, GET HOST "X: a\r\n b\r\n" END},
    {"control in a value", 400, GET HOST "X: a\x01\r\n" END},
    {"delete in a value", 400, GET HOST "X: a\x7f\r\n" END},
    {"two lengths", 400,
	POST HOST "Content-Length: 1\r\nContent-Length: 1\r\n" END},
    {"two lengths in one", 400, POST HOST "Content-Length: 1, 1\r\n" END},
    {"signed length", 400, POST HOST "Content-Length: +1\r\n" END},
    {"negative length", 400, POST HOST "Content-Length: -1\r\n" END},
    {"hexadecimal length", 400, POST HOST "Content-Length: 0x1\r\n" END},
    {"empty length", 400, POST HOST "Content-Length:\r\n" END},
    {"encoding beside length", 400,
	POST HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END},
    {"length beside encoding", 400,
	POST HOST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n" END},
    {"encoding in HTTP/1.0", 400,
	"POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END},
    {"encoding on get", 400, GET HOST "Transfer-Encoding: chunked\r\n" END},
    {"body on get", 400, GET HOST "Content-Length: 1\r\n" END},
    {"body on head", 400,
	"HEAD / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END},
    {"body on delete", 400,
	"DELETE / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END},
    {"body on options", 400,
	"OPTIONS / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" END},

    {"absolute form of HTTP", 0, "GET HTTP://a?x HTTP/1.1\r\n" HOST END},
    {"absolute form without Host", 400, "GET http://a/ HTTP/1.1\r\n" END},
    {"absolute form of another scheme", 400,
	"GET ftp://a/ HTTP/1.1\r\n" HOST END},
    {"absolute form without a host", 400,
	"GET http:///x HTTP/1.1\r\n" HOST END},
    {"absolute form with a user", 400, "GET http://a@b/ HTTP/1.1\r\n" HOST END},
    {"absolute form, odd Host", 400,
	"GET http://a/ HTTP/1.1\r\nHost: a b\r\n" END},
    {"authority form", 400, "GET a:443 HTTP/1.1\r\n" HOST END},
    {"connect", 501, "CONNECT a:443 HTTP/1.1\r\n" HOST END},
    {"asterisk", 0, "OPTIONS * HTTP/1.1\r\n" HOST END},
    {"asterisk of get", 400, "GET * HTTP/1.1\r\n" HOST END},
    {"fragment", 400, "GET /#x HTTP/1.1\r\n" HOST END},
    {"two empty lines before", 400, "\r\n\r\n" GET HOST END},
    {"an empty line, no more yet", HTTP_HEAD_MORE, "\r\n"},
    {"HTTP/1.0 without host", 0, "GET / HTTP/1.0\r\n" END},
    {"host with a port of letters", 400, GET "Host: a:https\r\n" END},
    {"host with the last port", 0, GET "Host: a:65535\r\n" END},
    {"host with a port past it", 400, GET "Host: a:65536\r\n" END},
    {"host with half a bracket", 400, GET "Host: [::1\r\n" END},
    {"host with nothing in brackets", 400, GET "Host: []\r\n" END},
    {"two types", 400,
	POST HOST "Content-Length: 1\r\nContent-Type: a/b\r\n"
		  "content-type: c/d\r\n" END},
    {"two ranges", 400, GET HOST "Range: a\r\nRange: a\r\n" END},
    {"two conditions of a range", 400,
	GET HOST "If-Range: a\r\nIf-Range: a\r\n" END},
    {"two origins", 400, GET HOST "Origin: a\r\nOrigin: a\r\n" END},
    {"two authorizations", 400,
	GET HOST "Authorization: a\r\nAuthorization: a\r\n" END},
    {"two versions of tus", 400,
	GET HOST "Tus-Resumable: a\r\nTus-Resumable: a\r\n" END},
    {"two of what begins with Upload-", 400,
	GET HOST "Upload-Foo: a\r\nUpload-Foo: a\r\n" END},
    {"two that differ behind Upload-", 0,
	GET HOST "Upload-Foo: a\r\nUpload-Bar: a\r\n" END},
    {"two cookies", 0, GET HOST "Cookie: a=b\r\nCookie: c=d\r\n" END},
    {"expectations twice", 400,
	POST HOST "Content-Length: 1\r\nExpect: 100-continue\r\n"
		  "Expect: 100-continue\r\n" END},
    {"two encodings", 400,
	POST HOST "Transfer-Encoding: a\r\nTransfer-Encoding: chunked\r\n" END},
    {"another encoding", 501, POST HOST "Transfer-Encoding: gzip\r\n" END},
    {"a list of encodings", 501,
	POST HOST "Transfer-Encoding: gzip, chunked\r\n" END},
    {"no length", 411, POST HOST END},
    {"15 digits", 0, POST HOST "Content-Length: 999999999999999\r\n" END},
    {"16 digits", 413, POST HOST "Content-Length: 1000000000000000\r\n" END},
    {"another expectation", 417,
	POST HOST "Content-Length: 1\r\nExpect: miracles\r\n" END},
    {"chunked alone", 411, POST HOST "Transfer-Encoding: chunked\r\n" END},
    {"unknown method", 501, "BREW / HTTP/1.1\r\n" HOST END},
    {"lower-case method", 501, "get / HTTP/1.1\r\n" HOST END},
    {"HTTP/2.0", 505, "GET / HTTP/2.0\r\n" HOST END},
    {"HTTP/1.2", 505, "GET / HTTP/1.2\r\n" HOST END},
    {"preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
};

static int
check(const void *p, size_t n, size_t *len_out)
{
	static struct http_head h;
	int status = http_head_read(p, n, &h);

	*len_out = h.len;
	return status;
}

static void
test_rows(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = 0, n = strlen(rows[i].head);
		int got = check(rows[i].head, n, &len);

		if (got == rows[i].status)
			continue;
		print_error(
		    "%s: %d, not %d\n", rows[i].name, got, rows[i].status);
		failed++;
	}
	assert_int_equal(failed, 0);
}

/* However the packets fall, a head that is good whole is never refused in part. */
static void
test_every_prefix(void **state)
{
	static const char head[] = POST HOST "Content-Length: 2\r\n" END;
	size_t len = 0, n = sizeof(head) - 1;

	(void)state;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(check(head, i, &len), HTTP_HEAD_MORE);
	assert_int_equal(check(head, n, &len), 0);
	assert_int_equal(len, n);
}

static void
test_rest_is_not_head(void **state)
{
	static const char two[] = GET HOST END GET HOST END;
	size_t len = 0;

	(void)state;
	assert_int_equal(check(two, sizeof(two) - 1, &len), 0);
	assert_int_equal(len, (sizeof(two) - 1) / 2);
}

static int
check_target(size_t n)
{
	char *head = NULL;
	size_t len;
	int status, total;

	total = asprintf(
	    &head, "GET /%0*d HTTP/1.1\r\n" HOST END, (int)n - 1, 0);
	assert_true(total > 0);
	status = check(head, (size_t)total, &len);
	free(head);
	return status;
}

static void
test_target_limit(void **state)
{
	(void)state;
	assert_int_equal(check_target(HTTP_HEAD_TARGET), 0);
	assert_int_equal(check_target(HTTP_HEAD_TARGET + 1), 414);
}

static int
check_fields(int count)
{
	static char head[HTTP_HEAD_MAX];
	size_t len, n;

	n = (size_t)snprintf(head, sizeof(head), GET HOST);
	for (int i = 1; i < count; i++)
		n += (size_t)snprintf(
		    head + n, sizeof(head) - n, "X-%d: y\r\n", i);
	n += (size_t)snprintf(head + n, sizeof(head) - n, END);
	return check(head, n, &len);
}

static void
test_field_limit(void **state)
{
	(void)state;
	assert_int_equal(check_fields(HTTP_HEAD_FIELDS), 0);
	assert_int_equal(check_fields(HTTP_HEAD_FIELDS + 1), 431);
}

/* A head of exactly n bytes, given whole or without its last `missing`. */
static int
check_size(size_t n, size_t missing)
{
	char *head = malloc(n + 1);
	size_t len, used;
	int status;

	assert_non_null(head);
	used = (size_t)snprintf(head, n, GET HOST "X: ");
	memset(head + used, 'y', n - used);
	memcpy(head + n - 4, "\r\n\r\n", 4);
	status = check(head, n - missing, &len);
	free(head);
	return status;
}

static void
test_head_limit(void **state)
{
	(void)state;
	assert_int_equal(check_size(HTTP_HEAD_MAX, 0), 0);
	assert_int_equal(check_size(HTTP_HEAD_MAX, 1), HTTP_HEAD_MORE);
	assert_int_equal(check_size(HTTP_HEAD_MAX + 1, 0), 431);
	assert_int_equal(check_size(HTTP_HEAD_MAX + 1, 1), 431);
}

static void
test_endless_line(void **state)
{
	static char line[HTTP_HEAD_MAX];
	size_t len;

	(void)state;
	memset(line, 'A', sizeof(line));
	assert_int_equal(check(line, HTTP_HEAD_TARGET, &len), HTTP_HEAD_MORE);
	assert_int_equal(check(line, sizeof(line), &len), 414);
}

static void
test_nul(void **state)
{
	static const char head[] = GET "Host: a\0b\r\n" END;
	size_t len;

	(void)state;
	assert_int_equal(check(head, sizeof(head) - 1, &len), 400);
}

/* What a good head says. */
static void
test_meaning(void **state)
{
	static const char text[] =
	    "POST http://B.example:8443/x?y HTTP/1.1\r\n" HOST
	    "Content-Length: 12\r\nExpect: 100-continue\r\n"
	    "Connection: te , CLOSE\r\nX-A: \t v \r\n" END "hello";
	static struct http_head h;
	struct http_field field[HTTP_HEAD_FIELDS];
	char copy[sizeof(text)];

	(void)state;
	memcpy(copy, text, sizeof(text));
	assert_int_equal(http_head_read(text, sizeof(text) - 1, &h), 0);
	assert_int_equal(h.len, sizeof(text) - 1 - 5);
	assert_int_equal(h.verb, HTTP_POST);
	assert_true(h.close && h.expects && !h.old && !h.whole);
	assert_int_equal(h.length, 12);
	assert_int_equal(h.path.len, 4);
	assert_memory_equal(text + h.path.at, "/x?y", 4);
	assert_int_equal(h.host.len, 14);
	assert_memory_equal(text + h.host.at, "B.example:8443", 14);
	assert_int_equal(h.fields, 5);
	http_head_fields(&h, copy, field);
	assert_string_equal(field[0].name, "host");
	assert_string_equal(field[4].name, "x-a");
	assert_string_equal(field[4].value, "v");
}

/* Nothing of the head before stays in the next. */
static void
test_again(void **state)
{
	static const char first[] = "POST / HTTP/1.0\r\n" HOST
				    "Content-Length: 7\r\n" END;
	static const char second[] = GET HOST END;
	static struct http_head h;

	(void)state;
	assert_int_equal(http_head_read(first, sizeof(first) - 1, &h), 0);
	assert_true(h.close && h.old);
	assert_int_equal(http_head_read(second, sizeof(second) - 1, &h), 0);
	assert_false(h.close || h.old || h.expects);
	assert_int_equal(h.length, 0);
	assert_int_equal(h.fields, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_every_prefix),
	    cmocka_unit_test(test_rest_is_not_head),
	    cmocka_unit_test(test_target_limit),
	    cmocka_unit_test(test_field_limit),
	    cmocka_unit_test(test_head_limit),
	    cmocka_unit_test(test_endless_line),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_meaning),
	    cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
