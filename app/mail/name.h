/*
 * name.h: file names from mails and browsers made harmless: one base name in
 * UTF-8 that can be shown in a list and saved on any system.
 */
#ifndef MAIL_NAME_H
#define MAIL_NAME_H

#include <stddef.h>

#include "base/limits.h"

/*
 * Writes the safe form of the n bytes at s: what follows the last slash or
 * backslash, without control and bidirectional characters, without dots in front,
 * with '_' for what Windows reserves; cut to LIMIT_FILE_NAME bytes between two
 * characters, the extension kept. "" when nothing is left. 0, or -1 when memory is out.
 */
int mail_name_safe(const char *s, size_t n, char out[LIMIT_FILE_NAME + 1])
    __attribute__((warn_unused_result));

/*
 * s of n bytes as one line of UTF-8 to show: text_show() with line breaks and tabs as
 * spaces, white space off both ends, at most `characters` of it, within cap bytes.
 */
int mail_line_safe(const char *s, size_t n, size_t characters, char *out,
    size_t cap) __attribute__((warn_unused_result));

#endif
