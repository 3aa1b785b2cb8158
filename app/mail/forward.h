/*
 * forward.h: the header of a message that is handed on to the tenant's own server: lines
 * of ours in front, what claims to be ours taken out, the subject tagged once. Everything
 * else stays as it came, byte for byte.
 */
#ifndef MAIL_FORWARD_H
#define MAIL_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Fields that are ours alone begin so; the system's own mails have X-Restante itself. */
#define MAIL_OURS "X-Restante-"
/* Whom it was handed on for before: kept, so that a loop is known. */
#define MAIL_OURS_TRACE MAIL_OURS "Trace"

#define MAIL_TAG_MAX 64 /* bytes of a tag */
/* One line of UTF-8 without control characters, not blank at either end. */
bool mail_tag_ok(const char *tag);

struct mail_forward {
	const char *lines; /* of ours, each ending in CRLF; they come first */
	const char *tag;   /* "": none */
	/* For a message without these fields: nobody after us would set them alike. */
	const char *message_id; /* without brackets */
	int64_t date;
};

/*
 * block: the header without its empty line. Appends the new one, likewise. A subject that
 * has the tag anywhere (a reply's) is left alone.
 */
int mail_forward_head(const void *block, size_t n, const struct mail_forward *f,
    struct buf *out, struct err *e) __attribute__((warn_unused_result));

/* What a server must take to be handed these bytes as they are; fed in pieces. */
struct mail_shape {
	bool eight; /* bytes over 127 */
	/* NUL, a CR or LF alone; the line end that DATA needs at the end may be missing */
	bool binary;
	uint8_t last;
	bool some;
};
void mail_shape_add(struct mail_shape *s, const void *p, size_t n);
void mail_shape_end(struct mail_shape *s);

#endif
