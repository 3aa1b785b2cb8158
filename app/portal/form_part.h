/*
 * form_part.h: the header of one part of multipart/form-data, and the boundary in a
 * Content-Type. For form.c.
 */
#ifndef PORTAL_FORM_PART_H
#define PORTAL_FORM_PART_H

#include <stddef.h>

#include "portal/form.h"

#define FORM_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* Is content_type of this type, whatever its parameters? */
bool form_type_is(const char *content_type, const char *type);
/* -1 when there is none, two, or an odd one. */
int form_boundary(const char *content_type, char out[FORM_BOUNDARY_MAX + 1])
    __attribute__((warn_unused_result));

/*
 * The n bytes between the boundary's line and the empty line, each line with its CRLF.
 * Fills name, file_name (NULL: not a file) and type of *out, owned by the caller also
 * after -1.
 */
int form_part_head(const char *p, size_t n, struct form_field *out)
    __attribute__((warn_unused_result));

#endif
