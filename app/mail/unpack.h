/*
 * unpack.h: what is inside of a winmail.dat as parts of the message. Inside mail/ only.
 */
#ifndef MAIL_UNPACK_H
#define MAIL_UNPACK_H

#include "mail/parse.h"

/*
 * Puts behind the last part the files of every winmail.dat, and its text where the message
 * has none. No more than LIMIT_MIME_PARTS: then m->cut.
 */
int unpack_parts(const struct mail_source *src, struct manifest *m,
    struct err *e) __attribute__((warn_unused_result));

#endif
