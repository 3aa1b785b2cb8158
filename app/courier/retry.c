/*
 * Delays between tries.
 */
#include "courier/retry.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/secret.h"

int64_t
retry_delay(bool code, bool unreached, int tries)
{
	int64_t first = code ? 2 * CLOCK_SECOND : 10 * CLOCK_SECOND;
	int64_t most = code ? 30 * CLOCK_SECOND : CLOCK_HOUR;
	int64_t delay = first;

	if (unreached && most > CLOCK_MINUTE)
		most = CLOCK_MINUTE;
	while (--tries > 0 && delay < most)
		delay *= 2;
	if (delay > most)
		delay = most;
	/* Between 3/4 and 5/4, by the millisecond. */
	return delay * 3 / 4 +
	    (int64_t)secret_uniform((uint32_t)(delay / 2 / 1000) + 1) * 1000;
}

bool
retry_over(bool code, int64_t created, int64_t now)
{
	int64_t life = code ? LIMIT_CODE_MINUTES * CLOCK_MINUTE :
			      LIMIT_OUTBOX_DAYS * CLOCK_DAY;

	return now - created > life;
}

bool
retry_slow(int64_t created, int64_t now)
{
	return now - created > LIMIT_DELAY_HOURS * CLOCK_HOUR;
}
