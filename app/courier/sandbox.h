/*
 * sandbox.h: what the courier gives up. It must speak to the network, so it keeps
 * sockets and the reading of files; it keeps nothing that runs a program, changes who it
 * is, writes files, or makes memory executable.
 */
#ifndef COURIER_SANDBOX_H
#define COURIER_SANDBOX_H

#include "base/err.h"

/* Before the threads: any other system call kills the process. Off under the sanitizers. */
int courier_confine(struct err *e) __attribute__((warn_unused_result));

#endif
