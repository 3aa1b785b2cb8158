/*
 * page_landing.c: the ways in: the front door, a notice's link or typed pick-up code,
 * "not for me", and "is it genuine?". Nothing here changes anything for someone unproved
 * but the code mail they ask for by typing an address.
 */
#include "portal/page.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "portal/limiter.h"

/* ---- what a pick-up code finds -------------------------------------------------- */

/* Each end of a road has its own page: who wrote, how to reach them, what to do next. */
static int
ended(struct page *p, int status, const char *why, const struct desk_landing *l,
    struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "ended");

	node_set(n, "why", why);
	if (l != NULL && l->created != 0)
		node_landing(p, n, l);
	return page_render(p, status, "ended", m, e);
}

/*
 * Finds what the path names. 1: *l is open for this reader to go on with. 0: answered
 * already. -1: an error.
 */
static int
locate(
    struct page *p, struct locator *loc, struct desk_landing *l, struct err *e)
{
	struct limiter *limiter = portal_pickup_limiter(p->portal);
	int64_t now = clock_mono_ms();
	int got = 0;

	memset(l, 0, sizeof(*l));
	if (limiter_full(limiter, p->req->client, now))
		return err_set(e, ERR_TOO_MANY, "unknown pick-up codes");
	if (locator_parse(p->param[0], loc) == 0)
		got = desk_landing(p->desk, &p->visit, loc->pickup,
		    loc->secret[0] == '\0' ? NULL : loc->secret, l, e);
	if (got == -1 && e->code == ERR_BAD_INPUT) {
		/* Whoever has the code may know who wrote: the link is just cut. */
		memset(l, 0, sizeof(*l));
		got = desk_landing(p->desk, &p->visit, loc->pickup, NULL, l, e);
		return got == -1 ?
		    -1 :
		    ended(p, 404, "mistyped", got == 1 ? l : NULL, e);
	}
	if (got == -1)
		return -1;
	if (got == 0) {
		limiter_count(limiter, p->req->client, now);
		return ended(p, 404, "unknown", NULL, e);
	}
	if (l->state == LANDING_EXPIRED)
		return ended(p, 410, "expired", l, e);
	if (l->state == LANDING_RETRACTED)
		return ended(p, 410, "retracted", l, e);
	if (l->others)
		return ended(p, 403, "other", l, e);
	return 1;
}

/* Is this the visitor whose code was asked for here? */
static bool
waits_for_code(const struct page *p, const char *pickup)
{
	return p->visit.kind == SESSION_VISITOR && p->visit.code_sent != 0 &&
	    strcmp(p->visit.pickup, pickup) == 0;
}

static int
landing(struct page *p, int status, const struct desk_landing *l,
    const char *problem, struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "landing");

	node_set(n, "action", p->req->path);
	node_set(n, "problem", problem);
	node_set(n, "typed", form_get(&p->form, "address"));
	node_landing(p, n, l);
	return page_render(p, status, "landing", m, e);
}

