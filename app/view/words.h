/*
 * words.h: the catalogue of words of one language, templates/text/<language>.xml:
 *
 *   <words lang="en"><w id="landing.title">{sender} sent you a message</w>...</words>
 *
 * A word may hold {fields} and <b>, and what lies between words of a line is one
 * space. Inside view/ only.
 */
#ifndef VIEW_WORDS_H
#define VIEW_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include "base/err.h"

struct words;

int words_load(const char *path, struct words **out, struct err *e)
    __attribute__((warn_unused_result));
void words_free(struct words *w);

/* The language it says it is in: "en". */
const char *words_language(const struct words *w);
/* Its text without markup, fields as {name}; NULL when there is none. */
const char *words_text(const struct words *w, const char *id);
/* Its element, whose text is tidy; NULL when there is none. */
xmlNode *words_node(const struct words *w, const char *id);

/*
 * Cuts text at its fields. From *p: 1 and a piece of plain text or the name of a
 * field; 0 at the end. A brace that opens no field is plain text.
 */
struct words_piece {
	bool field;
	const char *p;
	size_t n;
};
int words_next(const char **p, struct words_piece *out);

#endif
