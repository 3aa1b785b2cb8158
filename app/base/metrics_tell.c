/*
 * metrics_tell.c: all that was counted as Prometheus reads it, and the answer to its
 * question.
 */
#include "base/metrics_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define VERSION "1"

struct sample {
	const struct metrics_family *f;
	unsigned a, b;
	const char *suffix; /* of the name */
	const char *le;     /* NULL: no bucket */
	int64_t value;
	bool seconds;
};

static int
render_number(struct buf *out, int64_t value, bool seconds)
{
	const char *sign = value < 0 ? "-" : "";
	int64_t v = value < 0 ? -value : value;

	if (!seconds)
		return buf_addf(out, "%s%lld\n", sign, (long long)v);
	return buf_addf(out, "%s%lld.%06lld\n", sign,
	    (long long)(v / CLOCK_SECOND), (long long)(v % CLOCK_SECOND));
}

/* Values are words of this file and names of routes: none needs an escape. */
static int
render_label(struct buf *out, const char *name, const char *value, bool *first)
{
	if (name == NULL)
		return 0;
	if (buf_adds(out, *first ? "{" : ",") == -1)
		return -1;
	*first = false;
	return buf_addf(out, "%s=\"%s\"", name, value);
}

static int
render_sample(struct buf *out, const struct sample *s)
{
	const struct metrics_family *f = s->f;
	bool first = true;

	if (buf_addf(out, "%s%s", f->name, s->suffix) == -1 ||
	    render_label(out, f->a.name,
		f->a.name != NULL ? f->a.value[s->a] : "", &first) == -1 ||
	    render_label(out, f->b.name,
		f->b.name != NULL ? f->b.value[s->b] : "", &first) == -1 ||
	    render_label(out, s->le != NULL ? "le" : NULL, s->le, &first) == -1)
		return -1;
	if (buf_adds(out, first ? " " : "} ") == -1)
		return -1;
	return render_number(out, s->value, s->seconds);
}

static int
render_histogram(struct buf *out, struct sample *s, size_t at)
{
	char le[32];

	s->suffix = "_bucket";
	s->le = le;
	for (size_t k = 0; k <= METRICS_BOUNDS; k++) {
		s->value += metrics_total(at + k);
		if (k < METRICS_BOUNDS)
			(void)snprintf(le, sizeof(le), "%g",
			    (double)metrics_bound[k] / 1e6);
		else
			(void)snprintf(le, sizeof(le), "+Inf");
		if (render_sample(out, s) == -1)
			return -1;
	}
	s->le = NULL;
	s->suffix = "_count";
	if (render_sample(out, s) == -1)
		return -1;
	s->suffix = "_sum";
	s->seconds = s->f->seconds;
	s->value = metrics_total(at + METRICS_BUCKETS - 1);
	return render_sample(out, s);
}

static int
render_family(struct buf *out, enum metric m)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct metrics_family *f = &metrics_family[m];
	struct sample s;
	unsigned a, b;

	if (buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
		f->name, types[f->kind]) == -1)
		return -1;
	for (a = 0; a < metrics_values(&f->a); a++) {
		if (f->a.name != NULL && f->a.value[a] == NULL)
			break; /* no more routes */
		for (b = 0; b < metrics_values(&f->b); b++) {
			s = (struct sample){
			    .f = f, .a = a, .b = b, .suffix = ""};
			if (f->kind == METRICS_HISTOGRAM) {
				if (render_histogram(
					out, &s, metrics_place(m, a, b)) == -1)
					return -1;
				continue;
			}
			s.value = metrics_total(metrics_place(m, a, b));
			s.seconds = f->seconds;
			if ((s.value != 0 || !f->sparse) &&
			    render_sample(out, &s) == -1)
				return -1;
		}
	}
	return 0;
}

int
metrics_render(struct buf *out)
{
	for (int m = 0; m < METRICS; m++)
		if (render_family(out, (enum metric)m) == -1)
			return -1;
	return buf_addf(out,
	    "# HELP restante_build_info What runs here.\n"
	    "# TYPE restante_build_info gauge\n"
	    "restante_build_info{role=\"%s\",version=\"%s\"} 1\n",
	    metrics_role(), VERSION);
}

static int
answer(struct buf *out, const char *status, bool body, const struct buf *text)
{
	if (buf_addf(out,
		"HTTP/1.1 %s\r\n"
		"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"content-length: %zu\r\ncache-control: no-store\r\n"
		"connection: close\r\n\r\n",
		status, text->len) == -1)
		return -1;
	return body ? buf_add(out, text->data, text->len) : 0;
}

static bool
starts(const void *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

int
metrics_answer(const void *p, size_t n, struct buf *out)
{
	struct buf text = BUF_INIT;
	bool head = starts(p, n, "HEAD ");
	int ret = -1;

	if (n < METRICS_HEAD_MAX && memmem(p, n, "\r\n\r\n", 4) == NULL)
		return 0;
	if (starts(p, n, "GET /metrics HTTP/1.") ||
	    starts(p, n, "HEAD /metrics HTTP/1.")) {
		metrics_asked();
		if (metrics_render(&text) == 0)
			ret = answer(out, "200 OK", !head, &text);
	} else if (head || starts(p, n, "GET /")) {
		ret = answer(out, "404 Not Found", false, &text);
	} else {
		ret = answer(out, "400 Bad Request", false, &text);
	}
	buf_free(&text);
	return ret == 0 ? 1 : -1;
}
