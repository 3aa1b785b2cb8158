/*
 * routes.c: which function answers which path, who may ask, and with how much.
 */
#include "portal/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"

#define FORM   LIMIT_FORM_BODY
#define UPLOAD LIMIT_UPLOAD_BODY
#define SLICE  LIMIT_UPLOAD_SLICE

/*
 * A page; one that is the same for everybody; a page of the tus protocol; and a body of it
 * that is streamed.
 */
#define PAGE(v, pat, n, w, c, b, f)                                     \
	{                                                               \
		.verb = (v), .pattern = (pat), .name = (n), .who = (w), \
		.class = (c), .body = (b), .page = (f)                  \
	}
#define SAME(pat, n, c, f)                                                   \
	{                                                                    \
		.verb = HTTP_GET, .pattern = (pat), .name = (n),             \
		.who = ROUTE_ANYONE, .class = (c), .same = true, .page = (f) \
	}
#define TUS_PAGE(v, pat, n, c, f)                                           \
	{                                                                   \
		.verb = (v), .pattern = (pat), .name = (n),                 \
		.who = ROUTE_READER, .class = (c), .tus = true, .page = (f) \
	}
#define TUS_BODY(v, pat, n, b, o, f)                                       \
	{                                                                  \
		.verb = (v), .pattern = (pat), .name = (n),                \
		.who = ROUTE_READER, .class = ROUTE_TRANSFER, .body = (b), \
		.tus = true, .open = (o), .finish = (f)                    \
	}

/* clang-format off */
static const struct route table[] = {
    SAME(                   "/",                            "home",                           ROUTE_PAGE,             page_home),
    PAGE(     HTTP_POST,    "/",                            "home",            ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_home_post),
    SAME(                   "/check",                       "check",                          ROUTE_PAGE,             page_check),
    PAGE(     HTTP_GET,     "/m/*",                         "landing",         ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_landing),
    PAGE(     HTTP_POST,    "/m/*",                         "landing",         ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_landing_post),
    PAGE(     HTTP_GET,     "/m/*/wrong",                   "wrong",           ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_wrong),
    PAGE(     HTTP_POST,    "/m/*/wrong",                   "wrong",           ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_wrong_post),
    SAME(                   "/login",                       "login",                          ROUTE_PAGE,             page_login),
    PAGE(     HTTP_POST,    "/login",                       "login",           ROUTE_ANYONE,  ROUTE_HASH,     FORM,   page_login_post),
    PAGE(     HTTP_GET,     "/logout",                      "logout",          ROUTE_ANYONE,  ROUTE_PAGE,     0,      page_logout),
    PAGE(     HTTP_POST,    "/logout",                      "logout",          ROUTE_ANYONE,  ROUTE_PAGE,     FORM,   page_logout_post),
    SAME(                   "/register",                    "register",                       ROUTE_PAGE,             page_register),
    PAGE(     HTTP_POST,    "/register",                    "register",        ROUTE_ANYONE,  ROUTE_HASH,     FORM,   page_register_post),
    SAME(                   "/reset",                       "reset",                          ROUTE_PAGE,             page_reset),
    PAGE(     HTTP_GET,     "/inbox",                       "inbox",           ROUTE_READER,  ROUTE_PAGE,     0,      page_inbox),
    PAGE(     HTTP_GET,     "/sent",                        "sent",            ROUTE_READER,  ROUTE_PAGE,     0,      page_sent),
    PAGE(     HTTP_GET,     "/compose",                     "compose",         ROUTE_READER,  ROUTE_PAGE,     0,      page_compose),
    PAGE(     HTTP_POST,    "/compose",                     "compose",         ROUTE_READER,  ROUTE_PAGE,     UPLOAD, page_compose_post),
    PAGE(     HTTP_GET,     "/message/*",                   "message",         ROUTE_READER,  ROUTE_PAGE,     0,      page_message),
    PAGE(     HTTP_GET,     "/message/*/raw",               "raw",             ROUTE_READER,  ROUTE_TRANSFER, 0,      page_raw),
    PAGE(     HTTP_GET,     "/message/*/part/*",            "part",            ROUTE_READER,  ROUTE_TRANSFER, 0,      page_part),
    PAGE(     HTTP_GET,     "/message/*/track",             "track",           ROUTE_READER,  ROUTE_PAGE,     0,      page_track),
    PAGE(     HTTP_OPTIONS, "/upload",                      "uploads",         ROUTE_MACHINE, ROUTE_QUICK,    0,      page_upload_options),
    PAGE(     HTTP_OPTIONS, "/upload/*",                    "upload",          ROUTE_MACHINE, ROUTE_QUICK,    0,      page_upload_options),
    TUS_PAGE( HTTP_POST,    "/upload",                      "uploads",                        ROUTE_PAGE,             page_upload_post),
    TUS_PAGE( HTTP_HEAD,    "/upload/*",                    "upload",                         ROUTE_PAGE,             page_upload_head),
    TUS_PAGE( HTTP_DELETE,  "/upload/*",                    "upload",                         ROUTE_PAGE,             page_upload_delete),
    TUS_BODY( HTTP_PATCH,   "/upload/*",                    "upload",                                         SLICE,  upload_open, upload_finish),
    PAGE(     HTTP_GET,     "/settings",                    "settings",        ROUTE_READER,  ROUTE_PAGE,     0,      page_settings),
    PAGE(     HTTP_GET,     "/assets/*/*",                  "asset",           ROUTE_MACHINE, ROUTE_QUICK,    0,      page_asset),
    PAGE(     HTTP_GET,     "/healthz",                     "healthz",         ROUTE_MACHINE, ROUTE_QUICK,    0,      page_healthz),
    PAGE(     HTTP_GET,     "/readyz",                      "readyz",          ROUTE_MACHINE, ROUTE_PAGE,     0,      page_readyz),
    PAGE(     HTTP_GET,     "/robots.txt",                  "robots",          ROUTE_MACHINE, ROUTE_QUICK,    0,      page_robots),
    SAME(                   "/.well-known/security.txt",    "security.txt",                   ROUTE_PAGE,             page_security),
    PAGE(     HTTP_GET,     "/.well-known/change-password", "change-password", ROUTE_MACHINE, ROUTE_QUICK,    0,      page_change_password),
    PAGE(     HTTP_GET,     "/change-password",             "change-password", ROUTE_MACHINE, ROUTE_QUICK,    0,      page_change_password),
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
	while (used < PAGE_PARAMS)
		param[used++][0] = '\0';
	return *pattern == '\0' && (*path == '\0' || strcmp(path, "/") == 0);
}

