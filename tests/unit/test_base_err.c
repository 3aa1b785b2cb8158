/* test_base_err.c: errors and their table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static const struct {
	enum err_code code;
	const char *name;
	int http;
	const char *smtp;
} known[] = {
    {ERR_BAD_INPUT, "bad_input", 400, "501 5.5.4"},
    {ERR_NOT_FOUND, "not_found", 404, "550 5.1.1"},
    {ERR_DENIED, "denied", 403, "550 5.7.1"},
    {ERR_EXPIRED, "expired", 410, "550 5.4.7"},
    {ERR_GONE, "gone", 410, "550 5.7.0"},
    {ERR_CONFLICT, "conflict", 409, "451 4.3.0"},
    {ERR_TOO_BIG, "too_big", 413, "552 5.3.4"},
    {ERR_TOO_MANY, "too_many", 429, "452 4.5.3"},
    {ERR_UNAVAILABLE, "unavailable", 503, "451 4.3.0"},
    {ERR_UNKNOWN, "unknown", 503, "451 4.3.0"},
    {ERR_CORRUPT, "corrupt", 500, "451 4.3.0"},
    {ERR_INTERNAL, "internal", 500, "451 4.3.0"},
    {ERR_TYPE, "type", 415, "554 5.6.1"},
    {ERR_INSECURE, "insecure", 403, "550 5.7.10"},
    {ERR_UNWANTED, "unwanted", 403, "550 5.7.1"},
    {ERR_RATE, "rate", 429, "450 4.7.1"},
};

static void
every_code_has_its_row(void **state)
{
	(void)state;
	/* ERR_NONE is the one code the table above leaves out. */
	assert_int_equal(sizeof(known) / sizeof(known[0]), ERR_CODES - 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct err_row *row = err_row(known[i].code);

		assert_string_equal(row->name, known[i].name);
		assert_int_equal(row->http_status, known[i].http);
		assert_string_equal(row->smtp, known[i].smtp);
	}
}

/* RFC 3463: the first digit of both codes is the same. */
static void
rows_are_well_formed(void **state)
{
	(void)state;
	for (int c = ERR_NONE; c < ERR_CODES; c++) {
		const struct err_row *row = err_row((enum err_code)c);
		char word[64];
		size_t n;

		assert_in_range(strlen(row->smtp), 9, 10);
		assert_int_equal(row->smtp[0], row->smtp[4]);
		assert_int_equal(row->smtp[3], ' ');
		n = strlen(row->sentence);
		assert_true(n > 0 && row->sentence[n - 1] != '.');
		assert_true(isupper((unsigned char)row->sentence[0]));
		for (size_t i = 0; i < n; i++)
			assert_true(isprint((unsigned char)row->sentence[i]));
		snprintf(word, sizeof(word), "error.%s", row->name);
		assert_string_equal(row->word, word);
		for (int d = ERR_NONE; d < c; d++)
			assert_string_not_equal(
			    row->name, err_row((enum err_code)d)->name);
	}
}

static void
unknown_codes_are_internal(void **state)
{
	(void)state;
	assert_ptr_equal(err_row(ERR_CODES), err_row(ERR_INTERNAL));
	assert_ptr_equal(err_row((enum err_code) - 1), err_row(ERR_INTERNAL));
	assert_ptr_equal(err_row((enum err_code)9999), err_row(ERR_INTERNAL));
}

static void
setting_fills_and_cuts(void **state)
{
	struct err e = {0};

	(void)state;
	errno = ENOSPC;
	assert_int_equal(err_set(&e, ERR_TOO_BIG, "%d bytes", 12), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(e.code, ERR_TOO_BIG);
	assert_string_equal(e.text, "12 bytes");
	err_set(&e, ERR_INTERNAL, "%*s", 1000, "x");
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_clear(&e);
	assert_int_equal(e.code, ERR_NONE);
	assert_string_equal(e.text, "");
	assert_int_equal(err_set(NULL, ERR_INTERNAL, "nobody asks"), -1);
	err_clear(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_code_has_its_row),
	    cmocka_unit_test(rows_are_well_formed),
	    cmocka_unit_test(unknown_codes_are_internal),
	    cmocka_unit_test(setting_fills_and_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
