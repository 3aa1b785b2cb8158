/*
 * smtp_syntax.h: one parse of a command line into a struct (RFC 5321 4.1.1, 4.1.2;
 * parameters by smtp_param.h). Pure: order, limits of the server, what is offered and
 * who may do what are the session's business.
 */
#ifndef INTAKE_SMTP_SYNTAX_H
#define INTAKE_SMTP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "desk/intake.h"
#include "intake/smtp_reply.h"
#include "mail/address.h"

enum smtp_verb {
	SMTP_VERB_UNKNOWN,
	SMTP_VERB_EHLO,
	SMTP_VERB_HELO,
	SMTP_VERB_MAIL,
	SMTP_VERB_RCPT,
	SMTP_VERB_DATA,
	SMTP_VERB_RSET,
	SMTP_VERB_NOOP,
	SMTP_VERB_VRFY,
	SMTP_VERB_HELP,
	SMTP_VERB_QUIT,
	SMTP_VERB_STARTTLS,
	SMTP_VERB_AUTH,
	SMTP_VERB_BDAT,
	SMTP_VERB_XCLIENT,
	SMTP_VERB_OTHER, /* a verb of SMTP, but none of ours */
	SMTP_VERBS
};

/* XCLIENT: what a front end says of its client. */
struct smtp_told {
	bool addr;       /* ADDR was given: */
	char client[46]; /* as text, or "unknown" */
	bool named;      /* HELO was given: */
	char helo[256];  /* "" when it said none */
};

struct smtp_command {
	enum smtp_verb verb;
	/* SMTP_REPLY_NONE, or why the command is malformed */
	enum smtp_reply fault;

	/*
	 * Into the line, not NUL-terminated. Host name of EHLO and HELO; mechanism of
	 * AUTH; else all behind the verb.
	 */
	const char *arg;
	size_t arg_len;
	const char *initial; /* response of AUTH, or NULL: a secret */
	size_t initial_len;

	bool null_path;  /* MAIL FROM:<> */
	bool postmaster; /* RCPT TO:<Postmaster>: path is not set */
	struct mailbox path;

	/* The line holds UTF-8 beyond ASCII: of MAIL, RCPT and VRFY alone. */
	bool non_ascii;

	bool has_size; /* SIZE=; more than fits is UINT64_MAX */
	uint64_t size; /* and the octets of a chunk, BDAT */
	bool last;     /* BDAT n LAST */
	enum desk_body body;
	bool auth_param;  /* AUTH= was given; its value is of no use here */
	bool utf8;        /* SMTPUTF8 */
	bool require_tls; /* REQUIRETLS */

	bool dsn; /* some parameter of RFC 3461 was given */
	enum desk_ret ret;
	unsigned notify;             /* enum desk_notify */
	char envid[LIMIT_ENVID + 1]; /* both decoded; "" when not given */
	char orcpt[LIMIT_ORCPT + 1];

	struct smtp_told told;
};

/*
 * line of n bytes without CR LF. The verb is set even when the rest is
 * malformed. Source routes are read over and dropped (RFC 5321 appendix C); white
 * space at the end and behind the colon of MAIL and RCPT is forgiven. A line is graphic
 * ASCII and spaces; of MAIL, RCPT and VRFY it may be UTF-8, without control characters.
 * A line that is malformed, and in which somebody else may see BDAT, is a malformed BDAT.
 */
void smtp_syntax_parse(const char *line, size_t n, struct smtp_command *out);

/* For traces: "MAIL"; "?" for what is no verb. */
const char *smtp_verb_name(enum smtp_verb v);

#endif
