/*
 * text.h: small operations on text that know nothing of mail or the web.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Bounded copy; -1 when it does not fit (out is then empty). */
int text_copy(char *out, size_t cap, const char *s)
    __attribute__((warn_unused_result));
/* The same, cutting at a UTF-8 character boundary instead of failing. */
void text_cut(char *out, size_t cap, const char *s);
bool text_is_utf8(const char *s, size_t n);
bool text_is_ascii(const char *s);
/*
 * Appends s as UTF-8 fit to be shown: invalid bytes and control characters other
 * than tab and line feed become U+FFFD, CRLF and CR become LF, and bidirectional
 * overrides are dropped. -1 when memory is out.
 */
int text_show(struct buf *out, const char *s, size_t n)
    __attribute__((warn_unused_result));
void text_lower(char *s); /* ASCII, in place */
/* ASCII white space off both ends, in place; returns s. */
char *text_trim(char *s);
bool text_equal_ci(const char *a, const char *b); /* ASCII */
bool text_starts(const char *s, const char *prefix);

/* Base64url without padding, and hex. out needs n * 4 / 3 + 4, n * 2 + 1. */
void text_base64url(const void *p, size_t n, char *out);
/* Decodes exactly n bytes; 0, or -1. */
int text_unbase64url(const char *s, void *out, size_t n)
    __attribute__((warn_unused_result));
void text_hex(const void *p, size_t n, char *out);
int text_unhex(const char *s, void *out, size_t n)
    __attribute__((warn_unused_result));
/* Standard base64 with padding (RFC 4648 4), appended; for SASL. Returns 0, or -1. */
int text_unbase64(const char *s, size_t n, struct buf *out)
    __attribute__((warn_unused_result));

/* "412 kB", "3.2 MB": decimal units, for people. */
void text_size(uint64_t bytes, char out[32]);

#endif
