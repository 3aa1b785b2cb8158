/*
 * test_portal_upload.c: tus over a fake desk: every status of every verb, which fields go
 * with it, and what becomes of a slice that ends badly.
 */
#include "portal/portal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake_desk.h"
#include "golden.h"
#include "portal_group.h"
#include "portal/cookie.h"

#define ONE   "/upload/" FAKE_ID
#define OTHER "/upload/01936f3e-7a00-7000-8000-000000000002"
#define SLICE "application/offset+octet-stream"
#define TUS                              \
	{                                \
		"tus-resumable", "1.0.0" \
	}
#define AT(n)                      \
	{                          \
		"upload-offset", n \
	}
#define SHA1   "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="
#define SHA256 "sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define FIELDS 5

static const struct row {
	const char *name;
	enum http_verb verb;
	const char *path;
	char who;
	struct http_field field[FIELDS];
	const char *type;
	uint64_t body;        /* bytes; the fake takes any */
	enum err_code upload; /* what the desk gives */
	enum err_code slice;
	int status;
	struct http_field want[4];
} rows[] = {
    {"the server", HTTP_OPTIONS, "/upload", 0, {{NULL, NULL}}, "", 0, 0, 0, 204,
	{{"tus-version", "1.0.0"},
	    {"tus-extension", "creation,termination,expiration,checksum"},
	    {"tus-max-size", "2147483648"},
	    {"tus-checksum-algorithm", "sha1,sha256"}}},
    {"its methods", HTTP_OPTIONS, "/upload", 0, {{NULL, NULL}}, "", 0, 0, 0,
	204, {{"allow", "POST, OPTIONS"}}},
    {"an upload's server", HTTP_OPTIONS, ONE, 0, {{NULL, NULL}}, "", 0, 0, 0,
	204,
	{{"tus-version", "1.0.0"}, {"allow", "HEAD, PATCH, DELETE, OPTIONS"}}},

    {"created", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-length", "1000"},
	    {"upload-metadata", "filename YS5wZGY="}},
	"", 0, 0, 0, 201,
	{{"location", ONE}, {"upload-offset", "0"},
	    {"upload-expires", "Thu, 27 Nov 2025 13:58:00 GMT"}, TUS}},
    {"created by a guest", HTTP_POST, "/upload", 'G',
	{TUS, {"upload-length", "0"}}, "", 0, 0, 0, 201, {{"location", ONE}}},
    {"created at the limit", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-length", "2147483648"}}, "", 0, 0, 0, 201,
	{{"location", ONE}}},
    {"too big", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-length", "2147483649"}}, "", 0, 0, 0, 413,
	{{"tus-max-size", "2147483648"}, TUS}},
    {"no length", HTTP_POST, "/upload", 'A', {TUS}, "", 0, 0, 0, 400, {TUS}},
    {"length later", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-defer-length", "1"}}, "", 0, 0, 0, 400, {TUS}},
    {"odd length", HTTP_POST, "/upload", 'A', {TUS, {"upload-length", "-1"}},
	"", 0, 0, 0, 400, {TUS}},
    {"odd metadata", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-length", "1"}, {"upload-metadata", "filename ?"}}, "", 0,
	0, 0, 400, {TUS}},
    {"too many open", HTTP_POST, "/upload", 'A', {TUS, {"upload-length", "1"}},
	"", 0, ERR_TOO_MANY, 0, 409, {TUS}},
    {"no version", HTTP_POST, "/upload", 'A',
	{{"upload-length", "1"}, {NULL, NULL}}, "", 0, 0, 0, 412,
	{{"tus-version", "1.0.0"}, TUS}},
    {"old version", HTTP_POST, "/upload", 'A',
	{{"tus-resumable", "0.2.2"}, {"upload-length", "1"}}, "", 0, 0, 0, 412,
	{{"tus-version", "1.0.0"}, TUS}},
    {"nobody creates", HTTP_POST, "/upload", 0, {TUS, {"upload-length", "1"}},
	"", 0, 0, 0, 401, {TUS}},
    {"no proof yet", HTTP_POST, "/upload", 'V', {TUS, {"upload-length", "1"}},
	"", 0, 0, 0, 401, {TUS}},
    {"not possible now", HTTP_POST, "/upload", 'A',
	{TUS, {"upload-length", "1"}}, "", 0, ERR_UNAVAILABLE, 0, 503,
	{{"retry-after", "5"}, TUS}},
    {"a fault", HTTP_POST, "/upload", 'A', {TUS, {"upload-length", "1"}}, "", 0,
	ERR_INTERNAL, 0, 500, {TUS}},

    {"stands", HTTP_HEAD, ONE, 'A', {TUS}, "", 0, 0, 0, 200,
	{{"upload-offset", "400"}, {"upload-length", "1000"},
	    {"cache-control", "no-store"},
	    {"upload-metadata",
		"filename ZmlndXJlcy5wZGY=,filetype "
		"YXBwbGljYXRpb24vcGRm"}}},
    {"another's", HTTP_HEAD, ONE, 'G', {TUS}, "", 0, 0, 0, 404, {TUS}},
    {"no such", HTTP_HEAD, OTHER, 'A', {TUS}, "", 0, 0, 0, 404, {TUS}},
    {"no id", HTTP_HEAD, "/upload/x", 'A', {TUS}, "", 0, 0, 0, 404, {TUS}},
    {"nobody asks", HTTP_HEAD, ONE, 0, {TUS}, "", 0, 0, 0, 401, {TUS}},
    {"is over", HTTP_HEAD, ONE, 'A', {TUS}, "", 0, ERR_EXPIRED, 0, 410, {TUS}},
    {"old version asks", HTTP_HEAD, ONE, 'A', {{"tus-resumable", "0"}}, "", 0,
	0, 0, 412, {TUS}},

    {"removed", HTTP_DELETE, ONE, 'A', {TUS}, "", 0, 0, 0, 204, {TUS}},
    {"not theirs to remove", HTTP_DELETE, ONE, 'G', {TUS}, "", 0, 0, 0, 404,
	{TUS}},
    {"nobody removes", HTTP_DELETE, ONE, 0, {TUS}, "", 0, 0, 0, 401, {TUS}},
    {"no version removes", HTTP_DELETE, ONE, 'A', {{NULL, NULL}}, "", 0, 0, 0,
	412, {TUS}},
    {"no id to remove", HTTP_DELETE, "/upload/x", 'A', {TUS}, "", 0, 0, 0, 404,
	{TUS}},

    {"a slice", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 100, 0, 0, 204,
	{{"upload-offset", "500"},
	    {"upload-expires", "Thu, 27 Nov 2025 13:58:00 GMT"}, TUS}},
    {"the last slice", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 600, 0, 0,
	204, {{"upload-offset", "1000"}, TUS}},
    {"a byte too many", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 601, 0,
	0, 413, {TUS}},
    {"a slice of nothing", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 0, 0,
	0, 204, {{"upload-offset", "400"}, TUS}},
    {"nothing elsewhere", HTTP_PATCH, ONE, 'A', {TUS, AT("401")}, SLICE, 0, 0,
	0, 409, {TUS}},
    {"another offset", HTTP_PATCH, ONE, 'A', {TUS, AT("0")}, SLICE, 100, 0, 0,
	409, {TUS}},
    {"no offset", HTTP_PATCH, ONE, 'A', {TUS}, SLICE, 100, 0, 0, 400, {TUS}},
    {"odd offset", HTTP_PATCH, ONE, 'A', {TUS, AT("4e2")}, SLICE, 100, 0, 0,
	400, {TUS}},
    {"another type", HTTP_PATCH, ONE, 'A', {TUS, AT("400")},
	"application/octet-stream", 100, 0, 0, 415, {TUS}},
    {"no type", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, "", 100, 0, 0, 415,
	{TUS}},
    {"too big a slice", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE,
	LIMIT_UPLOAD_SLICE + 1, 0, 0, 413, {{"tus-max-size", "2147483648"}}},
    {"another's slice", HTTP_PATCH, ONE, 'G', {TUS, AT("400")}, SLICE, 100, 0,
	0, 404, {TUS}},
    {"nobody's slice", HTTP_PATCH, ONE, 0, {TUS, AT("400")}, SLICE, 100, 0, 0,
	401, {TUS}},
    {"no id for a slice", HTTP_PATCH, "/upload/x", 'A', {TUS, AT("400")}, SLICE,
	100, 0, 0, 404, {TUS}},
    {"a slice of no version", HTTP_PATCH, ONE, 'A', {AT("400")}, SLICE, 100, 0,
	0, 412, {{"tus-version", "1.0.0"}}},
    {"with SHA-1", HTTP_PATCH, ONE, 'A',
	{TUS, AT("400"), {"upload-checksum", SHA1}}, SLICE, 100, 0, 0, 204,
	{{"upload-offset", "500"}}},
    {"with SHA-256", HTTP_PATCH, ONE, 'A',
	{TUS, AT("400"), {"upload-checksum", SHA256}}, SLICE, 100, 0, 0, 204,
	{{"upload-offset", "500"}}},
    {"with another checksum", HTTP_PATCH, ONE, 'A',
	{TUS, AT("400"), {"upload-checksum", "md5 AAAA"}}, SLICE, 100, 0, 0,
	400, {TUS}},
    {"checksum differs", HTTP_PATCH, ONE, 'A',
	{TUS, AT("400"), {"upload-checksum", SHA1}}, SLICE, 100, 0,
	ERR_BAD_INPUT, 460, {TUS}},
    {"changed meanwhile", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 100, 0,
	ERR_CONFLICT, 409, {TUS}},
    {"the database has gone", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE,
	100, 0, ERR_UNAVAILABLE, 503, {{"retry-after", "5"}}},
    {"not known whether", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 100, 0,
	ERR_UNKNOWN, 503, {{"retry-after", "5"}}},
    {"a slice of the past", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 100,
	ERR_EXPIRED, 0, 410, {TUS}},
};

