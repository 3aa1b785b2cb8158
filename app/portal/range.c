/*
 * range.c: conditional and partial requests for a file.
 */
#include "portal/range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UNIT "bytes="

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* ---- entity tags ------------------------------------------------------------ */

/* One of a list (8.8.3); weak: a weak one is as good. "*" is any. */
static bool
is_tagged(const char *list, const char *tag, bool weak)
{
	const char *s = skip_blanks(list);
	const size_t n = strlen(tag);
	size_t len;
	bool soft;

	if (*s == '*')
		return *skip_blanks(s + 1) == '\0';
	for (; *(s += strspn(s, " \t,")) != '\0'; s += len + 1) {
		soft = strncmp(s, "W/", 2) == 0;
		s += soft ? 2 : 0;
		if (*s++ != '"')
			return false;
		len = strcspn(s, "\"");
		if (s[len] == '\0')
			return false;
		if (len == n && memcmp(s, tag, n) == 0 && (weak || !soft))
			return true;
	}
	return false;
}

/* Nothing else is meant: a date is of no file of ours (13.1.5). */
static bool
is_the_tag(const char *s, const char *tag)
{
	const size_t n = strlen(tag);

	return s[0] == '"' && strncmp(s + 1, tag, n) == 0 &&
	    strcmp(s + 1 + n, "\"") == 0;
}

/* ---- ranges ----------------------------------------------------------------- */

struct spec {
	bool has_first; /* else a suffix: the last `last` bytes */
	bool has_last;
	uint64_t first;
	uint64_t last;
};

/* Digits; what is too large for a file is as large as can be. */
static const char *
read_number(const char *s, bool *has, uint64_t *out)
{
	unsigned digit;

	*out = 0;
	for (*has = false; *s >= '0' && *s <= '9'; s++) {
		digit = (unsigned)(*s - '0');
		*has = true;
		*out = *out > (UINT64_MAX - digit) / 10 ? UINT64_MAX :
							  *out * 10 + digit;
	}
	return s;
}

/* One element; NULL: not one. */
static const char *
read_spec(const char *s, struct spec *out)
{
	s = read_number(s, &out->has_first, &out->first);
	if (*s++ != '-')
		return NULL;
	s = read_number(s, &out->has_last, &out->last);
	if (!out->has_first && !out->has_last)
		return NULL;
	if (out->has_first && out->has_last && out->last < out->first)
		return NULL;
	s = skip_blanks(s);
	return *s == ',' || *s == '\0' ? s : NULL;
}

/* How many ranges there are, 0 where the field is no good; *out the last. */
static unsigned
read_specs(const char *s, struct spec *out)
{
	unsigned n = 0;

	if (strncasecmp(s, UNIT, strlen(UNIT)) != 0)
		return 0;
	for (s += strlen(UNIT); *(s += strspn(s, " \t,")) != '\0'; n++)
		if ((s = read_spec(s, out)) == NULL)
			return 0;
	return n;
}

static int
range_cut(const struct spec *s, uint64_t size, uint64_t *first, uint64_t *n)
{
	if (!s->has_first) {
		if (s->last == 0)
			return 416;
		if (size == 0)
			return 200; /* there is no writing down no bytes */
		*n = s->last < size ? s->last : size;
		*first = size - *n;
		return 206;
	}
	if (s->first >= size)
		return 416;
	*first = s->first;
	*n = size - s->first;
	if (s->has_last && s->last - s->first < *n)
		*n = s->last - s->first + 1;
	return 206;
}

int
range_answer(const struct range_ask *ask, uint64_t *first, uint64_t *n)
{
	struct spec s;

	*first = 0;
	*n = ask->size;
	if (ask->if_match[0] != '\0' &&
	    !is_tagged(ask->if_match, ask->tag, false))
		return 412;
	if (ask->if_none_match[0] != '\0' &&
	    is_tagged(ask->if_none_match, ask->tag, true))
		return 304;
	if (!ask->get || read_specs(ask->range, &s) != 1)
		return 200;
	if (ask->if_range[0] != '\0' && !is_the_tag(ask->if_range, ask->tag))
		return 200;
	return range_cut(&s, ask->size, first, n);
}
