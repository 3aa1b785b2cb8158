/*
 * db.h: one blocking PostgreSQL connection, used by one thread. It connects when first
 * needed and again after the server went away. Every statement runs inside a transaction
 * that names its tenant, which row-level security enforces a second time.
 *
 * All functions of store/ that can fail return -1 with *e set: ERR_UNAVAILABLE (no
 * server, serialization failure, disk full: nothing was written), ERR_UNKNOWN (the
 * connection broke during COMMIT), ERR_CONFLICT (a unique key exists), ERR_INTERNAL.
 * A find returns 1 with the row, 0 for none, -1. Error texts carry SQLSTATE and the
 * statement's name, never parameters.
 *
 * Within a transaction statements are pipelined. These are only queued: chunk_add,
 * event_add, outbox_add, bundle_write, account_logged_in, session_set_blob, session_end,
 * notice_adopted, upload_row_add. Their errors, ERR_CONFLICT among them, show at the next
 * call that waits (every other one) or at db_commit(). The first error of a transaction
 * is kept: all later calls, and db_commit(), fail with it; db_rollback() or db_begin()
 * start afresh. Functions that change a row "only while" return ERR_CONFLICT without
 * harm to the transaction. Rows of a message may be added in any order.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>

#include "base/err.h"
#include "base/id.h"

struct db;

/* NULL: memory */
struct db *db_open(const char *conninfo) __attribute__((warn_unused_result));
void db_close(struct db *db); /* NULL is fine */

/*
 * Begins a transaction for one tenant, or with NULL for none: then only the functions
 * marked "across tenants" may be called (they also work without one). A transaction left
 * open by a broken connection is gone; db_begin starts afresh. It costs no round trip:
 * what it sends goes with the first statement.
 */
int db_begin(struct db *db, const struct id *tenant, struct err *e)
    __attribute__((warn_unused_result));
/*
 * From here on the open transaction is another tenant's: what was written for one before
 * it stays. For those who write for several at once.
 */
int db_tenant(struct db *db, const struct id *tenant, struct err *e)
    __attribute__((warn_unused_result));
/* Which transaction is open: none has the number of another; 0: none is. */
unsigned db_transaction(const struct db *db);
/* What is queued is on its way, and worked on; nothing is waited for. */
int db_push(struct db *db, struct err *e) __attribute__((warn_unused_result));
/* Commits durably (synchronous_commit on). */
int db_commit(struct db *db, struct err *e) __attribute__((warn_unused_result));
/*
 * The open transaction's commit does not wait for the disk: a crash of the server may undo
 * it, whole, unless a later one was committed durably, which makes both so.
 */
int db_relax(struct db *db, struct err *e) __attribute__((warn_unused_result));
/*
 * What failed last, failed since another transaction held a lock: for too long, or it
 * waited for this one, too.
 */
bool db_locked_out(const struct db *db);
/*
 * Harmless when none is open. Does not wait for the server, and so is also how a
 * transaction ends that only read.
 */
void db_rollback(struct db *db);

/* Courier, across tenants: removes ended sessions and duplicate tags past their time. */
int db_sweep(struct db *db, struct err *e) __attribute__((warn_unused_result));

/* Round trip. */
int db_ping(struct db *db, struct err *e) __attribute__((warn_unused_result));
/*
 * Outside a transaction, after the commit: wakes the couriers that wait for codes, or
 * those that wait for everything else. Failure is harmless: they poll too.
 */
void db_wake_courier(struct db *db, bool codes);
/*
 * Waits until woken, fd (-1: none) is readable or timeout_ms passed: 0; -1 when there is
 * no connection. A connection waits for one of the two.
 */
int db_wait_courier(struct db *db, bool codes, int fd, int timeout_ms,
    struct err *e) __attribute__((warn_unused_result));

#endif