/* ---- asking ------------------------------------------------------------------------- */

struct ask {
	struct request req;
	char cookie[256];
};

static void
prepare(struct ask *a, const struct row *r)
{
	char value[DESK_COOKIE_LEN];

	memset(a, 0, sizeof(*a));
	if (r->who != 0) {
		memset(value, r->who, sizeof(value) - 1);
		value[sizeof(value) - 1] = '\0';
		snprintf(
		    a->cookie, sizeof(a->cookie), "%s=%s", COOKIE_NAME, value);
	}
	a->req = (struct request){.verb = r->verb,
	    .path = r->path,
	    .query = "",
	    .host = "acme.localhost",
	    .client = "127.0.0.1",
	    .cookie = a->cookie,
	    .content_type = r->type,
	    .origin = "",
	    .fetch_site = "same-origin",
	    .accept_language = "",
	    .if_none_match = "",
	    .field = r->field,
	    .content_length = r->body};
	while (a->req.n_field < FIELDS && r->field[a->req.n_field].name != NULL)
		a->req.n_field++;
	snprintf(a->req.id, sizeof(a->req.id), "%s", "0123456789abcdef");
	fake_upload();
	fake.upload = r->upload;
	fake.slice = r->slice;
}

/* As the glue does: the body goes in blocks where it is wanted. */
static void
ask(struct ask *a, struct response *resp)
{
	static const uint8_t block[64];
	struct sink sink = {NULL, NULL};
	struct portal_plan plan;
	struct err why = {ERR_NONE, ""};
	uint64_t left = a->req.content_length, n;

	portal_plan(portal, &a->req, &plan);
	if (plan.quick && portal_quick(portal, &a->req, resp))
		return;
	if (!plan.stream) {
		portal_handle(thread, &a->req, resp);
		return;
	}
	if (!portal_begin(thread, &a->req, &sink, resp))
		return;
	for (; left > 0 && why.code == ERR_NONE; left -= n) {
		n = left < sizeof(block) ? left : sizeof(block);
		(void)sink.take(
		    sink.arg, portal_thread_desk(thread), block, n, &why);
	}
	portal_finish(thread, &a->req, &sink, why.code == ERR_NONE, &why, resp);
}

