/*
 * view.c: loads everything below templates/ once, a set a language, and hands pages
 * and mails their template.
 */
#include "view/view.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/html.h"
#include "view/mail.h"
#include "view/model.h"
#include "view/sheet.h"

#define LAYOUT   "layout"
#define PATH_CAP 1024

struct page_sheet {
	char name[64];
	xsltStylesheet *sheet;
};

/* Everything in one language. */
struct set {
	struct words *words;
	struct page_sheet *page;
	size_t n_page;
	struct mail_text **mail;
	size_t n_mail;
};

struct view {
	struct set *set; /* English first */
	size_t n;
};

/* ---- load ------------------------------------------------------------------ */

static int
join(char out[PATH_CAP], const char *directory, const char *name,
    const char *end, struct err *e)
{
	int n = snprintf(out, PATH_CAP, "%s/%s%s", directory, name, end);

	return n > 0 && n < PATH_CAP ?
	    0 :
	    err_set(e, ERR_INTERNAL, "%.100s: name too long", directory);
}

/* The names in a directory that end as told, without that end, sorted. */
struct names {
	char (*name)[64];
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
add_name(struct names *out, const char *name, size_t n)
{
	void *more;

	if (n == 0 || n >= sizeof(out->name[0]))
		return -1;
	more = realloc(out->name, (out->n + 1) * sizeof(out->name[0]));
	if (more == NULL)
		return -1;
	out->name = more;
	memcpy(out->name[out->n], name, n);
	out->name[out->n++][n] = '\0';
	return 0;
}

static int
list_names(
    const char *directory, const char *end, struct names *out, struct err *e)
{
	DIR *d = opendir(directory);
	const struct dirent *ent;
	size_t n;
	int ret = 0;

	if (d == NULL)
		return err_set(
		    e, ERR_INTERNAL, "%.150s: cannot be read", directory);
	while (ret == 0 && (ent = readdir(d)) != NULL) {
		n = strlen(ent->d_name);
		if (ent->d_name[0] != '.' && n > strlen(end) &&
		    strcmp(ent->d_name + n - strlen(end), end) == 0 &&
		    add_name(out, ent->d_name, n - strlen(end)) == -1)
			ret = err_set(
			    e, ERR_INTERNAL, "%.100s: a name", directory);
	}
	closedir(d);
	if (out->n > 0)
		qsort(out->name, out->n, sizeof(out->name[0]), by_name);
	return ret;
}

static int
load_pages(struct set *s, const char *directory, struct err *e)
{
	struct names names = {NULL, 0};
	char path[PATH_CAP], layout[PATH_CAP];
	size_t i;
	int ret = -1;

	if (list_names(directory, ".xsl", &names, e) == -1)
		goto out;
	s->page = calloc(names.n + 1, sizeof(*s->page));
	if (s->page == NULL || join(layout, directory, LAYOUT, ".xsl", e) == -1)
		goto out;
	for (i = 0; i < names.n; i++) {
		if (strcmp(names.name[i], LAYOUT) == 0)
			continue;
		if (join(path, directory, names.name[i], ".xsl", e) == -1 ||
		    sheet_load(path, layout, s->words,
			&s->page[s->n_page].sheet, e) == -1)
			goto out;
		memcpy(s->page[s->n_page++].name, names.name[i],
		    sizeof(names.name[i]));
	}
	ret = 0;
out:
	free(names.name);
	return ret;
}

static int
load_mails(struct set *s, const char *directory, struct err *e)
{
	struct names names = {NULL, 0};
	size_t i;
	int ret = -1;

	if (list_names(directory, ".txt", &names, e) == -1)
		goto out;
	s->mail = calloc(names.n + 1, sizeof(struct mail_text *));
	if (s->mail == NULL)
		goto out;
	for (i = 0; i < names.n; i++) {
		if (mail_text_load(directory, names.name[i], s->words,
			&s->mail[i], e) == -1)
			goto out;
		s->n_mail++;
	}
	ret = 0;
out:
	free(names.name);
	return ret;
}

/* Every sentence that an error may need. */
static int
check_errors(const struct words *w, struct err *e)
{
	int i;

	for (i = 0; i < ERR_CODES; i++)
		if (words_text(w, err_row((enum err_code)i)->word) == NULL)
			return err_set(e, ERR_INTERNAL, "%s: no word '%s'",
			    words_language(w), err_row((enum err_code)i)->word);
	return 0;
}

static int
load_set(struct set *s, const char *share, const char *language, struct err *e)
{
	char path[PATH_CAP], file[80];

	snprintf(file, sizeof(file), "templates/text/%.60s", language);
	if (join(path, share, file, ".xml", e) == -1 ||
	    words_load(path, &s->words, e) == -1 ||
	    check_errors(s->words, e) == -1)
		return -1;
	if (strcmp(words_language(s->words), language) != 0)
		return err_set(e, ERR_INTERNAL,
		    "%.150s: says another language than its name", path);
	if (join(path, share, "templates", "", e) == -1 ||
	    load_pages(s, path, e) == -1 ||
	    join(path, share, "templates/mail", "", e) == -1)
		return -1;
	return load_mails(s, path, e);
}

static void
free_set(struct set *s)
{
	size_t i;

	for (i = 0; i < s->n_page; i++)
		xsltFreeStylesheet(s->page[i].sheet);
	for (i = 0; i < s->n_mail; i++)
		mail_text_free(s->mail[i]);
	free(s->page);
	free(s->mail);
	words_free(s->words);
}

static int
load_all(struct view *v, const char *share, struct err *e)
{
	struct names names = {NULL, 0};
	char path[PATH_CAP];
	struct set first;
	size_t i;
	int ret = -1;

	if (join(path, share, "templates/text", "", e) == -1 ||
	    list_names(path, ".xml", &names, e) == -1)
		goto out;
	v->set = calloc(names.n + 1, sizeof(*v->set));
	if (v->set == NULL)
		goto out;
	for (i = 0; i < names.n; i++) {
		v->n++;
		if (load_set(&v->set[i], share, names.name[i], e) == -1)
			goto out;
		if (strcmp(names.name[i], "en") == 0) {
			first = v->set[0];
			v->set[0] = v->set[i];
			v->set[i] = first;
		}
	}
	ret = v->n > 0 ? 0 : err_set(e, ERR_INTERNAL, "%.150s: empty", path);
out:
	free(names.name);
	return ret;
}

int
view_load(const char *share, struct view **out, struct err *e)
{
	struct view *v;

	err_set(e, ERR_INTERNAL, "out of memory");
	if (sheet_init(e) == -1)
		return -1;
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return -1;
	if (load_all(v, share, e) == -1) {
		view_free(v);
		return -1;
	}
	err_clear(e);
	*out = v;
	return 0;
}

void
view_free(struct view *v)
{
	size_t i;

	if (v == NULL)
		return;
	for (i = 0; i < v->n; i++)
		free_set(&v->set[i]);
	free(v->set);
	free(v);
}

/* ---- use ------------------------------------------------------------------- */

/* The set of a language; English where there is none of it. */
static const struct set *
find_set(const struct view *v, const char *language)
{
	size_t i;

	for (i = 0; language != NULL && i < v->n; i++)
		if (strcmp(words_language(v->set[i].words), language) == 0)
			return &v->set[i];
	return &v->set[0];
}

int
view_page(const struct view *v, const char *page, const char *language,
    struct model *m, struct buf *out, struct err *e)
{
	const struct set *s = find_set(v, language);
	xmlDoc *doc;
	size_t i;
	int ret = 0;

