/*
 * hang.h: somebody whom many threads ask hangs: whoever finds that out says so to all of
 * this process. From then on they fail at once, and one at a time tries again. May be
 * asked on any thread; all zero is one that answers.
 */
#ifndef BASE_HANG_H
#define BASE_HANG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Who waits so long for an answer asks whether anything is answered at all. */
#define HANG_PATIENCE_MS 4000

struct hang {
	_Atomic int64_t until; /* 0: it answers; else nobody tries before */
	_Atomic int64_t asked; /* when somebody last asked for all, ms */
};

enum hang_turn {
	HANG_NOT, /* go on */
	HANG_IS,  /* do not wait for it */
	HANG_TRY  /* the caller tries for all, and calls hang_set() */
};

/* Before something is asked of it. */
enum hang_turn hang_turn(struct hang *h) __attribute__((warn_unused_result));
/* While an answer is waited for: is that in vain? */
bool hang_is(const struct hang *h);
/*
 * Nobody knows yet, and this caller has waited for waited_ms: shall he ask, for all of
 * them, and call hang_set() when there is no answer?
 */
bool hang_ask(struct hang *h, int64_t waited_ms);
void hang_set(struct hang *h, bool hangs);

#endif
