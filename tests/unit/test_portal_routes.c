/*
 * test_portal_routes.c: doc/routes.md says what the table of routes says. `make routes-doc`
 * writes it anew.
 */
#include "portal/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "golden.h"

static const char head[] =
    "# Routes\n\n"
    "Made from the table in `app/portal/routes.c` by `make routes-doc`.\n\n"
    "A path the table does not have is 404, a path it has by other methods 405 "
    "with `Allow`. `GET` also answers `HEAD`, and every path `OPTIONS`; neither "
    "changes anything. Who may: a *machine* has no session and needs no tenant's "
    "host; *anyone* needs a tenant's host, else 421; a *reader* is a guest or an "
    "account holder, others are sent to sign in, and a program gets 401. What "
    "changes something wants a form of ours: `Sec-Fetch-Site` or `Origin`, and "
    "with a session its form token, or for tus the field `Tus-Resumable`.\n\n"
    "Where it waits: *loop* is answered by the event loop at once; *page* takes "
    "a thread; *page, kept* too, but without a session and a query it is the "
    "same for all of a tenant's visitors and stands ready for some seconds; "
    "*hash* takes one of the threads for passwords; *transfer* moves a file, "
    "block by block.\n\n"
    "| method | path | name in log and metrics | who may | where it waits | "
    "body at most |\n"
    "|---|---|---|---|---|---|\n";

static const char *
verb(const struct route *r)
{
	static const char *const names[] = {[HTTP_GET] = "GET",
	    [HTTP_HEAD] = "HEAD",
	    [HTTP_POST] = "POST",
	    [HTTP_PATCH] = "PATCH",
	    [HTTP_DELETE] = "DELETE",
	    [HTTP_OPTIONS] = "OPTIONS"};

	return names[r->verb];
}

static void
add_route(struct buf *out, const struct route *r)
{
	static const char *const who[] = {[ROUTE_MACHINE] = "machine",
	    [ROUTE_ANYONE] = "anyone",
	    [ROUTE_READER] = "reader"};
	static const char *const wait[] = {[ROUTE_QUICK] = "loop",
	    [ROUTE_PAGE] = "page",
	    [ROUTE_HASH] = "hash",
	    [ROUTE_TRANSFER] = "transfer"};
	char size[32] = "none";

	if (r->body >= 1024 * 1024)
		snprintf(size, sizeof(size), "%zu MiB", r->body / 1024 / 1024);
	else if (r->body > 0)
		snprintf(size, sizeof(size), "%zu KiB", r->body / 1024);
	assert_int_equal(
	    buf_addf(out, "| %s | `%s` | %s | %s%s | %s%s | %s%s |\n", verb(r),
		r->pattern, r->name, who[r->who], r->tus ? ", tus" : "",
		wait[r->class], r->same ? ", kept" : "", size,
		r->open != NULL ? ", streamed" : ""),
	    0);
}

static void
test_document(void **state)
{
	struct buf out = BUF_INIT;
	const struct route *r;
	size_t n, i;

	(void)state;
	assert_int_equal(buf_adds(&out, head), 0);
	r = route_table(&n);
	for (i = 0; i < n; i++)
		add_route(&out, &r[i]);
	assert_int_equal(
	    golden_check("../../doc/routes.md", out.data, out.len), 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_document)};

	return cmocka_run_group_tests_name("portal routes", tests, NULL, NULL);
}
