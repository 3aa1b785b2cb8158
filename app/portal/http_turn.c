/*
 * http_turn.c: bytes in, and whose turn it is. What comes is read into a buffer that all
 * connections share: only what one turn leaves behind gets memory of its own.
 */
#include "portal/http_conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"

#define TURNS 8 /* of one connection before others' */

/* Again; wait for an event; the connection ends; it has ended, and may be gone. */
enum turn { GO, STOP, END, GONE };

/* ---- what has come and was not used ---- */

void
conn_forget(struct conn *k)
{
	if (k->mem != NULL)
		secret_wipe(k->mem, HTTP_HEAD_MAX);
	free(k->mem);
	k->mem = NULL;
	k->in = NULL;
	k->in_len = 0;
}

/* What lies in the common scratch moves to a place of its own; idle ones have none. */
static int
keep(struct conn *k)
{
	if (k->in_len == 0) {
		conn_forget(k);
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

/* ---- turns ---- */

/* The answer has left: the next request, or the end. */
static enum turn
answered(struct conn *k)
{
	struct exchange *x = k->x;

	x->out += x->req.verb == HTTP_HEAD ? 0 :
	    x->resp.ready != NULL          ? x->resp.ready->body_len :
					     x->resp.body.len;
	conn_leave(k);
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
	if (!x->busy && x->failed)
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
	if (conn_unsent(k) && conn_flush(k) == -1)
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
	if (t != GONE && t != END && (keep(k) == -1 || conn_hold(k) == -1))
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

void
conn_woke(struct exchange *x)
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
