/*
 * rates_share.c: the thread by which processes learn of each other's counts.
 */
#include "desk/rates.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/metrics.h"
#include "desk/meters.h"

#define ROUND_MS     1000 /* between two rounds of the thread */
#define END_MS       2000 /* it is given to end */
#define LIMITS_EVERY 3    /* rounds */
#define COUNT_EVERY  15
#define SWEEP_EVERY  60

static int
read_limits(struct meters *m, struct db *db, struct err *e)
{
	struct rate_limit *all;
	size_t n;

	if (rate_limits(db, &all, &n, e) == -1)
		return -1;
	pthread_mutex_lock(&m->lock);
	meters_limits(m, all, n);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int
share(struct meters *m, struct tally *t, struct db *db, struct err *e)
{
	size_t at = 0, n;
	int rc = 0;

	while (rc == 0) {
		pthread_mutex_lock(&m->lock);
		n = tally_news(t, &at, m->now(), m->batch, METERS_BATCH);
		pthread_mutex_unlock(&m->lock);
		if (n == 0)
			break;
		rc = rate_merge(db, m->batch, n, e);
		pthread_mutex_lock(&m->lock);
		if (rc == 0)
			tally_told(t, m->batch, n, m->now());
		else
			tally_untold(t, m->batch, n, m->now());
		pthread_mutex_unlock(&m->lock);
	}
	return rc;
}

static void
tell_size(struct meters *m)
{
	int64_t keys, pushed;

	for (int of = 0; of < RATE_OFS; of++) {
		keys = pushed = 0;
		for (int what = 0; what < RATE_WHATS; what++) {
			if (m->tally[of][what] == NULL)
				continue;
			pthread_mutex_lock(&m->lock);
			keys += (int64_t)tally_keys(
			    m->tally[of][what], m->now());
			pushed += (int64_t)tally_displaced(m->tally[of][what]);
			pthread_mutex_unlock(&m->lock);
		}
		metrics_set(METRIC_RATE_COUNTS, (unsigned)of, 0, keys);
		metrics_set(METRIC_RATE_PUSHED, (unsigned)of, 0, pushed);
	}
}

static int
share_all(struct meters *m, struct db *db, struct err *e)
{
	unsigned round = m->round++;

	if (round % COUNT_EVERY == 0)
		tell_size(m);
	/* Where nothing is to be told, this alone finds out that the database is back. */
	if ((m->alone || round % LIMITS_EVERY == 0) &&
	    read_limits(m, db, e) == -1)
		return -1;
	if (round % SWEEP_EVERY == SWEEP_EVERY - 1 && rate_sweep(db, e) == -1)
		return -1;
	for (int of = 0; of < RATE_OFS; of++)
		for (int what = 0; what < RATE_WHATS; what++)
			if (m->tally[of][what] != NULL &&
			    share(m, m->tally[of][what], db, e) == -1)
				return -1;
	return 0;
}

int
rates_share(struct meters *m, struct db *db, struct err *e)
{
	int rc = share_all(m, db, e);

	m->alone = rc == -1;
	return rc;
}

/* A round of the thread; what changed is said once. */
static bool
round_of(struct meters *m, struct db *db, bool was)
{
	struct err e;
	bool is;

	err_clear(&e);
	is = rates_share(m, db, &e) == 0;
	metrics_set(METRIC_RATE_SHARED, 0, 0, is);
	if (was && !is)
		log_err(NULL, "rates not shared", &e);
	else if (!was && is)
		log_line(LOG_LEVEL_INFO, NULL, "rates shared again", NULL);
	return is;
}

/* Locked. false: it was time to end before the time was over. */
static bool
pause_for(struct meters *m, int ms, const bool *over)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (
	    !*over && pthread_cond_timedwait(&m->wake, &m->lock, &until) == 0)
		continue;
	return !*over;
}

static void *
share_thread(void *arg)
{
	struct meters *m = arg;
	struct db *db = db_open(m->conninfo);
	bool going = db != NULL, shared = true;

	while (going) {
		shared = round_of(m, db, shared);
		pthread_mutex_lock(&m->lock);
		going = pause_for(m, ROUND_MS, &m->ending);
		pthread_mutex_unlock(&m->lock);
	}
	if (db != NULL)
		(void)round_of(m, db, shared);
	db_close(db);
	pthread_mutex_lock(&m->lock);
	m->ended = true;
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

int
rates_share_start(struct meters *m, const char *conninfo, struct err *e)
{
	m->conninfo = conninfo;
	if (pthread_create(&m->thread, NULL, share_thread, m) != 0)
		return err_set(e, ERR_UNAVAILABLE, "rates: no thread");
	m->begun = true;
	return 0;
}

void
rates_free(struct meters *m)
{
	bool ended;

	if (m == NULL)
		return;
	if (m->begun) {
		pthread_mutex_lock(&m->lock);
		m->ending = true;
		pthread_cond_broadcast(&m->wake);
		ended = !pause_for(m, END_MS, &m->ended);
		pthread_mutex_unlock(&m->lock);
		if (!ended) {
			/* It waits for a database that does not answer. */
			(void)pthread_detach(m->thread);
			return;
		}
		(void)pthread_join(m->thread, NULL);
	}
	meters_free(m);
}
