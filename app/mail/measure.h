/*
 * measure.h: what the content of a part holds once decoded: its size and digest, as it
 * comes. Inside mail/ only.
 */
#ifndef MAIL_MEASURE_H
#define MAIL_MEASURE_H

#include "mail/parse.h"

struct measure;
/* NULL: memory. */
struct measure *measure_new(void) __attribute__((warn_unused_result));
void measure_free(struct measure *me); /* NULL is fine */

/* A part in that encoding begins; the one before it, if any, was ended. -1: memory. */
int measure_begin(struct measure *me, enum mail_encoding enc, struct err *e)
    __attribute__((warn_unused_result));
int measure_add(struct measure *me, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/* Sets size and sha256. */
int measure_end(struct measure *me, struct mail_part *part, struct err *e)
    __attribute__((warn_unused_result));

#endif
