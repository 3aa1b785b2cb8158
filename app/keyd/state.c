/*
 * state.c: everything keyd knows, opened from its directory in the order that lets a
 * first start be cut off at any point and begun again.
 */
#include "keyd/verbs.h"

#include <string.h>

int
keyd_state_open(struct keyd_state *st, int dir, struct err *e)
{
	int used;

	memset(st, 0, sizeof(*st));
	/* Only a directory without keys may get a counter that starts anew. */
	used = keyd_slots_used(dir, !keyd_keys_exist(dir), e);
	if (used == -1)
		return -1;
	/* The first step of ids is reserved last: from then on keys are never made. */
	if ((st->keys = keyd_keys_load(dir, used == 0, e)) == NULL ||
	    (st->counts = keyd_counts_open(dir, st->keys, used == 0, e)) ==
		NULL ||
	    (st->codes = keyd_codes_open(dir, st->keys, used == 0, e)) ==
		NULL ||
	    (st->slots = keyd_slots_open(dir, e)) == NULL)
		return -1;
	return 0;
}

void
keyd_state_close(struct keyd_state *st)
{
	keyd_slots_close(st->slots);
	keyd_codes_close(st->codes);
	keyd_counts_close(st->counts);
	keyd_keys_free(st->keys);
	memset(st, 0, sizeof(*st));
}
