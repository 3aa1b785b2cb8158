/*
 * portal.h: the pages, as the glue calls them.
 */
#ifndef PORTAL_PORTAL_H
#define PORTAL_PORTAL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/settings.h"
#include "portal/http.h"

struct portal; /* one a process: templates, assets, settings, shared state */
struct pool;
struct portal_thread; /* one a pool thread: database and keyd connections */

/* Once a worker process, after fork, before threads. */
int portal_open(const struct settings *set, struct portal **out, struct err *e)
    __attribute__((warn_unused_result));
void portal_close(struct portal *p);
/* connects lazily; NULL: memory */
struct portal_thread *portal_thread_open(struct portal *p);
void portal_thread_close(struct portal_thread *t);

/* For /readyz: the pool that serves pages (NULL: no more), and that the end has come. */
void portal_watch(struct portal *p, const struct pool *work);
void portal_drain(struct portal *p);

/* ---- on the event loop, before the body ---- */

enum portal_lane { PORTAL_LANE_PAGE, PORTAL_LANE_HASH };

struct portal_plan {
	enum portal_lane lane;
	uint64_t body; /* bytes at most */
	/* the body goes to a sink: portal_begin() before it is read */
	bool stream;
	bool known; /* names a session that was good a moment ago: goes first */
	uint64_t owner;    /* of a known one: whose turn it takes, never 0 */
	bool quick;        /* try portal_quick() */
	unsigned class;    /* enum route_class, for the metrics */
	const char *route; /* name, for the log and the metrics; constant */
};
/* What the head alone tells: no database, no waiting. */
void portal_plan(
    struct portal *p, const struct request *req, struct portal_plan *out);

/*
 * The answer where it stands ready (assets, health, pages that are the same for
 * everybody): true with resp filled, mostly with resp->ready. false: as any other page.
 */
bool portal_quick(
    struct portal *p, const struct request *req, struct response *resp);

/*
 * What somebody is told whom nobody knows yet: head or body refused (400, 408, 411,
 * 413, 429, 431, 503 ...). 413, 429 and 503 are a page, the others a line of text.
 */
void portal_refuse(struct portal *p, const struct request *req_or_null,
    int status, struct response *resp);

/* ---- on a pool thread ---- */

/*
 * Before a streamed body. True: read it into *out, then call portal_finish(). False:
 * the response is filled, and the body is not wanted.
 */
bool portal_begin(struct portal_thread *t, const struct request *req,
    struct sink *out, struct response *resp);
/* Once for every sink; why is what take() said, or ERR_NONE. Fills the response. */
void portal_finish(struct portal_thread *t, const struct request *req,
    struct sink *sink, bool complete, const struct err *why,
    struct response *resp);
/* What a sink's take(), a source's next() and end() are called with. */
struct desk *portal_thread_desk(struct portal_thread *t);

/* Always fills the response; never fails. On a pool thread. */
void portal_handle(
    struct portal_thread *t, const struct request *req, struct response *resp);

#endif
