/*
 * serve.c: on a pool thread, from a request to its page: which tenant by Host, which
 * route, who asks, is the form theirs; then the page, and the page of its error.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "portal/cookie.h"
#include "portal/known.h"
#include "portal/page.h"
#include "portal/portal.h"
#include "portal/routes.h"

struct portal_thread {
	struct portal *portal;
	struct desk *desk;
};

struct portal_thread *
portal_thread_open(struct portal *p)
{
	struct portal_thread *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->portal = p;
	t->desk = portal_desk(p);
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

struct desk *
portal_thread_desk(struct portal_thread *t)
{
	return t->desk;
}

/* ---- checks ------------------------------------------------------------------------ */

static int
read_form(struct page *p, struct err *e)
{
	const struct request *req = p->req;

	if (req->verb != HTTP_POST || p->route->tus)
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
	/* Its pages ask for Tus-Resumable, and answer 412. */
	if (p->route->tus)
		return 0;
	if (p->visit.kind != 0 &&
	    !desk_csrf_ok(&p->visit, form_get(&p->form, "csrf")))
		return err_set(e, ERR_DENIED, "a form without its token");
	return 0;
}

/* The page of a form that is refused says what can be done about it. */
static int
refuse(struct page *p, const char *kind, struct err *e)
{
	const char *body = form_get(&p->form, "body");
	struct model *m;

	if (p->route->tus)
		return -1;
	m = page_model(p, "");
	log_err(p->req->id, p->route->name, e);
	node_set(model_root(m), "error", kind);
	if (body[0] != '\0')
		node_text(model_root(m), "kept", body);
	return page_render(p, 403, "refused", m, e);
}

/* For portal_plan(): a proved reader's session goes first, nobody else's. */
static void
remember(struct page *p, const char cookie[DESK_COOKIE_LEN])
{
	struct known *k = portal_known(p->portal);

	if (page_reader(p))
		known_add(k, cookie, clock_mono_ms());
	else
		known_drop(k, cookie);
}

static int
find_session(struct page *p, struct err *e)
{
	char cookie[DESK_COOKIE_LEN];
	bool named = cookie_find(p->req->cookie, cookie);
	struct tenant t = p->visit.tenant;
	int ret = (page_inbox_first(p) ? desk_visit_open_inbox :
					 desk_visit_open)(
	    p->desk, &t, named ? cookie : NULL, &p->visit, e);

	if (ret == -1)
		p->visit.tenant = t;
	else if (named)
		remember(p, cookie);
	secret_wipe(cookie, sizeof(cookie));
	return ret;
}

static int
sign_in_first(struct page *p, struct err *e)
{
	const char *next = page_next(p->req->path + 1);

	return next == NULL ? page_redirect(p, e, "/login") :
			      page_redirect(p, e, "/login?next=%s", next);
}

/*
 * Everything before the page itself. 1: it may go on; 0: answered; -1: an error. Of a
 * stream the body is still to come, and plays no part.
 */
static int
admit(struct page *p, struct err *e)
{
	if (p->route->who == ROUTE_MACHINE)
		return 1;
	if (portal_tenant(p, e) == -1 || find_session(p, e) == -1 ||
	    read_form(p, e) == -1)
		return -1;
	if (route_changes(p->req->verb) && check_ours(p, e) == -1)
		return refuse(p, "elsewhere", e);
	if (p->route->who != ROUTE_READER || page_reader(p))
		return 1;
	if (!route_changes(p->req->verb) && !p->route->tus)
		return sign_in_first(p, e);
	err_set(e, ERR_DENIED, "nobody is signed in");
	return refuse(p, "session", e);
}

/* ---- answers ------------------------------------------------------------------------- */