static void
test_row(void **state)
{
	const struct row *r = *state;
	struct response resp;
	const char *got;
	struct ask a;

	memset(&fake, 0, sizeof(fake));
	prepare(&a, r);
	ask(&a, &resp);
	if (resp.status != r->status)
		print_error("%d %s\n", resp.status, buf_cstr(&resp.body));
	assert_int_equal(resp.status, r->status);
	for (size_t i = 0; i < 4 && r->want[i].name != NULL; i++) {
		got = header(&resp, r->want[i].name);
		assert_non_null(got);
		assert_string_equal(got, r->want[i].value);
	}
	assert_null(strstr(buf_cstr(&resp.body), "<"));
	assert_string_equal(header(&resp, "cache-control"), "no-store");
	if (resp.status >= 400 && r->verb != HTTP_HEAD)
		assert_true(resp.body.len > 0);
	/* Every slice that was opened was ended. */
	assert_int_equal(fake.slices, 0);
	response_free(&resp);
}

/* ---- what is not a table -------------------------------------------------------------- */

static void
test_digests(void **state)
{
	struct row r = {"", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 10,
	    0, 0, 204, {{NULL, NULL}}};
	static const struct {
		const char *field;
		enum desk_digest kind;
	} cases[] = {{SHA1, DESK_SHA1}, {SHA256, DESK_SHA256}};
	struct response resp;
	struct ask a;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memset(&fake, 0, sizeof(fake));
		r.field[2] = (struct http_field){
		    "upload-checksum", cases[i].field};
		prepare(&a, &r);
		ask(&a, &resp);
		assert_int_equal(resp.status, 204);
		assert_int_equal(fake.digest, cases[i].kind);
		response_free(&resp);
	}
}

