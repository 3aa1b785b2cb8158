/*
 * levels.h: the multiparts around the place where a reader of lines is, and what a line
 * is to them (RFC 2046 5.1.1). Inside mail/ only.
 */
#ifndef MAIL_LEVELS_H
#define MAIL_LEVELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct level {
	char *boundary;
	size_t len;
	uint32_t depth; /* of the multipart */
	bool digest;    /* its children are message/rfc822 by default */
	bool closed; /* its last boundary was seen, but none around it since */
};

struct levels {
	struct level level[LIMIT_MIME_DEPTH];
	size_t n;
};

/*
 * One more, inside of the others; there is room. 1 when readers would disagree about its
 * lines and those of one around it: the same boundary, or the beginning of it. -1: memory.
 */
int levels_open(struct levels *l, const char *boundary, uint32_t depth,
    bool digest) __attribute__((warn_unused_result));
/* Forgets all but the outer `keep`. */
void levels_keep(struct levels *l, size_t keep);

enum levels_line {
	LEVELS_NONE,
	LEVELS_NEXT,  /* another part of level[*at] begins */
	LEVELS_LAST,  /* level[*at] ends; it may have before */
	LEVELS_UNSURE /* another part after the last, or more than a boundary */
};
enum levels_line levels_match(
    const struct levels *l, const uint8_t *p, size_t n, size_t *at);

#endif
