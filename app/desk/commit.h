/*
 * commit.h: messages that are ready at the same time are committed together. Whoever
 * brings one while nobody writes is the writer: it takes all that waits, writes it in one
 * transaction, tells each and looks again. Whoever comes meanwhile leaves its message and
 * goes. So one that is alone is written at once, and a hundred wait for one disk. Where
 * others are just being made ready, the writer waits a moment for them. Where there are
 * none, whoever makes a message ready writes what is known of it at each step.
 *
 * When a transaction fails for something in it, each of its messages is written by itself:
 * none is refused for another.
 */
#ifndef DESK_COMMIT_H
#define DESK_COMMIT_H

#include "store/bundle.h"

struct desk;

/* Messages of one transaction at most, and their sealed bytes, but for the first one's. */
#define COMMIT_MESSAGES 64
#define COMMIT_BYTES    ((size_t)4 * 1024 * 1024)
#define COMMIT_WAIT_MS  10

/* A message to be written. Lies in the caller's memory until end() was called. */
struct commit_item {
	struct bundle bundle;
	/*
	 * Called once, on some thread, before commit_add() returns or later: the item is the
	 * caller's again. result 0: durable. -1 with err; ERR_CONFLICT with the first one's id
	 * in first, or zero when that is being written.
	 */
	void (*end)(struct commit_item *item);
	int result;
	struct id first;
	struct err err;
	/* its own */
	struct commit_item *next;
	bool writes;       /* who brings it is a writer already */
	unsigned ahead;    /* the transaction that is its own; 0: none */
	bool tags, chunks; /* what was sent there */
};

struct commit_line; /* one a process, in desk_shared */
struct commit_line *commit_line_new(void) __attribute__((warn_unused_result));
void commit_line_free(struct commit_line *c); /* empty by now; NULL is fine */

/*
 * A small message is being made ready on this thread: who is about to write waits
 * COMMIT_WAIT_MS at most for it. commit_add() or commit_never() follows soon.
 *
 * Where the house is quiet, and `ahead` says that it may be, it is written as it is gathered:
 * the bundle has its tenant, and commit_tags(), commit_chunks() and commit_mails() follow in
 * between, when what bundle_write_tags() and its like need is there. When they come to
 * nothing, or d's connection begins another transaction, commit_add() writes all of it.
 */
void commit_soon(struct desk *d, struct commit_item *item, bool ahead);
void commit_tags(struct desk *d, struct commit_item *item);
void commit_chunks(struct desk *d, struct commit_item *item);
void commit_mails(struct desk *d, struct commit_item *item);
void commit_never(struct desk *d, struct commit_item *item);
/* Is that under way on d's connection, for this tenant? */
bool commit_is_ahead(const struct desk *d, const struct id *tenant);
/* On a thread of d's, after commit_soon(). May write others' messages before it returns. */
void commit_add(struct desk *d, struct commit_item *item);

#endif
