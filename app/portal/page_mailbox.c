/*
 * page_mailbox.c: the two lists, inbox and sent, newest first.
 */
#include "portal/page.h"
#include "portal/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
add_item(const struct page *p, struct node *list, const struct desk_item *it)
{
	struct node *n = node_add(list, "item");
	char id[ID_TEXT_LEN];

	id_format(&it->id, id);
	node_set(n, "id", id);
	node_set(n, "fresh", it->fresh ? "yes" : NULL);
	node_set_int(n, "files", it->files);
	node_set_int(n, "recipients", it->recipients);
	node_set_int(n, "displayed", it->displayed);
	if (p->route->page == page_inbox)
		node_sender(p, n, "who", it->name, it->address);
	else
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

/* "1763647080000000.<id>", as it stands in a link; anything else is the newest. */
static struct list_place
place_read(const char *text)
{
	struct list_place at = {0};
	char *end;

	at.created = strtoll(text, &end, 10);
	if (at.created <= 0 || (*end != '\0' && *end != '.') ||
	    (*end == '.' && id_parse(end + 1, &at.id) == -1))
		at = (struct list_place){0};
	return at;
}

static void
add_more(struct node *n, const struct list_place *at)
{
	char id[ID_TEXT_LEN], text[ID_TEXT_LEN + 24];

	id_format(&at->id, id);
	(void)snprintf(
	    text, sizeof(text), "%lld.%s", (long long)at->created, id);
	node_set(n, "more", text);
}

static int
list(struct page *p, const char *name, enum reader_role role, struct err *e)
{
	bool keep = page_inbox_first(p);
	const struct list_place after = place_read(
	    form_get(&p->form, "before"));
	struct desk_list l = {.item = NULL};
	struct model *m;
	struct node *n;
	uint8_t mark[32];
	size_t i;

	if (keep && desk_inbox_recall(p->desk, &p->visit, &p->resp->body))
		return page_html(p, 200, "list", e);
	if (desk_list(p->desk, &p->visit, role, &after, &l, e) == -1)
		return -1;
	m = page_model(p, name);
	n = node_add(model_root(m), "list");
	node_set(n, "box", name);
	if (after.created > 0)
		node_set(n, "older", "yes");
	if (l.more.created != 0)
		add_more(n, &l.more);
	for (i = 0; i < l.n; i++)
		add_item(p, n, &l.item[i]);
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
