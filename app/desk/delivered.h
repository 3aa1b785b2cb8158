/*
 * delivered.h: how much of a file a session has had, for downloads that break and are
 * resumed: which one made it whole? A process's, some hundred files; the longest untouched
 * goes first. Safe between threads.
 */
#ifndef DESK_DELIVERED_H
#define DESK_DELIVERED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"

#define DELIVERED_FILES 256

struct delivered;
struct delivered_file {
	uint8_t session[32];
	struct id message;
	uint32_t part;
	uint64_t size; /* bytes in all */
};

struct delivered *delivered_new(void) __attribute__((warn_unused_result));
void delivered_free(struct delivered *t); /* wipes; NULL is fine */

/*
 * n bytes from `first` on were acknowledged. True when that was all of the file, or what
 * was missing of it; then it is forgotten. Who asks for the rest of a file from a place
 * that a broken answer had come to has, by its own word, what stands before.
 */
bool delivered_took(struct delivered *t, const struct delivered_file *f,
    uint64_t first, uint64_t n);
/* n bytes from `first` on were on their way when the connection broke. */
void delivered_broke(struct delivered *t, const struct delivered_file *f,
    uint64_t first, uint64_t n);

#endif
