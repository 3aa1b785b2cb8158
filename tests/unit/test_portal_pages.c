/*
 * test_portal_pages.c: every page over a fake desk: its status, where it leads, what it
 * may not do, and its HTML against tests/golden/pages.
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
#include "golden.h"
#include "portal_group.h"
#include "portal/asset.h"
#include "portal/cookie.h"

#define ORIGIN "https://acme.localhost:8443"
#define LINK   "/m/7kqf2m9x-" FAKE_SECRET
#define CSRF   "csrf=" FAKE_CSRF "&"
#define CAROL  "address=carol%40partner.example"
#define MSG    "/message/" FAKE_ID

static const struct row {
	const char
	    *name; /* of the golden file; NULL: the page is not compared */
	enum http_verb verb;
	const char *path; /* with its query */
	char who;         /* the cookie's letter; 0: nobody */
	const char *body;
	int status;
	const char *location; /* NULL: none */
	char cookie;          /* what is set: a letter, '-' ended, 0 nothing */
} rows[] = {
    {"home", HTTP_GET, "/", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/", 'G', NULL, 303, "/inbox", 0},
    {NULL, HTTP_GET, "/", 'A', NULL, 303, "/inbox", 0},
    {NULL, HTTP_GET, "/", 'V', NULL, 200, NULL, 0},
    {"code-inbox", HTTP_GET, "/", 'W', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/?again=1", 'W', NULL, 200, NULL, 0},
    {NULL, HTTP_POST, "/", 0, CAROL, 303, "/", 'V'},
    {NULL, HTTP_POST, "/", 0, "pickup=7kqf+2m9x", 303, "/m/7KQF2M9X", 0},
    {NULL, HTTP_POST, "/", 0, "pickup=https%3A%2F%2Fa%2Fm%2F7kqf2m9x-ab.", 303,
	"/m/7KQF2M9X-ab", 0},
    {"home-pickup", HTTP_POST, "/", 0, "pickup=7KQF", 400, NULL, 0},
    {"home-address", HTTP_POST, "/", 0, "address=carol", 400, NULL, 0},
    {NULL, HTTP_POST, "/", 0, "", 400, NULL, 0},
    {NULL, HTTP_POST, "/", 'W', CSRF "code=" FAKE_CODE, 303, "/inbox", 'G'},

    {"landing", HTTP_GET, LINK, 0, NULL, 200, NULL, 0},
    {NULL, HTTP_HEAD, LINK, 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/m/7KQF2M9X", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/m/7KQF-2M9X", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, LINK ").", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, LINK, 'G', NULL, 303, MSG, 0},
    {"other", HTTP_GET, LINK, 'A', NULL, 403, NULL, 0},
    {"landing-address", HTTP_POST, LINK, 0, "address=carol", 400, NULL, 0},
    {NULL, HTTP_POST, LINK, 0, "", 400, NULL, 0},
    {NULL, HTTP_POST, LINK, 0, "address=", 400, NULL, 0},
    {"landing-codes", HTTP_POST, LINK, 0, "address=often%40partner.example",
	429, NULL, 0},
    {NULL, HTTP_POST, LINK, 0, CAROL, 303, "/m/7KQF2M9X", 'V'},
    {NULL, HTTP_POST, LINK, 0, "code=AAAA-AAAA", 303, LINK, 0},
    {"code", HTTP_GET, "/m/7KQF2M9X", 'V', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/m/7KQF2M9X?again=1", 'V', NULL, 200, NULL, 0},
    {"code-wrong", HTTP_POST, "/m/7KQF2M9X", 'V', CSRF "code=AAAA-AAAA", 403,
	NULL, 0},
    {NULL, HTTP_POST, "/m/7KQF2M9X", 'V', CSRF "code=12", 400, NULL, 0},
    {NULL, HTTP_POST, "/m/7KQF2M9X", 'V', CSRF "code=kq7m+2f9x", 303, MSG, 'G'},
    {"landing-account", HTTP_GET, "/m/ACCT0001", 0, NULL, 200, NULL, 0},
    {"expired", HTTP_GET, "/m/EXPR0001", 0, NULL, 410, NULL, 0},
    {NULL, HTTP_POST, "/m/EXPR0001", 0, CAROL, 410, NULL, 0},
    {"retracted", HTTP_GET, "/m/RETR0001", 0, NULL, 410, NULL, 0},
    {"unknown", HTTP_GET, "/m/ZZZZZZZZ", 0, NULL, 404, NULL, 0},
    {"mistyped", HTTP_GET, "/m/7KQF2M9X-abc", 0, NULL, 404, NULL, 0},
    {NULL, HTTP_GET, "/m/%2e%2e%2f%00", 0, NULL, 404, NULL, 0},
    {"wrong", HTTP_GET, "/m/7KQF2M9X/wrong", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_POST, "/m/7KQF2M9X/wrong", 0, "", 400, NULL, 0},
    {NULL, HTTP_POST, "/m/7KQF2M9X/wrong", 0, "pickup=ACCT0001", 400, NULL, 0},
    {NULL, HTTP_POST, "/m/7KQF2M9X/wrong", 0, "pickup=7KQF-2M9X", 303,
	"/check?note=told", 0},
    {"check", HTTP_GET, "/check", 0, NULL, 200, NULL, 0},
    {"check-yes", HTTP_GET, "/check?pickup=7KQF-2M9X", 0, NULL, 200, NULL, 0},
    {"check-no", HTTP_GET, "/check?pickup=ZZZZ-ZZZZ", 0, NULL, 200, NULL, 0},

    {"login", HTTP_GET, "/login", 0, NULL, 200, NULL, 0},
    {"signed-out", HTTP_GET, "/login?note=signed-out", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/login?note=%3Cb%3E", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/login", 'A', NULL, 303, "/inbox", 0},
    {NULL, HTTP_POST, "/login", 0, CAROL "&password=x", 303, "/inbox", 'A'},
    {NULL, HTTP_POST, "/login", 0, CAROL "&password=x&pickup=ACCT0001", 303,
	"/m/ACCT0001", 'A'},
    {NULL, HTTP_POST, "/login", 0, CAROL "&password=x&pickup=//evil.example",
	303, "/inbox", 'A'},
    {NULL, HTTP_POST, "/login", 0, CAROL, 400, NULL, 0},
    {"logout", HTTP_GET, "/logout", 'G', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/logout", 0, NULL, 303, "/login", 0},
    {NULL, HTTP_POST, "/logout", 'G', CSRF, 303, "/login?note=signed-out", '-'},
    {"register-guest", HTTP_GET, "/register", 'G', NULL, 200, NULL, 0},
    {"register-member", HTTP_GET, "/register", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/register", 'A', NULL, 303, "/inbox", 0},
    {"register-short", HTTP_POST, "/register", 'G',
	CSRF "name=Carol&password=short&password2=short", 400, NULL, 0},
    {NULL, HTTP_POST, "/register", 'G',
	CSRF "password=a+long+enough+one&password2=a+long+enough+two", 400,
	NULL, 0},
    {NULL, HTTP_POST, "/register", 'G',
	CSRF "password=a+long+enough+one&password2=a+long+enough+one", 303,
	"/inbox?note=account", 'A'},
    {NULL, HTTP_POST, "/register", 'G',
	CSRF
	"name=a%0Ab&password=a+long+enough+one&password2=a+long+enough+one",
	400, NULL, 0},
    {"settings", HTTP_GET, "/settings", 'A', NULL, 200, NULL, 0},
    {"settings-guest", HTTP_GET, "/settings", 'G', NULL, 200, NULL, 0},
    {"reset", HTTP_GET, "/reset", 0, NULL, 200, NULL, 0},

    {"inbox", HTTP_GET, "/inbox?note=account", 'G', NULL, 200, NULL, 0},
    {"inbox-empty", HTTP_GET, "/inbox?before=1", 'G', NULL, 200, NULL, 0},
    {"sent", HTTP_GET, "/sent", 'A', NULL, 200, NULL, 0},
    {"message", HTTP_GET, MSG, 'G', NULL, 200, NULL, 0},
    {"message-mine", HTTP_GET, MSG, 'A', NULL, 200, NULL, 0},
    {NULL, HTTP_HEAD, MSG, 'G', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, MSG "/raw", 'G', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, MSG "/part/2", 'G', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, MSG "/part/0", 'G', NULL, 404, NULL, 0},
    {NULL, HTTP_GET, MSG "/part/9", 'G', NULL, 404, NULL, 0},
    {NULL, HTTP_GET, MSG "/part/-1", 'G', NULL, 404, NULL, 0},
    {NULL, HTTP_GET, MSG "/part/99999999999999999999", 'G', NULL, 404, NULL, 0},
    {"track", HTTP_GET, MSG "/track?note=sent", 'A', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, MSG "/track", 'G', NULL, 404, NULL, 0},
    {"compose", HTTP_GET, "/compose", 'A', NULL, 200, NULL, 0},
    {"compose-guest", HTTP_GET, "/compose", 'G', NULL, 200, NULL, 0},
    {"reply", HTTP_GET, "/compose?reply=" FAKE_ID, 'G', NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/compose?reply=x", 'G', NULL, 404, NULL, 0},
    {"compose-kept", HTTP_POST, "/compose", 'A',
	CSRF "to=carol%40partner.example,+dan&subject=Figures&body=a%0D%0Ab%3C",
	400, NULL, 0},
    {NULL, HTTP_POST, "/compose", 'A',
	CSRF "to=carol%40partner.example&subject=Figures&body=a", 303,
	MSG "/track?note=sent", 0},
    {NULL, HTTP_POST, "/compose", 'A',
	CSRF "to=carol%40partner.example&subject=a%0Ab&body=a", 400, NULL, 0},

    /* Nobody gets the same answer for every id. */
    {NULL, HTTP_GET, MSG, 0, NULL, 303, "/login", 0},
    {NULL, HTTP_GET, MSG, 'V', NULL, 303, "/login", 0},
    {NULL, HTTP_GET, "/message/01936f3e-7a00-7000-8000-000000000002", 0, NULL,
	303, "/login", 0},
    {NULL, HTTP_GET, "/message/x/raw", 0, NULL, 303, "/login", 0},
    {NULL, HTTP_GET, "/inbox", 0, NULL, 303, "/login", 0},
    {"session-ended", HTTP_POST, "/compose", 0,
	"to=a%40b.example&body=My+long+letter", 403, NULL, 0},
    {"not-found", HTTP_GET, "/message/01936f3e-7a00-7000-8000-000000000002",
	'G', NULL, 404, NULL, 0},
    {NULL, HTTP_GET, "/nothing/here", 0, NULL, 404, NULL, 0},
    {NULL, HTTP_OTHER, "/inbox", 'G', NULL, 405, NULL, 0},
    {NULL, HTTP_POST, "/inbox", 'G', CSRF, 405, NULL, 0},
    {"elsewhere", HTTP_POST, "/logout", 'G', "csrf=wrong", 403, NULL, 0},
    {NULL, HTTP_GET, "/healthz", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/readyz", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/robots.txt", 0, NULL, 200, NULL, 0},
    {NULL, HTTP_GET, "/assets/0000000000000000/restante.css", 0, NULL, 404,
	NULL, 0},
};

/* ---- asking ------------------------------------------------------------------------- */

struct ask {
	struct request req;
	char path[4096];
	char cookie[256];
};

static void
prepare(struct ask *a, const struct row *r)
{
	char *query;

	memset(a, 0, sizeof(*a));
	snprintf(a->path, sizeof(a->path), "%s", r->path);
	query = strchr(a->path, '?');
	if (query != NULL)
		*query++ = '\0';
	if (r->who != 0) {
		char value[DESK_COOKIE_LEN];

		memset(value, r->who, sizeof(value) - 1);
		value[sizeof(value) - 1] = '\0';
		snprintf(a->cookie, sizeof(a->cookie), "a=b; %s=%s; c=d",
		    COOKIE_NAME, value);
	}
	a->req = (struct request){.verb = r->verb,
	    .path = a->path,
	    .query = query == NULL ? "" : query,
	    .host = "acme.localhost",
	    .client = "127.0.0.1",
	    .cookie = a->cookie,
	    .content_type = r->verb == HTTP_POST ?
		"application/x-www-form-urlencoded" :
		"",
	    .origin = "null",
	    .fetch_site = r->verb == HTTP_POST ? "same-origin" : "",
	    .accept_language = "",
	    .if_none_match = "",
	    .body = (const uint8_t *)r->body,
	    .body_len = r->body == NULL ? 0 : strlen(r->body)};
	snprintf(a->req.id, sizeof(a->req.id), "%s", "0123456789abcdef");
}

static char
cookie_set_to(const struct response *r)
{
	const char *set = header(r, "set-cookie");

	if (set == NULL)
		return 0;
	assert_non_null(strstr(set, "; Path=/; Secure; HttpOnly; SameSite="));
	assert_null(strstr(set, "Domain"));
	assert_true(text_starts(set, COOKIE_NAME "="));
	set += strlen(COOKIE_NAME "=");
	if (*set == ';') {
		assert_non_null(strstr(set, "Max-Age=0"));
		return '-';
	}
	return *set;
}

/* The fingerprints of assets change with every stroke of a brush. */
static void
drop_prints(struct buf *b)
{
	char *p, *end;

	assert_string_not_equal(buf_cstr(b), "");
	p = (char *)b->data;
	while ((p = strstr(p, "/assets/")) != NULL) {
		p += strlen("/assets/");
		end = strchr(p, '/');
		if (end == NULL)
			return;
		memset(p, '0', (size_t)(end - p));
	}
}

/* The compose page has one, a file of ours; the others have none. */
static void
check_scripts(const char *html)
{
	const char *script = strstr(html, "<script");

	assert_int_equal(script != NULL, strstr(html, "id=\"letter\"") != NULL);
	if (script == NULL)
		return;
	assert_true(text_starts(script, "<script src=\"/assets/"));
	assert_null(strstr(script + 1, "<script"));
	script = strchr(script, '>');
	assert_true(text_starts(script, "></script>"));
}

static void
check_html(const struct row *r, struct response *resp)
{
	const char *html = buf_cstr(&resp->body);
	char path[128];

	assert_true(text_starts(html, "<!doctype html>\n<html lang=\"en\">"));
	assert_true(resp->body.len < 20000);
	check_scripts(html);
	assert_null(strstr(html, "style="));
	assert_non_null(strstr(html, "<h1"));
	assert_null(strstr(strstr(html, "<h1") + 1, "<h1"));
	if (!text_starts(r->path, "/assets/"))
		assert_non_null(strstr(html, "+44 20 7946 0000"));
	if (r->name == NULL)
		return;
	drop_prints(&resp->body);
	snprintf(path, sizeof(path), "pages/%s.html", r->name);
	assert_int_equal(golden_check(path, html, resp->body.len), 0);
}

static void
check_fields(const struct row *r, const struct response *resp)
{
	const char *location = header(resp, "location");
	const char *policy = header(resp, "content-security-policy");

	assert_int_equal(resp->status, r->status);
	if (r->location == NULL)
		assert_null(location);
	else
		assert_string_equal(location, r->location);
	assert_int_equal(cookie_set_to(resp), r->cookie);
	assert_string_equal(header(resp, "cache-control"), "no-store");
	assert_string_equal(header(resp, "referrer-policy"), "same-origin");
	assert_string_equal(header(resp, "x-content-type-options"), "nosniff");
	assert_non_null(header(resp, "strict-transport-security"));
	assert_non_null(header(resp, "cross-origin-opener-policy"));
	assert_non_null(header(resp, "permissions-policy"));
	assert_non_null(policy);
	assert_true(text_starts(policy, "default-src 'none'"));
	assert_null(strstr(policy, "unsafe"));
	assert_null(strstr(policy, "*"));
}

static void
test_row(void **state)
{
	const struct row *r = *state;
	struct response resp;
	struct ask a;

	memset(&fake, 0, sizeof(fake));
	prepare(&a, r);
	portal_handle(thread, &a.req, &resp);
	check_fields(r, &resp);
	if (strncmp(header(&resp, "content-type"), "text/html", 9) == 0 &&
	    resp.status != 303)
		check_html(r, &resp);
	/* Only a GET of a proved reader is a receipt, only a typed address a code mail. */
	assert_int_equal(fake.displayed,
	    r->verb == HTTP_GET && r->status == 200 && r->who == 'G' &&
		strcmp(r->path, MSG) == 0);
	assert_int_equal(fake.codes, r->cookie == 'V');
	if (resp.source.arg != NULL)
		resp.source.end(
		    resp.source.arg, portal_thread_desk(thread), false);
	response_free(&resp);
}

/* ---- what is not a table --------------------------------------------------------------- */

static void
answer(const struct row *r, struct ask *a, struct response *resp)
{
	prepare(a, r);
	portal_handle(thread, &a->req, resp);
}

/* What a browser says of where a form came from, and what is believed of it. */
static void
test_origin(void **state)
{
	static const struct {
		const char *site, *origin;
		char who;
		const char *body;
		int status;
	} cases[] = {
	    {"same-origin", "", 0, "", 303},
	    {"same-origin", "null", 0, "", 303},
	    {"none", "", 0, "", 303},
	    {"cross-site", ORIGIN, 0, "", 403},
	    {"same-site", ORIGIN, 0, "", 403},
	    {"rubbish", ORIGIN, 0, "", 403},
	    {"", ORIGIN, 0, "", 303},
	    {"", "https://acme.localhost", 0, "", 403},
	    {"", "http://acme.localhost:8443", 0, "", 403},
	    {"", "https://evil.example", 0, "", 403},
	    {"", "", 0, "", 303},
	    {"", "null", 0, "", 403},
	    {"", "null", 'G', CSRF, 303},
	    {"", "", 'G', CSRF, 303},
	    {"", "", 'G', "csrf=csrf-csrf-csrf-csrf-23", 403},
	    {"same-origin", ORIGIN, 'G', "", 403},
	    {"same-origin", ORIGIN, 'G', "csrf=", 403},
	    {"same-origin", ORIGIN, 'G', "csrf=x&" CSRF, 403},
	    {"cross-site", ORIGIN, 'G', CSRF, 403},
	};
	struct row r = {NULL, HTTP_POST, "/logout", 0, "", 0, NULL, 0};
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.who = cases[i].who;
		r.body = cases[i].body;
		prepare(&a, &r);
		a.req.fetch_site = cases[i].site;
		a.req.origin = cases[i].origin;
		portal_handle(thread, &a.req, &resp);
		if (resp.status != cases[i].status)
			print_error("case %zu: %d\n", i, resp.status);
		assert_int_equal(resp.status, cases[i].status);
		response_free(&resp);
	}
}

static void
test_no_tenant(void **state)
{
	struct row r = {NULL, HTTP_GET, "/", 0, NULL, 421, NULL, 0};
	struct response resp;
	struct ask a;

	(void)state;
	prepare(&a, &r);
	a.req.host = "evil.example";
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 421);
	drop_prints(&resp.body);
	assert_int_equal(
	    golden_check("pages/no-tenant.html", resp.body.data, resp.body.len),
	    0);
	response_free(&resp);
	a.req.host = "";
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 421);
	response_free(&resp);
	a.req.path = "/healthz";
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 200);
	response_free(&resp);
}

/* With the database gone pages still have a name on them; nothing counts as read. */
static void
test_down(void **state)
{
	struct row r = {NULL, HTTP_GET, "/inbox", 'G', NULL, 503, NULL, 0};
	struct response resp;
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.down = true;
	answer(&r, &a, &resp);
	assert_int_equal(resp.status, 503);
	drop_prints(&resp.body);
	assert_int_equal(golden_check("pages/unavailable.html", resp.body.data,
			     resp.body.len),
	    0);
	response_free(&resp);
	r.path = "/readyz";
	answer(&r, &a, &resp);
	assert_int_equal(resp.status, 503);
	response_free(&resp);
	/* A receipt that cannot be written is a message that is not shown. */
	r.path = MSG;
	answer(&r, &a, &resp);
	assert_int_equal(resp.status, 503);
	assert_null(strstr(buf_cstr(&resp.body), "third quarter"));
	response_free(&resp);
	fake.down = false;
}

static void
test_login_refused(void **state)
{
	static const struct {
		enum err_code code;
		int status;
	} cases[] = {{ERR_DENIED, 403}, {ERR_NOT_FOUND, 403},
	    {ERR_BAD_INPUT, 403}, {ERR_TOO_MANY, 429}, {ERR_UNAVAILABLE, 503}};
	struct row r = {
	    NULL, HTTP_POST, "/login", 0, CAROL "&password=x", 0, NULL, 0};
	struct buf first = BUF_INIT;
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.login = cases[i].code;
		answer(&r, &a, &resp);
		assert_int_equal(resp.status, cases[i].status);
		assert_null(header(&resp, "set-cookie"));
		if (i == 0)
			assert_int_equal(
			    buf_adds(&first, buf_cstr(&resp.body)), 0);
		else if (cases[i].status == 403)
			assert_string_equal(
			    buf_cstr(&first), buf_cstr(&resp.body));
		response_free(&resp);
	}
	buf_free(&first);
	fake.login = ERR_NONE;
}

#define BOUNDARY "----WebKitFormBoundaryA1b2C3"
#define PART(name, value)                                                \
	"--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name \
	"\"\r\n\r\n" value "\r\n"

static void
test_upload(void **state)
{
	static const char body[] = PART("csrf", FAKE_CSRF) PART(
	    "to", "carol@partner.example") PART("subject", "") PART("body",
	    "two\r\nlines & more=less") "--" BOUNDARY
					"\r\nContent-Disposition: form-data; name=\"files\"; "
					"filename=\"a \\ %22b%22.txt\"\r\nContent-Type: text/plain\r\n\r\n"
					"\0\r\n--" BOUNDARY
					"x\r\n\r\n--" BOUNDARY "--\r\n";
	struct row r = {NULL, HTTP_POST, "/compose", 'A', "", 303, NULL, 0};
	struct response resp;
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	prepare(&a, &r);
	a.req.content_type = "multipart/form-data; boundary=" BOUNDARY;
	a.req.body = (const uint8_t *)body;
	a.req.body_len = sizeof(body) - 1;
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 303);
	assert_int_equal(fake.letter.n_to, 1);
	assert_int_equal(fake.letter.n_files, 1);
	assert_string_equal(fake.text, "two\r\nlines & more=less");
	assert_string_equal(fake.file, "a \\ \"b\".txt");
	assert_int_equal(
	    fake.file_len, sizeof("\0\r\n--" BOUNDARY "x\r\n") - 1);
	response_free(&resp);
}

