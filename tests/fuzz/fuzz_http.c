/*
 * A request's head as it comes in. However its bytes are cut, it is taken or refused; what
 * is taken lies inside the head, ends where it says, and has a path that begins at the root
 * and does not leave it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "portal/http_head.h"
#include "portal/http_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
must(bool so)
{
	if (!so)
		abort();
}

/* A shorter beginning of what is good is good or says "more"; what it refuses, so does all. */
static void
check_prefixes(const uint8_t *p, size_t n, int status, size_t len)
{
	static struct http_head h;
	size_t step = n / 61 + 1;
	int part;

	for (size_t i = 0; i < n; i += step) {
		part = http_head_read(p, i, &h);
		must(part == HTTP_HEAD_MORE || (part == 0) == (status == 0));
		must(part != 0 || h.len == len);
	}
}

static void
check_target(const struct http_head *h, const char *text)
{
	static char path[HTTP_HEAD_TARGET + 2];
	const char *at = text + h->path.at, *query;

	must(h->path.len <= HTTP_HEAD_TARGET);
	if (h->whole || http_target(at, h->path.len, path, &query) != 0)
		return;
	must(path[0] == '/' && strlen(path) < sizeof(path));
	must(text_is_utf8(path, strlen(path)));
	must(strstr(path, "/../") == NULL && strstr(path, "/./") == NULL);
	must(query == NULL || (query > at && query <= at + h->path.len));
}

static void
check_fields(const struct http_head *h, const uint8_t *p)
{
	static struct http_field field[HTTP_HEAD_FIELDS];
	static char copy[HTTP_HEAD_MAX];

	memcpy(copy, p, h->len);
	http_head_fields(h, copy, field);
	for (unsigned i = 0; i < h->fields; i++) {
		must(h->value[i].at + h->value[i].len + 2U < h->len);
		must(field[i].name[0] != '\0');
		must(strlen(field[i].name) == h->name[i].len);
		must(strlen(field[i].value) == h->value[i].len);
		must(strpbrk(field[i].name, "\r\n: ") == NULL);
		must(strpbrk(field[i].value, "\r\n") == NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct http_head h;
	int status = http_head_read(p, n, &h);

	must(status == HTTP_HEAD_MORE || status == 0 ||
	    (status >= 400 && status < 600));
	if (status == HTTP_HEAD_MORE) {
		must(n < HTTP_HEAD_MAX);
		return 0;
	}
	if (status == 0) {
		must(h.len <= n && h.len <= HTTP_HEAD_MAX);
		must(memcmp(p + h.len - 4, "\r\n\r\n", 4) == 0);
		check_target(&h, (const char *)p);
		check_fields(&h, p);
	}
	check_prefixes(p, n, status, h.len);
	return 0;
}
