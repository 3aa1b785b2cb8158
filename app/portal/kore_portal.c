/*
 * kore_portal.c: the portal's edge to Kore: its connections, from accept() to close.
 * Kore accepts, shakes hands and wakes; bytes are read and written here. What they mean
 * is http_head.c's, what is done about them http_exchange.c's and the pages'.
 */
#include "base/front.h"

#include <kore/kore.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/peers.h"
#include "base/secret.h"
#include "portal/http_exchange.h"
#include "portal/http_head.h"
#include "portal/http_io.h"
#include "portal/http_log.h"
#include "portal/http_reply.h"
#include "portal/plain.h"
#include "portal/portal.h"
#include "portal/routes.h"

#define QUEUE_WORK  1000 /* requests waiting for a thread, in a lane */
#define QUEUE_HASH  100  /* each is some 80 ms of a core */
#define HASH_MAX    8    /* threads that hash: each holds 64 MiB */
#define TICK_MS     100
#define SECOND_MS   1000
#define REST_AT     1000 /* from so many on, idle ones keep no buffers */
#define TURNS       64   /* requests of one connection before others' turn */
#define UNSENT_MAX  (256 * 1024) /* bytes of a download in the kernel */
#define DRAIN_FIRST 2000 /* ms a new connection has to ask, when we stop */

/* What a stranger's body takes of its neighbour's LIMIT_BODIES_PEER. */
enum { UNITS_FORM = 1, UNITS_LARGE = 4 };

enum door { DOOR_HTTPS = METRIC_HTTPS, DOOR_HTTP = METRIC_HTTP };

enum state {
	STATE_SHAKE, /* TLS */
	STATE_HEAD,  /* between requests, or within a head */
	STATE_BODY,  /* into memory */
	STATE_SINK,  /* into a sink */
	STATE_WAIT,  /* a job runs: nothing is read */
	STATE_REPLY, /* the answer leaves */
	STATE_ACK,   /* a download has left, and may not have arrived */
	STATE_LINGER /* Kore throws away what still comes */
};

struct piece {
	const uint8_t *p;
	size_t n;
};

struct conn {
	struct connection *c;
	struct http_io io;
	struct exchange *x;
	struct peer *peer;
	enum door door;
	enum state state;
	bool asked;    /* there was a request already */
	bool known;    /* the last one was of a session */
	bool tried;    /* what has come is no whole head yet */
	bool close;    /* after this answer */
	bool idle;     /* in a list of those */
	bool rested;   /* idle, and without buffers of TLS */
	int64_t since; /* ms: of what the state's deadline counts from */
	uint8_t *in; /* came and was not used yet: in mem, or in self.scratch */
	size_t in_len;
	uint8_t *mem;
	struct piece piece[2]; /* to be sent; the first may lie in hold */
	uint8_t *hold;
	uint64_t sent; /* bytes of this answer handed to the kernel */
	uint64_t mark; /* progress at the last look */
	int slow;      /* ms that the client was waited for since */
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) waiting;
};

TAILQ_HEAD(conn_list, conn);

static struct {
	const struct settings *set;
	struct exchange_set exchanges;
	struct peers *peers;
	struct conn_list all;
	struct conn_list idle[2]; /* oldest first; [1] of known sessions */
	unsigned count;
	unsigned bodies;    /* of strangers, large */
	unsigned forms;     /* of strangers, small, not whole yet */
	unsigned transfers; /* files on their way */
	bool draining;
	int64_t second; /* ms: the last look at deadlines */
	/* Of the connection whose turn it is; wiped at its end. */
	uint8_t scratch[HTTP_HEAD_MAX];
	uint8_t out[HTTP_IO_RECORD];
	size_t scratch_used, out_used;
} self;

void portal_connect(struct connection *c);
void portal_connect_plain(struct connection *c);

static int on_event(struct connection *c);
static void run(struct conn *k);

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
	if (k->in < self.scratch ||
	    k->in >= self.scratch + sizeof(self.scratch))
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
	uint8_t *base = k->mem != NULL ? k->mem : self.scratch;
	long n;

	if (k->in_len > 0 && k->in != base)
		memmove(base, k->in, k->in_len);
	k->in = base;
	n = http_io_get(&k->io, base + k->in_len, HTTP_HEAD_MAX - k->in_len);
	if (n > 0)
		k->in_len += (size_t)n;
	if (base == self.scratch && k->in_len > self.scratch_used)
		self.scratch_used = k->in_len;
	return n;
}

