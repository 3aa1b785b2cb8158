/*
 * connect() and poll() of this program, which the dynamic linker finds before
 * libc's. For every thread that is not dialling they are libc's own.
 */
#include "courier/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static _Thread_local struct {
	bool active;
	bool late;
	int64_t connect_by;
	int64_t end_by;
} dial;

void
dial_begin(int64_t connect_by, int64_t end_by)
{
	dial.active = true;
	dial.late = false;
	dial.connect_by = connect_by;
	dial.end_by = end_by;
}

bool
dial_end(void)
{
	dial.active = false;
	return dial.late;
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
	return r;
}
