/*
 * ready.h: is everything there that a page needs? Asked at most once a second a process,
 * however many ask; who comes while another looks gets the last answer.
 */
#ifndef DESK_READY_H
#define DESK_READY_H

#include <stdbool.h>
#include <stdint.h>

struct desk;

enum ready_part {
	READY_DATABASE, /* answers */
	READY_SCHEMA,   /* has the tables this program needs, or newer ones */
	READY_KEYD,     /* answers */
	READY_SPOOL,    /* has room: LIMIT_SPOOL_FREE */
	READY_PARTS
};

struct desk_readiness {
	bool ok[READY_PARTS];
	const char *name[READY_PARTS]; /* for machines: "database" */
};

/* Cannot fail; says in the log what changed. */
void desk_ready(struct desk *d, struct desk_readiness *out);

/* What the threads share. Inside desk/ only. */
struct ready;
struct ready *ready_new(void) __attribute__((warn_unused_result));
void ready_free(struct ready *r); /* NULL is fine */

#endif
