/*
 * budget.h: how much memory may be held for something, by all who hold some together.
 * May be asked on any thread.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct budget {
	size_t limit; /* set at start */
	atomic_size_t used;
};

/* Is there room for n more? Then they are taken. */
bool budget_take(struct budget *b, size_t n)
    __attribute__((warn_unused_result));
/* The same for who can do without: only while that leaves three quarters of it. */
bool budget_spare(struct budget *b, size_t n)
    __attribute__((warn_unused_result));
/* Is it overdrawn by a quarter, by what was there already? */
bool budget_over(const struct budget *b);
/* n more, room or not: of what is there already. */
void budget_add(struct budget *b, size_t n);
void budget_give(struct budget *b, size_t n);

#endif
