/*
 * test_portal_front.c: what holds for every route of the table, and what is answered on
 * the event loop: assets, pages that stand ready, refusals.
 */
#include "portal/portal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "fake_desk.h"
#include "golden.h"
#include "portal_group.h"
#include "portal/asset.h"
#include "portal/cookie.h"
#include "portal/routes.h"
#include "portal/shelf.h"

struct ask {
	struct request req;
	char path[512];
	char cookie[128];
	struct http_field field[2];
};

/* who: the cookie's letter, 0 for none. */
static void
prepare(struct ask *a, enum http_verb verb, const char *path, char who)
{
	char value[DESK_COOKIE_LEN] = "";

	memset(a, 0, sizeof(*a));
	snprintf(a->path, sizeof(a->path), "%s", path);
	if (who != 0) {
		memset(value, who, sizeof(value) - 1);
		snprintf(a->cookie, sizeof(a->cookie), "%s=%.64s", COOKIE_NAME,
		    value);
	}
	a->field[0] = (struct http_field){"tus-resumable", "1.0.0"};
	a->field[1] = (struct http_field){"accept-encoding", ""};
	a->req = (struct request){.verb = verb,
	    .path = a->path,
	    .query = "",
	    .host = "acme.localhost",
	    .client = "127.0.0.1",
	    .cookie = a->cookie,
	    .content_type = verb == HTTP_POST ?
		"application/x-www-form-urlencoded" :
		"",
	    .origin = "",
	    .fetch_site = "same-origin",
	    .accept_language = "",
	    .if_none_match = "",
	    .field = a->field,
	    .n_field = 2};
	snprintf(a->req.id, sizeof(a->req.id), "%s", "0123456789abcdef");
}

static void
body(struct ask *a, const char *text)
{
	a->req.body = (const uint8_t *)text;
	a->req.body_len = strlen(text);
}

static void
drop(struct response *r)
{
	if (r->source.arg != NULL)
		r->source.end(r->source.arg, NULL, false);
	response_free(r);
}

/* As the glue would. */
static void
answer(const struct ask *a, struct response *resp)
{
	struct portal_plan plan;
	struct sink sink;

	portal_plan(portal, &a->req, &plan);
	if (!plan.stream) {
		portal_handle(thread, &a->req, resp);
		return;
	}
	if (portal_begin(thread, &a->req, &sink, resp)) {
		drop(resp);
		portal_finish(thread, &a->req, &sink, true, NULL, resp);
	}
}

/* A path that this pattern matches, and that names something the fake desk has. */
static void
example(const struct route *r, char out[200])
{
	char css[ASSET_PATH_LEN];
	struct assets *assets;
	struct err e;
	const char *one = FAKE_ID, *two = "2";
	size_t n = 0;

	if (strcmp(r->name, "asset") == 0) {
		assert_int_equal(assets_load(settings.share, &assets, &e), 0);
		asset_path(assets, "restante.css", css);
		snprintf(out, 200, "%s", css);
		assets_free(assets);
		return;
	}
	if (strncmp(r->pattern, "/m/", 3) == 0)
		one = "7KQF2M9X";
	for (const char *p = r->pattern; *p != '\0'; p++) {
		if (*p != '*') {
			out[n++] = *p;
			continue;
		}
		n += (size_t)snprintf(out + n, 200 - n, "%s", one);
		one = two;
	}
	out[n] = '\0';
}

/* ---- every route -------------------------------------------------------------------- */

/* Every route of the table as nobody, a visitor, a guest and an account, one by one. */
struct walk {
	const struct route *r, *next, *end;
	char path[200];
	const char
	    *people; /* whose cookies: the next one's letter; 0 nobody's */
	char who;
};

static struct walk
walk_begin(void)
{
	struct walk w = {.people = ""};
	size_t n;

	w.next = route_table(&n);
	w.end = w.next + n;
	return w;
}

/* On to the next, over a fake desk that knows of nothing yet. */
static bool
walk_on(struct walk *w)
{
	if (*w->people == '\0') {
		if (w->next == w->end)
			return false;
		w->r = w->next++;
		w->people = "-VGA";
		example(w->r, w->path);
	}
	w->who = *w->people++;
	if (w->who == '-')
		w->who = 0;
	memset(&fake, 0, sizeof(fake));
	fake_upload();
	return true;
}

