/*
 * id.h: identifiers: UUID version 7 (RFC 9562), and the letters and digits that
 * people type (Crockford's base 32: no I, L, O, U; reading takes either case
 * and maps I and L to 1, O to 0).
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_LEN      16 /* bytes */
#define ID_TEXT_LEN 37 /* 36 characters and the NUL */

struct id {
	uint8_t b[ID_LEN];
};

struct id id_new(void); /* time in its first 48 bits, the rest random */
struct id id_zero(void);
bool id_is_zero(const struct id *id);
bool id_equal(const struct id *a, const struct id *b);
void id_format(
    const struct id *id, char out[ID_TEXT_LEN]); /* lower case with hyphens */
/* Exactly the 36-character form, either case. 0, or -1. */
int id_parse(const char *s, struct id *out) __attribute__((warn_unused_result));

/*
 * Base 32 of n bytes into out (cap bytes with the NUL; needs (n * 8 + 4) / 5 + 1),
 * upper case, the last digit padded with zero bits. Decoding skips '-' and ' ',
 * wants exactly n bytes' worth of digits and zero padding. 0, or -1.
 */
int id_base32(const void *p, size_t n, char *out, size_t cap)
    __attribute__((warn_unused_result));
int id_unbase32(const char *s, void *out, size_t n)
    __attribute__((warn_unused_result));

#define ID_REQUEST_LEN 17 /* 16 hex digits and the NUL */
/* A random id for the log lines of one request or session. */
void id_request(char out[ID_REQUEST_LEN]);

#endif
