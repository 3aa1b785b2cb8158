/*
 * forward.h: what is written of a message beside its readers: the copy that is handed on to
 * the tenant's own server, and what its sender asked to be told. Inside desk/ only.
 */
#ifndef DESK_FORWARD_H
#define DESK_FORWARD_H

#include "desk/internal.h"

/*
 * Seals the copy for the recipients it is for, with a key of its own, and appends its rows
 * to the bundle, which keeps it until it is written. Nothing where there are none.
 * ERR_BAD_INPUT: it has been here before, for one of them.
 */
int forward_gather(struct desk *d, const struct parcel *p, struct bundle *b,
    struct err *e) __attribute__((warn_unused_result));
/*
 * What is told now, and what was asked for later. Nothing is told to the null sender, and
 * nothing to a program.
 */
int dsn_gather(struct desk *d, const struct parcel *p, struct bundle *b,
    struct err *e) __attribute__((warn_unused_result));

/* The slot of p->rcpt[i]. */
#define RCPT_SLOT(i) ((uint32_t)(i) + 1)
/* What its sender is told of it as, and asked for. given is NULL in the portal. */
struct asked {
	const char *given;
	unsigned notify;
	const char *orcpt; /* "" none */
};
void asked_of(const struct parcel *p, size_t i, struct asked *out);

#endif