static void
test_table(void **state)
{
	const struct route *r;
	size_t n, i, k;

	(void)state;
	r = route_table(&n);
	for (i = 0; i < n; i++) {
		assert_non_null(r[i].name);
		/* A page, or a stream with both its ends. */
		assert_true((r[i].page != NULL) != (r[i].open != NULL));
		assert_int_equal(r[i].open != NULL, r[i].finish != NULL);
		/* Without a form token only what no form can send. */
		if (r[i].open != NULL)
			assert_true(r[i].tus);
		if (r[i].tus)
			assert_int_equal(r[i].who, ROUTE_READER);
		/* What needs no session changes nothing; what changes has a limit. */
		if (r[i].same)
			assert_int_equal(r[i].verb, HTTP_GET);
		if (r[i].who == ROUTE_MACHINE || r[i].same)
			assert_false(route_changes(r[i].verb));
		if (r[i].verb == HTTP_POST && !r[i].tus)
			assert_true(r[i].body > 0);
		if (!route_changes(r[i].verb))
			assert_int_equal(r[i].body, 0);
		if (r[i].body > LIMIT_FORM_BODY)
			assert_int_equal(r[i].who, ROUTE_READER);
		for (k = 0; k < i; k++)
			assert_true(r[k].verb != r[i].verb ||
			    strcmp(r[k].pattern, r[i].pattern) != 0);
	}
}

static bool
asks_for_proof(const struct response *resp)
{
	const char *to = header(resp, "location");

	if (resp->status == 303)
		return to != NULL && strncmp(to, "/login", 6) == 0;
	return resp->status == 401 || resp->status == 403;
}

/* Who may: nobody and a visitor are told to sign in where a reader is wanted. */
static void
test_who(void **state)
{
	struct walk w = walk_begin();
	struct response resp;
	struct ask a;

	(void)state;
	while (walk_on(&w)) {
		prepare(&a, w.r->verb, w.path, w.who);
		body(&a, "csrf=" FAKE_CSRF "&everywhere=");
		answer(&a, &resp);
		if (w.r->who == ROUTE_READER &&
		    asks_for_proof(&resp) != (w.who == 0 || w.who == 'V'))
			fail_msg("%d %s as %c: %d", (int)w.r->verb,
			    w.r->pattern, w.who, resp.status);
		assert_string_equal(resp.route, w.r->name);
		drop(&resp);
	}
}

static bool
is_changed(void)
{
	return fake.codes + fake.displayed + fake.downloads + fake.wrong +
	    fake.sent + fake.slices !=
	    0;
}

/* A request that another site made a browser send changes nothing, whoever sits there. */
static void
test_elsewhere(void **state)
{
	static const struct {
		const char *site, *origin;
		const char *form;
		bool tus;
		bool session; /* refused for a session alone */
	} cases[] = {
	    {"cross-site", "https://evil.example", "csrf=" FAKE_CSRF, true,
		false},
	    {"same-site", "https://b.acme.localhost:8443", "csrf=" FAKE_CSRF,
		true, false},
	    {"", "https://evil.example", "csrf=" FAKE_CSRF, true, false},
	    {"", "null", "csrf=x", false, true},
	    {"same-origin", "", "csrf=x", false, true},
	    {"", "", "", false, true},
	};
	struct walk w = walk_begin();
	struct response resp;
	struct ask a;

	(void)state;
	while (walk_on(&w)) {
		if (!route_changes(w.r->verb))
			continue;
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			if (w.who == 0 && cases[k].session)
				continue;
			prepare(&a, w.r->verb, w.path, w.who);
			body(&a, cases[k].form);
			a.req.fetch_site = cases[k].site;
			a.req.origin = cases[k].origin;
			a.req.n_field = cases[k].tus ? 2 : 0;
			answer(&a, &resp);
			/* 412: tus without its field */
			if (resp.status != 403 && resp.status != 401 &&
			    resp.status != (w.r->tus ? 412 : 403))
				fail_msg("%d %s as %c, case %zu: %d",
				    (int)w.r->verb, w.r->pattern, w.who, k,
				    resp.status);
			assert_false(is_changed());
			assert_null(header(&resp, "set-cookie"));
			drop(&resp);
		}
	}
}