static void
set_cookie(struct page *p)
{
	char value[COOKIE_SET_LEN];

	if (p->visit.cookie[0] == '\0' && !p->visit.cookie_end)
		return;
	/* Another session, or none, in place of the one that was named. */
	if (cookie_find(p->req->cookie, value))
		known_drop(portal_known(p->portal), value);
	if (page_reader(p) && p->visit.cookie[0] != '\0')
		remember(p, p->visit.cookie);
	cookie_set(p->visit.cookie, value);
	if (response_header(p->resp, "set-cookie", "%s", value) == -1)
		log_line(LOG_LEVEL_ERROR, p->req->id, "cookie not set", NULL);
	secret_wipe(value, sizeof(value));
}

static void
no_route(struct page *p, const char *allow)
{
	struct err e = {ERR_NONE, ""};

	if (allow[0] != '\0' && p->req->verb == HTTP_OPTIONS) {
		if (page_options(p, allow, &e) == -1)
			page_error(p, &e);
		return;
	}
	/* For the name and the contact on the page. */
	if (portal_tenant(p, &e) == -1 || allow[0] == '\0') {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_NOT_FOUND, "no such path");
		page_error(p, &e);
		return;
	}
	err_set(&e, ERR_BAD_INPUT, "no such verb here");
	page_error(p, &e);
	p->resp->status = 405;
	if (response_header(p->resp, "allow", "%s", allow) == -1)
		log_line(LOG_LEVEL_ERROR, p->req->id, "header not set", NULL);
}

static void
page_begin(struct page *p, struct portal_thread *t, const struct request *req,
    struct response *resp, char allow[ROUTE_ALLOW_LEN])
{
	memset(p, 0, sizeof(*p));
	memset(resp, 0, sizeof(*resp));
	p->portal = t->portal;
	p->desk = t->desk;
	p->req = req;
	p->resp = resp;
	p->route = route_find(req->verb, req->path, p->param, allow);
	resp->route = route_name(req->verb, p->route, allow);
}

static void
page_end(struct page *p)
{
	set_cookie(p);
	form_free(&p->form);
	desk_visit_close(&p->visit);
	secret_wipe(p, sizeof(*p));
}

void
portal_handle(
    struct portal_thread *t, const struct request *req, struct response *resp)
{
	char allow[ROUTE_ALLOW_LEN];
	struct err e = {ERR_NONE, ""};
	struct page p;
	int ret;

	page_begin(&p, t, req, resp, allow);
	if (p.route == NULL) {
		no_route(&p, allow);
	} else {
		ret = admit(&p, &e);
		if (ret == 1)
			ret = p.route->page(&p, &e);
		if (ret == -1)
			page_error(&p, &e);
	}
	page_end(&p);
}

bool
portal_begin(struct portal_thread *t, const struct request *req,
    struct sink *out, struct response *resp)
{
	char allow[ROUTE_ALLOW_LEN];
	struct err e = {ERR_NONE, ""};
	struct page p;
	bool wanted;
	int ret;

	memset(out, 0, sizeof(*out));
	page_begin(&p, t, req, resp, allow);
	ret = p.route == NULL || p.route->open == NULL ?
	    err_set(&e, ERR_INTERNAL, "no route takes a stream here") :
	    admit(&p, &e);
	if (ret == 1)
		ret = p.route->open(&p, out, &e);
	wanted = ret == 0 && out->arg != NULL;
	if (ret == -1)
		page_error(&p, &e);
	page_end(&p);
	return wanted;
}

void
portal_finish(struct portal_thread *t, const struct request *req,
    struct sink *sink, bool complete, const struct err *why,
    struct response *resp)
{
	char allow[ROUTE_ALLOW_LEN];
	struct err e = {ERR_NONE, ""};
	struct page p;

	page_begin(&p, t, req, resp, allow);
	if (!portal_tenant_recall(&p) && portal_tenant(&p, &e) == -1)
		log_err(req->id, resp->route, &e);
	err_clear(&e);
	if (p.route->finish(&p, sink, complete, why, &e) == -1)
		page_error(&p, &e);
	memset(sink, 0, sizeof(*sink));
	page_end(&p);
}
