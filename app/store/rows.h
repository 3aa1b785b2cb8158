/*
 * rows.h: the columns of a message and of a reader in the order of their structs,
 * shared by the files that read them, and rows on their way in. For store/ alone.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/account.h"
#include "store/message.h"
#include "store/outbox.h"
#include "store/sql.h"

#define MESSAGE_COLUMNS                                                 \
	"m.message_id, m.sender, m.sender_name, m.sender_account,"      \
	" m.in_reply_to, m.created, m.expires, m.size, m.chunks,"       \
	" m.ephemeral_pk, m.dek_commit, m.content_header, m.signature," \
	" m.signer_cert, m.manifest"
/*
 * For a list of readers: row by row by its key. A join may be planned the other way about
 * as long as nobody has counted the tables, and then reads all messages for each row.
 */
#define MESSAGE_OF_READER                                                 \
	" CROSS JOIN LATERAL (SELECT * FROM message WHERE tenant_id = $1" \
	" AND message_id = r.message_id OFFSET 0) m"
/* Replaces *out, which must have been zeroed or used before. */
void row_message(struct sql_row *r, struct message *out);

#define READER_COLUMNS                                                     \
	"r.message_id, r.slot, r.role, r.state, r.address, r.address_key," \
	" r.account_id, r.key_version, r.notice_id, r.slot_id,"            \
	" r.ephemeral_pk, r.sealed, r.first_displayed"
void row_reader(struct sql_row *r, struct reader_row *out);

#define ACCOUNT_COLUMNS                                                      \
	"a.account_id, a.kind, a.admin, a.active, a.address, a.address_key," \
	" a.name, a.created, a.last_login"
void row_account(struct sql_row *r, struct account *out);

/*
 * Rows to be added: SQL_ROWS at most are put, then they are queued as one statement, or as
 * none where there are none; and *rows is empty again.
 */
void message_put(struct sql_rows *r, const struct message *m);
void chunk_put(struct sql_rows *r, const struct id *message, uint32_t part,
    uint32_t seq, const void *p, size_t n);
void reader_put(struct sql_rows *rows, const struct reader_row *r);
/* A pick-up code that is taken shows as ERR_CONFLICT. */
void notice_put(struct sql_rows *r, const struct notice *n);
void event_put(struct sql_rows *r, const struct event *ev);
void outbox_put(struct sql_rows *r, const struct outbox *o);
/*
 * n tags of 32 bytes, at most 4: the first is stored; one of the others that is known
 * makes the statement fail. A concurrent transaction with the same tag is waited for;
 * ERR_CONFLICT when that one committed.
 */
void duplicate_put(struct sql_rows *r, const uint8_t *tags, size_t n,
    const struct id *message);
/* The same tags to be looked for; the row's number is n. */
void known_put(
    struct sql_rows *r, uint32_t n, const uint8_t *tags, size_t n_tags);
/* first[n] becomes the message that one of row n's tags is of; cap of them at most. */
int duplicate_known(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct id *first, size_t cap, struct err *e)
    __attribute__((warn_unused_result));
int message_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int chunk_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int reader_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int notice_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int event_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int outbox_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));
int duplicate_rows_add(struct db *db, const struct id *tenant,
    struct sql_rows *rows, struct err *e) __attribute__((warn_unused_result));

#endif
