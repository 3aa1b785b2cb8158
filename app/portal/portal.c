/*
 * portal.c: what the threads of a process share, and what is decided on the event loop:
 * which tenant has a host, what a head alone tells, answers that stand ready, refusals.
 */
#include "portal/portal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "portal/asset.h"
#include "portal/cookie.h"
#include "portal/known.h"
#include "portal/limiter.h"
#include "portal/page.h"
#include "portal/readyz.h"
#include "portal/routes.h"
#include "portal/shelf.h"

#define TENANTS 64
/* A change of a tenant shows after both at the latest. */
#define TENANT_FOR_MS 15000
#define PAGE_FOR_MS   15000

struct known_tenant {
	struct tenant tenant;
	int64_t until;
};

struct portal {
	const struct settings *settings;
	struct view *view;
	struct assets *assets;
	struct limiter *pickup;
	struct desk_shared *shared;
	struct readyz readyz;
	struct known *sessions;
	struct shelf *shelf; /* the event loop's */
	pthread_mutex_t lock;
	struct known_tenant known[TENANTS]; /* under lock */
	size_t next; /* which one goes next; under lock */
};

/* The names that metrics know. */
static void
count_routes(void)
{
	size_t n;
	const struct route *r = route_table(&n);

	for (size_t i = 0; i < n; i++)
		metrics_route(r[i].name);
}

int
portal_open(const struct settings *set, struct portal **out, struct err *e)
{
	struct portal *p = calloc(1, sizeof(*p));

	err_set(e, ERR_INTERNAL, "out of memory");
	if (p == NULL)
		return -1;
	p->settings = set;
	pthread_mutex_init(&p->lock, NULL);
	p->pickup = limiter_new(LIMIT_PICKUP_HOUR);
	p->shared = desk_shared_new();
	p->sessions = known_new();
	p->shelf = shelf_new();
	if (p->pickup == NULL || p->shared == NULL || p->sessions == NULL ||
	    p->shelf == NULL || view_load(set->share, &p->view, e) == -1 ||
	    assets_load(set->share, &p->assets, e) == -1) {
		portal_close(p);
		return -1;
	}
	count_routes();
	err_clear(e);
	*out = p;
	return 0;
}

