/*
 * upload.h: files on their way from a browser, before the letter they go with is sent.
 * Sealed as they arrive under a key of their own, which only their owner can open; what
 * was taken is in the database, so that another day, another process, another host goes
 * on where this one stopped. Sent with a letter, the file's key moves into the letter's
 * manifest, and the bytes stay where they are.
 *
 * Owner: the account, or for a guest the session. All others get ERR_NOT_FOUND.
 */
#ifndef DESK_UPLOAD_H
#define DESK_UPLOAD_H

#include "desk/visit.h"

struct desk_upload {
	struct id id;
	uint64_t length; /* bytes in all, said at creation */
	uint64_t offset; /* bytes taken: committed */
	/* LIMIT_UPLOAD_DAYS after the last byte, microseconds */
	int64_t expires;
	char name[LIMIT_FILE_NAME + 1]; /* safe to show and save under */
	/* lower case; "application/octet-stream" when unknown */
	char type[100];
};

/*
 * ERR_TOO_BIG: length over LIMIT_FILE; ERR_TOO_MANY: LIMIT_UPLOADS_OPEN unfinished or
 * unsent ones of this owner already; ERR_DENIED: nobody who may write.
 */
int desk_upload_create(struct desk *d, const struct desk_visit *v,
    uint64_t length, const char *name, const char *type,
    struct desk_upload *out, struct err *e) __attribute__((warn_unused_result));
/* ERR_EXPIRED: it was theirs, and its time is over. */
int desk_upload_get(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct desk_upload *out, struct err *e)
    __attribute__((warn_unused_result));
/* Takes it away with its bytes, unless it was sent. */
int desk_upload_remove(struct desk *d, const struct desk_visit *v,
    const struct id *id, struct err *e) __attribute__((warn_unused_result));

/* The digest a client gave for one slice. */
enum desk_digest { DESK_NO_DIGEST, DESK_SHA1, DESK_SHA256 };

/*
 * One slice: some bytes from `offset` on. ERR_CONFLICT: that is not where the upload
 * stands; ERR_TOO_BIG: `length` goes past its end or is over LIMIT_UPLOAD_SLICE. With a
 * digest nothing counts before all of it was checked, without one every whole block does.
 */
struct desk_slice;
int desk_slice_open(struct desk *d, const struct desk_visit *v,
    const struct id *id, uint64_t offset, uint64_t length,
    enum desk_digest kind, const uint8_t *digest, struct desk_slice **out,
    struct err *e) __attribute__((warn_unused_result));
/* ERR_CONFLICT: somebody else wrote there meanwhile. */
int desk_slice_add(struct desk *d, struct desk_slice *s, const void *p,
    size_t n, struct err *e) __attribute__((warn_unused_result));
/*
 * Ends it; s is gone in any case. complete: all its bytes came; then they are on disk
 * when this returns 0, and *out is how the upload stands. ERR_BAD_INPUT: the digest
 * differs, and nothing of the slice counts. Not complete: whole chunks that came are kept.
 */
int desk_slice_end(struct desk *d, struct desk_slice *s, bool complete,
    struct desk_upload *out, struct err *e) __attribute__((warn_unused_result));

#endif
