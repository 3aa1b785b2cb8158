/*
 * http_log.h: the access log: one JSON object a line for every request, with the name
 * of its route and never a path, a query, a cookie or an address of mail. Lines are
 * gathered, because there are many, and written whole.
 *
 *   {"time":"...","level":"info","process":"portal","id":"...","event":"request",
 *    "route":"home","method":"GET","status":200,"in":0,"out":2039,"us":812,
 *    "tls":"1.3","client":"192.0.2.1"}
 *
 * On one thread alone.
 */
#ifndef PORTAL_HTTP_LOG_H
#define PORTAL_HTTP_LOG_H

#include <stdint.h>

#include "portal/http.h"

struct http_log {
	const char *id;
	const char *route; /* NULL: none was found */
	enum http_verb verb;
	int status;
	uint64_t in;        /* bytes of the body that came */
	uint64_t out;       /* bytes of the answer's body that left */
	int64_t us;         /* from the head to the end of the answer */
	const char *tls;    /* "1.3", "" */
	const char *client; /* network address */
	const char *end; /* how, when not by itself: "gone", "slow"; or NULL */
};

/* now: clock_now(). */
void http_log(const struct http_log *line, int64_t now);
/* Writes what was gathered. */
void http_log_flush(void);

#endif
