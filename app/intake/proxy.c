/*
 * proxy.c: PROXY, version 2.
 */
#include "intake/proxy.h"

#include <netinet/in.h>
#include <string.h>

#include "base/limits.h"

static const uint8_t signature[12] = {
    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

enum { COMMAND_LOCAL, COMMAND_PROXY };
enum {
	FAMILY_NONE = 0x00,
	FAMILY_IPV4 = 0x11,
	FAMILY_IPV6 = 0x21,
	FAMILY_UNIX = 0x31
};

/* Two addresses and two ports. */
#define IPV4_LEN 12
#define IPV6_LEN 36
#define UNIX_LEN 216

static size_t
be16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

long
proxy_wants(const uint8_t *p, size_t n)
{
	size_t known = n < sizeof(signature) ? n : sizeof(signature);
	size_t all;

	if (known > 0 && memcmp(p, signature, known) != 0)
		return -1;
	if (n > 12 && (p[12] >> 4 != 2 || (p[12] & 0xf) > COMMAND_PROXY))
		return -1;
	if (n < PROXY_FIXED)
		return (long)(PROXY_FIXED - n);
	all = PROXY_FIXED + be16(p + 14);
	if (all > LIMIT_PROXY_HEADER || n > all)
		return -1;
	return (long)(all - n);
}

/* Kind, length, value, one after the other, to the very end. */
static int
check_rest(const uint8_t *p, size_t n)
{
	while (n > 0) {
		if (n < 3 || n - 3 < be16(p + 1))
			return -1;
		n -= 3 + be16(p + 1);
		p += 3 + be16(p + 1);
	}
	return 0;
}

static void
ipv4(const uint8_t *p, struct sockaddr_storage *out)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};

	memcpy(&sin.sin_addr, p, 4);
	memcpy(&sin.sin_port, p + 8, 2);
	memcpy(out, &sin, sizeof(sin));
}

static void
ipv6(const uint8_t *p, struct sockaddr_storage *out)
{
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

	memcpy(&sin6.sin6_addr, p, 16);
	memcpy(&sin6.sin6_port, p + 32, 2);
	memcpy(out, &sin6, sizeof(sin6));
}

int
proxy_client(const uint8_t *p, size_t n, struct sockaddr_storage *out)
{
	size_t len, used;

	memset(out, 0, sizeof(*out));
	if (n < PROXY_FIXED || proxy_wants(p, n) != 0)
		return -1;
	len = n - PROXY_FIXED;
	if ((p[12] & 0xf) == COMMAND_LOCAL || p[13] == FAMILY_NONE)
		return 0; /* what else it says is not to be looked at */
	if (p[13] == FAMILY_IPV4)
		used = IPV4_LEN;
	else if (p[13] == FAMILY_IPV6)
		used = IPV6_LEN;
	else if (p[13] == FAMILY_UNIX)
		used = UNIX_LEN;
	else
		return -1;
	p += PROXY_FIXED;
	if (len < used || check_rest(p + used, len - used) == -1)
		return -1;
	if (used == UNIX_LEN)
		return 0;
	if (used == IPV4_LEN)
		ipv4(p, out);
	else
		ipv6(p, out);
	return 1;
}
