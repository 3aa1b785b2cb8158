/*
 * kore_intake.c: intake's edge to Kore, which accepts, wakes and closes. What happens on a
 * connection in between is link.c's, the protocol smtp_session.c's, the use cases desk's.
 */
#include "base/front.h"

#include <kore/kore.h>

#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "desk/desk.h"
#include "intake/backend.h"
#include "intake/link.h"

#define TICK_MS 100
#define SPARE   100 /* connections that are never lingered on */
#define MIB     ((size_t)1024 * 1024)

static const struct settings *settings;
static struct desk_shared *shared;
static struct budget budget;
static struct link_front self;

void intake_connect(struct connection *c);

/* ---- what Kore tells ---- */

static void
on_disconnect(struct connection *c)
{
	struct link *l = c->hdlr_extra;

	c->hdlr_extra = NULL; /* Kore would free it */
	if (l == NULL)
		return;
	/* Its thread may have the socket still: else the kernel would go on to tell of it. */
	if (l->at == LINK_JOB && self.pool != NULL)
		kore_platform_disable_read(c->fd);
	link_gone(l);
}

static int
on_event(struct connection *c)
{
	struct link *l = c->hdlr_extra;

	if (l == NULL || c->state == CONN_STATE_DISCONNECTING)
		return KORE_RESULT_OK;
	l->io.readable |= (c->evt.flags & KORE_EVENT_READ) != 0;
	l->io.writable |= (c->evt.flags & KORE_EVENT_WRITE) != 0;
	l->io.ended |= (c->evt.flags & KORE_EVENT_END) != 0;
	c->evt.flags = 0;
	link_run(l);
	return KORE_RESULT_OK;
}

/* Who would have to shake hands first is not told why. */
static void
turn_away(struct connection *c, enum metric_door door)
{
	static const char text[] = "421 4.3.2 Too many connections\r\n";

	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_ALL, 0, 1);
	if (door == METRIC_SMTPS) {
		kore_connection_disconnect(c);
		return;
	}
	/* A socket that is new takes so little. */
	(void)!send(c->fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
	/* At its last connection Kore would ask the kernel for the next all the time. */
	if (worker_active_connections + SPARE < worker_max_connections)
		kore_connection_linger(c);
	else
		kore_connection_disconnect(c);
}

/*
 * The callback of both listeners in intake.conf, at accept(): a server whose name begins
 * with tls- speaks TLS from the first byte.
 */
void
intake_connect(struct connection *c)
{
	bool tls = strncmp(c->owner->server->name, "tls-", 4) == 0;
	enum metric_door door = tls ? METRIC_SMTPS : METRIC_SMTP;
	struct link *l = NULL;

	if (self.count < LIMIT_SMTP_SESSIONS)
		l = link_new(
		    &self, door, c->fd, (struct sockaddr *)&c->addr, c);
	if (l == NULL) {
		turn_away(c, door);
		return;
	}
	c->hdlr_extra = l;
	c->handle = on_event;
	c->disconnect = on_disconnect;
	c->idle_timer.length = UINT64_MAX; /* deadlines are ours */
}

/* ---- start and end ---- */

static void
tick(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	link_tick(&self);
	metrics_set(METRIC_MAIL_MEMORY, 0, 0,
	    (int64_t)atomic_load_explicit(&budget.used, memory_order_relaxed));
}

static bool soon; /* the timer for those who wait to be greeted runs */

static void
greet(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	soon = false;
	link_greet(&self);
}

static void
greet_soon(void)
{
	if (soon)
		return;
	soon = true;
	(void)kore_timer_add(
	    greet, LIMIT_SMTP_GREET_MS, NULL, KORE_TIMER_ONESHOT);
}

static int
thread_open(void *arg, void **ctx_out, struct err *e)
{
	(void)arg;
	if ((*ctx_out = desk_open(settings, shared)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory for a thread");
	return 0;
}

static void
thread_close(void *ctx)
{
	desk_close(ctx);
}

static int
start_links(const struct settings *set, struct err *e)
{
	self.close = front_close;
	self.linger = front_linger;
	self.again = front_again;
	self.soon = greet_soon;
	self.budget = &budget;
	self.tls = primary_dom->ssl_ctx;
	self.smtp.hostname = set->hostname;
	self.smtp.offer = (struct smtp_offer){.starttls = true,
	    .dsn = true,
	    .chunking = true,
	    .smtputf8 = true,
	    .requiretls = true};
	self.smtp.trace = set->smtp_trace;
	self.smtp.backend = backend_open(set, shared, &budget);
	budget.limit = (size_t)set->mail_memory * MIB;
	return link_front_init(&self, set, e);
}

static int
front_start(const struct settings *set, struct err *e)
{
	struct pool_setup setup = {.name = "work",
	    .threads = set->threads,
	    .queue = LIMIT_SMTP_SESSIONS,
	    .init = thread_open,
	    .fini = thread_close};

	settings = set;
	if (set->spool == NULL)
		return err_set(e, ERR_BAD_INPUT, "RESTANTE_SPOOL is not set");
	if ((shared = desk_shared_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory");
	if (desk_count(shared, set, e) == -1)
		return -1;
	if (start_links(set, e) == -1 ||
	    (self.pool = pool_new(&setup, e)) == NULL)
		return -1;
	front_watch_pool(self.pool);
	(void)kore_timer_add(tick, TICK_MS, NULL, 0);
	return 0;
}

static void
front_drain(void)
{
	link_drain(&self);
}

static bool
front_busy(void)
{
	return link_busy(&self);
}

static void
front_stop(void)
{
	pool_free(self.pool);
	self.pool = NULL;
	/* What is left of connections ends with Kore's, a moment later. */
	desk_shared_free(shared);
	shared = NULL;
}

const struct front front_intake = {
    .name = "intake",
    .asks_certificate = true,
    .start = front_start,
    .drain = front_drain,
    .busy = front_busy,
    .stop = front_stop,
};
