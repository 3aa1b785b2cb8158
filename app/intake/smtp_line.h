/*
 * smtp_line.h: bytes into command lines, and bytes of DATA into spans of the
 * message. Pure: both know nothing of commands, sessions or sockets.
 */
#ifndef INTAKE_SMTP_LINE_H
#define INTAKE_SMTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Command lines. They end in CR LF and nothing else. All zero at first. A line
 * that lies whole in what is fed is used in place; only one that arrives in
 * pieces is copied, and that copy is wiped.
 */
struct smtp_line {
	struct buf part; /* of a line whose end is still to come */
	bool cr;         /* the last byte seen was CR */
	bool draining;   /* answered or too long: skip to its end */
	bool answered;
	unsigned begun; /* smtp_line_hides(), of what is dropped */
};

enum smtp_line_got {
	SMTP_LINE_MORE, /* all used, no line yet */
	/* *line_out, *len_out without CR LF; valid until the next call */
	SMTP_LINE_FULL,
	SMTP_LINE_LONG, /* one over LIMIT_SMTP_AUTH_LINE has ended; dropped */
	SMTP_LINE_BARE, /* a bare LF: answer now, the rest to CR LF is dropped */
	/*
	 * In what was, or is, dropped somebody else may see BDAT: what follows cannot be told
	 * apart from its octets.
	 */
	SMTP_LINE_CHUNK
};

/* Sets *used to the bytes taken. Memory out is SMTP_LINE_LONG. */
enum smtp_line_got smtp_line_next(struct smtp_line *l, const uint8_t *p,
    size_t n, size_t *used, const char **line_out, size_t *len_out);
/*
 * Does a piece of it begin with BDAT, if a CR or an LF alone parted lines, and whatever
 * stands in front of and behind a word counted as a space?
 */
bool smtp_line_hides(const void *p, size_t n);
/* Wipes the copy, if any, of the line last given. */
void smtp_line_done(struct smtp_line *l);
void smtp_line_free(struct smtp_line *l);

/*
 * DATA. The end is CR LF "." CR LF, where the CR LF of the DATA command counts
 * as the first one. Neither the answer nor the spans put together depend on how
 * the bytes were split.
 */
enum smtp_data_at {
	SMTP_DATA_START, /* of a line; all zero means before the first */
	SMTP_DATA_MID,
	SMTP_DATA_CR,
	SMTP_DATA_DOT, /* a dot at the start of a line */
	SMTP_DATA_DOT_CR
};

struct smtp_data {
	enum smtp_data_at at;
	size_t line;    /* octets of the line so far, the stuffed dot apart */
	bool bare;      /* saw a bare CR, a bare LF or a NUL */
	bool over_long; /* saw a line over LIMIT_SMTP_DATA_LINE */
};

/*
 * Looks at the next bytes. true: the end was reached, and belongs to *used.
 * false: *used bytes (at least one of n > 0) are dealt with; call again for the
 * rest. Either way *span_out, *len_out (0 is possible) are message bytes, and
 * point into p.
 */
bool smtp_data_next(struct smtp_data *d, const uint8_t *p, size_t n,
    size_t *used, const uint8_t **span_out, size_t *len_out);

/*
 * The octets of BDAT (RFC 3030): all of them are the message, none ends it, and no dot
 * is taken away. Only what the message may not hold is looked for: the same as in DATA,
 * however it is cut into chunks. smtp_chunk_end: there are no more of them.
 */
void smtp_chunk_next(struct smtp_data *d, const uint8_t *p, size_t n);
void smtp_chunk_end(struct smtp_data *d);

#endif
