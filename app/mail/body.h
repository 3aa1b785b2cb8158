/*
 * body.h: the contents of parts: which are shown and which are files.
 */
#ifndef MAIL_BODY_H
#define MAIL_BODY_H

#include "mail/parse.h"

/*
 * Sets text_part, html_part and every part's `attached`; attachment[i] is what the
 * disposition of part i says. What is not shown as text or HTML is a file, so that no
 * content gets lost.
 */
void body_choose(struct manifest *m, const bool *attachment);

#endif
