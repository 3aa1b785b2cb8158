/*
 * test_portal_download.c: the pages of files over a fake desk: their fields, what is
 * streamed, and what is left behind.
 */
#include "portal/portal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_desk.h"
#include "portal_group.h"
#include "portal/cookie.h"

#define MSG "/message/" FAKE_ID
#define TAG "\"tag-of-3\""

/* The header's value, "" where there is none. */
static const char *
header_text(const struct response *r, const char *name)
{
	const char *value = header(r, name);

	return value != NULL ? value : "";
}

static void
ask(enum http_verb verb, const char *path, const struct http_field *field,
    size_t n, struct response *resp)
{
	static char cookie[DESK_COOKIE_LEN + sizeof(COOKIE_NAME)];
	struct request req = {.verb = verb,
	    .path = path,
	    .query = "",
	    .host = "acme.localhost",
	    .client = "127.0.0.1",
	    .cookie = cookie,
	    .content_type = "",
	    .origin = "",
	    .fetch_site = "",
	    .accept_language = "",
	    .if_none_match = "",
	    .field = field,
	    .n_field = n};

	req.if_none_match = request_field(&req, "if-none-match");
	memset(cookie, 'G', sizeof(cookie) - 1);
	memcpy(cookie, COOKIE_NAME "=", sizeof(COOKIE_NAME));
	snprintf(req.id, sizeof(req.id), "%s", "0123456789abcdef");
	portal_handle(thread, &req, resp);
}

/* Reads the source as the glue does. */
static void
drain(struct response *resp, struct buf *out)
{
	struct source *s = &resp->source;
	struct err e;

	while (out->len < s->length)
		assert_int_equal(
		    s->next(s->arg, portal_thread_desk(thread), out, &e), 0);
	assert_int_equal(out->len, s->length);
}

static void
end(struct response *resp, bool complete)
{
	if (resp->source.arg != NULL)
		resp->source.end(
		    resp->source.arg, portal_thread_desk(thread), complete);
	response_free(resp);
}