static void
use(struct conn *k, size_t n)
{
	k->in += n;
	k->in_len -= n;
}

/* ---- who waits ---- */

static void
not_idle(struct conn *k)
{
	if (k->idle)
		TAILQ_REMOVE(&self.idle[k->known], k, waiting);
	k->idle = false;
}

static void
now_idle(struct conn *k)
{
	k->since = clock_mono_ms();
	k->rested = self.count > REST_AT;
	if (k->rested)
		http_io_rest(&k->io);
	if (!k->idle)
		TAILQ_INSERT_TAIL(&self.idle[k->known], k, waiting);
	k->idle = true;
}

static void
set_state(struct conn *k, enum state state)
{
	if (state != STATE_HEAD)
		not_idle(k);
	k->state = state;
	k->slow = 0;
	k->mark = 0;
}

/* ---- the end of a connection ---- */

/* What a request takes of its neighbour's share, and of all. */
static void
uncount(struct exchange *x)
{
	struct peer *peer = x->peer;

	if (peer == NULL)
		return;
	peer->bodies -= x->body_units;
	peer->transfers -= x->transfer;
	self.bodies -= x->body_units == UNITS_LARGE;
	self.forms -= x->body_units == UNITS_FORM;
	self.transfers -= x->transfer;
	peer_drop(self.peers, peer);
	x->peer = NULL;
}

/* It may be counted for longer than its connection lasts. */
static int
count_in(struct conn *k, unsigned units, bool transfer)
{
	struct exchange *x = k->x;
	struct peer *peer = peer_hold(
	    self.peers, (struct sockaddr *)&k->c->addr);

	if (peer == NULL)
		return -1;
	x->peer = peer;
	x->body_units = units;
	x->transfer = transfer;
	peer->bodies += units;
	peer->transfers += transfer;
	self.bodies += units == UNITS_LARGE;
	self.forms += units == UNITS_FORM;
	self.transfers += transfer;
	return 0;
}

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

static void
on_disconnect(struct connection *c)
{
	struct conn *k = c->hdlr_extra;

	c->hdlr_extra = NULL; /* Kore would free it */
	if (k == NULL)
		return;
	not_idle(k);
	if (k->x != NULL) {
		if (k->state == STATE_ACK && http_io_open(&k->io) == 0)
			k->x->complete = true;
		else if (k->x->remark == NULL)
			k->x->remark = "gone";
		leave(k);
	}
	http_io_close(&k->io);
	TAILQ_REMOVE(&self.all, k, all);
	self.count--;
	metrics_add(METRIC_CONNECTIONS, k->door, 0, -1);
	k->peer->connections--;
	peer_drop(self.peers, k->peer);
	drop_mem(k);
	if (k->hold != NULL)
		secret_wipe(k->hold, HTTP_IO_RECORD);
	free(k->hold);
	free(k);
}

static void
disconnect(struct conn *k)
{
	kore_connection_disconnect(k->c);
}

/* Says that no more comes, and takes what is on its way, lest a reset overtakes it. */
static void
linger(struct conn *k)
{
	set_state(k, STATE_LINGER);
	k->in_len = 0;
	(void)keep(k);
	kore_connection_linger(k->c); /* k may be gone */
}

/* ---- answers ---- */

/*
 * Head and as much of the body as one record holds make the first piece, in the common
 * buffer; what of it the kernel does not take at once moves to k->hold.
 */
static int
queue_answer(struct conn *k, const struct exchange *x)
{
	const struct response *resp = &x->resp;
	const struct ready *ready = resp->ready;
	struct http_reply r = {.resp = resp, .close = k->close};
	const uint8_t *body = ready != NULL ? ready->body : resp->body.data;
	size_t n, some, left = ready != NULL ? ready->body_len : resp->body.len;

	r.now = clock_now() / CLOCK_SECOND;
	r.length = resp->source.arg != NULL ? resp->source.length : left;
	n = http_reply_head(&r, (char *)self.out, sizeof(self.out));
	if (n == 0)
		return -1;
	if (resp->source.arg != NULL || x->req.verb == HTTP_HEAD)
		left = 0;
	some = left < HTTP_IO_RECORD - n ? left : HTTP_IO_RECORD - n;
	if (some > 0)
		memcpy(self.out + n, body, some);
	if (n + some > self.out_used)
		self.out_used = n + some;
	k->piece[0] = (struct piece){self.out, n + some};
	k->piece[1] = (struct piece){body + some, left - some};
	return 0;
}

