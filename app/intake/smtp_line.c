/*
 * smtp_line.c: where a command ends and where a message ends.
 */
#include "intake/smtp_line.h"

#include <string.h>

#include "base/limits.h"

/* Up to and with the next LF, or all. *cr_out: that LF has its CR. */
static size_t
to_newline(const struct smtp_line *l, const uint8_t *p, size_t n, bool *lf_out,
    bool *cr_out)
{
	const uint8_t *lf = memchr(p, '\n', n);

	*lf_out = lf != NULL;
	*cr_out = lf != NULL && (lf == p ? l->cr : lf[-1] == '\r');
	return lf == NULL ? n : (size_t)(lf - p) + 1;
}

/* *begun: letters of the word that the piece began with; one more: it is another word. */
static bool
hides(unsigned *begun, const uint8_t *p, size_t n)
{
	static const char word[] = "bdat";
	const unsigned len = sizeof(word) - 1;

	for (size_t i = 0; i < n && *begun != len; i++) {
		if (p[i] == '\r' || p[i] == '\n')
			*begun = 0;
		else if (*begun == 0 && (p[i] <= ' ' || p[i] == 0x7f))
			continue;
		else if (*begun < len && (p[i] | 0x20) == word[*begun])
			++*begun;
		else
			*begun = len + 1;
	}
	return *begun == len;
}

bool
smtp_line_hides(const void *p, size_t n)
{
	unsigned begun = 0;

	return hides(&begun, p, n);
}

/* From the line that is there in part, and goes on with p. */
static enum smtp_line_got
drain(struct smtp_line *l, const uint8_t *p, size_t n, enum smtp_line_got got)
{
	l->begun = 0;
	if (hides(&l->begun, l->part.data, l->part.len) ||
	    hides(&l->begun, p, n))
		got = SMTP_LINE_CHUNK;
	buf_clear(&l->part);
	l->draining = true;
	l->answered = got == SMTP_LINE_BARE;
	return got;
}

static enum smtp_line_got
drained(struct smtp_line *l, const uint8_t *p, size_t n, bool end)
{
	bool answered = l->answered;

	if (hides(&l->begun, p, n))
		return SMTP_LINE_CHUNK;
	if (!end)
		return SMTP_LINE_MORE;
	l->draining = false;
	l->answered = false;
	return answered ? SMTP_LINE_MORE : SMTP_LINE_LONG;
}

/* The line whose CR LF is in p[0 .. n). */
static enum smtp_line_got
complete(struct smtp_line *l, const uint8_t *p, size_t n, const char **line_out,
    size_t *len_out)
{
	if (l->part.len + n > LIMIT_SMTP_AUTH_LINE)
		return SMTP_LINE_LONG;
	if (l->part.len == 0) {
		*line_out = (const char *)p;
		*len_out = n - 2;
		return SMTP_LINE_FULL;
	}
	if (buf_add(&l->part, p, n) == -1)
		return SMTP_LINE_LONG;
	*line_out = (const char *)l->part.data;
	*len_out = l->part.len - 2;
	return SMTP_LINE_FULL;
}

enum smtp_line_got
smtp_line_next(struct smtp_line *l, const uint8_t *p, size_t n, size_t *used,
    const char **line_out, size_t *len_out)
{
	size_t at = 0, take;
	bool lf, crlf;
	enum smtp_line_got got;

	while (at < n) {
		take = to_newline(l, p + at, n - at, &lf, &crlf);
		l->cr = !lf && p[at + take - 1] == '\r';
		if (l->draining) {
			got = drained(l, p + at, take, crlf);
		} else if (crlf) {
			got = complete(l, p + at, take, line_out, len_out);
			if (got == SMTP_LINE_LONG) {
				got = drain(l, p + at, take, got);
				l->draining = false;
			}
		} else if (lf) {
			got = drain(l, p + at, take,
			    l->part.len + take > LIMIT_SMTP_AUTH_LINE ?
				SMTP_LINE_MORE :
				SMTP_LINE_BARE);
		} else {
			got = SMTP_LINE_MORE;
			if (l->part.len + take > LIMIT_SMTP_AUTH_LINE ||
			    buf_add(&l->part, p + at, take) == -1)
				got = drain(l, p + at, take, got);
		}
		at += take;
		if (got != SMTP_LINE_MORE) {
			*used = at;
			return got;
		}
	}
	*used = n;
	return SMTP_LINE_MORE;
}

