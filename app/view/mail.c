/*
 * mail.c: plain substitution for mails: {word:id} when a template is read, {field} and
 * {?field} when a mail is made.
 */
#include "view/mail.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/html.h"

#define SUBJECT "Subject: "

struct mail_text {
	char name[64];
	char *subject; /* these three hold {field}s still */
	char *text;
	char *html; /* NULL: none */
};

/* The whole file; 1, 0 when there is none, or -1. */
static int
read_file(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n;
	int ok = 0;

	if (f == NULL)
		return 0;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		if (buf_add(out, part, n) == -1)
			ok = -1;
	if (ferror(f) != 0 || ok == -1)
		ok = err_set(e, ERR_INTERNAL, "%.150s: cannot be read", path);
	fclose(f);
	return ok == -1 ? -1 : 1;
}

/* Copies s, each {word:id} replaced by the word. */
static int
put_words(const char *s, const struct words *words, bool html, struct buf *out,
    struct err *e)
{
	char id[64];
	const char *p, *word;
	size_t n;

	while ((p = strstr(s, "{word:")) != NULL) {
		n = strcspn(p + 6, "}\n");
		if (p[6 + n] != '}' || n >= sizeof(id))
			return err_set(e, ERR_INTERNAL, "a {word: without end");
		memcpy(id, p + 6, n);
		id[n] = '\0';
		word = words_text(words, id);
		if (word == NULL)
			return err_set(e, ERR_INTERNAL, "no word '%s'", id);
		if (buf_add(out, s, (size_t)(p - s)) == -1 ||
		    (html ? html_escape(out, word) : buf_adds(out, word)) == -1)
			return err_set(e, ERR_INTERNAL, "out of memory");
		s = p + 6 + n + 1;
	}
	if (buf_adds(out, s) == -1)
		return err_set(e, ERR_INTERNAL, "out of memory");
	return 0;
}

/* Reads one file with its words; NULL in *out and 0 when there is none. */
static int
load_one(const char *directory, const char *name, const struct words *words,
    bool html, char **out, struct err *e)
{
	struct buf raw = BUF_INIT, b = BUF_INIT;
	struct err why = {ERR_NONE, ""};
	char path[1024];
	int got, ret = -1;

	*out = NULL;
	snprintf(path, sizeof(path), "%s/%s.%s", directory, name,
	    html ? "html" : "txt");
	got = read_file(path, &raw, &why);
	if (got == 0) {
		ret = 0;
	} else if (got == 1 &&
	    put_words(buf_cstr(&raw), words, html, &b, &why) == 0) {
		*out = strdup(buf_cstr(&b));
		ret = *out == NULL ? -1 : 0;
	}
	if (ret == -1)
		err_set(e, ERR_INTERNAL, "%.90s: %.100s", path, why.text);
	buf_free(&raw);
	buf_free(&b);
	return ret;
}

/* Takes "Subject: ...", and the empty line after it, off the text. */
static int
split_subject(struct mail_text *m)
{
	char *end = strstr(m->text, "\n\n");
	size_t n;

	if (end == NULL || strncmp(m->text, SUBJECT, strlen(SUBJECT)) != 0 ||
	    strchr(m->text, '\n') != end)
		return -1;
	n = (size_t)(end - m->text) - strlen(SUBJECT);
	m->subject = strndup(m->text + strlen(SUBJECT), n);
	memmove(m->text, end + 2, strlen(end + 2) + 1);
	return m->subject == NULL ? -1 : 0;
}

int
mail_text_load(const char *directory, const char *name,
    const struct words *words, struct mail_text **out, struct err *e)
{
	struct mail_text *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	snprintf(m->name, sizeof(m->name), "%s", name);
	if (load_one(directory, name, words, false, &m->text, e) == -1 ||
	    load_one(directory, name, words, true, &m->html, e) == -1)
		goto bad;
	if (m->text == NULL || split_subject(m) == -1) {
		err_set(e, ERR_INTERNAL,
		    "%.90s/%.60s.txt: does not start with a subject", directory,
		    name);
		goto bad;
	}
	*out = m;
	return 0;
bad:
	mail_text_free(m);
	return -1;
}

void
mail_text_free(struct mail_text *m)
{
	if (m == NULL)
		return;
	free(m->subject);
	free(m->text);
	free(m->html);
	free(m);
}

const char *
mail_text_name(const struct mail_text *m)
{
	return m->name;
}

/* ---- filling in ------------------------------------------------------------ */

struct fill {
	const struct view_field *f;
	size_t n;
	bool html;
	struct buf *out;
};

static const char *
value_of(const struct fill *fl, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < fl->n; i++)
		if (strlen(fl->f[i].name) == n &&
		    memcmp(fl->f[i].name, name, n) == 0)
			return fl->f[i].value;
	return NULL;
}

static int
missing(const char *name, size_t n, struct err *e)
{
	return err_set(
	    e, ERR_INTERNAL, "a mail without its field '%.*s'", (int)n, name);
}

/* Line breaks in a value would be lines of their own. */
static int
put_value(struct fill *fl, const char *value)
{
	char flat[2048];
	size_t i;

	snprintf(flat, sizeof(flat), "%s", value);
	for (i = 0; flat[i] != '\0'; i++)
		if ((unsigned char)flat[i] < 0x20 || flat[i] == 0x7f)
			flat[i] = ' ';
	return fl->html ? html_escape(fl->out, flat) : buf_adds(fl->out, flat);
}

static int
fill_line(struct fill *fl, const char *line, size_t len, struct err *e)
{
	struct words_piece piece;
	const char *p, *value;
	char *copy = strndup(line, len);
	int ret = 0;

	if (copy == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (p = copy; ret == 0 && words_next(&p, &piece) == 1;) {
		if (!piece.field) {
			ret = buf_add(fl->out, piece.p, piece.n);
		} else {
			value = value_of(fl, piece.p, piece.n);
			if (value == NULL) {
				ret = missing(piece.p, piece.n, e);
				break;
			}
			ret = put_value(fl, value);
		}
		if (ret == -1)
			err_set(e, ERR_INTERNAL, "out of memory");
	}
	free(copy);
	return ret;
}

static int
fill_all(struct fill *fl, const char *s, struct err *e)
{
	const char *value;
	size_t len, mark;

	while (*s != '\0') {
		len = strcspn(s, "\n");
		len += s[len] == '\n';
		mark = 0;
		if (s[0] == '{' && s[1] == '?') {
			mark = strcspn(s, "}\n");
			value = value_of(fl, s + 2, mark - 2);
			if (s[mark] != '}' || value == NULL)
				return missing(s + 2, mark - 2, e);
			mark = value[0] == '\0' ? len : mark + 1;
		}
		if (fill_line(fl, s + mark, len - mark, e) == -1)
			return -1;
		s += len;
	}
	return 0;
}

int
mail_text_fill(const struct mail_text *m, const struct view_field *f, size_t n,
    struct buf *subject, struct buf *text, struct buf *html, struct err *e)
{
	struct fill fl = {f, n, false, subject};

	if (fill_all(&fl, m->subject, e) == -1)
		return -1;
	fl.out = text;
	if (fill_all(&fl, m->text, e) == -1)
		return -1;
	if (m->html == NULL)
		return 0;
	fl.html = true;
	fl.out = html;
	return fill_all(&fl, m->html, e);
}