/* Moves what must outlive this turn out of the common buffer. */
static int
hold(struct conn *k)
{
	struct piece *p = &k->piece[0];

	if (p->n == 0 || p->p < self.out || p->p >= self.out + sizeof(self.out))
		return 0;
	if (k->hold == NULL && (k->hold = malloc(HTTP_IO_RECORD)) == NULL)
		return -1;
	memcpy(k->hold, p->p, p->n);
	p->p = k->hold;
	return 0;
}

static bool
unsent(const struct conn *k)
{
	return k->piece[0].n > 0 || k->piece[1].n > 0;
}

/* 0, or -1: the connection is broken. */
static int
flush(struct conn *k)
{
	struct piece *p = k->piece;
	long n;

	while (unsent(k)) {
		p = k->piece[0].n > 0 ? &k->piece[0] : &k->piece[1];
		if ((n = http_io_put(&k->io, p->p, p->n)) == IO_END)
			return -1;
		if (n == IO_BLOCK)
			return hold(k);
		p->p += n;
		p->n -= (size_t)n;
		k->sent += (uint64_t)n;
	}
	if (k->hold != NULL) {
		secret_wipe(k->hold, HTTP_IO_RECORD);
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
	    k->c->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
	exchange_source(k->x);
}

/* Answers with x->resp. */
static void
answer(struct conn *k)
{
	struct exchange *x = k->x;

	if (x->head.close || self.draining)
		k->close = true;
	if (x->head.length > 0 && x->left > 0 && x->resp.source.arg == NULL)
		k->close = true;
	k->sent = 0;
	set_state(k, STATE_REPLY);
	if (queue_answer(k, x) == -1) {
		log_line(LOG_LEVEL_ERROR, x->req.id, "answer too long", NULL);
		k->close = true;
		return;
	}
	if (x->resp.source.arg != NULL && x->req.verb != HTTP_HEAD)
		start_source(k);
}

/* An answer of our own, before or in place of a page's. */
static void
refuse(struct conn *k, int status)
{
	struct exchange *x = k->x;

	portal_refuse(self.exchanges.portal,
	    x->head.fields > 0 ? &x->req : NULL, status, &x->resp);
	metrics_refused(status);
	answer(k);
}

/* The same, where what follows cannot be told from a request. */
static void
refuse_and_close(struct conn *k, int status)
{
	k->close = true;
	refuse(k, status);
}

enum turn { GO, STOP, END }; /* again; wait for an event; the connection ends */

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
		linger(k);
		return STOP;
	}
	set_state(k, STATE_HEAD);
	k->tried = false;
	k->since = clock_mono_ms();
	if (k->in_len == 0)
		now_idle(k);
	return GO;
}

/* ---- requests ---- */

