/*
 * charset.h: text in the character sets of mail, made UTF-8.
 */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/buf.h"

/*
 * What the n bytes are another name of, never a longer one: a set that holds it and that
 * readers take for it. NULL where they are the name of a set themselves, "x" where they
 * are none.
 */
const char *charset_means(const char *name, size_t n);

/*
 * Appends the n bytes at s as UTF-8 fit to be shown (text_show()). What the set cannot
 * hold becomes U+FFFD. Where the set is "", unknown, us-ascii or a wrongly claimed utf-8,
 * the bytes are taken for UTF-8 when they are valid, else for windows-1252, which is
 * also what iso-8859-1 means. -1 when memory is out.
 */
int charset_show(struct buf *out, const char *charset, const void *s, size_t n)
    __attribute__((warn_unused_result));

#endif
