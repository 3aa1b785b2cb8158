/*
 * files.h: keyd's directory: made and checked, whole files written atomically, and
 * tables of fixed records mapped into memory. Everything is refused that another
 * user could have changed.
 */
#ifndef KEYD_FILES_H
#define KEYD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Opens the directory `name` under `at` (or AT_FDCWD), making it when it is missing (to
 * be entered, not listed, by those whom `mode` lets read). Its owner must be the caller
 * and no permission outside of `mode` may be set.
 * The descriptor, or -1.
 */
int keyd_files_dir(int at, const char *name, mode_t mode, struct err *e)
    __attribute__((warn_unused_result));

/* Writes a new file by way of a temporary one, with fsync of file and directory. */
int keyd_files_write(int dir, const char *name, mode_t mode, const void *p,
    size_t n, struct err *e) __attribute__((warn_unused_result));

/*
 * Opens an existing regular file of the caller's with exactly this mode, this size and
 * one link. The descriptor, or -1: ERR_NOT_FOUND when there is none, else ERR_CORRUPT.
 */
int keyd_files_open(int dir, const char *name, int flags, mode_t mode,
    size_t size, struct err *e) __attribute__((warn_unused_result));

/* Reads exactly n bytes of such a file. */
int keyd_files_read(int dir, const char *name, mode_t mode, void *p, size_t n,
    struct err *e) __attribute__((warn_unused_result));

/* A table of records in sets: a hash names the set, and any record of it may be used. */
struct keyd_table {
	uint8_t *map;
	size_t map_len;
	size_t record; /* bytes */
	size_t ways;   /* records a set */
	size_t sets;
};

/*
 * Maps the table, making it of zero bytes when it is missing (*fresh says so). Disk
 * space is taken at once, so that a full disk is met here and not by a later store.
 * What is stored survives the death of the process; power loss may cost the seconds
 * the kernel had not written yet.
 */
int keyd_table_open(int dir, const char *name, size_t record, size_t ways,
    size_t sets, struct keyd_table *out, bool *fresh, struct err *e)
    __attribute__((warn_unused_result));
/* The first record of the set; the others follow. */
void *keyd_table_set(const struct keyd_table *t, uint64_t hash);
/* Writes to disk and unmaps; a zeroed table is fine. */
void keyd_table_close(struct keyd_table *t);

#endif
