/*
 * test_portal_plain.c: what the port without TLS answers, and that a challenge is a small
 * plain file of its directory and nothing else.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "portal/plain.h"
#include "portal_header.h"

static char root[64];

static void
ask(enum http_verb verb, const char *host, const char *path, const char *query,
    int port, struct response *resp)
{
	struct settings set = {.https_port = port, .acme_dir = root};
	struct request req = {.verb = verb,
	    .host = host,
	    .path = path,
	    .query = query,
	    .cookie = ""};

	*resp = (struct response){.body = BUF_INIT};
	portal_plain(&set, &req, resp);
	assert_null(header(resp, "set-cookie"));
	assert_null(header(resp, "strict-transport-security"));
	assert_non_null(resp->route);
}

static void
redirects(void **state)
{
	static const struct {
		const char *host, *path, *query;
		int port;
		const char *where; /* NULL: 400 */
	} rows[] = {
	    {"acme.example", "/", "", 443, "https://acme.example/"},
	    {"acme.example", "/a", "b=c&d", 8443,
		"https://acme.example:8443/a?b=c&d"},
	    {"acme.example", "//evil.example", "", 443,
		"https://acme.example//evil.example"},
	    {"acme.example", "/@evil.example", "", 443,
		"https://acme.example/@evil.example"},
	    {"acme.example", "/\\evil", "", 443,
		"https://acme.example/%5Cevil"},
	    {"acme.example", "/a b\r\nc?d#e%", "", 443,
		"https://acme.example/a%20b%0D%0Ac%3Fd%23e%25"},
	    {"acme.example", "/\xc3\xa9", "", 443,
		"https://acme.example/%C3%A9"},
	    {"acme.example", "/", "a\"b", 443, "https://acme.example/"},
	    {"acme.example", "/", "a=%41", 443, "https://acme.example/?a=%41"},
	    {"127.0.0.1", "/", "", 443, "https://127.0.0.1/"},
	    {"[::1]", "/", "", 8443, "https://[::1]:8443/"},
	    {"", "/", "", 443, NULL},
	    {".", "/", "", 443, NULL},
	    {"a..b", "/", "", 443, NULL},
	    {"-a", "/", "", 443, NULL},
	    {"a@b", "/", "", 443, NULL},
	    {"a b", "/", "", 443, NULL},
	    {"a/b", "/", "", 443, NULL},
	    {"[]", "/", "", 443, NULL},
	    {"[::1", "/", "", 443, NULL},
	    {"[evil]", "/", "", 443, NULL},
	    {"acme.example", "*", "", 443, NULL},
	};
	struct response resp;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(i % 2 == 0 ? HTTP_GET : HTTP_HEAD, rows[i].host,
		    rows[i].path, rows[i].query, rows[i].port, &resp);
		if (rows[i].where == NULL) {
			assert_int_equal(resp.status, 400);
			assert_null(header(&resp, "location"));
		} else {
			assert_int_equal(resp.status, 308);
			assert_string_equal(
			    header(&resp, "location"), rows[i].where);
		}
		response_free(&resp);
	}
}

static void
other_methods(void **state)
{
	static const enum http_verb verbs[] = {
	    HTTP_POST, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER};
	struct response resp;

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		ask(verbs[i], "acme.example", "/sign-in", "", 443, &resp);
		assert_int_equal(resp.status, 403);
		assert_null(header(&resp, "location"));
		assert_true(resp.body.len > 0);
		response_free(&resp);
	}
}

static void
put(const char *name, size_t n, const char *target)
{
	char path[160];
	FILE *f;

	(void)snprintf(
	    path, sizeof(path), "%s/.well-known/acme-challenge/%s", root, name);
	if (target != NULL) {
		assert_int_equal(symlink(target, path), 0);
		return;
	}
	assert_non_null(f = fopen(path, "w"));
	for (size_t i = 0; i < n; i++)
		(void)fputc('x', f);
	(void)fclose(f);
}

static int
make_root(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/restante-plain.XXXXXX");
	assert_non_null(mkdtemp(root));
	(void)snprintf(path, sizeof(path), "%s/.well-known", root);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(
	    path, sizeof(path), "%s/.well-known/acme-challenge", root);
	assert_int_equal(mkdir(path, 0700), 0);
	put("good-Token_1", 20, NULL);
	put("most", 4096, NULL);
	put("more", 4097, NULL);
	put("with.dot", 20, NULL);
	put("link", 0, "good-Token_1");
	put("outside", 0, "/etc/passwd");
	(void)snprintf(
	    path, sizeof(path), "%s/.well-known/acme-challenge/fifo", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(
	    path, sizeof(path), "%s/.well-known/acme-challenge/dir", root);
	assert_int_equal(mkdir(path, 0700), 0);
	return 0;
}

static int
remove_root(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static void
challenges(void **state)
{
	static const struct {
		const char *token;
		int status;
		size_t len;
	} rows[] = {
	    {"good-Token_1", 200, 20},
	    {"most", 200, 4096},
	    {"more", 404, 0},
	    {"absent", 404, 0},
	    {"", 404, 0},
	    {"with.dot", 404, 0},
	    {"../acme-challenge/most", 404, 0},
	    {"..", 404, 0},
	    {"dir/x", 404, 0},
	    {"dir", 404, 0},
	    {"fifo", 404, 0},
	    {"link", 404, 0},
	    {"outside", 404, 0},
	    {"most\x80", 404, 0},
	};
	struct response resp;
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(path, sizeof(path),
		    "/.well-known/acme-challenge/%s", rows[i].token);
		ask(HTTP_GET, "a.example", path, "", 443, &resp);
		assert_int_equal(resp.status, rows[i].status);
		if (rows[i].status == 200)
			assert_int_equal(resp.body.len, rows[i].len);
		response_free(&resp);
	}
}

static void
no_directory(void **state)
{
	struct settings set = {.https_port = 443};
	struct request req = {.verb = HTTP_GET,
	    .host = "a.example",
	    .path = "/.well-known/acme-challenge/good-Token_1",
	    .query = ""};
	struct response resp = {.body = BUF_INIT};

	(void)state;
	portal_plain(&set, &req, &resp);
	assert_int_equal(resp.status, 404);
	response_free(&resp);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(redirects),
	    cmocka_unit_test(other_methods),
	    cmocka_unit_test(challenges),
	    cmocka_unit_test(no_directory),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
