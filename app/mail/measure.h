/*
 * measure.h: what the leaves of a new tree hold once decoded. Inside mail/ only.
 */
#ifndef MAIL_MEASURE_H
#define MAIL_MEASURE_H

#include "mail/parse.h"

/*
 * Sets size and sha256 of every leaf, each decoded once, and puts behind the last part what
 * is inside of a winmail.dat: its files, and its text where the message has none. No more
 * than LIMIT_MIME_PARTS: then m->cut.
 */
int measure_parts(const struct mail_source *src, struct manifest *m,
    struct err *e) __attribute__((warn_unused_result));

#endif
