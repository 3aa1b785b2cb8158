/*
 * metrics.h: what a process counts, as Prometheus reads it (text format 0.0.4). Names
 * and labels are fixed here: no path, address or host ever is one. Counting takes no
 * lock and may be done on any thread. The workers of one parent share one table, each
 * with a column of its own, so that each of them can tell of all.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric {
	METRIC_REQUESTS,    /* route, status class: metrics_request() */
	METRIC_DURATION,    /* route class: likewise; a histogram */
	METRIC_BYTES,       /* metric_way */
	METRIC_CONNECTIONS, /* gauge: metric_door */
	METRIC_ACCEPTED,    /* metric_door */
	METRIC_TURNED_AWAY, /* metric_why */
	METRIC_REFUSED,     /* status: metrics_refused() */
	METRIC_HANDSHAKES,  /* version, resumed: metrics_handshake() */
	METRIC_SHAKE_FAILS,
	METRIC_TRANSFERS,    /* gauge: metric_way */
	METRIC_POOL_THREADS, /* gauge: metrics_pool() */
	METRIC_POOL_BUSY,    /* gauge: likewise */
	METRIC_POOL_WAITING, /* gauge: likewise, lane */
	METRIC_POOL_REFUSED, /* likewise, metric_full */
	METRIC_POOL_WAIT,    /* likewise, lane; a histogram */
	METRIC_MAILS,        /* metric_mail */
	METRIC_MAIL_MEMORY,  /* gauge */
	METRIC_RATE_REFUSED, /* enum rate_what, enum policy_class */
	METRIC_HELD,         /* metric_brake */
	METRIC_RATE_COUNTS,  /* gauge: enum rate_of */
	METRIC_RATE_PUSHED,  /* gauge: likewise */
	METRIC_RATE_SHARED, /* gauge: 1 while the last round reached the database */
	METRIC_ERRORS,      /* metric_peer */
	METRIC_STARTS,
	METRIC_CPU, /* microseconds */
	METRIC_MEMORY,
	METRIC_FDS,
	METRIC_FDS_MAX,
	METRICS
};

enum metric_way { METRIC_IN, METRIC_OUT };
enum metric_door { METRIC_HTTPS, METRIC_HTTP, METRIC_SMTP, METRIC_SMTPS };
enum metric_why {
	METRIC_WHY_ALL,      /* every place is taken */
	METRIC_WHY_PEER,     /* the neighbour has its share */
	METRIC_WHY_REQUESTS, /* too many requests at work */
	METRIC_WHY_BODIES,   /* too many strangers' bodies */
	METRIC_WHY_SLOW,     /* a deadline or a minimum rate was missed */
	METRIC_WHY_MEMORY,   /* too much mail on its way */
	METRIC_WHY_HEADER    /* a front end did not say for whom it speaks */
};
enum metric_full { METRIC_QUEUE_FULL, METRIC_QUEUE_GREEDY };
enum metric_brake { METRIC_BRAKE_SLOW, METRIC_BRAKE_SILENT };
enum metric_mail {
	METRIC_MAIL_TAKEN,
	METRIC_MAIL_DEFERRED,
	METRIC_MAIL_REFUSED
};
enum metric_peer { METRIC_DATABASE, METRIC_KEYD };

/* ---- at start, on one thread ---- */

/* In the parent, before the fork. -1: memory; then every worker counts for itself. */
int metrics_share(void) __attribute__((warn_unused_result));
/*
 * In a worker: its column (its number; any), what it is ("portal"), and how many
 * descriptors it may have. Gauges of a worker that died begin at 0 again.
 */
void metrics_worker(unsigned number, const char *role, uint64_t max_fds);
/* A name that metrics_request() may be called with; constant. The same in all workers. */
void metrics_route(const char *name);

/* ---- counting ---- */

/* a and b: the labels' values, 0 where there is none; n may be negative for a gauge. */
void metrics_add(enum metric m, unsigned a, unsigned b, int64_t n);
void metrics_set(enum metric m, unsigned a, unsigned b, int64_t value);
/* Into a histogram. */
void metrics_observe(enum metric m, unsigned a, unsigned b, int64_t us);

/* A request answered; class as in enum route_class; a name not told before is "other". */
void metrics_request(const char *route, unsigned class, int status, int64_t us);
/* A head or body refused before it reached a route. */
void metrics_refused(int status);
/* version as TLS says it: 0x0303, 0x0304. */
void metrics_handshake(int version, bool resumed);
/* The label of a pool of that name; one that nobody reads for others. */
unsigned metrics_pool(const char *name);
/*
 * Looks at processor time, memory and descriptors of this process, if any worker was asked
 * since it last did: the one that is asked tells its own as they are, the others' as they
 * were a moment after the question before. Once a second or so; else it costs nothing.
 */
void metrics_process(void);

/* ---- telling ---- */

int metrics_render(struct buf *out) __attribute__((warn_unused_result));
/*
 * The whole answer to an HTTP request whose head is the n bytes at p: 1. 0: the head is
 * not complete. -1: memory. The connection is to be closed after it.
 */
int metrics_answer(const void *p, size_t n, struct buf *out)
    __attribute__((warn_unused_result));
#define METRICS_HEAD_MAX 4096 /* more is answered as complete: 400 */

#endif
