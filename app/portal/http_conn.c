/*
 * http_conn.c: a connection's birth, whom it waits for, and its end.
 */
#include "portal/http_conn.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"

#define REST_AT 1000 /* from so many on, idle ones keep no buffers */

/* ---- who waits ---- */

void
conn_not_idle(struct conn *k)
{
	if (k->idle)
		TAILQ_REMOVE(&k->f->idle[k->known], k, waiting);
	k->idle = false;
}

void
conn_idle(struct conn *k)
{
	k->since = clock_mono_ms();
	k->rested = k->f->count > REST_AT;
	if (k->rested)
		io_rest(&k->io);
	if (!k->idle)
		TAILQ_INSERT_TAIL(&k->f->idle[k->known], k, waiting);
	k->idle = true;
}

void
conn_state(struct conn *k, enum conn_at at)
{
	if (at != CONN_HEAD)
		conn_not_idle(k);
	k->at = at;
	k->slow = 0;
	k->mark = 0;
}

/* ---- the end of a connection ---- */

void
conn_free(struct conn *k)
{
	conn_not_idle(k);
	if (k->x != NULL) {
		if (k->at == CONN_ACK && io_open(&k->io) == 0)
			k->x->complete = true;
		else if (k->x->remark == NULL)
			k->x->remark = "gone";
		conn_leave(k);
	}
	/* Who hung up without a word is not told that no more comes. */
	if (!k->asked && k->io.ended && k->io.ssl != NULL)
		SSL_set_quiet_shutdown(k->io.ssl, 1);
	io_close(&k->io);
	TAILQ_REMOVE(&k->f->all, k, all);
	k->f->count--;
	metrics_add(METRIC_CONNECTIONS, k->door, 0, -1);
	k->peer->connections--;
	peer_drop(k->f->peers, k->peer);
	conn_forget(k);
	if (k->hold != NULL)
		secret_wipe(k->hold, IO_RECORD);
	free(k->hold);
	free(k);
}

void
conn_disconnect(struct conn *k)
{
	k->f->close(k->socket);
}

void
conn_linger(struct conn *k)
{
	conn_state(k, CONN_LAST);
	conn_forget(k);
	k->f->linger(k->socket);
}

void
conn_leave(struct conn *k)
{
	struct exchange *x = k->x;

	if (x == NULL)
		return;
	k->x = NULL;
	exchange_leave(x);
}

/* ---- birth ---- */

int
conn_front_init(struct conn_front *f, const struct settings *set)
{
	f->set = set;
	f->exchanges.woke = conn_woke;
	f->exchanges.over = conn_over;
	f->exchanges.arg = f;
	TAILQ_INIT(&f->all);
	TAILQ_INIT(&f->idle[0]);
	TAILQ_INIT(&f->idle[1]);
	return (f->peers = peers_new()) == NULL ? -1 : 0;
}

/* The neighbour, when it has a place left. */
static struct peer *
find_place(struct conn_front *f, const struct sockaddr *addr)
{
	struct peer *peer;

	if (f->count >= LIMIT_CONNECTIONS - LIMIT_CONNECTIONS / 8)
		conn_shed(f);
	if (f->count >= LIMIT_CONNECTIONS) {
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_ALL, 0, 1);
		return NULL;
	}
	if ((peer = peer_hold(f->peers, addr)) == NULL)
		return NULL;
	if (peer->connections < LIMIT_CONNECTIONS_PEER)
		return peer;
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_PEER, 0, 1);
	peer_drop(f->peers, peer);
	return NULL;
}

struct conn *
conn_new(struct conn_front *f, enum conn_door door, int fd,
    const struct sockaddr *addr, void *socket)
{
	struct peer *peer = find_place(f, addr);
	struct conn *k;

	if (peer == NULL)
		return NULL;
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		peer_drop(f->peers, peer);
		return NULL;
	}
	peer->connections++;
	k->f = f;
	k->peer = peer;
	k->socket = socket;
	k->addr = addr;
	k->io.fd = fd;
	k->door = door;
	k->since = clock_mono_ms();
	TAILQ_INSERT_TAIL(&f->all, k, all);
	f->count++;
	metrics_add(METRIC_CONNECTIONS, door, 0, 1);
	metrics_add(METRIC_ACCEPTED, door, 0, 1);
	return k;
}

void
conn_open(struct conn *k)
{
	conn_state(k, CONN_HEAD);
	conn_idle(k);
}
