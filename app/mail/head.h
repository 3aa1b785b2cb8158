/*
 * head.h: what header blocks say, read with GMime: the MIME fields of one entity, and
 * the fields of a message.
 */
#ifndef MAIL_HEAD_H
#define MAIL_HEAD_H

#include "mail/manifest.h"

#define HEAD_BOUNDARY_MAX 8000 /* RFC 2046 5.1.1 says 70 */
/* Octets of one field, or of all with people, that are handed to GMime. */
#define HEAD_FIELD_MAX  16384
#define HEAD_PEOPLE_MAX 65536

/* The MIME fields of one entity. */
struct head {
	/* type, charset, name, cid, encoding; the rest is zero */
	struct mail_part part;
	bool multipart;
	bool digest;     /* its children are message/rfc822 by default */
	bool attachment; /* Content-Disposition says so */
	bool ambiguous;  /* by the rule of parse.h */
	size_t cost;     /* octets that were handed to GMime */
	char boundary[HEAD_BOUNDARY_MAX + 1]; /* of a multipart */
};

/* fallback: the type where the block names none. -1 when memory is out. */
int head_entity(const void *block, size_t n, const char *fallback,
    struct head *out) __attribute__((warn_unused_result));

/* Subject, people, ids and date into m. -1 when memory is out. */
int head_message(const void *block, size_t n, struct manifest *m)
    __attribute__((warn_unused_result));

/* The id in the first angle brackets, of printable ASCII; "" when there is none. */
void head_message_id(const char *value, char *out, size_t cap);

#endif
