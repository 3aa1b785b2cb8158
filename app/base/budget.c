/*
 * budget.c: one number.
 */
#include "base/budget.h"

static bool
take(struct budget *b, size_t n, size_t limit)
{
	size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);

	do {
		if (used > limit || n > limit - used)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&b->used, &used,
	    used + n, memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool
budget_take(struct budget *b, size_t n)
{
	return take(b, n, b->limit);
}

bool
budget_spare(struct budget *b, size_t n)
{
	return take(b, n, b->limit / 4);
}

bool
budget_over(const struct budget *b)
{
	return atomic_load_explicit(&b->used, memory_order_relaxed) >=
	    b->limit + b->limit / 4;
}

void
budget_add(struct budget *b, size_t n)
{
	(void)atomic_fetch_add_explicit(&b->used, n, memory_order_relaxed);
}

void
budget_give(struct budget *b, size_t n)
{
	(void)atomic_fetch_sub_explicit(&b->used, n, memory_order_relaxed);
}
