/*
 * reply.h: other servers' answers made fit for the log, the event record and a page:
 * no address, no link, no code of ours that the server may have quoted.
 */
#ifndef COURIER_REPLY_H
#define COURIER_REPLY_H

#include <stddef.h>

#define REPLY_LEN 160

/*
 * "550 5.1.1 No such user": the first line; whatever may be an address, a link or a secret
 * becomes "...".
 */
void reply_clean(int code, const char *text, char out[REPLY_LEN]);

#endif
