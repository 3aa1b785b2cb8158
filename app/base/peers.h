/*
 * peers.h: what each network neighbour takes of us at this moment, so that no one of
 * them takes all. A neighbour is an IPv4 address, or the /64 of an IPv6 address (one
 * household or host has at least that much). Counts only; used on one event loop.
 */
#ifndef BASE_PEERS_H
#define BASE_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct peers;

#define PEER_NET_LEN 9 /* 4, 6 or a session's 1, and its bytes */

/* One neighbour, as long as somebody holds it. */
struct peer {
	uint64_t key;         /* for pool_job.owner; never 0 */
	unsigned connections; /* all below are the caller's to count */
	unsigned trusted;     /* of them, of who proved to be a tenant's own */
	unsigned bodies;      /* being read, in units of portal/http_serve.c */
	unsigned transfers;   /* files on their way */
	/* private */
	uint8_t net[PEER_NET_LEN];
	unsigned held;
	struct peer *next;
};

/* The same as bytes: of an address as text; of other text its beginning. */
void peer_network(const char *text, uint8_t net[PEER_NET_LEN]);

/* After secret_init(). NULL: memory. */
struct peers *peers_new(void);
void peers_free(struct peers *p); /* NULL is fine */

/* The neighbour at that address, held until peer_drop(). NULL: memory. */
struct peer *peer_hold(struct peers *p, const struct sockaddr *sa)
    __attribute__((warn_unused_result));
/* The same of an address as text, or of what stands for one. */
struct peer *peer_hold_text(struct peers *p, const char *text)
    __attribute__((warn_unused_result));
/* The same of a session, from wherever it asks, by portal_plan's owner. */
struct peer *peer_hold_session(struct peers *p, uint64_t owner)
    __attribute__((warn_unused_result));
void peer_drop(struct peers *p, struct peer *peer); /* NULL is fine */
/* How many are held. */
size_t peers_count(const struct peers *p);

#endif
