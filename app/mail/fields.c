/*
 * Header blocks split into fields; what a value means is left to others.
 */
#include "mail/fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "mail/words.h"

size_t
fields_name(const uint8_t *p, size_t n)
{
	size_t len = 0;
	size_t i;

	while (len < n && p[len] > ' ' && p[len] < 0x7f && p[len] != ':')
		len++;
	i = len;
	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i < n && p[i] == ':' ? len : 0;
}

void
fields_init(struct fields *f, const void *p, size_t n)
{
	f->p = p;
	f->left = n;
}

/* Bytes to the end of the line, its LF included. */
static size_t
line_length(const uint8_t *p, size_t n)
{
	const uint8_t *lf = memchr(p, '\n', n);

	return lf ? (size_t)(lf - p) + 1 : n;
}

bool
fields_next(struct fields *f, struct field *out)
{
	size_t len, colon;

	out->name = (const char *)f->p;
	out->name_len = fields_name(f->p, f->left);
	if (out->name_len == 0)
		return false;
	colon = (size_t)((const uint8_t *)memchr(f->p, ':', f->left) - f->p);
	len = line_length(f->p, f->left);
	if (colon >= len)
		return false;
	while (len < f->left && (f->p[len] == ' ' || f->p[len] == '\t'))
		len += line_length(f->p + len, f->left - len);
	out->value = f->p + colon + 1;
	out->value_len = len - colon - 1;
	f->p += len;
	f->left -= len;
	if (out->value_len > 0 && out->value[out->value_len - 1] == '\n')
		out->value_len--;
	if (out->value_len > 0 && out->value[out->value_len - 1] == '\r')
		out->value_len--;
	return true;
}

bool
field_is(const struct field *f, const char *name)
{
	return strlen(name) == f->name_len &&
	    strncasecmp(f->name, name, f->name_len) == 0;
}

char *
field_value(const struct field *f)
{
	char *s = malloc(f->value_len + 1);
	char *kept;
	size_t len = 0;

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < f->value_len; i++) {
		uint8_t c = f->value[i];

		if (c == '\r' || c == '\n')
			continue;
		s[len++] = c == '\0' ? ' ' : (char)c;
	}
	s[len] = '\0';
	kept = text_trim(s);
	memmove(s, kept, strlen(kept) + 1);
	words_join(s);
	return s;
}
