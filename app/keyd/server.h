/*
 * server.h: keyd from start to end, and its loop.
 */
#ifndef KEYD_SERVER_H
#define KEYD_SERVER_H

#include "base/settings.h"

/*
 * Runs keyd in s->keyd_dir until SIGTERM, SIGINT or SIGHUP. secret_init() and
 * log_open() have been called. Returns the process's exit status: 0, or 1 with the
 * reason logged. Secrets are wiped and the sockets removed on return.
 */
int keyd_serve(const struct settings *s) __attribute__((warn_unused_result));

#endif
