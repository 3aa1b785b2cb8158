/*
 * http_conn.c: bytes in, bytes out, and whose turn it is. What comes is read into a buffer
 * that all connections share, and an answer put together in another: only what one turn
 * leaves behind gets memory of its own.
 */
#include "portal/http_conn.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "portal/http_reply.h"

#define REST_AT    1000         /* from so many on, idle ones keep no buffers */
#define TURNS      8            /* of one connection before others' */
#define UNSENT_MAX (256 * 1024) /* bytes of a download in the kernel */

/* Again; wait for an event; the connection ends; it has ended, and may be gone. */
enum turn { GO, STOP, END, GONE };

/* ---- what has come and was not used ---- */

static void
drop_mem(struct conn *k)
{
	if (k->mem != NULL)
		secret_wipe(k->mem, HTTP_HEAD_MAX);
	free(k->mem);
	k->mem = NULL;
}

/* What lies in the common scratch moves to a place of its own; idle ones have none. */
static int
keep(struct conn *k)
{
	if (k->in_len == 0) {
		drop_mem(k);
		k->in = NULL;
		return 0;
	}
	if (k->in < k->f->scratch ||
	    k->in >= k->f->scratch + sizeof(k->f->scratch))
		return 0;
	if (k->mem == NULL && (k->mem = malloc(HTTP_HEAD_MAX)) == NULL)
		return -1;
	memcpy(k->mem, k->in, k->in_len);
	k->in = k->mem;
	return 0;
}

/* Reads behind what is there. */
static long
get_more(struct conn *k)
{
	uint8_t *base = k->mem != NULL ? k->mem : k->f->scratch;
	long n;

	if (k->in_len > 0 && k->in != base)
		memmove(base, k->in, k->in_len);
	k->in = base;
	n = io_get(&k->io, base + k->in_len, HTTP_HEAD_MAX - k->in_len);
	if (n > 0)
		k->in_len += (size_t)n;
	if (base == k->f->scratch && k->in_len > k->f->scratch_used)
		k->f->scratch_used = k->in_len;
	return n;
}

void
conn_use(struct conn *k, size_t n)
{
	k->in += n;
	k->in_len -= n;
}

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

/* The connection has no more to do with its request. */
static void
leave(struct conn *k)
{
	struct exchange *x = k->x;

	if (x == NULL)
		return;
	k->x = NULL;
	exchange_leave(x);
}

