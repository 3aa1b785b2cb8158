/*
 * sheet.c: puts words into a style sheet before libxslt compiles it, and runs it.
 */
#include "view/sheet.h"

#include <stdio.h>
#include <string.h>

#include <libxml/globals.h>
#include <libxml/parser.h>
#include <libxslt/security.h>
#include <libxslt/transform.h>
#include <libxslt/xsltutils.h>

#define C(x) ((const char *)(x))
#define X(x) ((const xmlChar *)(x))

static xsltSecurityPrefs *forbid_all;

static void __attribute__((format(printf, 2, 3)))
quiet(void *arg, const char *fmt, ...)
{
	(void)arg;
	(void)fmt;
}

int
sheet_init(struct err *e)
{
	static const xsltSecurityOption options[] = {XSLT_SECPREF_READ_FILE,
	    XSLT_SECPREF_WRITE_FILE, XSLT_SECPREF_CREATE_DIRECTORY,
	    XSLT_SECPREF_READ_NETWORK, XSLT_SECPREF_WRITE_NETWORK};
	size_t i;

	if (forbid_all != NULL)
		return 0;
	xmlInitParser();
	forbid_all = xsltNewSecurityPrefs();
	if (forbid_all == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (xsltSetSecurityPrefs(
			forbid_all, options[i], xsltSecurityForbid) != 0)
			return err_set(e, ERR_INTERNAL, "security preferences");
	xsltSetDefaultSecurityPrefs(forbid_all);
	/* What goes wrong is said in struct err; the log holds no expressions. */
	xsltSetGenericErrorFunc(NULL, quiet);
	xmlSetGenericErrorFunc(NULL, quiet);
	xmlThrDefSetGenericErrorFunc(NULL, quiet);
	return 0;
}

/* ---- words ---------------------------------------------------------------- */

/* One w:t or w:a on its way to be replaced. */
struct place {
	const struct words *words;
	xmlNs *xsl;
	xmlNode *node;  /* the w: element */
	const char *id; /* of its word */
	uint64_t seen;  /* which of the fields given */
};

static bool
is_words(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE && n->ns != NULL &&
	    strcmp(C(n->ns->href), SHEET_WORDS_NS) == 0 &&
	    (name == NULL || strcmp(C(n->name), name) == 0);
}

static const char *
prop(const xmlNode *n, const char *name)
{
	const xmlAttr *a = xmlHasProp(n, X(name));

	return a == NULL || a->children == NULL ? NULL :
						  C(a->children->content);
}

static int
fail(const xmlNode *n, const char *what, const char *id, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "line %ld: %s '%.60s'", xmlGetLineNo(n),
	    what, id == NULL ? "" : id);
}

static bool
is_same(const char *name, const struct words_piece *f)
{
	return name != NULL && strlen(name) == f->n &&
	    memcmp(name, f->p, f->n) == 0;
}

/* An xsl: element below parent, its text (of n bytes) set. */
static xmlNode *
add_xsl(struct place *pl, xmlNode *parent, const char *name, const char *text,
    size_t n)
{
	xmlNode *el = xmlNewChild(parent, pl->xsl, X(name), NULL);

	if (el != NULL && n > 0)
		xmlAddChild(el, xmlNewTextLen(X(text), (int)n));
	return el;
}

/* What stands for a field: the value of an XPath, or what a w:f holds. */
static int
put_field(struct place *pl, xmlNode *parent, const struct words_piece *f,
    struct err *e)
{
	const xmlAttr *a;
	xmlNode *c, *el;
	unsigned bit = 0;

	for (a = pl->node->properties; a != NULL; a = a->next, bit++) {
		if (!is_same(C(a->name), f) || is_same("id", f))
			continue;
		el = add_xsl(pl, parent, "value-of", NULL, 0);
		xmlNewProp(el, X("select"), a->children->content);
		pl->seen |= UINT64_C(1) << bit;
		return 0;
	}
	for (c = pl->node->children; c != NULL; c = c->next, bit++) {
		if (!is_words(c, "f") || !is_same(prop(c, "name"), f))
			continue;
		xmlAddChildList(
		    parent, xmlDocCopyNodeList(parent->doc, c->children));
		pl->seen |= UINT64_C(1) << bit;
		return 0;
	}
	return fail(pl->node, "a field is not given for", pl->id, e);
}

static int
put_word(struct place *pl, xmlNode *parent, const xmlNode *word, struct err *e)
{
	struct words_piece piece;
	const xmlNode *c;
	const char *p;
	xmlNode *b;

	for (c = word->children; c != NULL; c = c->next) {
		if (c->type == XML_ELEMENT_NODE) {
			b = xmlNewChild(parent, NULL, X("b"), NULL);
			/* xmlNewChild() hands down the parent's name space. */
			if (b == NULL || put_word(pl, b, c, e) == -1)
				return -1;
			xmlSetNs(b, NULL);
			continue;
		}
		for (p = C(c->content); words_next(&p, &piece) == 1;) {
			if (!piece.field)
				add_xsl(pl, parent, "text", piece.p, piece.n);
			else if (put_field(pl, parent, &piece, e) == -1)
				return -1;
		}
	}
	return 0;
}

/* Was everything that the place gives also used? */
static int
check_used(const struct place *pl, const char *skip, struct err *e)
{
	const xmlAttr *a;
	const xmlNode *c;
	unsigned bit = 0;

	for (a = pl->node->properties; a != NULL; a = a->next, bit++)
		if (strcmp(C(a->name), "id") != 0 &&
		    strcmp(C(a->name), skip) != 0 &&
		    (pl->seen & UINT64_C(1) << bit) == 0)
			return fail(
			    pl->node, "a field too many for", pl->id, e);
	for (c = pl->node->children; c != NULL; c = c->next, bit++) {
		if (is_words(c, "f") && (pl->seen & UINT64_C(1) << bit) != 0)
			continue;
		if (c->type == XML_COMMENT_NODE || xmlIsBlankNode(c))
			continue;
		return fail(pl->node, "something odd inside", pl->id, e);
	}
	return bit < 64 ? 0 : fail(pl->node, "too much inside", pl->id, e);
}