static void
test_send_refused(void **state)
{
	static const struct {
		enum err_code code;
		const char *text;
		int status;
		const char *says;
	} cases[] = {
	    {ERR_BAD_INPUT, "empty", 400, "nothing in this message"},
	    {ERR_BAD_INPUT, "files", 400, "could not be taken"},
	    {ERR_BAD_INPUT, "to", 400, "look at"},
	    {ERR_NOT_FOUND, "", 400, "carol@partner.example cannot be reached"},
	    {ERR_DENIED, "", 400, "carol@partner.example cannot be reached"},
	    {ERR_TOO_BIG, "", 413, "too big"},
	    {ERR_UNAVAILABLE, "", 503, "not there just now"},
	};
	struct row r = {NULL, HTTP_POST, "/compose", 'A',
	    CSRF "to=carol%40partner.example&subject=My+subject&body=My+text",
	    0, NULL, 0};
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.send = cases[i].code;
		fake.send_text = cases[i].text;
		answer(&r, &a, &resp);
		assert_int_equal(resp.status, cases[i].status);
		assert_non_null(strstr(buf_cstr(&resp.body), cases[i].says));
		if (resp.status != 503) {
			assert_non_null(
			    strstr(buf_cstr(&resp.body), "My subject"));
			assert_non_null(
			    strstr(buf_cstr(&resp.body), "My text"));
		}
		response_free(&resp);
	}
	fake.send = ERR_NONE;
}

