/*
 * lines.h: a source read once from its start, line by line, in a window of fixed size.
 */
#ifndef MAIL_LINES_H
#define MAIL_LINES_H

#include "mail/parse.h"

#define LINES_WINDOW 65536 /* or what the source has, when that is less */

/* One line, or a piece of one that is longer than the window. */
struct line {
	const uint8_t *p; /* into the window, until the next call */
	size_t n;         /* with its LF */
	size_t text;      /* without CRLF or LF */
	uint64_t offset;  /* of p in the source */
	bool start;       /* begins a line */
};

struct lines {
	const struct mail_source *src;
	uint64_t read; /* bytes taken from the source */
	size_t head;   /* the window: buf[head] .. buf[len - 1] is unread */
	size_t len;
	bool end;    /* the source has no more */
	bool inside; /* the last line had no LF yet */
	void (*seen)(
	    void *arg, const uint8_t *p, size_t n); /* every byte, once */
	void (*leaving)(void *arg); /* before lines that were read are gone */
	void *arg;
	size_t window;
	uint8_t buf[];
};

/* NULL: memory. free() ends it. */
struct lines *lines_new(const struct mail_source *src);
/* What is still in the window at that offset of the source, to the end of the window. */
const uint8_t *lines_at(const struct lines *l, uint64_t offset);
/* 1 with the next line, 0 at the end, -1 when the source fails. */
int lines_next(struct lines *l, struct line *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
