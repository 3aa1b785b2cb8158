/*
 * http_head.h: judges the head of a request (RFC 9112 sections 2 to 5) as it comes
 * in, strictly: whatever two readers could understand differently is refused. It
 * keeps nothing and knows no connection; Kore asks it before it reads on.
 */
#ifndef PORTAL_HTTP_HEAD_H
#define PORTAL_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_HEAD_MAX    16384 /* bytes, with the empty line */
#define HTTP_HEAD_TARGET 1900  /* bytes of a request target */
#define HTTP_HEAD_FIELDS 100
#define HTTP_HEAD_HOST   253 /* bytes of Host */

#define HTTP_HEAD_MORE (-1)

/*
 * The n bytes received so far. 0: a whole, good head, its length with the empty
 * line in *len_out (what follows is the body or the next request).
 * HTTP_HEAD_MORE: good so far. Otherwise the status of the refusal:
 *
 *	400  anything malformed; a bare CR or LF; Host missing, twice or odd;
 *	     Content-Length twice or odd, or beside Transfer-Encoding; a body
 *	     announced on GET, HEAD, DELETE or OPTIONS
 *	411  POST, PUT, PATCH without Content-Length
 *	413  a Content-Length of more than 15 digits
 *	414  target too long          417  an expectation we do not know
 *	431  head or number of fields too big
 *	501  unknown method, Transfer-Encoding     505  another version
 */
int http_head_check(const void *p, size_t n, size_t *len_out);

#endif
