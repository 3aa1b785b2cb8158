/*
 * front.h: what start-up gives to the two roles of restante, and what it wants of
 * them. No Kore in it.
 */
#ifndef BASE_FRONT_H
#define BASE_FRONT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/settings.h"

/* One role: the portal or intake. Its functions are called on a worker's loop. */
struct front {
	const char *name;
	bool alpn;             /* speaks HTTP, and says so in the handshake */
	bool asks_certificate; /* of its clients (front/shown.h) */
	/* First, under seccomp already. 0, or -1 with *e set. */
	int (*start)(const struct settings *set, struct err *e);
	/* SIGTERM came: finish what runs, take no more. */
	void (*drain)(void);
	/* Is there still something to finish? */
	bool (*busy)(void);
	/* Nothing runs any more. */
	void (*stop)(void);
};

extern const struct front front_portal; /* portal/kore_portal.c */
extern const struct front front_intake; /* intake/kore_intake.c */

/* Has the loop call pool_reap() when jobs of p have ended. */
void front_watch_pool(struct pool *p);

/* What connections ask of Kore, given its `struct connection`. */
void front_close(void *socket); /* at once */
void front_linger(
    void *socket); /* no more comes; what still does is thrown away */
void front_again(void *socket); /* tell once more what it can do */

#endif
