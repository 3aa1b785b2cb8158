/*
 * smtp_scan.h: what is left of a line while it is parsed; for the files of the
 * grammar alone.
 */
#ifndef INTAKE_SMTP_SCAN_H
#define INTAKE_SMTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct scan {
	const char *p;
	size_t n;
};

static inline bool
scan_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* Is all of it that word, in any case? */
static inline bool
scan_is(const struct scan *s, const char *word)
{
	return s->n == strlen(word) && strncasecmp(s->p, word, s->n) == 0;
}

static inline void
scan_skip(struct scan *s, size_t n)
{
	if (n == 0) /* p is NULL where there is no value */
		return;
	s->p += n;
	s->n -= n;
}

static inline void
scan_spaces(struct scan *s)
{
	while (s->n > 0 && *s->p == ' ')
		scan_skip(s, 1);
}

/* The bytes before `stop`, or all that is left; s goes on at `stop`. */
static inline struct scan
scan_until(struct scan *s, char stop)
{
	const char *at = s->n > 0 ? memchr(s->p, stop, s->n) : NULL;
	struct scan got = {s->p, at == NULL ? s->n : (size_t)(at - s->p)};

	scan_skip(s, got.n);
	return got;
}

#endif
