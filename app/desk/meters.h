/*
 * meters.h: what rates.c and rates_share.c have in common: the counts of a process.
 */
#ifndef DESK_METERS_H
#define DESK_METERS_H

#include <pthread.h>
#include <stdbool.h>

#include "desk/tally.h"
#include "policy/network.h"
#include "store/rate.h"

#define METERS_BATCH 512 /* counts told at once */

struct meters {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct tally *tally[RATE_OFS][RATE_WHATS]; /* NULL: not counted */
	struct policy_nets free; /* without the usual limits */
	int64_t (*now)(void);
	struct rate_limit *limit; /* sorted */
	size_t n_limit;
	/* of the thread */
	struct rate_count batch[METERS_BATCH];
	const char *conninfo;
	pthread_t thread;
	unsigned round;
	bool alone; /* the last round failed */
	bool begun, ending, ended;
};

/* Locked; *all is taken over, and sorted. */
void meters_limits(struct meters *m, struct rate_limit *all, size_t n);
/* When its thread has ended. */
void meters_free(struct meters *m);

#endif
