/*
 * peers.c: a table of those who are there, found by a hash under a secret of the
 * process, so that nobody chooses addresses that fall together.
 */
#include "base/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define BUCKETS_MIN 256

struct peers {
	uint8_t secret[SECRET_KEY_LEN];
	struct peer **bucket;
	size_t size; /* buckets: a power of two */
	size_t n;
};

struct peers *
peers_new(void)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->size = BUCKETS_MIN;
	if ((p->bucket = calloc(p->size, sizeof(struct peer *))) == NULL) {
		free(p);
		return NULL;
	}
	secret_random(p->secret, sizeof(p->secret));
	return p;
}

void
peers_free(struct peers *p)
{
	struct peer *peer, *next;

	if (p == NULL)
		return;
	for (size_t i = 0; i < p->size; i++) {
		for (peer = p->bucket[i]; peer != NULL; peer = next) {
			next = peer->next;
			free(peer);
		}
	}
	free(p->bucket);
	secret_wipe(p, sizeof(*p));
	free(p);
}

/* The network an address is of, as bytes. */
static void
network(const struct sockaddr *sa, uint8_t net[PEER_NET_LEN])
{
	const struct sockaddr_in *v4;
	const struct sockaddr_in6 *v6;

	memset(net, 0, PEER_NET_LEN);
	if (sa->sa_family == AF_INET) {
		v4 = (const void *)sa;
		net[0] = 4;
		memcpy(net + 1, &v4->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		v6 = (const void *)sa;
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			net[0] = 4;
			memcpy(net + 1, &v6->sin6_addr.s6_addr[12], 4);
		} else {
			net[0] = 6;
			memcpy(net + 1, &v6->sin6_addr, 8);
		}
	}
}

void
peer_network(const char *text, uint8_t net[PEER_NET_LEN])
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		network((const struct sockaddr *)&v4, net);
	} else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		network((const struct sockaddr *)&v6, net);
	} else {
		memset(net, 0, PEER_NET_LEN);
		memcpy(net, text, strnlen(text, PEER_NET_LEN));
	}
}

static struct peer **
bucket(const struct peers *p, uint64_t key)
{
	return &p->bucket[key & (p->size - 1)];
}

/* Twice the buckets; where there is no memory for them lists grow longer. */
static void
grow(struct peers *p)
{
	struct peer **old = p->bucket, *peer, *next;
	size_t n = p->size;

	if ((p->bucket = calloc(n * 2, sizeof(*old))) == NULL) {
		p->bucket = old;
		return;
	}
	p->size = n * 2;
	for (size_t i = 0; i < n; i++) {
		for (peer = old[i]; peer != NULL; peer = next) {
			next = peer->next;
			peer->next = *bucket(p, peer->key);
			*bucket(p, peer->key) = peer;
		}
	}
	free(old);
}

static struct peer *
hold(struct peers *p, const uint8_t net[PEER_NET_LEN])
{
	struct peer *peer;
	uint64_t key;

	key = secret_hash(p->secret, net, PEER_NET_LEN);
	key += key == 0;
	for (peer = *bucket(p, key); peer != NULL; peer = peer->next) {
		if (memcmp(peer->net, net, PEER_NET_LEN) == 0) {
			peer->held++;
			return peer;
		}
	}
	if ((peer = calloc(1, sizeof(*peer))) == NULL)
		return NULL;
	if (++p->n > p->size)
		grow(p);
	peer->key = key;
	memcpy(peer->net, net, PEER_NET_LEN);
	peer->held = 1;
	peer->next = *bucket(p, key);
	*bucket(p, key) = peer;
	return peer;
}

struct peer *
peer_hold(struct peers *p, const struct sockaddr *sa)
{
	uint8_t net[PEER_NET_LEN];

	network(sa, net);
	return hold(p, net);
}

struct peer *
peer_hold_text(struct peers *p, const char *text)
{
	uint8_t net[PEER_NET_LEN];

	peer_network(text, net);
	return hold(p, net);
}

struct peer *
peer_hold_session(struct peers *p, uint64_t owner)
{
	uint8_t net[PEER_NET_LEN] = {1};

	_Static_assert(PEER_NET_LEN == 1 + sizeof(owner), "as an address");
	memcpy(net + 1, &owner, sizeof(owner));
	return hold(p, net);
}

void
peer_drop(struct peers *p, struct peer *peer)
{
	struct peer **at;

	if (peer == NULL || --peer->held > 0)
		return;
	at = bucket(p, peer->key);
	while (*at != peer)
		at = &(*at)->next;
	*at = peer->next;
	p->n--;
	free(peer);
}

size_t
peers_count(const struct peers *p)
{
	return p->n;
}
