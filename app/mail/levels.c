/*
 * The stack of boundaries. A line is a boundary when nothing but blanks stands behind it;
 * RFC 2046 lets readers be content with its beginning, and some are.
 */
#include "mail/levels.h"

#include <stdlib.h>
#include <string.h>

int
levels_open(struct levels *l, const char *boundary, uint32_t depth, bool digest)
{
	struct level *new = &l->level[l->n];
	int unsure = 0;

	*new = (struct level){.boundary = strdup(boundary),
	    .len = strlen(boundary),
	    .depth = depth,
	    .digest = digest};
	if (new->boundary == NULL)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (!l->level[i].closed &&
		    strncmp(l->level[i].boundary, boundary, new->len) == 0)
			unsure = 1;
	l->n++;
	return unsure;
}

void
levels_keep(struct levels *l, size_t keep)
{
	while (l->n > keep)
		free(l->level[--l->n].boundary);
}

static enum levels_line
level_match(const struct level *l, const uint8_t *p, size_t n)
{
	enum levels_line is = LEVELS_NEXT;

	if (n < l->len || memcmp(p, l->boundary, l->len) != 0)
		return LEVELS_NONE;
	p += l->len;
	n -= l->len;
	if (n >= 2 && p[0] == '-' && p[1] == '-') {
		is = LEVELS_LAST;
		p += 2;
		n -= 2;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	return n == 0 ? is : LEVELS_UNSURE;
}

enum levels_line
levels_match(const struct levels *l, const uint8_t *p, size_t n, size_t *at)
{
	enum levels_line is = LEVELS_NONE;

	if (n < 3 || p[0] != '-' || p[1] != '-')
		return LEVELS_NONE;
	for (size_t i = l->n; i > 0; i--) {
		const struct level *level = &l->level[i - 1];
		enum levels_line this = level_match(level, p + 2, n - 2);

		if (this == LEVELS_NEXT && level->closed)
			return LEVELS_UNSURE;
		if (this == LEVELS_UNSURE)
			is = LEVELS_UNSURE;
		if (this == LEVELS_NEXT || this == LEVELS_LAST) {
			*at = i - 1;
			return this;
		}
	}
	return is;
}
