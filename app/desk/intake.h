/*
 * intake.h: the use cases behind the SMTP listener: who is this, may they send to
 * that mailbox, and: take this message. 250 means that desk_accept() returned 0.
 */
#ifndef DESK_INTAKE_H
#define DESK_INTAKE_H

#include <stdbool.h>

#include "base/budget.h"
#include "base/id.h"
#include "base/limits.h"
#include "mail/address.h"
#include "policy/envelope.h"

struct desk;
struct desk_shared;

/* The client of one SMTP connection. */
struct desk_sender {
	bool authenticated; /* by AUTH: a member, who sends as itself alone */
	/* with that: an account of a server of the tenant's own, that sends for its people */
	bool relay;
	struct id tenant; /* when authenticated */
	struct id account;
	char address[LIMIT_ADDRESS + 1]; /* its own, lower case */
	char client[64];                 /* network address */
	char helo[256];                  /* what it called itself */
	char tls[80];                    /* "" in clear */
	/* SHA-256 of the certificate it showed, in hexadecimal; "" without one */
	char certificate[65];
	/* The same of those it showed that sign, link by link, down to it; spaces between. */
	char authorities[4 * 65];
	char session[ID_REQUEST_LEN]; /* for the log */
};

/* RFC 3461 4.1: bits; zero when nothing was asked for, which is as FAILURE and DELAY. */
enum desk_notify {
	DESK_NOTIFY_NEVER = 1,
	DESK_NOTIFY_SUCCESS = 2,
	DESK_NOTIFY_FAILURE = 4,
	DESK_NOTIFY_DELAY = 8,
	DESK_NOTIFY_SAID = 15, /* all that a sender can ask for */
	/*
	 * Kept beside it for what is handed on: its sender is a program, and told nothing by
	 * us; and there is no other copy of it.
	 */
	DESK_NOTIFY_PROGRAM = 16,
	DESK_NOTIFY_ALONE = 32
};
/* RFC 3461 4.3: what of the message a notice of failure brings back. */
enum desk_ret { DESK_RET_NONE, DESK_RET_HDRS, DESK_RET_FULL };
/* RFC 6152, RFC 3030. */
enum desk_body { DESK_BODY_7BIT, DESK_BODY_8BIT, DESK_BODY_BINARY };

/* One RCPT as it was given: what its sender is told of it. */
struct desk_given {
	struct mailbox mailbox;
	unsigned notify; /* enum desk_notify */
	char *orcpt; /* "rfc822;alice@acme.example", decoded; NULL for none */
	bool list;   /* it stood for a list: expanded (RFC 3461 5.2.7.3) */
	uint32_t reader; /* else: who it came to, an index of the envelope's */
};

/* One reader: what a RCPT came to, after aliases and lists. */
struct desk_rcpt {
	struct mailbox mailbox;
	enum policy_way way;
	struct id account; /* zero when there is none */
	/* The RCPT, an index of the envelope's; of several the one that asked for most. */
	uint32_t given;
	bool forward; /* opened, tagged, handed to the tenant's own server */
	bool forward_only; /* and not kept in the portal's inbox */
};

struct desk_envelope {
	/* zero while no recipient was taken and the sender is not authenticated */
	struct id tenant;
	bool null_sender;
	struct mailbox from;
	/*
	 * Set by desk_mail(): the sender is who it says, by AUTH or through a server of the
	 * tenant's own; and its account, zero when that address has none.
	 */
	bool proved;
	struct id account;
	/* Set by desk_mail(), and at the first recipient for who is not proved. */
	enum policy_class sender_class;
	/* grown by desk_rcpt_add; freed by desk_envelope_clear */
	struct desk_rcpt *rcpt;
	size_t n_rcpt;
	struct desk_given *given; /* grown with it; freed with it */
	size_t n_given;
	enum desk_body body;
	bool utf8;        /* SMTPUTF8, RFC 6531 */
	bool require_tls; /* REQUIRETLS, RFC 8689 */
	enum desk_ret ret;
	char *envid; /* decoded; NULL for none */
};
void desk_envelope_clear(struct desk_envelope *env);

