/*
 * proxy.h: the header of the PROXY protocol, version 2, in which a front end says whose
 * connection it passes on. Version 1 is not taken. Pure.
 *
 * Read just as many bytes as proxy_wants() says, until it wants none: behind the header
 * may stand the client's handshake, which is somebody else's to read.
 */
#ifndef INTAKE_PROXY_H
#define INTAKE_PROXY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PROXY_FIXED 16 /* signature, version, family, length */

/* How many more: 0 when it is whole; -1: malformed, or over LIMIT_PROXY_HEADER. */
long proxy_wants(const uint8_t *p, size_t n);
/*
 * Of a whole header: 1 and the client's address; 0 when it has none to tell (LOCAL, as
 * of a front end that looks whether we live; a family that is no network): then it is
 * the front end's own. -1: malformed. What follows the addresses (TLVs) is skipped.
 */
int proxy_client(const uint8_t *p, size_t n, struct sockaddr_storage *out)
    __attribute__((warn_unused_result));

#endif
