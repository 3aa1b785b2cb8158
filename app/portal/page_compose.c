/*
 * page_compose.c: writing and answering. What was typed is never lost to an error, nor are
 * files that were uploaded before. Files that came with the form have to be chosen again,
 * as browsers do not let them be kept.
 */
#include "portal/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/upload.h"
#include "mail/address.h"
#include "portal/asset.h"

/* What the form is filled with. */
struct draft {
	const char *to;
	const char *subject;
	const char *body;
	const char *reply; /* id of what it answers, "" when none */
	const char *form;  /* id of the form, "" for a new one */
	const char *problem;
	const char *bad; /* the recipient of problem "recipient" */
	bool plain;      /* files came with the form */
	bool lost;       /* an upload is not there, or not finished */
	struct desk_upload upload[LIMIT_UPLOAD_COUNT]; /* that can go with it */
	size_t n_upload;
};

/* The files that go with it, and what upload.js has to know. */
static void
show_files(
    struct page *p, struct node *root, struct node *n, const struct draft *d)
{
	char text[ID_TEXT_LEN > 32 ? ID_TEXT_LEN : 32], path[ASSET_PATH_LEN];
	struct node *f;

	asset_path(portal_assets(p->portal), "upload.js", path);
	node_set(root, "script", path);
	text_size(LIMIT_UPLOAD_FILES, text);
	node_set(n, "most", text);
	text_size(LIMIT_FILE, text);
	node_set(n, "file-size", text);
	node_set_int(n, "file-most", (int64_t)LIMIT_FILE);
	node_set_int(n, "slice-most", (int64_t)LIMIT_UPLOAD_SLICE);
	node_set_int(n, "count-most", LIMIT_UPLOAD_COUNT);
	node_set(n, "plain", d->plain ? "yes" : NULL);
	for (size_t i = 0; i < d->n_upload; i++) {
		f = node_add(n, "upload");
		id_format(&d->upload[i].id, text);
		node_set(f, "id", text);
		node_set(f, "name", d->upload[i].name);
		text_size(d->upload[i].length, text);
		node_set(f, "size", text);
	}
}

static int
show(struct page *p, int status, const struct draft *d, struct err *e)
{
	struct model *m = page_model(p, "compose");
	struct node *n = node_add(model_root(m), "compose");
	char form[ID_TEXT_LEN];
	struct id id;

	if (id_parse(d->form, &id) == -1)
		id = desk_letter_form();
	id_format(&id, form);
	node_set(n, "form", form);
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
	show_files(p, model_root(m), n, d);
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
	struct draft d = {.to = "",
	    .subject = "",
	    .body = "",
	    .reply = form_get(&p->form, "reply"),
	    .form = ""};
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

/* Is it the value of a field of that name? */
static bool
is_named(const struct form *f, const char *name, const char *value)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->field[i].value != NULL &&
		    strcmp(f->field[i].name, name) == 0 &&
		    strcmp(f->field[i].value, value) == 0)
			return true;
	return false;
}

/*
 * One more upload of the form, unless it is there already. What cannot be found may have
 * gone with this very letter, sent once before: that is the desk's to say.
 */
static int
collect_upload(struct page *p, const struct id *id, struct draft *d,
    struct desk_letter *l, struct id ids[LIMIT_UPLOAD_COUNT], struct err *e)
{
	struct desk_upload *u = &d->upload[d->n_upload];

	for (size_t i = 0; i < l->n_uploads; i++)
		if (id_equal(&ids[i], id))
			return 0;
	if (l->n_uploads == LIMIT_UPLOAD_COUNT) {
		d->problem = "count";
		return 0;
	}
	ids[l->n_uploads++] = *id;
	if (desk_upload_get(p->desk, &p->visit, id, u, e) == 0) {
		if (u->offset == u->length)
			d->n_upload++;
		else
			d->lost = true;
		return 0;
	}
	if (e->code != ERR_NOT_FOUND && e->code != ERR_EXPIRED)
		return -1;
	d->lost = true;
	return 0;
}

