/*
 * tnef.h: what is inside of a winmail.dat (MS-OXTNEF): where its files and its text begin
 * and end. Reads the decoded part once, in pieces of any size, in memory that does not
 * grow with it; nothing is copied out but names. A text that is RTF alone, and a message
 * within the message, are not opened. Damage ends the reading; what came before counts.
 */
#ifndef MAIL_TNEF_H
#define MAIL_TNEF_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

enum tnef_kind { TNEF_FILE, TNEF_TEXT, TNEF_HTML };

struct tnef_item {
	enum tnef_kind kind;
	uint64_t skip; /* decoded bytes of the part before it */
	uint64_t size;
	uint8_t sha256[32];
	char type[100];   /* as it is named there, "" when it is not */
	char charset[40]; /* of the text, "" when unknown */
	char name[LIMIT_FILE_NAME + 1]; /* safe; "" when none */
	char cid[200];                  /* printable ASCII; "" when none */
};

/* A file when the next begins; the text, at most one of each kind, at the end. */
typedef int (*tnef_take)(
    void *arg, const struct tnef_item *item, struct err *e);

struct tnef;
/* NULL: memory. */
struct tnef *tnef_new(tnef_take take, void *arg)
    __attribute__((warn_unused_result));
/* -1: memory, or what take() said. */
int tnef_add(struct tnef *t, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result));
int tnef_end(struct tnef *t, struct err *e) __attribute__((warn_unused_result));
void tnef_free(struct tnef *t); /* wipes; NULL is fine */

#endif
