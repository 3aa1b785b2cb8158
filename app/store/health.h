/*
 * health.h: is the database what we need it to be? For restantectl doctor.
 */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include "store/db.h"

/* The migration that the statements of this program need; the database may be ahead. */
int health_schema(void);

/* The newest migration applied; 0 when none ever was. */
int health_version(struct db *db, int *version_out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Calls back with each fault in the walls: a table with tenants' rows whose row-level
 * security is off or not forced, a role of ours that is missing, owns a table, or may
 * step around it. 0 even so; -1 when it cannot be told.
 */
int health_walls(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e) __attribute__((warn_unused_result));

/* Calls back with the name of each server setting that lets a committed message be lost. */
int health_durability(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e) __attribute__((warn_unused_result));

/*
 * ctl: calls back with each kind of row of the last day that lacks what it was written
 * with. None, unless something wrote half a message.
 */
int health_whole(struct db *db, void (*fault)(void *arg, const char *what),
    void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
