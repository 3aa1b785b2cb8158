/*
 * words.c: reads the words of one language and finds them by id.
 */
#include "view/words.h"

#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

struct word {
	const char *id;
	char *text;
	xmlNode *node;
};

struct words {
	xmlDoc *doc;
	xmlChar *language;
	struct word *word; /* by id */
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	return strcmp(
	    ((const struct word *)a)->id, ((const struct word *)b)->id);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * One space for every run of white space; none at the ends of a word. *space says
 * whether the text before, in another node, ended in one.
 */
static void
tidy(char *s, bool *space)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (is_space(*s) && *space)
			continue;
		*space = is_space(*s);
		*to++ = *space ? ' ' : *s;
	}
	*to = '\0';
}

/* The last text below node, or NULL. */
static xmlNode *
last_text(xmlNode *node)
{
	while (node != NULL && node->type == XML_ELEMENT_NODE)
		node = node->last;
	return node;
}

static int
tidy_node(xmlNode *node, bool *space, struct err *e)
{
	xmlNode *c, *next;

	for (c = node->children; c != NULL; c = next) {
		next = c->next;
		if (c->type == XML_COMMENT_NODE) {
			xmlUnlinkNode(c);
			xmlFreeNode(c);
		} else if (c->type == XML_TEXT_NODE) {
			tidy((char *)c->content, space);
		} else if (c->type == XML_ELEMENT_NODE &&
		    strcmp((const char *)c->name, "b") == 0) {
			if (tidy_node(c, space, e) == -1)
				return -1;
		} else {
			return err_set(e, ERR_INTERNAL,
			    "line %ld: a word holds text and <b> alone",
			    xmlGetLineNo(c));
		}
	}
	return 0;
}

static int
add_word(struct words *w, xmlNode *node, struct err *e)
{
	struct word *word = &w->word[w->n];
	const xmlAttr *a = xmlHasProp(node, (const xmlChar *)"id");
	bool space = true;
	xmlNode *last;
	size_t n;

	if (strcmp((const char *)node->name, "w") != 0 || a == NULL ||
	    a->children == NULL)
		return err_set(e, ERR_INTERNAL, "line %ld: not <w id=\"...\">",
		    xmlGetLineNo(node));
	if (tidy_node(node, &space, e) == -1)
		return -1;
	last = last_text(node);
	if (last != NULL && last->type == XML_TEXT_NODE) {
		n = strlen((char *)last->content);
		if (n > 0 && last->content[n - 1] == ' ')
			last->content[n - 1] = '\0';
	}
	word->id = (const char *)a->children->content;
	word->node = node;
	word->text = (char *)xmlNodeGetContent(node);
	if (word->text == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	w->n++;
	return 0;
}

static int
fill(struct words *w, struct err *e)
{
	xmlNode *root = xmlDocGetRootElement(w->doc), *node;
	size_t i;

	w->language = xmlGetProp(root, (const xmlChar *)"lang");
	if (w->language == NULL)
		return err_set(e, ERR_INTERNAL, "no lang");
	w->word = calloc(xmlChildElementCount(root) + 1, sizeof(*w->word));
	if (w->word == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (node = xmlFirstElementChild(root); node != NULL;
	     node = xmlNextElementSibling(node))
		if (add_word(w, node, e) == -1)
			return -1;
	qsort(w->word, w->n, sizeof(*w->word), by_id);
	for (i = 1; i < w->n; i++)
		if (strcmp(w->word[i - 1].id, w->word[i].id) == 0)
			return err_set(
			    e, ERR_INTERNAL, "'%s' twice", w->word[i].id);
	return 0;
}

int
words_load(const char *path, struct words **out, struct err *e)
{
	struct words *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	w->doc = xmlReadFile(path, NULL,
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		XML_PARSE_NOCDATA);
	if (w->doc == NULL) {
		err_set(e, ERR_INTERNAL, "%s: cannot be read", path);
		goto bad;
	}
	if (fill(w, e) == -1) {
		struct err why = *e;

		err_set(e, ERR_INTERNAL, "%.90s: %.100s", path, why.text);
		goto bad;
	}
	*out = w;
	return 0;
bad:
	words_free(w);
	return -1;
}

void
words_free(struct words *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < w->n; i++)
		xmlFree(w->word[i].text);
	free(w->word);
	xmlFree(w->language);
	xmlFreeDoc(w->doc);
	free(w);
}

const char *
words_language(const struct words *w)
{
	return (const char *)w->language;
}

static const struct word *
find(const struct words *w, const char *id)
{
	struct word key = {.id = id};

	return bsearch(&key, w->word, w->n, sizeof(key), by_id);
}

const char *
words_text(const struct words *w, const char *id)
{
	const struct word *word = find(w, id);

	return word == NULL ? NULL : word->text;
}

xmlNode *
words_node(const struct words *w, const char *id)
{
	const struct word *word = find(w, id);

	return word == NULL ? NULL : word->node;
}

/* The length of a field's name after its brace, or 0. */
static size_t
field_length(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return s[n] == '}' ? n : 0;
}

int
words_next(const char **p, struct words_piece *out)
{
	const char *s = *p;
	size_t n;

	if (*s == '\0')
		return 0;
	n = *s == '{' ? field_length(s + 1) : 0;
	out->field = n > 0;
	if (out->field) {
		out->p = s + 1;
		out->n = n;
		*p = s + n + 2;
		return 1;
	}
	out->p = s;
	do {
		s += 1 + strcspn(s + 1, "{");
	} while (*s != '\0' && field_length(s + 1) == 0);
	out->n = (size_t)(s - out->p);
	*p = s;
	return 1;
}