/* The verbs of a path, one bit each, as Allow lists them. */
static void
list_verbs(unsigned verbs, char allow[ROUTE_ALLOW_LEN])
{
	static const char *const name[] = {[HTTP_GET] = "GET",
	    [HTTP_HEAD] = "HEAD",
	    [HTTP_POST] = "POST",
	    [HTTP_PATCH] = "PATCH",
	    [HTTP_DELETE] = "DELETE",
	    [HTTP_OPTIONS] = "OPTIONS"};
	size_t n = 0;

	allow[0] = '\0';
	if (verbs == 0)
		return;
	if ((verbs & 1U << HTTP_GET) != 0)
		verbs |= 1U << HTTP_HEAD;
	verbs |= 1U << HTTP_OPTIONS;
	for (unsigned v = HTTP_GET; v <= HTTP_OPTIONS; v++) {
		if ((verbs & 1U << v) != 0)
			n += (size_t)snprintf(allow + n, ROUTE_ALLOW_LEN - n,
			    "%s%s", n == 0 ? "" : ", ", name[v]);
	}
}

const char *
route_name(enum http_verb verb, const struct route *r, const char *allow)
{
	if (r != NULL)
		return r->name;
	if (allow[0] == '\0')
		return "none";
	return verb == HTTP_OPTIONS ? "options" : "verb";
}

bool
route_changes(enum http_verb verb)
{
	return verb == HTTP_POST || verb == HTTP_PATCH || verb == HTTP_DELETE;
}

const struct route *
route_find(enum http_verb verb, const char *path,
    char param[PAGE_PARAMS][PAGE_PARAM_LEN], char allow[ROUTE_ALLOW_LEN])
{
	char taken[PAGE_PARAMS][PAGE_PARAM_LEN];
	const struct route *get = NULL;
	unsigned verbs = 0;
	size_t i;

	allow[0] = '\0';
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!is_match(table[i].pattern, path, taken))
			continue;
		memcpy(param, taken, sizeof(taken));
		if (verb == table[i].verb)
			return &table[i];
		if (table[i].verb == HTTP_GET)
			get = &table[i];
		verbs |= 1U << table[i].verb;
	}
	/* A path has the same parameters whatever its verb. */
	if (verb == HTTP_HEAD && get != NULL)
		return get;
	list_verbs(verbs, allow);
	return NULL;
}
