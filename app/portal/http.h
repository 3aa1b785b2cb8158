/*
 * http.h: a request and its response as the pages see them. The event loop fills the
 * request (http_exchange.h), a pool thread runs portal_handle(), the loop writes the
 * response. All pointers of a request live until its response is written; its memory is
 * wiped then.
 *
 * What is too large for memory is streamed: a response may have a source, whose blocks
 * are made one at a time on pool threads while the last one is being sent, and a request
 * a sink, which takes its body block by block. Neither holds a thread in between.
 */
#ifndef PORTAL_HTTP_H
#define PORTAL_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/limits.h"

struct desk;
struct response;

/* HTTP_OTHER: a method we know of and serve nowhere. */
enum http_verb {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_OTHER
};

struct http_field {
	const char *name; /* lower case */
	const char *value;
};

struct request {
	char id[ID_REQUEST_LEN]; /* in every log line of this request */
	enum http_verb verb;
	/* before '?', decoded once, without dot segments; starts with '/' */
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
	const struct http_field *field; /* all of them, in order */
	size_t n_field;
	uint64_t content_length; /* announced */
	const uint8_t *body;     /* NULL when none, or when it goes to a sink */
	size_t body_len;
};

/* The first field of that name (lower case), "" when there is none. */
const char *request_field(const struct request *req, const char *name);

/* The body of a response, made as it is sent. */
struct source {
	void *arg;       /* NULL: no source */
	uint64_t length; /* bytes in all: Content-Length */
	/*
	 * Appends the next block to out, at most LIMIT_STREAM_BLOCK bytes and at least
	 * one. -1 with *e set: the connection is cut. On a pool thread.
	 */
	int (*next)(void *arg, struct desk *d, struct buf *out, struct err *e);
	/*
	 * Exactly once, on a pool thread: frees arg. complete: the client's side
	 * has acknowledged all bytes; otherwise it left, was cut, or next() failed.
	 */
	void (*end)(void *arg, struct desk *d, bool complete);
};

/* Where the body of a request goes that is not kept in memory. */
struct sink {
	void *arg; /* NULL: no sink */
	/*
	 * The next n bytes, LIMIT_STREAM_BLOCK of them in all but the last block. -1 with *e set:
	 * finish() is called at once and its answer sent. On a pool thread, one
	 * block at a time.
	 */
	int (*take)(
	    void *arg, struct desk *d, const void *p, size_t n, struct err *e);
	/* Its end is portal_finish(): see finish in routes.h. */
};

/*
 * An answer that was written out before: in place of header fields and body. What it points
 * to is good until the portal is called again on the loop: copy it into what is sent.
 */
struct ready {
	const char *head; /* "name: value\r\n"..., no Content-Length */
	size_t head_len;
	const void *body;
	size_t body_len; /* READY_BODY_MAX at most */
};

/* So that head and body fit one record of TLS, and one copy. */
#define READY_BODY_MAX ((size_t)13 * 1024)

#define RESPONSE_HEADERS 24

struct response {
	int status;
	struct buf body;
	struct {
		char *name; /* owned */
		char *value;
	} header[RESPONSE_HEADERS];
	size_t n_header;
	struct source source;      /* in place of body */
	const struct ready *ready; /* in place of all that; NULL: none */
	/* name of the route for the access log; a constant string */
	const char *route;
};

/* -1 when memory is out, the table full, or the value holds CR, LF or NUL. */
int response_header(struct response *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
void response_free(struct response *r); /* wipes */

#endif
