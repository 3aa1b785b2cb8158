/*
 * kore_portal.c: the portal's edge to Kore, which accepts, shakes hands, wakes and closes.
 * What happens on a connection in between is http_conn.c's.
 */
#include "base/front.h"

#include <kore/kore.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "portal/http_conn.h"
#include "portal/http_log.h"
#include "portal/portal.h"

#define QUEUE_WORK 1000 /* requests waiting for a thread, in a lane */
#define QUEUE_HASH 100  /* each is some 80 ms of a core */
#define HASH_MAX   8    /* threads that hash: each holds 64 MiB */
#define TICK_MS    100
#define SHAKE_US   500 /* of handshakes at once, at most */
#define SHAKE_PART 4   /* of the loop's time they may have a part like this */

static struct conn_front self;

/* Who has a step of a handshake to do, in the order they came. */
static struct {
	struct kore_event event; /* first: Kore's loop sees only this */
	int fd;                  /* readable while there is somebody */
	struct conn_list list;
	int64_t rested_us; /* since when others have had their turn */
} shaking = {.fd = -1, .list = TAILQ_HEAD_INITIALIZER(shaking.list)};

void portal_connect(struct connection *c);
void portal_connect_plain(struct connection *c);

/* ---- handshakes ---- */

/*
 * A handshake takes longer than any answer of the loop, and who floods us with them
 * brings many at once: they are done between the others' turns, one or a few at a time.
 */
static void
shake_later(struct conn *k)
{
	const uint64_t one = 1;

	if (k->shakes)
		return;
	/* Of a count so small neither this nor its reading can fail. */
	if (TAILQ_EMPTY(&shaking.list))
		(void)!write(shaking.fd, &one, sizeof(one));
	k->shakes = true;
	TAILQ_INSERT_TAIL(&shaking.list, k, shaking);
}

static void
shake_done(struct conn *k)
{
	uint64_t count;

	if (!k->shakes)
		return;
	k->shakes = false;
	TAILQ_REMOVE(&shaking.list, k, shaking);
	if (TAILQ_EMPTY(&shaking.list))
		(void)!read(shaking.fd, &count, sizeof(count));
}

static void
shake(struct conn *k)
{
	struct connection *c = k->socket;

	shake_done(k);
	if (!kore_connection_handle(c)) {
		metrics_add(METRIC_SHAKE_FAILS, 0, 0, 1);
		kore_connection_disconnect(c);
	} else if (c->state == CONN_STATE_ESTABLISHED) {
		conn_run(k);
	}
}

static void
shake_some(void *arg, int error)
{
	const int64_t now = clock_mono_us();
	int64_t part = (now - shaking.rested_us) / SHAKE_PART;
	struct conn *k;

	(void)arg;
	(void)error;
	if (part > SHAKE_US)
		part = SHAKE_US;
	while ((k = TAILQ_FIRST(&shaking.list)) != NULL) {
		shake(k);
		if (clock_mono_us() - now >= part)
			break;
	}
	shaking.rested_us = clock_mono_us();
}

static int
shake_open(struct err *e)
{
	shaking.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (shaking.fd == -1)
		return err_set(e, ERR_UNAVAILABLE, "no descriptor");
	shaking.event.handle = shake_some;
	kore_platform_event_level_read(shaking.fd, &shaking.event);
	return 0;
}

/* ---- what Kore tells ---- */

static void
on_disconnect(struct connection *c)
{
	struct conn *k = c->hdlr_extra;

	c->hdlr_extra = NULL; /* Kore would free it */
	if (k == NULL)
		return;
	shake_done(k);
	conn_free(k);
}

static int
on_event(struct connection *c)
{
	struct conn *k = c->hdlr_extra;

	if (k == NULL || c->state == CONN_STATE_DISCONNECTING)
		return KORE_RESULT_OK;
	k->io.readable |= (c->evt.flags & KORE_EVENT_READ) != 0;
	k->io.writable |= (c->evt.flags & KORE_EVENT_WRITE) != 0;
	k->io.ended |= (c->evt.flags & KORE_EVENT_END) != 0;
	c->evt.flags = 0;
	if (c->state == CONN_STATE_TLS_SHAKE)
		shake_later(k);
	else
		conn_run(k);
	return KORE_RESULT_OK;
}

/* ---- connections ---- */

