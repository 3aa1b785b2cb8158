/*
 * smtp_cmd.h: the inside of a session, for the files of the session alone: its
 * state, its transaction, and one function (or three, where the backend is
 * asked on a pool thread) for each verb.
 */
#ifndef INTAKE_SMTP_CMD_H
#define INTAKE_SMTP_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "base/secret.h"
#include "desk/intake.h"
#include "intake/smtp_line.h"
#include "intake/smtp_reply.h"
#include "intake/smtp_session.h"
#include "intake/smtp_syntax.h"

#define SMTP_CLIENT_LEN 46 /* an IPv6 address as text, and the NUL */

enum smtp_state {
	SMTP_STATE_START = 1 << 0, /* no EHLO or HELO yet */
	SMTP_STATE_READY = 1 << 1, /* between transactions */
	SMTP_STATE_MAIL = 1 << 2,  /* MAIL was taken, no recipient yet */
	SMTP_STATE_RCPT = 1 << 3,  /* at least one recipient was taken */
	SMTP_STATE_DATA = 1 << 4,  /* within a message */
	SMTP_STATE_AUTH = 1 << 5,  /* the response to a challenge is awaited */
	SMTP_STATE_JOB = 1 << 6,   /* a pool thread works for us */
	SMTP_STATE_TLS = 1 << 7,   /* 220 was said, the handshake is awaited */
	SMTP_STATE_CLOSED = 1 << 8,
	SMTP_STATE_CHUNKS = 1 << 9, /* between the chunks of a message */
	SMTP_STATE_CHUNK = 1 << 10  /* within the octets of one */
};

/* One mail transaction: from a MAIL that was well-formed to its end. */
struct smtp_txn {
	struct desk_envelope env;
	struct desk_given to; /* the RCPT being asked about */
	bool refused;         /* some recipient was */
	unsigned wait;        /* ms the answer is held back */
	bool silent;          /* nothing is told of any recipient */
	struct desk_draft *draft;
	struct smtp_data data;
	size_t size;       /* message bytes so far */
	struct err fault;  /* of the backend while DATA came in */
	struct id message; /* once accepted */
};

/* One BDAT: its octets are read to their end, whatever becomes of them. */
struct smtp_chunk {
	uint64_t left;
	bool last;
	enum smtp_reply why;    /* they belong to no message, by their place */
	enum smtp_state before; /* goes on when they do not */
};

/* One attempt to authenticate. */
struct smtp_try {
	struct desk_sender who; /* filled by the backend */
	struct secret *user;    /* both with their NUL */
	struct secret *password;
};

struct smtp_job {
	void (*run)(struct smtp_session *s, void *ctx);
	enum smtp_next (*done)(struct smtp_session *s);
	enum smtp_state before; /* the state it was started from */
	unsigned wait; /* ms until done(), when there is nothing to run */
	/*
	 * run() may leave the job to somebody else, who fills in later: then it sets *kept,
	 * whose address it has taken before, and touches nothing more.
	 */
	bool *kept;
	struct desk_later later;
	const struct smtp_glue *glue; /* NULL: it may not */
	bool says; /* it may have a reply that is said at once */
	int result;
	struct err err;
};

struct smtp_session {
	const struct smtp_settings *set;
	enum smtp_state state;
	bool tls;
	bool esmtp; /* EHLO, not HELO */
	bool mute;  /* memory ran out under a reply */
	bool met;   /* counted as a connection to some tenant */
	unsigned refusals;
	char id[ID_REQUEST_LEN];
	char client[SMTP_CLIENT_LEN];
	/* What it called itself, its encryption, its certificates; NULL: none. */
	char *helo, *secured, *certificate, *authorities;
	/* Of a session that waits between transactions: its member's, or NULL. */
	struct desk_sender *sender;
	bool greeted; /* by EHLO or HELO */
	bool front;   /* may say XCLIENT */
	bool told;    /* and said what the client's name is */
	bool renewed; /* and said who the client is; nobody has asked yet */
	/* MAIL or RCPT was answered 4yz, and no other verb came */
	bool put_off;
	bool behind; /* more came with the command being answered */
	bool waits;  /* its answer has not left, and nothing may come before */
	struct smtp_chunk chunk;
	struct smtp_line line;
	struct smtp_txn *txn;
	struct smtp_txn *past; /* it was answered, and is put away later */
	struct smtp_try *attempt;
	struct smtp_job job;
	struct buf *out; /* while a call of the glue lasts */
	size_t said;     /* bytes in it that are of before */
};

/*
 * Who the client is, as the backend wants to know it; made when first asked for, and
 * kept while a transaction lasts. NULL: memory.
 */
struct desk_sender *smtp_sender(struct smtp_session *s)
    __attribute__((warn_unused_result));
/* Is it a member, by AUTH? */
bool smtp_is_member(const struct smtp_session *s);
/* What the client called itself, n bytes. -1: memory; it has no name then. */
int smtp_named(struct smtp_session *s, const char *name, size_t n)
    __attribute__((warn_unused_result));
