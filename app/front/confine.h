/*
 * confine.h: what a worker of portal or intake closes behind itself. The whole list of
 * system calls stands in confine.c, each with its reason; Kore's own list is not used.
 */
#ifndef FRONT_CONFINE_H
#define FRONT_CONFINE_H

#include <linux/filter.h>
#include <stddef.h>

#include "base/err.h"
#include "base/settings.h"

/*
 * In a new worker, before its threads: capabilities dropped, files by Landlock, then
 * calls by seccomp. Keys
 * of certificates are out of reach from here on. A kernel without Landlock is logged
 * and lived with. -1 with *e set when what is there refuses.
 */
int confine_front(const struct settings *set, struct err *e)
    __attribute__((warn_unused_result));

/* Its parts: for tests. */
int confine_files(const struct settings *set, struct err *e)
    __attribute__((warn_unused_result));
int confine_calls(struct err *e) __attribute__((warn_unused_result));
/* The filter: n_out instructions. */
const struct sock_filter *confine_program(size_t *n_out);

#endif