static void
test_too_big(void **state)
{
	struct row r = {NULL, HTTP_POST, "/", 0, "", 0, NULL, 0};
	uint8_t *body = calloc(1, LIMIT_FORM_BODY + 1);
	struct response resp;
	struct ask a;

	(void)state;
	memset(body, 'a', LIMIT_FORM_BODY + 1);
	prepare(&a, &r);
	a.req.body = body;
	a.req.body_len = LIMIT_FORM_BODY;
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 400);
	response_free(&resp);
	a.req.body_len++;
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 413);
	response_free(&resp);
	free(body);
}

/* What a head alone tells. */
static void
test_plan(void **state)
{
	static const struct {
		enum http_verb verb;
		const char *path;
		char who;
		enum portal_lane lane;
		uint64_t body;
		bool known, quick;
		const char *route;
	} cases[] = {
	    {HTTP_POST, "/", 0, PORTAL_LANE_PAGE, LIMIT_FORM_BODY, false, false,
		"home"},
	    {HTTP_POST, "/login", 0, PORTAL_LANE_HASH, LIMIT_FORM_BODY, false,
		false, "login"},
	    {HTTP_GET, "/inbox", 0, PORTAL_LANE_PAGE, 0, false, false, "inbox"},
	    {HTTP_GET, "/inbox", 'A', PORTAL_LANE_PAGE, 0, true, false,
		"inbox"},
	    {HTTP_GET, "/inbox", 'G', PORTAL_LANE_PAGE, 0, true, false,
		"inbox"},
	    /* A visitor proved nothing yet, and X is nobody. */
	    {HTTP_GET, "/inbox", 'V', PORTAL_LANE_PAGE, 0, false, false,
		"inbox"},
	    {HTTP_GET, "/inbox", 'X', PORTAL_LANE_PAGE, 0, false, false,
		"inbox"},
	    {HTTP_POST, "/compose", 0, PORTAL_LANE_PAGE, LIMIT_FORM_BODY, false,
		false, "compose"},
	    {HTTP_POST, "/compose", 'X', PORTAL_LANE_PAGE, LIMIT_UPLOAD_BODY,
		false, false, "compose"},
	    {HTTP_POST, "/compose", 'A', PORTAL_LANE_PAGE, LIMIT_UPLOAD_BODY,
		true, false, "compose"},
	    {HTTP_GET, "/healthz", 0, PORTAL_LANE_PAGE, 0, false, true,
		"healthz"},
	    {HTTP_OPTIONS, "/inbox", 0, PORTAL_LANE_PAGE, LIMIT_FORM_BODY,
		false, true, "options"},
	    {HTTP_POST, "/inbox", 0, PORTAL_LANE_PAGE, LIMIT_FORM_BODY, false,
		false, "verb"},
	    {HTTP_GET, "/nothing", 0, PORTAL_LANE_PAGE, LIMIT_FORM_BODY, false,
		false, "none"},
	};
	struct row r = {NULL, HTTP_GET, "/sent", 0, NULL, 0, NULL, 0};
	struct portal_plan plan;
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < strlen("AGVX"); i++) {
		r.who = "AGVX"[i];
		answer(&r, &a, &resp);
		response_free(&resp);
	}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.verb = cases[i].verb;
		r.path = cases[i].path;
		r.who = cases[i].who;
		prepare(&a, &r);
		portal_plan(portal, &a.req, &plan);
		if (plan.lane != cases[i].lane || plan.body != cases[i].body ||
		    plan.known != cases[i].known ||
		    plan.quick != cases[i].quick || plan.stream ||
		    strcmp(plan.route, cases[i].route) != 0)
			fail_msg("%s %c", cases[i].path, cases[i].who);
	}
}

