/* The pool: every job once, contexts of their own, turns, limits, the end. */
#include "base/pool.h"

#include <poll.h>
#include <sched.h>
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
	int name;
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
start_like(struct pool_setup setup, struct err *e)
{
	setup.name = "test";
	setup.init = open_context;
	setup.fini = close_context;
	atomic_store(&opened, 0);
	atomic_store(&closed, 0);
	return pool_new(&setup, e);
}

static struct pool *
start(int threads, size_t queue, void *arg, struct err *e)
{
	struct pool_setup setup = {
	    .threads = threads, .queue = queue, .arg = arg};

	return start_like(setup, e);
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

/* Until a thread has taken what is there. */
static void
wait_busy(struct pool *p)
{
	struct pool_stats stats;

	do {
		(void)usleep(1000);
		pool_look(p, &stats);
	} while (stats.busy == 0);
}

static void
every_job_once(bool idle)
{
	static struct work work[JOBS];
	struct pool_setup setup = {.threads = 4, .queue = JOBS, .idle = idle};
	struct pool *p = start_like(setup, NULL);

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

static void
test_every_job_once(void **state)
{
	(void)state;
	every_job_once(false);
	every_job_once(true);
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
	wait_busy(p);
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
	wait_busy(p);
	assert_int_equal(pool_submit(p, &waiting.job), 0);
	atomic_store(&gate, 1);
	pool_free(p);
	assert_int_equal(first.runs, 1);
	assert_int_equal(first.dones + waiting.dones, 0);
	pool_free(NULL);
}

/* ---- whose turn it is ---- */

/*
 * One thread, held until all jobs wait: the order in which they run is the line's.
 * Each case lists owners (upper case: second lane, '.': nobody's) as they come,
 * and as they go.
 */
static const struct order {
	const char *name, *come, *go;
} orders[] = {
    {"one owner, as they came", "aaa", "aaa"},
    {"nobody's are in order with others'", ".a.b", ".a.b"},
    {"owners take turns", "aaaabbc", "abcabaa"},
    {"one who asks for much waits alone", "aaaaaaab", "abaaaaaa"},
    {"nobody's do not wait for one another", "aaa..", "a..aa"},
    {"the first lane goes first", "ABab", "abAB"},
    {"every fourth turn is the others'", "AAAaaaaaaaa", "aaaAaaaAaaA"},
    {"owners take turns in the other lane", "AAAAB", "ABAAA"},
    {"an owner in both lanes is two", "AaAa", "aaAA"},
};

static char ran[64];

static void
run_noting(void *arg, void *ctx)
{
	run(arg, ctx);
	ran[strlen(ran)] = (char)((struct work *)arg)->name;
}

static void
test_order(void **state)
{
	struct work work[32], first;

	(void)state;
	for (size_t c = 0; c < sizeof(orders) / sizeof(orders[0]); c++) {
		struct pool *p = start(1, 32, NULL, NULL);
		atomic_int gate = 0;

		memset(ran, 0, sizeof(ran));
		prepare(&first, &gate);
		assert_int_equal(pool_submit(p, &first.job), 0);
		wait_busy(p);
		for (size_t i = 0; orders[c].come[i] != '\0'; i++) {
			char o = orders[c].come[i];

			prepare(&work[i], NULL);
			work[i].name = o;
			work[i].job.run = run_noting;
			work[i].job.owner = o == '.' ? 0 : (o | 0x20);
			work[i].job.lane = o >= 'A' && o <= 'Z' ? POOL_SECOND :
								  POOL_FIRST;
			assert_int_equal(pool_submit(p, &work[i].job), 0);
		}
		atomic_store(&gate, 1);
		settle(p);
		pool_free(p);
		if (strcmp(ran, orders[c].go) != 0)
			fail_msg("%s: %s", orders[c].name, ran);
	}
}

static int
submit_one(struct pool *p, struct work *w, uint64_t owner, enum pool_lane lane)
{
	prepare(w, NULL);
	w->job.owner = owner;
	w->job.lane = lane;
	return pool_submit(p, &w->job);
}

/* An owner's share and a lane's queue, at the limit and past it. */
static void
test_limits(void **state)
{
	struct pool_setup setup = {.threads = 1, .queue = 6, .share = 2};
	struct work first, w[16];
	atomic_int gate = 0;
	struct pool *p = start_like(setup, NULL);
	struct pool_stats stats;
	int n = 0;

	(void)state;
	prepare(&first, &gate);
	assert_int_equal(pool_submit(p, &first.job), 0);
	wait_busy(p);
	assert_int_equal(submit_one(p, &w[n++], 7, POOL_FIRST), 0);
	assert_int_equal(submit_one(p, &w[n++], 7, POOL_FIRST), 0);
	assert_int_equal(submit_one(p, &w[15], 7, POOL_FIRST), POOL_GREEDY);
	assert_int_equal(submit_one(p, &w[n++], 7, POOL_SECOND), 0);
	assert_int_equal(submit_one(p, &w[n++], 8, POOL_FIRST), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(submit_one(p, &w[n++], 0, POOL_FIRST), 0);
	assert_int_equal(submit_one(p, &w[15], 0, POOL_FIRST), POOL_FULL);
	assert_int_equal(submit_one(p, &w[15], 9, POOL_FIRST), POOL_FULL);
	assert_int_equal(submit_one(p, &w[15], 7, POOL_FIRST), POOL_GREEDY);
	assert_int_equal(submit_one(p, &w[n++], 9, POOL_SECOND), 0);
	pool_look(p, &stats);
	assert_int_equal(stats.busy, 1);
	assert_int_equal(stats.waiting[POOL_FIRST], 6);
	assert_int_equal(stats.waiting[POOL_SECOND], 2);
	atomic_store(&gate, 1);
	settle(p);
	for (int i = 0; i < n; i++)
		assert_int_equal(w[i].runs, 1);
	pool_look(p, &stats);
	assert_int_equal(stats.busy + (int)stats.waiting[POOL_FIRST], 0);
	/* Their share is theirs again. */
	assert_int_equal(submit_one(p, &w[0], 7, POOL_FIRST), 0);
	settle(p);
	pool_free(p);
}

/* Many owners come and go in both lanes; every job runs, once. */
static void
test_crowd(void **state)
{
	static struct work work[JOBS];
	int next = 0, taken = 0, refused = 0;

	(void)state;
	for (int idle = 0; idle < 2; idle++) {
		struct pool_setup setup = {
		    .threads = 3, .queue = 64, .share = 5, .idle = idle == 1};
		struct pool *p = start_like(setup, NULL);

		for (next = taken = 0; next < JOBS;) {
			int r = submit_one(p, &work[next],
			    (uint64_t)(next * 7919 % 23),
			    next % 3 == 0 ? POOL_SECOND : POOL_FIRST);

			if (r == 0) {
				next++;
				taken++;
				continue;
			}
			refused++;
			pool_reap(p);
		}
		settle(p);
		pool_free(p);
		for (int i = 0; i < JOBS; i++)
			assert_int_equal(work[i].runs + work[i].dones, 2);
		assert_int_equal(taken, JOBS);
	}
	assert_true(refused > 0);
}

static void
run_policy(void *arg, void *ctx)
{
	(void)ctx;
	((struct work *)arg)->runs = sched_getscheduler(0);
}

static void
test_idle_threads(void **state)
{
	(void)state;
	for (int idle = 0; idle < 2; idle++) {
		struct pool_setup setup = {
		    .threads = 1, .queue = 4, .idle = idle == 1};
		struct pool *p = start_like(setup, NULL);
		struct work w;

		prepare(&w, NULL);
		w.job.run = run_policy;
		assert_int_equal(pool_submit(p, &w.job), 0);
		settle(p);
		pool_free(p);
		assert_int_equal(w.runs, idle ? SCHED_IDLE : SCHED_OTHER);
	}
	assert_true(pool_spare_threads() >= 1);
}

/* ---- jobs that others end ---- */

#define KEPT 10

static struct pool *keeper;
static struct work *left[KEPT];
static atomic_int n_left;

/* Leaves its job; whoever comes last ends those of all. */
static void
run_kept(void *arg, void *ctx)
{
	struct work *w = arg;
	int n;

	run(arg, ctx);
	pool_keep();
	n = atomic_fetch_add(&n_left, 1);
	left[n] = w;
	if (n < KEPT - 1)
		return;
	for (n = 0; n < KEPT; n++)
		pool_end(keeper, &left[n]->job);
}

static void
test_kept_jobs(void **state)
{
	struct work w[KEPT], plain;
	struct err e;
	int i;

	(void)state;
	keeper = start(1, 100, NULL, &e);
	assert_non_null(keeper);
	for (i = 0; i < KEPT; i++) {
		prepare(&w[i], NULL);
		w[i].job.run = run_kept;
	}
	for (i = 0; i < KEPT - 1; i++)
		assert_int_equal(pool_submit(keeper, &w[i].job), 0);
	/* They hold no thread, and have not ended. */
	prepare(&plain, NULL);
	assert_int_equal(pool_submit(keeper, &plain.job), 0);
	while (plain.dones == 0)
		pool_reap(keeper);
	assert_int_equal(pool_pending(keeper), KEPT - 1);
	for (i = 0; i < KEPT - 1; i++)
		assert_true(w[i].runs == 1 && w[i].dones == 0);
	assert_int_equal(pool_submit(keeper, &w[KEPT - 1].job), 0);
	settle(keeper);
	for (i = 0; i < KEPT; i++)
		assert_true(w[i].runs == 1 && w[i].dones == 1);
	pool_free(keeper);
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
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_crowd),
	    cmocka_unit_test(test_idle_threads),
	    cmocka_unit_test(test_kept_jobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
