/*
 * body.h: the contents of parts: which are shown and which are files, and what they
 * hold once decoded.
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

/* Sets size and sha256 of a leaf by decoding it. */
int body_measure(const struct mail_source *src, struct mail_part *part,
    struct err *e) __attribute__((warn_unused_result));

#endif
