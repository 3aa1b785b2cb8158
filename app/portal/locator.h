/*
 * locator.h: what stands behind /m/: a pick-up code, or a code and a link secret with a
 * hyphen between; in any case, with the code's own hyphen or without.
 */
#ifndef PORTAL_LOCATOR_H
#define PORTAL_LOCATOR_H

#include "seal/token.h"

#define LOCATOR_SECRET_MAX 64

struct locator {
	char pickup[SEAL_PICKUP_LEN]; /* stored form */
	char secret[LOCATOR_SECRET_MAX +
	    1]; /* as given, perhaps wrong; "" when none */
};

/*
 * Also takes a whole link, and forgives white space and the full stops and brackets
 * that stick to copied links. -1 when there is no pick-up code in it.
 */
int locator_parse(const char *s, struct locator *out)
    __attribute__((warn_unused_result));

#endif
