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

/* Mails of one session at most. */
#define LANE_BATCH 10
/* How long taken rows are ours: more than a session lasts. */
#define LANE_LEASE_S 90

/* What one thread works with; nothing of it is shared. */
struct lane {
	bool codes; /* codes only, or everything else */
	struct render render;
	struct db *db;
	struct keyd *keyd;
	struct smtp_out *smtp;
	size_t batch; /* mails of the next session; set by lane_open and on */
};

/* -1 with *e set; then lane_close() is still right. */
int lane_open(struct lane *l, const struct settings *s, const struct view *view,
    bool codes, struct err *e) __attribute__((warn_unused_result));
void lane_close(struct lane *l);

/*
 * Works through one batch of due rows; *n_out is how many there were. -1 when the
 * database does not answer: the rows come back when their lease ends.
 */
int lane_step(struct lane *l, size_t *n_out, struct err *e)
    __attribute__((warn_unused_result));

#endif