static uint64_t
owner_key(const struct conn *k, const struct exchange *x)
{
	uint64_t h = UINT64_C(14695981039346656037);

	if (!x->plan.known)
		return k->peer->key;
	for (const char *p = x->req.cookie; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	return h | 1;
}

static void
start_job(struct conn *k, enum exchange_phase phase)
{
	struct exchange *x = k->x;
	int ret = exchange_start(x, phase, owner_key(k, x));

	if (ret == 0) {
		set_state(k, STATE_WAIT);
		return;
	}
	log_line(LOG_LEVEL_WARN, x->req.id, "request refused", "queue=%s",
	    ret == POOL_GREEDY ? "greedy" : "full");
	refuse(k, ret == POOL_GREEDY ? 429 : 503);
}

static void
go_ahead(struct conn *k)
{
	static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (!k->x->head.expects || k->in_len > 0)
		return;
	memcpy(self.out, words, sizeof(words) - 1);
	k->piece[0] = (struct piece){self.out, sizeof(words) - 1};
}

static int
turned_away(int status, enum metric_why why)
{
	metrics_add(METRIC_TURNED_AWAY, why, 0, 1);
	return status;
}

/*
 * Bodies of strangers that did not come with their head, and files on their way, are so
 * many at a time. 0, or the status of the refusal.
 */
static int
share_refused(struct conn *k)
{
	const struct exchange *x = k->x;
	bool transfer = x->plan.class == ROUTE_TRANSFER;
	unsigned units = 0;

	if (!x->plan.known && x->head.length > k->in_len)
		units = x->head.length > LIMIT_FORM_BODY ? UNITS_LARGE :
							   UNITS_FORM;
	if (units == 0 && !transfer)
		return 0;
	if (k->peer->bodies + units > LIMIT_BODIES_PEER * UNITS_LARGE)
		return turned_away(429, METRIC_WHY_BODIES);
	if (transfer && k->peer->transfers >= LIMIT_TRANSFERS_PEER)
		return turned_away(429, METRIC_WHY_REQUESTS);
	if ((units == UNITS_LARGE && self.bodies >= LIMIT_BODIES) ||
	    (units == UNITS_FORM && self.forms >= LIMIT_FORMS))
		return turned_away(503, METRIC_WHY_BODIES);
	if (transfer && self.transfers >= LIMIT_TRANSFERS)
		return turned_away(503, METRIC_WHY_REQUESTS);
	return count_in(k, units, transfer) == -1 ? 503 : 0;
}

/*
 * RFC 9110 7.4: who asked for another name in the handshake is told so. An address is no
 * name (RFC 6066 3), though some send one.
 */
static bool
misdirected(const struct conn *k)
{
	const char *name;
	struct in_addr v4;

	if (k->c->ssl == NULL)
		return false;
	name = SSL_get_servername(k->c->ssl, TLSEXT_NAMETYPE_host_name);
	return name != NULL && strcasecmp(name, k->x->host) != 0 &&
	    strchr(name, ':') == NULL && inet_pton(AF_INET, name, &v4) != 1;
}

static void
serve_portal(struct conn *k)
{
	struct exchange *x = k->x;
	struct portal *p = self.exchanges.portal;
	int status;

	if (misdirected(k)) {
		refuse_and_close(k, 421);
		return;
	}
	portal_plan(p, &x->req, &x->plan);
	k->known = x->plan.known;
	x->resp.route = x->plan.route;
	if (x->head.length > x->plan.body) {
		refuse_and_close(k, 413);
		return;
	}
	if ((status = share_refused(k)) != 0) {
		refuse(k, status);
	} else if (x->plan.stream) {
		start_job(k, EXCHANGE_BEGIN);
	} else if (x->head.length > 0) {
		set_state(k, STATE_BODY);
		go_ahead(k);
	} else if (x->plan.quick && portal_quick(p, &x->req, &x->resp)) {
		answer(k);
	} else {
		start_job(k, EXCHANGE_HANDLE);
	}
}

static void
serve_options(struct conn *k)
{
	struct response *resp = &k->x->resp;

	resp->status = 204;
	if (response_header(
		resp, "allow", "GET, HEAD, POST, PATCH, DELETE, OPTIONS") == -1)
		resp->status = 503;
	answer(k);
}

static void
fill_tls(struct conn *k, struct exchange *x)
{
	const char *version;

	if (k->c->ssl == NULL)
		return;
	version = SSL_version(k->c->ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
	memcpy(x->tls, version, 4);
}

/* Written as IPv4 where it is that, whichever socket it came through. */
static void
fill_client(struct conn *k, struct exchange *x)
{
	const struct connection *c = k->c;
	const struct in6_addr *v6 = &c->addr.ipv6.sin6_addr;
	const void *addr = &c->addr.ipv4.sin_addr;
	int family = c->family;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6)) {
		family = AF_INET;
		addr = &v6->s6_addr[12];
	} else if (family == AF_INET6) {
		addr = v6;
	}
	if (inet_ntop(family, addr, x->client, sizeof(x->client)) == NULL)
		x->client[0] = '\0';
}

