/*
 * io.h: bytes of one connection, over TLS or clear, on a socket that does not block.
 * What is readable and writable is told once (edge-triggered) and remembered here until
 * the kernel has no more to give or take.
 */
#ifndef FRONT_IO_H
#define FRONT_IO_H

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct io {
	int fd;
	SSL *ssl; /* NULL: clear */
	bool readable;
	bool writable;
	bool ended; /* behind what can be read stands the end */
};

enum { IO_BLOCK = 0, IO_END = -1 };

/* Gives ssl, new, the socket; io must stay where it is as long as ssl lives. -1: memory. */
int io_tls(struct io *io, SSL *ssl) __attribute__((warn_unused_result));

/* The server's part of a handshake: 1 done, IO_BLOCK, IO_END. */
int io_shake(struct io *io);
/* Bytes, or IO_BLOCK, or IO_END: the other side's end, or a fault. */
long io_get(struct io *io, void *p, size_t n);
/* At most IO_RECORD at once; after IO_BLOCK the same bytes must be offered again. */
#define IO_RECORD ((size_t)16384)
long io_put(struct io *io, const void *p, size_t n);

/* Bytes the other side has not acknowledged. */
uint64_t io_open(const struct io *io);
/* Says that no more comes; ssl, which is somebody else's to free, knows io no more. */
void io_close(struct io *io);
/* Frees TLS's buffers, some 33 KiB, until they are wanted again. */
void io_rest(struct io *io);

#endif