int
page_landing(struct page *p, struct err *e)
{
	struct locator loc;
	struct desk_landing l;
	char id[ID_TEXT_LEN];
	int got = locate(p, &loc, &l, e), ret;

	if (got != 1) {
		ret = got;
	} else if (l.yours) {
		id_format(&l.message, id);
		ret = page_redirect(p, e, "/message/%s", id);
	} else if (waits_for_code(p, loc.pickup) &&
	    !form_has(&p->form, "again")) {
		ret = page_code(p, 200, p->req->path, &l, NULL, e);
	} else if (l.account) {
		ret = page_login_form(p, 200, &l, NULL, 0, e);
	} else {
		ret = landing(p, 200, &l, NULL, e);
	}
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

/* The landing page's form: an address, for a code; the code page's: the code. */
int
page_landing_post(struct page *p, struct err *e)
{
	struct locator loc;
	struct desk_landing l;
	const char *problem = NULL;
	int ret = locate(p, &loc, &l, e), status = 0;

	if (ret != 1)
		goto out;
	if (form_has(&p->form, "code")) {
		ret = page_code_post(p, p->req->path, &l, e);
		goto out;
	}
	ret = page_ask_code(
	    p, &loc, form_get(&p->form, "address"), &problem, &status, e);
	if (ret == 0 && problem != NULL)
		ret = landing(p, status, &l, problem, e);
out:
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

/* ---- the front door ---------------------------------------------------------------- */

static int
home(struct page *p, int status, const char *problem, struct err *e)
{
	struct model *m = page_model(p, "home");
	struct node *n = node_add(model_root(m), "home");

	node_set(n, "problem", problem);
	node_set(n, "typed-address", form_get(&p->form, "address"));
	node_set(n, "typed-pickup", form_get(&p->form, "pickup"));
	return page_render(p, status, "home", m, e);
}

int
page_home(struct page *p, struct err *e)
{
	if (page_reader(p))
		return page_redirect(p, e, "/inbox");
	if (waits_for_code(p, "") && !form_has(&p->form, "again"))
		return page_code(p, 200, "/", NULL, NULL, e);
	return home(p, 200, NULL, e);
}

/* A code or a whole link that was typed or pasted in. */
static int
go_to_notice(struct page *p, struct err *e)
{
	struct locator loc;
	int ret;

	if (locator_parse(form_get(&p->form, "pickup"), &loc) == -1)
		return home(p, 400, "pickup", e);
	ret = page_redirect(p, e, "/m/%s%s%s", loc.pickup,
	    loc.secret[0] == '\0' ? "" : "-", loc.secret);
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

int
page_home_post(struct page *p, struct err *e)
{
	const char *problem = NULL;
	int status = 0;

	if (form_has(&p->form, "code"))
		return page_code_post(p, "/", NULL, e);
	if (form_has(&p->form, "pickup"))
		return go_to_notice(p, e);
	if (page_ask_code(p, NULL, form_get(&p->form, "address"), &problem,
		&status, e) == -1)
		return -1;
	return problem == NULL ? 0 : home(p, status, problem, e);
}

/* ---- not for me ---------------------------------------------------------------------- */

static int
wrong(struct page *p, int status, const struct desk_landing *l,
    const char *problem, struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "wrong");

	node_set(n, "action", p->req->path);
	node_set(n, "problem", problem);
	node_landing(p, n, l);
	return page_render(p, status, "wrong", m, e);
}

int
page_wrong(struct page *p, struct err *e)
{
	struct locator loc;
	struct desk_landing l;
	int ret = locate(p, &loc, &l, e);

	if (ret == 1)
		ret = wrong(p, 200, &l, NULL, e);
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

/* Machines press buttons: the pick-up code has to be typed. */
int
page_wrong_post(struct page *p, struct err *e)
{
	struct locator loc, typed;
	struct desk_landing l;
	int ret = locate(p, &loc, &l, e);

	if (ret != 1)
		goto out;
	if (locator_parse(form_get(&p->form, "pickup"), &typed) == -1 ||
	    strcmp(typed.pickup, loc.pickup) != 0)
		ret = wrong(p, 400, &l, "pickup", e);
	else if ((ret = desk_wrong_person(p->desk, &p->visit, loc.pickup, e)) ==
	    0)
		ret = page_redirect(p, e, "/check?note=told");
	secret_wipe(&typed, sizeof(typed));
out:
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

/* ---- is it genuine? --------------------------------------------------------------------- */

int
page_check(struct page *p, struct err *e)
{
	const char *typed = form_get(&p->form, "pickup");
	struct limiter *limiter = portal_pickup_limiter(p->portal);
	struct model *m;
	struct node *n, *found;
	struct locator loc;
	struct desk_landing l;
	int got = 0;

	memset(&l, 0, sizeof(l));
	if (limiter_full(limiter, p->req->client, clock_mono_ms()))
		return err_set(e, ERR_TOO_MANY, "unknown pick-up codes");
	if (typed[0] != '\0' && locator_parse(typed, &loc) == 0)
		got = desk_landing(p->desk, &p->visit, loc.pickup, NULL, &l, e);
	secret_wipe(&loc, sizeof(loc));
	if (got == -1)
		return -1;
	if (typed[0] != '\0' && got == 0)
		limiter_count(limiter, p->req->client, clock_mono_ms());
	m = page_model(p, "");
	n = node_add(model_root(m), "check");
	node_set(n, "typed", typed);
	if (typed[0] != '\0' && got == 0)
		node_set(n, "problem", "pickup");
	if (got == 1) {
		found = node_add(n, "found");
		node_landing(p, found, &l);
		node_set(found, "ends-in", l.ends_in);
		node_set(found, "state",
		    l.state == LANDING_OPEN        ? "open" :
			l.state == LANDING_EXPIRED ? "expired" :
						     "retracted");
	}
	return page_render(p, 200, "check", m, e);
}
