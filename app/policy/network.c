/*
 * network.c: ranges of network addresses.
 */
#include "policy/network.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define BETWEEN ", \t"
#define MAPPED  96 /* bits before an IPv4 address among those of IPv6 */

/* *v4_out: it was written as IPv4. */
static int
address_parse(const char *text, uint8_t out[16], bool *v4_out)
{
	static const uint8_t mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	memcpy(out, mapped, sizeof(mapped));
	*v4_out = inet_pton(AF_INET, text, out + sizeof(mapped)) == 1;
	return *v4_out || inet_pton(AF_INET6, text, out) == 1 ? 0 : -1;
}

/* Of exactly one to three digits, at most `most`. */
static int
bits_parse(const char *text, unsigned most, unsigned *out)
{
	size_t n = strlen(text);

	if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
		return -1;
	*out = (unsigned)strtoul(text, NULL, 10);
	return *out <= most ? 0 : -1;
}

static void
tail_clear(uint8_t at[16], unsigned bits)
{
	unsigned i, mask;

	for (i = 0; i < 16; i++) {
		if (bits >= 8 * (i + 1))
			continue;
		mask = bits <= 8 * i ? 0U : 0xff00U >> (bits - 8 * i);
		at[i] = (uint8_t)(at[i] & mask);
	}
}

int
policy_net_parse(const char *text, struct policy_net *out)
{
	char address[POLICY_NET_TEXT];
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned bits;
	bool v4;

	memset(out, 0, sizeof(*out));
	if (n >= sizeof(address))
		return -1;
	memcpy(address, text, n);
	address[n] = '\0';
	if (address_parse(address, out->at, &v4) == -1)
		return -1;
	bits = v4 ? 32 : 128;
	if (slash != NULL && bits_parse(slash + 1, bits, &bits) == -1)
		return -1;
	out->bits = v4 ? bits + MAPPED : bits;
	tail_clear(out->at, out->bits);
	return 0;
}

bool
policy_net_has(const struct policy_net *net, const char *address)
{
	uint8_t at[16];
	bool v4;

	if (address_parse(address, at, &v4) == -1)
		return false;
	tail_clear(at, net->bits);
	return memcmp(at, net->at, sizeof(at)) == 0;
}

bool
policy_net_wide(const struct policy_net *net)
{
	uint8_t v4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint8_t at[16];

	memcpy(at, net->at, sizeof(at));
	tail_clear(at, MAPPED);
	tail_clear(v4, net->bits < MAPPED ? net->bits : MAPPED);
	/* Of IPv4, or around all of it. */
	if (memcmp(at, v4, sizeof(at)) == 0)
		return net->bits < MAPPED + 8;
	return net->bits < 32;
}

static int
add(struct policy_nets *l, const char *name, const char *text, size_t len,
    struct err *e)
{
	char word[POLICY_NET_TEXT] = "";
	struct policy_net *grown;

	if (len < sizeof(word))
		memcpy(word, text, len);
	if (strcmp(word, "none") == 0)
		return 0;
	grown = realloc(l->net, (l->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(e, ERR_UNAVAILABLE, "%s: no memory", name);
	l->net = grown;
	if (policy_net_parse(word, &grown[l->n]) == -1)
		return err_set(e, ERR_BAD_INPUT,
		    "%s must be addresses and ranges of them", name);
	l->n++;
	return 0;
}

int
policy_nets_read(
    const char *name, const char *text, struct policy_nets *out, struct err *e)
{
	size_t len;

	*out = (struct policy_nets){NULL, 0};
	for (; text != NULL && *text != '\0'; text += len) {
		text += strspn(text, BETWEEN);
		len = strcspn(text, BETWEEN);
		if (len > 0 && add(out, name, text, len, e) == -1) {
			policy_nets_clear(out);
			return -1;
		}
	}
	return 0;
}

void
policy_nets_clear(struct policy_nets *l)
{
	free(l->net);
	*l = (struct policy_nets){NULL, 0};
}

bool
policy_nets_have(const struct policy_nets *l, const char *address)
{
	for (size_t i = 0; i < l->n; i++)
		if (policy_net_has(&l->net[i], address))
			return true;
	return false;
}
