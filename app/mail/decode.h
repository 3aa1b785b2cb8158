/*
 * decode.h: the decoding of one part's content as it comes, in pieces of any size and on
 * whichever thread, one at a time.
 */
#ifndef MAIL_DECODE_H
#define MAIL_DECODE_H

#include "mail/parse.h"

struct mail_decoder;

/* NULL: memory. */
struct mail_decoder *mail_decoder_new(enum mail_encoding enc)
    __attribute__((warn_unused_result));
/* Hands the sink what n more encoded bytes give, which may be nothing. */
int mail_decoder_add(struct mail_decoder *d, const void *p, size_t n,
    mail_sink sink, void *arg, struct err *e)
    __attribute__((warn_unused_result));
/* No more come: hands over what was kept back. */
int mail_decoder_end(struct mail_decoder *d, mail_sink sink, void *arg,
    struct err *e) __attribute__((warn_unused_result));
void mail_decoder_free(struct mail_decoder *d); /* NULL is fine */

#endif
