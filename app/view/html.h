/*
 * html.h: writes a tree as HTML 5. Everything is escaped; comments and processing
 * instructions are left out. Lines break only before elements that make a block of
 * their own. Inside view/ only.
 */
#ifndef VIEW_HTML_H
#define VIEW_HTML_H

#include <stdbool.h>

#include <libxml/tree.h>

#include "base/buf.h"

/* With the doctype. -1: memory is out. */
int html_write(const xmlDoc *doc, struct buf *out)
    __attribute__((warn_unused_result));

/* Text as HTML text, or for inside a quoted attribute. */
int html_escape(struct buf *out, const char *s)
    __attribute__((warn_unused_result));

#endif
