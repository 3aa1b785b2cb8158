/*
 * http.h: a request and its response as the pages see them, without Kore. The glue fills
 * the request on the event loop, a pool thread runs portal_handle(), the loop writes the
 * response. All pointers of a request live until its response is written; the glue wipes
 * its memory then.
 */
#ifndef PORTAL_HTTP_H
#define PORTAL_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"

enum http_verb { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct request {
	char id[ID_REQUEST_LEN]; /* in every log line of this request */
	enum http_verb verb;
	/* before '?', still percent-encoded, starts with '/' */
	const char *path;
	const char *query;  /* after '?', "" when none */
	const char *host;   /* Host, lower case, without port; "" when none */
	const char *client; /* network address */
	/* the Cookie field whole, several joined by "; "; "" when none */
	const char *cookie;
	const char *content_type; /* "" when none */
	const char *origin;       /* Origin, "" when none */
	const char *fetch_site;   /* Sec-Fetch-Site, "" when none */
	const char *accept_language;
	const char *if_none_match;
	const uint8_t *body; /* NULL when none */
	size_t body_len;
};

#define RESPONSE_HEADERS 24

struct response {
	int status;
	struct buf body;
	struct {
		char *name; /* owned */
		char *value;
	} header[RESPONSE_HEADERS];
	size_t n_header;
	/* name of the route for the access log; a constant string */
	const char *route;
};

/* -1 when memory is out, the table full, or the value holds CR, LF or NUL. */
int response_header(struct response *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
void response_free(struct response *r); /* wipes */

#endif