/* A stranger's slice is refused by open(), who knows why, and not for its size. */
static void
test_plan(void **state)
{
	static const struct row r = {"", HTTP_PATCH, ONE, 0, {TUS, AT("400")},
	    SLICE, LIMIT_UPLOAD_SLICE, 0, 0, 401, {{NULL, NULL}}};
	struct portal_plan plan;
	struct ask a;

	(void)state;
	prepare(&a, &r);
	portal_plan(portal, &a.req, &plan);
	assert_true(plan.stream);
	assert_false(plan.known);
	assert_int_equal(plan.body, LIMIT_UPLOAD_SLICE);
}

/* A page of another site has no say, whatever its fields; who sends none is no browser. */
static void
test_elsewhere(void **state)
{
	static const struct {
		const char *site, *origin;
		int status;
	} cases[] = {
	    {"same-origin", "", 204},
	    {"same-origin", "https://acme.localhost:8443", 204},
	    {"", "https://acme.localhost:8443", 204},
	    {"", "", 204},
	    {"cross-site", "https://evil.example", 403},
	    {"cross-site", "", 403},
	    {"same-site", "", 403},
	    {"", "https://evil.example", 403},
	};
	static const struct row verbs[] = {
	    {"", HTTP_PATCH, ONE, 'A', {TUS, AT("400")}, SLICE, 10, 0, 0, 204,
		{{NULL, NULL}}},
	    {"", HTTP_DELETE, ONE, 'A', {TUS}, "", 0, 0, 0, 204,
		{{NULL, NULL}}},
	};
	struct response resp;
	struct ask a;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&fake, 0, sizeof(fake));
		prepare(&a, &verbs[i % 2]);
		a.req.fetch_site = cases[i / 2].site;
		a.req.origin = cases[i / 2].origin;
		ask(&a, &resp);
		if (resp.status != cases[i / 2].status)
			print_error("case %zu\n", i);
		assert_int_equal(resp.status, cases[i / 2].status);
		assert_null(header(&resp, "access-control-allow-origin"));
		response_free(&resp);
	}
}

/* The client goes in the middle, or the desk does: the slice is ended all the same. */
static void
test_broken(void **state)
{
	static const struct row r = {"", HTTP_PATCH, ONE, 'A', {TUS, AT("400")},
	    SLICE, 500, 0, 0, 204, {{NULL, NULL}}};
	struct sink sink;
	struct response resp;
	struct err why = {ERR_NONE, ""};
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	prepare(&a, &r);
	assert_true(portal_begin(thread, &a.req, &sink, &resp));
	assert_int_equal(fake.slices, 1);
	assert_int_equal(
	    sink.take(sink.arg, portal_thread_desk(thread), "abc", 3, &why), 0);
	portal_finish(thread, &a.req, &sink, false, &why, &resp);
	assert_int_equal(fake.slices, 0);
	response_free(&resp);

	prepare(&a, &r);
	assert_true(portal_begin(thread, &a.req, &sink, &resp));
	fake.upload = ERR_UNAVAILABLE;
	assert_int_equal(
	    sink.take(sink.arg, portal_thread_desk(thread), "abc", 3, &why),
	    -1);
	portal_finish(thread, &a.req, &sink, false, &why, &resp);
	assert_int_equal(resp.status, 503);
	assert_string_equal(header(&resp, "retry-after"), "5");
	assert_int_equal(fake.slices, 0);
	response_free(&resp);
}

/* ---- with a letter -------------------------------------------------------------------- */

#define TO   "&to=carol%40partner.example"
#define WITH "csrf=" FAKE_CSRF "&body=a&upload=" FAKE_ID

