/*
 * limiter.c: a table of slots that clients share by hash. Two clients in one slot
 * share its count: the table errs towards the limit, and the seed keeps anyone from
 * choosing whom to share with.
 */
#include "portal/limiter.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define SLOTS   8192
#define HOUR_MS (60 * 60 * INT64_C(1000))

struct slot {
	int64_t since;
	unsigned count;
};

struct limiter {
	pthread_mutex_t lock;
	uint8_t seed[SECRET_KEY_LEN];
	unsigned per_hour;
	struct slot slot[SLOTS];
};

struct limiter *
limiter_new(unsigned per_hour)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	secret_random(l->seed, sizeof(l->seed));
	l->per_hour = per_hour;
	return l;
}

void
limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/*
 * The network that counts as one, as base/peers.h has it: an IPv4 address, also one that
 * comes as IPv6, or the first half of an IPv6 address. What is no address is itself.
 */
static size_t
network(const char *client, uint8_t out[INET6_ADDRSTRLEN])
{
	struct in6_addr six;
	size_t n = strlen(client);

	if (inet_pton(AF_INET, client, out) == 1)
		return 4;
	if (inet_pton(AF_INET6, client, &six) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&six)) {
			memcpy(out, &six.s6_addr[12], 4);
			return 4;
		}
		memcpy(out, six.s6_addr, 8);
		return 8;
	}
	if (n > INET6_ADDRSTRLEN)
		n = INET6_ADDRSTRLEN;
	memcpy(out, client, n);
	return n;
}

/* The client's slot, its count begun anew after an hour. Locked. */
static struct slot *
slot_of(struct limiter *l, const char *client, int64_t now)
{
	uint8_t net[INET6_ADDRSTRLEN];
	size_t n = network(client, net);
	struct slot *s = &l->slot[secret_hash(l->seed, net, n) % SLOTS];

	if (s->count > 0 && now - s->since >= HOUR_MS)
		s->count = 0;
	if (s->count == 0)
		s->since = now;
	return s;
}

bool
limiter_full(struct limiter *l, const char *client, int64_t now)
{
	bool full;

	pthread_mutex_lock(&l->lock);
	full = slot_of(l, client, now)->count >= l->per_hour;
	pthread_mutex_unlock(&l->lock);
	return full;
}

void
limiter_count(struct limiter *l, const char *client, int64_t now)
{
	struct slot *s;

	pthread_mutex_lock(&l->lock);
	s = slot_of(l, client, now);
	if (s->count < l->per_hour)
		s->count++;
	pthread_mutex_unlock(&l->lock);
}
