/*
 * dsn.h: what senders are told of the way their messages took (RFC 3461, 3464): what is
 * told when, and the mails that tell it.
 */
#ifndef COURIER_DSN_H
#define COURIER_DSN_H

#include "courier/deliver.h"
#include "mail/report.h"
#include "store/report.h"

/* Whether a sender who asked for `notify` is told of that; proved: it is who it says. */
bool dsn_wanted(enum mail_action a, unsigned notify, bool proved);
/*
 * The enhanced status an answer begins with, else what its code says in general; "" or
 * no code at all is a connection that never came about.
 */
void dsn_status(enum mail_action a, const char *reply, char out[REPORT_STATUS]);

/* What is told is about this. */
struct dsn_subject {
	const struct outbox *about;
	const char *sender;     /* who is told */
	const char *message_id; /* of the original, "" when unknown */
	unsigned salt;          /* tells mails about one row apart */
};
/*
 * Fills in m->mail for the rows in m->row, which the caller has set: boxed to keyd for
 * the sender's address.
 */
int dsn_seal(struct lane *l, const struct dsn_subject *s, struct report_mail *m,
    struct err *e) __attribute__((warn_unused_result));

/*
 * A notice's: m->n is 0 when its sender is told nothing. reply: of the last try.
 * message_id: as above.
 */
int dsn_of_notice(struct lane *l, const struct outbox *o, enum mail_action a,
    const char *reply, const char *message_id, struct report_mail *m,
    struct err *e) __attribute__((warn_unused_result));

/*
 * Where those who run a tenant's mail are told of what nobody else may be: postmaster at
 * its first domain. -1: it has none.
 */
int dsn_house(const struct outbox_facts *f, char *out, size_t cap)
    __attribute__((warn_unused_result));

/* The mail of an OUTBOX_STATUS row. */
int dsn_render(struct lane *l, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    struct rendered *out, struct err *e) __attribute__((warn_unused_result));

#endif
