/*
 * smtp_inside.h: what the files of the wrapper around libesmtp share. Theirs alone.
 */
#ifndef COURIER_SMTP_INSIDE_H
#define COURIER_SMTP_INSIDE_H

#include <openssl/ssl.h>

/* Its STARTTLS calls are declared only after OpenSSL's headers. */
#include <libesmtp.h>

#include "courier/smtp_out.h"

#define EHLO_LEN 4096

/* Watches the clear answer to STARTTLS for anything behind it. */
struct guard {
	bool armed; /* STARTTLS was the last thing said */
	bool last_line;
	bool ended; /* the answer is complete */
	bool injected;
	unsigned column;
};

struct smtp_out {
	struct smtp_out_setup setup;
	char host[256];
	char port[6];
	bool is_ip;
	SSL_CTX *ctx;   /* NULL without TLS */
	int64_t until;  /* smtp_out_until(), 0: nothing was said */
	int64_t end_by; /* of the smtp_out_send() under way */

	/* Of the session under way. */
	struct guard guard;
	bool connected;
	bool verified;       /* OpenSSL's own check passed, name included */
	bool asked;          /* EHLO was the last thing said */
	char ehlo[EHLO_LEN]; /* what was answered to it */
	size_t ehlo_len;
	struct smtp_mail *alone; /* the session's only mail */
	char words[32];          /* said with MAIL */
	const char *trouble;     /* what went wrong before any mail */
};

/* A mail within a session. */
struct turn {
	struct smtp_mail *mail;
	smtp_message_t message;
	smtp_recipient_t recipient; /* or */
	smtp_recipient_t *each;     /* mail->n_rcpt of them */
	bool started;               /* its text was asked for */
};

/* libesmtp's callbacks: everything that is read or written, and what it asks. arg: o */
void smtp_on_traffic(const char *p, int n, int writing, void *arg);
void smtp_on_event(smtp_session_t session, int event, void *arg, ...);

/* Addresses and lines are such as may go out. */
bool smtp_sendable(const struct smtp_mail *m);
/* Into the session; false when memory is out. */
bool smtp_add(smtp_session_t session, struct turn *t)
    __attribute__((warn_unused_result));
/* From the statuses of one mail, after the session. */
void smtp_read_outcome(struct turn *t);

#endif
