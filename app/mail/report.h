/*
 * report.h: delivery status notifications: multipart/report of a text for people, a
 * message/delivery-status (RFC 3464), and a text/rfc822-headers that holds only what
 * tells the original apart: its Message-ID, date and sender. Never its subject, text or
 * file names, whatever RET asked for.
 */
#ifndef MAIL_REPORT_H
#define MAIL_REPORT_H

#include "mail/build.h"

enum mail_action {
	MAIL_DELIVERED = 1,
	MAIL_RELAYED = 2,
	MAIL_EXPANDED = 3,
	MAIL_FAILED = 4,
	MAIL_DELAYED = 5
};
/* "delivered" and so on. */
const char *mail_action_name(enum mail_action a);

struct mail_outcome {
	const char *recipient; /* address, as it was given to us */
	/* ORCPT, decoded: "rfc822;alice@acme.example"; "" when none was given */
	const char *original;
	enum mail_action action;
	const char *status;     /* "5.1.1" */
	const char *diagnostic; /* the other server's answer; "" when none */
	const char *remote;     /* that server's name; "" when none */
	int64_t until;          /* delayed: how long it is tried; 0 when none */
};

struct mail_report {
	struct mail_system mail; /* html is ignored */
	const char *reporting_mta;
	const char *envid; /* decoded; "" when none was given */
	int64_t arrival;
	const struct mail_outcome *rcpt;
	size_t n_rcpt; /* at least one */
	/* Of the original: without brackets, "" when none; date 0 when none. */
	const char *message_id;
	int64_t date;
	const char *sender;
};

/*
 * What a sender made up and cannot stand on a line (in ENVID, ORCPT, Message-ID) is left
 * out.
 */
int mail_report(const struct mail_report *r, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
