/* network.h: ranges of network addresses, lists of them, and what lies in them. */
#ifndef POLICY_NETWORK_H
#define POLICY_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define POLICY_NET_TEXT 50 /* "2001:db8::/32" with its NUL */

/* An IPv4 range lies among the mapped addresses of IPv6 (RFC 4291 2.5.5.2). */
struct policy_net {
	uint8_t at[16];
	unsigned bits; /* of 128 */
};

/*
 * "192.0.2.0/24", "2001:db8::/32", an address alone; what lies behind the prefix is
 * cleared. 0, or -1.
 */
int policy_net_parse(const char *text, struct policy_net *out)
    __attribute__((warn_unused_result));
/* address as text, of either family; one that is none lies nowhere. */
bool policy_net_has(const struct policy_net *net, const char *address);
/* Wider than a relay's may be: IPv4 over /8, IPv6 over /32. */
bool policy_net_wide(const struct policy_net *net);

/* Of an operator's; all zero is none. */
struct policy_nets {
	struct policy_net *net;
	size_t n;
};
/*
 * Addresses and ranges with commas or blanks between; NULL or "none": none. name: of the
 * setting, for *e. -1: one is malformed, or memory; *out is then empty.
 */
int policy_nets_read(const char *name, const char *text,
    struct policy_nets *out, struct err *e) __attribute__((warn_unused_result));
void policy_nets_clear(struct policy_nets *l);
bool policy_nets_have(const struct policy_nets *l, const char *address);

#endif
