/*
 * model.c: the tree a page is made from, kept as libxml2 keeps one. Text goes in as
 * text nodes, never parsed. A node of ours is a node of libxml2's.
 */
#include "view/model.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct model {
	xmlDoc *doc;
	bool failed;
};

struct model *
model_new(void)
{
	struct model *m = calloc(1, sizeof(*m));
	xmlNode *root;

	if (m == NULL)
		return NULL;
	m->doc = xmlNewDoc((const xmlChar *)"1.0");
	root = m->doc == NULL ?
	    NULL :
	    xmlNewDocNode(m->doc, NULL, (const xmlChar *)"page", NULL);
	if (root == NULL) {
		model_free(m);
		return NULL;
	}
	xmlDocSetRootElement(m->doc, root);
	m->doc->_private = m;
	return m;
}

/* The programs' free() wipes, which is what wipes the tree. */
void
model_free(struct model *m)
{
	if (m == NULL)
		return;
	xmlFreeDoc(m->doc);
	free(m);
}

xmlDoc *
model_doc(const struct model *m)
{
	return m->doc;
}

bool
model_failed(const struct model *m)
{
	return m->failed;
}

struct node *
model_root(struct model *m)
{
	return m == NULL ? NULL : (struct node *)xmlDocGetRootElement(m->doc);
}

static void *
failed(xmlNode *at)
{
	struct model *m = at->doc->_private;

	m->failed = true;
	return NULL;
}

struct node *
node_add(struct node *parent, const char *name)
{
	xmlNode *at = (xmlNode *)parent, *n;

	if (at == NULL)
		return NULL;
	n = xmlNewDocNode(at->doc, NULL, (const xmlChar *)name, NULL);
	if (n == NULL)
		return failed(at);
	xmlAddChild(at, n);
	return (struct node *)n;
}

/* The value fit to be shown, in b. */
static const char *
shown(struct buf *b, const void *value, size_t len)
{
	if (len > INT_MAX / 4 || text_show(b, value, len) == -1 ||
	    buf_add(b, "", 1) == -1)
		return NULL;
	b->len--;
	return (const char *)b->data;
}

void
node_text_n(struct node *n, const char *name, const void *value, size_t len)
{
	xmlNode *child = (xmlNode *)node_add(n, name), *text;
	struct buf b = BUF_INIT;
	const char *s;

	if (child == NULL)
		return;
	s = shown(&b, value, len);
	text = s == NULL ? NULL : xmlNewTextLen((const xmlChar *)s, (int)b.len);
	if (text == NULL)
		failed(child);
	else if (b.len == 0)
		xmlFreeNode(text);
	else
		xmlAddChild(child, text);
	buf_free(&b);
}

void
node_text(struct node *n, const char *name, const char *value)
{
	if (value != NULL)
		node_text_n(n, name, value, strlen(value));
}

void
node_set(struct node *n, const char *attribute, const char *value)
{
	xmlNode *at = (xmlNode *)n;
	struct buf b = BUF_INIT;
	const char *s;

	if (at == NULL || value == NULL)
		return;
	s = shown(&b, value, strlen(value));
	if (s == NULL ||
	    xmlSetProp(at, (const xmlChar *)attribute, (const xmlChar *)s) ==
		NULL)
		failed(at);
	buf_free(&b);
}

void
node_set_int(struct node *n, const char *attribute, int64_t value)
{
	char s[24];

	snprintf(s, sizeof(s), "%lld", (long long)value);
	node_set(n, attribute, s);
}
