/*
 * disposition.h: Content-Disposition of a download (RFC 6266), and which content types
 * a browser may be told.
 */
#ifndef PORTAL_DISPOSITION_H
#define PORTAL_DISPOSITION_H

#include "base/limits.h"

#define DISPOSITION_LEN (64 + LIMIT_FILE_NAME * 4)

/*
 * attachment; filename="..." for old readers, in ASCII, and filename*=UTF-8''... (RFC
 * 8187) where the name needs it. Any bytes may come in; the name is reduced to a base
 * name that no system takes for a path or a device. "" becomes `otherwise`.
 */
void disposition_attachment(
    const char *name, const char *otherwise, char out[DISPOSITION_LEN]);

/* The type itself for the few that no browser ever runs, else application/octet-stream. */
const char *disposition_type(const char *type);

#endif
