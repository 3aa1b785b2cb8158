/*
 * type.h: how a Content-Type or Content-Transfer-Encoding is written, apart from what it
 * means: whether every reader takes a tree out of it in the same way. Inside mail/ only.
 */
#ifndef MAIL_TYPE_H
#define MAIL_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum type_shape {
	TYPE_OTHER,     /* of no multipart, for anybody */
	TYPE_MULTIPART, /* of a multipart with this boundary, for everybody */
	TYPE_UNSURE     /* some may see a multipart, or another boundary */
};

/*
 * The unfolded value of a Content-Type. A multipart has to be written as RFC 2045 5.1
 * says (between parameters more than one semicolon may stand, and values other than the
 * boundary's may be words of any kind) with exactly one `boundary`, not empty, without
 * comments, RFC 2231 forms, escapes, controls and 8-bit octets. *boundary is "" else.
 */
enum type_shape type_read(const char *value, char *boundary, size_t cap);

/* The unfolded value names an encoding to some readers alone: it is more than one token. */
bool type_encoding_unsure(const char *value);

/* Two tokens with a slash between them. */
bool type_is_valid(const char *s);

#endif
