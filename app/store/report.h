/*
 * report.h: what senders asked to be told of their recipients, and the delivery status
 * mails that tell them. Within a transaction of the tenant.
 */
#ifndef STORE_REPORT_H
#define STORE_REPORT_H

#include "base/limits.h"
#include "store/outbox.h"

#define REPORT_ORCPT  512 /* RFC 3461 4.2, with the NUL */
#define REPORT_ENVID  128
#define REPORT_STATUS 12
#define REPORT_DETAIL 200

/*
 * Of one recipient who is sent a notice, where something was asked; and of one who was
 * handed the message by mail alone, for the sender to see.
 */
struct dsn {
	struct id message;
	uint32_t slot;
	char given[LIMIT_ADDRESS + 1]; /* what the sender is told of */
	unsigned notify;
	char orcpt[REPORT_ORCPT];
	char envid[REPORT_ENVID];
};
int dsn_add(struct db *db, const struct id *tenant, const struct dsn *d,
    struct err *e) __attribute__((warn_unused_result));

/* Those of one message, by slot; slot and given alone. *out: free() */
int dsn_list(struct db *db, const struct id *tenant, const struct id *message,
    struct dsn **out, size_t *n, struct err *e)
    __attribute__((warn_unused_result));

/* What is known of a notice's recipient when its sender may have to be told: 1, 0, -1. */
struct dsn_facts {
	struct dsn asked; /* what is asked for where nothing is: notify 0 */
	/* of the tenant's own people: the message is in their inbox */
	bool inward;
	char sender[LIMIT_ADDRESS + 1];
};
int dsn_facts(struct db *db, const struct outbox *o, struct dsn_facts *out,
    struct err *e) __attribute__((warn_unused_result));

/* A recipient in a delivery status mail. */
struct report {
	int action; /* enum mail_action */
	char recipient[LIMIT_ADDRESS + 1];
	char orcpt[REPORT_ORCPT];
	char envid[REPORT_ENVID];
	char status[REPORT_STATUS];
	char diagnostic[REPORT_DETAIL];
	char remote[256];
};

/* One such mail on its way into the queue: an outbox row and what it says. */
struct report_mail {
	struct outbox mail;
	struct report *row;
	size_t n;
};
void report_mail_clear(struct report_mail *m);
/* Quietly nothing where a row of that id is there. */
int report_add(struct db *db, const struct report_mail *m, struct err *e)
    __attribute__((warn_unused_result));
/* *out: free() */
int report_list(struct db *db, const struct outbox *o, struct report **out,
    size_t *n, struct err *e) __attribute__((warn_unused_result));

#endif
