/*
 * cookie.c: the one cookie there is.
 */
#include "portal/cookie.h"

#include <stdio.h>
#include <string.h>

#define VALUE_CHARACTERS \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

bool
cookie_find(const char *field, char out[DESK_COOKIE_LEN])
{
	const size_t name = strlen(COOKIE_NAME);
	const char *p = field;
	size_t n;

	out[0] = '\0';
	for (; *p != '\0'; p += n) {
		p += strspn(p, "; \t");
		n = strcspn(p, ";");
		if (n <= name || p[name] != '=' ||
		    memcmp(p, COOKIE_NAME, name) != 0)
			continue;
		p += name + 1;
		n = strcspn(p, "; \t");
		if (n != DESK_COOKIE_LEN - 1 ||
		    strspn(p, VALUE_CHARACTERS) != n ||
		    (out[0] != '\0' && memcmp(out, p, n) != 0)) {
			memset(out, 0, DESK_COOKIE_LEN);
			return false;
		}
		memcpy(out, p, n);
		out[n] = '\0';
	}
	return out[0] != '\0';
}

void
cookie_set(const char *value, char out[COOKIE_SET_LEN])
{
	snprintf(out, COOKIE_SET_LEN,
	    "%s=%s; Path=/; Secure; HttpOnly; SameSite=Lax%s", COOKIE_NAME,
	    value, value[0] == '\0' ? "; Max-Age=0" : "");
}
