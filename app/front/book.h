/*
 * book.h: certificates and keys as the parent reads them, and how it hands them to its
 * workers. A place is a directory of RESTANTE_TLS_DIR, or "default". Which of its files
 * are chains and which are keys is seen from what is in them, so that what certbot,
 * lego and acme.sh keep can be linked in as it is.
 */
#ifndef FRONT_BOOK_H
#define FRONT_BOOK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"

#define BOOK_DEFAULT "default"

/* One certificate with its key, both in PEM; the chain's leaf first. */
struct book_pair {
	char *place;
	struct buf chain;
	struct buf key;
};

struct book {
	struct book_pair *pair;
	size_t n;
};

/*
 * Reads all of it anew. A place with anything wrong (unreadable, no key, not now valid,
 * of an unknown kind) is logged with the reason and taken from old (NULL: from nowhere).
 * NULL with *e set when there is no default pair then, or the directory is not there.
 */
struct book *book_read(const struct settings *set, const struct book *old,
    struct err *e) __attribute__((warn_unused_result));
void book_free(struct book *b); /* wipes; NULL is fine */

/* As bytes, and back; NULL when they are not what book_pack() made. */
int book_pack(const struct book *b, struct buf *out)
    __attribute__((warn_unused_result));
struct book *book_unpack(const void *p, size_t n)
    __attribute__((warn_unused_result));

#endif
