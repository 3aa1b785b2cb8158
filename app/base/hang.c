/*
 * hang.c: a time in one word: whoever moves it on has his turn.
 */
#include "base/hang.h"

#include "base/clock.h"

#define PAUSE_MS 1000 /* from one vain try to the next */
#define TRY_MS   8000 /* until who tries is taken for lost */

enum hang_turn
hang_turn(struct hang *h)
{
	int64_t until = atomic_load(&h->until), now;

	if (until == 0)
		return HANG_NOT;
	now = clock_mono_ms();
	return now >= until &&
		atomic_compare_exchange_strong(
		    &h->until, &until, now + TRY_MS) ?
	    HANG_TRY :
	    HANG_IS;
}

bool
hang_is(const struct hang *h)
{
	return atomic_load(&h->until) != 0;
}

bool
hang_ask(struct hang *h, int64_t waited_ms)
{
	int64_t asked, now;

	if (waited_ms < HANG_PATIENCE_MS || hang_is(h))
		return false;
	asked = atomic_load(&h->asked);
	now = clock_mono_ms();
	return (asked == 0 || now - asked >= HANG_PATIENCE_MS) &&
	    atomic_compare_exchange_strong(&h->asked, &asked, now);
}

void
hang_set(struct hang *h, bool hangs)
{
	atomic_store(&h->until, hangs ? clock_mono_ms() + PAUSE_MS : 0);
}
