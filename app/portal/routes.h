/*
 * routes.h: every path of the portal in one table.
 */
#ifndef PORTAL_ROUTES_H
#define PORTAL_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "portal/page.h"

/* Who may: each includes the ones behind it. */
enum route_who {
	ROUTE_MACHINE, /* whatever the host name: no tenant, no session */
	ROUTE_ANYONE,
	ROUTE_READER, /* guest or account holder */
};

/* What a request of this route costs, and so where it waits. */
enum route_class {
	ROUTE_QUICK,    /* answered on the event loop where that is possible */
	ROUTE_PAGE,     /* the database, some milliseconds */
	ROUTE_HASH,     /* hashes a password: a pool of its own */
	ROUTE_TRANSFER, /* moves a file, block by block */
};

struct route {
	enum http_verb verb; /* HTTP_GET also answers HEAD */
	const char *pattern; /* a segment "*" takes any one segment */
	const char *name;    /* for the log and the metrics */
	enum route_who who;
	enum route_class class;
	/* Without a session and a query it is the same for everybody of a tenant. */
	bool same;
	size_t body; /* bytes of a body at most */
	/*
	 * Carries Tus-Resumable, which no form of another site can send: it stands for
	 * the form token. Its answers carry it too, and its errors are text.
	 */
	bool tus;
	int (*page)(struct page *p, struct err *e);
	/*
	 * A body that is streamed, in place of page. open() looks at the head alone: 0
	 * with *out set, or with the response filled and *out zero (then no body is
	 * read), or -1. finish() is called once for every sink, and frees its arg:
	 * complete when the whole body was taken; else *why says what take() said, or is
	 * ERR_NONE when the client has gone and nobody reads the answer. Its page has
	 * tenant, request and parameters, but no session: what open() knew of it,
	 * arg carries.
	 */
	int (*open)(struct page *p, struct sink *out, struct err *e);
	int (*finish)(struct page *p, struct sink *sink, bool complete,
	    const struct err *why, struct err *e);
};

#define ROUTE_ALLOW_LEN 64

/*
 * The route of a path. NULL when there is none: then allow is what Allow says, "GET,
 * HEAD, OPTIONS" or the like, where the path is known by other verbs, else "". param
 * gets what "*" took; too long a segment is no match.
 */
const struct route *route_find(enum http_verb verb, const char *path,
    char param[PAGE_PARAMS][PAGE_PARAM_LEN], char allow[ROUTE_ALLOW_LEN]);

/* For the log, also where there is no route. */
const char *route_name(
    enum http_verb verb, const struct route *r, const char *allow);

/* May a request of this verb change something? */
bool route_changes(enum http_verb verb);

/* For tests: the table. */
const struct route *route_table(size_t *n);

#endif
