/*
 * test_portal_parts.c: the small parts under the pages: cookies, routes, links and typed
 * codes, names of downloads, a tenant's colour, counting by client.
 */
#include "portal/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret.h"
#include "base/text.h"
#include "portal/brand.h"
#include "portal/cookie.h"
#include "portal/disposition.h"
#include "portal/known.h"
#include "portal/limiter.h"

#define A63  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_"
#define OURS "__Host-restante=" A63 "-"

static void
test_cookies(void **state)
{
	static const struct {
		const char *field;
		bool found;
	} rows[] = {
	    {"", false},
	    {OURS, true},
	    {"a=b; " OURS "; c=d", true},
	    {"a=b;" OURS ";c=d", true},
	    {"a=b;;; " OURS, true},
	    {"a; " OURS, true},
	    {"a==b; " OURS, true},
	    {"a=\"; " OURS, true},
	    {OURS "; " OURS, true},
	    {OURS " ", true},
	    {"restante=" A63 "-", false},
	    {"x" OURS, false},
	    {"x=" OURS, false},
	    {"__host-restante=" A63 "-", false},
	    {"__Host-restante =" A63 "-", false},
	    {"__Host-restante2=" A63 "-", false},
	    {"__Host-restante", false},
	    {"__Host-restante=", false},
	    {"__Host-restante=" A63, false},
	    {OURS "A", false},
	    {"__Host-restante=\"" A63 "-\"", false},
	    {"__Host-restante=" A63 "=", false},
	    {"__Host-restante=" A63 "+", false},
	    {"__Host-restante=" A63 "\x80", false},
	    {OURS "; __Host-restante=" A63 "B", false},
	    {OURS "; __Host-restante=B", false},
	};
	char value[DESK_COOKIE_LEN], set[COOKIE_SET_LEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (cookie_find(rows[i].field, value) != rows[i].found)
			fail_msg("'%s'", rows[i].field);
		assert_string_equal(value, rows[i].found ? A63 "-" : "");
	}
	cookie_set(A63 "-", set);
	assert_string_equal(
	    set, OURS "; Path=/; Secure; HttpOnly; SameSite=Lax");
	cookie_set("", set);
	assert_string_equal(set,
	    "__Host-restante=; Path=/; Secure; HttpOnly; SameSite=Lax; "
	    "Max-Age=0");
}

