/*
 * session.h: what the database knows of a browser's session: a hash of its id and a blob
 * sealed under the secret in the cookie. Kinds grow in what they may: a visitor has typed
 * an address, a guest has proved it, an account holder signed in. Within a transaction of
 * the tenant.
 */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "base/buf.h"
#include "base/limits.h"
#include "store/account.h"
#include "store/db.h"

enum session_kind {
	SESSION_VISITOR = 1,
	SESSION_GUEST = 2,
	SESSION_ACCOUNT = 3
};

struct session_row {
	uint8_t hash[32];
	enum session_kind kind;
	struct id account; /* zero unless SESSION_ACCOUNT */
	/* lower case; proved, unless SESSION_VISITOR */
	char address[LIMIT_ADDRESS + 1];
	struct buf blob; /* owned: session_row_clear() */
	int64_t created;
	int64_t last_seen;
	int64_t expires; /* absolute end */
	/* What a find adds. */
	struct account person; /* whose account it is; zero: none */
	bool touched;          /* last_seen was set: commit */
	struct buf inbox;      /* owned; session_find_inbox() */
};
void session_row_clear(struct session_row *s);

int session_add(struct db *db, const struct id *tenant,
    const struct session_row *s, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Only a live one: not past its absolute end, seen within LIMIT_SESSION_IDLE_MIN
 * (visitors: LIMIT_VISIT_MINUTES). Touches last_seen at most once a minute.
 */
int session_find(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct session_row *out, struct err *e) __attribute__((warn_unused_result));
/*
 * The same in the same round trip with what the first page of the reader's inbox shows
 * and may change: a record of LIST_MARK_LEN bytes a row (list_mark()); none for a visitor.
 */
int session_find_inbox(struct db *db, const struct id *tenant,
    const uint8_t hash[32], struct session_row *out, struct err *e)
    __attribute__((warn_unused_result));
int session_set_blob(struct db *db, const struct id *tenant,
    const uint8_t hash[32], const struct buf *blob, struct err *e)
    __attribute__((warn_unused_result));
int session_end(struct db *db, const struct id *tenant, const uint8_t hash[32],
    struct err *e) __attribute__((warn_unused_result));
/* Every proved session of that address in the tenant ("sign out everywhere"). */
int session_end_all(struct db *db, const struct id *tenant, const char *address,
    struct err *e) __attribute__((warn_unused_result));

#endif
