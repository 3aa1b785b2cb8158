/*
 * Any bytes as DATA, as BDAT and as command lines, cut anywhere: the readers say what a
 * slow reading of the whole says. The first bytes choose the cuts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "intake/smtp_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

struct result {
	uint8_t *body;
	size_t len, used;
	bool end, bare;
};

/* Line by line, in the words of RFC 5321 4.1.1.4 and 4.5.2. */
static void
slow(const uint8_t *p, size_t n, struct result *r)
{
	size_t at = 0, eol;

	while (at < n && !r->end) {
		for (eol = at; eol + 1 < n; eol++)
			if (p[eol] == '\r' && p[eol + 1] == '\n')
				break;
		if (eol + 1 >= n)
			return;
		if (eol == at + 1 && p[at] == '.') {
			r->end = true;
			r->used = eol + 2;
			return;
		}
		for (size_t i = at; i < eol; i++)
			r->bare |= p[i] == '\r' || p[i] == '\n' || p[i] == '\0';
		at += p[at] == '.';
		memcpy(r->body + r->len, p + at, eol + 2 - at);
		r->len += eol + 2 - at;
		at = eol + 2;
	}
}

/* The next piece, by the cuts that are left. */
static size_t
piece(const uint8_t **cuts, size_t *n_cuts, size_t left)
{
	size_t some = left;

	if (*n_cuts > 0) {
		some = **cuts % 17 + 1;
		(*cuts)++;
		(*n_cuts)--;
	}
	return some < left ? some : left;
}

static void
quick(const uint8_t *p, size_t n, const uint8_t *cuts, size_t n_cuts,
    struct result *r)
{
	struct smtp_data d = {.at = SMTP_DATA_START};
	const uint8_t *span;
	size_t some, used, len;

	for (size_t at = 0; at < n && !r->end; at += some) {
		some = piece(&cuts, &n_cuts, n - at);
		for (size_t k = 0; k < some && !r->end; k += used) {
			r->end = smtp_data_next(
			    &d, p + at + k, some - k, &used, &span, &len);
			if (used == 0 || used > some - k || len > used)
				abort();
			memcpy(r->body + r->len, span, len);
			r->len += len;
			r->used += used;
		}
	}
	r->bare = d.bare;
}

static void
check_data(const uint8_t *p, size_t n, const uint8_t *cuts, size_t n_cuts)
{
	struct result want = {0}, got = {0};

	want.body = malloc(n + 1);
	got.body = malloc(n + 1);
	if (want.body == NULL || got.body == NULL)
		abort();
	slow(p, n, &want);
	quick(p, n, cuts, n_cuts, &got);
	if (got.end != want.end ||
	    (want.end &&
		(got.used != want.used || got.bare != want.bare ||
		    (!want.bare &&
			(got.len != want.len ||
			    memcmp(got.body, want.body, want.len) != 0)))))
		abort();
	free(want.body);
	free(got.body);
}

static void
check_chunks(const uint8_t *p, size_t n, const uint8_t *cuts, size_t n_cuts)
{
	struct smtp_data d = {.at = SMTP_DATA_START};
	bool bare = false;
	size_t some;

	for (size_t i = 0; i < n; i++)
		bare |= p[i] == '\0' ||
		    (p[i] == '\n' && (i == 0 || p[i - 1] != '\r')) ||
		    (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'));
	for (size_t at = 0; at < n; at += some) {
		some = piece(&cuts, &n_cuts, n - at);
		smtp_chunk_next(&d, p + at, some);
	}
	smtp_chunk_end(&d);
	if (d.bare != bare)
		abort();
}

/*
 * As many answers as there are CR LF or, in a line, a first bare LF; but where BDAT begins a
 * piece of what such a line drops, that is the last one.
 */
static size_t
answers(const uint8_t *p, size_t n)
{
	size_t want = 0, begin = 0;
	bool spoilt = false, cr;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		cr = i > 0 && p[i - 1] == '\r';
		want += !spoilt;
		if ((spoilt || !cr) &&
		    smtp_line_hides(p + begin, i + 1 - begin))
			return want + spoilt;
		spoilt = !cr;
		begin = cr ? i + 1 : begin;
	}
	return want + (spoilt && smtp_line_hides(p + begin, n - begin));
}

static void
check_lines(const uint8_t *p, size_t n, const uint8_t *cuts, size_t n_cuts)
{
	enum smtp_line_got last = SMTP_LINE_MORE;
	struct smtp_line l = {.cr = false};
	size_t some, used, len, got = 0;
	const char *line;

	for (size_t at = 0; at < n; at += some) {
		some = piece(&cuts, &n_cuts, n - at);
		for (size_t k = 0; k < some && last != SMTP_LINE_CHUNK;
		     k += used) {
			last = smtp_line_next(
			    &l, p + at + k, some - k, &used, &line, &len);
			got += last != SMTP_LINE_MORE;
			if (used == 0 || used > some - k)
				abort();
			if (last != SMTP_LINE_MORE)
				smtp_line_done(&l);
		}
	}
	smtp_line_free(&l);
	if (got != answers(p, n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	size_t n_cuts;

	if (n < 1 || p[0] >= n)
		return 0;
	n_cuts = p[0];
	p++;
	check_data(p + n_cuts, n - 1 - n_cuts, p, n_cuts);
	check_chunks(p + n_cuts, n - 1 - n_cuts, p, n_cuts);
	if (n < LIMIT_SMTP_AUTH_LINE)
		check_lines(p + n_cuts, n - 1 - n_cuts, p, n_cuts);
	return 0;
}