static void
test_routes(void **state)
{
	static const struct {
		enum http_verb verb;
		const char *path;
		const char *name; /* NULL: none */
		const char *param[2];
		const char *verbs;
	} rows[] = {
	    {HTTP_GET, "/", "home", {"", ""}, NULL},
	    {HTTP_HEAD, "/", "home", {"", ""}, NULL},
	    {HTTP_POST, "/", "home", {"", ""}, NULL},
	    {HTTP_GET, "/inbox", "inbox", {"", ""}, NULL},
	    {HTTP_GET, "/inbox/", "inbox", {"", ""}, NULL},
	    {HTTP_GET, "/inbox//", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/inbo", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/inboxx", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/Inbox", NULL, {"", ""}, NULL},
	    {HTTP_GET, "//inbox", NULL, {"", ""}, NULL},
	    {HTTP_GET, "", NULL, {"", ""}, NULL},
	    {HTTP_GET, "inbox", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/m/abc", "landing", {"abc", ""}, NULL},
	    {HTTP_GET, "/m/", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/m/abc/wrong", "wrong", {"abc", ""}, NULL},
	    {HTTP_GET, "/m/abc/right", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/message/x/part/7", "part", {"x", "7"}, NULL},
	    {HTTP_GET, "/message//part/7", NULL, {"", ""}, NULL},
	    {HTTP_GET, "/message/x/part/7/8", NULL, {"", ""}, NULL},
	    {HTTP_POST, "/inbox", NULL, {"", ""}, "GET, HEAD, OPTIONS"},
	    {HTTP_OTHER, "/login", NULL, {"", ""}, "GET, HEAD, POST, OPTIONS"},
	    {HTTP_GET, "/../inbox", NULL, {"", ""}, NULL},
	};
	char param[PAGE_PARAMS][PAGE_PARAM_LEN], path[PAGE_PARAM_LEN + 8];
	const struct route *r;
	char allow[ROUTE_ALLOW_LEN];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = route_find(rows[i].verb, rows[i].path, param, allow);
		if ((r == NULL) != (rows[i].name == NULL))
			fail_msg("%s", rows[i].path);
		if (r != NULL) {
			assert_string_equal(r->name, rows[i].name);
			assert_string_equal(param[0], rows[i].param[0]);
			assert_string_equal(param[1], rows[i].param[1]);
		}
		assert_string_equal(
		    allow, rows[i].verbs == NULL ? "" : rows[i].verbs);
	}
	for (n = 0; n < 2; n++) {
		snprintf(path, sizeof(path), "/m/%0*d",
		    (int)(PAGE_PARAM_LEN - 1 + n), 0);
		r = route_find(HTTP_GET, path, param, allow);
		assert_int_equal(r == NULL, n);
	}
	r = route_table(&n);
	for (i = 0; i < n; i++) {
		if (text_starts(r[i].pattern, "/message/") ||
		    strcmp(r[i].name, "compose") == 0)
			assert_int_equal(r[i].who, ROUTE_READER);
	}
}

static void
test_locators(void **state)
{
	static const struct {
		const char *s, *pickup, *secret;
	} rows[] = {
	    {"7KQF2M9X", "7KQF2M9X", ""},
	    {"7kqf-2m9x", "7KQF2M9X", ""},
	    {" 7kqf 2m9x ", "7KQF2M9X", ""},
	    {"7kqf2m9x-abc", "7KQF2M9X", "abc"},
	    {"7kqf-2m9x-abc", "7KQF2M9X", "abc"},
	    {"https://acme.example/m/7kqf2m9x-abc", "7KQF2M9X", "abc"},
	    {"<https://acme.example/m/7kqf2m9x-abc>,", "7KQF2M9X", "abc"},
	    {"7kqf2m9x.", "7KQF2M9X", ""},
	    {"7kqf2m9x-", "7KQF2M9X", ""},
	    {"oiOL2345", "01012345", ""},
	    {"", NULL, NULL},
	    {"7kqf2m9", NULL, NULL},
	    {"7kqf2m9xx", NULL, NULL},
	    {"7kqf2m9xabc-def", NULL, NULL},
	    {"7kqf-2m9", NULL, NULL},
	    {"-7kqf2m9x", NULL, NULL},
	    {"7k-qf2m9x", NULL, NULL},
	    {"7kq\xc3\xa9"
	     "2m9",
		NULL, NULL},
	    {"/m/", NULL, NULL},
	};
	struct locator l;
	char longer[400];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((locator_parse(rows[i].s, &l) == 0) !=
		    (rows[i].pickup != NULL))
			fail_msg("'%s'", rows[i].s);
		if (rows[i].pickup != NULL) {
			assert_string_equal(l.pickup, rows[i].pickup);
			assert_string_equal(l.secret, rows[i].secret);
		}
	}
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(locator_parse(longer, &l), -1);
}

static void
test_disposition(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
	    {"a.txt", "\"a.txt\""},
	    {"a b.txt", "\"a b.txt\""},
	    {"", "\"file\""},
	    {"/", "\"file\""},
	    {"...", "\"file\""},
	    {"../../etc/passwd", "\"passwd\""},
	    {"..\\..\\boot.ini", "\"boot.ini\""},
	    {".bashrc", "\"bashrc\""},
	    {"a\"b.txt", "\"a_b.txt\""},
	    {"a;b.txt", "\"a;b.txt\""},
	    {"a\r\nSet-Cookie: x", "\"a_Set-Cookie_ x\""},
	    {"Z\xc3\xa4hler.pdf",
		"\"Z_hler.pdf\"; filename*=UTF-8''Z%C3%A4hler.pdf"},
	    {"100%.txt", "\"100_.txt\"; filename*=UTF-8''100%25.txt"},
	    {"\xe2\x82\xac \xe6\x97\xa5.txt",
		"\"_ _.txt\"; filename*=UTF-8''%E2%82%AC%20%E6%97%A5.txt"},
	    {"a\xff.txt", "\"a_.txt\"; filename*=UTF-8''a%EF%BF%BD.txt"},
	    {"e\xe2\x80\xaetxt.exe", "\"etxt.exe\""},
	};
	char out[DISPOSITION_LEN], name[1000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		disposition_attachment(rows[i].name, "file", out);
		assert_true(text_starts(out, "attachment; filename="));
		if (strcmp(out + strlen("attachment; filename="),
			rows[i].want) != 0)
			fail_msg("'%s': %s", rows[i].name, out);
	}
	/* As long as it may be, and each character as long as it may be. */
	for (i = 0; i < sizeof(name) - 3; i += 3)
		memcpy(name + i, "\xe6\x97\xa5", 3);
	name[i] = '\0';
	disposition_attachment(name, "file", out);
	assert_true(strlen(out) < sizeof(out) - 1);
	assert_true(text_is_utf8(out, strlen(out)));
	assert_string_equal(disposition_type("image/PNG"), "image/png");
	assert_string_equal(
	    disposition_type("text/html"), "application/octet-stream");
	assert_string_equal(
	    disposition_type("image/svg+xml"), "application/octet-stream");
}

/* Every colour of a coarse cube becomes readable, and one that is readable stays. */
static void
test_brand(void **state)
{
	static const struct rgb sheet = {{0xff, 0xfe, 0xfb}},
				dark = {{0x1b, 0x1f, 0x26}};
	struct rgb c, r;
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		c = (struct rgb){{i / 100 * 28, i / 10 % 10 * 28, i % 10 * 28}};
		r = brand_readable(&c, &sheet, 4.5);
		assert_true(brand_contrast(&r, &sheet) >= 4.5);
		r = brand_readable(&c, &dark, 6.0);
		assert_true(brand_contrast(&r, &dark) >= 6.0);
	}
	assert_int_equal(brand_parse("#1f4B8f", &c), 0);
	r = brand_readable(&c, &sheet, 4.5);
	assert_memory_equal(&r, &c, sizeof(c));
	assert_int_equal(brand_css(&c, &b), 0);
	assert_true(text_starts(buf_cstr(&b), ":root{--brand:#1f4b8f;"));
	buf_free(&b);
	assert_int_equal(brand_parse("", &c), -1);
	assert_int_equal(brand_parse("1f4b8f", &c), -1);
	assert_int_equal(brand_parse("#1f4b8", &c), -1);
	assert_int_equal(brand_parse("#1f4b8f0", &c), -1);
	assert_int_equal(brand_parse("#1f4b8g", &c), -1);
	assert_int_equal(brand_parse("#+f4b8f", &c), -1);
}

