/*
 * rows.h: the columns of a message and of a reader in the order of their structs,
 * shared by the files that read them. For store/ alone.
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/account.h"
#include "store/message.h"
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

#endif
