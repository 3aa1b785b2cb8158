/*
 * smtp_session.h: one SMTP connection as a state machine without sockets, threads or
 * database (RFC 5321, 3207, 4954 PLAIN, 1870, 6152, 2920, 2034, 3461, 3030, 6531, 8689,
 * XCLIENT). What is spoken, and every reply, stands in doc/smtp.md. The glue feeds it
 * bytes and does what it answers:
 *
 *	next = smtp_session_greet(s, &out)             send out; SMTP_MORE or SMTP_CLOSE
 *	next = smtp_session_feed(s, p, n, &used, &out) send out, then by `next`:
 *	  SMTP_MORE      all used: wait for bytes
 *	  SMTP_STARTTLS  drop every byte received so far, shake hands, smtp_session_tls()
 *	  SMTP_JOB       stop reading; on a pool thread smtp_session_run(s, ctx); back on
 *	                 the loop smtp_session_done(s, &out), send, feed what was left
 *	  SMTP_WAIT      the same, but no thread is needed: smtp_session_done() when
 *	                 smtp_session_wait(s) milliseconds are over
 *	  SMTP_CLOSE     send out, close
 *
 * Replies are appended to out; those to commands of one packet come out together
 * (PIPELINING). A command line ends in CR LF alone; one that is too long is drained and
 * answered 500, the session lives. After LIMIT_SMTP_ERRORS commands answered 5yz the
 * next such answer is 421 4.7.0 and the connection closes; a message taken clears the count.
 *
 * EHLO, HELO and DATA wait for their answer (RFC 2920 3.1). When more comes before that
 * has left, the answer is 503 5.5.1 and the connection closes: what follows was written by
 * somebody who does not read our answers, and is neither text nor commands. So while
 * smtp_session_waits(s), the glue looks once more what has come, and feeds it, before it
 * sends; then smtp_session_sent(s). What comes in clear behind STARTTLS is dropped.
 *
 * DATA is handed to the backend in spans as they arrive, dots unstuffed; a span is at most
 * what was fed and need not end with a line. Only CR LF ends a line; end of data is
 * CR LF "." CR LF alone. A message is drained to its end and refused, the session living
 * on, when it holds a bare CR, a bare LF or a NUL (550 5.6.0), is over LIMIT_MESSAGE
 * (552 5.3.4) or has a line over LIMIT_SMTP_DATA_LINE (550 5.6.0). Lines between
 * LIMIT_SMTP_LINE and that are taken as they are: to refuse them would lose real mail.
 *
 * BDAT: its octets are counted, read to their end in every state and answered once,
 * behind them; nothing in them ends a message or is a command, and no dot is taken away.
 * What a message may not hold is the same as in DATA, over the borders of chunks too, but
 * in BODY=BINARYMIME, where all octets are taken as they are. When a chunk fails, it and
 * all further ones of the message get the same answer. A BDAT that is malformed is
 * answered 501 5.5.4 and the connection closes: nobody knows where its octets end.
 *
 * Before the first span the session hands `trace` the Received field of its own. No
 * recipient stands in it, and nothing of a hostile HELO.
 *
 * Nothing of a command but its verb, and nothing of DATA but its size, is ever logged;
 * the clear text of credentials is wiped as soon as it was used. What was fed lies in
 * the glue's own memory, and is the glue's to wipe.
 */
#ifndef INTAKE_SMTP_SESSION_H
#define INTAKE_SMTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"
#include "desk/intake.h"
#include "intake/smtp_reply.h"
#include "mail/address.h"

enum smtp_next { SMTP_MORE, SMTP_STARTTLS, SMTP_JOB, SMTP_WAIT, SMTP_CLOSE };

/*
 * What is behind the protocol: intake/backend.h is the real one, tests bring their own.
 * Every member is set but those that say what NULL means. ctx is the pool thread's. What
 * returns int gives 0, or -1 with *e set, from which the reply is made (smtp_reply_err()).
 */
struct smtp_backend {
	/* On the loop: -1: 421 in place of the banner. NULL: all may. */
	int (*admit)(const struct desk_sender *s, struct err *e);
	/* On the loop: may it have any number of connections? NULL: nobody may. */
	bool (*roomy)(const char *client);
	/*
	 * On the loop, when MAIL and RCPT are to be answered: by how many milliseconds the
	 * answer is held back; *silent_out: and nothing is told of any address. NULL: neither.
	 */
	unsigned (*brake)(const struct desk_sender *s,
	    const struct desk_envelope *env, bool *silent_out);
	/* On the loop, at the first recipient of a session: -1: 421. NULL: all may. */
	int (*meet)(const struct desk_sender *s,
	    const struct desk_envelope *env, struct err *e);
	/* On the loop, when a message was taken. NULL: nobody counts. */
	void (*taken)(
	    const struct desk_sender *s, const struct desk_envelope *env);
	/* desk_auth(); ERR_RATE: 421 */
	int (*auth)(void *ctx, const char *user, const char *password,
	    struct desk_sender *s, struct err *e);
	/* desk_mail() */
	int (*mail)(void *ctx, const struct desk_sender *s,
	    struct desk_envelope *env, struct err *e);
	/* desk_rcpt_add(): *given is taken over on 0 */
	int (*rcpt)(void *ctx, const struct desk_sender *s,
	    struct desk_envelope *env, struct desk_given *given, struct err *e);
	/* On the loop, from memory: 1 done, 0 ask the above on a thread. */
	int (*mail_now)(const struct desk_sender *s, struct desk_envelope *env);
	int (*rcpt_now)(const struct desk_sender *s, struct desk_envelope *env,
	    struct desk_given *given);
	/* On the loop, without database: where DATA goes. NULL with *e set: it cannot. */
	struct desk_draft *(*begin)(
	    const struct desk_envelope *env, struct err *e);
	/* once, before any add */
	int (*trace)(
	    struct desk_draft *d, const void *p, size_t n, struct err *e);
	/* clear text, sealed before there is more of it than fits */
	int (*add)(
	    struct desk_draft *d, const void *p, size_t n, struct err *e);
	/*
	 * How much that is still. Where there is no room, and more to come, seal makes some,
	 * on a thread. NULL: add takes anything.
	 */
	size_t (*room)(const struct desk_draft *d);
	int (*seal)(struct desk_draft *d, struct err *e);
	/* desk_accept() */
	int (*accept)(void *ctx, const struct desk_sender *s,
	    struct desk_envelope *env, struct desk_draft *d,
	    struct desk_later *later, struct id *message_out, struct err *e);
	/* after accept too; NULL is fine */
	void (*drop)(struct desk_draft *d);
	void (*clear)(struct desk_envelope *env); /* desk_envelope_clear */
};

