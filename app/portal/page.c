/*
 * page.c: what all pages share: the model's frame, the header fields that go with every
 * answer, redirects, and the pages of errors.
 */
#include "portal/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "portal/asset.h"
#include "portal/routes.h"

#define LANGUAGE "en"

/* What a browser may do with an answer, by its kind. */
enum kind {
	KIND_PAGE,
	KIND_SCRIPT, /* a page that runs a script of ours */
	KIND_FILE    /* all else: shown alone, it can do nothing */
};

#define POLICY_PAGE                                                     \
	"default-src 'none'; style-src 'self'; img-src 'self'; "        \
	"font-src 'self'; form-action 'self'; frame-ancestors 'none'; " \
	"base-uri 'none'"

static const char *const policy[] = {
    [KIND_PAGE] = POLICY_PAGE,
    [KIND_SCRIPT] = POLICY_PAGE "; script-src 'self'; connect-src 'self'",
    [KIND_FILE] = "default-src 'none'; frame-ancestors 'none'; sandbox",
};

/* Pages with a script; all others stay without. */
static const char *const scripted[] = {"compose", NULL};

/* With every answer. */
static const char *const common[][2] = {
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "same-origin"},
    {"cross-origin-opener-policy", "same-origin"},
    {"cross-origin-resource-policy", "same-origin"},
    {"permissions-policy",
	"accelerometer=(), autoplay=(), bluetooth=(), browsing-topics=(), "
	"camera=(), clipboard-read=(), clipboard-write=(), display-capture=(), "
	"encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), "
	"gyroscope=(), hid=(), idle-detection=(), local-fonts=(), "
	"magnetometer=(), microphone=(), midi=(), payment=(), "
	"picture-in-picture=(), publickey-credentials-get=(), "
	"screen-wake-lock=(), serial=(), storage-access=(), usb=(), "
	"web-share=(), window-management=(), xr-spatial-tracking=()"},
    {"x-frame-options", "DENY"}, /* browsers before frame-ancestors */
    {"x-robots-tag", "noindex, nofollow"},
};

bool
page_reader(const struct page *p)
{
	return p->visit.kind == SESSION_GUEST ||
	    p->visit.kind == SESSION_ACCOUNT;
}

/* ---- models ------------------------------------------------------------------ */

/* Notes that a redirect may ask for; anything else in the query shows nothing. */
static void
set_note(struct page *p, struct node *root)
{
	static const char *const notes[] = {
	    "sent", "account", "signed-out", "told", NULL};
	struct form query = FORM_INIT;
	struct err e;
	size_t i;

	if (p->req->verb == HTTP_POST ||
	    form_query(p->req->query, &query, &e) == -1)
		return;
	for (i = 0; notes[i] != NULL; i++)
		if (strcmp(form_get(&query, "note"), notes[i]) == 0)
			node_set(root, "note", notes[i]);
	form_free(&query);
}

/* The first letters of the first and the last word. */
static void
initials(const char *name, char out[16])
{
	const char *last = strrchr(name, ' ');
	size_t n = 0, i;

	for (i = 0; i < 2; i++) {
		const char *s = i == 0 ? name : last == NULL ? "" : last + 1;

		if (((unsigned char)*s | 0x20) >= 'a' &&
		    ((unsigned char)*s | 0x20) <= 'z') {
			out[n++] = (char)(*s & ~0x20);
		} else if ((unsigned char)*s >= 0xc0) {
			do {
				out[n++] = *s++;
			} while (((unsigned char)*s & 0xc0) == 0x80 && n < 12);
		}
	}
	out[n] = '\0';
}

/* With an at sign, or what looks like one. */
static bool
is_like_address(const char *name)
{
	return strchr(name, '@') != NULL ||
	    strstr(name, "\xef\xbc\xa0") != NULL ||
	    strstr(name, "\xef\xb9\xab") != NULL;
}

/* A name that is somebody's address, or nearly, would be taken for who wrote. */
struct node *
node_person(
    struct node *n, const char *element, const char *name, const char *address)
{
	struct node *who = node_add(n, element);
	const char *shown;
	char mark[16];

