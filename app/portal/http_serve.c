/*
 * http_serve.c: what becomes of a head: refused, answered at once, or given to a thread with
 * or without its body; and what each neighbour may have of that at a time.
 */
#include "portal/http_conn.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "front/tls.h"
#include "portal/http_log.h"
#include "portal/plain.h"
#include "portal/portal.h"
#include "portal/routes.h"

/* What a body takes of its neighbour's LIMIT_BODIES_PEER. */
enum { UNITS_FORM = 1, UNITS_LARGE = 4 };

/* ---- shares ---- */

void
conn_uncount(struct exchange *x)
{
	struct conn_front *f = x->set->arg;
	struct peer *peer = x->peer;

	if (peer == NULL)
		return;
	peer->bodies -= x->body_units;
	peer->transfers -= x->transfer;
	f->bodies[x->plan.known] -= x->body_units == UNITS_LARGE;
	f->forms -= x->body_units == UNITS_FORM;
	f->transfers -= x->transfer;
	peer_drop(f->peers, peer);
	x->peer = NULL;
	if (x->session != NULL) {
		x->session->bodies -= x->body_units;
		x->session->transfers -= x->transfer;
	}
	peer_drop(f->peers, x->session);
	x->session = NULL;
}

/* It may be counted for longer than its connection lasts. */
static int
count_in(struct conn *k, unsigned units, bool transfer)
{
	struct exchange *x = k->x;
	struct peer *peer = peer_hold(k->f->peers, k->addr);

	if (peer == NULL)
		return -1;
	if (x->plan.owner != 0) {
		x->session = peer_hold_session(k->f->peers, x->plan.owner);
		if (x->session == NULL) {
			peer_drop(k->f->peers, peer);
			return -1;
		}
		x->session->bodies += units;
		x->session->transfers += transfer;
	}
	x->peer = peer;
	x->body_units = units;
	x->transfer = transfer;
	peer->bodies += units;
	peer->transfers += transfer;
	k->f->bodies[x->plan.known] += units == UNITS_LARGE;
	k->f->forms += units == UNITS_FORM;
	k->f->transfers += transfer;
	return 0;
}

void
conn_count_transfer(struct conn *k)
{
	struct exchange *x = k->x;

	if (x->peer == NULL) {
		(void)count_in(k, 0, true);
	} else if (!x->transfer) {
		x->transfer = true;
		x->peer->transfers++;
		k->f->transfers++;
	}
}

static int
turned_away(int status, enum metric_why why)
{
	metrics_add(METRIC_TURNED_AWAY, why, 0, 1);
	return status;
}

/* Has this neighbour, or this session from wherever it asks, as much as one may have? */
static int
one_has_enough(const struct peer *one, unsigned units, bool transfer)
{
	if (one->bodies + units > LIMIT_BODIES_PEER * UNITS_LARGE)
		return turned_away(429, METRIC_WHY_BODIES);
	if (transfer && one->transfers >= LIMIT_TRANSFERS_PEER)
		return turned_away(429, METRIC_WHY_REQUESTS);
	return 0;
}

static int
session_has_enough(struct conn *k, unsigned units, bool transfer)
{
	uint64_t owner = k->x->plan.owner;
	struct peer *s;
	int status;

	if (owner == 0)
		return 0;
	if ((s = peer_hold_session(k->f->peers, owner)) == NULL)
		return 503;
	status = one_has_enough(s, units, transfer);
	peer_drop(k->f->peers, s);
	return status;
}

/* As what a body that has not come with its head counts. */
static unsigned
body_units(const struct conn *k)
{
	const struct exchange *x = k->x;
	bool large = x->head.length > LIMIT_FORM_BODY;

	if (x->head.length <= k->in_len)
		return 0;
	/* A reader's counts by the memory it takes: a stream's is that of its blocks. */
	if (x->plan.known)
		return large && !x->plan.stream ? UNITS_LARGE : 0;
	return large ? UNITS_LARGE : UNITS_FORM;
}

/*
 * Large bodies, small ones of strangers, and files on their way are so many at a time. What
 * a stranger asks for is no file before somebody has looked. 0, or the status of the refusal.
 */
static int
share_refused(struct conn *k)
{
	const struct exchange *x = k->x;
	bool transfer = x->plan.class == ROUTE_TRANSFER && x->plan.known;
	unsigned units = body_units(k);
	int status;

	if (units == 0 && !transfer)
		return 0;
	if ((status = one_has_enough(k->peer, units, transfer)) != 0 ||
	    (status = session_has_enough(k, units, transfer)) != 0)
		return status;
	if ((units == UNITS_LARGE &&
		k->f->bodies[x->plan.known] >= LIMIT_BODIES) ||
	    (units == UNITS_FORM && k->f->forms >= LIMIT_FORMS))
		return turned_away(503, METRIC_WHY_BODIES);
	if (transfer && k->f->transfers >= LIMIT_TRANSFERS)
		return turned_away(503, METRIC_WHY_REQUESTS);
	return count_in(k, units, transfer) == -1 ? 503 : 0;
}

