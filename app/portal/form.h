/*
 * form.h: what a form sends, decoded: application/x-www-form-urlencoded (WHATWG URL 5.1)
 * and multipart/form-data (RFC 7578, RFC 2046 5.1), and a query. Values are any bytes
 * but NUL, line breaks included; several fields may have one name.
 */
#ifndef PORTAL_FORM_H
#define PORTAL_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define FORM_NAME_MAX      200  /* bytes of a field's name */
#define FORM_PART_HEAD_MAX 4096 /* bytes of the header of one part */

struct form_field {
	char *name;
	char *value; /* a field: owned, len bytes and a NUL; NULL for a file */
	char *file_name; /* a file: owned, as the browser gave it */
	char *type;      /* a file: owned, "" when none was given */
	const uint8_t
	    *data; /* a file: inside the body, which must outlive the form */
	size_t len;
};

struct form {
	struct form_field *field;
	size_t n;
};

#define FORM_INIT       \
	{               \
		NULL, 0 \
	}

/*
 * Decodes a body by its Content-Type into *out, which must be empty. A file field left
 * empty by its user is not there at all. ERR_TYPE when of another type, ERR_BAD_INPUT
 * when malformed or with a NUL, ERR_TOO_MANY past LIMIT_FORM_FIELDS; *out is then empty.
 */
int form_decode(const char *content_type, const void *body, size_t n,
    struct form *out, struct err *e) __attribute__((warn_unused_result));
/* The same for what stands behind '?'. */
int form_query(const char *query, struct form *out, struct err *e)
    __attribute__((warn_unused_result));
void form_free(struct form *f); /* wipes */

/* The first value of that name; "" when there is none. */
const char *form_get(const struct form *f, const char *name);
bool form_has(const struct form *f, const char *name);

#endif