static const char *
methods_of(enum http_verb verb)
{
	return verb == HTTP_GET ? "GET, HEAD" :
	    verb == HTTP_POST   ? "POST" :
	    verb == HTTP_DELETE ? "DELETE" :
	    verb == HTTP_PATCH  ? "PATCH" :
	    verb == HTTP_HEAD   ? "HEAD" :
				  "OPTIONS";
}

/* HEAD answers as GET does and changes nothing; OPTIONS says what there is. */
static void
test_safe(void **state)
{
	struct walk w = walk_begin();
	char allow[ROUTE_ALLOW_LEN];
	struct response get, resp;
	struct ask a;

	(void)state;
	while (walk_on(&w)) {
		prepare(&a, HTTP_OPTIONS, w.path, w.who);
		answer(&a, &resp);
		assert_int_equal(resp.status, 204);
		assert_int_equal(resp.body.len, 0);
		assert_non_null(header(&resp, "allow"));
		(void)snprintf(
		    allow, sizeof(allow), "%s", header(&resp, "allow"));
		drop(&resp);
		a.req.verb = HTTP_OTHER;
		answer(&a, &resp);
		assert_int_equal(resp.status, 405);
		assert_non_null(strstr(allow, methods_of(w.r->verb)));
		assert_non_null(strstr(allow, "OPTIONS"));
		assert_string_equal(header(&resp, "allow"), allow);
		drop(&resp);
		assert_false(is_changed());
		if (w.r->verb != HTTP_GET)
			continue;
		a.req.verb = HTTP_HEAD;
		answer(&a, &resp);
		assert_false(is_changed());
		a.req.verb = HTTP_GET;
		answer(&a, &get);
		assert_int_equal(resp.status, get.status);
		assert_int_equal(resp.n_header, get.n_header);
		drop(&get);
		drop(&resp);
	}
}

static void
check_policy(const struct route *r, const struct response *resp)
{
	const char *policy = header(resp, "content-security-policy");
	const char *type = header(resp, "content-type");
	bool page = type != NULL && strncmp(type, "text/html", 9) == 0;
	bool compose = page && strcmp(r->name, "compose") == 0 &&
	    (resp->status == 200 || resp->status == 400);

	assert_non_null(policy);
	assert_true(text_starts(policy, "default-src 'none'; "));
	assert_non_null(strstr(policy, "frame-ancestors 'none'"));
	assert_null(strstr(policy, "unsafe"));
	assert_null(strchr(policy, '*'));
	assert_null(strstr(policy, "data:"));
	assert_int_equal(strstr(policy, "sandbox") == NULL, page);
	assert_int_equal(strstr(policy, "form-action 'self'") != NULL, page);
	assert_int_equal(strstr(policy, "base-uri 'none'") != NULL, page);
	assert_int_equal(strstr(policy, "script-src 'self'") != NULL, compose);
	assert_int_equal(strstr(policy, "connect-src 'self'") != NULL, compose);
}

static void
check_fields(const struct route *r, const struct response *resp)
{
	static const char *const want[][2] = {
	    {"x-content-type-options", "nosniff"},
	    {"referrer-policy", "same-origin"},
	    {"cross-origin-opener-policy", "same-origin"},
	    {"cross-origin-resource-policy", "same-origin"},
	    {"x-frame-options", "DENY"},
	    {"strict-transport-security", "max-age=31536000"},
	};
	size_t i, k;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_non_null(header(resp, want[i][0]));
		assert_string_equal(header(resp, want[i][0]), want[i][1]);
	}
	assert_non_null(
	    strstr(header(resp, "permissions-policy"), "camera=(), "));
	assert_null(strstr(header(resp, "permissions-policy"), "self"));
	assert_string_equal(header(resp, "cache-control"),
	    strcmp(r->name, "asset") == 0 && resp->status == 200 ?
		"public, max-age=31536000, immutable" :
		"no-store");
	/* Once each. */
	for (i = 0; i < resp->n_header; i++)
		for (k = 0; k < i; k++)
			assert_string_not_equal(
			    resp->header[i].name, resp->header[k].name);
}