/* The head of a request that is good: status 0, or not: one line must do. */
static int
begin(struct conn *k, const struct http_head *h, int status)
{
	static const char nothing[] = "GET / HTTP/1.0\r\n\r\n";
	struct http_head bad = {.len = sizeof(nothing) - 1,
	    .verb = HTTP_OTHER,
	    .close = true,
	    .path = {4, 1}};
	struct exchange *x;
	int wrong = 0;

	if (status == 0)
		x = exchange_new(&self.exchanges, k->in, h, &wrong);
	else
		x = exchange_new(&self.exchanges, nothing, &bad, &wrong);
	if (x == NULL)
		return -1;
	k->x = x;
	x->owner = k;
	k->asked = true;
	k->close = false;
	fill_tls(k, x);
	fill_client(k, x);
	set_state(k, STATE_WAIT);
	if (status != 0) {
		refuse_and_close(k, status);
		return 0;
	}
	use(k, h->len);
	if (wrong != 0)
		refuse_and_close(k, wrong);
	else if (h->whole)
		serve_options(k);
	else if (k->door == DOOR_HTTPS)
		serve_portal(k);
	else if (h->length > 0)
		refuse_and_close(k, 413);
	else {
		portal_plain(self.set, &x->req, &x->resp);
		answer(k);
	}
	return 0;
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
			not_idle(k);
			k->since = clock_mono_ms();
		}
	}
	status = http_head_read(k->in, k->in_len, &head);
	k->tried = status == HTTP_HEAD_MORE;
	if (k->tried)
		return GO;
	return begin(k, &head, status) == -1 ? END : GO;
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
			use(k, (size_t)n);
		} else if ((n = http_io_get(&k->io, room, cap)) <= 0) {
			return n == IO_BLOCK ? STOP : END;
		}
		exchange_put(x, (size_t)n);
		if (k->state == STATE_SINK && x->full)
			exchange_pump(x);
	}
	if (k->state == STATE_SINK) {
		if (x->left == 0)
			set_state(k, STATE_WAIT);
		return STOP;
	}
	if (x->left > 0)
		return END; /* memory */
	uncount(x);
	exchange_body_done(x);
	start_job(k, EXCHANGE_HANDLE);
	return GO;
}

static enum turn
turn_reply(struct conn *k)
{
	struct exchange *x = k->x;
	const uint8_t *p;
	size_t n;

	if (unsent(k))
		return STOP;
	if (x->resp.source.arg == NULL || x->req.verb == HTTP_HEAD)
		return answered(k);
	if (x->failed)
		return END;
	if (exchange_block(x, &p, &n)) {
		x->out += n;
		k->piece[1] = (struct piece){p, n};
		return GO;
	}
	if (!exchange_drained(x))
		return STOP;
	set_state(k, STATE_ACK);
	return GO;
}

static enum turn
turn_ack(struct conn *k)
{
	if (http_io_open(&k->io) > 0)
		return STOP;
	k->x->complete = true;
	return answered(k);
}

static enum turn
turn(struct conn *k)
{
	if (unsent(k) && flush(k) == -1)
		return END;
	switch (k->state) {
	case STATE_HEAD:
		return turn_head(k);
	case STATE_BODY:
	case STATE_SINK:
		return turn_body(k);
	case STATE_REPLY:
		return turn_reply(k);
	case STATE_ACK:
		return turn_ack(k);
	case STATE_SHAKE:
	case STATE_WAIT:
	case STATE_LINGER:
		break;
	}
	return STOP;
}

/* Cookies and pages do not stay where the next one's come. */
static void
wipe_common(void)
{
	secret_wipe(self.scratch, self.scratch_used);
	secret_wipe(self.out, self.out_used);
	self.scratch_used = self.out_used = 0;
}

static void
run_turns(struct conn *k)
{
	struct connection *c = k->c;
	enum turn t = GO;

	for (int i = 0; t == GO; i++) {
		if (i == TURNS * 4) {
			/* Others first: asked again, the loop comes back. */
			kore_platform_event_all(c->fd, c);
			break;
		}
		t = turn(k);
		if (c->hdlr_extra != k)
			return; /* it is gone */
	}
	if (t == END || keep(k) == -1 || hold(k) == -1)
		disconnect(k);
}

/* As far as it goes without waiting. */
static void
run(struct conn *k)
{
	run_turns(k);
	wipe_common();
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
	if (c->state == CONN_STATE_TLS_SHAKE) {
		if (!kore_connection_handle(c)) {
			metrics_add(METRIC_SHAKE_FAILS, 0, 0, 1);
			return KORE_RESULT_ERROR;
		}
		if (c->state != CONN_STATE_ESTABLISHED)
			return KORE_RESULT_OK;
	}
	run(k);
	return KORE_RESULT_OK;
}

/* ---- a job of an exchange has ended ---- */

static void
begun(struct conn *k)
{
	struct exchange *x = k->x;

	if (!x->wanted) {
		answer(k);
		return;
	}
	set_state(k, STATE_SINK);
	if (x->left == 0)
		exchange_pump(x);
	else
		go_ahead(k);
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
			set_state(k, STATE_WAIT);
		break;
	case EXCHANGE_HANDLE:
	case EXCHANGE_FINISH:
		if (x->remark != NULL) { /* 408 */
			response_free(&x->resp);
			refuse_and_close(k, 408);
		} else {
			answer(k);
		}
		break;
	case EXCHANGE_IDLE:
	case EXCHANGE_NEXT:
	case EXCHANGE_END:
		break;
	}
	run(k);
}

