/* Targets made into paths: decoded once, without dot segments, or refused. */
#include "portal/http_target.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* path NULL: refused. query NULL: none. */
static const struct {
	const char *target;
	const char *path;
	const char *query;
} rows[] = {
    {"/", "/", NULL},
    {"/a/b", "/a/b", NULL},
    {"/a?b=c&d=%00", "/a", "b=c&d=%00"},
    {"/a?", "/a", ""},
    {"/a?b?c", "/a", "b?c"},
    {"", "/", NULL},
    {"?x", "/", "x"},
    {"/%61%7A%7a", "/azz", NULL},
    {"/%2561", "/%61", NULL},
    {"/a%3Fb", "/a?b", NULL},
    {"/a%20b", "/a b", NULL},
    {"/caf%C3%A9", "/caf\xc3\xa9", NULL},
    {"/.", "/", NULL},
    {"/..", "/", NULL},
    {"/./", "/", NULL},
    {"/a/.", "/a/", NULL},
    {"/a/..", "/", NULL},
    {"/a/../b", "/b", NULL},
    {"/a/b/..", "/a/", NULL},
    {"/a/./b", "/a/b", NULL},
    {"/../../etc/passwd", "/etc/passwd", NULL},
    {"/a/../../../b", "/b", NULL},
    {"/%2e%2e/%2E./.%2e/x", "/x", NULL},
    {"/a/%2e%2e", "/", NULL},
    {"/...", "/...", NULL},
    {"/.a/..b", "/.a/..b", NULL},
    {"//a", "//a", NULL},
    {"//..", "/", NULL},

    {"/%", NULL, NULL},
    {"/%4", NULL, NULL},
    {"/%4?1", NULL, NULL},
    {"/%zz", NULL, NULL},
    {"/%u0041", NULL, NULL},
    {"/%00", NULL, NULL},
    {"/%0a", NULL, NULL},
    {"/%1f", NULL, NULL},
    {"/%7f", NULL, NULL},
    {"/%2f", NULL, NULL},
    {"/%2F", NULL, NULL},
    {"/%5c", NULL, NULL},
    {"/a\\b", NULL, NULL},
    {"/%ff", NULL, NULL},
    {"/%c0%ae%c0%ae", NULL, NULL},
    {"/%ed%a0%80", NULL, NULL},
    {"%2fa", NULL, NULL},
    {"a", NULL, NULL},
};

static void
test_rows(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = strlen(rows[i].target);
		const char *query = NULL;
		char *path = malloc(n + 2);
		int status = http_target(rows[i].target, n, path, &query);
		bool right = status == (rows[i].path == NULL ? 400 : 0);

		if (right && status == 0)
			right = strcmp(path, rows[i].path) == 0 &&
			    (query == NULL) == (rows[i].query == NULL) &&
			    (query == NULL ||
				strcmp(query, rows[i].query) == 0);
		if (!right)
			print_error("%s: %d %s %s\n", rows[i].target, status,
			    status == 0 ? path : "",
			    query != NULL ? query : "");
		failed += !right;
		free(path);
	}
	assert_int_equal(failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
