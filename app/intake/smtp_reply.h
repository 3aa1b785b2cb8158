/*
 * smtp_reply.h: every reply of ours in one place: code, enhanced status (RFC
 * 2034, 3463) and text. All append to out; -1 when memory is out.
 */
#ifndef INTAKE_SMTP_REPLY_H
#define INTAKE_SMTP_REPLY_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

enum smtp_reply {
	SMTP_REPLY_NONE, /* no reply: nothing is wrong */
	SMTP_REPLY_RESET,
	SMTP_REPLY_NOOP,
	SMTP_REPLY_HELP,
	SMTP_REPLY_VRFY,
	SMTP_REPLY_QUIT,
	SMTP_REPLY_STARTTLS,
	SMTP_REPLY_SENDER,
	SMTP_REPLY_RECIPIENT,
	SMTP_REPLY_DATA,
	SMTP_REPLY_AUTH_GO,
	SMTP_REPLY_AUTH_OK,
	SMTP_REPLY_AUTH_MECHANISM,
	SMTP_REPLY_AUTH_CANCELLED,
	SMTP_REPLY_AUTH_BAD,
	SMTP_REPLY_AUTH_LONG,
	SMTP_REPLY_AUTH_FAILED,
	SMTP_REPLY_AUTH_ALREADY,
	SMTP_REPLY_NEED_TLS,
	SMTP_REPLY_TLS_ALREADY,
	SMTP_REPLY_NO_TLS,
	SMTP_REPLY_UNKNOWN,
	SMTP_REPLY_NOT_HERE,
	SMTP_REPLY_BYTES,
	SMTP_REPLY_BARE_LF,
	SMTP_REPLY_LONG,
	SMTP_REPLY_NO_ARGUMENT,
	SMTP_REPLY_ARGUMENT,
	SMTP_REPLY_NAME,
	SMTP_REPLY_PATH_FROM,
	SMTP_REPLY_PATH_TO,
	SMTP_REPLY_PARAMETER,
	SMTP_REPLY_UNKNOWN_PARAMETER,
	SMTP_REPLY_ORDER,
	SMTP_REPLY_HELLO_FIRST,
	SMTP_REPLY_IN_MAIL,
	SMTP_REPLY_NO_RECIPIENT,
	SMTP_REPLY_NONE_VALID,
	SMTP_REPLY_TOO_BIG,
	SMTP_REPLY_BARE_DATA,
	SMTP_REPLY_LONG_DATA,
	SMTP_REPLY_NEED_UTF8,
	SMTP_REPLY_CHUNK,
	SMTP_REPLY_CHUNK_SIZE,
	SMTP_REPLY_CHUNKED,
	SMTP_REPLY_BINARY,
	SMTP_REPLY_AHEAD,
	SMTP_REPLY_REQUIRE_TLS,
	SMTP_REPLY_FRONT_ONLY,
	SMTP_REPLY_LATER,
	SMTP_REPLY_EARLY,
	SMTP_REPLY_SILENT,
	SMTP_REPLIES /* their number, no reply itself */
};

/* What was asked of the backend: the same fault reads differently by it. */
enum smtp_asked {
	SMTP_ASKED_AUTH,
	SMTP_ASKED_MAIL,
	SMTP_ASKED_RCPT,
	SMTP_ASKED_DATA
};

struct smtp_offer {
	bool starttls;
	bool auth;
	bool dsn;
	bool chunking;
	bool binarymime;
	bool smtputf8;
	bool requiretls;
	bool xclient;
};

/* "550 5.1.1": the first digits of a fixed reply. */
const char *smtp_reply_code(enum smtp_reply r);
int smtp_reply_add(struct buf *out, enum smtp_reply r)
    __attribute__((warn_unused_result));
int smtp_reply_banner(struct buf *out, const char *hostname)
    __attribute__((warn_unused_result));
int smtp_reply_helo(struct buf *out, const char *hostname)
    __attribute__((warn_unused_result));
int smtp_reply_ehlo(struct buf *out, const char *hostname,
    const struct smtp_offer *offer) __attribute__((warn_unused_result));
int smtp_reply_accepted(struct buf *out, const struct id *message)
    __attribute__((warn_unused_result));
/* 421: enhanced status ("4.7.0") and why. */
int smtp_reply_bye(struct buf *out, const char *status, const char *hostname,
    const char *why) __attribute__((warn_unused_result));

/* The same for a fault of the backend: by what was asked, else by err_row(). */
const char *smtp_reply_err_code(enum smtp_asked asked, enum err_code code);
int smtp_reply_err(struct buf *out, enum smtp_asked asked, enum err_code code)
    __attribute__((warn_unused_result));

#endif