static void
test_limiter(void **state)
{
	struct limiter *l = limiter_new(3);
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_false(limiter_full(l, "192.0.2.1", 1000));
		limiter_count(l, "192.0.2.1", 1000);
	}
	assert_true(limiter_full(l, "192.0.2.1", 1000));
	assert_true(limiter_full(l, "192.0.2.1", 1000 + 3599999));
	assert_true(limiter_full(l, "::ffff:192.0.2.1", 1000));
	assert_false(limiter_full(l, "192.0.2.2", 1000));
	assert_false(limiter_full(l, "2001:db8::1", 1000));
	/* One household has as many addresses as it likes. */
	limiter_count(l, "2001:db8:0:7::1", 1000);
	limiter_count(l, "2001:db8:0:7:ffff:1:2:3", 1000);
	limiter_count(l, "2001:db8:0:7::2", 1000);
	assert_true(limiter_full(l, "2001:db8:0:7:8000::", 1000));
	assert_false(limiter_full(l, "2001:db8:0:8::1", 1000));
	assert_false(limiter_full(l, "192.0.2.1", 1000 + 3600000));
	limiter_free(l);
	limiter_free(NULL);
}

static void
name(char cookie[DESK_COOKIE_LEN], unsigned n, char secret)
{
	memset(cookie, 'A', DESK_COOKIE_LEN - 1);
	snprintf(cookie, DESK_COOKIE_LEN, "%08x", n);
	cookie[8] = 'A';
	memset(cookie + 22, secret, DESK_COOKIE_LEN - 1 - 22);
	cookie[DESK_COOKIE_LEN - 1] = '\0';
}

/* By its name alone, for as long as it may idle, and however many there are. */
static void
test_known(void **state)
{
	const int64_t idle = LIMIT_SESSION_IDLE_MIN * INT64_C(60000);
	struct known *k = known_new();
	char a[DESK_COOKIE_LEN], b[DESK_COOKIE_LEN];
	unsigned i, n = 0;

	(void)state;
	name(a, 1, 'x');
	name(b, 2, 'x');
	assert_false(known_has(k, a, 5));
	known_add(k, a, 5);
	assert_true(known_has(k, a, 5));
	assert_false(known_has(k, b, 5));
	assert_true(known_has(k, a, 5 + idle - 1));
	assert_false(known_has(k, a, 5 + idle));
	known_add(k, a, 6);
	known_add(k, b, 6);
	assert_true(known_has(k, a, 5 + idle));
	name(a, 1, 'y');
	assert_true(known_has(k, a, 6));
	known_drop(k, a);
	known_drop(k, a);
	assert_false(known_has(k, a, 6));
	assert_true(known_has(k, b, 6));
	memset(a, 0, sizeof(a));
	known_add(k, a, 6);
	assert_false(known_has(k, a, 6));
	for (i = 3; i < 100000; i++) {
		name(a, i, 'x');
		known_add(k, a, 7 + i);
		assert_true(known_has(k, a, 7 + i));
	}
	/* The newest stay. */
	for (i = 100000 - 8000; i < 100000; i++) {
		name(a, i, 'x');
		n += known_has(k, a, 7 + i) != 0;
	}
	assert_true(n > 7600);
	known_free(k);
	known_free(NULL);
}

static void
test_response(void **state)
{
	struct response r;
	int i;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(response_header(&r, "a", "%s", "b\r\nc: d"), -1);
	assert_int_equal(response_header(&r, "a", "%s", "b\nc"), -1);
	for (i = 0; i < RESPONSE_HEADERS; i++)
		assert_int_equal(response_header(&r, "a", "%d", i), 0);
	assert_int_equal(response_header(&r, "a", "%d", i), -1);
	assert_string_equal(r.header[7].value, "7");
	response_free(&r);
	assert_int_equal(r.n_header, 0);
}

static int
start(void **state)
{
	(void)state;
	return secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cookies),
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_locators),
	    cmocka_unit_test(test_disposition),
	    cmocka_unit_test(test_brand),
	    cmocka_unit_test(test_limiter),
	    cmocka_unit_test(test_known),
	    cmocka_unit_test(test_response),
	};

	return cmocka_run_group_tests_name("portal parts", tests, start, NULL);
}
