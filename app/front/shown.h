/*
 * shown.h: the certificate of a client. It is asked for and not required; whichever one it
 * shows, it proves that it has the key. What the certificate is worth is for others to say.
 */
#ifndef FRONT_SHOWN_H
#define FRONT_SHOWN_H

#include <openssl/ssl.h>

#define SHOWN_LEN   65 /* SHA-256 in hexadecimal, and the NUL */
#define SHOWN_CHAIN 4  /* certificates behind the client's that are looked at */

/* "" where there is none. */
struct shown {
	char certificate[SHOWN_LEN];
	/*
	 * With spaces between, of every one shown that the certificate stands on: valid now,
	 * and each link of the chain down from it one that may sign.
	 */
	char authorities[SHOWN_CHAIN * SHOWN_LEN];
};

/* From now on clients are asked; none is held against them. */
void shown_ask(SSL_CTX *ctx);
/* After the handshake. */
void shown_read(SSL *ssl, struct shown *out);

#endif
