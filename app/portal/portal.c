/*
 * portal.c: from a request to its page: which tenant by Host, which route, who asks, is
 * the form theirs; then the page, and the page of its error.
 */
#include "portal/portal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "portal/asset.h"
#include "portal/cookie.h"
#include "portal/limiter.h"
#include "portal/page.h"
#include "portal/routes.h"

#define TENANTS 64
#define TENANT_FOR_MS \
	30000 /* a change of a tenant shows after this at the latest */

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
	pthread_mutex_t lock;
	struct known_tenant known[TENANTS]; /* under lock */
	size_t next; /* which one goes next; under lock */
};

struct portal_thread {
	struct portal *portal;
	struct desk *desk;
};

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
	if (p->pickup == NULL || p->shared == NULL ||
	    view_load(set->share, &p->view, e) == -1 ||
	    assets_load(set->share, &p->assets, e) == -1) {
		portal_close(p);
		return -1;
	}
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
	limiter_free(p->pickup);
	assets_free(p->assets);
	view_free(p->view);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

struct portal_thread *
portal_thread_open(struct portal *p)
{
	struct portal_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->portal = p;
	t->desk = desk_open(p->settings, p->shared);
	if (t->desk == NULL) {
		free(t);
		return NULL;
	}
	return t;
}

void
portal_thread_close(struct portal_thread *t)
{
	if (t == NULL)
		return;
	desk_close(t->desk);
	free(t);
}

const struct view *
portal_view(const struct portal *p)
{
	return p->view;
}

