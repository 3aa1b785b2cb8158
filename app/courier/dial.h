/*
 * dial.h: what libesmtp lacks on its socket, added below it. While a thread is dialling,
 * its connections over IP end by one deadline and its waiting by another; and where its
 * socket can be both read and written it is told to write first: libesmtp would read an
 * answer to what it has not sent yet (session tickets of TLS 1.3 make a socket readable
 * at that moment), and wait for it in vain. What it writes leaves at once: it writes a
 * mail's end after the mail, and that would wait for the other side's delayed ACK.
 */
#ifndef COURIER_DIAL_H
#define COURIER_DIAL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * libesmtp knows neither REQUIRETLS nor SMTPUTF8: while a thread is dialling, its next MAIL
 * command that goes through TLS ends in these words too (" REQUIRETLS"; they stay the
 * caller's). Or nothing more goes out at all: the connection is shut.
 */
void dial_mail(const char *words);
void dial_cut(void);

/* Deadlines of this thread in clock_mono_ms(): for connecting, and for everything. */
void dial_begin(int64_t connect_by, int64_t end_by);
/* Ends that; whether the second deadline was met with work left. */
bool dial_end(void);

#endif
