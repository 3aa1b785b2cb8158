/*
 * kore_metrics.c: the listener that Prometheus asks. It speaks no more HTTP than that
 * takes, on a loopback address, apart from everything the world can reach.
 */
#include <kore/kore.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/metrics.h"

#define READ_SIZE 2048
#define IDLE_MS   5000 /* for the request, and for taking the answer */

void metrics_connect(struct connection *c);

static void
on_disconnect(struct connection *c)
{
	struct buf *in = c->hdlr_extra;

	c->hdlr_extra = NULL; /* Kore would free it */
	if (in != NULL)
		buf_free(in);
	free(in);
}

static int
on_bytes(struct netbuf *nb)
{
	struct connection *c = nb->owner;
	struct buf *in = c->hdlr_extra, out = BUF_INIT;
	int r;

	if (in == NULL || buf_add(in, nb->buf, nb->s_off) == -1)
		return KORE_RESULT_ERROR;
	nb->s_off = 0;
	if ((r = metrics_answer(in->data, in->len, &out)) == -1)
		return KORE_RESULT_ERROR;
	if (r == 0)
		return KORE_RESULT_OK;
	net_send_queue(c, out.data, out.len);
	buf_free(&out);
	c->flags |= CONN_CLOSE_EMPTY | CONN_LINGER;
	/* Nothing more is read. */
	kore_free(nb->buf);
	nb->buf = NULL;
	nb->m_len = 0;
	return net_send_flush(c) ? KORE_RESULT_RETRY : KORE_RESULT_ERROR;
}

/* The callback of the server `metrics` in kore.conf and intake.conf. */
void
metrics_connect(struct connection *c)
{
	c->state = CONN_STATE_ESTABLISHED;
	/* Without memory for it the first byte ends the connection. */
	c->hdlr_extra = calloc(1, sizeof(struct buf));
	c->disconnect = on_disconnect;
	c->idle_timer.length = IDLE_MS;
	kore_connection_start_idletimer(c);
	net_recv_queue(c, READ_SIZE, NETBUF_CALL_CB_ALWAYS, on_bytes);
}
