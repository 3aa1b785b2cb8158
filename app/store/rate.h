/*
 * rate.h: what all intake processes have counted together, and where a count ends. A
 * count belongs to a window of time, which begins at a multiple of its length. Lost when
 * PostgreSQL crashes (every process keeps its own counts then), gone after two windows.
 */
#ifndef STORE_RATE_H
#define STORE_RATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "store/db.h"

/* What is counted, of whom, and of which class of senders: as they are stored. */
enum rate_of { RATE_CLIENT, RATE_TENANT, RATE_OFS };
enum rate_what {
	RATE_CONNECTIONS,
	RATE_MESSAGES,
	RATE_RECIPIENTS,
	RATE_UNKNOWN, /* recipients that are not there */
	RATE_AUTH,    /* attempts that failed */
	RATE_WHATS
};
#define RATE_CLASSES 3 /* enum policy_class */

#define RATE_KEY 12 /* of, what, class, and a network (base/peers.h) or zeros */
struct rate_key {
	struct id tenant; /* zero: counted for nobody in particular */
	uint8_t b[RATE_KEY];
};

struct rate_count {
	struct rate_key key;
	int64_t began; /* the window, in microseconds: whole seconds */
	int64_t span;  /* its length, likewise */
	uint64_t n;    /* to be added; 0 only asks */
	/* out: of all processes in this window, and in the one before */
	uint64_t used, before;
};
/*
 * Across tenants, intake: adds all and reads them back, in one statement of its own. No
 * key twice.
 */
int rate_merge(struct db *db, struct rate_count *c, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/* Across tenants, intake: removes what no longer counts. */
int rate_sweep(struct db *db, struct err *e)
    __attribute__((warn_unused_result));

/* A limit that is not the one of base/limits.h. */
struct rate_limit {
	struct id tenant; /* zero: of every tenant that has none of its own */
	enum rate_of of;
	enum rate_what what;
	int class; /* enum policy_class */
	int64_t most;
};
/* Across tenants, intake and ctl: all of them in the order of their members; free() *out. */
int rate_limits(struct db *db, struct rate_limit **out, size_t *n_out,
    struct err *e) __attribute__((warn_unused_result));
/* In a transaction of that tenant, which may be the zero one; removing: ERR_NOT_FOUND. */
int rate_limit_set(struct db *db, const struct rate_limit *l, struct err *e)
    __attribute__((warn_unused_result));
int rate_limit_remove(struct db *db, const struct rate_limit *l, struct err *e)
    __attribute__((warn_unused_result));

#endif
