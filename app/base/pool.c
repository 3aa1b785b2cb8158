/*
 * pool.c: jobs in line before the threads, a stack of ended jobs behind them, and an
 * eventfd to wake the loop. Common threads take from the line themselves, under a lock.
 * Idle threads are given one job each by the loop, which alone sees the line, over
 * what needs no lock: whoever held one might not run for seconds.
 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/turns.h"

struct worker {
	struct pool *pool;
	pthread_t thread;
	sem_t word; /* that there may be a job, or the end */
	/* Of an idle pool: the job it was given. */
	_Atomic(struct pool_job *) given;
	struct worker *below; /* it went to sleep before this one */
};

struct pool {
	struct pool_setup setup;
	unsigned label; /* of its metrics */
	struct worker *worker;
	int started;                      /* threads that exist */
	int fd;                           /* eventfd */
	size_t pending;                   /* the loop's own count */
	_Atomic(struct pool_job *) ended; /* the newest first */
	atomic_bool stop;
	atomic_int busy;
	atomic_size_t waiting[POOL_LANES]; /* to look at; turns knows */

	struct turns *turns;   /* an idle pool's: the loop's; else locked */
	pthread_mutex_t lock;  /* of turns, and of all below */
	struct worker *asleep; /* the last one that found nothing to do */
	pthread_cond_t ready;  /* a thread has its context, or failed */
	int inits;             /* threads that tried their context */
	int failed;
	struct err failure; /* of the first that failed */
};

int
pool_spare_threads(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return 1;
	return CPU_COUNT(&set) > 1 ? CPU_COUNT(&set) - 1 : 1;
}

/* ---- the line ---- */

/* The length of a lane, for those who look without a lock. */
static void
show_waiting(struct pool *p, enum pool_lane lane)
{
	size_t n = turns_waiting(p->turns, lane);

	atomic_store_explicit(&p->waiting[lane], n, memory_order_relaxed);
	metrics_set(METRIC_POOL_WAITING, p->label, lane, (int64_t)n);
}

static struct pool_job *
take(struct pool *p)
{
	struct pool_job *job = turns_take(p->turns);

	if (job != NULL)
		show_waiting(p, job->lane);
	return job;
}

static int
add(struct pool *p, struct pool_job *job)
{
	int ret = turns_add(p->turns, job);

	if (ret == 0)
		show_waiting(p, job->lane);
	else
		metrics_add(METRIC_POOL_REFUSED, p->label,
		    ret == POOL_FULL ? METRIC_QUEUE_FULL : METRIC_QUEUE_GREEDY,
		    1);
	return ret;
}

static void
sleep_on(struct worker *w)
{
	while (sem_wait(&w->word) == -1 && errno == EINTR)
		continue;
}

/*
 * The next job to run; NULL when the pool ends. Who slept last is woken first: its memory
 * and its connections' are still at hand.
 */
static struct pool_job *
wait_in_line(struct worker *w)
{
	struct pool *p = w->pool;
	struct pool_job *job = NULL;

	(void)pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop) && (job = take(p)) == NULL) {
		w->below = p->asleep;
		p->asleep = w;
		(void)pthread_mutex_unlock(&p->lock);
		sleep_on(w);
		(void)pthread_mutex_lock(&p->lock);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return job;
}

/* The lock is held. */
static void
wake_one(struct pool *p)
{
	struct worker *w = p->asleep;

	if (w == NULL)
		return;
	p->asleep = w->below;
	(void)sem_post(&w->word);
}

/* The same of an idle thread. */
static struct pool_job *
wait_for_gift(struct worker *w)
{
	sleep_on(w);
	return atomic_load(&w->pool->stop) ? NULL : atomic_load(&w->given);
}

/* On the loop: jobs to the idle threads that have none. */
static void
hand_out(struct pool *p)
{
	struct pool_job *job;

	for (int i = 0; i < p->started; i++) {
		struct worker *w = &p->worker[i];

		if (atomic_load(&w->given) != NULL)
			continue;
		if ((job = take(p)) == NULL)
			return;
		atomic_store(&w->given, job);
		(void)sem_post(&w->word);
	}
}

/* ---- a thread ---- */

static void
wake_loop(struct pool *p)
{
	uint64_t one = 1;
	ssize_t n;

	/* Never full before 2^64 - 2 unread wakes; nothing else can fail. */
	do {
		n = write(p->fd, &one, sizeof(one));
	} while (n == -1 && errno == EINTR);
}

/*
 * Whoever puts the first one there wakes the loop, which takes them all; unless he may
 * be stopped between the two.
 */
static void
put_ended(struct pool *p, struct pool_job *job)
{
	struct pool_job *first = atomic_load(&p->ended);

	do {
		job->next = first;
	} while (!atomic_compare_exchange_weak(&p->ended, &first, job));
	if (first == NULL || p->setup.idle)
		wake_loop(p);
}

/* The job this thread runs will be ended by somebody else. */
static _Thread_local bool kept;

void
pool_keep(void)
{
	kept = true;
}

void
pool_end(struct pool *p, struct pool_job *job)
{
	put_ended(p, job);
}

static int
thread_init(struct pool *p, void **ctx)
{
	const struct sched_param zero = {0};
	struct err e;
	int ret = 0;

	err_clear(&e);
	if (p->setup.idle && sched_setscheduler(0, SCHED_IDLE, &zero) == -1)
		ret = err_set(&e, ERR_INTERNAL, "pool %s: no idle threads",
		    p->setup.name);
	else if (p->setup.init != NULL)
		ret = p->setup.init(p->setup.arg, ctx, &e);
	(void)pthread_mutex_lock(&p->lock);
	p->inits++;
	if (ret == -1 && p->failed++ == 0)
		p->failure = e;
	(void)pthread_cond_signal(&p->ready);
	(void)pthread_mutex_unlock(&p->lock);
	return ret;
}

