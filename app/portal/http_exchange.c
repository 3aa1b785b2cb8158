/*
 * http_exchange.c: one job at a time an exchange; what it has to do next is decided on
 * the loop when the last one ended.
 */
#include "portal/http_exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "portal/http_target.h"

#define SPARES    16
#define BODY_STEP ((size_t)16 * 1024)

/* ---- on a pool thread ---- */

/* Nobody waits for a page that was only to be read. */
static bool
pointless(const struct exchange *x)
{
	return atomic_load(&x->gone) &&
	    (x->req.verb == HTTP_GET || x->req.verb == HTTP_HEAD);
}

/* A file in or out has begun, or ended. */
static void
count_transfer(enum metric_way way, int n)
{
	metrics_add(METRIC_TRANSFERS, way, 0, n);
}

static void
handle(struct exchange *x, struct portal_thread *t)
{
	if (pointless(x))
		return;
	portal_handle(t, &x->req, &x->resp);
	if (x->resp.source.arg != NULL)
		count_transfer(METRIC_OUT, 1);
}

static void
run(void *arg, void *ctx)
{
	struct exchange *x = arg;
	struct desk *d = portal_thread_desk(ctx);
	struct source *src = &x->resp.source;
	struct buf *b = &x->block[x->at];

	switch (x->phase) {
	case EXCHANGE_IDLE:
		break;
	case EXCHANGE_HANDLE:
		handle(x, ctx);
		break;
	case EXCHANGE_BEGIN:
		x->wanted = portal_begin(ctx, &x->req, &x->sink, &x->resp);
		if (x->wanted)
			count_transfer(METRIC_IN, 1);
		break;
	case EXCHANGE_TAKE:
		b = &x->block[!x->at];
		x->failed = x->sink.take(
				x->sink.arg, d, b->data, b->len, &x->err) == -1;
		break;
	case EXCHANGE_FINISH:
		portal_finish(ctx, &x->req, &x->sink, !x->stop && !x->failed,
		    &x->err, &x->resp);
		count_transfer(METRIC_IN, -1);
		break;
	case EXCHANGE_NEXT:
		x->failed = src->next(src->arg, d, b, &x->err) == -1;
		break;
	case EXCHANGE_END:
		src->end(src->arg, d, x->complete);
		count_transfer(METRIC_OUT, -1);
		break;
	}
}

/* ---- jobs ---- */

static void done(void *arg);
static void wind_up(struct exchange *x);

static int
offer(struct exchange *x)
{
	struct pool *pool = x->plan.lane == PORTAL_LANE_HASH &&
		(x->phase == EXCHANGE_HANDLE) ?
	    x->set->hash :
	    x->set->work;
	int ret = pool_submit(pool, &x->job);

	x->busy = ret == 0;
	return ret;
}

int
exchange_start(
    struct exchange *x, enum exchange_phase phase, uint64_t owner_key)
{
	x->job = (struct pool_job){.run = run,
	    .done = done,
	    .arg = x,
	    .lane = x->plan.known ? POOL_FIRST : POOL_SECOND,
	    .owner = owner_key};
	x->phase = phase;
	return offer(x);
}

/* What was begun goes on: it waits for a place, and is not refused one. */
static void
go_on(struct exchange *x, enum exchange_phase phase)
{
	x->phase = phase;
	if (offer(x) == 0)
		return;
	x->busy = true;
	x->next = x->set->stuck;
	x->set->stuck = x;
}

void
exchange_retry(struct exchange_set *set)
{
	struct exchange *x = set->stuck, *next;

	for (set->stuck = NULL; x != NULL; x = next) {
		next = x->next;
		go_on(x, x->phase);
	}
}

static void
done(void *arg)
{
	struct exchange *x = arg;
	struct buf *b;

	x->busy = false;
	switch (x->phase) {
	case EXCHANGE_IDLE:
	case EXCHANGE_HANDLE:
	case EXCHANGE_BEGIN:
		break;
	case EXCHANGE_TAKE:
		buf_clear(&x->block[!x->at]);
		break;
	case EXCHANGE_FINISH:
	case EXCHANGE_END:
		x->ended = true;
		break;
	case EXCHANGE_NEXT:
		b = &x->block[x->at];
		if (b->len == 0 || b->len > x->left)
			x->failed = true;
		else
			x->left -= b->len;
		x->full = true;
		break;
	}
	if (x->owner == NULL)
		wind_up(x);
	else
		x->set->woke(x);
}

