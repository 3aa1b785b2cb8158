/*
 * tls.h: the one TLS context of a process: TLS 1.2 and 1.3, certificates chosen by the
 * name a client asks for (RFC 6066 3), tickets (RFC 5077, RFC 8446 4.6.1) whose keys
 * rotate. Not for threads: all of it is the event loop's.
 */
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include <openssl/ssl.h>

#include <stdbool.h>

#include "base/err.h"
#include "front/book.h"

/*
 * The context; it serves nothing before tls_use(). alpn: only "http/1.1", and tickets of
 * TLS 1.3 by tls_ticket() alone.
 */
SSL_CTX *tls_new(bool alpn, int ticket_period, struct err *e)
    __attribute__((warn_unused_result));

/*
 * From the next handshake on these certificates are served: those of the name asked
 * for, exactly or by wildcard, else the default's. Connections that stand go on. The
 * book stays the caller's. -1 with *e set, and nothing has changed.
 */
int tls_use(const struct book *b, struct err *e)
    __attribute__((warn_unused_result));
/*
 * A ticket goes with what is written next: to who asks something, while handshakes that
 * nobody means cost no more than they must.
 */
void tls_ticket(SSL *ssl);
/* How many names are served. */
size_t tls_names(void);

#define TLS_TICKET_KEY 80 /* name, cipher's key, MAC's key */

/* A new key, drawn; or one that the parent has drawn. The one before it still opens. */
int tls_tickets_rotate(void) __attribute__((warn_unused_result));
void tls_tickets_set(const uint8_t key[TLS_TICKET_KEY]);
/* The newest. */
const uint8_t *tls_tickets_key(void);

#endif
