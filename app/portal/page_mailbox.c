/*
 * page_mailbox.c: the two lists, inbox and sent, newest first.
 */
#include "portal/page.h"
#include "portal/routes.h"

#include <stdlib.h>
#include <string.h>

static void
add_item(struct node *list, const struct desk_item *it)
{
	struct node *n = node_add(list, "item");
	char id[ID_TEXT_LEN];

	id_format(&it->id, id);
	node_set(n, "id", id);
	node_set(n, "fresh", it->fresh ? "yes" : NULL);
	node_set_int(n, "files", it->files);
	node_set_int(n, "recipients", it->recipients);
	node_set_int(n, "displayed", it->displayed);
	node_person(n, "who", it->name, it->address);
	node_text(n, "subject", it->subject);
	node_time(n, "created", it->created);
	node_time(n, "expires", it->expires);
}

bool
page_inbox_first(const struct page *p)
{
	return p->route->page == page_inbox && p->req->query[0] == '\0';
}

static int
list(struct page *p, const char *name, enum reader_role role, struct err *e)
{
	bool keep = page_inbox_first(p);
	int64_t before = strtoll(form_get(&p->form, "before"), NULL, 10);
	struct desk_list l = {.item = NULL};
	struct model *m;
	struct node *n;
	uint8_t mark[32];
	size_t i;

	if (keep && desk_inbox_recall(p->desk, &p->visit, &p->resp->body))
		return page_html(p, 200, "list", e);
	if (desk_list(
		p->desk, &p->visit, role, before > 0 ? before : 0, &l, e) == -1)
		return -1;
	m = page_model(p, name);
	n = node_add(model_root(m), "list");
	node_set(n, "box", name);
	if (before > 0)
		node_set(n, "older", "yes");
	if (l.more != 0)
		node_set_int(n, "more", l.more);
	for (i = 0; i < l.n; i++)
		add_item(n, &l.item[i]);
	memcpy(mark, l.mark, sizeof(mark));
	desk_list_clear(&l);
	if (page_render(p, 200, "list", m, e) == -1)
		return -1;
	if (keep)
		desk_inbox_keep(p->desk, &p->visit, mark, &p->resp->body);
	return 0;
}

int
page_inbox(struct page *p, struct err *e)
{
	return list(p, "inbox", READER_RECIPIENT, e);
}

int
page_sent(struct page *p, struct err *e)
{
	return list(p, "sent", READER_SENDER, e);
}