struct smtp_settings {
	const char *hostname; /* in banner and replies */
	/* What is kept. AUTH and XCLIENT are offered to whom they are for. */
	struct smtp_offer offer;
	const struct smtp_backend *backend;
	bool trace; /* smtp_trace.h */
	/* For tests alone: what was sent ahead of an answer is taken all the same. */
	bool unwary;
};

struct smtp_session;
/*
 * client: the peer's address as text. tls: implicit TLS is already on. The settings
 * outlive the session. NULL: memory.
 */
struct smtp_session *smtp_session_new(
    const struct smtp_settings *set, const char *client, bool tls);
/* The client is a named front end: it may say XCLIENT. Before the banner. */
void smtp_session_front(struct smtp_session *s);
void smtp_session_free(struct smtp_session *s); /* not while a job runs */
enum smtp_next smtp_session_greet(struct smtp_session *s, struct buf *out);
/*
 * In place of it, to who spoke before the banner: 554 and SMTP_CLOSE. What it said is not
 * looked at.
 */
enum smtp_next smtp_session_early(struct smtp_session *s, struct buf *out);
/* Likewise, or later, to one who has too many connections: 421 and SMTP_CLOSE. */
enum smtp_next smtp_session_crowded(struct smtp_session *s, struct buf *out);
/* Whom it is for, as text; and has XCLIENT said somebody else since the last question? */
const char *smtp_session_client(const struct smtp_session *s);
bool smtp_session_renewed(struct smtp_session *s);
/* Is it of a member, or of a server of a tenant's own, as far as it was said by now? */
bool smtp_session_trusted(const struct smtp_session *s);
enum smtp_next smtp_session_feed(struct smtp_session *s, const void *p,
    size_t n, size_t *used, struct buf *out);
/*
 * While a message comes in, no more is to be read at once: it would be left over, in clear.
 * SIZE_MAX: there is none.
 */
size_t smtp_session_room(const struct smtp_session *s);
/*
 * After the handshake (of implicit TLS too: then right after new): all that was said
 * before is forgotten (RFC 3207 4.2). what: "TLSv1.3 TLS_AES_256_GCM_SHA384".
 */
void smtp_session_tls(struct smtp_session *s, const char *what);
/* Behind it, where the client showed one: as desk_sender has them; NULL is none. */
void smtp_session_certificate(
    struct smtp_session *s, const char *certificate, const char *authorities);
/*
 * true: the job goes on elsewhere. end(arg) is called when it is over, on any thread and
 * perhaps before this returns; s is not to be touched until then. Before that say(arg) may
 * be given a reply to send at once, where the way to the loop would take longer than that
 * and nothing else waits: smtp_session_done() gives the same bytes again, of which the glue
 * sends what it did not. g NULL: neither.
 */
struct smtp_glue {
	void (*end)(void *arg);
	void (*say)(void *arg, const void *p, size_t n);
	void *arg;
};
/* After SMTP_JOB: may say() be called? */
bool smtp_session_says(const struct smtp_session *s);
bool smtp_session_run(
    struct smtp_session *s, void *ctx, const struct smtp_glue *g);
enum smtp_next smtp_session_done(struct smtp_session *s, struct buf *out);
/* Between SMTP_WAIT and smtp_session_done(); smtp_session_goodbye() may come first. */
unsigned smtp_session_wait(const struct smtp_session *s);
/*
 * 421 when the server ends or the client idles too long; not while a job runs. What is
 * fed afterwards is dropped.
 */
void smtp_session_goodbye(
    struct smtp_session *s, const char *why, struct buf *out);
/* Bytes it holds of lines that are not whole, and of an envelope; not while a job runs. */
size_t smtp_session_held(const struct smtp_session *s);
/* Nothing may have come before what was answered last leaves. Sent: it is about to. */
bool smtp_session_waits(const struct smtp_session *s);
void smtp_session_sent(struct smtp_session *s);
/*
 * What can wait until an answer has left: the log's line of a message that was taken, and
 * the end of its draft. Good at any time on the loop; the next feed does it, too.
 */
void smtp_session_settle(struct smtp_session *s);
/* Is it within a transaction, or waits for a job? Else it may be told goodbye. */
bool smtp_session_busy(const struct smtp_session *s);

#endif