	if (address[0] != '\0' && is_like_address(name))
		name = "";
	shown = name[0] == '\0' ? address : name;
	initials(shown, mark);
	node_set(who, "name", name);
	node_set(who, "address", address);
	node_set(who, "shown", shown);
	node_set(who, "initials", mark);
	return who;
}

struct node *
node_sender(const struct page *p, struct node *n, const char *element,
    const char *name, const char *address)
{
	if (name[0] == '\0' && address[0] == '\0')
		name = view_word(
		    portal_view(p->portal), LANGUAGE, "who.nobody");
	return node_person(n, element, name, address);
}

void
node_time(struct node *n, const char *name, int64_t t)
{
	char text[CLOCK_TEXT_LEN];
	struct node *at;

	if (t == 0)
		return;
	at = node_add(n, name);
	clock_iso(t, text);
	node_set(at, "iso", text);
	clock_day(t, text);
	node_set(at, "day", text);
	clock_hm(t, text);
	node_set(at, "hm", text);
	clock_minute(t, text);
	node_set(at, "minute", text);
	text[strcspn(text, ",")] = '\0';
	node_set(at, "short", text);
}

void
node_landing(const struct page *p, struct node *n, const struct desk_landing *l)
{
	char shown[10];

	node_sender(p, n, "sender", l->sender_name, l->sender);
	node_time(n, "created", l->created);
	node_time(n, "expires", l->expires);
	if (l->pickup[0] != '\0') {
		seal_pickup_show(l->pickup, shown);
		node_set(n, "pickup", shown);
		node_set(n, "code", l->pickup);
	}
}

static void
set_session(struct page *p, struct node *root)
{
	static const char *const kind[] = {[0] = "",
	    [SESSION_VISITOR] = "visitor",
	    [SESSION_GUEST] = "guest",
	    [SESSION_ACCOUNT] = "account"};

	if (p->visit.kind == 0)
		return;
	node_set(root, "signed", kind[p->visit.kind]);
	node_set(root, "address", p->visit.address);
	node_set(root, "csrf", p->visit.csrf);
}

struct model *
page_model(struct page *p, const char *nav)
{
	const struct tenant *t = &p->visit.tenant;
	const struct assets *assets = portal_assets(p->portal);
	struct model *m = model_new();
	struct node *root = model_root(m);
	char path[ASSET_PATH_LEN], origin[300];

	node_set(root, "lang", LANGUAGE);
	node_set(root, "nav", nav);
	asset_path(assets, "restante.css", path);
	node_set(root, "css", path);
	asset_path(assets, "icon.svg", path);
	node_set(root, "icon", path);
	if (t->name[0] == '\0')
		return m;
	asset_brand_path(t->color, path);
	if (path[0] != '\0')
		node_set(root, "brand", path);
	initials(t->name, origin);
	node_set(root, "mark", origin);
	portal_origin(p->portal, t->host, origin);
	node_set(root, "tenant", t->name);
	node_set(root, "host", origin + strlen("https://"));
	node_set(root, "contact", t->contact);
	if (strchr(t->contact, '@') != NULL && strchr(t->contact, ' ') == NULL)
		node_set(root, "contact-mail", t->contact);
	set_session(p, root);
	set_note(p, root);
	return m;
}

/* ---- answers ------------------------------------------------------------------ */

static int
set_headers(
    struct page *p, enum kind kind, const char *content_type, const char *cache)
{
	int hsts = portal_settings(p->portal)->hsts, ret = 0;
	struct response *r = p->resp;

	if (content_type != NULL)
		ret |= response_header(r, "content-type", "%s", content_type);
	ret |= response_header(r, "cache-control", "%s", cache);
	ret |= response_header(
	    r, "content-security-policy", "%s", policy[kind]);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		ret |= response_header(r, common[i][0], "%s", common[i][1]);
	if (hsts > 0)
		ret |= response_header(
		    r, "strict-transport-security", "max-age=%d", hsts);
	if (p->route != NULL && p->route->tus)
		ret |= response_header(r, "tus-resumable", "1.0.0");
	return ret == 0 ? 0 : -1;
}

