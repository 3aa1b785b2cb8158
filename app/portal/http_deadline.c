/*
 * http_deadline.c: how long each state may last, and what a client must get done in it. One
 * look a second at every connection.
 */
#include "portal/http_conn.h"

#include "base/clock.h"
#include "base/limits.h"
#include "portal/http_log.h"
#include "portal/portal.h"

#define SECOND_MS   1000
#define DRAIN_FIRST 2000 /* ms a new connection has to ask, when we stop */

/* Does the client keep the minimum rate, over each window of waiting for it? */
static bool
too_slow(struct conn *k, uint64_t progress)
{
	bool slow;

	k->slow += SECOND_MS;
	if (k->slow < LIMIT_RATE_WINDOW * SECOND_MS)
		return false;
	slow = progress - k->mark < LIMIT_RATE_MIN * LIMIT_RATE_WINDOW;
	k->slow = 0;
	k->mark = progress;
	return slow;
}

static uint64_t
arrived(const struct conn *k)
{
	uint64_t open = io_open(&k->io);

	return open < k->sent ? k->sent - open : 0;
}

static void
cut(struct conn *k)
{
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
	if (k->x != NULL)
		k->x->remark = "slow";
	conn_disconnect(k);
}

static void
check_head(struct conn *k, int64_t waited)
{
	if (k->idle && !k->rested && waited >= SECOND_MS) {
		k->rested = true;
		io_rest(&k->io);
	}
	if (k->in_len > 0) {
		if (waited < LIMIT_HEAD_SECONDS * SECOND_MS)
			return;
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
		if (conn_begin(k, NULL, 408) == -1)
			conn_disconnect(k);
		else
			conn_run(k);
	} else if (!k->asked) {
		if (waited >= (k->f->draining ? DRAIN_FIRST :
						LIMIT_HEAD_SECONDS * SECOND_MS))
			conn_disconnect(k);
	} else if (waited >= LIMIT_IDLE_SECONDS * SECOND_MS) {
		/* The last answer may still be on its way. */
		if (io_open(&k->io) > 0 && !too_slow(k, arrived(k)))
			return;
		conn_disconnect(k);
	}
}

static void
check_body(struct conn *k)
{
	struct exchange *x = k->x;

	if (k->at == CONN_SINK && x->full)
		return; /* we are the slow ones */
	if (!too_slow(k, x->in))
		return;
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
	x->remark = "slow";
	if (k->at == CONN_SINK) {
		conn_state(k, CONN_WAIT);
		exchange_stop(x);
		return;
	}
	conn_refuse_and_close(k, 408);
	conn_run(k);
}

static void
check(struct conn *k, int64_t now)
{
	int64_t waited = now - k->since;

	switch (k->at) {
	case CONN_SHAKE:
		if (waited >= (k->f->draining ?
				      DRAIN_FIRST :
				      LIMIT_SHAKE_SECONDS * SECOND_MS))
			cut(k);
		break;
	case CONN_HEAD:
		check_head(k, waited);
		break;
	case CONN_BODY:
	case CONN_SINK:
		check_body(k);
		break;
	case CONN_REPLY:
	case CONN_ACK:
		if ((conn_unsent(k) || k->at == CONN_ACK ||
			io_open(&k->io) > 0) &&
		    too_slow(k, arrived(k)))
			cut(k);
		break;
	case CONN_WAIT:
	case CONN_LAST:
		break;
	}
}

void
conn_tick(struct conn_front *f)
{
	int64_t now = clock_mono_ms();
	bool second = now - f->second >= SECOND_MS;
	struct conn *k, *next;

	exchange_retry(&f->exchanges);
	http_log_flush();
	if (second)
		f->second = now;
	for (k = TAILQ_FIRST(&f->all); k != NULL; k = next) {
		next = TAILQ_NEXT(k, all);
		if (k->at == CONN_ACK)
			conn_run(k);
		else if (second)
			check(k, now);
	}
}

void
conn_shed(struct conn_front *f)
{
	struct conn *k = TAILQ_FIRST(&f->idle[0]);

	if (k == NULL)
		k = TAILQ_FIRST(&f->idle[1]);
	if (k != NULL)
		conn_disconnect(k);
}

void
conn_drain(struct conn_front *f)
{
	struct conn *k, *next;
	int64_t now = clock_mono_ms();

	f->draining = true;
	portal_drain(f->exchanges.portal);
	for (k = TAILQ_FIRST(&f->all); k != NULL; k = next) {
		next = TAILQ_NEXT(k, all);
		if (k->at == CONN_HEAD && k->asked && k->in_len == 0)
			conn_linger(k);
		else if (!k->asked)
			k->since = now;
	}
}

bool
conn_busy(const struct conn_front *f)
{
	const struct conn *k;

	if (f->exchanges.live > 0)
		return true;
	for (k = TAILQ_FIRST(&f->all); k != NULL; k = TAILQ_NEXT(k, all)) {
		if (k->at != CONN_LAST)
			return true;
	}
	return false;
}
