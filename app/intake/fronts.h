/*
 * fronts.h: the front ends that may say whose connection they pass on, as an operator
 * names them: addresses and ranges of IPv4 and IPv6 with commas between.
 */
#ifndef INTAKE_FRONTS_H
#define INTAKE_FRONTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/network.h"

struct fronts {
	struct policy_net *net;
	size_t n;
};

/*
 * name: of the setting, for *e. text NULL: none. -1: malformed, or memory; *out is then
 * empty.
 */
int fronts_read(const char *name, const char *text, struct fronts *out,
    struct err *e) __attribute__((warn_unused_result));
void fronts_clear(struct fronts *f);
bool fronts_have(const struct fronts *f, const char *address);

#endif