/* Signed out, or signed in anew: the old name goes behind the others. */
static void
test_forgotten(void **state)
{
	struct row in = {NULL, HTTP_GET, "/sent", 'G', NULL, 0, NULL, 0};
	struct row out = {NULL, HTTP_POST, "/logout", 'G', CSRF, 0, NULL, 0};
	struct row again = {NULL, HTTP_POST, "/login", 'G',
	    CSRF CAROL "&password=x", 0, NULL, 0};
	const struct row *const ends[] = {&out, &again};
	struct portal_plan plan;
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < 2; i++) {
		answer(&in, &a, &resp);
		response_free(&resp);
		portal_plan(portal, &a.req, &plan);
		assert_true(plan.known);
		answer(ends[i], &a, &resp);
		response_free(&resp);
		portal_plan(portal, &a.req, &plan);
		assert_false(plan.known);
	}
}

/* Its turn is the session's, whatever else the request carries. */
static void
test_owner(void **state)
{
	struct row in = {NULL, HTTP_GET, "/sent", 'G', NULL, 0, NULL, 0};
	struct portal_plan plan, other;
	struct response resp;
	char cookie[256];
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	answer(&in, &a, &resp);
	response_free(&resp);
	portal_plan(portal, &a.req, &plan);
	assert_true(plan.known && plan.owner != 0);
	snprintf(cookie, sizeof(cookie), "a=1; %s; b=2", a.req.cookie);
	a.req.cookie = cookie;
	portal_plan(portal, &a.req, &other);
	assert_true(other.owner == plan.owner);
	a.req.cookie = "";
	portal_plan(portal, &a.req, &other);
	assert_true(!other.known && other.owner == 0);
}