	for (i = 0; i < s->n_page && strcmp(s->page[i].name, page) != 0;)
		i++;
	if (i == s->n_page)
		return err_set(e, ERR_INTERNAL, "no page '%s'", page);
	if (m == NULL || model_failed(m))
		return err_set(e, ERR_INTERNAL, "out of memory");
	if (sheet_apply(s->page[i].sheet, model_doc(m), &doc, e) == -1)
		return -1;
	if (html_write(doc, out) == -1)
		ret = err_set(e, ERR_INTERNAL, "out of memory");
	xmlFreeDoc(doc);
	return ret;
}

const char *
view_word(const struct view *v, const char *language, const char *id)
{
	const char *word = words_text(find_set(v, language)->words, id);

	return word == NULL ? "" : word;
}

int
view_mail(const struct view *v, const char *name, const char *language,
    const struct view_field *f, size_t n, struct buf *subject, struct buf *text,
    struct buf *html, struct err *e)
{
	const struct set *s = find_set(v, language);
	size_t i;

	for (i = 0; i < s->n_mail; i++)
		if (strcmp(mail_text_name(s->mail[i]), name) == 0)
			return mail_text_fill(
			    s->mail[i], f, n, subject, text, html, e);
	return err_set(e, ERR_INTERNAL, "no mail '%s'", name);
}