/* ---- the body ---- */

uint8_t *
exchange_room(struct exchange *x, size_t *cap)
{
	struct buf *b = x->sink.arg != NULL ? &x->block[x->at] : &x->body;
	size_t want;

	if (x->full || x->left == 0)
		return NULL;
	if (b == &x->body)
		want = b->len < BODY_STEP ? BODY_STEP : b->len * 2;
	else
		want = LIMIT_STREAM_BLOCK;
	want -= b->len;
	if (want > x->left)
		want = (size_t)x->left;
	if (buf_reserve(b, want) == -1)
		return NULL;
	*cap = want;
	return b->data + b->len;
}

void
exchange_put(struct exchange *x, size_t n)
{
	struct buf *b = x->sink.arg != NULL ? &x->block[x->at] : &x->body;

	b->len += n;
	x->left -= n;
	x->in += n;
	if (b != &x->body && (b->len == LIMIT_STREAM_BLOCK || x->left == 0))
		x->full = true;
}

void
exchange_body_done(struct exchange *x)
{
	x->req.body = x->body.data;
	x->req.body_len = x->body.len;
}

void
exchange_pump(struct exchange *x)
{
	if (x->busy || x->phase == EXCHANGE_FINISH)
		return;
	if (x->stop || x->failed) {
		go_on(x, EXCHANGE_FINISH);
	} else if (x->full) {
		x->at = !x->at;
		x->full = false;
		go_on(x, EXCHANGE_TAKE);
	} else if (x->left == 0) {
		go_on(x, EXCHANGE_FINISH);
	}
}

void
exchange_stop(struct exchange *x)
{
	x->stop = true;
	exchange_pump(x);
}

/* ---- the source ---- */

static void
make_next(struct exchange *x)
{
	if (x->left > 0)
		go_on(x, EXCHANGE_NEXT);
}

void
exchange_source(struct exchange *x)
{
	buf_free(&x->block[0]);
	buf_free(&x->block[1]);
	x->at = 0;
	x->full = x->failed = false;
	x->left = x->resp.source.length;
	make_next(x);
}

bool
exchange_block(struct exchange *x, const uint8_t **p, size_t *n)
{
	struct buf *b = &x->block[x->at];

	if (!x->full || x->failed)
		return false;
	*p = b->data;
	*n = b->len;
	x->full = false;
	x->at = !x->at;
	buf_clear(&x->block[x->at]);
	make_next(x);
	return true;
}

bool
exchange_drained(const struct exchange *x)
{
	return !x->busy && !x->full && x->left == 0;
}

/* ---- birth ---- */

static struct exchange *
take_spare(struct exchange_set *set)
{
	struct exchange *x = set->spare;

	if (x == NULL)
		return calloc(1, sizeof(*x));
	set->spare = x->next;
	set->spares--;
	x->next = NULL;
	return x;
}

/* Wipes what held something. */
static void
put_spare(struct exchange *x)
{
	struct exchange_set *set = x->set;

	secret_wipe(x->path, strlen(x->path));
	if (set->spares == SPARES) {
		secret_wipe(x->small, sizeof(x->small));
		free(x);
		return;
	}
	secret_wipe(x->small,
	    x->head.len < sizeof(x->small) ? x->head.len + 1 :
					     sizeof(x->small));
	memset(x, 0, offsetof(struct exchange, field));
	x->next = set->spare;
	set->spare = x;
	set->spares++;
}

/* An id to find log lines by: random of the process, then counted. */
static void
name_request(char out[ID_REQUEST_LEN])
{
	static char first[ID_REQUEST_LEN];
	static uint32_t n;

	if (n++ == 0)
		id_request(first);
	memcpy(out, first, 8);
	for (int i = 0; i < 8; i++)
		out[8 + i] = "0123456789abcdef"[n >> (28 - 4 * i) & 15];
	out[16] = '\0';
}