/* Whoever tries codes one after the other is stopped; others go on. */
static void
test_guessing(void **state)
{
	struct row r = {NULL, HTTP_GET, "/m/ZZZZZZZZ", 0, NULL, 0, NULL, 0};
	struct response resp;
	struct ask a;
	int i;

	(void)state;
	for (i = 0; i <= LIMIT_PICKUP_HOUR; i++) {
		prepare(&a, &r);
		a.req.client = "192.0.2.1";
		portal_handle(thread, &a.req, &resp);
		assert_int_equal(
		    resp.status, i < LIMIT_PICKUP_HOUR ? 404 : 429);
		response_free(&resp);
	}
	a.req.client = "192.0.2.2";
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 404);
	response_free(&resp);
}

static void
test_assets(void **state)
{
	struct row r = {NULL, HTTP_GET, "/reset", 0, NULL, 0, NULL, 0};
	char path[3][160], *href, *p;
	struct response resp;
	struct ask a;
	size_t i;

	(void)state;
	answer(&r, &a, &resp);
	buf_cstr(&resp.body);
	p = (char *)resp.body.data;
	for (i = 0; i < 3; i++) {
		href = strstr(p, "\"/assets/");
		assert_non_null(href);
		p = strchr(href + 1, '"');
		snprintf(path[i], sizeof(path[i]), "%.*s", (int)(p - href - 1),
		    href + 1);
	}
	response_free(&resp);
	for (i = 0; i < 3; i++) {
		r.path = path[i];
		prepare(&a, &r);
		a.req.host = "";
		portal_handle(thread, &a.req, &resp);
		assert_int_equal(resp.status, 200);
		assert_true(resp.body.len > 50 && resp.body.len < 14000);
		assert_non_null(
		    strstr(header(&resp, "cache-control"), "immutable"));
		a.req.if_none_match = header(&resp, "etag");
		{
			struct response again;

			portal_handle(thread, &a.req, &again);
			assert_int_equal(again.status, 304);
			assert_int_equal(again.body.len, 0);
			response_free(&again);
		}
		if (strstr(path[i], "1f4b8f.css") != NULL)
			assert_int_equal(golden_check("pages/brand.css",
					     resp.body.data, resp.body.len),
			    0);
		response_free(&resp);
	}
}

