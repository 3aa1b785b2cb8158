/*
 * smtp_out.h: hands mails to the smart host (RFC 5321, STARTTLS of RFC 3207) through
 * libesmtp, inside what it lacks: a TLS context of our own with name check and SNI, a
 * guard against answers injected before TLS, deadlines, checked addresses and lines.
 */
#ifndef COURIER_SMTP_OUT_H
#define COURIER_SMTP_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "courier/reply.h"

/* What became of one mail. */
enum smtp_outcome {
	SMTP_UNREACHED, /* never offered: no connection, no TLS, or cut */
	SMTP_LATER,     /* refused for now (4yz) */
	SMTP_REFUSED,   /* refused for good (5yz), or not fit to be sent */
	SMTP_UNKNOWN, /* the connection broke after DATA: it may have been taken */
	SMTP_TAKEN    /* 2yz after its last line */
};

/* What the other server must offer for a mail; also what it does offer. */
enum smtp_need {
	SMTP_REQUIRETLS = 1, /* RFC 8689; said with MAIL, over verified TLS */
	SMTP_UTF8 = 2,       /* RFC 6531; likewise */
	SMTP_8BIT = 4,       /* RFC 6152 */
	SMTP_BINARY = 8,     /* RFC 3030 */
	SMTP_DSN = 16        /* RFC 3461; never needed */
};

/* One of several recipients. */
struct smtp_rcpt {
	const char *to;
	unsigned notify;   /* RFC 3461, as desk/intake.h has it */
	const char *orcpt; /* decoded; "" none */
	enum smtp_outcome outcome;
	char reply[REPLY_LEN];
};

struct smtp_mail {
	const char *from; /* envelope sender; NULL or "": the null sender */
	const char *to;   /* its one recipient; NULL: those of rcpt */
	/* lines in CRLF; with Date and Message-ID, without Bcc */
	const char *data;
	size_t len;
	enum smtp_outcome outcome; /* of the last smtp_out_send() */
	char reply[REPLY_LEN];     /* reply_clean(), or why there is none */

	/* For one mail a session. */
	struct smtp_rcpt *rcpt;
	size_t n_rcpt;
	/*
	 * In place of data, len bytes in pieces; `again`: from the start. *n 0 at the end.
	 * -1: the mail must not end, the connection is cut.
	 */
	int (*read)(void *arg, bool again, const char **p, size_t *n);
	void *arg;
	unsigned need;     /* of enum smtp_need */
	unsigned offered;  /* by the server, once it was asked for the mail */
	unsigned lacks;    /* of what is needed: then it was refused for that */
	const char *envid; /* RFC 3461, decoded; NULL or "": none */
	int ret;           /* 1 header, 2 all */
};

struct smtp_out_setup {
	const char *smarthost; /* host:port */
	bool tls; /* required; else the smart host must be loopback */
	/* Certificates (PEM) to trust instead of the system's; NULL or "": those */
	const char *authority;
	const char *helo;
	int connect_ms; /* 0: 10 s */
	int answer_ms;  /* each answer; 0: 60 s */
	int session_ms; /* all of smtp_out_send(); 0: 75 s */
};

struct smtp_out;

/* One for each thread; setup's strings stay the caller's and alive. NULL with *e set. */
struct smtp_out *smtp_out_new(const struct smtp_out_setup *setup, struct err *e)
    __attribute__((warn_unused_result));
void smtp_out_free(struct smtp_out *o); /* NULL is fine */

/* The next smtp_out_send() ends by then (clock_mono_ms()), if that is sooner. */
void smtp_out_until(struct smtp_out *o, int64_t end_by);
/*
 * One session for n mails, in order; sets their outcome and reply. Past session_ms nothing
 * is said any more.
 */
void smtp_out_send(struct smtp_out *o, struct smtp_mail *mails, size_t n);

#endif