static int place_all(
    const struct words *words, xmlNs *xsl, xmlNode *node, struct err *e);

static int
place_one(const struct words *words, xmlNs *xsl, xmlNode *node, struct err *e)
{
	struct place pl = {.words = words, .xsl = xsl, .node = node};
	bool attribute = is_words(node, "a");
	const xmlNode *word;
	xmlNode *holder, *c, *next;

	pl.id = prop(node, "id");
	if (pl.id == NULL || (!attribute && !is_words(node, "t")))
		return fail(
		    node, "not w:t or w:a with an id:", C(node->name), e);
	word = words_node(words, pl.id);
	if (word == NULL)
		return fail(node, "no word", pl.id, e);
	/* Fields may themselves hold words. */
	for (c = node->children; c != NULL; c = c->next)
		if (is_words(c, "f") && place_all(words, xsl, c, e) == -1)
			return -1;
	holder = xmlNewDocNode(node->doc, xsl, X("attribute"), NULL);
	if (holder == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	xmlAddNextSibling(node, holder);
	if (attribute)
		xmlNewProp(holder, X("name"), X(prop(node, "name")));
	if (put_word(&pl, holder, word, e) == -1 ||
	    check_used(&pl, attribute ? "name" : "", e) == -1)
		return -1;
	if (!attribute) {
		for (c = holder->children; c != NULL; c = next) {
			next = c->next;
			xmlUnlinkNode(c);
			xmlAddPrevSibling(holder, c);
		}
		xmlUnlinkNode(holder);
		xmlFreeNode(holder);
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
	return 0;
}

static int
place_all(const struct words *words, xmlNs *xsl, xmlNode *node, struct err *e)
{
	xmlNode *c, *next;

	for (c = node->children; c != NULL; c = next) {
		next = c->next;
		if (is_words(c, NULL)) {
			if (place_one(words, xsl, c, e) == -1)
				return -1;
		} else if (c->type == XML_ELEMENT_NODE &&
		    place_all(words, xsl, c, e) == -1) {
			return -1;
		}
	}
	return 0;
}

/* ---- load and run --------------------------------------------------------- */

static xmlDoc *
read_sheet(const char *path, struct err *e)
{
	xmlDoc *doc = xmlReadFile(path, NULL,
	    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		XML_PARSE_NOCDATA);

	if (doc == NULL)
		err_set(e, ERR_INTERNAL, "cannot be read");
	return doc;
}

/* Adds the templates of what all pages share. */
static int
add_layout(xmlDoc *doc, const char *path, struct err *e)
{
	xmlDoc *layout = read_sheet(path, e);
	xmlNode *root = xmlDocGetRootElement(doc), *c;

	if (layout == NULL)
		return -1;
	for (c = xmlFirstElementChild(xmlDocGetRootElement(layout)); c != NULL;
	     c = xmlNextElementSibling(c))
		xmlAddChild(root, xmlDocCopyNode(c, doc, 1));
	xmlReconciliateNs(doc, root);
	xmlFreeDoc(layout);
	return 0;
}

static int
compile(xmlDoc *doc, const char *layout, const struct words *words,
    xsltStylesheet **out, struct err *e)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNs *xsl;

	if (layout != NULL && add_layout(doc, layout, e) == -1)
		return -1;
	xsl = xmlSearchNsByHref(doc, root, XSLT_NAMESPACE);
	if (xsl == NULL)
		return err_set(e, ERR_INTERNAL, "not a style sheet");
	if (place_all(words, xsl, root, e) == -1)
		return -1;
	*out = xsltParseStylesheetDoc(doc);
	if (*out == NULL)
		return err_set(e, ERR_INTERNAL, "does not compile");
	if ((*out)->errors > 0) {
		(*out)->doc = NULL; /* the caller's, as after every error */
		xsltFreeStylesheet(*out);
		*out = NULL;
		return err_set(e, ERR_INTERNAL, "compiles with errors");
	}
	return 0;
}

int
sheet_load(const char *path, const char *layout, const struct words *words,
    xsltStylesheet **out, struct err *e)
{
	struct err why = {ERR_NONE, ""};
	xmlDoc *doc = read_sheet(path, &why);

	*out = NULL;
	if (doc != NULL && compile(doc, layout, words, out, &why) == 0)
		return 0;
	xmlFreeDoc(doc);
	return err_set(e, ERR_INTERNAL, "%.90s: %.100s", path, why.text);
}

int
sheet_apply(xsltStylesheet *sheet, xmlDoc *model, xmlDoc **out, struct err *e)
{
	xsltTransformContext *ctx = xsltNewTransformContext(sheet, model);
	xmlDoc *doc = NULL;

	if (ctx == NULL)
		return err_set(e, ERR_INTERNAL, "out of memory");
	xsltSetTransformErrorFunc(ctx, NULL, quiet);
	if (xsltSetCtxtSecurityPrefs(forbid_all, ctx) == 0)
		doc = xsltApplyStylesheetUser(
		    sheet, model, NULL, NULL, NULL, ctx);
	if (doc == NULL || ctx->state != XSLT_STATE_OK) {
		xmlFreeDoc(doc);
		xsltFreeTransformContext(ctx);
		return err_set(e, ERR_INTERNAL, "a style sheet failed");
	}
	xsltFreeTransformContext(ctx);
	*out = doc;
	return 0;
}