/* What is said of who wrote: an account, a proved address, nothing proved, nobody. */
static void
test_who_wrote(void **state)
{
	static const char *const pills[] = {
	    "\xe2\x9c\x93 sender known to Acme Bank",
	    "\xe2\x9c\x93 sender\xe2\x80\x99s address proved",
	    "! sender\xe2\x80\x99s address not proved"};
	static const struct {
		char from;
		size_t pill;
	} cases[] = {{0, 0}, {'p', 1}, {'s', 2}, {'-', 2}};
	struct row r = {NULL, HTTP_GET, MSG, 'G', NULL, 200, NULL, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct response resp;
		struct ask a;
		const char *html;

		memset(&fake, 0, sizeof(fake));
		fake.from = cases[i].from;
		answer(&r, &a, &resp);
		assert_int_equal(resp.status, 200);
		html = buf_cstr(&resp.body);
		for (size_t j = 0; j < 3; j++)
			assert_int_equal(
			    strstr(html, pills[j]) != NULL, j == cases[i].pill);
		assert_int_equal(strstr(html, "<b>A mail server</b>") != NULL,
		    cases[i].from == '-');
		assert_int_equal(strstr(html, "/compose?reply=") == NULL,
		    cases[i].from == '-');
		response_free(&resp);
	}
	memset(&fake, 0, sizeof(fake));
}

