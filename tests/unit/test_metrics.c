/* Metrics: every line told is Prometheus text, counts arrive, workers are added up. */
#include "base/metrics.h"

#include <pthread.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Renders; the text is the caller's to buf_free(). */
static struct buf
render(void)
{
	struct buf out = BUF_INIT;

	assert_int_equal(metrics_render(&out), 0);
	(void)buf_cstr(&out);
	return out;
}

/* The value behind a series' name and labels as they stand; -1 when it is not told. */
static double
value_in(const struct buf *text, const char *series)
{
	const char *p = (const char *)text->data;
	size_t n = strlen(series);

	while (p != NULL && *p != '\0') {
		if (strncmp(p, series, n) == 0 && p[n] == ' ')
			return strtod(p + n, NULL);
		p = strchr(p, '\n');
		p += p != NULL;
	}
	return -1;
}

static double
value(const char *series)
{
	struct buf text = render();
	double v = value_in(&text, series);

	buf_free(&text);
	return v;
}

/* ---- the format ---- */

static bool
is(const char *line, const char *pattern, char name[64])
{
	regmatch_t m[2];
	regex_t re;
	bool ok;

	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED), 0);
	ok = regexec(&re, line, 2, m, 0) == 0;
	if (ok)
		(void)snprintf(name, 64, "%.*s", (int)(m[1].rm_eo - m[1].rm_so),
		    line + m[1].rm_so);
	regfree(&re);
	return ok;
}

#define NAME   "([a-z][a-z0-9_]*)"
#define LABEL  "[a-z][a-z0-9_]*=\"[A-Za-z0-9_.+-]*\""
#define LABELS "(\\{" LABEL "(," LABEL ")*\\})?"
#define NUMBER "-?[0-9]+(\\.[0-9]+)?"

static bool
series_of(const char *name, const char *family, const char *type)
{
	size_t n = strlen(family);

	if (strncmp(name, family, n) != 0)
		return false;
	name += n;
	if (strcmp(type, "histogram") != 0)
		return *name == '\0';
	return strcmp(name, "_bucket") == 0 || strcmp(name, "_sum") == 0 ||
	    strcmp(name, "_count") == 0;
}

/* A line's fault, or NULL; state: the family at hand. */
struct at {
	char help[64], type[64], kind[64];
};

static const char *
fault(const char *line, struct at *at)
{
	char name[64];

	if (is(line, "^# HELP " NAME " [A-Z].*\\.$", at->help)) {
		at->type[0] = '\0';
		return NULL;
	}
	if (is(line, "^# TYPE " NAME " (counter|gauge|histogram)$", name)) {
		(void)snprintf(at->type, sizeof(at->type), "%s", name);
		(void)snprintf(
		    at->kind, sizeof(at->kind), "%s", strrchr(line, ' ') + 1);
		return strcmp(name, at->help) == 0 ? NULL : "TYPE without HELP";
	}
	if (!is(line, "^" NAME LABELS " " NUMBER "$", name))
		return "no sample";
	return series_of(name, at->type, at->kind) ? NULL : "out of place";
}

static void
fill(void)
{
	metrics_route("inbox");
	metrics_route("message.part");
	metrics_request("inbox", 1, 200, 1500);
	metrics_request("inbox", 1, 200, 70 * 1000 * 1000);
	metrics_request("inbox", 1, 503, 10);
	metrics_request("/secret?token", 1, 404, 10);
	metrics_request(NULL, 0, 404, 10);
	metrics_refused(431);
	metrics_refused(999);
	metrics_handshake(0x0303, false);
	metrics_handshake(0x0304, true);
	metrics_add(METRIC_BYTES, METRIC_OUT, 0, 12345);
	metrics_add(METRIC_CONNECTIONS, METRIC_HTTPS, 0, 1);
}

static void
test_every_line(void **state)
{
	struct at at = {.help = ""};
	char *line, *rest, *seen[2048];
	size_t n = 0, lines = 0;
	struct buf text;

	(void)state;
	fill();
	text = render();
	assert_null(strstr((char *)text.data, "secret"));
	assert_null(strchr((char *)text.data, '/'));
	assert_int_equal(text.data[text.len - 1], '\n');
	for (line = strtok_r((char *)text.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest), lines++) {
		if (fault(line, &at) != NULL)
			fail_msg("%s: %s", fault(line, &at), line);
		if (*line == '#')
			continue;
		*strrchr(line, ' ') = '\0';
		for (size_t i = 0; i < n; i++)
			assert_string_not_equal(seen[i], line);
		seen[n++] = line;
	}
	assert_true(lines > 100);
	buf_free(&text);
}

