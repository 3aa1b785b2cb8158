/*
 * fuzz_keyd_proto.c: messages to and from keyd. What decodes must encode to a message
 * that decodes to the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keyd/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
request(const uint8_t in[PROTO_SIZE], const struct proto_head *h)
{
	union proto_request q, again;
	uint8_t out[PROTO_SIZE];

	if (proto_read_request(in, &q) == -1)
		return;
	if (proto_write_request(out, h, &q) == -1 ||
	    proto_read_request(out, &again) == -1 ||
	    memcmp(&q, &again, sizeof(q)) != 0)
		abort();
}

static void
reply(const uint8_t in[PROTO_SIZE], const struct proto_head *h)
{
	union proto_reply r, again;
	uint8_t out[PROTO_SIZE];

	if (proto_read_reply(in, &r) == -1)
		return;
	if (proto_write_reply(out, h, &r) == -1 ||
	    proto_read_reply(out, &again) == -1 ||
	    memcmp(&r, &again, sizeof(r)) != 0)
		abort();
}

/* The first byte says the direction; the rest is a message, padded or cut. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t in[PROTO_SIZE] = {0};
	struct proto_head h;

	if (n < 1)
		return 0;
	memcpy(in, p + 1, n - 1 < PROTO_SIZE ? n - 1 : PROTO_SIZE);
	memcpy(in, "RKD1", 4);
	if (proto_read_head(in, &h) == -1)
		return 0;
	if (p[0] & 1)
		reply(in, &h);
	else
		request(in, &h);
	return 0;
}