static void
answers(void **state)
{
	static const struct {
		enum http_verb verb;
		struct http_field field[3];
		uint64_t size;
		int status;
		const char *body;   /* NULL: no source */
		const char *ranges; /* Content-Range */
	} cases[] = {
	    {HTTP_GET, {{0}}, 25, 200, "0123456789012345678901234", ""},
	    {HTTP_GET, {{0}}, 0, 200, "", ""},
	    {HTTP_GET, {{"range", "bytes=5-14"}}, 25, 206, "5678901234",
		"bytes 5-14/25"},
	    {HTTP_GET, {{"range", "bytes=-3"}}, 25, 206, "234",
		"bytes 22-24/25"},
	    {HTTP_GET, {{"range", "bytes=24-"}}, 25, 206, "4",
		"bytes 24-24/25"},
	    {HTTP_GET, {{"range", "bytes=25-"}}, 25, 416, NULL, "bytes */25"},
	    {HTTP_GET, {{"range", "bytes=0-"}}, 0, 416, NULL, "bytes */0"},
	    {HTTP_GET, {{"range", "bytes=5-4"}}, 3, 200, "012", ""},
	    {HTTP_GET, {{"range", "bytes=0-0,2-2"}}, 3, 200, "012", ""},
	    {HTTP_GET, {{"range", "bytes=0-0"}, {"range", "bytes=0-0"}}, 3, 200,
		"012", ""},
	    {HTTP_GET, {{"range", "bytes=1-1"}, {"if-range", TAG}}, 3, 206, "1",
		"bytes 1-1/3"},
	    {HTTP_GET, {{"range", "bytes=1-1"}, {"if-range", "\"x\""}}, 3, 200,
		"012", ""},
	    {HTTP_GET, {{"if-none-match", TAG}}, 3, 304, NULL, ""},
	    {HTTP_GET, {{"if-none-match", "\"x\""}}, 3, 200, "012", ""},
	    {HTTP_GET, {{"if-match", "\"x\""}}, 3, 412, NULL, ""},
	    {HTTP_HEAD, {{0}}, 25, 200, "", ""},
	    {HTTP_HEAD, {{"range", "bytes=1-1"}}, 25, 200, "", ""},
	    {HTTP_HEAD, {{"if-none-match", TAG}}, 25, 304, NULL, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_field *f = cases[i].field;
		struct response resp;
		struct buf out = BUF_INIT;
		size_t n = 0;

		while (n < 3 && f[n].name != NULL)
			n++;
		memset(&fake, 0, sizeof(fake));
		fake.size = cases[i].size;
		ask(cases[i].verb, MSG "/part/3", f, n, &resp);
		if (resp.status != cases[i].status)
			fail_msg("case %zu: %d", i, resp.status);
		assert_string_equal(
		    header_text(&resp, "content-range"), cases[i].ranges);
		assert_string_equal(header_text(&resp, "etag"), TAG);
		assert_string_equal(
		    header_text(&resp, "accept-ranges"), "bytes");
		assert_string_equal(
		    header_text(&resp, "cache-control"), "no-store");
		assert_int_equal(resp.body.len, 0);
		assert_int_equal(
		    resp.source.arg != NULL, cases[i].body != NULL);
		assert_int_equal(fake.open, resp.source.arg != NULL);
		if (cases[i].verb == HTTP_HEAD && resp.status == 200)
			assert_int_equal(resp.source.length, 25);
		else if (resp.source.arg != NULL) {
			drain(&resp, &out);
			assert_string_equal(buf_cstr(&out), cases[i].body);
		}
		end(&resp, cases[i].verb == HTTP_GET);
		assert_int_equal(fake.open, 0);
		assert_int_equal(fake.downloads,
		    cases[i].verb == HTTP_GET && cases[i].status == 200);
		buf_free(&out);
	}
}

static void
names_and_types(void **state)
{
	static const struct {
		const char *path, *name, *type, *tag;
	} cases[] = {
	    {MSG "/part/3", "attachment; filename=\"file-3\"",
		"application/pdf", TAG},
	    {MSG "/part/2", "attachment; filename=\"figures-q3.xlsx\"",
		"application/pdf", "\"tag-of-2\""},
	    {MSG "/raw", "attachment; filename=\"Quarterly figures.eml\"",
		"message/rfc822", "\"tag-of-4294967295\""},
	};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.size = 3;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const struct http_field part[] = {{"range", "bytes=1-"}};

		for (size_t n = 0; n < 2; n++) {
			struct response resp;

			ask(HTTP_GET, cases[i].path, part, n, &resp);
			assert_int_equal(resp.status, n == 0 ? 200 : 206);
			assert_string_equal(
			    header_text(&resp, "content-disposition"),
			    cases[i].name);
			assert_string_equal(
			    header_text(&resp, "content-type"), cases[i].type);
			assert_string_equal(
			    header_text(&resp, "etag"), cases[i].tag);
			assert_string_equal(
			    header_text(&resp, "x-content-type-options"),
			    "nosniff");
			assert_non_null(strstr(
			    header_text(&resp, "content-security-policy"),
			    "sandbox"));
			end(&resp, false);
		}
	}
	assert_int_equal(fake.open, 0);
	assert_int_equal(fake.downloads, 0);
}

static void
no_file(void **state)
{
	static const char *const paths[] = {MSG "/part/0", MSG "/part/9",
	    MSG "/part/-1", MSG "/part/3x", "/message/x/part/3",
	    "/message/x/raw"};
	struct response resp;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ask(HTTP_GET, paths[i], NULL, 0, &resp);
		assert_int_equal(resp.status, 404);
		assert_null(resp.source.arg);
		assert_string_equal(header_text(&resp, "etag"), "");
		end(&resp, true);
	}
	fake.down = true;
	ask(HTTP_GET, MSG "/raw", NULL, 0, &resp);
	assert_int_equal(resp.status, 503);
	end(&resp, true);
	assert_int_equal(fake.open, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers),
	    cmocka_unit_test(names_and_types),
	    cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
