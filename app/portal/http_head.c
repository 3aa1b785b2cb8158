/*
 * http_head.c: the strict reading of a request's head. One pass over the lines;
 * what the fields say together is judged at the end.
 */
#include "portal/http_head.h"

#include <string.h>
#include <strings.h>

/* The head that is being read, and what the fields that frame it said. */
struct state {
	struct http_head *h;
	const char *start;
	bool takes_body; /* of the method */
	bool absolute;   /* the target names the host */
	unsigned hosts;
	unsigned lengths;
	bool encoded; /* Transfer-Encoding is there */
	bool chunked;
};

static const struct {
	const char *name;
	enum http_verb verb;
	bool takes_body;
} methods[] = {
    {"GET", HTTP_GET, false},
    {"HEAD", HTTP_HEAD, false},
    {"POST", HTTP_POST, true},
    {"PATCH", HTTP_PATCH, true},
    {"DELETE", HTTP_DELETE, false},
    {"OPTIONS", HTTP_OPTIONS, false},
    {"PUT", HTTP_OTHER, true},
};

/* Twice the same of these is two readers' quarrel. */
static const char *const singles[] = {
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "expect",
    "origin",
    "range",
    "if-range",
    "authorization",
    "tus-resumable",
};

/* RFC 9110 5.6.2 */
static const bool token[256] = {
    ['!'] = true,
    ['#'] = true,
    ['$'] = true,
    ['%'] = true,
    ['&'] = true,
    ['\''] = true,
    ['*'] = true,
    ['+'] = true,
    ['-'] = true,
    ['.'] = true,
    ['^'] = true,
    ['_'] = true,
    ['`'] = true,
    ['|'] = true,
    ['~'] = true,
    ['0' ... '9'] = true,
    ['A' ... 'Z'] = true,
    ['a' ... 'z'] = true,
};

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

static bool
is_hex(char c)
{
	return is_alnum(c) && ((c | 0x20) <= 'f');
}

static bool
is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!token[(unsigned char)p[i]])
			return false;
	}
	return n > 0;
}

static bool
is_name(const char *p, size_t n, const char *name)
{
	return n == strlen(name) && strncasecmp(p, name, n) == 0;
}

static struct http_span
span(const struct state *s, const char *p, size_t n)
{
	return (struct http_span){
	    .at = (uint16_t)(p - s->start), .len = (uint16_t)n};
}

/* ---- the request line ---- */

static int
method_of(struct state *s, const char *p, size_t n)
{
	if (!is_token(p, n))
		return 400;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strlen(methods[i].name) != n ||
		    memcmp(methods[i].name, p, n) != 0)
			continue;
		s->h->verb = methods[i].verb;
		s->takes_body = methods[i].takes_body;
		return 0;
	}
	return 501;
}

static int
version_of(struct state *s, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' || p[5] < '0' ||
	    p[5] > '9' || p[7] < '0' || p[7] > '9')
		return 400;
	if (p[5] != '1' || p[7] > '1')
		return 505;
	s->h->old = p[7] == '0';
	s->h->close = s->h->old;
	return 0;
}

/* Digits up to 65535, or nothing at all (RFC 3986 3.2.3). */
static bool
is_port(const char *p, size_t n)
{
	unsigned port = 0;

	for (size_t i = 0; i < n && port <= 65535; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		port = port * 10 + (unsigned)(p[i] - '0');
	}
	return port <= 65535;
}

/* How much of it is a name, or an address of IPv4, or of IPv6 in brackets. */
static size_t
host_name(const char *p, size_t n)
{
	size_t i = 0;

	if (n > 0 && *p == '[') {
		for (i = 1;
		     i < n && (is_hex(p[i]) || p[i] == ':' || p[i] == '.');)
			i++;
		return i > 1 && i < n && p[i] == ']' ? i + 1 : 0;
	}
	while (i < n && p[i] != '\0' &&
	    (is_alnum(p[i]) || strchr("-._", p[i]) != NULL))
		i++;
	return i;
}

