/* Heads of responses, byte by byte. */
#include "portal/http_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW  INT64_C(784111777)
#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void
expect(const struct http_reply *r, const char *want)
{
	size_t n = strlen(want);
	char out[1024];

	assert_int_equal(http_reply_head(r, out, sizeof(out)), n);
	assert_memory_equal(out, want, n);
	/* At the limit, and one past it. */
	assert_int_equal(http_reply_head(r, out, n), n);
	assert_int_equal(http_reply_head(r, out, n - 1), 0);
}

static void
test_fields(void **state)
{
	struct response resp = {.status = 200};
	struct http_reply r = {.resp = &resp, .length = 5, .now = NOW};

	(void)state;
	assert_int_equal(response_header(&resp, "etag", "\"%d\"", 7), 0);
	expect(&r,
	    "HTTP/1.1 200 OK\r\n" DATE
	    "etag: \"7\"\r\ncontent-length: 5\r\n\r\n");
	r.close = true;
	resp.status = 404;
	r.length = UINT64_C(18446744073709551615);
	expect(&r,
	    "HTTP/1.1 404 Not Found\r\n" DATE
	    "etag: \"7\"\r\ncontent-length: 18446744073709551615\r\n"
	    "connection: close\r\n\r\n");
	response_free(&resp);
}

/* RFC 9110 8.6: no length where there can be no body. */
static void
test_no_length(void **state)
{
	struct response resp = {.status = 204};
	struct http_reply r = {.resp = &resp, .now = NOW};

	(void)state;
	expect(&r, "HTTP/1.1 204 No Content\r\n" DATE "\r\n");
	resp.status = 304;
	expect(&r, "HTTP/1.1 304 Not Modified\r\n" DATE "\r\n");
	resp.status = 299;
	expect(&r, "HTTP/1.1 299 Status\r\n" DATE "content-length: 0\r\n\r\n");
}

/* Its own head stands for all fields. */
static void
test_ready(void **state)
{
	static const struct ready ready = {
	    .head = "a: b\r\nc: d\r\n", .head_len = 12};
	struct response resp = {.status = 200, .ready = &ready};
	struct http_reply r = {.resp = &resp, .length = 1, .now = NOW};

	(void)state;
	expect(&r,
	    "HTTP/1.1 200 OK\r\n" DATE
	    "a: b\r\nc: d\r\ncontent-length: 1\r\n\r\n");
}

static void
test_dates(void **state)
{
	static const struct {
		int64_t at;
		const char *text;
	} rows[] = {
	    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
	    {NOW, "Sun, 06 Nov 1994 08:49:37 GMT"},
	    {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
	    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
	    {1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"},
	    {1798761599, "Thu, 31 Dec 2026 23:59:59 GMT"},
	    {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
	};
	char out[HTTP_DATE_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		http_reply_date(rows[i].at, out);
		assert_string_equal(out, rows[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_no_length),
	    cmocka_unit_test(test_ready),
	    cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
