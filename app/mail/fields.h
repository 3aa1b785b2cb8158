/*
 * fields.h: the fields of one header block (RFC 5322 2.2), in order. Lenient: line ends
 * may be CRLF or LF, space may stand before the colon, a line that is no field ends
 * the block.
 */
#ifndef MAIL_FIELDS_H
#define MAIL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fields {
	const uint8_t *p;
	size_t left;
};

struct field {
	const char *name; /* not terminated */
	size_t name_len;
	const uint8_t *value; /* folded, without its last line end */
	size_t value_len;
};

/* Length of the field name a line begins with, 0 when it begins with none. */
size_t fields_name(const uint8_t *p, size_t n);

void fields_init(struct fields *f, const void *p, size_t n);
/* False at the end of the block. */
bool fields_next(struct fields *f, struct field *out);
bool field_is(const struct field *f, const char *name);
/*
 * The value unfolded and terminated, NUL bytes as spaces, trimmed, its encoded words
 * joined (words.h); NULL when memory is out. The caller frees it.
 */
char *field_value(const struct field *f);

#endif
