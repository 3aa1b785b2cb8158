/*
 * mail.h: the texts of the system's mails: templates/mail/<name>.txt and .html, with
 * the words of one language put in when they are read. Inside view/ only.
 */
#ifndef VIEW_MAIL_H
#define VIEW_MAIL_H

#include <stddef.h>

#include "view/view.h"
#include "view/words.h"

struct mail_text;

/* name as in view_mail(); directory is templates/mail. */
int mail_text_load(const char *directory, const char *name,
    const struct words *words, struct mail_text **out, struct err *e)
    __attribute__((warn_unused_result));
void mail_text_free(struct mail_text *m);
const char *mail_text_name(const struct mail_text *m);

int mail_text_fill(const struct mail_text *m, const struct view_field *f,
    size_t n, struct buf *subject, struct buf *text, struct buf *html,
    struct err *e) __attribute__((warn_unused_result));

#endif
