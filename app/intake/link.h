/*
 * link.h: one SMTP connection, from its first byte to its close, as a machine that is told
 * what the socket can do and asks to be closed: the header of a front end, handshakes,
 * bytes to and from the session, its jobs on the pool. Kore, which owns the socket, is
 * kore_intake.c's; deadlines and the end of the process are link_wait.c's. All of it
 * runs on one event loop.
 *
 * A link that waits for its client holds no buffers: what comes is read into one that all
 * links share, and only what a job leaves unread is kept.
 */
#ifndef INTAKE_LINK_H
#define INTAKE_LINK_H

#include <sys/queue.h>

#include <openssl/ssl.h>

#include "base/budget.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/peers.h"
#include "base/pool.h"
#include "base/settings.h"
#include "front/io.h"
#include "intake/smtp_session.h"
#include "policy/network.h"

enum link_at {
	LINK_NEW,   /* accepted; the first event tells whether it spoke first */
	LINK_PROXY, /* the header of a front end is awaited */
	LINK_GREET, /* the banner is held back for a moment */
	LINK_SHAKE, /* a handshake */
	LINK_TALK,  /* the client's turn */
	LINK_JOB,   /* a thread works for the session: nothing is read */
	LINK_HELD,  /* the answer is held back: nothing is read */
	LINK_LAST   /* what still comes is thrown away */
};

TAILQ_HEAD(link_list, link);

struct link {
	struct link_front *f;
	void *socket; /* the owner's; NULL once the client has gone */
	struct io io;
	struct smtp_session *session; /* from the greeting on */
	struct peer *peer;            /* likewise */
	struct sockaddr *addr;        /* the owner's, until then */
	enum link_at at;
	enum metric_door door;
	bool waived;    /* its peer may have any number of connections */
	bool trusted;   /* counted as such with its peer */
	bool wants_tls; /* as soon as the answer to STARTTLS has left */
	bool over;      /* the last reply is on its way */
	/* ms: of what its deadline counts from; of LINK_HELD its end */
	int64_t since;
	struct pool_job job;
	struct buf in;  /* received and not yet fed */
	struct buf out; /* said and not yet sent */
	size_t sent;    /* of it */
	int own; /* while a thread may answer: the socket, by its number; -1 */
	size_t said; /* bytes it has sent */
	struct smtp_glue glue;
	size_t held;    /* by the session, when it was last looked at */
	size_t charged; /* of all three, to the budget */
	size_t came;    /* bytes since .window, ms; 0: nobody looks */
	int64_t window;
	struct link_list *line; /* in which it waits, or NULL */
	TAILQ_ENTRY(link) all;
	TAILQ_ENTRY(link) waiting;
};

/* Each line has one deadline, so its oldest is its first. */
enum link_line {
	LINE_PROXY,
	LINE_SHAKE,
	LINE_TALK,
	LINE_REST, /* of those who talked: without buffers of TLS */
	LINES
};

/* What the links of a process share. */
struct link_front {
	struct smtp_settings smtp;
	SSL_CTX *tls;
	struct pool *pool;
	struct peers *peers;
	struct policy_nets proxies;  /* whose connections begin with a header */
	struct policy_nets xclients; /* who may say XCLIENT */
	struct budget *budget;
	struct link_list all;
	struct link_list line[LINES];
	struct link_list held;  /* in no order */
	struct link_list greet; /* the longest first */
	unsigned count;
	unsigned most; /* of a peer, and of one that is trusted */
	unsigned most_trusted;
	bool draining;
	int64_t looked; /* ms: the last look at who is slow */
	int64_t stop;   /* ms: then who still is within a message is told 421 */
	uint8_t scratch[4 * IO_RECORD];
	/*
	 * The owner's, given the socket. close and linger may call link_gone(). close: at
	 * once; linger: says that no more comes, and throws away what still does; again:
	 * calls link_run() when others had their turn. soon: calls link_greet() in
	 * LIMIT_SMTP_GREET_MS, if it is not about to; NULL: nobody waits for the banner.
	 */
	void (*close)(void *socket);
	void (*linger)(void *socket);
	void (*again)(void *socket);
	void (*soon)(void);
};

/* After the owner has set what is its to set. -1 with *e set. */
int link_front_init(struct link_front *f, const struct settings *set,
    struct err *e) __attribute__((warn_unused_result));

/* Accepted. NULL: memory. addr is the owner's and lives as long as the socket. */
struct link *link_new(struct link_front *f, enum metric_door door, int fd,
    struct sockaddr *addr, void *socket);
/* As far as it goes without waiting. l may be gone. */
void link_run(struct link *l);
/* The socket is about to be closed. */
void link_gone(struct link *l);

/* Who has waited long enough is greeted. */
void link_greet(struct link_front *f);
/* Some times a second. */
void link_tick(struct link_front *f);
/*
 * No more is to come: who is between messages is told 421; who is within one may bring
 * it to its end, for LIMIT_SMTP_DRAIN_SECONDS.
 */
void link_drain(struct link_front *f);
bool link_busy(const struct link_front *f);

/* ---- between the files of the machine ---- */

/* Into that line, at its end; or out of all. */
void link_wait(struct link *l, enum link_line line);
void link_wait_not(struct link *l);
bool link_unsent(const struct link *l);
/* 421 and the end, once it has left. */
void link_bye(struct link *l, const char *why);
/* What was held back is said. l may be gone. */
void link_resume(struct link *l);
/* Whose connection it is, is known: its session. -1: memory. */
int link_open(struct link *l, const struct sockaddr *addr)
    __attribute__((warn_unused_result));
/* Its peer, if it has one, is rid of it. */
void link_leave(struct link *l);
/*
 * Who the client is, as far as it was said by now, is counted. false: it has too many
 * connections, and is told.
 */
bool link_known(struct link *l);
/* What the session wants next. */
void link_obey(struct link *l, enum smtp_next next);

/* Again; wait for an event; the connection ends; it has ended, and may be gone. */
enum link_turn { LINK_GO, LINK_STOP, LINK_END, LINK_GONE };
/* Of LINK_NEW, LINK_PROXY and LINK_SHAKE. */
enum link_turn link_begin(struct link *l);
enum link_turn link_turn_proxy(struct link *l);
enum link_turn link_turn_shake(struct link *l);
enum link_turn link_turn_greet(struct link *l);
enum link_turn link_start_tls(struct link *l);

#endif
