/*
 * page_message.c: one message: to read, and who has read it.
 */
#include "portal/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TO_SHOWN         20   /* names in the head of a message */
#define PARAGRAPHS_SHOWN 2000 /* beyond, the rest is one */

int
page_open_message(struct page *p, struct desk_message *out, struct err *e)
{
	struct id id;

	memset(out, 0, sizeof(*out));
	if (id_parse(p->param[0], &id) == -1)
		return err_set(e, ERR_NOT_FOUND, "not an id");
	return desk_open_message(p->desk, &p->visit, &id, out, e);
}

/* ---- the page --------------------------------------------------------------------- */

static void
add_people(struct node *n, const struct manifest *m, const char *own)
{
	struct node *to = node_add(n, "to"), *who;
	size_t i;

	for (i = 0; i < m->n_to && i < TO_SHOWN; i++) {
		who = node_person(
		    to, "person", m->to[i].name, m->to[i].address);
		if (text_equal_ci(m->to[i].address, own))
			node_set(who, "you", "yes");
	}
	if (m->n_to > i)
		node_set_int(to, "more", (int64_t)(m->n_to - i));
}

static void
add_files(struct node *n, const struct manifest *m)
{
	char size[32];
	struct node *f;
	size_t i;

	for (i = 0; i < m->n_parts; i++) {
		if (!m->parts[i].attached || !m->parts[i].leaf)
			continue;
		f = node_add(n, "file");
		text_size(m->parts[i].size, size);
		node_set_int(f, "no", m->parts[i].no);
		node_set(f, "name", m->parts[i].name);
		node_set(f, "size", size);
		if (!id_is_zero(&m->parts[i].beside.id))
			node_set(n, "beside", "yes");
	}
	text_size(m->size, size);
	node_set(n, "size", size);
}

/* Paragraphs end at empty lines; the lines in them stay lines. */
static void
add_text(struct node *n, const char *s, size_t len)
{
	const char *end;
	size_t count = 0;

	while (len > 0) {
		while (len > 0 && *s == '\n') {
			s++;
			len--;
		}
		end = ++count < PARAGRAPHS_SHOWN ? memmem(s, len, "\n\n", 2) :
						   NULL;
		if (end == NULL)
			end = s + len;
		if (end > s)
			node_text_n(n, "p", s, (size_t)(end - s));
		len -= (size_t)(end - s);
		s = end;
	}
}

/* The text in UTF-8 with bare line feeds, as a page can hold it. */
static int
add_body(struct page *p, struct node *n, const struct desk_message *msg,
    struct err *e)
{
	struct buf raw = BUF_INIT, text = BUF_INIT;
	bool cut = false;
	int ret = desk_text(p->desk, msg, &raw, &cut, e);

	if (ret == 0 && text_show(&text, (const char *)raw.data, raw.len) == -1)
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	if (ret == 0)
		add_text(n, (const char *)text.data, text.len);
	if (cut)
		node_set(n, "cut", "yes");
	buf_free(&raw);
	buf_free(&text);
	return ret;
}

/* Its sender proved the address: by an account, or else has a copy of its own. */
static bool
is_proved(const struct desk_message *msg)
{
	return !id_is_zero(&msg->row.sender_account) ||
	    (msg->n_people > 0 && msg->people[0].role == READER_SENDER);
}

/* How a message came that nobody proved to have sent: "TLSv1.3", and from where. */
static void
add_way(struct node *n, const struct desk_message *msg)
{
	const struct mail_connection *c = &msg->manifest->connection;
	char tls[16];

	if (is_proved(msg) || msg->mine || c->client[0] == '\0')
		return;
	text_cut(tls, sizeof(tls), c->tls);
	tls[strcspn(tls, " ")] = '\0';
	node_set(n, "client", c->client);
	node_set(n, "tls", tls[0] != '\0' ? tls : NULL);
}