/* Before a message only who is known by name is said to be of the tenant. */
static void
test_of_the_tenant(void **state)
{
	struct row r = {NULL, HTTP_GET, LINK, 0, NULL, 200, NULL, 0};

	(void)state;
	for (const char *from = "ps-"; *from != '\0'; from++) {
		struct response resp;
		struct ask a;

		memset(&fake, 0, sizeof(fake));
		fake.from = *from;
		answer(&r, &a, &resp);
		assert_null(strstr(buf_cstr(&resp.body), "Acme Bank</small>"));
		response_free(&resp);
	}
	memset(&fake, 0, sizeof(fake));
}

/* On the way to a message that names no sender no sentence has a hole, no link is to nobody. */
static void
test_nobody_wrote(void **state)
{
	static const struct {
		const char *path;
		char who;
		const char *says;
	} pages[] = {
	    {LINK, 0, ">A mail server sent you a message<"},
	    {"/m/7KQF2M9X", 'V', "<b>A mail server</b>"},
	    {"/m/7KQF2M9X/wrong", 0, ">It is not for me<"},
	    {"/m/EXPR0001", 0, "A mail server sent it on"},
	    {"/m/RETR0001", 0, "A mail server took it back"},
	    {"/check?pickup=7KQF-2M9X", 0, "<dd>A mail server</dd>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct row r = {NULL, HTTP_GET, pages[i].path, pages[i].who,
		    NULL, 0, NULL, 0};
		struct response resp;
		struct ask a;

		memset(&fake, 0, sizeof(fake));
		fake.from = '-';
		answer(&r, &a, &resp);
		if (strstr(buf_cstr(&resp.body), pages[i].says) == NULL)
			fail_msg("%s: %s", pages[i].path, buf_cstr(&resp.body));
		assert_null(strstr(buf_cstr(&resp.body), "mailto:\""));
		assert_null(strstr(buf_cstr(&resp.body), "ask A mail"));
		response_free(&resp);
	}
	memset(&fake, 0, sizeof(fake));
}

