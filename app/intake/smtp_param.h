/*
 * smtp_param.h: the parameters of MAIL and RCPT (RFC 1870, 3030, 3461, 4954, 6152, 6531,
 * 8689) and of XCLIENT. Each may stand once. Pure: whether a parameter is offered is
 * the session's business.
 */
#ifndef INTAKE_SMTP_PARAM_H
#define INTAKE_SMTP_PARAM_H

#include <stddef.h>
#include <stdint.h>

#include "intake/smtp_scan.h"
#include "intake/smtp_syntax.h"

/* What stands behind the path, by c->verb, into *c. */
enum smtp_reply smtp_param_parse(struct scan *s, struct smtp_command *c);

/* All behind XCLIENT, into c->told. */
enum smtp_reply smtp_param_xclient(struct scan *s, struct smtp_command *c);

/* A host name, or an address in brackets: what EHLO takes. */
bool smtp_param_is_name(const char *p, size_t n);

/*
 * Decimal digits, 20 at most; what is larger than fits is UINT64_MAX. -1 when there
 * is anything else.
 */
int smtp_param_number(const struct scan *v, uint64_t *out)
    __attribute__((warn_unused_result));

#endif
