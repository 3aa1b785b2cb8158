/*
 * mail_parsed.h: a message parsed, once with nothing known of it and once with all: both
 * must give the same manifest. The caller frees it.
 */
#ifndef UNIT_MAIL_PARSED_H
#define UNIT_MAIL_PARSED_H

#include "mail/parse.h"

struct manifest *parsed(const char *s);
struct manifest *parsed_n(const void *p, size_t n);
/* A mail_sink that adds to a struct buf. */
int parsed_gather(void *arg, const void *p, size_t n, struct err *e);
/* What that part of the message decodes to. */
void parsed_decodes_to(
    const char *s, const struct mail_part *part, const char *want);

/* Of seven parts, with text before, between and behind them. */
extern const char mail_nested[];

#endif
