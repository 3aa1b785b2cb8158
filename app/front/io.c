/*
 * io.c: TLS reads ahead, so that a request costs one call of the system; a read that
 * gives less than was asked for says that there is no more, which saves the next one.
 */
#include "front/io.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* ---- the socket ---- */

static ssize_t
receive(struct io *io, void *p, size_t n)
{
	ssize_t r;

	do
		r = recv(io->fd, p, n, 0);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno == EAGAIN)
		io->readable = false;
	else if (r > 0 && (size_t)r < n && !io->ended)
		io->readable = false;
	return r;
}

static ssize_t
transmit(struct io *io, const void *p, size_t n)
{
	ssize_t r;

	do
		r = send(io->fd, p, n, MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno == EAGAIN)
		io->writable = false;
	return r;
}

/* ---- OpenSSL's view of it ---- */

static int
bio_read(BIO *b, char *p, int n)
{
	struct io *io = BIO_get_data(b);
	ssize_t r;

	BIO_clear_retry_flags(b);
	r = receive(io, p, (size_t)n);
	if (r == -1 && errno == EAGAIN)
		BIO_set_retry_read(b);
	return (int)r;
}

static int
bio_write(BIO *b, const char *p, int n)
{
	struct io *io = BIO_get_data(b);
	ssize_t r;

	BIO_clear_retry_flags(b);
	r = transmit(io, p, (size_t)n);
	if (r == -1 && errno == EAGAIN)
		BIO_set_retry_write(b);
	return (int)r;
}

static long
bio_ctrl(BIO *b, int what, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *
method(void)
{
	static BIO_METHOD *m;

	if (m != NULL)
		return m;
	if ((m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
		 "connection")) == NULL)
		return NULL;
	(void)BIO_meth_set_read(m, bio_read);
	(void)BIO_meth_set_write(m, bio_write);
	(void)BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

int
io_tls(struct io *io, SSL *ssl)
{
	BIO *b = method() != NULL ? BIO_new(method()) : NULL;

	if (b == NULL)
		return -1;
	BIO_set_data(b, io);
	BIO_set_init(b, 1);
	SSL_set_bio(ssl, b, b);
	SSL_set_read_ahead(ssl, 1);
	/* They are given back when nothing is said for a while. */
	SSL_clear_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	io->ssl = ssl;
	return 0;
}

/* ---- bytes ---- */

/* An error that somebody left behind would be taken for ours. */
static void
clear_errors(void)
{
	if (ERR_peek_error() != 0)
		ERR_clear_error();
}

static long
verdict(struct io *io, int r)
{
	if (r > 0)
		return r;
	r = SSL_get_error(io->ssl, r);
	return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_WANT_WRITE ?
	    IO_BLOCK :
	    IO_END;
}

int
io_shake(struct io *io)
{
	clear_errors();
	return (int)verdict(io, SSL_accept(io->ssl));
}

static long
clear_verdict(ssize_t r)
{
	if (r > 0)
		return (long)r;
	return r == -1 && errno == EAGAIN ? IO_BLOCK : IO_END;
}

long
io_get(struct io *io, void *p, size_t n)
{
	if (io->ssl == NULL)
		return io->readable ? clear_verdict(receive(io, p, n)) :
				      IO_BLOCK;
	if (!io->readable && !SSL_has_pending(io->ssl))
		return IO_BLOCK;
	clear_errors();
	return verdict(io, SSL_read(io->ssl, p, (int)n));
}

long
io_put(struct io *io, const void *p, size_t n)
{
	if (!io->writable)
		return IO_BLOCK;
	if (n > IO_RECORD)
		n = IO_RECORD;
	if (io->ssl == NULL)
		return clear_verdict(transmit(io, p, n));
	clear_errors();
	return verdict(io, SSL_write(io->ssl, p, (int)n));
}

uint64_t
io_open(const struct io *io)
{
	int n = 0;

	return ioctl(io->fd, SIOCOUTQ, &n) == -1 || n < 0 ? 0 : (uint64_t)n;
}

void
io_close(struct io *io)
{
	if (io->ssl == NULL)
		return;
	if (!(SSL_get_shutdown(io->ssl) & SSL_SENT_SHUTDOWN))
		(void)SSL_shutdown(io->ssl);
	SSL_set_quiet_shutdown(io->ssl, 1);
	io->ssl = NULL;
}

void
io_rest(struct io *io)
{
	if (io->ssl != NULL)
		(void)SSL_free_buffers(io->ssl);
}
