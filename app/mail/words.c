/*
 * Runs of base64 words, in one pass; and character sets, in another.
 */
#include "mail/words.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "mail/charset.h"

/* =?charset?B?payload?= */
struct word {
	char *start;
	size_t charset_len; /* behind "=?" */
	char *payload;
	size_t payload_len;
	char *end; /* behind "?=" */
};

/* A base64 word that begins at s. */
static bool
word_at(char *s, struct word *w)
{
	char *p;

	if (strncmp(s, "=?", 2) != 0)
		return false;
	w->start = s;
	w->charset_len = strcspn(s + 2, "? \t=");
	p = s + 2 + w->charset_len;
	if (w->charset_len == 0 || strncasecmp(p, "?B?", 3) != 0)
		return false;
	w->payload = p + 3;
	w->payload_len = strcspn(w->payload, "? \t");
	w->end = w->payload + w->payload_len + 2;
	return strncmp(w->payload + w->payload_len, "?=", 2) == 0;
}

static bool
same_charset(const struct word *a, const struct word *b)
{
	return a->charset_len == b->charset_len &&
	    strncasecmp(a->start + 2, b->start + 2, a->charset_len) == 0;
}

static int
bytes_add(struct buf *out, const struct word *w)
{
	char *text = g_strndup(w->payload, w->payload_len);
	guchar *bytes;
	gsize n;
	int r;

	bytes = g_base64_decode(text, &n);
	r = buf_add(out, bytes, n);
	g_free(text);
	g_free(bytes);
	return r;
}

/* Into *out the bytes of the words that belong together; the last of them into *w. */
static void
run_read(struct word *w, struct buf *out)
{
	const struct word first = *w;
	bool padded = w->payload_len > 0 &&
	    w->payload[w->payload_len - 1] == '=';
	struct word next;
	char *p;

	while (padded) {
		p = w->end + strspn(w->end, " \t");
		if (p == w->end || !word_at(p, &next) ||
		    !same_charset(&first, &next) ||
		    (out->len == 0 && bytes_add(out, &first) == -1) ||
		    bytes_add(out, &next) == -1)
			return;
		*w = next;
		padded = out->len % 3 != 0;
	}
}

/* One word for all of them, which is never longer; where it ends. */
static char *
run_write(const struct word *first, const struct buf *bytes, char *to)
{
	const size_t head = (size_t)(first->payload - first->start);
	char *text = g_base64_encode(bytes->data, bytes->len);
	const size_t n = strlen(text);

	memmove(to, first->start, head);
	memcpy(to + head, text, n);
	memcpy(to + head + n, "?=", 2);
	g_free(text);
	return to + head + n + 2;
}

void
words_join(char *value)
{
	char *from = strstr(value, "=?"), *to = from;
	struct word first, last;

	if (from == NULL)
		return;
	while (*from != '\0') {
		struct buf bytes = BUF_INIT;

		if (!word_at(from, &first)) {
			*to++ = *from++;
			continue;
		}
		last = first;
		run_read(&last, &bytes);
		if (last.start != first.start) {
			to = run_write(&first, &bytes, to);
		} else {
			memmove(to, from, (size_t)(last.end - from));
			to += last.end - from;
		}
		from = last.end;
		buf_free(&bytes);
	}
	*to = '\0';
}

/* The set of what may be a word at s, of any encoding; 0: none. */
static size_t
set_length(const char *s)
{
	const size_t n = strcspn(s, "?");

	return s[n] == '?' && s[n + 1] != '\0' &&
		strchr("BbQq", s[n + 1]) != NULL && s[n + 2] == '?' ?
	    n :
	    0;
}

/*
 * From behind the set to where a word ends that all see as one, past its "?=": that with
 * what stands before or behind it begins no other. 0: it does not end so.
 */
static size_t
word_rest(const char *s)
{
	size_t n;

	if (s[0] != '?' || s[1] == '\0' || strchr("BbQq", s[1]) == NULL ||
	    s[2] != '?')
		return 0;
	n = 3 + strcspn(s + 3, " \t?");
	return s[n] == '?' && s[n + 1] == '=' ? n + 2 : 0;
}

/*
 * The set behind "*=", where a quote ends it. None was found between here and *barren: what
 * is looked at once more would be a square.
 */
static size_t
parameter_set_length(const char *s, const char **barren)
{
	const bool quoted = *s == '"';
	size_t n = quoted;

	if (!quoted && s < *barren)
		return 0;
	for (; s[n] != '\''; n++) {
		if (s[n] == '\0' || s[n] == (quoted ? '"' : ';')) {
			*barren = s + n;
			return 0;
		}
		if (quoted && s[n] == '\\' && s[n + 1] != '\0')
			n++;
	}
	return n - quoted;
}

/* Writes what n octets at `from` mean; where that ends. */
static char *
set_write(char *to, const char *from, size_t n)
{
	/* A language may stand behind it (RFC 2231 5). */
	const char *star = memchr(from, '*', n);
	const char *means = charset_means(
	    from, star != NULL ? (size_t)(star - from) : n);

	if (means != NULL) {
		n = strlen(means);
		from = means;
	}
	memmove(to, from, n);
	return to + n;
}

void
words_rename(char *value, bool parameters)
{
	const char *from = value, *barren = value;
	char *to = value;

	while (*from != '\0') {
		const char *at = from;
		size_t n = 0, rest = 0;

		if (strncmp(from, "=?", 2) == 0) {
			at += 2;
			n = set_length(at);
			rest = word_rest(at + n);
		} else if (parameters && *from == '*') {
			at += 1 + strspn(from + 1, " \t");
			if (*at == '=') {
				at += 1 + strspn(at + 1, " \t");
				n = parameter_set_length(at, &barren);
				at += n > 0 && *at == '"';
			}
		}
		if (n == 0 && rest == 0)
			at = from + 1;
		memmove(to, from, (size_t)(at - from));
		to += at - from;
		from = at + n;
		if (n > 0)
			to = set_write(to, at, n);
		memmove(to, from, rest);
		to += rest;
		from += rest;
	}
	*to = '\0';
}