/* Host, perhaps with a port: no user, no path. */
static int
host_of(struct state *s, const char *p, size_t n)
{
	size_t name = host_name(p, n);

	if (name == 0 || n > HTTP_HEAD_HOST)
		return 400;
	if (name < n &&
	    (p[name] != ':' || !is_port(p + name + 1, n - name - 1)))
		return 400;
	s->h->host = span(s, p, n);
	return 0;
}

/* http://host/path: the host counts as Host, the rest as the target. */
static int
absolute_target(struct state *s, const char *p, size_t n)
{
	const char *host, *end = p + n, *slash;

	if (n > 7 && strncasecmp(p, "http://", 7) == 0)
		host = p + 7;
	else if (n > 8 && strncasecmp(p, "https://", 8) == 0)
		host = p + 8;
	else
		return 400;
	for (slash = host; slash < end && *slash != '/' && *slash != '?';)
		slash++;
	s->absolute = true;
	s->h->path = span(s, slash, (size_t)(end - slash));
	return host_of(s, host, (size_t)(slash - host));
}

static int
target_of(struct state *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] <= 0x20 || p[i] >= 0x7f || p[i] == '#')
			return 400;
	}
	if (n == 0)
		return 400;
	s->h->path = span(s, p, n);
	if (*p == '/')
		return 0;
	if (n == 1 && *p == '*' && s->h->verb == HTTP_OPTIONS) {
		s->h->whole = true;
		return 0;
	}
	return absolute_target(s, p, n);
}

/* method SP request-target SP HTTP-version, RFC 9112 3 */
static int
request_line(struct state *s, const char *p, size_t n)
{
	const char *target, *version, *end = p + n;
	int status;

	if ((target = memchr(p, ' ', n)) == NULL)
		return 400;
	target++;
	version = memchr(target, ' ', (size_t)(end - target));
	if (version == NULL)
		return 400;
	if (version - target > HTTP_HEAD_TARGET)
		return 414;
	version++;
	if ((status = version_of(s, version, (size_t)(end - version))) != 0)
		return status;
	if ((status = method_of(s, p, (size_t)(target - 1 - p))) != 0)
		return status;
	return target_of(s, target, (size_t)(version - 1 - target));
}

/* ---- fields ---- */

static int
length_field(struct state *s, const char *p, size_t n)
{
	uint64_t length = 0;

	s->lengths++;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 400;
		length = length * 10 + (uint64_t)(p[i] - '0');
	}
	if (n == 0)
		return 400;
	s->h->length = length;
	return n > 15 ? 413 : 0;
}

/* Tokens with commas between; those we do not know are the hop's affair. */
static int
connection_field(struct state *s, const char *p, size_t n)
{
	const char *end = p + n, *item, *stop;

	while (p < end) {
		for (item = p; p < end && *p != ',';)
			p++;
		stop = p++;
		while (item < stop && (*item == ' ' || *item == '\t'))
			item++;
		while (stop > item && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (is_name(item, (size_t)(stop - item), "close"))
			s->h->close = true;
	}
	return 0;
}

static int
host_field(struct state *s, const char *p, size_t n)
{
	struct http_span kept = s->h->host;
	int status = host_of(s, p, n);

	s->hosts++;
	if (s->absolute)
		s->h->host = kept;
	return status;
}

static int
expect_field(struct state *s, const char *p, size_t n)
{
	if (!is_name(p, n, "100-continue"))
		return 417;
	s->h->expects = true;
	return 0;
}

static int
encoding_field(struct state *s, const char *p, size_t n)
{
	s->encoded = true;
	s->chunked = is_name(p, n, "chunked");
	return 0;
}

/* Sorted by nothing: a head has few of these. */
static const struct {
	const char *name;
	int (*read)(struct state *, const char *, size_t);
} readers[] = {
    {"host", host_field},
    {"content-length", length_field},
    {"connection", connection_field},
    {"expect", expect_field},
    {"transfer-encoding", encoding_field},
};

static bool
is_single(const char *p, size_t n)
{
	if (n > 7 && strncasecmp(p, "upload-", 7) == 0)
		return true;
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		if (is_name(p, n, singles[i]))
			return true;
	}
	return false;
}