/* ---- the log of requests ---- */

static void
over(struct exchange *x)
{
	int64_t us = clock_mono_us() - x->start_us;
	struct http_log line = {.id = x->req.id,
	    .route = x->resp.route != NULL ? x->resp.route : x->plan.route,
	    .verb = x->req.verb,
	    .status = x->resp.status,
	    .in = x->in,
	    .out = x->out,
	    .us = us,
	    .tls = x->tls,
	    .client = x->client,
	    .end = x->remark};

	uncount(x);
	http_log(&line, clock_now());
	metrics_add(METRIC_BYTES, METRIC_IN, 0, (int64_t)x->in);
	metrics_add(METRIC_BYTES, METRIC_OUT, 0, (int64_t)x->out);
	if (x->plan.route != NULL)
		metrics_request(
		    x->plan.route, x->plan.class, x->resp.status, us);
}

/* ---- deadlines ---- */

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
	uint64_t open = http_io_open(&k->io);

	return open < k->sent ? k->sent - open : 0;
}

static void
cut(struct conn *k)
{
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
	if (k->x != NULL)
		k->x->remark = "slow";
	disconnect(k);
}

static void
check_head(struct conn *k, int64_t waited)
{
	if (k->idle && !k->rested && waited >= SECOND_MS) {
		k->rested = true;
		http_io_rest(&k->io);
	}
	if (k->in_len > 0) {
		if (waited < LIMIT_HEAD_SECONDS * SECOND_MS)
			return;
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
		if (begin(k, NULL, 408) == -1)
			disconnect(k);
		else
			run(k);
	} else if (!k->asked) {
		if (waited >= (self.draining ? DRAIN_FIRST :
					       LIMIT_HEAD_SECONDS * SECOND_MS))
			disconnect(k);
	} else if (waited >= LIMIT_IDLE_SECONDS * SECOND_MS) {
		/* The last answer may still be on its way. */
		if (http_io_open(&k->io) > 0 && !too_slow(k, arrived(k)))
			return;
		disconnect(k);
	}
}

static void
check_body(struct conn *k)
{
	struct exchange *x = k->x;

	if (k->state == STATE_SINK && x->full)
		return; /* we are the slow ones */
	if (!too_slow(k, x->in))
		return;
	metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_SLOW, 0, 1);
	x->remark = "slow";
	if (k->state == STATE_SINK) {
		set_state(k, STATE_WAIT);
		exchange_stop(x);
		return;
	}
	refuse_and_close(k, 408);
	run(k);
}

static void
check(struct conn *k, int64_t now)
{
	int64_t waited = now - k->since;

	switch (k->state) {
	case STATE_SHAKE:
		if (waited >= (self.draining ? DRAIN_FIRST :
					       LIMIT_SHAKE_SECONDS * SECOND_MS))
			cut(k);
		break;
	case STATE_HEAD:
		check_head(k, waited);
		break;
	case STATE_BODY:
	case STATE_SINK:
		check_body(k);
		break;
	case STATE_REPLY:
	case STATE_ACK:
		if ((unsent(k) || k->state == STATE_ACK ||
			http_io_open(&k->io) > 0) &&
		    too_slow(k, arrived(k)))
			cut(k);
		break;
	case STATE_WAIT:
	case STATE_LINGER:
		break;
	}
}

static void
tick(void *arg, u_int64_t unused)
{
	int64_t now = clock_mono_ms();
	bool second = now - self.second >= SECOND_MS;
	struct conn *k, *next;

	(void)arg;
	(void)unused;
	exchange_retry(&self.exchanges);
	http_log_flush();
	if (second)
		self.second = now;
	for (k = TAILQ_FIRST(&self.all); k != NULL; k = next) {
		next = TAILQ_NEXT(k, all);
		if (k->state == STATE_ACK)
			run(k);
		else if (second || self.draining)
			check(k, now);
	}
}

/* ---- connections ---- */

/* Makes room: who waits longest for nothing goes first, readers last. */
static void
shed(void)
{
	struct conn *k = TAILQ_FIRST(&self.idle[0]);

	if (k == NULL)
		k = TAILQ_FIRST(&self.idle[1]);
	if (k != NULL)
		disconnect(k);
}