static void
send_letter(const char *body, uint64_t offset, struct response *resp)
{
	struct row r = {"", HTTP_POST, "/compose", 'A', {{NULL, NULL}},
	    "application/x-www-form-urlencoded", 0, 0, 0, 0, {{NULL, NULL}}};
	struct ask a;

	memset(&fake, 0, sizeof(fake));
	prepare(&a, &r);
	fake.kept.offset = offset;
	a.req.body = (const uint8_t *)body;
	a.req.body_len = a.req.content_length = strlen(body);
	portal_handle(thread, &a.req, resp);
}

static void
test_letter(void **state)
{
	static const struct {
		const char *body;
		uint64_t offset;
		int status;
		size_t sent;
		bool listed;
		bool there; /* still kept afterwards */
	} cases[] = {
	    {WITH TO, 1000, 303, 1, false, true},
	    {WITH "&upload=" FAKE_ID TO, 1000, 303, 1, false, true},
	    {WITH TO, 999, 400, 0, false, true},
	    {WITH "&to=carol", 1000, 400, 0, true, true},
	    {WITH "&to=carol", 999, 400, 0, false, true},
	    {WITH "&remove=" FAKE_ID "&to=carol", 1000, 400, 0, false, false},
	    {WITH "&remove=" FAKE_ID TO, 1000, 303, 0, false, false},
	    {WITH "&remove=x" TO, 1000, 303, 1, false, true},
	    {WITH "&upload=x&to=carol", 1000, 400, 0, true, true},
	    {WITH "&upload=x" TO, 1000, 400, 0, true, true},
	    {WITH "&upload=01936f3e-7a00-7000-8000-000000000002" TO, 1000, 400,
		0, true, true},
	};
	struct response resp;
	const char *html;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_letter(cases[i].body, cases[i].offset, &resp);
		if (resp.status != cases[i].status)
			print_error("case %zu: %d\n", i, resp.status);
		assert_int_equal(resp.status, cases[i].status);
		assert_int_equal(fake.sent, resp.status == 303);
		if (fake.sent > 0)
			assert_int_equal(fake.letter.n_uploads, cases[i].sent);
		html = buf_cstr(&resp.body);
		assert_int_equal(
		    strstr(html, "name=\"upload\" value=\"" FAKE_ID) != NULL,
		    cases[i].listed);
		assert_int_equal(strstr(html, "and so are your files") != NULL,
		    cases[i].listed);
		assert_int_equal(!id_is_zero(&fake.kept.id), cases[i].there);
		response_free(&resp);
	}
}

/* One more than may be: the first twenty are kept, and it is said. */
static void
test_letter_limit(void **state)
{
	struct response resp;
	struct buf b = BUF_INIT;
	int files = 0;

	(void)state;
	for (int with = 20; with <= 21; with++) {
		assert_int_equal(
		    buf_adds(&b, "csrf=" FAKE_CSRF "&body=a" TO), 0);
		for (int i = 0; i < with; i++)
			assert_int_equal(
			    buf_addf(
				&b, "&upload=" FAKE_MANY "%02x", (unsigned)i),
			    0);
		send_letter(buf_cstr(&b), 1000, &resp);
		assert_int_equal(resp.status, with == 20 ? 303 : 400);
		assert_int_equal(fake.letter.n_uploads, with == 20 ? 20 : 0);
		for (const char *s = buf_cstr(&resp.body);
		     (s = strstr(s, "name=\"upload\"")) != NULL; s++)
			files++;
		response_free(&resp);
		buf_clear(&b);
	}
	assert_int_equal(files, 20);
	buf_free(&b);
}

/* The page with files on it, as it is kept after a problem. */
static void
test_letter_page(void **state)
{
	struct response resp;

	(void)state;
	send_letter(WITH "&to=carol", 1000, &resp);
	for (char *s = (char *)resp.body.data;
	     (s = strstr(s, "/assets/")) != NULL;) {
		s += strlen("/assets/");
		memset(s, '0', strcspn(s, "/"));
	}
	assert_int_equal(golden_check("pages/compose-files.html",
			     buf_cstr(&resp.body), resp.body.len),
	    0);
	assert_non_null(strstr(header(&resp, "content-security-policy"),
	    "script-src 'self'; connect-src 'self'"));
	response_free(&resp);
}

int
main(void)
{
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	struct CMUnitTest tests[N + 7];
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		tests[n++] = (struct CMUnitTest){rows[i].name, test_row, NULL,
		    NULL, (void *)(uintptr_t)&rows[i]};
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_digests);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_plan);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_elsewhere);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_broken);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_letter);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_letter_limit);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_letter_page);
	return _cmocka_run_group_tests("portal upload", tests, n, start, stop);
}
