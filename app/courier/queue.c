/*
 * Lanes and their end.
 */
#include "courier/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "courier/deliver.h"
#include "store/upload.h"

#define PAUSE_MIN  250 /* ms, after a fault; doubles */
#define PAUSE_MAX  5000
#define SWEEP_MS   (60 * 60 * 1000)
#define UPLOADS_MS (60 * 1000)
#define TURN_SWEEPS \
	8 /* of LIMIT_UPLOAD_SWEEP rows; then mails have their turn */
#define FORWARD_LANES 2  /* their servers may hang */
#define NICE          10 /* of a thread that sends no codes */
#define GATHER_MS \
	50 /* from one look to the next: what comes together leaves together */

/* Where lanes of a kind get their mails: one at a time looks and waits for the bell. */
struct source {
	pthread_mutex_t lock;
	struct db *db;
	/* not before this, unless there was more than could be taken */
	int64_t look_ms;
	/*
	 * The next look is soon, though nothing was there: the bell that was heard is not
	 * rung again for what is committed right after it (desk/commit.c).
	 */
	bool again;
};

struct worker {
	struct lane lane;
	struct source *from;
	pthread_t thread;
	int stop;           /* readable once all shall end */
	bool sweeps;        /* one does, and not the codes' */
	int64_t swept_ms;   /* when last; 0: not yet */
	int64_t uploads_ms; /* ended ones are not looked for before this */
};

static bool
stopping(const struct worker *w, int wait_ms)
{
	struct pollfd p = {.fd = w->stop, .events = POLLIN};

	return poll(&p, 1, wait_ms) == 1;
}

/* While the database is away, the same fault is told once. */
static void
tell(const struct err *e, enum err_code *told)
{
	if (e->code != *told)
		log_err(NULL, "queue not read", e);
	*told = e->code;
}

/* Some rows a turn: what is mailed is not to wait long for them. */
static void
sweep_uploads(struct worker *w)
{
	const int64_t now = clock_mono_ms();
	uint32_t gone = LIMIT_UPLOAD_SWEEP;
	struct err e;
	int i;

	if (!w->sweeps || now < w->uploads_ms)
		return;
	for (i = 0; i < TURN_SWEEPS && gone == LIMIT_UPLOAD_SWEEP; i++)
		if (upload_sweep(w->lane.db, LIMIT_UPLOAD_SWEEP, &gone, &e) ==
		    -1) {
			log_err(NULL, "uploads are not swept", &e);
			gone = 0;
		}
	if (gone < LIMIT_UPLOAD_SWEEP)
		w->uploads_ms = now + UPLOADS_MS;
}

/* What failed is left to the next hour: nothing waits for it. */
static void
sweep(struct worker *w)
{
	int64_t now = clock_mono_ms();
	struct err e;

	sweep_uploads(w);
	if (!w->sweeps || (w->swept_ms != 0 && now - w->swept_ms < SWEEP_MS))
		return;
	w->swept_ms = now;
	if (db_sweep(w->lane.db, &e) == -1)
		log_err(NULL, "what has ended is not swept", &e);
}

/* Rows for this lane, whose turn it is; none when the wait for the bell is over. */
static int
fetch(struct worker *w, struct err *e)
{
	struct source *q = w->from;
	int64_t now = clock_mono_ms();

	if (q->look_ms > now && stopping(w, (int)(q->look_ms - now)))
		return 0;
	if (lane_take(&w->lane, q->db, e) == -1)
		return -1;
	if (!w->lane.codes && !w->lane.forwards && w->lane.n < w->lane.batch)
		q->look_ms = clock_mono_ms() + GATHER_MS;
	if (w->lane.n > 0) {
		q->again = false;
		return 0;
	}
	q->again = !q->again && !w->lane.codes;
	return db_wait_courier(q->db, w->lane.codes, w->stop,
	    q->again ? GATHER_MS : QUEUE_POLL_MS, e);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	enum err_code told = ERR_NONE;
	int pause = PAUSE_MIN;
	struct err e;
	int r;

	/* What is being accepted and read goes before what tells of it; codes wait for none. */
	if (!w->lane.codes)
		(void)setpriority(PRIO_PROCESS, 0, NICE);
	while (!stopping(w, 0)) {
		pthread_mutex_lock(&w->from->lock);
		r = stopping(w, 0) ? 0 : fetch(w, &e);
		pthread_mutex_unlock(&w->from->lock);
		if (r == -1) {
			tell(&e, &told);
			(void)stopping(w, pause);
			pause = pause < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
			continue;
		}
		told = ERR_NONE;
		pause = PAUSE_MIN;
		if (w->lane.n > 0)
			lane_work(&w->lane);
		sweep(w);
	}
	return NULL;
}

