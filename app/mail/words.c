#include "mail/words.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

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

/* The bytes of both words as the payload of the first, which never grows. */
static void
join(struct word *a, const struct word *b)
{
	guchar *one, *two;
	gsize n, m;
	char *text;

	a->payload[a->payload_len] = b->payload[b->payload_len] = '\0';
	one = g_base64_decode(a->payload, &n);
	two = g_base64_decode(b->payload, &m);
	one = g_realloc(one, n + m + 1);
	memcpy(one + n, two, m);
	text = g_base64_encode(one, n + m);
	a->payload_len = strlen(text);
	memcpy(a->payload, text, a->payload_len);
	memcpy(a->payload + a->payload_len, "?=", 2);
	a->end = a->payload + a->payload_len + 2;
	memmove(a->end, b->end, strlen(b->end) + 1);
	secret_wipe(text, a->payload_len);
	secret_wipe(one, n + m);
	secret_wipe(two, m);
	g_free(text);
	g_free(one);
	g_free(two);
}

void
words_join(char *value)
{
	struct word a, b;
	char *p = value, *next;

	while ((p = strstr(p, "=?")) != NULL) {
		if (!word_at(p, &a)) {
			p += 2;
			continue;
		}
		next = a.end + strspn(a.end, " \t");
		if (a.payload_len > 0 && a.payload[a.payload_len - 1] == '=' &&
		    next > a.end && word_at(next, &b) && same_charset(&a, &b))
			join(&a, &b);
		else
			p = a.end;
	}
}
