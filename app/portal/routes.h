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

struct route {
	enum http_verb verb; /* HTTP_GET also answers HEAD */
	const char *pattern; /* a segment "*" takes any one segment */
	const char *name;    /* for the log */
	enum route_who who;
	int (*page)(struct page *p, struct err *e);
	size_t body; /* bytes of a body at most */
	bool hash;   /* hashes a password */
};

/*
 * The route of a path. NULL when there is none: then *verbs says "GET, HEAD" or the like
 * where the path is known by other verbs, else NULL. param gets what "*" took; too long
 * a segment is no match.
 */
const struct route *route_find(enum http_verb verb, const char *path,
    char param[PAGE_PARAMS][PAGE_PARAM_LEN], const char **verbs);

/* For tests: the table. */
const struct route *route_table(size_t *n);

#endif
