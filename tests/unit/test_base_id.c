/* test_base_id.c: UUIDs and base 32. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/secret.h"
#include "base/text.h"

static void
new_ids_are_version_7(void **state)
{
	struct id seen[1000];
	int64_t before = clock_now() / 1000, after, ms;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		seen[i] = id_new();
		assert_int_equal(seen[i].b[6] >> 4, 7);
		assert_int_equal(seen[i].b[8] >> 6, 2);
		for (size_t j = 0; j < i; j++)
			assert_false(id_equal(&seen[i], &seen[j]));
	}
	after = clock_now() / 1000;
	ms = 0;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | seen[0].b[i];
	assert_true(ms >= before && ms <= after);
}

static void
text_form(void **state)
{
	static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
	struct id id, zero = id_zero();
	char out[ID_TEXT_LEN], upper[ID_TEXT_LEN];

	(void)state;
	/* RFC 9562, appendix A.6. */
	assert_int_equal(id_parse(text, &id), 0);
	assert_int_equal(id.b[0], 0x01);
	assert_int_equal(id.b[15], 0x8f);
	id_format(&id, out);
	assert_string_equal(out, text);
	memcpy(upper, "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", ID_TEXT_LEN);
	assert_int_equal(id_parse(upper, &id), 0);
	id_format(&id, out);
	assert_string_equal(out, text);
	assert_false(id_is_zero(&id));
	assert_true(id_is_zero(&zero));
	id_format(&zero, out);
	assert_string_equal(out, "00000000-0000-0000-0000-000000000000");
}

static void
malformed_ids(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
	    {"empty", ""},
	    {"short", "017f22e2-79b0-7cc3-98c4-dc0c0c07398"},
	    {"long", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"},
	    {"no hyphens", "017f22e279b07cc398c4dc0c0c07398f"},
	    {"braces", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398}"},
	    {"hyphen moved", "017f22e27-9b0-7cc3-98c4-dc0c0c07398f"},
	    {"no digit", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g"},
	    {"hyphen for a digit", "017f22e2-79b0-7cc3-98c4-dc0c0c0739-f"},
	    {"leading space", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
	    {"line break behind", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n"},
	    {"high bytes", "017f22e2-79b0-7cc3-98c4-dc0c0c0739\xc3\xa9"},
	};
	struct id id;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&id, 0xff, sizeof(id));
		if (id_parse(cases[i].text, &id) != -1 || !id_is_zero(&id))
			fail_msg("%s", cases[i].name);
	}
}

static void
base32_known_answers(void **state)
{
	static const struct {
		const char *name, *hex, *text;
	} cases[] = {
	    {"nothing", "", ""},
	    {"one zero byte", "00", "00"},
	    {"one byte of ones", "ff", "ZW"},
	    {"two bytes", "0001", "000G"},
	    {"five bytes", "0123456789", "04HMASW9"},
	    {"all digits", "00443214c74254b635cf84653a56d7c675be77df",
		"0123456789ABCDEFGHJKMNPQRSTVWXYZ"},
	};
	uint8_t raw[32], back[32];
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].hex) / 2;

		assert_int_equal(text_unhex(cases[i].hex, raw, n), 0);
		assert_int_equal(id_base32(raw, n, out, sizeof(out)), 0);
		if (strcmp(out, cases[i].text) != 0)
			fail_msg("%s: %s", cases[i].name, out);
		assert_int_equal(id_unbase32(out, back, n), 0);
		assert_memory_equal(raw, back, n);
	}
	/* Exactly enough room, and one too little. */
	assert_int_equal(id_base32("\1\2\3\4\5", 5, out, 9), 0);
	assert_int_equal(id_base32("\1\2\3\4\5", 5, out, 8), -1);
	assert_string_equal(out, "");
	assert_int_equal(id_base32("", 0, out, 0), -1);
}

static void
base32_as_people_type_it(void **state)
{
	static const struct {
		const char *name, *text;
		int want;
	} cases[] = {
	    {"canonical", "04HMASW9", 0},
	    {"lower case", "04hmasw9", 0},
	    {"hyphen", "04HM-ASW9", 0},
	    {"spaces and hyphens", " 04 HM--ASW9 ", 0},
	    {"letter O for zero", "O4HMASW9", 0},
	    {"small o for zero", "o4hmasw9", 0},
	    {"one short", "04HMASW", -1},
	    {"one long", "04HMASW90", -1},
	    {"letter U", "04HMASU9", -1},
	    {"tab", "04HM\tASW9", -1},
	    {"high byte", "04HMASW\xb9", -1},
	    {"nothing", "", -1},
	    {"hyphens only", "--------", -1},
	};
	static const uint8_t want[] = {0x01, 0x23, 0x45, 0x67, 0x89};
	uint8_t out[5], one[1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(out, 0xff, sizeof(out));
		if (id_unbase32(cases[i].text, out, 5) != cases[i].want)
			fail_msg("%s", cases[i].name);
		if (cases[i].want == 0)
			assert_memory_equal(out, want, 5);
		else
			assert_memory_equal(out, "\0\0\0\0\0", 5);
	}
	assert_int_equal(id_unbase32("1l", one, 1), -1); /* bits left over */
	assert_int_equal(id_unbase32("iG", one, 1), 0);
	assert_int_equal(one[0], 0x0c);
	assert_int_equal(id_unbase32("L0", one, 1), 0);
	assert_int_equal(one[0], 0x08);
}

static void
base32_round_trips(void **state)
{
	uint8_t raw[64], back[64];
	char out[128];

	(void)state;
	for (int k = 0; k < 2000; k++) {
		size_t n = secret_uniform(65);

		secret_random(raw, n);
		assert_int_equal(id_base32(raw, n, out, sizeof(out)), 0);
		assert_int_equal(strlen(out), (n * 8 + 4) / 5);
		assert_int_equal(id_unbase32(out, back, n), 0);
		assert_memory_equal(raw, back, n);
	}
}

static void
request_ids(void **state)
{
	char a[ID_REQUEST_LEN], b[ID_REQUEST_LEN];

	(void)state;
	id_request(a);
	id_request(b);
	assert_int_equal(strlen(a), 16);
	assert_int_equal(strspn(a, "0123456789abcdef"), 16);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new_ids_are_version_7),
	    cmocka_unit_test(text_form),
	    cmocka_unit_test(malformed_ids),
	    cmocka_unit_test(base32_known_answers),
	    cmocka_unit_test(base32_as_people_type_it),
	    cmocka_unit_test(base32_round_trips),
	    cmocka_unit_test(request_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