static void
test_headers(void **state)
{
	struct walk w = walk_begin();
	struct response resp;
	struct ask a;

	(void)state;
	while (walk_on(&w)) {
		prepare(&a, w.r->verb, w.path, w.who);
		body(&a, "csrf=" FAKE_CSRF);
		answer(&a, &resp);
		check_policy(w.r, &resp);
		check_fields(w.r, &resp);
		drop(&resp);
	}
	/* No HSTS where it is switched off. */
	settings.hsts = 0;
	prepare(&a, HTTP_GET, "/login", 0);
	answer(&a, &resp);
	assert_null(header(&resp, "strict-transport-security"));
	drop(&resp);
	settings.hsts = 31536000;
}

/* ---- on the loop ---------------------------------------------------------------------- */

static bool
quick(const struct ask *a, struct response *resp)
{
	struct portal_plan plan;
	bool got = portal_quick(portal, &a->req, resp);

	portal_plan(portal, &a->req, &plan);
	assert_true(plan.quick || !got);
	return got;
}

/* What stands ready is what a thread would have made. */
static void
same_as_made(const struct response *got, const struct response *made)
{
	struct buf head = BUF_INIT;

	assert_non_null(got->ready);
	assert_int_equal(got->status, made->status);
	for (size_t i = 0; i < made->n_header; i++)
		assert_int_equal(
		    buf_addf(&head, "%s: %s\r\n", made->header[i].name,
			made->header[i].value),
		    0);
	assert_int_equal(got->ready->head_len, head.len);
	assert_memory_equal(got->ready->head, head.data, head.len);
	assert_int_equal(got->ready->body_len, made->body.len);
	assert_memory_equal(got->ready->body, made->body.data, made->body.len);
	buf_free(&head);
}

static void
test_quick_pages(void **state)
{
	static const char *const paths[] = {"/", "/login", "/check",
	    "/register", "/reset", "/healthz", "/robots.txt"};
	struct response got, made;
	struct ask a;
	size_t i;
	int k;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		prepare(&a, HTTP_GET, paths[i], 0);
		portal_handle(thread, &a.req, &made);
		for (k = 0; k < 2; k++) {
			/* The second is served with the database gone, too. */
			fake.down = k == 1;
			assert_true(quick(&a, &got));
			same_as_made(&got, &made);
			drop(&got);
		}
		a.req.verb = HTTP_HEAD;
		assert_true(quick(&a, &got));
		same_as_made(&got, &made);
		fake.down = false;
		drop(&got);
		drop(&made);
	}
}

/* With a session, with a query, for another's host: as any other page. */
static void
test_not_quick(void **state)
{
	struct response resp;
	struct ask a;

	(void)state;
	prepare(&a, HTTP_GET, "/login", 0);
	portal_handle(thread, &a.req, &resp);
	drop(&resp);
	a.req.cookie = "theme=dark";
	assert_true(quick(&a, &resp));
	drop(&resp);
	a.req.cookie = "theme=dark; " COOKIE_NAME "=x";
	assert_false(quick(&a, &resp));
	a.req.cookie = "";
	a.req.query = "note=signed-out";
	assert_false(quick(&a, &resp));
	a.req.query = "";
	a.req.host = "evil.example";
	assert_false(quick(&a, &resp));
	a.req.host = "";
	assert_false(quick(&a, &resp));
	prepare(&a, HTTP_POST, "/login", 0);
	assert_false(quick(&a, &resp));
	prepare(&a, HTTP_GET, "/inbox", 0);
	assert_false(quick(&a, &resp));
	prepare(&a, HTTP_GET, "/nothing", 0);
	assert_false(quick(&a, &resp));
	prepare(&a, HTTP_OPTIONS, "/inbox", 0);
	assert_true(quick(&a, &resp));
	assert_int_equal(resp.status, 204);
	assert_string_equal(header(&resp, "allow"), "GET, HEAD, OPTIONS");
	drop(&resp);
}

