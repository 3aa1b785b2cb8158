/*
 * view.h: turns facts into pages and mail texts. Pages are XSLT style sheets over a
 * small tree of our own (escaped by construction); mails are plain substitution. The
 * words stand in templates/text/<language>.xml and are put into the style sheets when
 * they are loaded. A loaded view is constant and shared by all threads.
 */
#ifndef VIEW_VIEW_H
#define VIEW_VIEW_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct view;

/* Loads templates/ below share. Once a process, before threads. */
int view_load(const char *share, struct view **out, struct err *e)
    __attribute__((warn_unused_result));
void view_free(struct view *v);

/*
 * The tree a page is made from. A node has attributes and children; text may be any
 * bytes: what is not valid UTF-8, and control characters, are replaced. Functions take
 * a NULL node quietly, so a page need not check each; view_page() then says that memory
 * was out.
 */
struct model;
struct node;
struct model *model_new(void);
void model_free(struct model *m); /* wipes; NULL is fine */
struct node *model_root(struct model *m);
struct node *node_add(
    struct node *parent, const char *name); /* child element */
void node_text(struct node *n, const char *name,
    const char *value); /* child element with text */
void node_text_n(
    struct node *n, const char *name, const void *value, size_t len);
void node_set(struct node *n, const char *attribute, const char *value);
void node_set_int(struct node *n, const char *attribute, int64_t value);

/* Renders templates/<page>.xsl. *out gets the HTML. */
int view_page(const struct view *v, const char *page, const char *language,
    struct model *m, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/* One word of the catalogue, for what is not a page; "" when there is none. */
const char *view_word(
    const struct view *v, const char *language, const char *id);

/*
 * A mail: templates/mail/<name>.txt and .html (none: html stays empty), its first line
 * "Subject: ...". {name} is replaced by the field's value (escaped in HTML), {word:id} by a
 * word of the catalogue. A field that is not given is ERR_INTERNAL. A line of the template
 * that starts with {?name} stays only where the field is not empty.
 */
struct view_field {
	const char *name;
	const char *value;
};
int view_mail(const struct view *v, const char *name, const char *language,
    const struct view_field *f, size_t n, struct buf *subject, struct buf *text,
    struct buf *html, struct err *e) __attribute__((warn_unused_result));

#endif