int
page_headers(struct page *p, const char *content_type, const char *cache)
{
	return set_headers(p, KIND_FILE, content_type, cache);
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_INTERNAL, "out of memory");
}

static int
html_headers(struct page *p, const char *name)
{
	enum kind kind = KIND_PAGE;

	for (size_t i = 0; name != NULL && scripted[i] != NULL; i++)
		if (strcmp(scripted[i], name) == 0)
			kind = KIND_SCRIPT;
	return set_headers(p, kind, "text/html; charset=utf-8", "no-store");
}

int
page_render(struct page *p, int status, const char *name, struct model *m,
    struct err *e)
{
	int ret = view_page(
	    portal_view(p->portal), name, LANGUAGE, m, &p->resp->body, e);

	model_free(m);
	return ret == -1 ? -1 : page_html(p, status, name, e);
}

int
page_html(struct page *p, int status, const char *name, struct err *e)
{
	p->resp->status = status;
	return html_headers(p, name) == -1 ? no_memory(e) : 0;
}

int
page_redirect(struct page *p, struct err *e, const char *fmt, ...)
{
	char to[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, sizeof(to), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(to))
		return err_set(e, ERR_INTERNAL, "a redirect too long");
	p->resp->status = 303;
	n = response_header(p->resp, "location", "%s", to);
	secret_wipe(to, sizeof(to)); /* may be a whole link */
	if (n == -1 || html_headers(p, NULL) == -1)
		return no_memory(e);
	return 0;
}

int
page_text(struct page *p, int status, const char *text, struct err *e)
{
	p->resp->status = status;
	if (buf_adds(&p->resp->body, text) == -1 ||
	    page_headers(p, "text/plain; charset=utf-8", "no-store") == -1)
		return no_memory(e);
	return 0;
}

/* ---- errors -------------------------------------------------------------------- */

static const char last_resort[] =
    "<!doctype html>\n<html lang=\"en\"><title>Something went wrong</title>"
    "<h1>Something went wrong on our side</h1><p>Please try again in a few "
    "minutes.</p></html>\n";

/*
 * What a program is told: the sentence alone. Where to prove who it is for, it cannot be
 * told in the terms of RFC 9110 11.6.1: the scheme says that a cookie is wanted.
 */
static int
error_text(
    struct page *p, const struct err_row *row, bool stranger, struct err *e)
{
	if (buf_adds(&p->resp->body,
		view_word(portal_view(p->portal), LANGUAGE, row->word)) == -1 ||
	    (stranger &&
		response_header(p->resp, "www-authenticate",
		    "Cookie realm=\"/login\"") == -1))
		return no_memory(e);
	return page_text(p, stranger ? 401 : row->http_status, "\n", e);
}

static int
error_page(struct page *p, const struct err_row *row, struct err *e)
{
	struct model *m = page_model(p, "");

	node_set(model_root(m), "error", row->name);
	node_set(model_root(m), "request", p->req->id);
	node_text(model_root(m), "sentence",
	    view_word(portal_view(p->portal), LANGUAGE, row->word));
	return page_render(
	    p, p->nobody ? 421 : row->http_status, "error", m, e);
}

/* What a page had begun is of no use. */
static void
forget_answer(struct page *p)
{
	struct source *s = &p->resp->source;

	if (s->arg != NULL)
		s->end(s->arg, p->desk, false);
	memset(s, 0, sizeof(*s));
	response_free(p->resp);
}

void
page_error(struct page *p, const struct err *e)
{
	const struct err_row *row = err_row(e->code);
	struct err again;

	log_err(p->req->id, p->resp->route, e);
	forget_answer(p);
	if ((p->route != NULL && p->route->tus ?
		    error_text(p, row, e->code == ERR_DENIED && !page_reader(p),
			&again) :
		    error_page(p, row, &again)) == 0)
		return;
	response_free(p->resp);
	p->resp->status = 500;
	if (buf_adds(&p->resp->body, last_resort) == -1 ||
	    html_headers(p, NULL) == -1)
		log_err(p->req->id, p->resp->route, &again);
}
