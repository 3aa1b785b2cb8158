/*
 * tus.h: what stands in the fields of the tus protocol for resumable uploads, 1.0.0
 * (https://tus.io/protocols/resumable-upload): parsed and written, nothing else.
 */
#ifndef PORTAL_TUS_H
#define PORTAL_TUS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "desk/upload.h"

#define TUS_VERSION    "1.0.0"
#define TUS_EXTENSIONS "creation,termination,expiration,checksum"
#define TUS_CHECKSUMS  "sha1,sha256"
#define TUS_SLICE_TYPE "application/offset+octet-stream"

/* Upload-Length, Upload-Offset: digits alone, at most INT64_MAX. 0, or -1. */
int tus_number(const char *s, uint64_t *out)
    __attribute__((warn_unused_result));

/*
 * Upload-Checksum: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=". "" is DESK_NO_DIGEST. -1 when it
 * is malformed or names another algorithm.
 */
int tus_checksum(const char *s, enum desk_digest *kind, uint8_t out[32])
    __attribute__((warn_unused_result));

/* Of Upload-Metadata what is of use: "" where it does not say. */
struct tus_metadata {
	char name[LIMIT_FILE_NAME * 4 + 1]; /* UTF-8, as it came */
	char type[100];
};
/*
 * Takes "filename" (else "name") and "filetype" (else "type"); too long a name is cut, too
 * long a type is none. -1 when malformed, a key comes twice, or a value is not UTF-8 text.
 */
int tus_metadata(const char *s, struct tus_metadata *out)
    __attribute__((warn_unused_result));
/* Appends them as such a field. 0, or -1 when memory is out. */
int tus_metadata_format(const char *name, const char *type, struct buf *out)
    __attribute__((warn_unused_result));

#endif