/*
 * SMTP AUTH: a member's address and an SMTP token, nothing else; both end in a NUL. 0: s is
 * authenticated, its tenant, account, address and relay are set. ERR_DENIED,
 * ERR_UNAVAILABLE.
 */
int desk_auth(struct desk *d, const char *user, const char *password,
    struct desk_sender *s, struct err *e) __attribute__((warn_unused_result));
/*
 * MAIL FROM by policy_sender(): env's null_sender and from are set, the rest of what
 * is said of the sender is filled in, and its tenant where it is proved. ERR_DENIED: it
 * may not call itself that. ERR_RATE, ERR_UNAVAILABLE.
 */
int desk_mail(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct err *e)
    __attribute__((warn_unused_result));
/*
 * RCPT TO by policy_recipient(): adds what was given, and every reader it stands for; a
 * reader named twice is one. *given is taken over when that is done (0), and stays the
 * caller's otherwise: then the envelope is as it was. ERR_NOT_FOUND, ERR_DENIED,
 * ERR_UNWANTED, ERR_INSECURE, ERR_TYPE (outside, a local part beyond ASCII), ERR_GONE (a
 * list that reaches nobody), ERR_TOO_MANY (past LIMIT_RECIPIENTS, or of another tenant),
 * ERR_RATE, ERR_UNAVAILABLE.
 */
int desk_rcpt_add(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given, struct err *e)
    __attribute__((warn_unused_result));
/*
 * The same on the event loop, from memory (desk/directory.h): 1 done, 0 ask on a thread;
 * env and *given are then as they were. Memory says yes alone: every refusal is read anew.
 */
int desk_mail_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env) __attribute__((warn_unused_result));
int desk_rcpt_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given)
    __attribute__((warn_unused_result));

/*
 * A message on its way in: sealed as it streams, in its final chunk form under its data
 * key; chunks lie in memory, as far as LIMIT_DRAFT_MEMORY goes and what the budget has to
 * spare, the rest in an unlinked file in the spool directory. desk_draft_trace() adds lines
 * of our own that do not count as the client's body.
 */
struct desk_draft;
/* For one message of that tenant. NULL with *e set. */
struct desk_draft *desk_draft_new(
    const char *spool_dir, const struct id *tenant, struct err *e);
/* Outlives it; without one it has none to spare. */
void desk_draft_budget(struct desk_draft *d, struct budget *b);
int desk_draft_trace(struct desk_draft *d, const void *p, size_t n,
    struct err *e) __attribute__((warn_unused_result));
/* ERR_TOO_BIG past LIMIT_MESSAGE */
int desk_draft_add(struct desk_draft *d, const void *p, size_t n, struct err *e)
    __attribute__((warn_unused_result));
/*
 * So much is taken without work. When there is no room, and more to come, desk_draft_seal()
 * makes some, on any thread; else the next desk_draft_add() does.
 */
size_t desk_draft_room(const struct desk_draft *d);
int desk_draft_seal(struct desk_draft *d, struct err *e)
    __attribute__((warn_unused_result));
void desk_draft_free(struct desk_draft *d);

/* Where desk_accept() says how it ended, when that is not known at once. */
struct desk_later {
	/* On some thread, perhaps before desk_accept() returns. */
	void (*end)(struct desk_later *l);
	void *arg; /* the caller's */
	/* by then: */
	int result;
	struct id message;
	struct err err;
	bool alone; /* no other waits for this thread */
};
/*
 * Parses, seals for every reader, writes message, chunks, slots, notices and events in one
 * transaction and commits. A duplicate within LIMIT_DUPLICATE_HOURS is 0 with the first
 * id. ERR_BAD_INPUT: header too big or a loop. ERR_UNAVAILABLE, ERR_UNKNOWN: 451.
 *
 * 1: it is committed with others (desk/commit.h). later->end() is called, or was: nothing
 * that it may have freed is to be touched any more. env and draft are needed until then.
 * later NULL: always waits.
 */
int desk_accept(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *draft,
    struct desk_later *later, struct id *message_out, struct err *e)
    __attribute__((warn_unused_result));

#endif
