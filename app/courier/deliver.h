/*
 * deliver.h: one lane of the courier: takes due rows, makes their mails, hands them to
 * the smart host in one session, and writes down what became of each.
 */
#ifndef COURIER_DELIVER_H
#define COURIER_DELIVER_H

#include <stdbool.h>

#include "base/settings.h"
#include "courier/render.h"
#include "courier/smtp_out.h"
#include "keyd/client.h"
#include "store/outbox.h"

/* Mails of one session at most. */
#define LANE_BATCH 32
/* How long taken rows are ours: more than a session lasts. */
#define LANE_LEASE_S 90

enum lane_kind { LANE_REST, LANE_CODES, LANE_FORWARDS };
struct forwarding;

/* What one thread works with; nothing of it is shared. */
struct lane {
	bool codes;    /* codes only, or everything else */
	bool forwards; /* or forwarded messages only */
	const struct settings *set;
	struct keyd_public public; /* once has_public */
	bool has_public;
	struct forwarding *forwarding; /* of a lane of those */
	struct render render;
	struct db *db;
	struct keyd *keyd;
	struct smtp_out *smtp;
	size_t batch; /* mails of the next session; set by lane_open and on */
	struct outbox row[LANE_BATCH]; /* taken and not yet worked through */
	size_t n;
};

/* -1 with *e set; then lane_close() is still right. */
int lane_open(struct lane *l, const struct settings *s, const struct view *view,
    enum lane_kind kind, struct err *e) __attribute__((warn_unused_result));
void lane_close(struct lane *l);

/*
 * Takes due rows for lane_work() over db, which lanes may share by turns: the rows are
 * ours as long as that connection lives. l->n is how many there are; -1 when the
 * database does not answer.
 */
int lane_take(struct lane *l, struct db *db, struct err *e)
    __attribute__((warn_unused_result));
/* Before something is tried again. */
void lane_rest(long ms);
/* Works through them. What cannot be written down comes back when its lease ends. */
void lane_work(struct lane *l);

#endif