void
portal_close(struct portal *p)
{
	if (p == NULL)
		return;
	desk_shared_free(p->shared);
	known_free(p->sessions);
	shelf_free(p->shelf);
	limiter_free(p->pickup);
	assets_free(p->assets);
	view_free(p->view);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct desk *
portal_desk(struct portal *p)
{
	return desk_open(p->settings, p->shared);
}

const struct view *
portal_view(const struct portal *p)
{
	return p->view;
}

struct readyz *
portal_readyz(struct portal *p)
{
	return &p->readyz;
}

void
portal_watch(struct portal *p, const struct pool *work)
{
	readyz_watch(&p->readyz, work);
}

void
portal_drain(struct portal *p)
{
	readyz_drain(&p->readyz);
}

struct limiter *
portal_pickup_limiter(const struct portal *p)
{
	return p->pickup;
}

const struct settings *
portal_settings(const struct portal *p)
{
	return p->settings;
}

struct known *
portal_known(const struct portal *p)
{
	return p->sessions;
}

const struct assets *
portal_assets(const struct portal *p)
{
	return p->assets;
}

void
portal_origin(const struct portal *p, const char *host, char out[300])
{
	if (p->settings->https_port == 443)
		snprintf(out, 300, "https://%s", host);
	else
		snprintf(
		    out, 300, "https://%s:%d", host, p->settings->https_port);
}

/* ---- tenants ---------------------------------------------------------------------- */

/*
 * Copies the tenant out of the cache; stale ones only when asked to. Waits for nobody: the
 * event loop asks, and whoever holds the lock may be a thread that hashes.
 */
static bool
recall(struct portal *p, const char *host, bool stale, struct tenant *out)
{
	bool found = false;
	size_t i;

	if (pthread_mutex_trylock(&p->lock) != 0)
		return false;
	for (i = 0; i < TENANTS && !found && host[0] != '\0'; i++) {
		if (strcmp(p->known[i].tenant.host, host) != 0 ||
		    (!stale && p->known[i].until < clock_mono_ms()))
			continue;
		*out = p->known[i].tenant;
		found = true;
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

static void
keep(struct portal *p, const struct tenant *t)
{
	size_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < TENANTS; i++)
		if (strcmp(p->known[i].tenant.host, t->host) == 0)
			break;
	if (i == TENANTS) {
		i = p->next;
		p->next = (p->next + 1) % TENANTS;
	}
	p->known[i].tenant = *t;
	p->known[i].until = clock_mono_ms() + TENANT_FOR_MS;
	pthread_mutex_unlock(&p->lock);
}

bool
portal_tenant_recall(struct page *p)
{
	if (recall(p->portal, p->req->host, true, &p->visit.tenant))
		return true;
	memset(&p->visit.tenant, 0, sizeof(p->visit.tenant));
	return false;
}

int
portal_tenant(struct page *p, struct err *e)
{
	struct tenant *t = &p->visit.tenant;
	const char *host = p->req->host;
	int got;

	if (host[0] == '\0')
		goto nobody;
	if (recall(p->portal, host, false, t))
		return 0;
	got = tenant_by_host(desk_db(p->desk), host, t, e);
	if (got == 1) {
		keep(p->portal, t);
		return 0;
	}
	memset(t, 0, sizeof(*t));
	if (got == 0)
		goto nobody;
	/* So that the page of this error has a name and a telephone number. */
	(void)portal_tenant_recall(p);
	return -1;
nobody:
	p->nobody = true;
	return err_set(e, ERR_NOT_FOUND, "no tenant has this host");
}

/* ---- on the event loop ----------------------------------------------------------- */

/*
 * A body over a plain form's needs a session. One that is not known, after a restart, may
 * still be good: its name is enough here. A stream's open() finds out before anything
 * is read; of other bodies the glue takes a few from those who are not known.
 */
static uint64_t
body_limit(const struct route *r, bool named)
{
	uint64_t limit = r == NULL ? LIMIT_FORM_BODY : r->body;

	if (r != NULL && r->open != NULL)
		return limit;
	return limit > LIMIT_FORM_BODY && !named ? LIMIT_FORM_BODY : limit;
}

/* May it be answered on the loop? */
static bool
is_quick(const struct request *req, const struct route *r, const char *allow)
{
	if (r == NULL)
		return req->verb == HTTP_OPTIONS && allow[0] != '\0';
	return r->class == ROUTE_QUICK ||
	    (r->same && req->query[0] == '\0' &&
		strstr(req->cookie, COOKIE_NAME) == NULL);
}

void
portal_plan(
    struct portal *p, const struct request *req, struct portal_plan *out)
{
	char param[PAGE_PARAMS][PAGE_PARAM_LEN], allow[ROUTE_ALLOW_LEN];
	const struct route *r = route_find(req->verb, req->path, param, allow);
	char cookie[DESK_COOKIE_LEN];
	bool named = cookie_find(req->cookie, cookie);

	*out = (struct portal_plan){.route = route_name(req->verb, r, allow),
	    .body = body_limit(r, named),
	    .lane = r != NULL && r->class == ROUTE_HASH ? PORTAL_LANE_HASH :
							  PORTAL_LANE_PAGE,
	    .stream = r != NULL && r->open != NULL,
	    .quick = is_quick(req, r, allow),
	    .class = r != NULL ? r->class : ROUTE_QUICK};
	if (named)
		out->owner = known_has(p->sessions, cookie, clock_mono_ms());
	out->known = out->owner != 0;
	secret_wipe(cookie, sizeof(cookie));
	secret_wipe(param, sizeof(param));
}

/* What an answer is kept under; false when it is too long, or is not to be kept. */
static bool
shelf_key(const struct request *req, const struct route *r, char key[SHELF_KEY])
{
	const char *accept = request_field(req, "accept-encoding");
	const char *host = r == NULL || r->who == ROUTE_MACHINE ? "" :
								  req->host;
	size_t h = strlen(host), n = strlen(req->path);

	if (r == NULL || req->if_none_match[0] != '\0' || h + n + 4 > SHELF_KEY)
		return false;
	key[0] = page_accepts(accept, "gzip") ? 'z' : '-';
	memcpy(key + 1, host, h);
	key[1 + h] = ' ';
	memcpy(key + 2 + h, req->path, n + 1);
	return true;
}

/* Makes it; -1: not here. */
static int
make_quick(struct page *p, const char *allow)
{
	struct err e = {ERR_NONE, ""};

	if (p->route == NULL) {
		if (page_options(p, allow, &e) == -1)
			page_error(p, &e);
		return 0;
	}
	/* Whose host it is, a thread may have to find out. */
	if (p->route->who != ROUTE_MACHINE &&
	    !recall(p->portal, p->req->host, false, &p->visit.tenant))
		return -1;
	if (p->route->page(p, &e) == 0)
		return 0;
	response_free(p->resp);
	if (p->route->who != ROUTE_MACHINE)
		return -1;
	page_error(p, &e);
	return 0;
}

/* What is not ready is made, and kept under key (NULL: not). */
static bool
quick_anew(struct portal *portal, const struct request *req,
    struct response *resp, const char *key)
{
	struct page p = {.portal = portal, .req = req, .resp = resp};
	int64_t until = clock_mono_ms() + PAGE_FOR_MS;
	char allow[ROUTE_ALLOW_LEN];
	bool ok;

	p.route = route_find(req->verb, req->path, p.param, allow);
	ok = make_quick(&p, allow) == 0;
	if (ok && key != NULL && resp->status == 200)
		resp->ready = shelf_put(portal->shelf, key, until, resp);
	secret_wipe(&p, sizeof(p));
	return ok;
}

bool
portal_quick(
    struct portal *portal, const struct request *req, struct response *resp)
{
	char param[PAGE_PARAMS][PAGE_PARAM_LEN], allow[ROUTE_ALLOW_LEN];
	const struct route *r = route_find(req->verb, req->path, param, allow);
	char key[SHELF_KEY];
	bool lasts = shelf_key(req, r, key);

	memset(resp, 0, sizeof(*resp));
	if (!is_quick(req, r, allow))
		return false;
	resp->route = route_name(req->verb, r, allow);
	resp->status = 200;
	if (lasts)
		resp->ready = shelf_find(portal->shelf, key, clock_mono_ms());
	return resp->ready != NULL ||
	    quick_anew(portal, req, resp, lasts ? key : NULL);
}