/* Whatever people write stays text. */
static void
test_hostile(void **state)
{
	struct row r = {NULL, HTTP_GET, MSG, 'G', NULL, 200, NULL, 0};
	struct response resp;
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.subject = "</title><script>alert(1)</script>\xff\x01\"'&amp;";
	fake.body = "<img src=x onerror=alert(1)>\n\n</p>\xe2\x80\xae]]>\n"
		    "\xc0\xaf {title} <!-- -->";
	answer(&r, &a, &resp);
	assert_int_equal(resp.status, 200);
	drop_prints(&resp.body);
	assert_int_equal(
	    golden_check("pages/hostile.html", resp.body.data, resp.body.len),
	    0);
	assert_null(strstr(buf_cstr(&resp.body), "<script"));
	assert_null(strstr(buf_cstr(&resp.body), "<img"));
	response_free(&resp);
}

int
main(void)
{
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	static char names[N][300];
	struct CMUnitTest tests[N + 20];
	size_t n = 0, i;

	for (i = 0; i < N; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %.80s %c %.80s",
		    rows[i].verb == HTTP_POST     ? "POST" :
			rows[i].verb == HTTP_HEAD ? "HEAD" :
						    "GET",
		    rows[i].path, rows[i].who == 0 ? '-' : rows[i].who,
		    rows[i].body == NULL ? "" : rows[i].body);
		tests[n++] = (struct CMUnitTest){names[i], test_row, NULL, NULL,
		    (void *)(uintptr_t)&rows[i]};
	}
	{
		const struct CMUnitTest rest[] = {
		    cmocka_unit_test(test_origin),
		    cmocka_unit_test(test_no_tenant),
		    cmocka_unit_test(test_down),
		    cmocka_unit_test(test_login_refused),
		    cmocka_unit_test(test_upload),
		    cmocka_unit_test(test_send_refused),
		    cmocka_unit_test(test_too_big),
		    cmocka_unit_test(test_plan),
		    cmocka_unit_test(test_forgotten),
		    cmocka_unit_test(test_owner),
		    cmocka_unit_test(test_guessing),
		    cmocka_unit_test(test_assets),
		    cmocka_unit_test(test_who_wrote),
		    cmocka_unit_test(test_of_the_tenant),
		    cmocka_unit_test(test_nobody_wrote),
		    cmocka_unit_test(test_hostile),
		};

		memcpy(&tests[n], rest, sizeof(rest));
		n += sizeof(rest) / sizeof(rest[0]);
	}
	return _cmocka_run_group_tests("portal pages", tests, n, start, stop);
}
