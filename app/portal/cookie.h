/*
 * cookie.h: finds our cookie in a Cookie field (RFC 6265 5.4) and writes the field
 * that sets it.
 */
#ifndef PORTAL_COOKIE_H
#define PORTAL_COOKIE_H

#include <stdbool.h>

#include "desk/visit.h"

#define COOKIE_NAME "__Host-restante"

/*
 * The value of our cookie. false, and out "", when there is none, when it is not 64
 * characters of base64url, or when two of them differ: then nobody is signed in.
 */
bool cookie_find(const char *field, char out[DESK_COOKIE_LEN]);

#define COOKIE_SET_LEN 160
/* The value of Set-Cookie; value "" ends the cookie. */
void cookie_set(const char *value, char out[COOKIE_SET_LEN]);

#endif