static void
unzip(const struct ready *r, struct buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)r->body,
	    .avail_in = (uInt)r->body_len};

	assert_int_equal(buf_reserve(out, 200000), 0);
	z.next_out = out->data;
	z.avail_out = (uInt)out->cap;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	out->len = z.total_out;
	inflateEnd(&z);
}

static void
test_zipped(void **state)
{
	static const struct {
		const char *accept;
		bool zipped;
	} cases[] = {{"", false}, {"gzip", true}, {"deflate, gzip;q=1.0", true},
	    {"gzip;q=0", false}, {"gzip; q=0.000, br", false},
	    {"gzip;q=0.001", true}, {"br", false}, {"identity", false},
	    {"GZIP", true}, {"gzipped", false}, {"xgzip", false}};
	struct route css = {.name = "asset"};
	struct buf clear = BUF_INIT;
	struct response resp, plain;
	char path[200];
	struct ask a;

	(void)state;
	example(&css, path);
	prepare(&a, HTTP_GET, path, 0);
	portal_handle(thread, &a.req, &plain);
	assert_string_equal(header(&plain, "vary"), "accept-encoding");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a.field[1].value = cases[i].accept;
		assert_true(quick(&a, &resp));
		assert_int_equal(
		    resp.ready->body_len < plain.body.len, cases[i].zipped);
		if (cases[i].zipped) {
			assert_non_null(
			    strstr(resp.ready->head, "content-encoding: gzip"));
			buf_clear(&clear);
			unzip(resp.ready, &clear);
			assert_int_equal(clear.len, plain.body.len);
			assert_memory_equal(
			    clear.data, plain.body.data, clear.len);
		}
		drop(&resp);
	}
	/* Each form has its own tag, and is found by it in a list. */
	a.field[1].value = "gzip";
	a.req.if_none_match = header(&plain, "etag");
	assert_true(quick(&a, &resp));
	assert_int_equal(resp.status, 200);
	drop(&resp);
	a.field[1].value = "";
	snprintf(
	    a.cookie, sizeof(a.cookie), "\"x\", W/%s", header(&plain, "etag"));
	a.req.if_none_match = a.cookie;
	a.req.cookie = "";
	assert_true(quick(&a, &resp));
	assert_int_equal(resp.status, 304);
	assert_int_equal(resp.body.len, 0);
	drop(&resp);
	drop(&plain);
	buf_free(&clear);
}

/* Pages, which hold secrets beside what strangers wrote, are never compressed. */
static void
test_pages_not_zipped(void **state)
{
	struct walk w = walk_begin();
	struct response resp;
	struct ask a;

	(void)state;
	while (walk_on(&w)) {
		if (strcmp(w.r->name, "asset") == 0)
			continue;
		prepare(&a, w.r->verb, w.path, w.who);
		a.field[1].value = "gzip, br";
		body(&a, "csrf=" FAKE_CSRF);
		answer(&a, &resp);
		assert_null(header(&resp, "content-encoding"));
		drop(&resp);
	}
}

static void
test_shelf(void **state)
{
	struct shelf *s = shelf_new();
	struct response r;
	const struct ready *got;
	char key[32];
	int i, there = 0;

	(void)state;
	for (i = 0; i < 5000; i++) {
		memset(&r, 0, sizeof(r));
		assert_int_equal(response_header(&r, "a", "%d", i), 0);
		assert_int_equal(buf_addf(&r.body, "body %d", i), 0);
		snprintf(key, sizeof(key), "/%d", i);
		assert_null(shelf_find(s, key, i));
		got = shelf_put(s, key, 10 + i, &r);
		assert_non_null(got);
		assert_int_equal(r.body.len, 0);
		response_free(&r);
		assert_ptr_equal(shelf_find(s, key, 9 + i), got);
		assert_null(shelf_find(s, key, 10 + i));
		assert_memory_equal(got->head, "a: ", 3);
		assert_memory_equal(got->body, "body ", 5);
	}
	for (i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "/%d", i);
		there += shelf_find(s, key, 0) != NULL;
	}
	assert_true(there > 400 && there <= 512);
	/* The same name again takes its place. */
	memset(&r, 0, sizeof(r));
	assert_non_null(shelf_put(s, "/4999", 99999, &r));
	assert_int_equal(shelf_find(s, "/4999", 0)->body_len, 0);
	for (i = 0; i < 2; i++) {
		memset(&r, 0, sizeof(r));
		assert_int_equal(buf_reserve(&r.body, READY_BODY_MAX + 1), 0);
		memset(r.body.data, 0, READY_BODY_MAX + 1);
		r.body.len = READY_BODY_MAX + (size_t)i;
		got = shelf_put(s, "/long", 99999, &r);
		assert_int_equal(got == NULL, i);
		assert_int_equal(r.body.len == 0, i == 0);
		response_free(&r);
	}
	shelf_free(s);
	shelf_free(NULL);
}

