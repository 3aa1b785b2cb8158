/*
 * page_status.c: what machines ask for: is it alive, is it ready, may it be indexed, and
 * the assets.
 */
#include "base/clock.h"
#include "base/log.h"
#include "portal/asset.h"
#include "portal/page.h"
#include "portal/readyz.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

int
page_options(struct page *p, const char *allow, struct err *e)
{
	p->resp->status = 204;
	if (page_headers(p, NULL, "no-store") == -1 ||
	    response_header(p->resp, "allow", "%s", allow) == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return 0;
}

int
page_healthz(struct page *p, struct err *e)
{
	return page_text(p, 200, "ok\n", e);
}

int
page_readyz(struct page *p, struct err *e)
{
	struct buf text = BUF_INIT;
	bool ok = true;
	int ret;

	if (readyz_tell(portal_readyz(p->portal), p->desk, &text, &ok) == -1) {
		buf_free(&text);
		return err_set(e, ERR_INTERNAL, "out of memory");
	}
	ret = page_text(p, ok ? 200 : 503, buf_cstr(&text), e);
	buf_free(&text);
	return ret;
}

int
page_robots(struct page *p, struct err *e)
{
	return page_text(p, 200, "User-agent: *\nDisallow: /\n", e);
}

bool
page_accepts(const char *list, const char *word)
{
	size_t n = strlen(word), len;
	const char *p = list, *q;

	for (; *p != '\0'; p += len + (p[len] == ',')) {
		p += strspn(p, " \t");
		len = strcspn(p, ",");
		if (strncasecmp(p, word, n) != 0 || strcspn(p, "; \t,") != n)
			continue;
		q = memmem(p, len, "q=", 2);
		/* "0", "0.0", "0.000" say never. */
		return q == NULL || q[2 + strspn(q + 2, "0.")] > '0';
	}
	return false;
}

int
page_asset(struct page *p, struct err *e)
{
	bool gzip = page_accepts(
	    request_field(p->req, "accept-encoding"), "gzip");
	struct response *r = p->resp;
	struct asset_answer a;
	int ret;

	if (!asset_get(portal_assets(p->portal), p->param[0], p->param[1], gzip,
		&a, &r->body))
		return err_set(e, ERR_NOT_FOUND, "no such asset");
	r->status = 200;
	/* A list of tags, weak ones among them: RFC 9110 13.1.2 */
	if (strstr(p->req->if_none_match, a.tag) != NULL) {
		r->status = 304;
		buf_clear(&r->body);
	}
	ret = page_headers(p, a.type, "public, max-age=31536000, immutable");
	ret |= response_header(r, "etag", "%s", a.tag);
	if (a.varies)
		ret |= response_header(r, "vary", "accept-encoding");
	if (a.zipped && r->status == 200)
		ret |= response_header(r, "content-encoding", "gzip");
	return ret == 0 ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

/* ---- well known (RFC 8615) --------------------------------------------------------- */

#define SECURITY_DAYS 30 /* a copy of security.txt is good for */

/* How the tenant is reached, as a URI: a mailbox or a telephone number, if it is one. */
static int
add_contact(struct buf *out, const char *contact)
{
	char number[128];
	size_t n = 0;

	if (strchr(contact, '@') != NULL && strchr(contact, ' ') == NULL)
		return buf_addf(out, "Contact: mailto:%s\n", contact);
	if (contact[0] != '+' ||
	    contact[strspn(contact, "+0123456789 -()/.")] != '\0')
		return 0;
	for (const char *s = contact; *s != '\0' && n < sizeof(number) - 1; s++)
		if ((*s >= '0' && *s <= '9') || s == contact)
			number[n++] = *s;
	number[n] = '\0';
	return buf_addf(out, "Contact: tel:%s\n", number);
}

/* RFC 9116. Of faults in the software the operator is told first, then the tenant. */
int
page_security(struct page *p, struct err *e)
{
	const char *operator= portal_settings(p->portal)->security_contact;
	const struct tenant *t = &p->visit.tenant;
	struct buf out = BUF_INIT;
	char origin[300], until[CLOCK_TEXT_LEN];
	int ret = 0;

	portal_origin(p->portal, t->host, origin);
	clock_iso(clock_now() + SECURITY_DAYS * CLOCK_DAY, until);
	if (operator!= NULL)
		ret |= buf_addf(&out, "Contact: %s\n", operator);
	ret |= add_contact(&out, t->contact);
	if (out.len == 0)
		ret |= buf_addf(&out, "Contact: %s/\n", origin);
	ret |= buf_addf(&out,
	    "Expires: %s\nPreferred-Languages: en\n"
	    "Canonical: %s/.well-known/security.txt\n",
	    until, origin);
	ret = ret != 0 ? err_set(e, ERR_INTERNAL, "out of memory") :
			 page_text(p, 200, buf_cstr(&out), e);
	buf_free(&out);
	return ret;
}

/*
 * https://w3c.github.io/webappsec-change-password-url/: where password managers send
 * people. What there is to do about a password stands there, behind the sign-in.
 */
int
page_change_password(struct page *p, struct err *e)
{
	return page_redirect(p, e, "/settings");
}
