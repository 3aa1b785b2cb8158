/*
 * page_account.c: signing in and out, making an account, and what can be done about a
 * forgotten password.
 */
#include "portal/page.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "policy/envelope.h"

/* ---- sign-in -------------------------------------------------------------------- */

const char *
page_next(const char *name)
{
	static const char *const names[] = {"sent", "compose", "settings"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return names[i];
	return NULL;
}

int
page_login_form(struct page *p, int status, const struct desk_landing *l,
    const char *problem, int wait_s, struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "login");
	const char *pickup = form_get(&p->form, "pickup");

	node_set(n, "problem", problem);
	node_set(n, "typed", form_get(&p->form, "address"));
	node_set(n, "next", page_next(form_get(&p->form, "next")));
	if (l != NULL)
		node_landing(p, n, l);
	else if (pickup[0] != '\0')
		node_set(n, "code", pickup);
	if (wait_s > 0)
		node_time(n, "again", clock_now() + wait_s * CLOCK_SECOND);
	return page_render(p, status, "login", m, e);
}

static const char *
next_or_inbox(const struct page *p)
{
	const char *next = page_next(form_get(&p->form, "next"));

	return next == NULL ? "inbox" : next;
}

int
page_login(struct page *p, struct err *e)
{
	if (p->visit.kind == SESSION_ACCOUNT)
		return page_redirect(p, e, "/%s", next_or_inbox(p));
	return page_login_form(p, 200, NULL, NULL, 0, e);
}

/* Where a reader goes once in: what they came for, else the inbox. */
static int
go_in(struct page *p, struct err *e)
{
	struct locator loc;
	int ret;

	if (locator_parse(form_get(&p->form, "pickup"), &loc) == 0)
		ret = page_redirect(p, e, "/m/%s", loc.pickup);
	else
		ret = page_redirect(p, e, "/%s", next_or_inbox(p));
	secret_wipe(&loc, sizeof(loc));
	return ret;
}

int
page_login_post(struct page *p, struct err *e)
{
	const char *address = form_get(&p->form, "address");
	const char *password = form_get(&p->form, "password");
	int wait_s = 0;

	if (address[0] == '\0' || password[0] == '\0')
		return page_login_form(p, 400, NULL, "empty", 0, e);
	if (desk_login(p->desk, &p->visit, address, password, &wait_s, e) == 0)
		return go_in(p, e);
	if (e->code == ERR_DENIED || e->code == ERR_BAD_INPUT ||
	    e->code == ERR_NOT_FOUND)
		return page_login_form(p, 403, NULL, "wrong", 0, e);
	if (e->code != ERR_TOO_MANY)
		return -1;
	if (wait_s > 0 &&
	    response_header(p->resp, "retry-after", "%d", wait_s) == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return page_login_form(p, 429, NULL, "later", wait_s, e);
}

/* ---- sign-out ------------------------------------------------------------------------ */

int
page_logout(struct page *p, struct err *e)
{
	struct model *m;

	if (p->visit.kind == 0)
		return page_redirect(p, e, "/login");
	m = page_model(p, "");
	node_add(model_root(m), "logout");
	return page_render(p, 200, "logout", m, e);
}

int
page_logout_post(struct page *p, struct err *e)
{
	bool everywhere = form_get(&p->form, "everywhere")[0] != '\0';

	if (p->visit.kind != 0 &&
	    desk_logout(p->desk, &p->visit, everywhere, e) == -1)
		return -1;
	return page_redirect(p, e, "/login?note=signed-out");
}

/* ---- an account ------------------------------------------------------------------------ */

static int
form_register(struct page *p, int status, const char *problem, struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "register");
	const char *name = form_get(&p->form, "name");

	node_set(n, "problem", problem);
	node_set(n, "guest", p->visit.kind == SESSION_GUEST ? "yes" : NULL);
	node_set(n, "address",
	    p->visit.kind == SESSION_GUEST ? p->visit.address :
					     form_get(&p->form, "address"));
	node_set(n, "name", name);
	node_set(n, "registration", form_get(&p->form, "registration"));
	node_set_int(n, "least", LIMIT_PASSWORD_MIN);
	return page_render(p, status, "register", m, e);
}

int
page_register(struct page *p, struct err *e)
{
	if (p->visit.kind == SESSION_ACCOUNT)
		return page_redirect(p, e, "/inbox");
	return form_register(p, 200, NULL, e);
}

/* A name goes into header fields of mails: one line of bounded length. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s), characters = 0;

	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
		characters += (s[i] & 0xc0) != 0x80;
	}
	return characters <= LIMIT_NAME && text_is_utf8(s, n);
}

int
page_register_post(struct page *p, struct err *e)
{
	const char *password = form_get(&p->form, "password");
	const char *name = form_get(&p->form, "name");
	bool guest = p->visit.kind == SESSION_GUEST;
	const char *address = guest ? p->visit.address :
				      form_get(&p->form, "address");
	int ret;

	if (p->visit.kind == SESSION_ACCOUNT)
		return page_redirect(p, e, "/inbox");
	if (address[0] == '\0')
		return form_register(p, 400, "address", e);
	if (!is_name(name))
		return form_register(p, 400, "name", e);
	if (policy_password(
		password, form_get(&p->form, "password2"), address, e) == -1)
		return form_register(p, 400, e->text, e);
	ret = guest ?
	    desk_register_guest(p->desk, &p->visit, name, password, e) :
	    desk_register_code(p->desk, &p->visit, address,
		form_get(&p->form, "registration"), name, password, e);
	if (ret == 0)
		return page_redirect(p, e, "/inbox?note=account");
	switch ((int)e->code) {
	case ERR_CONFLICT:
		return form_register(p, 409, "taken", e);
	case ERR_DENIED:
	case ERR_NOT_FOUND:
	case ERR_BAD_INPUT:
		return form_register(p, 403, "registration", e);
	case ERR_TOO_MANY:
		return form_register(p, 429, "later", e);
	default:
		return -1;
	}
}

int
page_settings(struct page *p, struct err *e)
{
	struct model *m = page_model(p, "settings");
	struct node *n = node_add(model_root(m), "settings");

	node_set(n, "name", p->visit.account.name);
	node_time(n, "last", p->visit.account.last_login);
	return page_render(p, 200, "settings", m, e);
}

int
page_reset(struct page *p, struct err *e)
{
	struct model *m = page_model(p, "");

	node_add(model_root(m), "reset");
	return page_render(p, 200, "reset", m, e);
}
