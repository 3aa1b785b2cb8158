/*
 * page_compose.c: writing and answering. What was typed is never lost to an error; files
 * alone have to be chosen again, as browsers do not let them be kept.
 */
#include "portal/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/address.h"

/* What the form is filled with. */
struct draft {
	const char *to;
	const char *subject;
	const char *body;
	const char *reply; /* id of what it answers, "" when none */
	const char *form;  /* id of the form, "" for a new one */
	const char *problem;
	const char *bad; /* the recipient of problem "recipient" */
};

static int
show(struct page *p, int status, const struct draft *d, struct err *e)
{
	struct model *m = page_model(p, "compose");
	struct node *n = node_add(model_root(m), "compose");
	char size[32], form[ID_TEXT_LEN];
	struct id id;

	if (id_parse(d->form, &id) == -1)
		id = desk_letter_form();
	id_format(&id, form);
	node_set(n, "form", form);
	text_size(LIMIT_UPLOAD_FILES, size);
	node_set(n, "problem", d->problem);
	node_set(n, "bad", d->bad);
	node_set(n, "reply", d->reply);
	/* Whoever is no member, registered or not, writes to members alone. */
	node_set(n, "guest",
	    p->visit.kind == SESSION_ACCOUNT &&
		    p->visit.account.kind == ACCOUNT_MEMBER ?
		NULL :
		"yes");
	node_set(n, "to", d->to);
	node_set(n, "most", size);
	node_text(n, "subject", d->subject);
	node_text(n, "body", d->body);
	return page_render(p, status, "compose", m, e);
}

/* "Re: " once, however often it goes to and fro. */
static void
reply_subject(const char *subject, char *out, size_t cap)
{
	char start[4];

	text_cut(start, sizeof(start), subject);
	snprintf(out, cap, "%s", text_equal_ci(start, "re:") ? "" : "Re: ");
	text_cut(out + strlen(out), cap - strlen(out), subject);
}

int
page_compose(struct page *p, struct err *e)
{
	struct draft d = {
	    "", "", "", form_get(&p->form, "reply"), "", NULL, NULL};
	char subject[LIMIT_SUBJECT + 8], to[LIMIT_ADDRESS + 1];
	struct desk_message msg;
	struct id id;

	if (d.reply[0] == '\0')
		return show(p, 200, &d, e);
	if (id_parse(d.reply, &id) == -1)
		return err_set(e, ERR_NOT_FOUND, "not an id");
	memset(&msg, 0, sizeof(msg));
	if (desk_open_message(p->desk, &p->visit, &id, &msg, e) == -1)
		return -1;
	reply_subject(msg.manifest->subject, subject, sizeof(subject));
	text_cut(to, sizeof(to),
	    msg.manifest->from.address[0] != '\0' ? msg.manifest->from.address :
						    msg.row.sender);
	desk_message_clear(&msg);
	d.to = to;
	d.subject = subject;
	return show(p, 200, &d, e);
}

/* ---- sending ------------------------------------------------------------------------ */

/* The files of the form; their bytes stay in the request. -1 and a problem when too many or too big. */
static int
collect(const struct form *f, struct mail_file *files, size_t *n,
    const char **problem)
{
	size_t i, size = 0;

	*n = 0;
	for (i = 0; i < f->n; i++) {
		if (f->field[i].file_name == NULL)
			continue;
		size += f->field[i].len;
		if (*n == LIMIT_UPLOAD_COUNT || size > LIMIT_UPLOAD_FILES) {
			*problem = *n == LIMIT_UPLOAD_COUNT ? "count" : "size";
			return -1;
		}
		files[*n].name = f->field[i].file_name;
		files[*n].type = f->field[i].type;
		files[*n].data = f->field[i].data;
		files[(*n)++].len = f->field[i].len;
	}
	return 0;
}

/* One line of UTF-8 that can stand in a header field. */
static bool
is_line(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	return n <= LIMIT_SUBJECT && text_is_utf8(s, n);
}

/* What is wrong with it before anyone else looks, or NULL. */
static const char *
check(const struct draft *d, struct desk_letter *l, struct mailbox *to,
    struct err *e)
{
	l->answers = id_zero();
	if (id_parse(d->form, &l->form) == -1)
		l->form = id_zero();
	if (d->reply[0] != '\0' && id_parse(d->reply, &l->answers) == -1)
		return "reply";
	if (mailbox_typed_list(d->to, to, LIMIT_RECIPIENTS, &l->n_to, e) == -1)
		return e->code == ERR_TOO_MANY ? "people" : "to";
	if (l->n_to == 0)
		return "to";
	if (!is_line(d->subject))
		return "subject";
	if (strlen(d->body) > LIMIT_COMPOSE_TEXT)
		return "text";
	return NULL;
}

/* The problem that desk_send()'s error is, and its status; NULL: an error of ours. */
static const char *
send_problem(const struct err *e, int *status)
{
	*status = 400;
	switch ((int)e->code) {
	case ERR_BAD_INPUT:
		return strcmp(e->text, "empty") == 0 ? "empty" :
		    strcmp(e->text, "files") == 0    ? "files" :
						       "to";
	case ERR_NOT_FOUND:
	case ERR_DENIED:
		return "recipient";
	case ERR_TOO_BIG:
		*status = 413;
		return "size";
	default:
		return NULL;
	}
}

static int
deliver(struct page *p, struct draft *d, struct desk_letter *l, struct err *e)
{
	char id[ID_TEXT_LEN];
	struct id sent;
	size_t bad = SIZE_MAX;
	int status;

	if (desk_send(p->desk, &p->visit, l, &sent, &bad, e) == 0) {
		id_format(&sent, id);
		return page_redirect(p, e, "/message/%s/track?note=sent", id);
	}
	d->problem = send_problem(e, &status);
	if (d->problem == NULL)
		return -1;
	/* Without a recipient to blame, what it answers was not found. */
	if (strcmp(d->problem, "recipient") == 0 && bad >= l->n_to)
		return -1;
	if (bad < l->n_to)
		d->bad = l->to[bad].address;
	return show(p, status, d, e);
}

int
page_compose_post(struct page *p, struct err *e)
{
	struct draft d = {form_get(&p->form, "to"),
	    form_get(&p->form, "subject"), form_get(&p->form, "body"),
	    form_get(&p->form, "reply"), form_get(&p->form, "form"), NULL,
	    NULL};
	struct mail_file files[LIMIT_UPLOAD_COUNT];
	struct mailbox *to = calloc(LIMIT_RECIPIENTS, sizeof(*to));
	struct desk_letter l = {
	    .to = to, .subject = d.subject, .text = d.body, .files = files};
	int ret;

	if (to == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	d.problem = check(&d, &l, to, e);
	if (d.problem == NULL &&
	    collect(&p->form, files, &l.n_files, &d.problem) == -1)
		ret = show(
		    p, strcmp(d.problem, "size") == 0 ? 413 : 400, &d, e);
	else if (d.problem != NULL)
		ret = show(p, 400, &d, e);
	else
		ret = deliver(p, &d, &l, e);
	free(to);
	return ret;
}
