/*
 * http_head.h: reads the head of a request (RFC 9112 sections 2 to 5) as it comes in,
 * strictly: whatever two readers could understand differently is refused. Knows no
 * connection and allocates nothing.
 */
#ifndef PORTAL_HTTP_HEAD_H
#define PORTAL_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portal/http.h"

#define HTTP_HEAD_MAX    16384 /* bytes, with the empty line */
#define HTTP_HEAD_TARGET 1900  /* bytes of a request target */
#define HTTP_HEAD_FIELDS 100
#define HTTP_HEAD_HOST   253 /* bytes of Host */

#define HTTP_HEAD_MORE (-1)

/* A piece of the head, by its place: valid in every copy of the bytes. */
struct http_span {
	uint16_t at;
	uint16_t len;
};

struct http_head {
	size_t len; /* bytes, with the empty line */
	enum http_verb verb;
	bool old;              /* HTTP/1.0 */
	bool close;            /* the client wants, or knows, no next request */
	bool expects;          /* 100-continue, before it sends the body */
	bool whole;            /* OPTIONS * */
	uint64_t length;       /* Content-Length, 0 when none */
	struct http_span path; /* with the query; of OPTIONS * the asterisk */
	/* Of an absolute target its authority, else Host's value; len 0: none. */
	struct http_span host;
	unsigned fields;
	struct http_span name[HTTP_HEAD_FIELDS];
	/* without white space around */
	struct http_span value[HTTP_HEAD_FIELDS];
};

/*
 * The n bytes received so far. 0: they begin with a whole, good head, which *out
 * describes (what follows is the body or the next request). HTTP_HEAD_MORE: good so
 * far. Otherwise the status of the refusal:
 *
 *	400  anything malformed; a bare CR or LF; a folded line; Host missing or odd;
 *	     a field twice that may stand once (SECURITY rests on: Host,
 *	     Content-Length, Content-Type, Expect, Origin, Range, If-Range,
 *	     Authorization, Tus-Resumable, Upload-*); Content-Length beside
 *	     Transfer-Encoding; a body announced on GET, HEAD, DELETE or OPTIONS
 *	411  POST, PUT, PATCH without Content-Length, chunked ones included
 *	413  a Content-Length of more than 15 digits
 *	414  target too long          417  an expectation we do not know
 *	431  head or number of fields too big
 *	501  unknown method, other codings         505  another version
 *
 * One empty line before the request line is skipped (RFC 9112 2.2). In an absolute
 * target the authority stands for Host (3.2.2); authority form is refused, "*" is
 * for OPTIONS alone.
 */
int http_head_read(const void *p, size_t n, struct http_head *out);

/*
 * Makes strings of the fields in a copy of the head that may be written to: names in
 * lower case; values without their Latin-1 changed.
 */
void http_head_fields(
    const struct http_head *h, char *copy, struct http_field *out);

#endif
