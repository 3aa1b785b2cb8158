/*
 * page_status.c: what machines ask for: is it alive, is it ready, may it be indexed, and
 * the assets.
 */
#include "base/log.h"
#include "portal/asset.h"
#include "portal/page.h"

#include <stdio.h>
#include <string.h>

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
	struct err why = {ERR_NONE, ""};

	if (desk_ready(p->desk, &why) == 0)
		return page_text(p, 200, "ready\n", e);
	log_err(p->req->id, "not ready", &why);
	return page_text(p, 503, "not ready\n", e);
}

int
page_robots(struct page *p, struct err *e)
{
	return page_text(p, 200, "User-agent: *\nDisallow: /\n", e);
}

int
page_asset(struct page *p, struct err *e)
{
	const char *print = p->param[0], *type;
	char tag[PAGE_PARAM_LEN + 3];

	if (!asset_get(portal_assets(p->portal), print, p->param[1], &type,
		&p->resp->body))
		return err_set(e, ERR_NOT_FOUND, "no such asset");
	p->resp->status = 200;
	snprintf(tag, sizeof(tag), "\"%s\"", print);
	if (strcmp(p->req->if_none_match, tag) == 0) {
		p->resp->status = 304;
		buf_clear(&p->resp->body);
	}
	if (page_headers(p, type, "public, max-age=31536000, immutable") ==
		-1 ||
	    response_header(p->resp, "etag", "%s", tag) == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return 0;
}
