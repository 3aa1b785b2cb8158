/*
 * forward.c: headers of messages that are handed on.
 */
#include "mail/forward.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "mail/fields.h"
#include "mail/words.h"

#define LINE_MAX_OUT 998 /* without CRLF, RFC 5322 2.1.1 */

bool
mail_tag_ok(const char *tag)
{
	size_t n = strlen(tag);

	if (n > MAIL_TAG_MAX || !text_is_utf8(tag, n))
		return false;
	for (const char *p = tag; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return n == 0 || (tag[0] != ' ' && tag[n - 1] != ' ');
}

/* Bytes of the field, or odd line, that p begins with: with its folded lines. */
static size_t
field_length(const uint8_t *p, size_t n)
{
	size_t len = 0;
	const uint8_t *lf;

	do {
		lf = memchr(p + len, '\n', n - len);
		len = lf != NULL ? (size_t)(lf - p) + 1 : n;
	} while (len < n && (p[len] == ' ' || p[len] == '\t'));
	return len;
}

static bool
has_prefix(const struct field *f, const char *prefix)
{
	size_t n = strlen(prefix);

	return f->name_len > n && strncasecmp(f->name, prefix, n) == 0;
}

static bool
is_tagged(const struct field *f, const char *tag, struct err *e, int *bad)
{
	char *value = field_value(f);
	char *text;
	bool found;

	if (value == NULL) {
		*bad = err_set(e, ERR_UNAVAILABLE, "subject: memory");
		return false;
	}
	words_rename(value, false);
	text = g_mime_utils_header_decode_text(NULL, value);
	found = strstr(text, tag) != NULL;
	secret_wipe(value, strlen(value));
	free(value);
	g_free(text);
	return found;
}

static bool
is_plain(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			return false;
	return strstr(s, "=?") == NULL;
}

/*
 * The tag as it stands in a header. White space between two encoded words is none
 * (RFC 2047 6.2): before one, the space goes inside.
 */
static int
add_tag(struct buf *out, const char *tag, bool word_follows)
{
	char text[MAIL_TAG_MAX + 2];
	char *coded;
	int r;

	if (is_plain(tag))
		return buf_adds(out, tag);
	g_snprintf(text, sizeof(text), "%s%s", tag, word_follows ? " " : "");
	coded = g_base64_encode((const guchar *)text, strlen(text));
	r = buf_addf(out, "=?UTF-8?B?%s?=", coded);
	g_free(coded);
	return r;
}

/* Length of the value's first line. */
static size_t
first_line(const uint8_t *p, size_t n)
{
	const uint8_t *cr = memchr(p, '\r', n);
	const uint8_t *lf = memchr(p, '\n', n);

	if (cr == NULL || (lf != NULL && lf < cr))
		cr = lf;
	return cr != NULL ? (size_t)(cr - p) : n;
}

/* The field with the tag before its value, which stays as it is. */
static int
add_subject(struct buf *out, const struct field *f, const char *tag)
{
	const uint8_t *v = f->value;
	size_t n = f->value_len, before = out->len;
	int r;

	while (n > 0 && (*v == ' ' || *v == '\t')) {
		v++;
		n--;
	}
	r = buf_addf(out, "%.*s: ", (int)f->name_len, f->name);
	if (r == 0)
		r = add_tag(out, tag, n > 1 && v[0] == '=' && v[1] == '?');
	if (r == 0 && n > 0)
		r = buf_adds(out,
		    out->len - before + 1 + first_line(v, n) > LINE_MAX_OUT ?
			"\r\n " :
			" ");
	if (r == 0)
		r = buf_add(out, v, n);
	return r == 0 ? buf_adds(out, "\r\n") : -1;
}

struct rewriting {
	const struct mail_forward *f;
	struct buf *out;
	bool subject, message_id, date;
};

/* One field of the old header into the new one. */
static int
rewrite(struct rewriting *w, const uint8_t *p, size_t n, struct err *e)
{
	struct fields one;
	struct field f;
	int bad = 0;

	fields_init(&one, p, n);
	if (!fields_next(&one, &f))
		return buf_add(w->out, p, n);
	if (has_prefix(&f, MAIL_OURS) && !field_is(&f, MAIL_OURS_TRACE))
		return 0;
	w->message_id |= field_is(&f, "Message-ID");
	w->date |= field_is(&f, "Date");
	if (!field_is(&f, "Subject") || w->subject)
		return buf_add(w->out, p, n);
	w->subject = true;
	if (*w->f->tag == '\0' || is_tagged(&f, w->f->tag, e, &bad))
		return buf_add(w->out, p, n);
	return bad == 0 ? add_subject(w->out, &f, w->f->tag) : -1;
}

static int
add_missing(struct rewriting *w)
{
	char date[CLOCK_TEXT_LEN];
	int r = 0;

	if (w->out->len > 0 && w->out->data[w->out->len - 1] != '\n')
		r = buf_adds(w->out, "\r\n");
	clock_rfc5322(w->f->date, date);
	if (r == 0 && !w->date)
		r = buf_addf(w->out, "Date: %s\r\n", date);
	if (r == 0 && !w->message_id)
		r = buf_addf(w->out, "Message-ID: <%s>\r\n", w->f->message_id);
	if (r == 0 && !w->subject && *w->f->tag != '\0') {
		r = buf_adds(w->out, "Subject: ");
		if (r == 0)
			r = add_tag(w->out, w->f->tag, false);
		if (r == 0)
			r = buf_adds(w->out, "\r\n");
	}
	return r;
}

int
mail_forward_head(const void *block, size_t n, const struct mail_forward *f,
    struct buf *out, struct err *e)
{
	struct rewriting w = {.f = f, .out = out};
	const uint8_t *p = block;
	int r = buf_adds(out, f->lines);
	size_t len;

	/* What belongs to no field would belong to the last one of ours. */
	if (n > 0 && (*p == ' ' || *p == '\t')) {
		len = field_length(p, n);
		p += len;
		n -= len;
	}
	for (; r == 0 && n > 0; p += len, n -= len) {
		len = field_length(p, n);
		r = rewrite(&w, p, len, e);
	}
	if (r == 0)
		r = add_missing(&w);
	if (r == -1)
		return err_set(e, ERR_UNAVAILABLE, "header: memory");
	return 0;
}

void
mail_shape_add(struct mail_shape *s, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		s->eight |= b[i] >= 0x80;
		s->binary |= b[i] == '\0' ||
		    (b[i] == '\n') != (s->some && s->last == '\r');
		s->last = b[i];
		s->some = true;
	}
}

void
mail_shape_end(struct mail_shape *s)
{
	s->binary |= s->some && s->last == '\r';
}
