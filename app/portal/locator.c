/*
 * locator.c: takes links and typed pick-up codes apart.
 */
#include "portal/locator.h"

#include <string.h>

#include "base/text.h"

#define CODE  (SEAL_PICKUP_LEN - 1)
#define GROUP (CODE / 2)

int
locator_parse(const char *s, struct locator *out)
{
	char copy[256], code[CODE + 2], *p, *link;
	size_t n;

	memset(out, 0, sizeof(*out));
	if (text_copy(copy, sizeof(copy), s) == -1)
		return -1;
	p = text_trim(copy);
	link = strstr(p, "/m/");
	if (link != NULL)
		p = link + 3;
	n = strlen(p);
	while (n > 0 && strchr(".,;:)>]\"'/", p[n - 1]) != NULL)
		p[--n] = '\0';
	/* 7KQF-2M9X or 7KQF 2M9X, as it is shown to people. */
	if (n > CODE && (p[GROUP] == '-' || p[GROUP] == ' ')) {
		memmove(p + GROUP, p + GROUP + 1, n - GROUP);
		n--;
	}
	if (n < CODE || (n > CODE && p[CODE] != '-'))
		return -1;
	memcpy(code, p, CODE);
	code[CODE] = '\0';
	if (strpbrk(code, "- ") != NULL ||
	    seal_pickup_parse(code, out->pickup) == -1)
		return -1;
	if (n > CODE)
		text_cut(out->secret, sizeof(out->secret), p + CODE + 1);
	return 0;
}
