/*
 * brand.h: a tenant's one colour, made readable: at least 4.5 to 1 on the page in light
 * and dark (WCAG 2, 1.4.3), whatever was chosen.
 */
#ifndef PORTAL_BRAND_H
#define PORTAL_BRAND_H

#include "base/buf.h"

struct rgb {
	int c[3]; /* 0..255 */
};

/* "#1f4b8f", either case. */
int brand_parse(const char *s, struct rgb *out)
    __attribute__((warn_unused_result));
/* Their contrast, 1.0 to 21.0. */
double brand_contrast(const struct rgb *a, const struct rgb *b);
/* The nearest to c, towards black or white, with that contrast on `on`. */
struct rgb brand_readable(
    const struct rgb *c, const struct rgb *on, double contrast);
/* The style sheet. */
int brand_css(const struct rgb *c, struct buf *out)
    __attribute__((warn_unused_result));

#endif
