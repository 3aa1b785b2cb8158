/*
 * upload.h: files on their way from a browser, and the sealed chunks of those and of files
 * that were sent. Within a transaction of the tenant.
 *
 * One slice at a time may write: upload_claim() names it, and what another wrote beyond
 * `taken` goes. Every later call of a slice whose name was replaced is ERR_CONFLICT and
 * changes nothing.
 */
#ifndef STORE_UPLOAD_H
#define STORE_UPLOAD_H

#include "base/buf.h"
#include "base/limits.h"
#include "seal/content.h"
#include "store/db.h"

/* Chunks a row, and the bytes in front of each that say how long it is. */
#define UPLOAD_ROW_CHUNKS 4
#define UPLOAD_FRAME      4

struct upload {
	struct id id;
	struct id account;           /* zero: a guest's */
	uint8_t session[32];         /* a guest's */
	char key[LIMIT_ADDRESS + 1]; /* address of the owner, lower case */
	uint64_t length;
	uint64_t taken;
	uint8_t header[SEAL_CONTENT_HEADER];
	uint32_t key_version; /* of the account's key */
	struct buf key_wrap;  /* empty: sent, or removed */
	struct buf facts;
	struct buf tail; /* empty: none */
	int64_t expires;
	struct id message; /* zero: not sent */
};
void upload_clear(struct upload *u);

/*
 * What the owner of that address has that was not sent; until the end of the transaction
 * nobody else can ask.
 */
int upload_load(struct db *db, const struct id *tenant, const char *key,
    uint64_t *files_out, uint64_t *bytes_out, struct err *e)
    __attribute__((warn_unused_result));
/* A guest's ends with the session at the latest; *expires_out: when it will. */
int upload_add(struct db *db, const struct id *tenant, const struct upload *u,
    int64_t *expires_out, struct err *e) __attribute__((warn_unused_result));
int upload_get(struct db *db, const struct id *tenant, const struct id *upload,
    struct upload *out, struct err *e) __attribute__((warn_unused_result));

/* The slice `writer` begins where the upload stands. ERR_CONFLICT: it stands elsewhere. */
int upload_claim(struct db *db, const struct id *tenant,
    const struct id *upload, const struct id *writer, uint64_t taken,
    struct err *e) __attribute__((warn_unused_result));
/*
 * One row of chunks from seq on, framed, from a slice that stands at `taken`, which moves to
 * `now` (the same: stays). Queued; a conflict shows at upload_kept().
 */
struct upload_row {
	const struct id *tenant;
	const struct id *upload;
	const struct id *writer;
	uint64_t taken;
	uint64_t now;
	uint32_t seq;
	const struct buf *data;
};
int upload_row_add(struct db *db, const struct upload_row *r, struct err *e)
    __attribute__((warn_unused_result));
/* Were all rows taken? r is the last one's. ERR_CONFLICT: roll back. */
int upload_kept(struct db *db, const struct upload_row *r, struct err *e)
    __attribute__((warn_unused_result));
/*
 * The slice is over: the upload stands at `now`, its time begins anew. tail empty: none,
 * NULL: as it was.
 */
int upload_leave(struct db *db, const struct upload_row *r,
    const struct buf *tail, int64_t *expires_out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Takes the key away and up to LIMIT_UPLOAD_SWEEP rows; upload_sweep() does the rest.
 * ERR_NOT_FOUND: there is none, or it was sent.
 */
int upload_remove(struct db *db, const struct id *tenant,
    const struct id *upload, struct err *e) __attribute__((warn_unused_result));
/*
 * It goes with that message: never ends by itself, nobody's to open. ERR_CONFLICT: it went
 * with another, or is gone or unfinished.
 */
int upload_sent(struct db *db, const struct id *tenant, const struct id *upload,
    const struct id *message, struct err *e)
    __attribute__((warn_unused_result));

/*
 * n chunks from `first` on, in order and in one round trip: each is handed to take in
 * place. ERR_CORRUPT: one is missing; -1 also when take said so.
 */
int upload_chunks(struct db *db, const struct id *tenant,
    const struct id *upload, uint32_t first, uint32_t n, seal_sink take,
    void *arg, struct err *e) __attribute__((warn_unused_result));

/*
 * Courier, across tenants, outside a transaction: removes at most `most` rows of uploads
 * past their time; *gone_out is how many.
 */
int upload_sweep(struct db *db, uint32_t most, uint32_t *gone_out,
    struct err *e) __attribute__((warn_unused_result));

#endif