/* All Cookie fields as one (RFC 6265 5.4 sends one; HTTP/2 hops split it). */
static int
fill_cookie(struct exchange *x)
{
	const struct http_field *f = x->field;
	const char *one = NULL;

	x->req.cookie = "";
	for (size_t i = 0; i < x->req.n_field; i++) {
		if (strcmp(f[i].name, "cookie") != 0)
			continue;
		if (one == NULL) {
			x->req.cookie = one = f[i].value;
			continue;
		}
		if (x->cookie.len == 0 && buf_adds(&x->cookie, one) == -1)
			return -1;
		if (buf_adds(&x->cookie, "; ") == -1 ||
		    buf_adds(&x->cookie, f[i].value) == -1)
			return -1;
	}
	if (x->cookie.len > 0)
		x->req.cookie = buf_cstr(&x->cookie);
	return 0;
}

/* Lower case, without the port: "[::1]:8443" is "[::1]". */
static void
fill_host(struct exchange *x)
{
	struct http_span host = x->head.host;
	char *colon, *p;

	memcpy(x->host, x->text + host.at, host.len);
	x->host[host.len] = '\0';
	colon = strrchr(x->host, ':');
	if (colon != NULL && strchr(colon, ']') == NULL)
		*colon = '\0';
	for (p = x->host; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	x->req.host = x->host;
}

static int
fill_target(struct exchange *x)
{
	struct http_span s = x->head.path;
	const char *query = NULL;
	int status = 0;

	x->text[s.at + s.len] = '\0'; /* the space before HTTP/1.1 */
	if (x->head.whole)
		memcpy(x->path, "*", 2);
	else
		status = http_target(x->text + s.at, s.len, x->path, &query);
	x->req.path = status == 0 ? x->path : "/";
	x->req.query = query != NULL ? query : "";
	return status;
}

static void
fill_fields(struct exchange *x)
{
	static const struct {
		const char *name;
		size_t at;
	} known[] = {
	    {"content-type", offsetof(struct request, content_type)},
	    {"origin", offsetof(struct request, origin)},
	    {"sec-fetch-site", offsetof(struct request, fetch_site)},
	    {"accept-language", offsetof(struct request, accept_language)},
	    {"if-none-match", offsetof(struct request, if_none_match)},
	};
	struct request *req = &x->req;

	http_head_fields(&x->head, x->text, x->field);
	req->field = x->field;
	req->n_field = x->head.fields;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *value = request_field(req, known[i].name);

		memcpy((char *)req + known[i].at, &value, sizeof(value));
	}
}

struct exchange *
exchange_new(struct exchange_set *set, const void *head,
    const struct http_head *h, int *status_out)
{
	struct exchange *x = take_spare(set);

	if (x == NULL)
		return NULL;
	x->set = set;
	x->start_us = clock_mono_us();
	x->head = *h;
	x->text = h->len < sizeof(x->small) ? x->small : malloc(h->len + 1);
	if (x->text == NULL) {
		x->text = x->small;
		put_spare(x);
		return NULL;
	}
	set->live++;
	memcpy(x->text, head, h->len);
	name_request(x->req.id);
	x->req.verb = h->verb;
	x->req.client = x->client;
	x->req.content_length = x->left = h->length;
	fill_host(x);
	*status_out = fill_target(x);
	fill_fields(x);
	if (fill_cookie(x) == -1)
		*status_out = 503;
	return x;
}

/* ---- the end ---- */

static void
exchange_free(struct exchange *x)
{
	x->set->over(x);
	x->set->live--;
	response_free(&x->resp);
	buf_free(&x->block[0]);
	buf_free(&x->block[1]);
	buf_free(&x->body);
	buf_free(&x->cookie);
	if (x->text != x->small) {
		secret_wipe(x->text, x->head.len);
		free(x->text);
	}
	put_spare(x);
}

/* No client, no job: what is owed is done, one after the other. */
static void
wind_up(struct exchange *x)
{
	if (x->sink.arg != NULL && x->wanted && !x->ended) {
		x->stop = true;
		go_on(x, EXCHANGE_FINISH);
		return;
	}
	/* A response after finish() may have a source of its own. */
	if (x->resp.source.arg != NULL && x->phase != EXCHANGE_END) {
		go_on(x, EXCHANGE_END);
		return;
	}
	exchange_free(x);
}

void
exchange_leave(struct exchange *x)
{
	x->owner = NULL;
	atomic_store(&x->gone, true);
	if (!x->busy)
		wind_up(x);
}
