/*
 * sandbox.h: what keyd gives up.
 */
#ifndef KEYD_SANDBOX_H
#define KEYD_SANDBOX_H

#include "base/err.h"

/*
 * First thing of all: no core files, no ptrace by others of the same user, no new
 * privileges; memory locked as a whole where the limits let it be (secrets lie in
 * locked pages of their own either way).
 */
int keyd_sandbox_harden(struct err *e) __attribute__((warn_unused_result));

/*
 * Last thing before the first request: from here on the process may only accept on the
 * sockets it has, talk over accepted ones, write to open files, and end. Any other
 * system call kills it, among them everything that makes a socket, opens a file, runs
 * a program or makes memory executable.
 */
int keyd_sandbox_enter(struct err *e) __attribute__((warn_unused_result));

#endif