/* The check itself: it finds what is wrong. */
static void
test_check(void **state)
{
	static const char *const bad[] = {"x{a=\"b\"} 1", "x 1 ", "x{a=\"b} 1",
	    "x{a=\"/inbox\"} 1", "x{} 1", "x one", "y 1", "# TYPE y gauge", "",
	    "x_bucket 1"};
	struct at at = {.help = ""};

	(void)state;
	assert_null(fault("# HELP x A thing.", &at));
	assert_non_null(fault("x 1", &at));
	assert_null(fault("# TYPE x gauge", &at));
	assert_null(fault("x 1", &at));
	assert_null(fault(bad[0], &at));
	for (size_t i = 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct at copy = at;

		if (fault(bad[i], &copy) == NULL)
			fail_msg("%s", bad[i]);
	}
}

/* ---- the numbers ---- */

static void
test_counts(void **state)
{
	static const struct {
		const char *series;
		double more;
	} row[] = {
	    {"restante_http_requests_total{route=\"inbox\",status=\"2xx\"}", 2},
	    {"restante_http_requests_total{route=\"inbox\",status=\"5xx\"}", 1},
	    {"restante_http_requests_total{route=\"other\",status=\"4xx\"}", 2},
	    {"restante_http_request_seconds_count{class=\"page\"}", 4},
	    {"restante_http_request_seconds_count{class=\"quick\"}", 1},
	    {"restante_http_request_seconds_bucket{class=\"page\",le=\"0.001\"}",
		2},
	    {"restante_http_request_seconds_bucket{class=\"page\",le=\"0.0025\"}",
		3},
	    {"restante_http_request_seconds_bucket{class=\"page\",le=\"60\"}",
		3},
	    {"restante_http_request_seconds_bucket{class=\"page\",le=\"+Inf\"}",
		4},
	    {"restante_http_request_seconds_sum{class=\"page\"}", 70.00152},
	    {"restante_http_refused_total{status=\"431\"}", 1},
	    {"restante_http_refused_total{status=\"other\"}", 1},
	    {"restante_tls_handshakes_total{version=\"TLSv1.2\",resumed=\"no\"}",
		1},
	    {"restante_tls_handshakes_total{version=\"TLSv1.3\",resumed=\"yes\"}",
		1},
	    {"restante_bytes_total{way=\"out\"}", 12345},
	    {"restante_connections{door=\"https\"}", 1},
	};
	struct buf before, after;

	(void)state;
	fill();
	before = render();
	fill();
	after = render();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		double more = value_in(&after, row[i].series) -
		    value_in(&before, row[i].series);

		if (more < row[i].more - 1e-6 || more > row[i].more + 1e-6)
			fail_msg("%s: %f", row[i].series, more);
	}
	buf_free(&before);
	buf_free(&after);
}

/* A refusal is counted under its own status, or under "other". */
static void
test_refused(void **state)
{
	static const int status[] = {
	    400, 408, 411, 413, 414, 417, 421, 429, 431, 501, 503, 505};
	char series[64];
	double before;

	(void)state;
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		(void)snprintf(series, sizeof(series),
		    "restante_http_refused_total{status=\"%d\"}", status[i]);
		before = value(series);
		assert_true(before >= 0);
		metrics_refused(status[i]);
		assert_int_equal(value(series), before + 1);
	}
}

/* What has no such label is counted nowhere. */
static void
test_out_of_range(void **state)
{
	struct buf before = render(), after;

	(void)state;
	metrics_add(METRIC_BYTES, 2, 0, 1);
	metrics_add(METRIC_BYTES, 0, 1, 1);
	metrics_add(METRIC_POOL_BUSY, metrics_pool("no such pool"), 0, 1);
	metrics_observe(METRIC_DURATION, 4, 0, 1);
	metrics_request("inbox", 9, 1000, 1);
	after = render();
	assert_string_equal((char *)before.data, (char *)after.data);
	buf_free(&before);
	buf_free(&after);
}

static void *
count_much(void *arg)
{
	for (int i = 0; i < 100000; i++)
		metrics_add(METRIC_BYTES, METRIC_IN, 0, 1);
	return arg;
}

static void
test_threads(void **state)
{
	double before = value("restante_bytes_total{way=\"in\"}");
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, count_much, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(
	    value("restante_bytes_total{way=\"in\"}") - before, 400000);
}

