/*
 * connection.h: what is kept of the connection that a message came over.
 */
#ifndef DESK_CONNECTION_H
#define DESK_CONNECTION_H

#include "desk/intake.h"
#include "mail/manifest.h"

/* Into the message's manifest. -1: memory. */
int connection_keep(const struct desk_sender *s, struct manifest *m,
    struct err *e) __attribute__((warn_unused_result));

#endif
