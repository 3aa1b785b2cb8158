/*
 * sheet.h: one page's style sheet, compiled: templates/<page>.xsl and what all pages
 * share (templates/layout.xsl) in one, with the words of one language put in:
 *
 *   <w:t id="landing.title" sender="sender/name"/>   text; {sender} is the XPath's value
 *   <w:t id="code.again"><w:f name="link"><a ...>...</a></w:f></w:t>   {link} is what w:f holds
 *   <w:a name="aria-label" id="inbox.new"/>           an attribute of the element around it
 *
 * Every field of a word must be given, and nothing else. Inside view/ only.
 */
#ifndef VIEW_SHEET_H
#define VIEW_SHEET_H

#include <stdint.h>

#include <libxslt/xsltInternals.h>

#include "view/words.h"

#define SHEET_WORDS_NS "urn:restante:words"

/* Once a process, before anything else here: no style sheet reads a file or the net. */
int sheet_init(struct err *e) __attribute__((warn_unused_result));

/* Reads and compiles. layout may be NULL. */
int sheet_load(const char *path, const char *layout, const struct words *words,
    xsltStylesheet **out, struct err *e) __attribute__((warn_unused_result));

/* Applies to model: *out is the tree of the page. Safe on many threads at once. */
int sheet_apply(xsltStylesheet *sheet, xmlDoc *model, xmlDoc **out,
    struct err *e) __attribute__((warn_unused_result));

#endif