void
conn_free(struct conn *k)
{
	conn_not_idle(k);
	if (k->x != NULL) {
		if (k->at == CONN_ACK && io_open(&k->io) == 0)
			k->x->complete = true;
		else if (k->x->remark == NULL)
			k->x->remark = "gone";
		leave(k);
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
	drop_mem(k);
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
	k->in_len = 0;
	(void)keep(k);
	k->f->linger(k->socket);
}

/* ---- answers ---- */

/*
 * Head and as much of the body as one record holds make the first piece, in the common
 * buffer; what of it the kernel does not take at once moves to k->hold.
 */
static int
queue_answer(struct conn *k, struct exchange *x)
{
	struct response *resp = &x->resp;
	const struct ready *ready = resp->ready;
	struct http_reply r = {.resp = resp, .close = k->close};
	const uint8_t *body = ready != NULL ? ready->body : resp->body.data;
	size_t n, some, left = ready != NULL ? ready->body_len : resp->body.len;
	uint8_t *out = k->f->out;

	r.now = clock_now() / CLOCK_SECOND;
	r.length = resp->source.arg != NULL ? resp->source.length : left;
	n = http_reply_head(&r, (char *)out, IO_RECORD);
	if (n == 0)
		return -1;
	if (resp->source.arg != NULL || x->req.verb == HTTP_HEAD)
		left = 0;
	some = left < IO_RECORD - n ? left : IO_RECORD - n;
	if (some > 0)
		memcpy(out + n, body, some);
	if (n + some > k->f->out_used)
		k->f->out_used = n + some;
	/* What stands ready is lent for this turn alone. */
	if (ready != NULL && left > some) {
		if (buf_add(&resp->body, body, left) == -1)
			return -1;
		body = resp->body.data;
	}
	k->piece[0] = (struct conn_piece){out, n + some};
	k->piece[1] = (struct conn_piece){body + some, left - some};
	return 0;
}

/* Moves what must outlive this turn out of the common buffer. */
static int
hold(struct conn *k)
{
	struct conn_piece *p = &k->piece[0];

	if (p->n == 0 || p->p < k->f->out ||
	    p->p >= k->f->out + sizeof(k->f->out))
		return 0;
	if (k->hold == NULL && (k->hold = malloc(IO_RECORD)) == NULL)
		return -1;
	memcpy(k->hold, p->p, p->n);
	p->p = k->hold;
	return 0;
}

bool
conn_unsent(const struct conn *k)
{
	return k->piece[0].n > 0 || k->piece[1].n > 0;
}

/* 0, or -1: the connection is broken. */
static int
flush(struct conn *k)
{
	struct conn_piece *p = k->piece;
	long n;

	while (conn_unsent(k)) {
		p = k->piece[0].n > 0 ? &k->piece[0] : &k->piece[1];
		if ((n = io_put(&k->io, p->p, p->n)) == IO_END)
			return -1;
		if (n == IO_BLOCK)
			return hold(k);
		p->p += n;
		p->n -= (size_t)n;
		k->sent += (uint64_t)n;
	}
	if (k->hold != NULL) {
		secret_wipe(k->hold, IO_RECORD);
		free(k->hold);
		k->hold = NULL;
	}
	return 0;
}

/* What the kernel holds of a download is bounded, and so is what a stop has to wait for. */
static void
start_source(struct conn *k)
{
	int most = UNSENT_MAX;

	(void)setsockopt(
	    k->io.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
	conn_count_transfer(k);
	exchange_source(k->x);
}

void
conn_answer(struct conn *k)
{
	struct exchange *x = k->x;

	if (x->head.close || k->f->draining)
		k->close = true;
	if (x->head.length > 0 && x->left > 0 && x->resp.source.arg == NULL)
		k->close = true;
	/* What is no file after all takes no place while it leaves. */
	if (x->resp.source.arg == NULL || x->req.verb == HTTP_HEAD)
		conn_uncount(x);
	k->sent = 0;
	conn_state(k, CONN_REPLY);
	if (queue_answer(k, x) == -1) {
		log_line(LOG_LEVEL_ERROR, x->req.id, "answer too long", NULL);
		k->close = true;
		return;
	}
	if (x->resp.source.arg != NULL && x->req.verb != HTTP_HEAD)
		start_source(k);
}

void
conn_refuse(struct conn *k, int status)
{
	struct exchange *x = k->x;

	portal_refuse(k->f->exchanges.portal,
	    x->head.fields > 0 ? &x->req : NULL, status, &x->resp);
	metrics_refused(status);
	conn_answer(k);
}

void
conn_refuse_and_close(struct conn *k, int status)
{
	k->close = true;
	conn_refuse(k, status);
}

void
conn_go_ahead(struct conn *k)
{
	static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!k->x->head.expects || k->in_len > 0)
		return;
	memcpy(k->f->out, words, sizeof(words) - 1);
	k->piece[0] = (struct conn_piece){k->f->out, sizeof(words) - 1};
}

/* The answer has left: the next request, or the end. */
static enum turn
answered(struct conn *k)
{
	struct exchange *x = k->x;

	x->out += x->req.verb == HTTP_HEAD ? 0 :
	    x->resp.ready != NULL          ? x->resp.ready->body_len :
					     x->resp.body.len;
	leave(k);
	if (k->close) {
		conn_linger(k);
		return GONE;
	}
	conn_state(k, CONN_HEAD);
	k->tried = false;
	k->since = clock_mono_ms();
	if (k->in_len == 0)
		conn_idle(k);
	return GO;
}

/* ---- turns ---- */

static enum turn
turn_head(struct conn *k)
{
	static struct http_head head;
	int status;
	long n;

	if (k->in_len == 0 || k->tried) {
		if ((n = get_more(k)) == IO_BLOCK)
			return STOP;
		if (n == IO_END)
			return END;
		if (k->in_len == (size_t)n) {
			conn_not_idle(k);
			k->since = clock_mono_ms();
		}
	}
	status = http_head_read(k->in, k->in_len, &head);
	k->tried = status == HTTP_HEAD_MORE;
	if (k->tried)
		return GO;
	return conn_begin(k, &head, status) == -1 ? END : GO;
}

static enum turn
turn_body(struct conn *k)
{
	struct exchange *x = k->x;
	uint8_t *room;
	size_t cap;
	long n;

	while ((room = exchange_room(x, &cap)) != NULL) {
		n = (long)cap;
		if (k->in_len > 0) {
			if (cap > k->in_len)
				n = (long)k->in_len;
			memcpy(room, k->in, (size_t)n);
			secret_wipe(k->in, (size_t)n);
			conn_use(k, (size_t)n);
		} else if ((n = io_get(&k->io, room, cap)) <= 0) {
			return n == IO_BLOCK ? STOP : END;
		}
		exchange_put(x, (size_t)n);
		if (k->at == CONN_SINK && x->full)
			exchange_pump(x);
	}
	if (k->at == CONN_SINK) {
		if (x->left == 0)
			conn_state(k, CONN_WAIT);
		return STOP;
	}
	if (x->left > 0)
		return END; /* memory */
	conn_uncount(x);
	exchange_body_done(x);
	conn_start_job(k, EXCHANGE_HANDLE);
	return GO;
}

static enum turn
turn_reply(struct conn *k)
{
	struct exchange *x = k->x;
	const uint8_t *p;
	size_t n;

	if (conn_unsent(k))
		return STOP;
	if (x->resp.source.arg == NULL || x->req.verb == HTTP_HEAD)
		return answered(k);
	if (x->failed)
		return END;
	if (exchange_block(x, &p, &n)) {
		x->out += n;
		k->piece[1] = (struct conn_piece){p, n};
		return GO;
	}
	if (!exchange_drained(x))
		return STOP;
	conn_state(k, CONN_ACK);
	return GO;
}

static enum turn
turn_ack(struct conn *k)
{
	if (io_open(&k->io) > 0)
		return STOP;
	k->x->complete = true;
	return answered(k);
}

static enum turn
turn(struct conn *k)
{
	if (conn_unsent(k) && flush(k) == -1)
		return END;
	switch (k->at) {
	case CONN_HEAD:
		return turn_head(k);
	case CONN_BODY:
	case CONN_SINK:
		return turn_body(k);
	case CONN_REPLY:
		return turn_reply(k);
	case CONN_ACK:
		return turn_ack(k);
	case CONN_SHAKE:
	case CONN_WAIT:
	case CONN_LAST:
		break;
	}
	return STOP;
}

/* Cookies and pages do not stay where the next one's come. */
static void
wipe_common(struct conn_front *f)
{
	secret_wipe(f->scratch, f->scratch_used);
	secret_wipe(f->out, f->out_used);
	f->scratch_used = f->out_used = 0;
}

static enum turn
take_turns(struct conn *k)
{
	enum turn t = GO;

	for (int i = 0; t == GO && i < TURNS; i++)
		t = turn(k);
	if (t == GO)
		k->f->again(k->socket);
	if (t != GONE && t != END && (keep(k) == -1 || hold(k) == -1))
		t = END;
	return t;
}

void
conn_run(struct conn *k)
{
	struct conn_front *f = k->f;

	if (take_turns(k) == END)
		conn_disconnect(k);
	wipe_common(f);
}

/* ---- a job of an exchange has ended ---- */

static void
begun(struct conn *k)
{
	struct exchange *x = k->x;

	if (!x->wanted) {
		conn_answer(k);
		return;
	}
	conn_count_transfer(k);
	conn_state(k, CONN_SINK);
	if (x->left == 0)
		exchange_pump(x);
	else
		conn_go_ahead(k);
}

static void
woke(struct exchange *x)
{
	struct conn *k = x->owner;

	switch (x->phase) {
	case EXCHANGE_BEGIN:
		begun(k);
		break;
	case EXCHANGE_TAKE:
		exchange_pump(x);
		if (x->phase == EXCHANGE_FINISH)
			conn_state(k, CONN_WAIT);
		break;
	case EXCHANGE_HANDLE:
	case EXCHANGE_FINISH:
		if (x->remark != NULL) { /* 408 */
			response_free(&x->resp);
			conn_refuse_and_close(k, 408);
		} else {
			conn_answer(k);
		}
		break;
	case EXCHANGE_IDLE:
	case EXCHANGE_NEXT:
	case EXCHANGE_END:
		break;
	}
	conn_run(k);
}

/* ---- birth ---- */

int
conn_front_init(struct conn_front *f, const struct settings *set)
{
	f->set = set;
	f->exchanges.woke = woke;
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