struct limiter *
portal_pickup_limiter(const struct portal *p)
{
	return p->pickup;
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

/* ---- on the event loop ----------------------------------------------------------- */

static const struct route *
find(const struct request *req)
{
	char param[PAGE_PARAMS][PAGE_PARAM_LEN];
	const char *verbs;

	return route_find(req->verb, req->path, param, &verbs);
}

bool
portal_is_hash(const struct request *req)
{
	const struct route *r = find(req);

	return r != NULL && r->class == ROUTE_HASH;
}

size_t
portal_body_limit(const struct request *req)
{
	const struct route *r = find(req);
	char cookie[DESK_COOKIE_LEN];
	size_t limit = r == NULL ? LIMIT_FORM_BODY : r->body;
	bool known = cookie_find(req->cookie, cookie);

	secret_wipe(cookie, sizeof(cookie));
	/* Nobody uploads files without a session. */
	return limit > LIMIT_FORM_BODY && !known ? LIMIT_FORM_BODY : limit;
}

int
portal_too_big(struct portal *portal, struct buf *out, struct err *e)
{
	const struct request nobody = {.path = "/", .query = ""};
	struct page p = {.portal = portal, .req = &nobody};
	const struct err_row *row = err_row(ERR_TOO_BIG);
	struct model *m = page_model(&p, "");
	int ret;

	node_set(model_root(m), "error", row->name);
	node_text(model_root(m), "sentence",
	    view_word(portal->view, "en", row->word));
	ret = view_page(portal->view, "error", "en", m, out, e);
	model_free(m);
	return ret;
}

/* ---- tenants ---------------------------------------------------------------------- */

/* Copies the tenant out of the cache; stale ones only when asked to. */
static bool
recall(struct portal *p, const char *host, bool stale, struct tenant *out)
{
	bool found = false;
	size_t i;

	pthread_mutex_lock(&p->lock);
	for (i = 0; i < TENANTS && !found; i++) {
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

static int
find_tenant(struct page *p, struct err *e)
{
	struct tenant *t = &p->visit.tenant;
	const char *host = p->req->host;
	int got;

	if (host[0] == '\0')
		return err_set(e, ERR_NOT_FOUND, "no host");
	if (recall(p->portal, host, false, t))
		return 0;
	got = tenant_by_host(desk_db(p->desk), host, t, e);
	if (got == 1) {
		keep(p->portal, t);
		return 0;
	}
	memset(t, 0, sizeof(*t));
	if (got == 0)
		return err_set(e, ERR_NOT_FOUND, "no tenant has this host");
	/* So that the page of this error has a name and a telephone number. */
	(void)recall(p->portal, host, true, t);
	return -1;
}

/* ---- checks ------------------------------------------------------------------------ */

static int
read_form(struct page *p, struct err *e)
{
	const struct request *req = p->req;

	if (req->verb != HTTP_POST)
		return form_query(req->query, &p->form, e);
	if (req->body_len > p->route->body)
		return err_set(e, ERR_TOO_BIG, "form body");
	return form_decode(
	    req->content_type, req->body, req->body_len, &p->form, e);
}

/*
 * Does this form come from a page of ours? Browsers say so themselves (Sec-Fetch-Site,
 * older ones Origin, which is "null" where somebody hides it); a session's token proves
 * it again. Who says neither is no browser, and nobody's session can be abused.
 */
static int
check_ours(const struct page *p, struct err *e)
{
	const struct request *req = p->req;
	char origin[300];
	bool said = false;

	portal_origin(p->portal, p->visit.tenant.host, origin);
	if (req->fetch_site[0] != '\0')
		said = strcmp(req->fetch_site, "same-origin") == 0 ||
		    strcmp(req->fetch_site, "none") == 0;
	else if (strcmp(req->origin, "null") == 0)
		said = p->visit.kind != 0;
	else
		said = req->origin[0] == '\0' ||
		    strcmp(req->origin, origin) == 0;
	if (!said)
		return err_set(e, ERR_DENIED, "a form from elsewhere");
	if (p->visit.kind != 0 &&
	    !desk_csrf_ok(&p->visit, form_get(&p->form, "csrf")))
		return err_set(e, ERR_DENIED, "a form without its token");
	return 0;
}

/* The page of a form that is refused says what can be done about it. */
static int
refuse(struct page *p, const char *kind, struct err *e)
{
	struct model *m = page_model(p, "");
	const char *body = form_get(&p->form, "body");

	log_err(p->req->id, p->route->name, e);
	node_set(model_root(m), "error", kind);
	if (body[0] != '\0')
		node_text(model_root(m), "kept", body);
	return page_render(p, 403, "refused", m, e);
}

static int
serve(struct page *p, struct err *e)
{
	char cookie[DESK_COOKIE_LEN];
	bool known = cookie_find(p->req->cookie, cookie);
	struct tenant t;
	int ret;

	if (p->route->who == ROUTE_MACHINE)
		return p->route->page(p, e);
	if (find_tenant(p, e) == -1)
		return -1;
	t = p->visit.tenant;
	ret = desk_visit_open(p->desk, &t, known ? cookie : NULL, &p->visit, e);
	secret_wipe(cookie, sizeof(cookie));
	if (ret == -1) {
		p->visit.tenant = t;
		return -1;
	}
	if (read_form(p, e) == -1)
		return -1;
	if (p->req->verb == HTTP_POST && check_ours(p, e) == -1)
		return refuse(p, "elsewhere", e);
	if (p->route->who == ROUTE_READER && !page_reader(p)) {
		if (p->req->verb != HTTP_POST)
			return page_redirect(p, e, "/login");
		err_set(e, ERR_DENIED, "nobody is signed in");
		return refuse(p, "session", e);
	}
	return p->route->page(p, e);
}

/* ---- on a pool thread ---------------------------------------------------------------- */

static void
set_cookie(struct page *p)
{
	char value[COOKIE_SET_LEN];

	if (p->visit.cookie[0] == '\0' && !p->visit.cookie_end)
		return;
	cookie_set(p->visit.cookie, value);
	if (response_header(p->resp, "set-cookie", "%s", value) == -1)
		log_line(LOG_LEVEL_ERROR, p->req->id, "cookie not set", NULL);
	secret_wipe(value, sizeof(value));
}

static void
no_route(struct page *p, const char *verbs)
{
	struct err e;

	/* For the name and the contact on the page. */
	(void)find_tenant(p, &e);
	if (verbs == NULL) {
		err_set(&e, ERR_NOT_FOUND, "no such path");
		page_error(p, &e);
		return;
	}
	err_set(&e, ERR_BAD_INPUT, "no such verb here");
	page_error(p, &e);
	p->resp->status = 405;
	if (response_header(p->resp, "allow", "%s", verbs) == -1)
		log_line(LOG_LEVEL_ERROR, p->req->id, "header not set", NULL);
}

void
portal_handle(
    struct portal_thread *t, const struct request *req, struct response *resp)
{
	struct page p = {
	    .portal = t->portal, .desk = t->desk, .req = req, .resp = resp};
	struct err e = {ERR_NONE, ""};
	const char *verbs;

	memset(resp, 0, sizeof(*resp));
	p.route = route_find(req->verb, req->path, p.param, &verbs);
	resp->route = p.route == NULL ? "none" : p.route->name;
	if (p.route == NULL)
		no_route(&p, verbs);
	else if (serve(&p, &e) == -1)
		page_error(&p, &e);
	set_cookie(&p);
	form_free(&p.form);
	desk_visit_close(&p.visit);
	secret_wipe(&p, sizeof(p));
}