static void
run(struct pool *p, struct pool_job *job, void *ctx)
{
	metrics_observe(METRIC_POOL_WAIT, p->label, job->lane,
	    clock_mono_us() - job->since);
	metrics_add(METRIC_POOL_BUSY, p->label, 0, 1);
	(void)atomic_fetch_add(&p->busy, 1);
	job->run(job->arg, ctx);
	(void)atomic_fetch_sub(&p->busy, 1);
	metrics_add(METRIC_POOL_BUSY, p->label, 0, -1);
}

static void *
thread_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct pool_job *job;
	void *ctx = NULL;

	(void)pthread_setname_np(pthread_self(), p->setup.name);
	if (thread_init(p, &ctx) == -1)
		return NULL;
	while ((job = p->setup.idle ? wait_for_gift(w) : wait_in_line(w)) !=
	    NULL) {
		kept = false;
		run(p, job, ctx);
		/* Free for another before the loop hears of it. */
		atomic_store(&w->given, NULL);
		if (!kept)
			put_ended(p, job);
	}
	if (p->setup.fini != NULL)
		p->setup.fini(ctx);
	return NULL;
}

/* ---- start ---- */

/* Signals are the loop's: the threads are born with all of them blocked. */
static int
start_threads(struct pool *p)
{
	sigset_t all, before;
	int error = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	while (p->started < p->setup.threads && error == 0) {
		struct worker *w = &p->worker[p->started];

		w->pool = p;
		(void)sem_init(&w->word, 0, 0);
		error = pthread_create(&w->thread, NULL, thread_main, w);
		if (error == 0)
			p->started++;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? 0 : -1;
}

static int
wait_for_threads(struct pool *p, struct err *e)
{
	int ret = 0;

	(void)pthread_mutex_lock(&p->lock);
	while (p->inits < p->started)
		(void)pthread_cond_wait(&p->ready, &p->lock);
	if (p->failed > 0) {
		if (e != NULL)
			*e = p->failure;
		ret = -1;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return ret;
}

struct pool *
pool_new(const struct pool_setup *setup, struct err *e)
{
	struct pool *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		err_set(e, ERR_UNAVAILABLE, "no memory for a pool");
		return NULL;
	}
	p->setup = *setup;
	p->label = metrics_pool(setup->name);
	metrics_set(METRIC_POOL_THREADS, p->label, 0, setup->threads);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->ready, NULL);
	p->turns = turns_new(setup->queue, setup->share);
	p->worker = calloc((size_t)setup->threads, sizeof(*p->worker));
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->turns == NULL || p->worker == NULL || p->fd == -1 ||
	    start_threads(p) == -1) {
		err_set(
		    e, ERR_UNAVAILABLE, "pool %s does not start", setup->name);
		pool_free(p);
		return NULL;
	}
	if (wait_for_threads(p, e) == -1) {
		pool_free(p);
		return NULL;
	}
	return p;
}

int
pool_fd(const struct pool *p)
{
	return p->fd;
}

/* ---- on the loop ---- */

int
pool_submit(struct pool *p, struct pool_job *job)
{
	int ret;

	job->since = clock_mono_us();
	if (p->setup.idle) {
		if ((ret = add(p, job)) == 0)
			hand_out(p);
	} else {
		(void)pthread_mutex_lock(&p->lock);
		if ((ret = add(p, job)) == 0)
			wake_one(p);
		(void)pthread_mutex_unlock(&p->lock);
	}
	if (ret == 0)
		p->pending++;
	return ret;
}

/* All that have ended, the oldest first. */
static struct pool_job *
take_ended(struct pool *p)
{
	struct pool_job *job = atomic_exchange(&p->ended, NULL);
	struct pool_job *list = NULL, *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->next = list;
		list = job;
	}
	return list;
}

void
pool_reap(struct pool *p)
{
	struct pool_job *job, *next;
	uint64_t count;

	while (read(p->fd, &count, sizeof(count)) == -1 && errno == EINTR)
		continue;
	job = take_ended(p);
	if (p->setup.idle)
		hand_out(p);
	for (; job != NULL; job = next) {
		next = job->next; /* done() may free the job */
		p->pending--;
		job->done(job->arg);
	}
}

size_t
pool_pending(const struct pool *p)
{
	return p->pending;
}

void
pool_look(const struct pool *p, struct pool_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->name = p->setup.name;
	out->threads = p->setup.threads;
	out->busy = atomic_load(&p->busy);
	for (int i = 0; i < POOL_LANES; i++)
		out->waiting[i] = atomic_load_explicit(
		    &p->waiting[i], memory_order_relaxed);
	out->queue = p->setup.queue;
}

/* ---- the end ---- */

static void
stop_threads(struct pool *p)
{
	(void)pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	(void)pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->started; i++)
		(void)sem_post(&p->worker[i].word);
	for (int i = 0; i < p->started; i++) {
		(void)pthread_join(p->worker[i].thread, NULL);
		(void)sem_destroy(&p->worker[i].word);
	}
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	stop_threads(p);
	(void)pthread_cond_destroy(&p->ready);
	(void)pthread_mutex_destroy(&p->lock);
	if (p->fd != -1)
		(void)close(p->fd);
	turns_free(p->turns);
	free(p->worker);
	free(p);
}
