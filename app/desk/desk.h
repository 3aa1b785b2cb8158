/*
 * desk.h: what every use case stands on: one database and one keyd connection of a
 * thread, and what the threads of a process share: its certified signing key and the
 * slots leased from keyd ahead.
 */
#ifndef DESK_DESK_H
#define DESK_DESK_H

#include "base/settings.h"
#include "keyd/client.h"
#include "store/db.h"

struct desk_shared; /* one a process */
struct desk;        /* one a thread */

struct desk_shared *desk_shared_new(void);    /* after fork */
void desk_shared_free(struct desk_shared *s); /* wipes; after all desks */

/* Of a process that takes mail: counts it, and has a thread that shares the counts. */
struct meters; /* desk/rates.h */
int desk_count(struct desk_shared *s, const struct settings *set, struct err *e)
    __attribute__((warn_unused_result));
/* NULL before that: nothing is counted. */
struct meters *desk_meters(const struct desk_shared *s);

/* Connects lazily. NULL: memory, or the settings name no database or no keyd. */
struct desk *desk_open(const struct settings *set, struct desk_shared *shared);
void desk_close(struct desk *d);

struct db *desk_db(struct desk *d);
struct keyd *desk_keyd(struct desk *d);

#endif
