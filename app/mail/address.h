/*
 * address.h: mailboxes of the SMTP envelope: `Local-part "@" Domain` by RFC 5321
 * 4.1.2, strictly, and by RFC 6531 3.3; no address literals, no source routes kept.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/limits.h"

struct mailbox {
	/* as given; a quoted local part that needs no quotes loses them */
	char address[LIMIT_ADDRESS + 1];
	/* what it is looked up by: all lower case */
	char key[LIMIT_ADDRESS + 1];
	char domain[LIMIT_ADDRESS + 1]; /* lower case */
};

/* s of n bytes without angle brackets. ERR_BAD_INPUT says why. */
int mailbox_parse(const char *s, size_t n, struct mailbox *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The same with UTF-8 in it. Domain and address get the A-labels (RFC 5891) of a domain
 * in U-labels, so that only a local part beyond ASCII makes an address that needs
 * SMTPUTF8 on its way; of that, the key has ASCII alone in lower case.
 */
int mailbox_parse_utf8(const char *s, size_t n, struct mailbox *out,
    struct err *e) __attribute__((warn_unused_result));
/* Is its local part beyond ASCII? */
bool mailbox_is_wide(const struct mailbox *m);

/* What people type in a form: white space off both ends, then as above. */
int mailbox_typed(const char *s, struct mailbox *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * A list people type or paste into "To": separated by comma, semicolon or line break,
 * each a mailbox or `Name <mailbox>`. More than cap of them is ERR_TOO_MANY.
 */
int mailbox_typed_list(const char *s, struct mailbox *out, size_t cap,
    size_t *n_out, struct err *e) __attribute__((warn_unused_result));

#endif
