/*
 * http_head.c: the strict reading of a request's head. One pass over the lines;
 * what the fields say together is judged at the end.
 */
#include "portal/http_head.h"

#include <string.h>
#include <strings.h>

/* What the fields that frame a request said. */
struct head {
	bool takes_body; /* of the method */
	bool old;        /* HTTP/1.0 */
	unsigned fields;
	unsigned hosts;
	unsigned lengths;
	bool length_zero;
	bool encoded; /* Transfer-Encoding is there */
};

static const struct {
	const char *name;
	bool takes_body;
} methods[] = {
    {"GET", false},
    {"HEAD", false},
    {"POST", true},
    {"PUT", true},
    {"PATCH", true},
    {"DELETE", false},
    {"OPTIONS", false},
};

/* RFC 9110 5.6.2 */
static bool
is_token(const char *p, size_t n)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z'))
			continue;
		if (c == '\0' || strchr(marks, c) == NULL)
			return false;
	}
	return true;
}

static bool
is_name(const char *p, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(p, name, n) == 0;
}

static int
method_line(struct head *h, const char *p, size_t n)
{
	if (!is_token(p, n))
		return 400;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strlen(methods[i].name) != n ||
		    memcmp(methods[i].name, p, n) != 0)
			continue;
		h->takes_body = methods[i].takes_body;
		return 0;
	}
	return 501;
}

static int
version_line(struct head *h, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' || p[5] < '0' ||
	    p[5] > '9' || p[7] < '0' || p[7] > '9')
		return 400;
	if (p[5] != '1' || p[7] > '1')
		return 505;
	h->old = p[7] == '0';
	return 0;
}

/* method SP request-target SP HTTP-version, RFC 9112 3 */
static int
request_line(struct head *h, const char *p, size_t n)
{
	const char *target, *version, *end = p + n;
	int status;

	if ((target = memchr(p, ' ', n)) == NULL)
		return 400;
	target++;
	version = memchr(target, ' ', (size_t)(end - target));
	if (version == NULL)
		return 400;
	if ((size_t)(version - target) > HTTP_HEAD_TARGET)
		return 414;
	version++;
	if ((status = version_line(h, version, (size_t)(end - version))) != 0)
		return status;
	if ((status = method_line(h, p, (size_t)(target - 1 - p))) != 0)
		return status;
	if (*target != '/')
		return 400;
	for (const char *c = target; c < version - 1; c++) {
		if (*c <= 0x20 || *c >= 0x7f)
			return 400;
	}
	return 0;
}

static int
host_field(struct head *h, const char *p, size_t n)
{
	if (++h->hosts > 1 || n == 0 || n > HTTP_HEAD_HOST)
		return 400;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z'))
			continue;
		if (c == '\0' || strchr("-._:[]", c) == NULL)
			return 400;
	}
	return 0;
}

static int
length_field(struct head *h, const char *p, size_t n)
{
	if (++h->lengths > 1 || n == 0)
		return 400;
	h->length_zero = true;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 400;
		if (p[i] != '0')
			h->length_zero = false;
	}
	return n > 15 ? 413 : 0;
}

/* name ":" OWS value OWS, RFC 9112 5; a folded line begins with no token. */
static int
field_line(struct head *h, const char *p, size_t n)
{
	const char *colon, *value, *end = p + n;
	size_t name;

	if (++h->fields > HTTP_HEAD_FIELDS)
		return 431;
	if ((colon = memchr(p, ':', n)) == NULL)
		return 400;
	name = (size_t)(colon - p);
	if (!is_token(p, name))
		return 400;
	for (value = colon + 1; value < end; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return 400;
	}
	for (value = colon + 1; value < end && strchr(" \t", *value) != NULL;)
		value++;
	while (end > value && strchr(" \t", end[-1]) != NULL)
		end--;
	n = (size_t)(end - value);

	if (is_name(p, name, "host"))
		return host_field(h, value, n);
	if (is_name(p, name, "content-length"))
		return length_field(h, value, n);
	if (is_name(p, name, "transfer-encoding"))
		h->encoded = true;
	if (is_name(p, name, "expect") && !is_name(value, n, "100-continue"))
		return 417;
	return 0;
}

/* What the fields mean together. */
static int
judge(const struct head *h)
{
	if (h->hosts != 1)
		return 400;
	if (h->encoded && (h->lengths > 0 || !h->takes_body || h->old))
		return 400;
	if (h->encoded)
		return 501;
	if (!h->takes_body && h->lengths > 0 && !h->length_zero)
		return 400;
	if (h->takes_body && h->lengths == 0)
		return 411;
	return 0;
}

/* A head that has not ended: is it still within its bounds? */
static int
unfinished(bool first_line, size_t line, size_t n)
{
	if (first_line && line > HTTP_HEAD_TARGET + 32)
		return 414;
	if (n >= HTTP_HEAD_MAX)
		return 431;
	return HTTP_HEAD_MORE;
}

int
http_head_check(const void *p, size_t n, size_t *len_out)
{
	const char *start = p, *line = p, *end = start + n, *lf, *cr;
	struct head h = {0};
	int status = 0;

	while ((lf = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		cr = memchr(line, '\r', (size_t)(lf - line));
		if (cr == NULL || cr != lf - 1)
			return 400;
		if (lf + 1 - start > HTTP_HEAD_MAX)
			return line == start ? 414 : 431;
		if (cr == line && line != start) {
			*len_out = (size_t)(lf + 1 - start);
			return judge(&h);
		}
		if (line == start)
			status = request_line(&h, line, (size_t)(cr - line));
		else
			status = field_line(&h, line, (size_t)(cr - line));
		if (status != 0)
			return status;
		line = lf + 1;
	}
	cr = memchr(line, '\r', (size_t)(end - line));
	if (cr != NULL && cr != end - 1)
		return 400;
	return unfinished(line == start, (size_t)(end - line), n);
}
