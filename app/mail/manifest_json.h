/*
 * manifest_json.h: what writing and reading a manifest's JSON share. Inside mail/ only.
 */
#ifndef MAIL_MANIFEST_JSON_H
#define MAIL_MANIFEST_JSON_H

#include "mail/manifest.h"

#define MANIFEST_ENCODINGS 4
extern const char *const manifest_encoding[MANIFEST_ENCODINGS];

bool manifest_is_beside(const struct mail_part *p);
/* The oldest that has all there is. */
int manifest_version(const struct manifest *m);

#endif
