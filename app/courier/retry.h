/*
 * retry.h: when a mail is tried again, and when no more.
 */
#ifndef COURIER_RETRY_H
#define COURIER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Microseconds from now to the next try after `tries` of them: doubling with a quarter
 * of jitter either way, from 10 seconds to an hour. A code is tried from 2 seconds to 30.
 * While the smart host cannot be reached at all, never over a minute.
 */
int64_t retry_delay(bool code, bool unreached, int tries);

/*
 * Has a mail queued at `created` waited too long? A code's life is LIMIT_CODE_MINUTES,
 * any other mail's LIMIT_OUTBOX_DAYS.
 */
bool retry_over(bool code, int64_t created, int64_t now);

/* Has it waited so long that the sender is to know? LIMIT_DELAY_HOURS. */
bool retry_slow(int64_t created, int64_t now);

#endif
