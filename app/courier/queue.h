/*
 * queue.h: the courier's threads: one lane for codes, which so overtake notices, and
 * the rest for everything else. Woken by the database, with a slow poll behind: for
 * codes at once; other mails may wait a moment so that those behind share their session.
 */
#ifndef COURIER_QUEUE_H
#define COURIER_QUEUE_H

#include "base/settings.h"
#include "view/view.h"

#define QUEUE_POLL_MS  2000
#define QUEUE_DRAIN_MS 28000

/*
 * Starts the lanes and waits for SIGTERM or SIGINT, which must be blocked; then lets
 * them end what they are at, QUEUE_DRAIN_MS at most. 0, or -1 with *e set when it could
 * not start. Where the time ran out it ends the process itself.
 */
int queue_run(const struct settings *s, const struct view *view, struct err *e)
    __attribute__((warn_unused_result));

#endif
