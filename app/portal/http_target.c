/*
 * http_target.c: paths are decoded before their dot segments are resolved, so that
 * "%2e%2e" is as good as "..", and nothing is decoded twice.
 */
#include "portal/http_target.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that "%XX" stands for; -1 when it is none that we take. */
static int
escaped(const char *p, const char *end)
{
	int high, low, c;

	if (end - p < 3 || (high = hex(p[1])) == -1 || (low = hex(p[2])) == -1)
		return -1;
	c = high << 4 | low;
	return c < 0x20 || c == 0x7f || c == '/' || c == '\\' ? -1 : c;
}

/* Bytes decoded, or -1. */
static long
decode(const char *p, const char *end, char *out)
{
	char *start = out;
	int c;

	while (p < end) {
		if (*p == '\\')
			return -1;
		if (*p != '%') {
			*out++ = *p++;
			continue;
		}
		if ((c = escaped(p, end)) == -1)
			return -1;
		*out++ = (char)c;
		p += 3;
	}
	return out - start;
}

/* RFC 3986 5.2.4, in place; s begins with '/'. */
static void
resolve(char *s, size_t n)
{
	const char *in = s, *end = s + n, *stop;
	char *out = s;
	size_t len;

	while (in < end) {
		stop = memchr(in + 1, '/', (size_t)(end - in - 1));
		if (stop == NULL)
			stop = end;
		len = (size_t)(stop - in);
		if (len == 3 && memcmp(in, "/..", 3) == 0) {
			while (out > s && *--out != '/')
				continue;
		} else if (len != 2 || memcmp(in, "/.", 2) != 0) {
			memmove(out, in, len);
			out += len;
			in = stop;
			continue;
		}
		in = stop;
		if (in == end) /* "/a/.." is the directory: a slash stays */
			*out++ = '/';
	}
	if (out == s)
		*out++ = '/';
	*out = '\0';
}

int
http_target(const char *p, size_t n, char *path, const char **query_out)
{
	const char *mark = memchr(p, '?', n);
	const char *end = mark != NULL ? mark : p + n;
	long len;

	*query_out = mark != NULL ? mark + 1 : NULL;
	if (p == end) { /* https://host alone */
		memcpy(path, "/", 2);
		return 0;
	}
	if ((len = decode(p, end, path)) == -1 || *path != '/' ||
	    !text_is_utf8(path, (size_t)len))
		return 400;
	resolve(path, (size_t)len);
	return 0;
}
