/*
 * html.c: the serialiser behind every page: small, so that what it can write is seen
 * at once.
 */
#include "view/html.h"

#include <string.h>

static bool
is_in(const xmlChar *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp((const char *)name, *list) == 0)
			return true;
	return false;
}

/* Elements without content or end tag (HTML, 13.1.2). */
static const char *const empty[] = {
    "br", "hr", "img", "input", "link", "meta", "wbr", NULL};
/* Attributes that are there or not (HTML, 2.3.2). */
static const char *const boolean[] = {"autofocus", "checked", "disabled",
    "hidden", "multiple", "readonly", "required", "selected", NULL};
/* White space before these is never seen. */
static const char *const block[] = {"article", "aside", "body", "dd", "div",
    "dl", "dt", "footer", "form", "h1", "h2", "h3", "head", "header", "hr",
    "html", "li", "link", "main", "meta", "nav", "ol", "p", "section", "table",
    "tbody", "td", "textarea", "th", "thead", "title", "tr", "ul", NULL};
/* The first line feed inside these is not part of their text. */
static const char *const verbatim[] = {"pre", "textarea", NULL};

int
html_escape(struct buf *out, const char *s)
{
	static const char special[] = "&<>\"'";
	static const char *const name[] = {
	    "&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	size_t n;

	while (*s != '\0') {
		n = strcspn(s, special);
		if (n > 0 && buf_add(out, s, n) == -1)
			return -1;
		s += n;
		if (*s == '\0')
			break;
		if (buf_adds(out, name[strchr(special, *s) - special]) == -1)
			return -1;
		s++;
	}
	return 0;
}

static int
write_attribute(const xmlAttr *a, struct buf *out)
{
	const char *value = a->children == NULL ?
	    "" :
	    (const char *)a->children->content;

	if (buf_adds(out, " ") == -1 ||
	    buf_adds(out, (const char *)a->name) == -1)
		return -1;
	/* required="required" is what XML has to say for required. */
	if (is_in(a->name, boolean))
		return 0;
	return buf_adds(out, "=\"") == -1 || html_escape(out, value) == -1 ||
		buf_adds(out, "\"") == -1 ?
	    -1 :
	    0;
}

static int
write_start(const xmlNode *n, struct buf *out)
{
	const xmlAttr *a;

	if (is_in(n->name, block) && out->len > 0 &&
	    out->data[out->len - 1] != '\n' && buf_adds(out, "\n") == -1)
		return -1;
	if (buf_adds(out, "<") == -1 ||
	    buf_adds(out, (const char *)n->name) == -1)
		return -1;
	for (a = n->properties; a != NULL; a = a->next)
		if (write_attribute(a, out) == -1)
			return -1;
	if (buf_adds(out, ">") == -1)
		return -1;
	return is_in(n->name, verbatim) ? buf_adds(out, "\n") : 0;
}

static int
write_node(const xmlNode *n, struct buf *out)
{
	const xmlNode *c;

	if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE)
		return html_escape(out, (const char *)n->content);
	if (n->type != XML_ELEMENT_NODE)
		return 0;
	if (write_start(n, out) == -1)
		return -1;
	if (is_in(n->name, empty))
		return 0;
	for (c = n->children; c != NULL; c = c->next)
		if (write_node(c, out) == -1)
			return -1;
	return buf_adds(out, "</") == -1 ||
		buf_adds(out, (const char *)n->name) == -1 ||
		buf_adds(out, ">") == -1 ?
	    -1 :
	    0;
}

int
html_write(const xmlDoc *doc, struct buf *out)
{
	const xmlNode *n;

	if (buf_adds(out, "<!doctype html>\n") == -1)
		return -1;
	for (n = doc->children; n != NULL; n = n->next)
		if (write_node(n, out) == -1)
			return -1;
	return buf_adds(out, "\n");
}
