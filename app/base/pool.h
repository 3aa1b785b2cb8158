/*
 * pool.h: threads for work that blocks (database, keyd, hashing), beside one event
 * loop. A job is run on some thread, with that thread's own context; when it has
 * ended, the loop is woken through a descriptor and calls the job's done().
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct pool;

/* Lanes, the first goes first; what waits in the others still gets every fourth turn. */
enum pool_lane { POOL_FIRST, POOL_SECOND, POOL_LANES };

/*
 * Lies in the caller's structure, which must live until done() is called. Within a lane
 * owners take turns, so that one who asks for much waits for himself alone.
 */
struct pool_job {
	void (*run)(void *arg, void *ctx); /* on a thread */
	void (*done)(void *arg); /* in pool_reap(); may submit again */
	void *arg;
	enum pool_lane lane;
	uint64_t owner; /* whose it is: a client, a session; 0 nobody's */
	/* the pool's */
	struct pool_job *next;
	int64_t since; /* when it was submitted, microseconds */
};

struct pool_setup {
	const char *name; /* of the threads, 15 characters at most */
	int threads;
	size_t queue; /* jobs waiting for a thread in one lane, at most */
	size_t share; /* of one owner (but 0) in one lane, at most; 0: queue */
	/*
	 * The threads run when nothing else wants the processor. They may then be
	 * stopped at any place for long, so the loop shares no lock with them: it
	 * hands them their jobs itself.
	 */
	bool idle;
	/*
	 * Makes and ends the context of one thread, on that thread. init gives 0,
	 * or -1 with *e set; both may be NULL (then ctx is NULL).
	 */
	int (*init)(void *arg, void **ctx_out, struct err *e);
	void (*fini)(void *ctx);
	void *arg;
};

/* Threads for hashes: all processors this process may use but one, at least 1. */
int pool_spare_threads(void);

/*
 * Within run(): the job has not ended when that returns. Whoever goes on with it, on
 * whatever thread and perhaps before, says when by pool_end(), once, while the pool lives.
 * Not of an idle pool.
 */
void pool_keep(void);
void pool_end(struct pool *p, struct pool_job *job);

/* Returns when every thread has its context; NULL with *e set when one failed. */
struct pool *pool_new(const struct pool_setup *setup, struct err *e)
    __attribute__((warn_unused_result));

/* Readable while ended jobs wait for pool_reap(). */
int pool_fd(const struct pool *p);

/* The rest is for the loop's thread alone. */

/* 0; the job is not taken: POOL_FULL when too many wait, POOL_GREEDY too many of its owner's. */
#define POOL_FULL   (-1)
#define POOL_GREEDY (-2)
int pool_submit(struct pool *p, struct pool_job *job)
    __attribute__((warn_unused_result));
/* Calls done() of every job that has ended. */
void pool_reap(struct pool *p);
/* Jobs taken whose done() was not called yet. */
size_t pool_pending(const struct pool *p);

struct pool_stats {
	const char *name;
	int threads;
	int busy; /* of them */
	size_t waiting[POOL_LANES];
	size_t queue; /* as set up */
};
/* On any thread while the pool lives; a moment's view. */
void pool_look(const struct pool *p, struct pool_stats *out);

/* Ends the threads after what they run now; done() of what is left is not called. NULL is fine. */
void pool_free(struct pool *p);

#endif
