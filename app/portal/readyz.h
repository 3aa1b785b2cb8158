/*
 * readyz.h: what /readyz says: database, schema, keyd, spool (desk/ready.h), whether
 * threads have room, and whether this process means to go on.
 */
#ifndef PORTAL_READYZ_H
#define PORTAL_READYZ_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buf.h"

struct desk;
struct pool;

struct readyz {
	_Atomic(const struct pool *) work;
	atomic_bool draining;
};

/* The pool whose lines count; NULL (the first value): none does. */
void readyz_watch(struct readyz *r, const struct pool *work);
void readyz_drain(struct readyz *r);
/* Lines of JSON; *ok when all is well. -1: memory. */
int readyz_tell(struct readyz *r, struct desk *d, struct buf *out, bool *ok)
    __attribute__((warn_unused_result));

#endif
