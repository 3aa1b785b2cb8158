/*
 * keyd_dir.h: a directory for one test, and looking through all of its bytes.
 */
#ifndef KEYD_DIR_H
#define KEYD_DIR_H

#include <stdbool.h>
#include <stddef.h>

/* A new, empty directory; its name is good until keyd_dir_end(). */
const char *keyd_dir_new(void);
/* Removes it and everything in it. */
void keyd_dir_end(void);
/* Its name with a path behind it, in one of four buffers used in turn. */
const char *keyd_dir_path(const char *rest);
/* Whether any plain file below holds these bytes. */
bool keyd_dir_holds(const void *p, size_t n);

#endif
