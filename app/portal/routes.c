/*
 * routes.c: which function answers which path, who may ask, and with how much.
 */
#include "portal/routes.h"

#include <string.h>

#include "base/limits.h"

#define FORM   LIMIT_FORM_BODY
#define UPLOAD LIMIT_UPLOAD_BODY

/* A page, and a body that is streamed. */
#define PAGE(v, pat, n, w, c, b, f)                                     \
	{                                                               \
		.verb = (v), .pattern = (pat), .name = (n), .who = (w), \
		.class = (c), .body = (b), .page = (f)                  \
	}

/* clang-format off */
static const struct route table[] = {
    PAGE(HTTP_GET,  "/",                "home",     ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_home),
    PAGE(HTTP_POST, "/",                "home",     ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_home_post),
    PAGE(HTTP_GET,  "/check",           "check",    ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_check),
    PAGE(HTTP_GET,  "/m/*",             "landing",  ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_landing),
    PAGE(HTTP_POST, "/m/*",             "landing",  ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_landing_post),
    PAGE(HTTP_GET,  "/m/*/wrong",       "wrong",    ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_wrong),
    PAGE(HTTP_POST, "/m/*/wrong",       "wrong",    ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_wrong_post),
    PAGE(HTTP_GET,  "/login",           "login",    ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_login),
    PAGE(HTTP_POST, "/login",           "login",    ROUTE_ANYONE,  ROUTE_HASH,     FORM,   page_login_post),
    PAGE(HTTP_GET,  "/logout",          "logout",   ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_logout),
    PAGE(HTTP_POST, "/logout",          "logout",   ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_logout_post),
    PAGE(HTTP_GET,  "/register",        "register", ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_register),
    PAGE(HTTP_POST, "/register",        "register", ROUTE_ANYONE,  ROUTE_HASH,     FORM,   page_register_post),
    PAGE(HTTP_GET,  "/reset",           "reset",    ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_reset),
    PAGE(HTTP_GET,  "/inbox",           "inbox",    ROUTE_READER,  ROUTE_PAGE,     0,      page_inbox),
    PAGE(HTTP_GET,  "/sent",            "sent",     ROUTE_READER,  ROUTE_PAGE,     0,      page_sent),
    PAGE(HTTP_GET,  "/compose",         "compose",  ROUTE_READER,  ROUTE_PAGE,     0,      page_compose),
    PAGE(HTTP_POST, "/compose",         "compose",  ROUTE_READER,  ROUTE_PAGE,     UPLOAD, page_compose_post),
    PAGE(HTTP_GET,  "/message/*",       "message",  ROUTE_READER,  ROUTE_PAGE,     0,      page_message),
    PAGE(HTTP_GET,  "/message/*/raw",   "raw",      ROUTE_READER,  ROUTE_TRANSFER, 0,      page_raw),
    PAGE(HTTP_GET,  "/message/*/part/*", "part",     ROUTE_READER,  ROUTE_TRANSFER, 0,      page_part),
    PAGE(HTTP_GET,  "/message/*/track", "track",    ROUTE_READER,  ROUTE_PAGE,     0,      page_track),
    PAGE(HTTP_GET,  "/settings",        "settings", ROUTE_READER,  ROUTE_PAGE,     0,      page_settings),
    PAGE(HTTP_GET,  "/assets/*/*",      "asset",    ROUTE_MACHINE, ROUTE_QUICK,    0,      page_asset),
    PAGE(HTTP_GET,  "/healthz",         "healthz",  ROUTE_MACHINE, ROUTE_QUICK,    0,      page_healthz),
    PAGE(HTTP_GET,  "/readyz",          "readyz",   ROUTE_MACHINE, ROUTE_PAGE,     0,      page_readyz),
    PAGE(HTTP_GET,  "/robots.txt",      "robots",   ROUTE_MACHINE, ROUTE_QUICK,    0,      page_robots),
};
/* clang-format on */

const struct route *
route_table(size_t *n)
{
	*n = sizeof(table) / sizeof(table[0]);
	return table;
}

/* Compares segment by segment; a '/' at the end of a path is forgiven. */
static bool
is_match(const char *pattern, const char *path,
    char param[PAGE_PARAMS][PAGE_PARAM_LEN])
{
	size_t n, used = 0;

	while (*pattern == '/' && *path == '/') {
		pattern++;
		path++;
		n = strcspn(path, "/");
		if (pattern[0] == '*') {
			if (n == 0 || n >= PAGE_PARAM_LEN ||
			    used == PAGE_PARAMS)
				return false;
			memcpy(param[used], path, n);
			param[used++][n] = '\0';
			pattern++;
		} else {
			if (strcspn(pattern, "/") != n ||
			    memcmp(pattern, path, n) != 0)
				return false;
			pattern += n;
		}
		path += n;
	}
	return *pattern == '\0' && (*path == '\0' || strcmp(path, "/") == 0);
}

const struct route *
route_find(enum http_verb verb, const char *path,
    char param[PAGE_PARAMS][PAGE_PARAM_LEN], const char **verbs)
{
	bool get = false, post = false;
	size_t i;

	*verbs = NULL;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		memset(param, 0, PAGE_PARAMS * PAGE_PARAM_LEN);
		if (!is_match(table[i].pattern, path, param))
			continue;
		if (verb == table[i].verb ||
		    (verb == HTTP_HEAD && table[i].verb == HTTP_GET))
			return &table[i];
		get |= table[i].verb == HTTP_GET;
		post |= table[i].verb == HTTP_POST;
	}
	if (get)
		*verbs = post ? "GET, HEAD, POST" : "GET, HEAD";
	return NULL;
}