static struct conn *
take(struct connection *c, enum conn_door door)
{
	struct conn *k = conn_new(
	    &self, door, c->fd, (struct sockaddr *)&c->addr, c);

	if (k == NULL) {
		kore_connection_disconnect(c);
		return NULL;
	}
	c->hdlr_extra = k;
	c->handle = on_event;
	c->disconnect = on_disconnect;
	c->idle_timer.length = UINT64_MAX; /* deadlines are ours */
	return k;
}

/* Kore would make the same, with a socket that reads less at once. */
static int
start_tls(struct conn *k, struct connection *c)
{
	if ((c->ssl = SSL_new(primary_dom->ssl_ctx)) == NULL)
		return -1;
	if (!SSL_set_ex_data(c->ssl, 0, c) || io_tls(&k->io, c->ssl) == -1)
		return -1;
	SSL_set_accept_state(c->ssl);
	c->state = CONN_STATE_TLS_SHAKE;
	c->read = net_read_tls;
	c->write = net_write_tls;
	return 0;
}

/* At accept(), and again after the handshake. */
void
portal_connect(struct connection *c)
{
	struct conn *k = c->hdlr_extra;

	if (k == NULL) {
		if ((k = take(c, DOOR_HTTPS)) != NULL && start_tls(k, c) == -1)
			kore_connection_disconnect(c);
		return;
	}
	c->state = CONN_STATE_ESTABLISHED;
	metrics_handshake(SSL_version(c->ssl), SSL_session_reused(c->ssl) == 1);
	conn_open(k);
}

void
portal_connect_plain(struct connection *c)
{
	struct conn *k = take(c, DOOR_HTTP);

	if (k != NULL)
		conn_open(k);
}

/* ---- start and end ---- */

static void
tick(void *arg, u_int64_t now)
{
	(void)arg;
	(void)now;
	conn_tick(&self);
}

static int
thread_open(void *arg, void **ctx_out, struct err *e)
{
	(void)arg;
	*ctx_out = portal_thread_open(self.exchanges.portal);
	if (*ctx_out == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory for a thread");
	return 0;
}

static void
thread_close(void *ctx)
{
	portal_thread_close(ctx);
}

/* Hashing leaves a core to the pages, where there is more than one. */
static int
hash_threads(void)
{
	int n = pool_spare_threads();

	return n > HASH_MAX ? HASH_MAX : n;
}

static int
start_pools(const struct settings *set, struct err *e)
{
	struct exchange_set *xs = &self.exchanges;
	struct pool_setup work = {.name = "work",
	    .threads = set->threads,
	    .queue = QUEUE_WORK,
	    .share = LIMIT_REQUESTS_PEER,
	    .init = thread_open,
	    .fini = thread_close};
	struct pool_setup hash = work;

	hash.name = "hash";
	hash.threads = hash_threads();
	hash.queue = QUEUE_HASH;
	hash.idle = true;
	if ((xs->work = pool_new(&work, e)) == NULL ||
	    (xs->hash = pool_new(&hash, e)) == NULL)
		return -1;
	portal_watch(xs->portal, xs->work);
	front_watch_pool(xs->work);
	front_watch_pool(xs->hash);
	return 0;
}

static int
front_start(const struct settings *set, struct err *e)
{
	self.close = front_close;
	self.linger = front_linger;
	self.again = front_again;
	if (conn_front_init(&self, set) == -1)
		return err_set(e, ERR_UNAVAILABLE, "no memory");
	if (portal_open(set, &self.exchanges.portal, e) == -1 ||
	    start_pools(set, e) == -1 || shake_open(e) == -1)
		return -1;
	(void)kore_timer_add(tick, TICK_MS, NULL, 0);
	return 0;
}

static void
front_drain(void)
{
	conn_drain(&self);
}

static bool
front_busy(void)
{
	return conn_busy(&self);
}

static void
front_stop(void)
{
	http_log_flush();
	portal_watch(self.exchanges.portal, NULL);
	pool_free(self.exchanges.work);
	pool_free(self.exchanges.hash);
	portal_close(self.exchanges.portal);
	/* Connections end with Kore's, a moment later; their neighbours with the process. */
}

const struct front front_portal = {
    .name = "portal",
    .alpn = true,
    .start = front_start,
    .drain = front_drain,
    .busy = front_busy,
    .stop = front_stop,
};
