/*
 * forward_trip.h: one copy on its way, between forward.c and forward_end.c. Theirs alone.
 */
#ifndef COURIER_FORWARD_TRIP_H
#define COURIER_FORWARD_TRIP_H

#include "courier/forward.h"
#include "store/forward.h"

#define DOWN_TENANTS 64

struct forwarding {
	struct forward_route route; /* that smtp is for */
	char place[280];            /* its host and port */
	struct smtp_out *smtp;
	int64_t until_ms; /* of what was taken: nothing is said after it */
	struct {
		struct id tenant;
		int64_t until_ms;
	} down[DOWN_TENANTS];
	size_t down_at; /* the place that is used next */
};

/* One copy on its way. */
struct trip {
	struct lane *lane;
	struct outbox *row;
	struct forward f;
	struct seal_opener *opener;
	struct buf block; /* clear bytes */
	uint32_t next;    /* chunk that follows */
	uint32_t taken;   /* chunks of this block */
	char message_id[SEAL_ITEM_SECRET];
	struct err fault; /* why a piece could not be had */
	struct smtp_rcpt *rcpt;
	struct forward_result *result;
	unsigned offered;
	unsigned lacks;
	bool gone;            /* the copy itself is no more */
	bool over;            /* it was tried for long enough */
	char id[ID_TEXT_LEN]; /* for the log */
};

/*
 * Writes down what became of each recipient (t->rcpt), and what their sender is told.
 */
void trip_settle(struct trip *t);

#endif