static void
wait_for_signal(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	while (sigwait(&set, &sig) != 0)
		continue;
}

static void
drain(struct worker *w, size_t n, int stop)
{
	struct timespec until;

	if (eventfd_write(stop, 1) == -1)
		log_line(LOG_LEVEL_ERROR, NULL, "lanes not told to end", NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += QUEUE_DRAIN_MS / 1000;
	for (size_t i = 0; i < n; i++) {
		if (pthread_timedjoin_np(w[i].thread, NULL, &until) == 0)
			continue;
		/* What it was sending is tried again when its lease ends. */
		log_line(LOG_LEVEL_WARN, NULL,
		    "ended in the middle of a session", NULL);
		_exit(EXIT_SUCCESS);
	}
}

static int
source_open(struct source *q, const struct settings *s, struct err *e)
{
	pthread_mutex_init(&q->lock, NULL);
	q->db = db_open(s->db);
	return q->db ? 0 : err_set(e, ERR_INTERNAL, "memory");
}

static void
source_close(struct source *q)
{
	db_close(q->db);
	pthread_mutex_destroy(&q->lock);
}

static int
start(struct worker *w, const struct settings *s, const struct view *view,
    enum lane_kind kind, int stop, struct err *e)
{
	int why;

	w->stop = stop;
	if (lane_open(&w->lane, s, view, kind, e) == -1)
		return -1;
	why = pthread_create(&w->thread, NULL, work, w);
	return why ? err_set(e, ERR_INTERNAL, "thread: %s", strerror(why)) : 0;
}

int
queue_run(const struct settings *s, const struct view *view, struct err *e)
{
	const size_t mails = 1 + (size_t)(s->threads > 1 ? s->threads - 1 : 1);
	const size_t lanes = mails + FORWARD_LANES;
	struct worker *w = calloc(lanes, sizeof(*w));
	struct source codes = {0}, rest = {0}, forwards = {0};
	int stop = eventfd(0, EFD_CLOEXEC);
	size_t n = 0;
	int r = 0;

	if (w == NULL || stop == -1)
		r = err_set(e, ERR_INTERNAL, "%s", strerror(errno));
	else
		w[1].sweeps = true;
	if (source_open(&codes, s, e) == -1 || source_open(&rest, s, e) == -1 ||
	    source_open(&forwards, s, e) == -1)
		r = -1;
	while (r == 0 && n < lanes) {
		w[n].from = n == 0 ? &codes : n < mails ? &rest : &forwards;
		r = start(&w[n], s, view,
		    n == 0        ? LANE_CODES :
			n < mails ? LANE_REST :
				    LANE_FORWARDS,
		    stop, e);
		if (r == 0)
			n++;
	}
	if (r == 0) {
		log_line(LOG_LEVEL_INFO, NULL, "started", "lanes=%zu", lanes);
		wait_for_signal();
	}
	drain(w, n, stop);
	for (size_t i = 0; w != NULL && i < n + (n < lanes); i++)
		lane_close(&w[i].lane);
	source_close(&codes);
	source_close(&rest);
	source_close(&forwards);
	if (stop != -1)
		close(stop);
	free(w);
	return r;
}