static bool
was_there(const struct state *s, const char *p, size_t n)
{
	const struct http_head *h = s->h;

	for (unsigned i = 0; i < h->fields; i++) {
		if (h->name[i].len == n &&
		    strncasecmp(s->start + h->name[i].at, p, n) == 0)
			return true;
	}
	return false;
}

static bool
is_value(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* name ":" OWS value OWS, RFC 9112 5; a folded line begins with no token. */
static int
field_line(struct state *s, const char *p, size_t n)
{
	const char *colon, *value, *end = p + n;
	struct http_head *h = s->h;
	size_t name;

	if (h->fields == HTTP_HEAD_FIELDS)
		return 431;
	if ((colon = memchr(p, ':', n)) == NULL)
		return 400;
	name = (size_t)(colon - p);
	value = colon + 1;
	if (!is_token(p, name) || !is_value(value, (size_t)(end - value)))
		return 400;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (is_single(p, name) && was_there(s, p, name))
		return 400;
	h->name[h->fields] = span(s, p, name);
	h->value[h->fields++] = span(s, value, (size_t)(end - value));
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (is_name(p, name, readers[i].name))
			return readers[i].read(s, value, (size_t)(end - value));
	}
	return 0;
}

/* What the fields mean together. */
static int
judge(const struct state *s)
{
	if (s->hosts == 0 && !s->h->old)
		return 400;
	if (s->encoded && (s->lengths > 0 || !s->takes_body || s->h->old))
		return 400;
	if (s->encoded)
		return s->chunked ? 411 : 501;
	if (!s->takes_body && s->h->length > 0)
		return 400;
	if (s->takes_body && s->lengths == 0)
		return 411;
	/* RFC 9110 10.1.1: of a 1.0 client it means nothing. */
	if (s->h->old || s->h->length == 0)
		s->h->expects = false;
	return 0;
}

/* ---- the whole ---- */

static void
begin(struct state *s, struct http_head *h, const char *start)
{
	memset(s, 0, sizeof(*s));
	s->h = h;
	s->start = start;
	h->verb = HTTP_OTHER;
	h->old = h->close = h->expects = h->whole = false;
	h->length = 0;
	h->host = (struct http_span){0, 0};
	h->fields = 0;
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
http_head_read(const void *p, size_t n, struct http_head *out)
{
	const char *start = p, *first, *line, *end = start + n, *lf, *cr;
	struct state s;
	int status;

	begin(&s, out, start);
	first = n >= 2 && memcmp(start, "\r\n", 2) == 0 ? start + 2 : start;
	for (line = first;
	     (lf = memchr(line, '\n', (size_t)(end - line))) != NULL;
	     line = lf + 1) {
		cr = memchr(line, '\r', (size_t)(lf - line));
		if (cr == NULL || cr != lf - 1)
			return 400;
		if (lf + 1 - start > HTTP_HEAD_MAX)
			return line == first ? 414 : 431;
		if (cr == line && line != first) {
			out->len = (size_t)(lf + 1 - start);
			return judge(&s);
		}
		if (line == first)
			status = request_line(&s, line, (size_t)(cr - line));
		else
			status = field_line(&s, line, (size_t)(cr - line));
		if (status != 0)
			return status;
	}
	cr = memchr(line, '\r', (size_t)(end - line));
	if (cr != NULL && cr != end - 1)
		return 400;
	return unfinished(line == first, (size_t)(end - line), n);
}

void
http_head_fields(const struct http_head *h, char *copy, struct http_field *out)
{
	for (unsigned i = 0; i < h->fields; i++) {
		char *name = copy + h->name[i].at;
		char *value = copy + h->value[i].at;

		for (uint16_t k = 0; k < h->name[i].len; k++) {
			if (name[k] >= 'A' && name[k] <= 'Z')
				name[k] = (char)(name[k] - 'A' + 'a');
		}
		name[h->name[i].len] = '\0';
		value[h->value[i].len] = '\0';
		out[i].name = name;
		out[i].value = value;
	}
}
