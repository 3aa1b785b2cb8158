/* Questions that the database cannot answer are not answered by "there is none". */
#include "desk/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret.h"
#include "base/settings.h"
#include "desk/internal.h"

static const char nobody[] = "a@acme.example";

struct house {
	struct desk_shared *shared;
	struct desk *d;
	struct directory_ask q;
	struct id tenant;
	struct err e;
};

/* One whose database is nowhere. */
static void
house_open(struct house *h)
{
	static const struct settings set = {
	    .db = "host=/nonexistent dbname=none", .keyd = "/nonexistent"};

	memset(h, 0, sizeof(*h));
	h->shared = desk_shared_new();
	assert_non_null(h->shared);
	h->d = desk_open(&set, h->shared);
	assert_non_null(h->d);
	h->q.dir = shared_directory(h->d);
	h->q.d = h->d;
	h->tenant = id_new();
}

static void
house_close(struct house *h)
{
	desk_close(h->d);
	desk_shared_free(h->shared);
}

static void
assert_unanswered(struct house *h, int found)
{
	assert_int_equal(found, -1);
	assert_int_equal(h->e.code, ERR_UNAVAILABLE);
	err_clear(&h->e);
}

static void
test_no_database(void **state)
{
	const struct rules *rules;
	struct address_row row;
	struct account_key key;
	struct account account = {0};
	struct tenant tenant;
	struct id id;
	struct house h;

	(void)state;
	house_open(&h);
	assert_unanswered(
	    &h, directory_domain(&h.q, "acme.example", &id, &h.e));
	assert_unanswered(&h, directory_rules(&h.q, &h.tenant, &rules, &h.e));
	assert_null(rules);
	assert_unanswered(
	    &h, directory_address(&h.q, &h.tenant, nobody, &row, &h.e));
	assert_unanswered(&h, directory_known(&h.q, &h.tenant, nobody, &h.e));
	assert_unanswered(&h, directory_tenant(h.d, &h.tenant, &tenant, &h.e));
	assert_unanswered(
	    &h, directory_account(h.d, &h.tenant, nobody, &account, &h.e));
	account.id = id_new();
	assert_unanswered(
	    &h, directory_key(h.d, &h.tenant, &account, &key, &h.e));
	house_close(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_database),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
