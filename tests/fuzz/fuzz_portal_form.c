/*
 * The first line is a Content-Type, the rest a body. What is taken lies inside the
 * body or in memory of its own, and names are never empty.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "portal/disposition.h"
#include "portal/form.h"
#include "portal/locator.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_field(const struct form_field *f, const uint8_t *body, size_t n)
{
	char out[DISPOSITION_LEN];

	if (f->name[0] == '\0' || strlen(f->name) > FORM_NAME_MAX)
		abort();
	if ((f->value == NULL) != (f->file_name != NULL))
		abort();
	if (f->file_name == NULL) {
		struct locator l;

		if (f->value[f->len] != '\0')
			abort();
		if (locator_parse(f->value, &l) == 0 &&
		    strlen(l.pickup) != SEAL_PICKUP_LEN - 1)
			abort();
		return;
	}
	if (f->data < body || f->data + f->len > body + n)
		abort();
	disposition_attachment(f->file_name, "file", out);
	if (strpbrk(out, "\r\n/\\") != NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const uint8_t *line = n == 0 ? NULL : memchr(p, '\n', n);
	struct form f = FORM_INIT;
	struct err e = {ERR_NONE, ""};
	uint8_t *body;
	char type[256];
	size_t i, len;

	if (line == NULL || line - p >= (long)sizeof(type))
		return 0;
	memcpy(type, p, (size_t)(line - p));
	type[line - p] = '\0';
	len = n - (size_t)(line - p) - 1;
	/* A copy of its own, so that a read past its end is seen. */
	body = malloc(len == 0 ? 1 : len);
	if (body == NULL)
		return 0;
	memcpy(body, line + 1, len);
	if (form_decode(type, body, len, &f, &e) == 0) {
		if (f.n > LIMIT_FORM_FIELDS)
			abort();
		for (i = 0; i < f.n; i++)
			check_field(&f.field[i], body, len);
	} else if (f.field != NULL) {
		abort();
	}
	form_free(&f);
	free(body);
	return 0;
}
