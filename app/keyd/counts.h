/*
 * counts.h: budgets a subject (a tenant with an account or address), on disk, so that
 * neither a restart nor a killed keyd gives new tries.
 *
 * Small budgets keep the moment of each of their last uses and are exact over any
 * sliding hour and day. Large ones (tokens, releases) count within an hour that begins
 * with its first use. Moments that lie in the future, after a clock was set back, count
 * as now.
 *
 * A row is known by 16 bytes of KDF(count key, COUNT, budget, tenant, subject): the
 * files name nobody. Rows lie in sets of 16. When a set is full, a newcomer takes over
 * the row that has used least of its budget and starts with what that row had used: a
 * flood of made-up subjects can cost others tries, never give them any.
 */
#ifndef KEYD_COUNTS_H
#define KEYD_COUNTS_H

#include "base/clock.h"
#include "keyd/keys.h"

enum keyd_budget {
	KEYD_B_PASSWORD,     /* LIMIT_PASSWORD_HOUR, LIMIT_PASSWORD_DAY */
	KEYD_B_CODE,         /* LIMIT_CODES_HOUR: code mails */
	KEYD_B_REGISTRATION, /* LIMIT_CODE_TRIES wrong ones an hour */
	KEYD_B_TOKEN,        /* LIMIT_TOKEN_HOUR wrong ones an hour */
	KEYD_B_RELEASE,      /* LIMIT_RELEASES_HOUR */
	KEYD_BUDGETS
};

struct keyd_counts;

/* Makes what is missing, with a warning unless this is the first start. NULL with *e set. */
struct keyd_counts *keyd_counts_open(int dir, const struct keyd_keys *k,
    bool first, struct err *e) __attribute__((warn_unused_result));
void keyd_counts_close(struct keyd_counts *c); /* NULL is fine */

/* Who is counted: a tenant, and an account or an address's digest. */
struct keyd_subject {
	enum keyd_budget budget;
	const struct id *tenant;
	const void *who;
	size_t who_len;
};

/* The seconds until one more is allowed at `now` (microseconds); 0: now. Counts nothing. */
int keyd_counts_wait(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now);
/* Counts one use, within the budget or not. */
void keyd_counts_add(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now);
/* Both: counts one when it is allowed and returns 0, else the seconds to wait. */
int keyd_counts_take(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now);

#endif
