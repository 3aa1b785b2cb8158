/*
 * http_io.h: bytes of one connection, over TLS or clear, on a socket that does not block.
 * What is readable and writable is told once (edge-triggered) and remembered here until
 * the kernel has no more to give or take. Handshakes are somebody else's.
 */
#ifndef PORTAL_HTTP_IO_H
#define PORTAL_HTTP_IO_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_io {
	int fd;
	SSL *ssl; /* NULL: clear */
	bool readable;
	bool writable;
	bool ended; /* behind what can be read stands the end */
};

enum { IO_BLOCK = 0, IO_END = -1 };

/* Gives ssl, new, the socket; io must stay where it is as long as ssl lives. -1: memory. */
int http_io_tls(struct http_io *io, SSL *ssl)
    __attribute__((warn_unused_result));

/* Bytes, or IO_BLOCK, or IO_END: the other side's end, or a fault. */
long http_io_get(struct http_io *io, void *p, size_t n);
/* At most HTTP_IO_RECORD at once; after IO_BLOCK the same bytes must be offered again. */
#define HTTP_IO_RECORD ((size_t)16384)
long http_io_put(struct http_io *io, const void *p, size_t n);

/* Bytes the other side has not acknowledged. */
uint64_t http_io_open(const struct http_io *io);
/* Says that no more comes; ssl, which is somebody else's to free, knows io no more. */
void http_io_close(struct http_io *io);
/* Frees TLS's buffers, some 33 KiB, until they are wanted again. */
void http_io_rest(struct http_io *io);

#endif
