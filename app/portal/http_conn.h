/*
 * http_conn.h: one connection of the portal, from its first byte to its close, as a machine
 * that is told what the socket can do and asks to be closed. Kore, which owns the socket,
 * is kore_portal.c's; what comes is http_turn.c's, what becomes of a head http_serve.c's,
 * what leaves http_answer.c's, and deadlines are http_deadline.c's.
 * All of it runs on one event loop.
 */
#ifndef PORTAL_HTTP_CONN_H
#define PORTAL_HTTP_CONN_H

#include <sys/queue.h>

#include "base/metrics.h"
#include "base/peers.h"
#include "base/settings.h"
#include "portal/http_exchange.h"
#include "portal/http_head.h"
#include "front/io.h"

enum conn_door { DOOR_HTTPS = METRIC_HTTPS, DOOR_HTTP = METRIC_HTTP };

enum conn_at {
	CONN_SHAKE, /* TLS: not ours */
	CONN_HEAD,  /* between requests, or within a head */
	CONN_BODY,  /* into memory */
	CONN_SINK,  /* into a sink */
	CONN_WAIT,  /* a job runs: nothing is read */
	CONN_REPLY, /* the answer leaves */
	CONN_ACK,   /* a download has left, and may not have arrived */
	CONN_LAST   /* what still comes is thrown away */
};

struct conn_piece {
	const uint8_t *p;
	size_t n;
};

struct conn {
	struct conn_front *f;
	void *socket; /* the owner's */
	const struct sockaddr *addr;
	struct io io;
	struct exchange *x;
	struct peer *peer;
	enum conn_door door;
	enum conn_at at;
	bool asked;    /* there was a request already */
	bool known;    /* the last one was of a session */
	bool tried;    /* what has come is no whole head yet */
	bool close;    /* after this answer */
	bool idle;     /* in a list of those */
	bool rested;   /* idle, and without buffers of TLS */
	int64_t since; /* ms: of what the deadline counts from */
	uint8_t *in;   /* came and was not used yet: in mem, or in f->scratch */
	size_t in_len;
	uint8_t *mem;
	struct conn_piece piece[2]; /* to be sent; the first may lie in hold */
	uint8_t *hold;
	uint64_t sent; /* bytes of this answer handed to the kernel */
	uint64_t mark; /* progress at the last look */
	int slow;      /* ms that the client was waited for since */
	TAILQ_ENTRY(conn) all;
	TAILQ_ENTRY(conn) waiting;
	TAILQ_ENTRY(conn) shaking; /* the owner's */
	bool shakes;               /* the owner's: is in that list */
};

TAILQ_HEAD(conn_list, conn);

/* What the connections of a process share. */
struct conn_front {
	const struct settings *set;
	struct exchange_set exchanges;
	struct peers *peers;
	struct conn_list all;
	struct conn_list idle[2]; /* oldest first; [1] of known sessions */
	unsigned count;
	unsigned bodies[2]; /* large; [1] of known sessions */
	unsigned forms;     /* of strangers, small, not whole yet */
	unsigned transfers; /* files on their way */
	bool draining;
	int64_t second; /* ms: the last look at deadlines */
	/* Of the connection whose turn it is; wiped at its end. */
	uint8_t scratch[HTTP_HEAD_MAX];
	uint8_t out[IO_RECORD];
	size_t scratch_used, out_used;
	/*
	 * The owner's, given the socket. All of them may call conn_free(). close: at
	 * once; linger: says that no more comes, and throws away what still does; again:
	 * calls conn_run() when others had their turn.
	 */
	void (*close)(void *socket);
	void (*linger)(void *socket);
	void (*again)(void *socket);
};

/* -1: memory. */
int conn_front_init(struct conn_front *f, const struct settings *set)
    __attribute__((warn_unused_result));

/* NULL when there is no place for it: it is to be closed at once. */
struct conn *conn_new(struct conn_front *f, enum conn_door door, int fd,
    const struct sockaddr *addr, void *socket);
/* The socket is about to be closed. */
void conn_free(struct conn *k);
/* Accepted, or the handshake is done: the first head is awaited. */
void conn_open(struct conn *k);
/* As far as it goes without waiting. k may be gone. */
void conn_run(struct conn *k);

/* Some times a second. */
void conn_tick(struct conn_front *f);
/*
 * No more is to come: idle connections end; what has asked is answered, and who was only
 * just accepted may still ask.
 */
void conn_drain(struct conn_front *f);
bool conn_busy(const struct conn_front *f);

/* ---- between the files of the machine ---- */

void conn_state(struct conn *k, enum conn_at at);
void conn_idle(struct conn *k);
void conn_not_idle(struct conn *k);
bool conn_unsent(const struct conn *k);
/* Drops the first n bytes of what came. */
void conn_use(struct conn *k, size_t n);
/* What came and was not used is dropped, and its memory. */
void conn_forget(struct conn *k);
/* What was not sent moves out of the common buffer. -1: memory. */
int conn_hold(struct conn *k) __attribute__((warn_unused_result));
/* As much of the answer as the kernel takes. -1: the connection is broken. */
int conn_flush(struct conn *k) __attribute__((warn_unused_result));
/* The connection has no more to do with its request. */
void conn_leave(struct conn *k);
/* A job of an exchange has ended. */
void conn_woke(struct exchange *x);
/* Answers with k->x->resp. */
void conn_answer(struct conn *k);
/* An answer of our own, before or in place of a page's. */
void conn_refuse(struct conn *k, int status);
/* The same, where what follows cannot be told from a request. */
void conn_refuse_and_close(struct conn *k, int status);
/* "100 Continue", to who waits for it. */
void conn_go_ahead(struct conn *k);
/* k may be gone. */
void conn_disconnect(struct conn *k);
void conn_linger(struct conn *k);

/* A whole head: status 0; or the status of its refusal. -1: memory. */
int conn_begin(struct conn *k, const struct http_head *h, int status)
    __attribute__((warn_unused_result));
void conn_start_job(struct conn *k, enum exchange_phase phase);
/* A file is on its way, whether or not it was counted before. */
void conn_count_transfer(struct conn *k);
/* The exchange has no more share of its neighbour's. */
void conn_uncount(struct exchange *x);
/* The exchange is over: its line in the log. */
void conn_over(struct exchange *x);
/* Makes room: who waits longest for nothing goes first, readers last. */
void conn_shed(struct conn_front *f);

#endif