/* ---- refusals --------------------------------------------------------------------------- */

static void
test_refusals(void **state)
{
	static const struct {
		int status;
		const char *says;
		bool page, later;
	} cases[] = {
	    {400, "Bad request", false, false},
	    {408, "Request timeout", false, false},
	    {411, "Length required", false, false},
	    {413, "larger than", true, false},
	    {414, "too long", false, false},
	    {417, "Expectation", false, false},
	    {421, "Misdirected", false, false},
	    {429, "from where you are", true, true},
	    {431, "too large", false, false},
	    {501, "Not implemented", false, false},
	    {503, "few seconds", true, true},
	    {505, "version", false, false},
	    {499, "Refused", false, false},
	};
	const struct request empty = {.id = ""};
	const struct route none = {.name = "refused"};
	struct response resp;
	struct ask a;
	size_t i;
	int k;

	(void)state;
	prepare(&a, HTTP_GET, "/inbox", 'A');
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (k = 0; k < 3; k++) {
			portal_refuse(portal,
			    k == 0     ? NULL :
				k == 1 ? &empty :
					 &a.req,
			    cases[i].status, &resp);
			assert_int_equal(resp.status, cases[i].status);
			assert_non_null(
			    strstr(buf_cstr(&resp.body), cases[i].says));
			assert_int_equal(strncmp(header(&resp, "content-type"),
					     "text/html", 9) == 0,
			    cases[i].page);
			assert_int_equal(header(&resp, "retry-after") != NULL,
			    cases[i].later);
			/* Nobody's name on it, and the tenant's where it is known. */
			assert_null(strstr(buf_cstr(&resp.body), "alice"));
			if (cases[i].page)
				assert_int_equal(strstr(buf_cstr(&resp.body),
						     "Acme") != NULL,
				    k == 2);
			check_policy(&none, &resp);
			check_fields(&none, &resp);
			drop(&resp);
		}
	}
}

/* ---- well known --------------------------------------------------------------------------- */

static void
test_security_txt(void **state)
{
	struct response resp;
	char text[CLOCK_TEXT_LEN], *expires;
	struct ask a;

	(void)state;
	prepare(&a, HTTP_GET, "/.well-known/security.txt", 0);
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 200);
	assert_string_equal(
	    header(&resp, "content-type"), "text/plain; charset=utf-8");
	assert_non_null(
	    strstr(buf_cstr(&resp.body), "Contact: tel:+442079460000\n"));
	assert_non_null(strstr(buf_cstr(&resp.body),
	    "Canonical: https://acme.localhost:8443/.well-known/security.txt\n"));
	expires = strstr(buf_cstr(&resp.body), "Expires: ");
	assert_non_null(expires);
	clock_iso(clock_now(), text);
	assert_true(strncmp(expires + strlen("Expires: "), text, 20) > 0);
	clock_iso(clock_now() + 365 * CLOCK_DAY, text);
	assert_true(strncmp(expires + strlen("Expires: "), text, 20) < 0);
	drop(&resp);
	settings.security_contact = "mailto:security@operator.example";
	portal_handle(thread, &a.req, &resp);
	assert_true(text_starts(buf_cstr(&resp.body),
	    "Contact: mailto:security@operator.example\nContact: tel:"));
	drop(&resp);
	settings.security_contact = NULL;
}