/* One tells of all; what a dead one held is not held any more. */
static void
test_workers(void **state)
{
	int status;

	(void)state;
	assert_int_equal(metrics_share(), 0);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			metrics_worker(1, "portal", 100);
			metrics_add(METRIC_CONNECTIONS, METRIC_HTTPS, 0, 5);
			metrics_add(METRIC_ACCEPTED, METRIC_HTTPS, 0, 5);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	metrics_worker(2, "portal", 64);
	metrics_add(METRIC_CONNECTIONS, METRIC_HTTPS, 0, 2);
	assert_int_equal(value("restante_worker_starts_total"), 4);
	assert_int_equal(value("restante_connections{door=\"https\"}"), 7);
	assert_int_equal(
	    value("restante_connections_total{door=\"https\"}"), 15);
	assert_true(value("process_resident_memory_bytes") > 100000);
	assert_true(value("process_open_fds") >= 3);
	assert_int_equal(value("process_max_fds"), 164);
	assert_int_equal(
	    value("restante_build_info{role=\"portal\",version=\"1\"}"), 1);
}

static double
told(const char *series)
{
	static const char ask[] = "GET /metrics HTTP/1.1\r\n\r\n";
	struct buf out = BUF_INIT;
	double v;

	assert_int_equal(metrics_answer(ask, sizeof(ask) - 1, &out), 1);
	(void)buf_cstr(&out);
	v = value_in(&out, series);
	buf_free(&out);
	return v;
}

/* Descriptors are counted for who asks, and for nobody else. */
static void
test_process(void **state)
{
	static const char fds[] = "process_open_fds";
	double before;
	int fd;

	(void)state;
	metrics_worker(2, "portal", 64);
	before = told(fds);
	assert_true((fd = dup(0)) != -1);
	metrics_process();
	assert_int_equal(value(fds), before);
	assert_int_equal(told(fds), before + 1);
	close(fd);
	assert_int_equal(told(fds), before);
}

/* Another worker was asked: this one looks too, once. */
static void
test_process_of_others(void **state)
{
	static const char fds[] = "process_open_fds";
	double before;
	int fd, status;
	pid_t pid;

	(void)state;
	metrics_worker(2, "portal", 64);
	before = value(fds);
	assert_true((fd = dup(0)) != -1);
	if ((pid = fork()) == 0) {
		metrics_worker(3, "portal", 0);
		(void)told(fds);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(value(fds), before);
	metrics_process();
	assert_int_equal(value(fds), before + 1);
	close(fd);
	metrics_process();
	assert_int_equal(value(fds), before + 1);
}

/* ---- who asks ---- */

static void
test_answer(void **state)
{
	static const struct {
		const char *head;
		int ret;
		const char *status;
		bool body;
	} row[] = {
	    {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 1, "200", true},
	    {"HEAD /metrics HTTP/1.0\r\n\r\n", 1, "200", false},
	    {"GET /metrics HTTP/1.1\r\nHost: x\r\n", 0, NULL, false},
	    {"", 0, NULL, false},
	    {"GET / HTTP/1.1\r\n\r\n", 1, "404", false},
	    {"GET /metricsx HTTP/1.1\r\n\r\n", 1, "404", false},
	    {"POST /metrics HTTP/1.1\r\n\r\n", 1, "400", false},
	    {"\r\n\r\n", 1, "400", false},
	};
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(
		    metrics_answer(row[i].head, strlen(row[i].head), &out),
		    row[i].ret);
		if (row[i].ret == 1) {
			assert_memory_equal(
			    buf_cstr(&out) + 9, row[i].status, 3);
			assert_int_equal(
			    strstr(buf_cstr(&out), "# HELP") != NULL,
			    row[i].body);
		}
		buf_clear(&out);
	}
	assert_int_equal(buf_reserve(&out, METRICS_HEAD_MAX), 0);
	memset(out.data, 'x', METRICS_HEAD_MAX);
	{
		struct buf to = BUF_INIT;

		assert_int_equal(
		    metrics_answer(out.data, METRICS_HEAD_MAX - 1, &to), 0);
		assert_int_equal(
		    metrics_answer(out.data, METRICS_HEAD_MAX, &to), 1);
		assert_memory_equal(buf_cstr(&to) + 9, "400", 3);
		buf_free(&to);
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_line),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_out_of_range),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_workers),
	    cmocka_unit_test(test_process),
	    cmocka_unit_test(test_process_of_others),
	    cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
