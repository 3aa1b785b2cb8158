/*
 * outbox.h: the queue of mails to be sent: one row a mail. Producers add within the
 * transaction of the change; couriers take rows across tenants with SKIP LOCKED and a
 * lease, so that a crashed courier's rows come back by themselves.
 */
#ifndef STORE_OUTBOX_H
#define STORE_OUTBOX_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/limits.h"
#include "store/db.h"

enum outbox_kind {
	OUTBOX_NOTICE = 1,
	OUTBOX_CODE = 2,
	OUTBOX_RECEIPT = 3,
	OUTBOX_FORWARD = 4, /* store/forward.h */
	OUTBOX_STATUS = 5   /* store/report.h */
};
struct report_mail;

struct outbox {
	struct id tenant;
	struct id id;
	enum outbox_kind kind;
	struct id message; /* zero when about none (a code for the inbox) */
	uint32_t slot;     /* whose notice or receipt; 0 none */
	struct id notice;  /* zero when none */
	int64_t at;        /* receipt: when it was displayed */
	/* box to keyd's outbox key; empty for a receipt. Owned: outbox_clear() */
	struct buf item;
	int item_kind; /* enum seal_item_kind, 0 for a receipt */
	int64_t created;
	int64_t due;
	int tries; /* including this one once taken */
	/*
	 * What its sender is told at the end of this try, written down with that; NULL:
	 * nothing. The caller's.
	 */
	const struct report_mail *tell;
};
void outbox_clear(struct outbox *o);

/* transaction of o->tenant; due 0: now */
int outbox_add(struct db *db, const struct outbox *o, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Courier, across tenants, a transaction of its own (begins and commits): up to cap due
 * rows, codes only or the rest, leased for lease_s seconds. 0 with *n.
 */
int outbox_take(struct db *db, bool codes, int lease_s, struct outbox *out,
    size_t cap, size_t *n, struct err *e) __attribute__((warn_unused_result));

/*
 * What a mail about that row needs beside its secret: in a transaction of its tenant.
 * Names and addresses only, no content.
 */
struct outbox_facts {
	char host[256];
	char tenant_name[LIMIT_NAME * 4 + 1];
	char tenant_domain[256];
	char contact[128];
	char sender_name[LIMIT_NAME * 4 + 1];    /* "" when unknown */
	char sender[LIMIT_ADDRESS + 1];          /* of the message */
	char recipient[LIMIT_ADDRESS + 1];       /* of the slot */
	char recipient_name[LIMIT_NAME * 4 + 1]; /* of its account, else "" */
	char pickup[16];                         /* stored form */
	int64_t created;                         /* of the message */
	int64_t expires;
	unsigned notify; /* what was asked of the slot, RFC 3461; 0 nothing */
	bool told;       /* the sender was told of the delay */
	bool proved;     /* the message's sender has an account */
};
/* Of n rows, all of that tenant. */
int outbox_facts(struct db *db, struct outbox *const *o, size_t n,
    struct outbox_facts **out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The end of one try (without effect when another courier has taken the row since,
 * except that what was sent is sent), each in a transaction of its own together with
 * its event (EVENT_NOTICE_TAKEN and so on; reply is the server's line, cut, without
 * addresses).
 */
/* secret destroyed */
int outbox_sent(struct db *db, const struct outbox *o, const char *reply,
    struct err *e) __attribute__((warn_unused_result));
/*
 * The same of n rows of one tenant, of whose senders none is told, in one transaction that
 * does not wait for the disk: mail that was just accepted goes first. A server that crashes
 * within that moment has them sent again, as the same mails.
 */
int outbox_sent_all(struct db *db, struct outbox *const *o,
    const char *const *reply, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/* for good: secret destroyed */
int outbox_failed(struct db *db, const struct outbox *o, const char *reply,
    struct err *e) __attribute__((warn_unused_result));
int outbox_later(struct db *db, const struct outbox *o, int64_t due,
    const char *reply, struct err *e) __attribute__((warn_unused_result));

/* ctl, across tenants: rows not yet sent. */
struct outbox_count {
	int waiting;
	int retrying;
	int failed;
	int64_t oldest;
};
int outbox_counts(struct db *db, struct outbox_count *out, struct err *e)
    __attribute__((warn_unused_result));
int outbox_list(struct db *db,
    void (*row)(void *arg, const struct outbox *o, const char *state,
	const char *last_reply),
    void *arg, struct err *e) __attribute__((warn_unused_result));

#endif
