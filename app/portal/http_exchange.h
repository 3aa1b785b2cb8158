/*
 * http_exchange.h: one request from its head to the end of its answer: its memory, its
 * jobs on the pools, the blocks of what is streamed. Knows no socket: whoever holds the
 * connection (its owner) puts bytes in, takes bytes out, and is woken when a job ended.
 * An exchange outlives its owner until what was begun for it has been ended.
 */
#ifndef PORTAL_HTTP_EXCHANGE_H
#define PORTAL_HTTP_EXCHANGE_H

#include <netinet/in.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "portal/http_head.h"
#include "portal/portal.h"

struct peer;

enum exchange_phase {
	EXCHANGE_IDLE,
	EXCHANGE_HANDLE, /* portal_handle() */
	EXCHANGE_BEGIN,  /* portal_begin(): wanted says what it said */
	EXCHANGE_TAKE,   /* a block into the sink */
	EXCHANGE_FINISH, /* portal_finish() */
	EXCHANGE_NEXT,   /* a block of the source */
	EXCHANGE_END,    /* the source's end() */
};

struct exchange {
	struct request req;
	struct response resp;
	struct portal_plan plan;
	struct http_head head;
	void *owner;          /* NULL: nobody waits for it any more */
	struct peer *peer;    /* whom it is counted with; or NULL */
	struct peer *session; /* the same, of a known session */
	unsigned body_units;  /* and as what */
	bool transfer;
	int64_t start_us;
	uint64_t in;        /* bytes of the body that came */
	uint64_t out;       /* bytes of the answer's body that left */
	const char *remark; /* for the log: "client=gone" */
	bool complete;      /* the source's bytes were all acknowledged */
	char tls[8];        /* "1.3", "" */
	char client[INET6_ADDRSTRLEN];
	char host[HTTP_HEAD_HOST + 1];

	/* The rest is http_exchange.c's; owners may look. */
	struct exchange_set *set;
	struct pool_job job;
	enum exchange_phase phase;
	bool busy;   /* a job is on its way, or stuck */
	bool failed; /* it said so, in err */
	bool wanted; /* of portal_begin(): the body is */
	bool stop;   /* the body will not be whole */
	bool ended;  /* finish() or end() was called: nothing is owed */
	bool full;   /* sink: a block waits to be taken; source: to be sent */
	atomic_bool gone;
	struct sink sink;
	struct err err;
	struct buf block[2];
	int at;        /* the block that is being read into, or made */
	uint64_t left; /* bytes of the body to come, of the source to be made */
	struct buf cookie;
	struct buf body;
	char *text; /* the head's own copy */
	struct exchange *next;
	struct http_field field[HTTP_HEAD_FIELDS];
	char path[HTTP_HEAD_TARGET + 2];
	char small[2048]; /* text, when it is short */
};

struct exchange_set {
	struct portal *portal;
	struct pool *work;
	struct pool *hash;
	void *arg;                        /* the owners' */
	void (*woke)(struct exchange *x); /* a job ended; owner is not NULL */
	void (*over)(struct exchange *x); /* before it is freed: for the log */
	unsigned live;
	struct exchange *spare; /* a few kept for the next */
	unsigned spares;
	struct exchange *stuck; /* jobs that found no place in the pool */
};

/*
 * A request from its head's bytes. NULL: memory. *status_out: 0, or that of a refusal
 * (400: the target).
 */
struct exchange *exchange_new(struct exchange_set *set, const void *head,
    const struct http_head *h, int *status_out);

/*
 * The first job: EXCHANGE_HANDLE or EXCHANGE_BEGIN. 0, POOL_FULL or POOL_GREEDY.
 * owner_key: whose turn it takes, as in pool.h.
 */
int exchange_start(struct exchange *x, enum exchange_phase phase,
    uint64_t owner_key) __attribute__((warn_unused_result));

/* ---- the body, into memory or a sink ---- */

/* Where bytes of the body go, and how many; NULL: none now. */
uint8_t *exchange_room(struct exchange *x, size_t *cap);
/* n bytes were put there. */
void exchange_put(struct exchange *x, size_t n);
/* Into memory: the body has no more to come, the request gets it. */
void exchange_body_done(struct exchange *x);
/* Into a sink: moves blocks on. stop: there will be no more; portal_finish() is called. */
void exchange_pump(struct exchange *x);
void exchange_stop(struct exchange *x);

/* ---- the answer from a source ---- */

/* Begins making blocks. */
void exchange_source(struct exchange *x);
/* The next block, if one is ready; good until the next call. left is 0 behind the last. */
bool exchange_block(struct exchange *x, const uint8_t **p, size_t *n);
/* All blocks were handed out. */
bool exchange_drained(const struct exchange *x);

/* ---- the end ---- */

/* The owner is done with it: what is owed is done, then it is freed. */
void exchange_leave(struct exchange *x);
/* Tries again what found no place. Call it some times a second. */
void exchange_retry(struct exchange_set *set);

#endif