static void
add_head(struct page *p, struct node *n, const struct desk_message *msg)
{
	const struct manifest *m = msg->manifest;
	const char *address = m->from.address[0] != '\0' ? m->from.address :
							   msg->row.sender;
	const char *name = m->from.name[0] != '\0' ? m->from.name :
						     msg->row.sender_name;
	char id[ID_TEXT_LEN];

	id_format(&msg->row.id, id);
	node_set(n, "id", id);
	node_set(n, "mine", msg->mine ? "yes" : NULL);
	node_set(n, "receipt", msg->receipt ? "yes" : NULL);
	node_set(
	    n, "verified", id_is_zero(&msg->row.sender_account) ? NULL : "yes");
	node_set(n, "proved", is_proved(msg) ? "yes" : NULL);
	/* Nobody proved either address: both are told where they differ. */
	if (!is_proved(msg) && !msg->mine && msg->row.sender[0] != '\0' &&
	    !text_equal_ci(address, msg->row.sender))
		node_set(n, "envelope", msg->row.sender);
	add_way(n, msg);
	node_set(n, "ambiguous", m->ambiguous ? "yes" : NULL);
	node_set(n, "more", m->cut ? "yes" : NULL);
	node_set(n, "from-html",
	    m->text_part == -1 && m->html_part != -1 ? "yes" : NULL);
	node_text(n, "subject", m->subject);
	node_sender(p, n, "sender", name, address);
	add_people(n, m, p->visit.address);
	node_time(n, "created", msg->row.created);
	node_time(n, "expires", msg->row.expires);
}

/* Not opened: a recipient is told whom to ask for a message whose time is over. */
static int
not_opened(struct page *p, const struct desk_message *msg, struct err *e)
{
	struct model *m;
	struct node *n;

	if (e->code != ERR_EXPIRED || msg->mine || msg->row.sender[0] == '\0')
		return -1;
	m = page_model(p, "inbox");
	n = node_add(model_root(m), "ended");
	node_set(n, "why", "expired");
	node_person(n, "sender", msg->row.sender_name, msg->row.sender);
	node_time(n, "created", msg->row.created);
	node_time(n, "expires", msg->row.expires);
	return page_render(p, 410, "ended", m, e);
}

/* That it was displayed is written down before it is: no receipt is missing, none early. */
int
page_message(struct page *p, struct err *e)
{
	struct desk_message msg;
	struct model *m;
	struct node *n;
	int ret = -1;

	if (page_open_message(p, &msg, e) == -1)
		return not_opened(p, &msg, e);
	m = page_model(p, msg.mine ? "sent" : "inbox");
	n = node_add(model_root(m), "message");
	add_head(p, n, &msg);
	add_files(n, msg.manifest);
	if (add_body(p, n, &msg, e) == -1)
		model_free(m);
	else if (page_render(p, 200, "message", m, e) == 0)
		ret = 0;
	if (ret == 0 && p->req->verb == HTTP_GET && !msg.mine)
		ret = desk_displayed(p->desk, &p->visit, &msg, e);
	desk_message_clear(&msg);
	return ret;
}

/* ---- who has read it --------------------------------------------------------------------- */

static void
add_step(struct node *n, const char *name, const struct desk_step *s)
{
	struct node *step;

	if (s->at == 0)
		return;
	step = node_add(n, name);
	node_time(step, "at", s->at);
	node_set(step, "detail", s->detail);
}

static void
add_person(struct node *n, const struct desk_person *who)
{
	struct node *person = node_add(n, "person");
	size_t i;

	node_set(person, "address", who->address);
	add_step(person, "notice", &who->notice);
	add_step(person, "failed", &who->failed);
	add_step(person, "code", &who->code);
	add_step(person, "proved", &who->proved);
	add_step(person, "displayed", &who->displayed);
	add_step(person, "replied", &who->replied);
	add_step(person, "wrong", &who->wrong);
	for (i = 0; i < who->n_file; i++)
		add_step(person, "file", &who->file[i]);
}

int
page_track(struct page *p, struct err *e)
{
	struct desk_track t;
	struct model *m;
	struct node *n;
	struct id id;
	size_t i;

	memset(&t, 0, sizeof(t));
	if (id_parse(p->param[0], &id) == -1)
		return err_set(e, ERR_NOT_FOUND, "not an id");
	if (desk_track(p->desk, &p->visit, &id, &t, e) == -1)
		return -1;
	m = page_model(p, "sent");
	n = node_add(model_root(m), "track");
	node_set(n, "id", p->param[0]);
	node_text(n, "subject", t.message.manifest->subject);
	node_time(n, "created", t.message.row.created);
	node_time(n, "expires", t.message.row.expires);
	node_set_int(n, "people", (int64_t)t.n);
	node_set_int(n, "files", t.files);
	for (i = 0; i < t.n; i++)
		add_person(n, &t.person[i]);
	desk_track_clear(&t);
	return page_render(p, 200, "track", m, e);
}
