/*
 * http_reply.h: the head of a response as bytes (RFC 9112 4, RFC 9110 6.6.1). Pure, and
 * without allocation: it runs for every request.
 */
#ifndef PORTAL_HTTP_REPLY_H
#define PORTAL_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "portal/http.h"

struct http_reply {
	const struct response
	    *resp;       /* status and fields; its body is not looked at */
	uint64_t length; /* Content-Length; statuses that have none get none */
	int64_t now;     /* seconds since 1970 */
	bool close;
};

/*
 * Writes status line, date, the fields, content-length, connection and the empty line.
 * Returns their bytes; 0 when cap is too small. On one thread alone.
 */
size_t http_reply_head(const struct http_reply *r, char *out, size_t cap);

/* RFC 9110 5.6.7: "Fri, 20 Nov 2026 13:58:00 GMT", 29 bytes and a NUL. */
#define HTTP_DATE_LEN 30
void http_reply_date(int64_t seconds, char out[HTTP_DATE_LEN]);

#endif
