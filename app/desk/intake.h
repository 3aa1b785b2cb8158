/*
 * intake.h: the use cases behind the SMTP listener: who is this, may they send to
 * that mailbox, and: take this message. 250 means that desk_accept() returned 0.
 */
#ifndef DESK_INTAKE_H
#define DESK_INTAKE_H

#include <stdbool.h>

#include "base/id.h"
#include "base/limits.h"
#include "mail/address.h"
#include "policy/envelope.h"

struct desk;

/* The client of one SMTP connection. */
struct desk_sender {
	bool authenticated;
	struct id tenant; /* when authenticated */
	struct id account;
	char address[LIMIT_ADDRESS + 1]; /* its own, lower case */
	char client[64];                 /* network address */
	char helo[256];                  /* what it called itself */
	char tls[80];                    /* "" in clear */
	char session[ID_REQUEST_LEN];    /* for the log */
};

struct desk_rcpt {
	struct mailbox mailbox;
	enum policy_way way;
	struct id account; /* zero when there is none */
};

struct desk_envelope {
	/* zero while no recipient was taken and the sender is not authenticated */
	struct id tenant;
	bool null_sender;
	struct mailbox from;
	/* grown by desk_rcpt_add; freed by desk_envelope_clear */
	struct desk_rcpt *rcpt;
	size_t n_rcpt;
	bool body_8bit;
};
void desk_envelope_clear(struct desk_envelope *env);

/*
 * SMTP AUTH: a member's address and an SMTP token, nothing else. ERR_DENIED 535,
 * ERR_TOO_MANY, ERR_UNAVAILABLE.
 */
int desk_auth(struct desk *d, const char *user, const char *password,
    struct desk_sender *s, struct err *e) __attribute__((warn_unused_result));
/* MAIL FROM by policy_sender(). from NULL: the null sender. */
int desk_mail(struct desk *d, const struct desk_sender *s,
    const struct mailbox *from, struct err *e)
    __attribute__((warn_unused_result));
/*
 * RCPT TO by policy_recipient(); adds it to the envelope (a mailbox given twice once).
 * ERR_TOO_MANY past LIMIT_RECIPIENTS.
 */
int desk_rcpt_add(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, const struct mailbox *to, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A message on its way in: sealed as it streams, in its final chunk form under its data
 * key, the first chunks in memory and the rest in an unlinked file in the spool
 * directory. draft_trace adds lines of our own that do not count as the client's body.
 */
struct desk_draft;
struct desk_draft *desk_draft_new(
    const char *spool_dir, const struct id *tenant, struct err *e);
int desk_draft_trace(struct desk_draft *d, const void *p, size_t n,
    struct err *e) __attribute__((warn_unused_result));
/* ERR_TOO_BIG past LIMIT_MESSAGE */
int desk_draft_add(struct desk_draft *d, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result));
void desk_draft_free(struct desk_draft *d);

/*
 * Parses, seals for every reader, writes message, chunks, slots, notices and events in one
 * transaction and commits. A duplicate within LIMIT_DUPLICATE_HOURS is 0 with the first
 * id. ERR_BAD_INPUT: header too big or a loop. ERR_UNAVAILABLE, ERR_UNKNOWN: 451.
 */
int desk_accept(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *draft, struct id *message_out,
    struct err *e) __attribute__((warn_unused_result));

#endif
