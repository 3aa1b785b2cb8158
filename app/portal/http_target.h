/*
 * http_target.h: what a request asks for: the target of its first line, made into the
 * path that routes are found by. Pure.
 */
#ifndef PORTAL_HTTP_TARGET_H
#define PORTAL_HTTP_TARGET_H

#include <stddef.h>

/*
 * Splits n bytes of a target (origin form, or what of an absolute one follows the
 * host) at the first '?'. path gets what stands before, decoded once and without dot
 * segments, which do not lead above the root: n + 2 bytes are enough. query_out points
 * behind the '?' in p, or is NULL. 0, or 400: a bad escape, an escaped slash, backslash,
 * NUL or other control, a plain backslash, or no UTF-8.
 */
int http_target(const char *p, size_t n, char *path, const char **query_out)
    __attribute__((warn_unused_result));

#endif
