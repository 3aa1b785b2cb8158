/*
 * link_wait.c: how long a link may wait for its client, and the end of all of them. Only who
 * is due is looked at, however many wait.
 */
#include "intake/link.h"

#include "base/clock.h"
#include "base/limits.h"

#define SECOND_MS 1000
#define LAST_MS   1000 /* that the last replies have to be read, when we stop */

static const int64_t patience[LINES] = {
    [LINE_PROXY] = LIMIT_PROXY_SECONDS * SECOND_MS,
    [LINE_SHAKE] = LIMIT_SMTP_SHAKE_SECONDS * SECOND_MS,
    [LINE_TALK] = SECOND_MS,
    [LINE_REST] = LIMIT_SMTP_IDLE_SECONDS * SECOND_MS,
};

void
link_wait_not(struct link *l)
{
	if (l->line != NULL)
		TAILQ_REMOVE(l->line, l, waiting);
	l->line = NULL;
}

void
link_wait(struct link *l, enum link_line line)
{
	link_wait_not(l);
	l->since = clock_mono_ms();
	l->line = &l->f->line[line];
	TAILQ_INSERT_TAIL(l->line, l, waiting);
}

static void
cut(struct link *l)
{
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
	l->f->close(l->socket);
}

/* Its time is over. l may be gone. */
static void
due(struct link *l, enum link_line line)
{
	int64_t since = l->since;

	switch (line) {
	case LINE_PROXY:
	case LINE_SHAKE:
		cut(l);
		break;
	case LINE_TALK:
		io_rest(&l->io);
		link_wait(l, LINE_REST);
		l->since = since;
		break;
	case LINE_REST:
		if (l->over || link_unsent(l)) {
			cut(l);
			break;
		}
		link_bye(l, "idle for too long");
		link_run(l);
		break;
	case LINES:
		break;
	}
}

static void
look(struct link_front *f, enum link_line line, int64_t now)
{
	struct link *l;

	while ((l = TAILQ_FIRST(&f->line[line])) != NULL &&
	    now - l->since >= patience[line])
		due(l, line);
}

static void
look_at_held(struct link_front *f, int64_t now)
{
	struct link *l, *next;

	for (l = TAILQ_FIRST(&f->held); l != NULL; l = next) {
		next = TAILQ_NEXT(l, waiting);
		if (now >= l->since) {
			link_wait_not(l);
			link_resume(l);
		}
	}
}

void
link_greet(struct link_front *f)
{
	const int64_t now = clock_mono_ms();
	struct link *l;

	while ((l = TAILQ_FIRST(&f->greet)) != NULL && now >= l->since) {
		link_wait_not(l);
		link_run(l);
	}
	if (l != NULL)
		f->soon();
}

/* Is it within a message, and slower than a minimum? */
static bool
too_slow(struct link *l, int64_t now)
{
	size_t came = l->came;

	if (l->at != LINK_TALK || !smtp_session_busy(l->session)) {
		l->window = 0;
		return false;
	}
	if (l->window != 0 && now - l->window < LIMIT_RATE_WINDOW * SECOND_MS)
		return false;
	l->came = 0;
	if (l->window == 0)
		came = SIZE_MAX;
	l->window = now;
	return came < LIMIT_RATE_MIN * LIMIT_RATE_WINDOW;
}

/* Where memory for mail gets scarce, it is not for those who take their time. */
static void
look_at_slow(struct link_front *f, int64_t now)
{
	size_t used = atomic_load_explicit(
	    &f->budget->used, memory_order_relaxed);
	bool anew = now - f->looked > 2 * SECOND_MS;
	struct link *l, *next;

	if (now - f->looked < SECOND_MS || used < f->budget->limit / 2)
		return;
	f->looked = now;
	for (l = TAILQ_FIRST(&f->all); l != NULL; l = next) {
		next = TAILQ_NEXT(l, all);
		if (anew)
			l->window = 0;
		if (!too_slow(l, now))
			continue;
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
		link_bye(l, "too slow");
		link_run(l);
	}
}

/* ---- the end ---- */

/* Has it nothing of a message yet, or no time left for it? l may be gone. */
static void
let_go(struct link *l, bool late)
{
	switch (l->at) {
	case LINK_NEW:
		if (link_open(l, l->addr) == -1 || l->door == METRIC_SMTPS) {
			l->f->close(l->socket);
			return;
		}
		break;
	case LINK_PROXY:
	case LINK_SHAKE:
		l->f->close(l->socket);
		return;
	case LINK_GREET:
		break;
	case LINK_TALK:
	case LINK_HELD:
		if (l->over || (smtp_session_busy(l->session) && !late))
			return;
		break;
	case LINK_JOB:
	case LINK_LAST:
		return;
	}
	link_bye(l, "shutting down");
	link_run(l);
}

static void
let_all_go(struct link_front *f, bool late)
{
	struct link *l, *next;

	for (l = TAILQ_FIRST(&f->all); l != NULL; l = next) {
		next = TAILQ_NEXT(l, all);
		let_go(l, late);
	}
}

void
link_drain(struct link_front *f)
{
	f->draining = true;
	f->stop = clock_mono_ms() + LIMIT_SMTP_DRAIN_SECONDS * SECOND_MS;
	let_all_go(f, false);
}

bool
link_busy(const struct link_front *f)
{
	int64_t now = clock_mono_ms();
	const struct link *l;

	for (l = TAILQ_FIRST(&f->all); l != NULL; l = TAILQ_NEXT(l, all)) {
		if (l->at != LINK_LAST || now - l->since < LAST_MS)
			return true;
	}
	return pool_pending(f->pool) > 0;
}

void
link_tick(struct link_front *f)
{
	int64_t now = clock_mono_ms();

	for (int i = 0; i < LINES; i++)
		look(f, (enum link_line)i, now);
	look_at_held(f, now);
	look_at_slow(f, now);
	if (f->draining && now >= f->stop)
		let_all_go(f, true);
}