/* ---- the first job ---- */

void
conn_start_job(struct conn *k, enum exchange_phase phase)
{
	struct exchange *x = k->x;
	int ret = exchange_start(
	    x, phase, x->plan.known ? x->plan.owner : k->peer->key);

	if (ret == 0) {
		conn_state(k, CONN_WAIT);
		return;
	}
	log_line(LOG_LEVEL_WARN, x->req.id, "request refused", "queue=%s",
	    ret == POOL_GREEDY ? "greedy" : "full");
	conn_refuse(k, ret == POOL_GREEDY ? 429 : 503);
}

/* ---- by door and target ---- */

/*
 * RFC 9110 7.4: who asked for another name in the handshake is told so. An address is no
 * name (RFC 6066 3), though some send one.
 */
static bool
misdirected(const struct conn *k)
{
	const char *name;
	struct in_addr v4;

	if (k->io.ssl == NULL)
		return false;
	name = SSL_get_servername(k->io.ssl, TLSEXT_NAMETYPE_host_name);
	return name != NULL && strcasecmp(name, k->x->host) != 0 &&
	    strchr(name, ':') == NULL && inet_pton(AF_INET, name, &v4) != 1;
}

static void
serve_portal(struct conn *k)
{
	struct exchange *x = k->x;
	struct portal *p = k->f->exchanges.portal;
	int status;

	if (misdirected(k)) {
		conn_refuse_and_close(k, 421);
		return;
	}
	portal_plan(p, &x->req, &x->plan);
	k->known = x->plan.known;
	x->resp.route = x->plan.route;
	if (x->head.length > x->plan.body) {
		conn_refuse_and_close(k, 413);
		return;
	}
	if ((status = share_refused(k)) != 0) {
		conn_refuse(k, status);
	} else if (x->plan.stream) {
		conn_start_job(k, EXCHANGE_BEGIN);
	} else if (x->head.length > 0) {
		conn_state(k, CONN_BODY);
		conn_go_ahead(k);
	} else if (x->plan.quick && portal_quick(p, &x->req, &x->resp)) {
		conn_answer(k);
	} else {
		conn_start_job(k, EXCHANGE_HANDLE);
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
	conn_answer(k);
}

/* ---- a head ---- */

static void
fill_tls(struct conn *k, struct exchange *x)
{
	const char *version;

	if (k->io.ssl == NULL)
		return;
	version = SSL_version(k->io.ssl) == TLS1_3_VERSION ? "1.3" : "1.2";
	memcpy(x->tls, version, 4);
}

/* Written as IPv4 where it is that, whichever socket it came through. */
static void
fill_client(struct conn *k, struct exchange *x)
{
	const struct sockaddr_in *v4 = (const void *)k->addr;
	const struct sockaddr_in6 *v6 = (const void *)k->addr;
	const void *addr = &v4->sin_addr;
	int family = k->addr->sa_family;

	if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		family = AF_INET;
		addr = &v6->sin6_addr.s6_addr[12];
	} else if (family == AF_INET6) {
		addr = &v6->sin6_addr;
	}
	if (inet_ntop(family, addr, x->client, sizeof(x->client)) == NULL)
		x->client[0] = '\0';
}

int
conn_begin(struct conn *k, const struct http_head *h, int status)
{
	static const char nothing[] = "GET / HTTP/1.0\r\n\r\n";
	struct http_head bad = {.len = sizeof(nothing) - 1,
	    .verb = HTTP_OTHER,
	    .close = true,
	    .path = {4, 1}};
	struct exchange *x;
	int wrong = 0;

	if (status == 0)
		x = exchange_new(&k->f->exchanges, k->in, h, &wrong);
	else
		x = exchange_new(&k->f->exchanges, nothing, &bad, &wrong);
	if (x == NULL)
		return -1;
	k->x = x;
	x->owner = k;
	if (!k->asked && k->io.ssl != NULL)
		tls_ticket(k->io.ssl);
	k->asked = true;
	k->close = false;
	fill_tls(k, x);
	fill_client(k, x);
	conn_state(k, CONN_WAIT);
	if (status != 0) {
		conn_refuse_and_close(k, status);
		return 0;
	}
	conn_use(k, h->len);
	if (wrong != 0)
		conn_refuse_and_close(k, wrong);
	else if (h->whole)
		serve_options(k);
	else if (k->door == DOOR_HTTPS)
		serve_portal(k);
	else if (h->length > 0)
		conn_refuse_and_close(k, 413);
	else {
		portal_plain(k->f->set, &x->req, &x->resp);
		conn_answer(k);
	}
	return 0;
}

/* ---- the log of requests ---- */

void
conn_over(struct exchange *x)
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

	conn_uncount(x);
	http_log(&line, clock_now());
	metrics_add(METRIC_BYTES, METRIC_IN, 0, (int64_t)x->in);
	metrics_add(METRIC_BYTES, METRIC_OUT, 0, (int64_t)x->out);
	if (x->plan.route != NULL)
		metrics_request(
		    x->plan.route, x->plan.class, x->resp.status, us);
}
