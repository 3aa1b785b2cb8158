/*
 * kore_portal.c: the portal's edge to Kore: a request becomes a struct request and a
 * job, the response goes out from the event loop. What a request means is the pages'.
 */
#include "base/front.h"

#include <kore/kore.h>
#include <kore/http.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "portal/http_head.h"
#include "portal/portal.h"

#define QUEUE_WORK   1000 /* requests waiting for a thread */
#define QUEUE_HASH   100  /* each is some 80 ms of a core */
#define THREADS_HASH 2    /* each holds 64 MiB while it runs */
#define COPY_MAX     8192 /* a response up to this goes out with its head */

/*
 * One request between its arrival and its answer. It owns Kore's buffers of head
 * and body, so that they stay when the client goes; Kore's memory is the loop's
 * alone, and so is making and freeing this.
 */
struct exchange {
	struct pool_job job;
	struct http_request *kreq; /* NULL once the client has gone */
	struct request req;
	struct response resp;
	u_int8_t *head;
	struct kore_buf *body;
	struct buf cookie;
	char host[HTTP_HEAD_HOST + 1];
	char client[INET6_ADDRSTRLEN];
	int64_t start; /* ms */
	bool large;    /* counted as such */
};

static struct {
	struct portal *portal;
	struct pool *work;
	struct pool *hash;
	unsigned large; /* bodies over a plain form's */
	bool draining;
	struct buf too_big; /* the page of that name */
} self;

int portal_page(struct http_request *kreq);

/* ---- from Kore ---- */

static enum http_verb
verb_of(const struct http_request *kreq)
{
	switch (kreq->method) {
	case HTTP_METHOD_GET:
		return HTTP_GET;
	case HTTP_METHOD_HEAD:
		return HTTP_HEAD;
	case HTTP_METHOD_POST:
		return HTTP_POST;
	default:
		return HTTP_OTHER;
	}
}

static const char *
field(struct http_request *kreq, const char *name)
{
	const char *value;

	return http_request_header(kreq, name, &value) ? value : "";
}

static void
fill_client(struct exchange *x, const struct connection *c)
{
	const void *addr = &c->addr.ipv4.sin_addr;

	if (c->family == AF_INET6)
		addr = &c->addr.ipv6.sin6_addr;
	if (inet_ntop(c->family, addr, x->client, sizeof(x->client)) == NULL)
		x->client[0] = '\0';
}

