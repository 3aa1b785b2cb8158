/*
 * build.h: writes messages: what people compose, and the mails the system sends. Lines
 * end in CRLF, header fields are encoded by RFC 2047 and 2231 and folded, nothing that a
 * caller passes can start a field or a line of its own (a CR, LF or NUL in a header
 * value is ERR_BAD_INPUT).
 */
#ifndef MAIL_BUILD_H
#define MAIL_BUILD_H

#include "mail/manifest.h"

struct mail_file {
	/* as the browser gave it; reduced to a safe base name */
	const char *name;
	/* checked; anything odd becomes application/octet-stream */
	const char *type;
	const void *data;
	size_t len;
};

/* A message composed in the browser. Pointers stay the caller's. */
struct mail_composed {
	struct mail_person from;
	const struct mail_person *to;
	size_t n_to;
	const char *subject;
	const char *text; /* UTF-8, any line ends */
	const struct mail_file *files;
	size_t n_files;
	const char *message_id;  /* without brackets */
	const char *in_reply_to; /* without brackets, NULL when none */
	int64_t date;
};
int mail_compose(const struct mail_composed *m, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A mail of the system: notice, code, receipt. Text and HTML as multipart/alternative
 * (quoted-printable UTF-8). Carries Auto-Submitted: auto-generated (RFC 3834),
 * X-Auto-Response-Suppress: OOF, AutoReply and X-Restante, by which mail_head_read()
 * knows it again; never Bcc, Precedence or List-*.
 */
struct mail_system {
	struct mail_person from;
	struct mail_person to;
	const char *reply_to; /* NULL when none */
	const char *subject;
	const char *text;
	const char *html; /* NULL: text only */
	const char *message_id;
	const char *references; /* without brackets, NULL when none */
	int64_t date;
};
int mail_system(const struct mail_system *m, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A receipt in the form of RFC 8098: multipart/report; report-type=disposition-notification
 * of a text part and a message/disposition-notification part
 * (manual-action/MDN-sent-automatically; displayed). No subject, text or file names of
 * the original; Auto-Submitted: auto-replied.
 */
struct mail_receipt {
	struct mail_system mail;         /* html is ignored */
	const char *reporting_ua;        /* "acme.localhost; Restante" */
	const char *original_recipient;  /* address */
	const char *original_message_id; /* without brackets, "" when none */
};
int mail_receipt(const struct mail_receipt *r, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));

#endif