/* By what the connection is encrypted. */
void smtp_secured(struct smtp_session *s, const char *what);
/* All that the client said of itself, or proved. */
void smtp_forget(struct smtp_session *s);
/* The sender, which smtp_sender() makes again. */
void smtp_sender_drop(struct smtp_session *s);

/* For the log. */
const char *smtp_state_name(enum smtp_state state);
/* The only one who changes the state; logs it. */
void smtp_state_set(struct smtp_session *s, enum smtp_state state);

/* Replies. A refusal counts towards LIMIT_SMTP_ERRORS, and may turn into 421. */
enum smtp_next smtp_say(struct smtp_session *s, enum smtp_reply r);
enum smtp_next smtp_refuse(struct smtp_session *s, enum smtp_reply r);
/* The same of a command out of place: it does not count when ours is the blame. */
enum smtp_next smtp_refuse_place(struct smtp_session *s, enum smtp_reply r);
/* 4yz to MAIL or RCPT. */
enum smtp_next smtp_put_off(struct smtp_session *s, enum smtp_reply r);
/* By the error of the job just done; logs it. */
enum smtp_next smtp_refuse_err(
    struct smtp_session *s, enum smtp_asked asked, const struct err *e);
/* XCLIENT: another client, or more of what it is, greeted anew. */
enum smtp_next smtp_renew(struct smtp_session *s, const struct smtp_told *told);
/* r and the end: the client no longer knows what is asked of it, or we what it says. */
enum smtp_next smtp_end(struct smtp_session *s, enum smtp_reply r);
/* 421 and the end. */
enum smtp_next smtp_close(
    struct smtp_session *s, const char *status, const char *why);

/* The job's state is entered; done() runs in the state before it. */
enum smtp_next smtp_job_start(struct smtp_session *s,
    void (*run)(struct smtp_session *, void *),
    enum smtp_next (*done)(struct smtp_session *));

/*
 * The same with nothing to run: an answer that is held back. The result of the job
 * before stays as it is.
 */
enum smtp_next smtp_hold(struct smtp_session *s, unsigned ms,
    enum smtp_next (*done)(struct smtp_session *));

/* Asks the brake: sets the transaction's wait and silent. */
void smtp_brake(struct smtp_session *s);

/* Drops transaction and draft; READY or START, as the greeting stands. */
void smtp_txn_end(struct smtp_session *s);
/* The same, but what it holds is kept until smtp_session_settle(). */
void smtp_txn_past(struct smtp_session *s);
/* Wipes and frees the attempt. */
void smtp_try_end(struct smtp_session *s);

typedef enum smtp_next smtp_cmd_fn(
    struct smtp_session *s, const struct smtp_command *c);

smtp_cmd_fn smtp_cmd_auth;
smtp_cmd_fn smtp_cmd_bdat; /* in every state: its octets follow */
smtp_cmd_fn smtp_cmd_data;
smtp_cmd_fn smtp_cmd_ehlo; /* and HELO */
smtp_cmd_fn smtp_cmd_help;
smtp_cmd_fn smtp_cmd_mail;
smtp_cmd_fn smtp_cmd_noop;
smtp_cmd_fn smtp_cmd_quit;
smtp_cmd_fn smtp_cmd_rcpt;
smtp_cmd_fn smtp_cmd_rset;
smtp_cmd_fn smtp_cmd_starttls;
smtp_cmd_fn smtp_cmd_vrfy;
smtp_cmd_fn smtp_cmd_xclient;

/*
 * The line behind the challenge of AUTH. line NULL: there was one, but not a usable
 * one; `why` says so.
 */
enum smtp_next smtp_auth_response(
    struct smtp_session *s, const char *line, size_t n, enum smtp_reply why);

/* Bytes of DATA, and of BDAT; *used is set. */
enum smtp_next smtp_data_feed(
    struct smtp_session *s, const uint8_t *p, size_t n, size_t *used);
enum smtp_next smtp_chunk_feed(
    struct smtp_session *s, const uint8_t *p, size_t n, size_t *used);

/* The message of a transaction, by whichever verb it comes (smtp_message.c). */

/* Opens the draft and writes the trace. -1 with *e set: there is none. */
int smtp_message_begin(struct smtp_session *s, struct err *e);
/*
 * Message bytes, no more than there is room for; one that cannot be taken any more loses
 * its draft.
 */
void smtp_message_add(struct smtp_session *s, const uint8_t *p, size_t n);
size_t smtp_message_room(const struct smtp_session *s);
/* Makes room on a thread; then the state is as it was. */
enum smtp_next smtp_message_seal(struct smtp_session *s);
/* Nothing more can come of it. */
bool smtp_message_lost(const struct smtp_session *s);
/* Says why, and keeps the transaction. */
enum smtp_next smtp_message_refuse(struct smtp_session *s);
/* Log and metrics of one that was taken. */
void smtp_message_tell(const struct smtp_session *s, const struct smtp_txn *t);
/* All of it is here: accepted on a thread, or refused; the transaction is over. */
enum smtp_next smtp_message_end(struct smtp_session *s);

#endif
