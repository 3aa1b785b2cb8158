/*
 * smtp_syntax.h: one parse of a command line into a struct (RFC 5321 4.1.1, 4.1.2;
 * parameters of RFC 1870, 6152, 4954). Pure: order, limits of the server and who
 * may do what are the session's business.
 */
#ifndef INTAKE_SMTP_SYNTAX_H
#define INTAKE_SMTP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	SMTP_VERB_OTHER, /* a verb of SMTP, but none of ours */
	SMTP_VERBS
};

struct smtp_command {
	enum smtp_verb verb;
	/* SMTP_REPLY_NONE, or why the command is malformed */
	enum smtp_reply fault;

	/* Into the line, not NUL-terminated. Host name of EHLO and HELO; mechanism of AUTH; else all behind the verb. */
	const char *arg;
	size_t arg_len;
	const char *initial; /* response of AUTH, or NULL: a secret */
	size_t initial_len;

	bool null_path;  /* MAIL FROM:<> */
	bool postmaster; /* RCPT TO:<Postmaster>: path is not set */
	struct mailbox path;

	bool has_size; /* SIZE=; more than fits is UINT64_MAX */
	uint64_t size;
	bool body_8bit;
	bool auth_param; /* AUTH= was given; its value is of no use here */
};

/*
 * line of n bytes without CR LF. The verb is set even when the rest is
 * malformed. Source routes are read over and dropped (RFC 5321 appendix C); white
 * space at the end and behind the colon of MAIL and RCPT is forgiven.
 */
void smtp_syntax_parse(const char *line, size_t n, struct smtp_command *out);

/* For traces: "MAIL"; "?" for what is no verb. */
const char *smtp_verb_name(enum smtp_verb v);

#endif
