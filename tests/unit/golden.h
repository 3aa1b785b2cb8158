/*
 * golden.h: bytes compared with a file under tests/golden. With GOLDEN_UPDATE=1 the
 * file is written anew; `make golden-update` then shows what changed.
 */
#ifndef UNIT_GOLDEN_H
#define UNIT_GOLDEN_H

#include <stddef.h>

/* 0 when the file holds exactly these bytes; else -1 after saying where they part. */
int golden_check(const char *path, const void *p, size_t n);

#endif
