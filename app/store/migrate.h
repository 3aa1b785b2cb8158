/*
 * migrate.h: brings a database's schema forward: DIR/NNNN_name.sql in order, each in one
 * transaction, each once. Never back.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <stdbool.h>

#include "base/err.h"

/* A migration that was applied (now) or had been before. */
typedef void (*migrate_did)(void *arg, int version, const char *name, bool now);

/*
 * Applies what is missing; two at once wait for each other. Refused with ERR_BAD_INPUT:
 * a gap in the numbers, a file that changed since it was applied, a database newer than
 * the files. What was applied before a failure stays. conninfo names a superuser.
 */
int migrate_run(const char *conninfo, const char *dir, migrate_did did,
    void *arg, struct err *e) __attribute__((warn_unused_result));

/* The number of the newest file. */
int migrate_newest(const char *dir, int *version_out, struct err *e)
    __attribute__((warn_unused_result));

#endif