/* The uploads of the form, but those that shall be left out. -1: an error of ours. */
static int
collect_uploads(struct page *p, struct draft *d, struct desk_letter *l,
    struct id ids[LIMIT_UPLOAD_COUNT], struct err *e)
{
	const struct form *f = &p->form;
	struct id id;

	for (size_t i = 0; i < f->n; i++) {
		const char *value = f->field[i].value;

		if (value == NULL || strcmp(f->field[i].name, "upload") != 0)
			continue;
		if (id_parse(value, &id) == -1) {
			d->lost = true;
			d->problem = "lost";
		} else if (!is_named(f, "remove", value)) {
			if (collect_upload(p, &id, d, l, ids, e) == -1)
				return -1;
		} else if (desk_upload_remove(p->desk, &p->visit, &id, e) ==
			-1 &&
		    e->code != ERR_NOT_FOUND && e->code != ERR_EXPIRED) {
			return -1;
		}
	}
	return 0;
}

/* The files that came with the form; their bytes stay in the request. */
static void
collect_files(const struct form *f, struct mail_file *files,
    struct desk_letter *l, struct draft *d)
{
	size_t i, size = 0, *n = &l->n_files;

	for (i = 0; i < f->n; i++) {
		if (f->field[i].file_name == NULL)
			continue;
		d->plain = true;
		size += f->field[i].len;
		if (*n + l->n_uploads == LIMIT_UPLOAD_COUNT ||
		    size > LIMIT_UPLOAD_FILES) {
			d->problem = size > LIMIT_UPLOAD_FILES ? "size" :
								 "count";
			return;
		}
		files[*n].name = f->field[i].file_name;
		files[*n].type = f->field[i].type;
		files[*n].data = f->field[i].data;
		files[(*n)++].len = f->field[i].len;
	}
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
	case ERR_UNWANTED:
	case ERR_GONE:
		return "recipient";
	case ERR_TOO_BIG:
		*status = 413;
		return "size";
	default:
		return NULL;
	}
}

/* Does desk_send() speak of an upload? Of none of the recipients, at least. */
static bool
is_lost(const struct draft *d, const struct desk_letter *l, size_t bad,
    const struct err *e)
{
	if (l->n_uploads == 0 || bad < l->n_to)
		return false;
	return e->code == ERR_EXPIRED || e->code == ERR_CONFLICT ||
	    (e->code == ERR_NOT_FOUND && (d->lost || id_is_zero(&l->answers)));
}

static int
deliver(struct page *p, struct draft *d, struct desk_letter *l, struct err *e)
{
	char id[ID_TEXT_LEN];
	struct id sent;
	size_t bad = SIZE_MAX;
	int status = 400;

	if (desk_send(p->desk, &p->visit, l, &sent, &bad, e) == 0) {
		id_format(&sent, id);
		return page_redirect(p, e, "/message/%s/track?note=sent", id);
	}
	d->problem = is_lost(d, l, bad, e) ? "lost" : send_problem(e, &status);
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
	struct draft d = {.to = form_get(&p->form, "to"),
	    .subject = form_get(&p->form, "subject"),
	    .body = form_get(&p->form, "body"),
	    .reply = form_get(&p->form, "reply"),
	    .form = form_get(&p->form, "form")};
	struct mail_file files[LIMIT_UPLOAD_COUNT];
	struct id uploads[LIMIT_UPLOAD_COUNT];
	struct mailbox *to = calloc(LIMIT_RECIPIENTS, sizeof(*to));
	struct desk_letter l = {.to = to,
	    .subject = d.subject,
	    .text = d.body,
	    .files = files,
	    .uploads = uploads};
	const char *typed;
	int ret = -1;

	if (to == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (collect_uploads(p, &d, &l, uploads, e) == -1)
		goto out;
	collect_files(&p->form, files, &l, &d);
	typed = check(&d, &l, to, e);
	/* A file that is missed is the first thing to say: else it is missed twice. */
	if (typed != NULL)
		d.problem = d.lost ? "lost" : typed;
	if (d.problem == NULL)
		ret = deliver(p, &d, &l, e);
	else
		ret = show(
		    p, strcmp(d.problem, "size") == 0 ? 413 : 400, &d, e);
out:
	free(to);
	return ret;
}
