/*
 * asset.h: the files of assets/, kept in memory and named by a fingerprint of their
 * bytes, so that a browser may keep them for good; and the few lines of style that
 * give a tenant its colour.
 */
#ifndef PORTAL_ASSET_H
#define PORTAL_ASSET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct assets;

int assets_load(const char *share, struct assets **out, struct err *e)
    __attribute__((warn_unused_result));
void assets_free(struct assets *a);

#define ASSET_PATH_LEN 128
/* "/assets/<fingerprint>/<name>"; "" when there is no such file. */
void asset_path(
    const struct assets *a, const char *name, char out[ASSET_PATH_LEN]);
/* The same for a colour "#1f4b8f"; "" when it is none. */
void asset_brand_path(const char *color, char out[ASSET_PATH_LEN]);

struct asset_answer {
	const char *type;
	bool zipped;  /* the bytes are gzip's */
	bool varies;  /* they come zipped and plain */
	char tag[40]; /* a strong validator, with its quotes */
};

/*
 * What these paths name: true, *answer filled and the bytes appended; false when there is none
 * or memory is out. gzip: zipped where that is smaller.
 */
bool asset_get(const struct assets *a, const char *fingerprint,
    const char *name, bool gzip, struct asset_answer *answer, struct buf *out);

#endif
