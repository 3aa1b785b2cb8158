/*
 * words.h: encoded words (RFC 2047) as the library beside us can read them. Inside
 * mail/ only.
 */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

#include <stdbool.h>

/*
 * Joins each base64 word that ends in padding with the one of its character set that
 * follows it, in place: what stands between them is no text (6.2), and GMime loses
 * all that comes after the padding.
 */
void words_join(char *value);

/*
 * Calls the character sets of encoded words, and of parameters (RFC 2231 4) where the value
 * has such, what charset_means() says, in place: GMime keeps for ever each name it was
 * asked for.
 */
void words_rename(char *value, bool parameters);

#endif
