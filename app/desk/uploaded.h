/*
 * uploaded.h: what the files about uploads share: whose they are, their keys, and how one
 * is shown. Everything here runs inside a transaction of the tenant.
 */
#ifndef DESK_UPLOADED_H
#define DESK_UPLOADED_H

#include "desk/internal.h"
#include "desk/upload.h"
#include "store/upload.h"

#define UPLOAD_PART 1 /* the part number in its header: 0 is a message's own */

/*
 * The visit's upload of that id, and its file key. ERR_NOT_FOUND: not theirs, removed or
 * sent; ERR_EXPIRED. The caller clears *out and wipes the key; on failure they are.
 */
int upload_mine(struct desk *d, const struct desk_visit *v, const struct id *id,
    struct upload *out, uint8_t key[SECRET_KEY_LEN], struct err *e)
    __attribute__((warn_unused_result));
/* Opens name and type: *out is how it stands. */
int upload_show(const struct id *tenant, const struct upload *u,
    const uint8_t key[SECRET_KEY_LEN], struct desk_upload *out, struct err *e)
    __attribute__((warn_unused_result));
/* The key its facts and its tail are wrapped under, and where they belong. */
void upload_inner(const struct id *tenant, const struct id *upload,
    const uint8_t key[SECRET_KEY_LEN], uint64_t number,
    uint8_t out[SECRET_KEY_LEN], struct seal_bind *bind);
/* Chunks of a file of that many bytes. */
uint32_t upload_chunk_count(uint64_t length);

/* Appends chunk seq as a row holds it. */
int upload_frame(struct seal_chunker *c, uint32_t seq, int final, const void *p,
    size_t n, struct buf *row, struct err *e)
    __attribute__((warn_unused_result));

#endif
