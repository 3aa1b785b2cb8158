/*
 * pool.c: one queue of jobs before the threads, one list of ended jobs behind
 * them, one lock for both, and an eventfd to wake the loop.
 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct job_list {
	struct pool_job *first;
	struct pool_job **tail;
};

struct pool {
	struct pool_setup setup;
	pthread_t *threads;
	int started;    /* threads that exist */
	int fd;         /* eventfd */
	size_t pending; /* the loop's own count */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work;  /* a job waits, or the end has come */
	pthread_cond_t ready; /* a thread has its context, or failed */
	struct job_list queue;
	size_t queued;
	struct job_list ended;
	bool stop;
	int inits; /* threads that tried their context */
	int failed;
	struct err failure; /* of the first that failed */
};

static void
list_init(struct job_list *l)
{
	l->first = NULL;
	l->tail = &l->first;
}

static void
list_add(struct job_list *l, struct pool_job *job)
{
	job->next = NULL;
	*l->tail = job;
	l->tail = &job->next;
}

static struct pool_job *
list_take(struct job_list *l)
{
	struct pool_job *job = l->first;

	if (job != NULL && (l->first = job->next) == NULL)
		l->tail = &l->first;
	return job;
}

/* The next job to run; NULL when the pool ends. Called with the lock held. */
static struct pool_job *
wait_for_job(struct pool *p)
{
	struct pool_job *job;

	while (!p->stop && p->queue.first == NULL)
		(void)pthread_cond_wait(&p->work, &p->lock);
	if (p->stop)
		return NULL;
	job = list_take(&p->queue);
	p->queued--;
	return job;
}

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

static int
thread_init(struct pool *p, void **ctx)
{
	struct err e;
	int ret = 0;

	err_clear(&e);
	if (p->setup.init != NULL)
		ret = p->setup.init(p->setup.arg, ctx, &e);
	(void)pthread_mutex_lock(&p->lock);
	p->inits++;
	if (ret == -1 && p->failed++ == 0)
		p->failure = e;
	(void)pthread_cond_signal(&p->ready);
	(void)pthread_mutex_unlock(&p->lock);
	return ret;
}

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	struct pool_job *job;
	void *ctx = NULL;

	(void)pthread_setname_np(pthread_self(), p->setup.name);
	if (thread_init(p, &ctx) == -1)
		return NULL;

	(void)pthread_mutex_lock(&p->lock);
	while ((job = wait_for_job(p)) != NULL) {
		(void)pthread_mutex_unlock(&p->lock);
		job->run(job->arg, ctx);
		(void)pthread_mutex_lock(&p->lock);
		list_add(&p->ended, job);
		wake_loop(p);
	}
	(void)pthread_mutex_unlock(&p->lock);

	if (p->setup.fini != NULL)
		p->setup.fini(ctx);
	return NULL;
}

/* Signals are the loop's: the threads are born with all of them blocked. */
static int
start_threads(struct pool *p)
{
	sigset_t all, before;
	int error = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	while (p->started < p->setup.threads && error == 0) {
		error = pthread_create(
		    &p->threads[p->started], NULL, thread_main, p);
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
	list_init(&p->queue);
	list_init(&p->ended);
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->work, NULL);
	(void)pthread_cond_init(&p->ready, NULL);
	p->threads = calloc((size_t)setup->threads, sizeof(*p->threads));
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->threads == NULL || p->fd == -1 || start_threads(p) == -1) {
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

int
pool_submit(struct pool *p, struct pool_job *job)
{
	bool full;

	(void)pthread_mutex_lock(&p->lock);
	full = p->queued >= p->setup.queue;
	if (!full) {
		list_add(&p->queue, job);
		p->queued++;
		(void)pthread_cond_signal(&p->work);
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (full)
		return -1;
	p->pending++;
	return 0;
}

void
pool_reap(struct pool *p)
{
	struct pool_job *job, *next;
	uint64_t count;

	while (read(p->fd, &count, sizeof(count)) == -1 && errno == EINTR)
		continue;

	(void)pthread_mutex_lock(&p->lock);
	job = p->ended.first;
	list_init(&p->ended);
	(void)pthread_mutex_unlock(&p->lock);

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
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void)pthread_cond_broadcast(&p->work);
	(void)pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->started; i++)
		(void)pthread_join(p->threads[i], NULL);
	(void)pthread_cond_destroy(&p->ready);
	(void)pthread_cond_destroy(&p->work);
	(void)pthread_mutex_destroy(&p->lock);
	if (p->fd != -1)
		(void)close(p->fd);
	free(p->threads);
	free(p);
}
