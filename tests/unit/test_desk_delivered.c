/* test_desk_delivered.c: when a file that came in pieces is a whole one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "desk/delivered.h"

static struct delivered_file
file(uint8_t session, uint32_t part)
{
	struct delivered_file f = {.part = part, .size = 100};

	memset(f.session, session, sizeof(f.session));
	return f;
}

struct step {
	char what; /* t took, b broke, T took and now it is whole, 0 the end */
	uint64_t first, n;
};

static void
pieces(void **state)
{
	static const struct {
		const char *name;
		struct step step[6];
	} cases[] = {
	    {"in one", {{'T', 0, 100}}},
	    {"and again", {{'T', 0, 100}, {'T', 0, 100}}},
	    {"in two", {{'t', 0, 40}, {'T', 40, 60}}},
	    {"that overlap", {{'t', 0, 40}, {'T', 30, 70}}},
	    {"in three", {{'t', 0, 40}, {'t', 40, 1}, {'T', 41, 59}}},
	    {"the end alone", {{'t', 40, 60}}},
	    {"a hole", {{'t', 0, 40}, {'t', 41, 59}}},
	    {"the end first", {{'t', 40, 60}, {'t', 0, 40}}},
	    {"all but one", {{'t', 0, 99}, {'t', 0, 99}}},
	    {"broken", {{'b', 0, 100}}},
	    {"broken, the rest of it", {{'b', 0, 60}, {'T', 50, 50}}},
	    {"from where it broke", {{'b', 0, 60}, {'T', 60, 40}}},
	    {"from further on", {{'b', 0, 60}, {'t', 61, 39}}},
	    {"a piece behind it", {{'b', 0, 60}, {'t', 50, 10}, {'t', 61, 39}}},
	    {"a piece of it is no rest", {{'b', 0, 60}, {'t', 50, 49}}},
	    {"broken twice", {{'b', 0, 60}, {'b', 55, 30}, {'T', 80, 20}}},
	    {"broken further on", {{'b', 0, 60}, {'b', 61, 30}, {'t', 90, 10}}},
	    {"broken after a piece",
		{{'t', 0, 40}, {'b', 40, 20}, {'T', 59, 41}}},
	    {"forgotten once whole",
		{{'b', 0, 60}, {'T', 60, 40}, {'t', 60, 40}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct delivered *t = delivered_new();
		const struct delivered_file f = file(1, 2);
		const struct step *s = cases[i].step;

		for (; s < cases[i].step + 6 && s->what != 0; s++) {
			if (s->what == 'b')
				delivered_broke(t, &f, s->first, s->n);
			else if (delivered_took(t, &f, s->first, s->n) !=
			    (s->what == 'T'))
				fail_msg("%s: step %zu", cases[i].name,
				    (size_t)(s - cases[i].step));
		}
		delivered_free(t);
	}
	delivered_free(NULL);
}

static void
nobody_elses(void **state)
{
	struct delivered *t = delivered_new();
	struct delivered_file f = file(1, 2), o = f;

	(void)state;
	assert_false(delivered_took(t, &f, 0, 40));
	o = file(2, 2);
	assert_false(delivered_took(t, &o, 40, 60));
	o = file(1, 3);
	assert_false(delivered_took(t, &o, 40, 60));
	o = f;
	o.message.b[15] = 1;
	assert_false(delivered_took(t, &o, 40, 60));
	assert_true(delivered_took(t, &f, 40, 60)); /* the control */
	delivered_free(t);
}

/* The one that was not touched for longest goes. */
static void
room_for_so_many(void **state)
{
	struct delivered *t = delivered_new();
	struct delivered_file f;

	(void)state;
	for (uint32_t i = 0; i < DELIVERED_FILES; i++) {
		f = file(1, i);
		delivered_broke(t, &f, 0, 50);
	}
	f = file(1, 0);
	delivered_broke(t, &f, 0, 51);
	f = file(1, DELIVERED_FILES);
	delivered_broke(t, &f, 0, 50);
	f = file(1, 1);
	assert_false(delivered_took(t, &f, 50, 50));
	for (uint32_t i = 0; i <= DELIVERED_FILES; i++) {
		f = file(1, i);
		if (i > 2) /* asking for 1 again took the place of 2 */
			assert_true(delivered_took(t, &f, 50, 50));
	}
	f = file(1, 0);
	assert_true(delivered_took(t, &f, 50, 50));
	delivered_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces),
	    cmocka_unit_test(nobody_elses),
	    cmocka_unit_test(room_for_so_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
