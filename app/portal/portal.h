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
struct portal_thread; /* one a pool thread: database and keyd connections */

/* Once a worker process, after fork, before threads. */
int portal_open(const struct settings *set, struct portal **out, struct err *e)
    __attribute__((warn_unused_result));
void portal_close(struct portal *p);
/* connects lazily; NULL: memory */
struct portal_thread *portal_thread_open(struct portal *p);
void portal_thread_close(struct portal_thread *t);

/*
 * Does this request hash a password? Then it goes to the small pool for that. Called on
 * the event loop.
 */
bool portal_is_hash(const struct request *req);

/*
 * How long a body this route may have, decided before the body is read. Called on the
 * event loop; body is not there yet.
 */
size_t portal_body_limit(const struct request *req);
/* Appends what somebody sees whose body is refused before anybody knows who they are. */
int portal_too_big(struct portal *p, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/* Always fills the response; never fails. On a pool thread. */
void portal_handle(
    struct portal_thread *t, const struct request *req, struct response *resp);

#endif
