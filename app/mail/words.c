/*
 * Runs of base64 words, in one pass.
 */
#include "mail/words.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

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
