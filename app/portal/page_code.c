/*
 * page_code.c: asking for a one-time code and typing it. Right and wrong addresses look
 * the same, and so do all wrong codes.
 */
#include "portal/page.h"

#include <stdio.h>
#include <string.h>

#include "mail/address.h"

int
page_code(struct page *p, int status, const char *action,
    const struct desk_landing *l, const char *problem, struct err *e)
{
	struct model *m = page_model(p, "");
	struct node *n = node_add(model_root(m), "code");

	node_set(n, "action", action);
	node_set(n, "problem", problem);
	node_set(n, "reference", p->visit.code_reference);
	node_set(n, "address", p->visit.address);
	node_time(n, "sent", p->visit.code_sent);
	node_time(n, "until", p->visit.code_expires);
	if (l != NULL)
		node_landing(p, n, l);
	return page_render(p, status, "code", m, e);
}

int
page_code_post(struct page *p, const char *action, const struct desk_landing *l,
    struct err *e)
{
	char code[SEAL_CODE_LEN], id[ID_TEXT_LEN];
	struct id message = id_zero();

	/* Someone whose visit has ended types an address again. */
	if (p->visit.kind != SESSION_VISITOR)
		return page_redirect(p, e, "%s", action);
	/* What cannot be a code costs no try. */
	if (seal_code_parse(form_get(&p->form, "code"), code) == -1)
		return page_code(p, 400, action, l, "malformed", e);
	if (desk_check_code(p->desk, &p->visit, form_get(&p->form, "code"),
		&message, e) == -1) {
		if (e->code == ERR_DENIED)
			return page_code(p, 403, action, l, "wrong", e);
		if (e->code == ERR_TOO_MANY)
			return page_code(p, 429, action, l, "tries", e);
		return -1;
	}
	if (id_is_zero(&message))
		return page_redirect(p, e, "/inbox");
	id_format(&message, id);
	return page_redirect(p, e, "/message/%s", id);
}

int
page_ask_code(struct page *p, const struct locator *loc, const char *address,
    const char **problem, int *status, struct err *e)
{
	struct mailbox typed;
	const char *pickup = loc == NULL ? NULL : loc->pickup;
	const char *secret = loc == NULL || loc->secret[0] == '\0' ?
	    NULL :
	    loc->secret;

	*problem = NULL;
	if (mailbox_typed(address, &typed, e) == -1) {
		*problem = "address";
		*status = 400;
		return 0;
	}
	if (desk_ask_code(p->desk, &p->visit, pickup, secret, address, e) == 0)
		return pickup == NULL ? page_redirect(p, e, "/") :
					page_redirect(p, e, "/m/%s", pickup);
	if (e->code == ERR_BAD_INPUT) {
		*problem = "address";
		*status = 400;
		return 0;
	}
	if (e->code == ERR_TOO_MANY) {
		*problem = "codes";
		*status = 429;
		return 0;
	}
	return -1;
}
