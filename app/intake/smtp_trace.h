/*
 * smtp_trace.h: what is said in a session, in the log, when the operator asks for it
 * (RESTANTE_SMTP_TRACE=1). Of commands it tells what was understood: verbs and
 * facts. No address, no credential, no unknown word, nothing of a message gets there,
 * and so nothing of it has to be searched for and masked.
 *
 *	C: MAIL size=1000 body=8bit ret=hdrs envid=* from=*
 *	C: AUTH PLAIN *
 *	C: 1234 octets of the message
 *	S: 250 2.1.0 Sender is fine
 */
#ifndef INTAKE_SMTP_TRACE_H
#define INTAKE_SMTP_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "intake/smtp_cmd.h"

void smtp_trace_command(
    const struct smtp_session *s, const struct smtp_command *c);
/* The response to the challenge of AUTH. */
void smtp_trace_response(const struct smtp_session *s);
void smtp_trace_message(const struct smtp_session *s, size_t octets);
/* Whole lines of ours. */
void smtp_trace_replies(
    const struct smtp_session *s, const uint8_t *p, size_t n);

#endif
