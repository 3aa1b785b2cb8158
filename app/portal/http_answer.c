/*
 * http_answer.c: an answer on its way out. It is put together in a buffer that all
 * connections share: only what the kernel does not take in one turn gets memory of its own.
 */
#include "portal/http_conn.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "portal/http_reply.h"

#define UNSENT_MAX (256 * 1024) /* bytes of a download in the kernel */

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

int
conn_hold(struct conn *k)
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

int
conn_flush(struct conn *k)
{
	struct conn_piece *p = k->piece;
	long n;

	while (conn_unsent(k)) {
		p = k->piece[0].n > 0 ? &k->piece[0] : &k->piece[1];
		if ((n = io_put(&k->io, p->p, p->n)) == IO_END)
			return -1;
		if (n == IO_BLOCK)
			return conn_hold(k);
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
