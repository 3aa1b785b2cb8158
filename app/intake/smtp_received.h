/*
 * smtp_received.h: the Received field that intake puts before a message (RFC
 * 5321 4.4, RFC 3848, RFC 6531 4.3).
 */
#ifndef INTAKE_SMTP_RECEIVED_H
#define INTAKE_SMTP_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "desk/intake.h"

/*
 * Appends the folded field, CR LF at its end. Of the client's own name only letters,
 * digits and .-_:[] are kept; recipients do not appear. -1 when memory is out.
 */
int smtp_received(struct buf *out, const struct desk_sender *s, bool esmtp,
    bool utf8, const char *hostname, int64_t now)
    __attribute__((warn_unused_result));

#endif