void
smtp_line_done(struct smtp_line *l)
{
	if (l->part.cap > LIMIT_SMTP_COMMAND)
		buf_free(&l->part);
	else
		buf_clear(&l->part);
}

void
smtp_line_free(struct smtp_line *l)
{
	buf_free(&l->part);
}

/*
 * The bytes that were held back at the end of what was fed last: a dot at the
 * start of a line, and a CR behind it. Returns how many of p it took; the dot
 * itself is never part of the message.
 */
static size_t
resume_dot(struct smtp_data *d, const uint8_t *p, size_t n, bool *end_out)
{
	size_t took = 0;

	*end_out = false;
	if (d->at == SMTP_DATA_DOT) {
		if (p[0] != '\r') {
			d->at = SMTP_DATA_MID;
			return 0;
		}
		d->at = SMTP_DATA_DOT_CR;
		took = 1;
	}
	if (d->at == SMTP_DATA_DOT_CR && took < n) {
		*end_out = p[took] == '\n';
		/* The CR was bare: the message is lost, so is its place. */
		d->bare |= !*end_out;
		d->at = SMTP_DATA_MID;
		took += *end_out;
	}
	return took;
}

/* Of all bytes at once: they are many, and this is the one fault that has no place. */
static void
look_for_nul(struct smtp_data *d, const uint8_t *p, size_t n)
{
	if (!d->bare && n > 0 && memchr(p, '\0', n) != NULL)
		d->bare = true;
}

/* From inside a line to its CR, or to the end of p. */
static size_t
to_cr(struct smtp_data *d, const uint8_t *p, size_t n)
{
	const uint8_t *cr = memchr(p, '\r', n);
	size_t len = cr == NULL ? n : (size_t)(cr - p);

	if (!d->bare && memchr(p, '\n', len) != NULL)
		d->bare = true;
	if (cr != NULL) {
		d->at = SMTP_DATA_CR;
		len++;
	}
	d->line += len;
	if (d->line > LIMIT_SMTP_DATA_LINE)
		d->over_long = true;
	return len;
}

/* The LF behind a CR. */
static void
line_end(struct smtp_data *d)
{
	if (d->line + 1 > LIMIT_SMTP_DATA_LINE)
		d->over_long = true;
	d->line = 0;
	d->at = SMTP_DATA_START;
}

/* What follows a CR that is not LF makes it bare. */
static size_t
into_line(struct smtp_data *d, const uint8_t *p, size_t n)
{
	if (d->at == SMTP_DATA_CR)
		d->bare = true;
	d->at = SMTP_DATA_MID;
	return to_cr(d, p, n);
}

bool
smtp_data_next(struct smtp_data *d, const uint8_t *p, size_t n, size_t *used,
    const uint8_t **span_out, size_t *len_out)
{
	const uint8_t *at = p, *end = p + n, *start;
	bool done = false, dot = false;

	if (n > 0)
		at += resume_dot(d, p, n, &done);
	start = at;
	while (at < end && !done && !dot) {
		if (d->at == SMTP_DATA_CR && *at == '\n') {
			line_end(d);
			at++;
		} else if (d->at == SMTP_DATA_START && *at == '.') {
			d->at = SMTP_DATA_DOT;
			dot = true;
		} else {
			at += into_line(d, at, (size_t)(end - at));
		}
	}
	look_for_nul(d, start, (size_t)(at - start));
	*span_out = start;
	*len_out = (size_t)(at - start);
	*used = (size_t)(at - p) + dot;
	return done;
}

void
smtp_chunk_next(struct smtp_data *d, const uint8_t *p, size_t n)
{
	size_t at = 0;

	look_for_nul(d, p, n);
	while (at < n)
		if (d->at == SMTP_DATA_CR && p[at] == '\n') {
			line_end(d);
			at++;
		} else
			at += into_line(d, p + at, n - at);
}

void
smtp_chunk_end(struct smtp_data *d)
{
	if (d->at == SMTP_DATA_CR)
		d->bare = true;
}
