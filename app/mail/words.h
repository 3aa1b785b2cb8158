/*
 * words.h: encoded words (RFC 2047) as the library beside us can read them. Inside
 * mail/ only.
 */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

/*
 * Joins each base64 word that ends in padding with the one of its character set that
 * follows it, in place: what stands between them is no text (6.2), and GMime loses
 * all that comes after the padding.
 */
void words_join(char *value);

#endif