static void
test_change_password(void **state)
{
	struct response resp;
	struct ask a;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		prepare(&a, HTTP_GET,
		    i == 0 ? "/.well-known/change-password" :
			     "/change-password",
		    0);
		assert_true(quick(&a, &resp));
		assert_int_equal(resp.status, 303);
		assert_string_equal(header(&resp, "location"), "/settings");
		drop(&resp);
	}
	/* What password managers ask first: does this host say 404 at all? */
	prepare(&a, HTTP_GET,
	    "/.well-known/resource-that-should-not-exist-whose-status-code-"
	    "should-not-be-200",
	    0);
	portal_handle(thread, &a.req, &resp);
	assert_int_equal(resp.status, 404);
	drop(&resp);
}

/* ---- signing in ----------------------------------------------------------------------- */

/* Whoever has to sign in goes on where they wanted to; nobody else says where that is. */
static void
test_next(void **state)
{
	static const struct {
		const char *path, *first, *query, *then;
	} cases[] = {
	    {"/inbox", "/login", "", "/inbox"},
	    {"/sent", "/login?next=sent", "next=sent", "/sent"},
	    {"/compose", "/login?next=compose", "next=compose", "/compose"},
	    {"/settings", "/login?next=settings", "next=settings", "/settings"},
	    {"/message/" FAKE_ID, "/login", "", "/inbox"},
	    {"/sent", "/login?next=sent", "next=/sent", "/inbox"},
	    {"/sent", "/login?next=sent", "next=//evil.example", "/inbox"},
	    {"/sent", "/login?next=sent", "next=logout", "/inbox"},
	    {"/sent", "/login?next=sent", "next=sent%0d%0aa:b", "/inbox"},
	    {"/sent", "/login?next=sent", "next=message/" FAKE_ID, "/inbox"},
	};
	struct response resp;
	char form[200];
	struct ask a;
	size_t i;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare(&a, HTTP_GET, cases[i].path, 0);
		answer(&a, &resp);
		assert_string_equal(header(&resp, "location"), cases[i].first);
		drop(&resp);
		prepare(&a, HTTP_GET, "/login", 0);
		a.req.query = cases[i].query;
		answer(&a, &resp);
		assert_int_equal(
		    strstr(buf_cstr(&resp.body), "name=\"next\"") != NULL,
		    strcmp(cases[i].then, "/inbox") != 0);
		drop(&resp);
		snprintf(form, sizeof(form),
		    "address=a%%40b.example&password=x&%s", cases[i].query);
		prepare(&a, HTTP_POST, "/login", 0);
		body(&a, form);
		answer(&a, &resp);
		assert_string_equal(header(&resp, "location"), cases[i].then);
		drop(&resp);
	}
}

/* Its own reader is told whom to ask; its sender, and whoever else, nothing new. */
static void
test_expired(void **state)
{
	static const struct {
		char who;
		const char *path;
		int status;
		bool named;
	} cases[] = {{'G', "/message/" FAKE_ID, 410, true},
	    {'G', "/message/" FAKE_ID "/raw", 410, false},
	    {'G', "/message/" FAKE_ID "/part/2", 410, false},
	    {'A', "/message/" FAKE_ID, 410, false},
	    {'G', "/message/01936f3e-7a00-7000-8000-000000000002", 404, false},
	    {0, "/message/" FAKE_ID, 303, false}};
	struct response resp;
	struct ask a;

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.expired = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		prepare(&a, HTTP_GET, cases[i].path, cases[i].who);
		answer(&a, &resp);
		assert_int_equal(resp.status, cases[i].status);
		assert_int_equal(strstr(buf_cstr(&resp.body),
				     "mailto:alice@acme.example") != NULL,
		    cases[i].named);
		assert_false(is_changed());
		drop(&resp);
	}
	fake.expired = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_who),
	    cmocka_unit_test(test_elsewhere),
	    cmocka_unit_test(test_safe),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_quick_pages),
	    cmocka_unit_test(test_not_quick),
	    cmocka_unit_test(test_zipped),
	    cmocka_unit_test(test_pages_not_zipped),
	    cmocka_unit_test(test_shelf),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_security_txt),
	    cmocka_unit_test(test_change_password),
	    cmocka_unit_test(test_next),
	    cmocka_unit_test(test_expired),
	};

	return cmocka_run_group_tests_name("portal front", tests, start, stop);
}