/* Lower case, without the port: "[::1]:8443" is "[::1]". */
static void
fill_host(struct exchange *x, const char *host)
{
	char *colon;

	(void)kore_strlcpy(x->host, host, sizeof(x->host));
	colon = strrchr(x->host, ':');
	if (colon != NULL && strchr(colon, ']') == NULL)
		*colon = '\0';
	for (char *p = x->host; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
}

/* All Cookie fields as one (RFC 6265 5.4 sends one; HTTP/2 hops split it). */
static int
fill_cookie(struct exchange *x, struct http_request *kreq)
{
	struct http_header *h;

	TAILQ_FOREACH(h, &kreq->req_headers, list)
	{
		if (strcasecmp(h->header, "cookie") != 0)
			continue;
		if (x->cookie.len > 0 && buf_adds(&x->cookie, "; ") == -1)
			return -1;
		if (buf_adds(&x->cookie, h->value) == -1)
			return -1;
	}
	return 0;
}

/* The head of kreq, in place; -1 when memory is out. */
static int
fill_request(struct exchange *x, struct http_request *kreq)
{
	struct request *req = &x->req;

	if (fill_cookie(x, kreq) == -1)
		return -1;
	fill_host(x, kreq->host);
	fill_client(x, kreq->owner);
	id_request(req->id);
	req->verb = verb_of(kreq);
	req->path = kreq->path;
	req->query = kreq->query_string != NULL ? kreq->query_string : "";
	req->host = x->host;
	req->client = x->client;
	req->cookie = buf_cstr(&x->cookie);
	req->content_type = field(kreq, "content-type");
	req->origin = field(kreq, "origin");
	req->fetch_site = field(kreq, "sec-fetch-site");
	req->accept_language = field(kreq, "accept-language");
	req->if_none_match = field(kreq, "if-none-match");
	return 0;
}

/* A request whose large body is no longer expected, or not taken. */
static void
large_gone(struct http_request *kreq)
{
	kreq->onfree = NULL;
	self.large--;
}

/* Takes Kore's buffers; its fields of the head still point into them. */
static void
take_buffers(struct exchange *x, struct http_request *kreq)
{
	x->head = kreq->headers;
	kreq->headers = NULL;
	x->body = kreq->http_body;
	kreq->http_body = NULL;
	x->large = kreq->onfree == large_gone;
	kreq->onfree = NULL;
	if (x->body != NULL && kreq->http_body_length > 0) {
		x->req.body = x->body->data;
		x->req.body_len = kreq->http_body_length;
	}
}

static void
exchange_free(struct exchange *x)
{
	response_free(&x->resp);
	kore_free(x->head); /* wipes */
	if (x->body != NULL)
		kore_buf_free(x->body);
	buf_free(&x->cookie);
	if (x->large)
		self.large--;
	secret_wipe(x, sizeof(*x));
	free(x);
}

static void
log_request(const struct exchange *x, const char *end)
{
	static const char *const verbs[] = {[HTTP_GET] = "GET",
	    [HTTP_HEAD] = "HEAD",
	    [HTTP_POST] = "POST",
	    [HTTP_OTHER] = "other"};

	log_line(LOG_LEVEL_INFO, x->req.id, "request",
	    "route=%s method=%s status=%d bytes=%zu ms=%lld%s",
	    x->resp.route != NULL ? x->resp.route : "-", verbs[x->req.verb],
	    x->resp.status, x->resp.body.len,
	    (long long)(clock_mono_ms() - x->start), end);
}

/* ---- to Kore ---- */

/* Kore has sent the body, or dropped it with its connection. */
static int
body_sent(struct netbuf *nb)
{
	struct buf *body = nb->extra;

	buf_free(body);
	free(body);
	return KORE_RESULT_OK;
}

/* Sends from the buffer of the response itself, which is Kore's from here on. */
static int
send_large(struct http_request *kreq, struct response *resp)
{
	struct buf *body = malloc(sizeof(*body));

	if (body == NULL)
		return -1;
	*body = resp->body;
	resp->body = (struct buf)BUF_INIT;
	http_response_stream(
	    kreq, resp->status, body->data, body->len, body_sent, body);
	return 0;
}

static int
send_response(struct http_request *kreq, struct response *resp)
{
	for (size_t i = 0; i < resp->n_header; i++) {
		http_response_header(
		    kreq, resp->header[i].name, resp->header[i].value);
	}
	if (resp->body.len > COPY_MAX && kreq->method != HTTP_METHOD_HEAD)
		return send_large(kreq, resp);
	http_response(kreq, resp->status, resp->body.data, resp->body.len);
	return 0;
}

/* Answers, and leaves the request to Kore to be freed. */
static void
respond(struct exchange *x)
{
	struct http_request *kreq = x->kreq;
	struct connection *c = kreq->owner;

	x->kreq = NULL;
	kreq->hdlr_extra = NULL;
	kreq->onfree = NULL;
	kreq->flags |= HTTP_REQUEST_DELETE;
	http_request_wakeup(kreq);
	if (c == NULL || c->state != CONN_STATE_ESTABLISHED)
		return;
	if (self.draining)
		c->flags |= CONN_CLOSE_EMPTY;
	kore_connection_start_idletimer(c);
	if (send_response(kreq, &x->resp) == -1 || !net_send_flush(c))
		kore_connection_disconnect(c);
}

static void
handle(void *arg, void *ctx)
{
	struct exchange *x = arg;

	portal_handle(ctx, &x->req, &x->resp);
}

static void
handled(void *arg)
{
	struct exchange *x = arg;

	log_request(x, x->kreq == NULL ? " client=gone" : "");
	if (x->kreq != NULL)
		respond(x);
	exchange_free(x);
}

/* Kore frees the request under a running job: the job ends for nobody. */
static void
client_gone(struct http_request *kreq)
{
	struct exchange *x = kreq->hdlr_extra;

	if (x != NULL)
		x->kreq = NULL;
	kreq->hdlr_extra = NULL;
}

/* Too much at once: a short answer, and the client makes room. */
static void
refuse(struct http_request *kreq)
{
	static const char text[] = "Busy. Please try again in a moment.\n";

	kreq->owner->flags |= CONN_CLOSE_EMPTY;
	http_response_header(kreq, "content-type", "text/plain; charset=utf-8");
	http_response_header(kreq, "cache-control", "no-store");
	http_response_header(kreq, "retry-after", "5");
	http_response(kreq, 503, text, sizeof(text) - 1);
}

/* The one route of kore.conf. */
int
portal_page(struct http_request *kreq)
{
	struct exchange *x = calloc(1, sizeof(*x));
	struct pool *pool;

	if (x == NULL || fill_request(x, kreq) == -1) {
		if (x != NULL)
			exchange_free(x);
		refuse(kreq);
		return KORE_RESULT_OK;
	}
	x->start = clock_mono_ms();
	x->job = (struct pool_job){.run = handle, .done = handled, .arg = x};
	pool = portal_is_hash(&x->req) ? self.hash : self.work;
	take_buffers(x, kreq);
	if (pool_submit(pool, &x->job) == -1) {
		refuse(kreq);
		x->resp.status = 503;
		log_request(x, " queue=full");
		exchange_free(x);
		return KORE_RESULT_OK;
	}
	x->kreq = kreq;
	kreq->hdlr_extra = x;
	kreq->flags |= HTTP_REQUEST_RETAIN_EXTRA;
	kreq->onfree = client_gone;
	http_request_sleep(kreq);
	return KORE_RESULT_RETRY;
}

/* ---- what Kore asks while it reads ---- */

static int
check_head(const void *p, size_t n, size_t *len_out)
{
	int status = http_head_check(p, n, len_out);

	if (status > 0) {
		log_line(LOG_LEVEL_INFO, NULL, "request refused", "status=%d",
		    status);
	}
	return status;
}

/* A cookie is not looked up here, so anybody may begin an upload: some at a time. */
static size_t
large_limit(struct http_request *kreq, size_t limit)
{
	/* Kore asks twice. */
	if (limit <= LIMIT_FORM_BODY ||
	    kreq->content_length <= LIMIT_FORM_BODY ||
	    kreq->onfree == large_gone)
		return limit;
	if (self.large == LIMIT_UPLOADS) {
		log_line(LOG_LEVEL_WARN, NULL, "upload refused",
		    "uploads=%u most=%u", self.large, LIMIT_UPLOADS);
		return LIMIT_FORM_BODY;
	}
	self.large++;
	kreq->onfree = large_gone;
	return limit;
}

static size_t
body_limit(struct http_request *kreq)
{
	struct exchange *x = calloc(1, sizeof(*x));
	size_t limit = 0;

	if (x == NULL)
		return 0;
	if (fill_request(x, kreq) == 0)
		limit = portal_body_limit(&x->req);
	exchange_free(x);
	return large_limit(kreq, limit);
}

/* The page of a body that is too big; what else Kore refuses, no person sends. */
static const void *
refusal_page(int status, size_t *len)
{
	if (status != 413)
		return NULL;
	*len = self.too_big.len;
	return self.too_big.data;
}

/* ---- start and end ---- */

static int
thread_open(void *arg, void **ctx_out, struct err *e)
{
	(void)arg;
	if ((*ctx_out = portal_thread_open(self.portal)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "no memory for a thread");
	return 0;
}

static void
thread_close(void *ctx)
{
	portal_thread_close(ctx);
}

static int
front_start(const struct settings *set, struct err *e)
{
	struct pool_setup work = {.name = "work",
	    .threads = set->threads,
	    .queue = QUEUE_WORK,
	    .init = thread_open,
	    .fini = thread_close};
	struct pool_setup hash = {.name = "hash",
	    .threads = THREADS_HASH,
	    .queue = QUEUE_HASH,
	    .init = thread_open,
	    .fini = thread_close};

	if (portal_open(set, &self.portal, e) == -1)
		return -1;
	if ((self.work = pool_new(&work, e)) == NULL ||
	    (self.hash = pool_new(&hash, e)) == NULL)
		return -1;
	front_watch_pool(self.work);
	front_watch_pool(self.hash);
	if (portal_too_big(self.portal, &self.too_big, e) == -1)
		return -1;
	http_error_hook = refusal_page;
	http_head_hook = check_head;
	http_body_limit_hook = body_limit;
	return 0;
}

static void
front_drain(void)
{
	self.draining = true;
}

static bool
front_busy(void)
{
	return pool_pending(self.work) > 0 || pool_pending(self.hash) > 0;
}

static void
front_stop(void)
{
	pool_free(self.work);
	pool_free(self.hash);
	portal_close(self.portal);
	buf_free(&self.too_big);
}

const struct front front_portal = {
    .name = "portal",
    .alpn = true,
    .start = front_start,
    .drain = front_drain,
    .busy = front_busy,
    .stop = front_stop,
};
