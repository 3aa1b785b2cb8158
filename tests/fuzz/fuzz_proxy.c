/*
 * fuzz_proxy.c: headers of front ends, in one piece and in those that are asked for: both
 * come to the same, and no more is asked for than the header has.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "intake/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sockaddr_storage a, b;
	uint8_t *copy;
	size_t have = 0;
	long want;
	int says;

	while ((want = proxy_wants(p, have)) > 0) {
		if (have + (size_t)want > LIMIT_PROXY_HEADER)
			abort();
		if (have + (size_t)want > n)
			return 0;
		have += (size_t)want;
	}
	/* A copy of its exact size: a read past its end is seen. */
	if ((copy = malloc(have + 1)) == NULL)
		return 0;
	memcpy(copy, p, have);
	copy = realloc(copy, have > 0 ? have : 1);
	says = proxy_client(copy, have, &a);
	if (want == -1 && says != -1)
		abort();
	if (says == 1 && a.ss_family != AF_INET && a.ss_family != AF_INET6)
		abort();
	if (says != 1 && a.ss_family != AF_UNSPEC)
		abort();
	if (proxy_client(p, have, &b) != says || memcmp(&a, &b, sizeof(a)) != 0)
		abort();
	free(copy);
	return 0;
}
