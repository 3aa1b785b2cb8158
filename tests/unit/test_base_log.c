/* test_base_log.c: log lines, read back by a JSON parser that is not ours. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static FILE *caught;
static int real_stderr;

static int
catch_stderr(void **state)
{
	(void)state;
	caught = tmpfile();
	real_stderr = dup(STDERR_FILENO);
	if (caught == NULL || real_stderr == -1)
		return -1;
	return dup2(fileno(caught), STDERR_FILENO) == -1;
}

static int
give_back_stderr(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return fclose(caught);
}

/* The next line, parsed; NULL when there is none. */
static json_t *
next_line(void)
{
	char line[4096];
	json_error_t je;
	json_t *j;
	size_t n;

	if (fgets(line, sizeof(line), caught) == NULL)
		return NULL;
	n = strlen(line);
	assert_true(n > 0 && n <= 2048 && line[n - 1] == '\n');
	j = json_loads(line, JSON_REJECT_DUPLICATES, &je);
	if (j == NULL)
		fail_msg("%s: %s", je.text, line);
	return j;
}

static const char *
member(const json_t *j, const char *name)
{
	return json_string_value(json_object_get(j, name));
}

static void
members_in_their_order(void **state)
{
	char line[512];

	(void)state;
	log_open("intake", LOG_LEVEL_INFO);
	log_line(LOG_LEVEL_INFO, "0123456789abcdef", "message accepted",
	    "size=%d", 4096);
	rewind(caught);
	assert_non_null(fgets(line, sizeof(line), caught));
	assert_memory_equal(line, "{\"time\":\"2", 10);
	assert_non_null(strstr(line,
	    "Z\",\"level\":\"info\",\"process\":\"intake\","
	    "\"id\":\"0123456789abcdef\",\"event\":\"message accepted\","
	    "\"detail\":\"size=4096\"}\n"));
}

static void
levels_and_missing_members(void **state)
{
	json_t *j;

	(void)state;
	log_open("keyd", LOG_LEVEL_WARN);
	errno = EAGAIN;
	log_line(LOG_LEVEL_DEBUG, NULL, "dropped", NULL);
	log_line(LOG_LEVEL_INFO, NULL, "dropped", NULL);
	log_line(LOG_LEVEL_WARN, NULL, "kept", NULL);
	log_line(LOG_LEVEL_ERROR, NULL, "kept", "%s", "");
	assert_int_equal(errno, EAGAIN);
	rewind(caught);
	j = next_line();
	assert_string_equal(member(j, "event"), "kept");
	assert_string_equal(member(j, "level"), "warn");
	assert_null(json_object_get(j, "id"));
	assert_null(json_object_get(j, "detail"));
	json_decref(j);
	j = next_line();
	assert_string_equal(member(j, "level"), "error");
	assert_string_equal(member(j, "detail"), "");
	json_decref(j);
	assert_null(next_line());
}

static void
hostile_text_stays_in_its_string(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
	    {"quote", "a\"b", "a\"b"},
	    {"backslash", "a\\\"b\\", "a\\\"b\\"},
	    {"a line of its own", "x\"}\n{\"event\":\"forged",
		"x\"}\n{\"event\":\"forged"},
	    {"controls", "\x01\x1b[0m\t\r\n\x7f", "\x01\x1b[0m\t\r\n\x7f"},
	    {"UTF-8", "caf\xc3\xa9", "caf\xc3\xa9"},
	    {"not UTF-8", "caf\xe9\xff", "caf??"},
	    {"surrogate", "\xed\xa0\x80", "???"},
	};
	size_t n = sizeof(cases) / sizeof(cases[0]);

	(void)state;
	log_open("portal", LOG_LEVEL_DEBUG);
	for (size_t i = 0; i < n; i++)
		log_line(LOG_LEVEL_INFO, cases[i].in, "e", "%s", cases[i].in);
	rewind(caught);
	for (size_t i = 0; i < n; i++) {
		json_t *j = next_line();

		assert_non_null(j);
		if (strcmp(member(j, "id"), cases[i].want) != 0 ||
		    strcmp(member(j, "detail"), cases[i].want) != 0)
			fail_msg("%s", cases[i].name);
		json_decref(j);
	}
	assert_null(next_line());
}

/* Whatever is too long, the line still parses and names its event. */
static void
long_text_is_cut(void **state)
{
	static const char *const fill[] = {
	    "x", "\"", "\x01", "\xc3\xa9", "\xf0\x9f\x92\x8c", "\xff"};
	char text[8001];
	size_t lines = 0;
	json_t *j;

	(void)state;
	log_open("portal", LOG_LEVEL_DEBUG);
	for (size_t f = 0; f < sizeof(fill) / sizeof(fill[0]); f++) {
		for (size_t n = 1; n < 8; n++) {
			struct err e;
			size_t len = 0;

			while (len + 5 < n * 1000)
				len += (size_t)snprintf(
				    text + len, 5, "%s", fill[f]);
			log_line(LOG_LEVEL_INFO, NULL, "e", "%s", text);
			log_line(LOG_LEVEL_INFO, text, text, "%s", text);
			err_set(&e, ERR_CORRUPT, "%s", text);
			log_err(text, text, &e);
			lines += 3;
		}
	}
	rewind(caught);
	for (size_t i = 0; i < lines; i++) {
		j = next_line();
		assert_non_null(j);
		assert_non_null(member(j, "event"));
		assert_non_null(member(j, "detail"));
		json_decref(j);
	}
	assert_null(next_line());
}

static void
errors_have_the_level_of_their_kind(void **state)
{
	(void)state;
	log_open("portal", LOG_LEVEL_DEBUG);
	for (int c = ERR_NONE; c < ERR_CODES; c++) {
		struct err e = {(enum err_code)c, "why"};

		log_err("1", "request failed", &e);
		log_fatal("cannot start", &e);
	}
	rewind(caught);
	for (int c = ERR_NONE; c < ERR_CODES; c++) {
		json_t *j = next_line();
		bool ours = c == ERR_UNAVAILABLE || c == ERR_UNKNOWN ||
		    c == ERR_CORRUPT || c == ERR_INTERNAL;

		assert_non_null(j);
		assert_string_equal(
		    member(j, "error"), err_row((enum err_code)c)->name);
		assert_string_equal(member(j, "detail"), "why");
		assert_string_equal(
		    member(j, "level"), ours ? "error" : "info");
		json_decref(j);
		j = next_line();
		assert_non_null(j);
		assert_string_equal(member(j, "detail"), "why");
		assert_string_equal(member(j, "level"), "error");
		json_decref(j);
	}
}

static void *
write_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_line(LOG_LEVEL_INFO, arg, "e", "%0900d", i);
	return NULL;
}

static void
threads_do_not_mix_lines(void **state)
{
	static char names[4][2] = {"a", "b", "c", "d"};
	pthread_t t[4];
	json_t *j;
	int lines = 0;

	(void)state;
	log_open("portal", LOG_LEVEL_DEBUG);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, write_many, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	rewind(caught);
	while ((j = next_line()) != NULL) {
		assert_int_equal(strlen(member(j, "detail")), 900);
		json_decref(j);
		lines++;
	}
	assert_int_equal(lines, 2000);
}

#define CAUGHT(f) \
	cmocka_unit_test_setup_teardown(f, catch_stderr, give_back_stderr)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    CAUGHT(members_in_their_order),
	    CAUGHT(levels_and_missing_members),
	    CAUGHT(hostile_text_stays_in_its_string),
	    CAUGHT(long_text_is_cut),
	    CAUGHT(errors_have_the_level_of_their_kind),
	    CAUGHT(threads_do_not_mix_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
