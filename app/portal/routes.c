/*
 * routes.c: which function answers which path, who may ask, and with how much.
 */
#include "portal/routes.h"

#include <string.h>

#include "base/limits.h"

#define FORM   LIMIT_FORM_BODY
#define UPLOAD LIMIT_UPLOAD_BODY

/* clang-format off */
static const struct route table[] = {
    {HTTP_GET,  "/",                 "home",      ROUTE_ANYONE,  page_home,          0,      false},
    {HTTP_POST, "/",                 "home",      ROUTE_ANYONE,  page_home_post,     FORM,   false},
    {HTTP_GET,  "/check",            "check",     ROUTE_ANYONE,  page_check,         0,      false},
    {HTTP_GET,  "/m/*",              "landing",   ROUTE_ANYONE,  page_landing,       0,      false},
    {HTTP_POST, "/m/*",              "landing",   ROUTE_ANYONE,  page_landing_post,  FORM,   false},
    {HTTP_GET,  "/m/*/wrong",        "wrong",     ROUTE_ANYONE,  page_wrong,         0,      false},
    {HTTP_POST, "/m/*/wrong",        "wrong",     ROUTE_ANYONE,  page_wrong_post,    FORM,   false},
    {HTTP_GET,  "/login",            "login",     ROUTE_ANYONE,  page_login,         0,      false},
    {HTTP_POST, "/login",            "login",     ROUTE_ANYONE,  page_login_post,    FORM,   true},
    {HTTP_GET,  "/logout",           "logout",    ROUTE_ANYONE,  page_logout,        0,      false},
    {HTTP_POST, "/logout",           "logout",    ROUTE_ANYONE,  page_logout_post,   FORM,   false},
    {HTTP_GET,  "/register",         "register",  ROUTE_ANYONE,  page_register,      0,      false},
    {HTTP_POST, "/register",         "register",  ROUTE_ANYONE,  page_register_post, FORM,   true},
    {HTTP_GET,  "/reset",            "reset",     ROUTE_ANYONE,  page_reset,         0,      false},
    {HTTP_GET,  "/inbox",            "inbox",     ROUTE_READER,  page_inbox,         0,      false},
    {HTTP_GET,  "/sent",             "sent",      ROUTE_READER,  page_sent,          0,      false},
    {HTTP_GET,  "/compose",          "compose",   ROUTE_READER,  page_compose,       0,      false},
    {HTTP_POST, "/compose",          "compose",   ROUTE_READER,  page_compose_post,  UPLOAD, false},
    {HTTP_GET,  "/message/*",        "message",   ROUTE_READER,  page_message,       0,      false},
    {HTTP_GET,  "/message/*/raw",    "raw",       ROUTE_READER,  page_raw,           0,      false},
    {HTTP_GET,  "/message/*/part/*", "part",      ROUTE_READER,  page_part,          0,      false},
    {HTTP_GET,  "/message/*/track",  "track",     ROUTE_READER,  page_track,         0,      false},
    {HTTP_GET,  "/settings",         "settings",  ROUTE_READER,  page_settings,      0,      false},
    {HTTP_GET,  "/assets/*/*",       "asset",     ROUTE_MACHINE, page_asset,         0,      false},
    {HTTP_GET,  "/healthz",          "healthz",   ROUTE_MACHINE, page_healthz,       0,      false},
    {HTTP_GET,  "/readyz",           "readyz",    ROUTE_MACHINE, page_readyz,        0,      false},
    {HTTP_GET,  "/robots.txt",       "robots",    ROUTE_MACHINE, page_robots,        0,      false},
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
