/*
 * refuse.c: what is said to somebody whose request was not even begun: too big, too
 * much at once, or not HTTP as we speak it.
 */
#include <string.h>

#include "base/log.h"
#include "portal/page.h"
#include "portal/portal.h"

#define LANGUAGE    "en"
#define AGAIN_AFTER "5" /* seconds, where it may be tried again */

static const struct request nobody = {.path = "/",
    .query = "",
    .host = "",
    .cookie = "",
    .content_type = "",
    .origin = "",
    .fetch_site = "",
    .accept_language = "",
    .if_none_match = "",
    .client = ""};

/* RFC 9110 15; what only programs see. */
static const char *
phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
	    {400, "Bad request\n"},
	    {408, "Request timeout\n"},
	    {411, "Length required\n"},
	    {414, "Address too long\n"},
	    {417, "Expectation failed\n"},
	    {421, "Misdirected request\n"},
	    {431, "Header too large\n"},
	    {501, "Not implemented\n"},
	    {505, "HTTP version not supported\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return rows[i].text;
	}
	return "Refused\n";
}

static int
refuse_page(struct page *p, int status, const char *kind, struct err *e)
{
	struct model *m;

	(void)portal_tenant_recall(p);
	m = page_model(p, "");
	node_set(model_root(m), "error", kind);
	if (status == 413)
		node_text(model_root(m), "sentence",
		    view_word(portal_view(p->portal), LANGUAGE,
			err_row(ERR_TOO_BIG)->word));
	return page_render(p, status, "error", m, e);
}

void
portal_refuse(struct portal *portal, const struct request *req, int status,
    struct response *resp)
{
	struct request who = nobody;
	struct page p = {.portal = portal, .req = &who, .resp = resp};
	struct err e = {ERR_NONE, ""};
	bool later = status == 429 || status == 503;
	int ret;

	/* What is refused may be filled in part only. */
	if (req != NULL && req->host != NULL) {
		memcpy(who.id, req->id, sizeof(who.id));
		who.host = req->host;
	}
	memset(resp, 0, sizeof(*resp));
	resp->route = "refused";
	if (status == 413)
		ret = refuse_page(&p, 413, "too_big", &e);
	else if (later)
		ret = refuse_page(
		    &p, status, status == 429 ? "busy-you" : "busy", &e);
	else
		ret = page_text(&p, status, phrase(status), &e);
	if (ret == 0 && later &&
	    response_header(resp, "retry-after", AGAIN_AFTER) == -1)
		ret = err_set(&e, ERR_INTERNAL, "out of memory");
	if (ret == 0)
		return;
	log_err(p.req->id, "refusal", &e);
	response_free(resp);
	resp->status = status;
}
