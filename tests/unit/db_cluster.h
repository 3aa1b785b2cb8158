/*
 * db_cluster.h: a throw-away PostgreSQL cluster for the tests of store/: migrated, with
 * two tenants that have a row in every table.
 */
#ifndef TESTS_DB_CLUSTER_H
#define TESTS_DB_CLUSTER_H

#include <libpq-fe.h>

#include "store/bundle.h"
#include "store/db.h"
#include "store/message.h"
#include "store/outbox.h"

/* cmocka's group setup and teardown. The cluster also goes when the test dies. */
int cluster_start(void **state);
int cluster_stop(void **state);
/* Ends the server at once and starts it again: it recovers. 0, or -1. */
int cluster_crash(void);

/* conninfo of a role in a database; good until four more were asked for. */
const char *cluster_conninfo(const char *role, const char *database);
/* The same of database restante, opened. Never NULL. */
struct db *cluster_db(const char *role);
PGconn *cluster_raw(const char *role, const char *database);
/* One command; its SQLSTATE, "00000" when it went well. */
const char *cluster_try(PGconn *c, const char *command);
/* The first column of the first row as a number; -1 with a line on standard error. */
long cluster_number(PGconn *c, const char *query);

/* Two tenants, each with an account that has a key. */
extern struct id tenant_a, tenant_b, account_a, account_b;

/* A message of one chunk to one recipient by notice and to the tenant's account, committed as intake. */
struct sample {
	struct message m;
	struct reader_row guest, member; /* slots 1 and 2 */
	struct notice notice;
	struct outbox outbox;
	uint8_t tag[32];
};
void sample_fill(struct sample *s, const struct id *tenant,
    const struct id *account, const char *pickup, const char *guest);
int sample_write(
    struct db *db, const struct id *tenant, struct sample *s, struct err *e);
void sample_clear(struct sample *s);

/* One row of what intake writes in bundles, queued by itself. */
int message_add(struct db *db, const struct id *tenant, const struct message *m,
    struct err *e) __attribute__((warn_unused_result));
int reader_add(struct db *db, const struct id *tenant,
    const struct reader_row *r, struct err *e)
    __attribute__((warn_unused_result));
int notice_add(struct db *db, const struct id *tenant, const struct notice *n,
    struct err *e) __attribute__((warn_unused_result));
int duplicate_add(struct db *db, const struct id *tenant, const uint8_t tag[32],
    const struct id *message, struct err *e)
    __attribute__((warn_unused_result));
/* One chunk of part 0: 1, 0, -1. Replaces *out. */
int chunk_get(struct db *db, const struct id *tenant, const struct id *message,
    uint32_t seq, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/* A message of that tenant as intake gathers it: BUNDLE_ROWS rows in all tables. */
#define BUNDLE_ROWS 8
void sample_bundle(
    struct bundle *b, const struct id *tenant, const char *pickup);
/* How many of them are there. */
long cluster_rows(const struct bundle *b);

#endif
