/*
 * parse.h: reads a raw message (RFC 5322, MIME: RFC 2045 to 2049, 2047, 2231) through
 * a source with random access, in memory that does not grow with its size. One pass over
 * the lines finds headers and boundaries and keeps to our caps; what headers mean, and
 * the decoding, is GMime's. The stated rule for ambiguity (doc/mime.md has all of it): what
 * readers may take apart differently has no tree. A message is `ambiguous` when in any
 * header a Content-Type, Content-Transfer-Encoding or Content-Disposition is doubled; when
 * a multipart is not written as RFC 2045 says with one plain `boundary` (type.h), is
 * encoded, or has the boundary of one around it or the beginning of that; when where the
 * header of a multipart or of an encoded part ends is a matter of opinion; when a line is
 * more than a boundary, or a part comes behind the last (levels.h). Else a line in a
 * header that is no field is passed over; past a cap the tree ends there and is `cut`.
 */
#ifndef MAIL_PARSE_H
#define MAIL_PARSE_H

#include "mail/manifest.h"

/* Octets that intake's own trace field may add to a header that is full already. */
#define MAIL_TRACE_MAX 1024

/*
 * Up to n bytes at offset into dst; *got 0 at the end. 0, or -1 with *e set. Used by one
 * thread at a time.
 */
struct mail_source {
	int (*read)(void *arg, uint64_t offset, void *dst, size_t n,
	    size_t *got, struct err *e);
	void *arg;
	uint64_t size;
	const struct mail_known *known; /* NULL: nothing is */
};

/* Of a message, by whoever saw it before: what need not be read for it. */
struct mail_known {
	uint8_t sha256[32];
	uint64_t body; /* offset of what follows the first CR LF CR LF */
	uint8_t body_sha256[32]; /* of all from there on */
};

/* A source over memory that outlives it. */
struct mail_memory {
	const uint8_t *p;
	size_t n;
};
void mail_source_memory(struct mail_source *out, struct mail_memory *m);

/* Once a process, before threads. */
void mail_init(void);

/*
 * Never refuses a message for being broken: what cannot be understood is missing from
 * the manifest. -1 only when the source fails or memory is out. sha256 and size are of
 * the whole raw message. A body that is one part as it came, and is known, is not read.
 */
int mail_parse(const struct mail_source *src, struct manifest **out,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Fields needed before a full parse, from the first bytes of a message: the count of
 * Received fields, whether the header is over its limit, the Message-ID and the raw From
 * address ("" when none).
 */
struct mail_head {
	unsigned received;
	bool too_big;
	bool dated; /* has a Date, whatever stands in it */
	/*
	 * a mail of the system itself: has the field X-Restante, as build.h
	 * writes it
	 */
	bool ours;
	/* RFC 3834, 6522: a program's, or a report, a bounce: not answered */
	bool automatic;
	char message_id[LIMIT_SUBJECT + 1];
	char from[LIMIT_ADDRESS + 1]; /* address of the first mailbox in From */
};
void mail_head_read(const void *p, size_t n, struct mail_head *out);

/* The decoded bytes of one leaf part, handed to sink in pieces. */
typedef int (*mail_sink)(void *arg, const void *p, size_t n, struct err *e);
int mail_part_decode(const struct mail_source *src,
    const struct mail_part *part, mail_sink sink, void *arg, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The text to show, UTF-8 fit for a page: the text part in its character set, else made
 * from the HTML part, else "". Cut at LIMIT_SHOWN_TEXT, *cut_out then true. An ambiguous
 * message shows the bytes after its header as they are.
 */
int mail_text(const struct mail_source *src, const struct manifest *m,
    struct buf *out, bool *cut_out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The text of HTML (libxml2): block structure as line breaks, links as "text <address>",
 * lists, tables by cell; scripts, styles and hidden heads dropped. Input over
 * LIMIT_SHOWN_TEXT is cut. Takes time in proportion to its input, whatever that is.
 */
int mail_html_text(const void *html, size_t n, const char *charset,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

#endif
