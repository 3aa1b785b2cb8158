/*
 * render.h: the text of the system's mails: notice, code, receipt. What is written
 * depends only on the row and its facts, so that a mail tried twice is the same mail
 * twice: same Message-ID, same date, same boundary.
 */
#ifndef COURIER_RENDER_H
#define COURIER_RENDER_H

#include "base/buf.h"
#include "seal/token.h"
#include "store/report.h"
#include "view/view.h"

struct render {
	const struct view *view;
	int https_port;
	const char *hostname; /* who reports, in delivery status mails */
};

struct rendered {
	char from[LIMIT_ADDRESS + 1]; /* envelope sender; "" the null sender */
	char to[LIMIT_ADDRESS + 1];
	struct buf mail; /* in CRLF */
};

/*
 * item: what keyd opened. It alone says where the mail goes. -1 with ERR_GONE when the row's message is no more, ERR_BAD_INPUT when a
 * name or address makes no mail.
 */
int render_mail(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    struct rendered *out, struct err *e) __attribute__((warn_unused_result));
/* The same for a delivery status mail, of n rows of one action. */
int render_status(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    const struct report *rows, size_t n, struct rendered *out, struct err *e)
    __attribute__((warn_unused_result));
void rendered_clear(struct rendered *m); /* wipes */

#endif
