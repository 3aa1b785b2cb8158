/* Kept pages: one a session, by name, so many and so large at most, forgotten when told. */
#include "desk/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t *
key(int n)
{
	static uint8_t k[4][32];
	static int at;

	at = (at + 1) % 4;
	memset(k[at], 0, 32);
	memcpy(k[at], &n, sizeof(n));
	return k[at];
}

static void
put(struct kept *k, int session, int name, const char *page)
{
	struct buf b = BUF_INIT;

	assert_int_equal(buf_adds(&b, page), 0);
	kept_put(k, key(session), key(name), &b);
	buf_free(&b);
}

/* What is found, or "". */
static const char *
get(struct kept *k, int session, int name)
{
	static char text[64];
	struct buf b = BUF_INIT;

	text[0] = '\0';
	if (kept_get(k, key(session), key(name), &b)) {
		assert_true(b.len < sizeof(text));
		memcpy(text, b.data, b.len);
		text[b.len] = '\0';
	} else {
		assert_int_equal(b.len, 0);
	}
	buf_free(&b);
	return text;
}

static void
test_one_a_session(void **state)
{
	struct kept *k = kept_new();

	(void)state;
	assert_string_equal(get(k, 1, 1), "");
	put(k, 1, 1, "first");
	assert_string_equal(get(k, 1, 1), "first");
	assert_string_equal(get(k, 1, 2), ""); /* another name */
	assert_string_equal(get(k, 2, 1), ""); /* another's */
	put(k, 1, 2, "second");
	assert_string_equal(get(k, 1, 1), "");
	assert_string_equal(get(k, 1, 2), "second");
	put(k, 2, 1, "theirs");
	kept_forget(k, key(1));
	assert_string_equal(get(k, 1, 2), "");
	assert_string_equal(get(k, 2, 1), "theirs");
	kept_free(k);
	kept_free(NULL);
}

static void
test_places(void **state)
{
	struct kept *k = kept_new();
	int there = 0;

	(void)state;
	for (int i = 1; i <= (int)KEPT_PAGES; i++)
		put(k, i, 1, "page");
	for (int i = 1; i <= (int)KEPT_PAGES; i++)
		there += get(k, i, 1)[0] != '\0';
	assert_int_equal(there, KEPT_PAGES);
	put(k, KEPT_PAGES + 1, 1, "one more");
	assert_string_equal(get(k, KEPT_PAGES + 1, 1), "one more");
	for (int i = there = 0; i <= (int)KEPT_PAGES + 1; i++)
		there += get(k, i, 1)[0] != '\0';
	assert_int_equal(there, KEPT_PAGES);
	kept_free(k);
}

static void
test_size(void **state)
{
	struct kept *k = kept_new();
	struct buf b = BUF_INIT, out = BUF_INIT;

	(void)state;
	assert_int_equal(buf_reserve(&b, KEPT_BYTES + 1), 0);
	memset(b.data, 'x', KEPT_BYTES + 1);
	b.len = KEPT_BYTES + 1;
	kept_put(k, key(1), key(1), &b);
	assert_false(kept_get(k, key(1), key(1), &out));
	b.len = KEPT_BYTES;
	kept_put(k, key(1), key(1), &b);
	assert_true(kept_get(k, key(1), key(1), &out));
	assert_int_equal(out.len, KEPT_BYTES);
	buf_free(&b);
	buf_free(&out);
	kept_free(k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_a_session),
	    cmocka_unit_test(test_places),
	    cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
