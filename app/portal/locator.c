/*
 * locator.c: takes links and typed pick-up codes apart.
 */
#include "portal/locator.h"

#include <string.h>

#include "base/secret.h"
#include "base/text.h"

#define CODE  (SEAL_PICKUP_LEN - 1)
#define GROUP (CODE / 2)

/* What stands in s, which is changed. */
static int
take_apart(char *s, struct locator *out)
{
	char code[CODE + 2], *p, *link;
	size_t n;

	p = text_trim(s);
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

int
locator_parse(const char *s, struct locator *out)
{
	char copy[256];
	int ret = -1;

	memset(out, 0, sizeof(*out));
	if (text_copy(copy, sizeof(copy), s) == 0)
		ret = take_apart(copy, out);
	secret_wipe(copy, sizeof(copy));
	return ret;
}
