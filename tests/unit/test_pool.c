/* The pool: every job once, contexts of their own, the queue's limit, the end. */
#include "base/pool.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define JOBS 2000

struct work {
	struct pool_job job;
	atomic_int *gate; /* waited for, unless NULL */
	void *ctx;
	int runs;
	int dones;
};

static atomic_int opened, closed;
static int contexts[8];

static int
open_context(void *arg, void **out, struct err *e)
{
	int i = atomic_fetch_add(&opened, 1);

	if (arg != NULL && i == *(int *)arg)
		return err_set(e, ERR_UNAVAILABLE, "no context");
	*out = &contexts[i];
	return 0;
}

static void
close_context(void *ctx)
{
	assert_non_null(ctx);
	atomic_fetch_add(&closed, 1);
}

static void
run(void *arg, void *ctx)
{
	struct work *w = arg;

	while (w->gate != NULL && atomic_load(w->gate) == 0)
		(void)usleep(1000);
	w->ctx = ctx;
	w->runs++;
}

static void
done(void *arg)
{
	((struct work *)arg)->dones++;
}

static struct pool *
start(int threads, size_t queue, void *arg, struct err *e)
{
	struct pool_setup setup = {.name = "test",
	    .threads = threads,
	    .queue = queue,
	    .init = open_context,
	    .fini = close_context,
	    .arg = arg};

	atomic_store(&opened, 0);
	atomic_store(&closed, 0);
	return pool_new(&setup, e);
}

static void
prepare(struct work *w, atomic_int *gate)
{
	*w = (struct work){
	    .job = {.run = run, .done = done, .arg = w}, .gate = gate};
}

/* As the loop does: wait for the descriptor, reap, until nothing is pending. */
static void
settle(struct pool *p)
{
	struct pollfd fd = {.fd = pool_fd(p), .events = POLLIN};

	while (pool_pending(p) > 0) {
		assert_int_equal(poll(&fd, 1, 5000), 1);
		pool_reap(p);
	}
}

static void
test_every_job_once(void **state)
{
	static struct work work[JOBS];
	struct pool *p = start(4, JOBS, NULL, NULL);

	(void)state;
	assert_non_null(p);
	for (int i = 0; i < JOBS; i++) {
		prepare(&work[i], NULL);
		assert_int_equal(pool_submit(p, &work[i].job), 0);
	}
	settle(p);
	for (int i = 0; i < JOBS; i++) {
		assert_int_equal(work[i].runs, 1);
		assert_int_equal(work[i].dones, 1);
		assert_non_null(work[i].ctx);
	}
	pool_free(p);
	assert_int_equal(atomic_load(&opened), 4);
	assert_int_equal(atomic_load(&closed), 4);
}

/* One slow job does not hold up the others. */
static void
test_no_waiting_behind_a_slow_one(void **state)
{
	struct work slow, quick[10];
	atomic_int gate = 0;
	struct pool *p = start(2, 100, NULL, NULL);

	(void)state;
	assert_non_null(p);
	prepare(&slow, &gate);
	assert_int_equal(pool_submit(p, &slow.job), 0);
	for (int i = 0; i < 10; i++) {
		prepare(&quick[i], NULL);
		assert_int_equal(pool_submit(p, &quick[i].job), 0);
	}
	while (pool_pending(p) > 1) {
		(void)usleep(1000);
		pool_reap(p);
	}
	assert_int_equal(slow.dones, 0);
	atomic_store(&gate, 1);
	settle(p);
	assert_int_equal(slow.dones, 1);
	pool_free(p);
}

static void
test_queue_limit(void **state)
{
	struct work first, waiting[3], over;
	atomic_int gate = 0;
	struct pool *p = start(1, 3, NULL, NULL);

	(void)state;
	assert_non_null(p);
	prepare(&first, &gate);
	assert_int_equal(pool_submit(p, &first.job), 0);
	(void)usleep(50000); /* the thread has taken it */
	for (int i = 0; i < 3; i++) {
		prepare(&waiting[i], NULL);
		assert_int_equal(pool_submit(p, &waiting[i].job), 0);
	}
	prepare(&over, NULL);
	assert_int_equal(pool_submit(p, &over.job), -1);
	assert_int_equal(pool_pending(p), 4);
	atomic_store(&gate, 1);
	settle(p);
	assert_int_equal(over.runs + over.dones, 0);
	pool_free(p);
}

static void
test_failing_context(void **state)
{
	struct err e;
	int bad = 1;

	(void)state;
	err_clear(&e);
	assert_null(start(3, 10, &bad, &e));
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_string_equal(e.text, "no context");
	assert_int_equal(atomic_load(&closed), 2);
}

static void
test_end_with_waiting_jobs(void **state)
{
	struct work first, waiting;
	atomic_int gate = 0;
	struct pool *p = start(1, 10, NULL, NULL);

	(void)state;
	assert_non_null(p);
	prepare(&first, &gate);
	prepare(&waiting, NULL);
	assert_int_equal(pool_submit(p, &first.job), 0);
	(void)usleep(50000);
	assert_int_equal(pool_submit(p, &waiting.job), 0);
	atomic_store(&gate, 1);
	pool_free(p);
	assert_int_equal(first.runs, 1);
	assert_int_equal(first.dones + waiting.dones, 0);
	pool_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_job_once),
	    cmocka_unit_test(test_no_waiting_behind_a_slow_one),
	    cmocka_unit_test(test_queue_limit),
	    cmocka_unit_test(test_failing_context),
	    cmocka_unit_test(test_end_with_waiting_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
