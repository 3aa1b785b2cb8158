/*
 * build_parts.h: what build.c and report.c make mails of. Inside mail/ only.
 */
#ifndef MAIL_BUILD_PARTS_H
#define MAIL_BUILD_PARTS_H

#include <gmime/gmime.h>
#include <stdbool.h>

#include "mail/build.h"

/* One line of UTF-8 without control characters; an id. NULL passes. */
bool build_is_line(const char *s);
bool build_is_id(const char *s);
/* A line of printable ASCII that needs no folding. */
bool build_is_ascii(const char *s);
/* ERR_BAD_INPUT unless fine. */
int build_check(bool fine, const char *what, struct err *e)
    __attribute__((warn_unused_result));
int build_system_check(const struct mail_system *s, struct err *e)
    __attribute__((warn_unused_result));

/* The message with its fields and no content yet. */
GMimeMessage *build_system_new(
    const struct mail_system *s, const char *auto_submitted);
void build_content(
    GMimePart *part, const void *p, size_t n, GMimeContentEncoding enc);
/* NULL when memory is out. */
GMimeObject *build_text(const char *subtype, const char *text);
/* Its boundary is made from the Message-ID. */
GMimeMultipart *build_multipart(const char *subtype, const char *message_id);
/* Takes the reference; false when there is no part. */
bool build_take(GMimeMultipart *mp, GMimeObject *part)
    __attribute__((warn_unused_result));

/* Writes the message with its content, drops both, and appends the bytes. */
int build_finish(GMimeMessage *m, GMimeObject *content, struct buf *out,
    struct err *e) __attribute__((warn_unused_result));
/* Drops both; -1. */
int build_memory_out(GMimeMessage *m, void *content, struct err *e);

#endif