static struct conn *
conn_new(struct connection *c, enum door door)
{
	struct peer *peer;
	struct conn *k;

	if (self.count >= LIMIT_CONNECTIONS - LIMIT_CONNECTIONS / 8)
		shed();
	if (self.count >= LIMIT_CONNECTIONS) {
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_ALL, 0, 1);
		return NULL;
	}
	peer = peer_hold(self.peers, (struct sockaddr *)&c->addr);
	if (peer == NULL)
		return NULL;
	if (peer->connections >= LIMIT_CONNECTIONS_PEER ||
	    (k = calloc(1, sizeof(*k))) == NULL) {
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_PEER, 0, 1);
		peer_drop(self.peers, peer);
		return NULL;
	}
	peer->connections++;
	k->peer = peer;
	k->c = c;
	k->io.fd = c->fd;
	k->door = door;
	k->since = clock_mono_ms();
	TAILQ_INSERT_TAIL(&self.all, k, all);
	self.count++;
	return k;
}

static struct conn *
take(struct connection *c, enum door door)
{
	struct conn *k = conn_new(c, door);

	if (k == NULL) {
		kore_connection_disconnect(c);
		return NULL;
	}
	metrics_add(METRIC_CONNECTIONS, door, 0, 1);
	metrics_add(METRIC_ACCEPTED, door, 0, 1);
	c->hdlr_extra = k;
	c->handle = on_event;
	c->disconnect = on_disconnect;
	c->idle_timer.length = UINT64_MAX; /* deadlines are ours */
	return k;
}

/* Kore would make the same, with a socket that reads less at once. */
static int
start_tls(struct conn *k)
{
	struct connection *c = k->c;

	if ((c->ssl = SSL_new(primary_dom->ssl_ctx)) == NULL)
		return -1;
	if (!SSL_set_ex_data(c->ssl, 0, c) || http_io_tls(&k->io, c->ssl) == -1)
		return -1;
	SSL_set_accept_state(c->ssl);
	return 0;
}

/* At accept(), and again after the handshake. */
void
portal_connect(struct connection *c)
{
	struct conn *k = c->hdlr_extra;

	if (k != NULL) {
		c->state = CONN_STATE_ESTABLISHED;
		metrics_handshake(
		    SSL_version(c->ssl), SSL_session_reused(c->ssl) == 1);
		set_state(k, STATE_HEAD);
		now_idle(k);
		return;
	}
	if ((k = take(c, DOOR_HTTPS)) == NULL)
		return;
	k->state = STATE_SHAKE;
	if (start_tls(k) == -1)
		kore_connection_disconnect(c);
	c->state = CONN_STATE_TLS_SHAKE;
	c->read = net_read_tls;
	c->write = net_write_tls;
}

void
portal_connect_plain(struct connection *c)
{
	struct conn *k = take(c, DOOR_HTTP);

	if (k == NULL)
		return;
	set_state(k, STATE_HEAD);
	now_idle(k);
}

/* ---- start and end ---- */

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
	self.set = set;
	self.exchanges.woke = woke;
	self.exchanges.over = over;
	TAILQ_INIT(&self.all);
	TAILQ_INIT(&self.idle[0]);
	TAILQ_INIT(&self.idle[1]);
	if ((self.peers = peers_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory");
	if (portal_open(set, &self.exchanges.portal, e) == -1 ||
	    start_pools(set, e) == -1)
		return -1;
	(void)kore_timer_add(tick, TICK_MS, NULL, 0);
	return 0;
}

/*
 * Idle connections end; what has asked is answered, and who was only just accepted may
 * still ask.
 */
static void
front_drain(void)
{
	struct conn *k, *next;
	int64_t now = clock_mono_ms();

	self.draining = true;
	portal_drain(self.exchanges.portal);
	for (k = TAILQ_FIRST(&self.all); k != NULL; k = next) {
		next = TAILQ_NEXT(k, all);
		if (k->state == STATE_HEAD && k->asked && k->in_len == 0)
			linger(k);
		else if (!k->asked)
			k->since = now;
	}
}

static bool
front_busy(void)
{
	const struct conn *k;

	if (self.exchanges.live > 0)
		return true;
	for (k = TAILQ_FIRST(&self.all); k != NULL; k = TAILQ_NEXT(k, all)) {
		if (k->state != STATE_LINGER)
			return true;
	}
	return false;
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
