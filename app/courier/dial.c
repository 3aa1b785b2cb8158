/*
 * connect(), poll() and SSL_write() of this program, which the dynamic linker finds
 * before libc's and OpenSSL's. For every thread that is not dialling they are those.
 */
#include "courier/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define DIAL_MAIL 4096

static _Thread_local struct {
	bool active;
	bool late;
	int64_t connect_by;
	int64_t end_by;
	int fd; /* that was connected last, -1: none */
	bool cut;
	const char *words;    /* to be said with MAIL; NULL: none */
	char mail[DIAL_MAIL]; /* that command: the same place for each try */
} dial;

void
dial_begin(int64_t connect_by, int64_t end_by)
{
	dial.active = true;
	dial.late = false;
	dial.cut = false;
	dial.fd = -1;
	dial.words = NULL;
	dial.connect_by = connect_by;
	dial.end_by = end_by;
}

bool
dial_end(void)
{
	dial.active = false;
	return dial.late;
}

void
dial_mail(const char *words)
{
	dial.words = words;
}

void
dial_cut(void)
{
	dial.cut = true;
	if (dial.fd != -1)
		shutdown(dial.fd, SHUT_RDWR);
}

static int
plain_poll(struct pollfd *fds, nfds_t n, int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};

	return (int)syscall(SYS_ppoll, fds, n, ms < 0 ? NULL : &t, NULL, 0);
}

/* One socket asked for both ways by two entries: writing comes first. */
static int
write_first(struct pollfd *fds, nfds_t n, int ready)
{
	if (n != 2 || ready != 2 || fds[0].fd != fds[1].fd ||
	    (fds[0].revents & POLLIN) == 0 || (fds[1].revents & POLLOUT) == 0)
		return ready;
	fds[0].revents = 0;
	return 1;
}

int
poll(struct pollfd *fds, nfds_t n, int ms)
{
	int64_t left;
	int ready;

	if (!dial.active)
		return plain_poll(fds, n, ms);
	left = dial.end_by - clock_mono_ms();
	ready = left > 0 ?
	    plain_poll(fds, n, ms < 0 || ms > left ? (int)left : ms) :
	    0;
	if (ready == 0 && clock_mono_ms() >= dial.end_by) {
		dial.late = true;
		errno = ETIMEDOUT;
		return -1;
	}
	return write_first(fds, n, ready);
}

/* Waits for a connection under way: 0, or -1 with errno. */
static int
wait_connected(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int why = 0;
	socklen_t len = sizeof(why);

	for (;;) {
		int64_t left = dial.connect_by - clock_mono_ms();
		int r = left > 0 ? plain_poll(&p, 1, (int)left) : 0;

		if (r == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (r == 1)
			break;
		if (errno != EINTR)
			return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) == -1)
		return -1;
	errno = why;
	return why == 0 ? 0 : -1;
}

int
connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	sa_family_t family = addr.__sockaddr__->sa_family;
	bool ip = family == AF_INET || family == AF_INET6;
	int flags, r, on = 1;

	/* The resolver's own sockets do not block; they are let through. */
	if (!dial.active || !ip || (flags = fcntl(fd, F_GETFL)) == -1 ||
	    (flags & O_NONBLOCK) != 0)
		return (int)syscall(SYS_connect, fd, addr.__sockaddr__, len);
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	r = (int)syscall(SYS_connect, fd, addr.__sockaddr__, len);
	if (r == -1 && errno == EINPROGRESS)
		r = wait_connected(fd);
	if (r == 0 &&
	    (fcntl(fd, F_SETFL, flags) == -1 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ==
		    -1))
		r = -1;
	if (r == 0)
		dial.fd = fd;
	return r;
}

static bool
is_mail(const char *p, int n)
{
	static const char verb[] = "MAIL FROM:<";

	return n >= (int)sizeof(verb) + 1 &&
	    memcmp(p, verb, sizeof(verb) - 1) == 0 &&
	    memchr(p, '\n', (size_t)n) == p + n - 1;
}

/* The command with the words before its line end; nothing where they do not fit. */
static int
write_mail(SSL *ssl, const char *p, int n)
{
	size_t words = strlen(dial.words), before = (size_t)n - 2, done;

	if ((size_t)n + words > sizeof(dial.mail)) {
		shutdown(SSL_get_fd(ssl), SHUT_RDWR);
		return -1;
	}
	memcpy(dial.mail, p, before);
	memcpy(dial.mail + before, dial.words, words);
	memcpy(dial.mail + before + words, "\r\n", 2);
	if (SSL_write_ex(ssl, dial.mail, (size_t)n + words, &done) != 1)
		return -1;
	dial.words = NULL;
	return n;
}

int
SSL_write(SSL *ssl, const void *p, int n)
{
	size_t done;

	if (dial.active && dial.cut)
		shutdown(SSL_get_fd(ssl), SHUT_RDWR);
	else if (dial.active && dial.words != NULL && is_mail(p, n))
		return write_mail(ssl, p, n);
	if (n < 0 || SSL_write_ex(ssl, p, (size_t)n, &done) != 1)
		return -1;
	return (int)done;
}
