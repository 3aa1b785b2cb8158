/*
 * probe.c: loaded into a portal by LD_PRELOAD, does in its worker what somebody would who
 * took it over: opens PROBE_OPEN, and with PROBE_CALL makes a call that no worker makes.
 * PROBE_NO_SECCOMP and PROBE_NO_LANDLOCK take the walls away, for the controls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t parent;
static int done;

__attribute__((constructor)) static void
begin(void)
{
	parent = getpid();
}

static void
probe(void)
{
	int fd = open(getenv("PROBE_OPEN"), O_RDONLY | O_CLOEXEC);

	dprintf(2, "probe: %s\n", fd == -1 ? strerror(errno) : "opened");
	if (getenv("PROBE_CALL") == NULL)
		return;
	(void)bind(-1, NULL, 0);
	dprintf(2, "probe: lives\n");
}

int
epoll_wait(int efd, struct epoll_event *events, int max, int timeout)
{
	if (getpid() != parent && !done && getenv("PROBE_OPEN") != NULL) {
		done = 1;
		probe();
	}
	return ((int (*)(int, struct epoll_event *, int, int))dlsym(
	    RTLD_NEXT, "epoll_wait"))(efd, events, max, timeout);
}

int
prctl(int what, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, what);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (what == PR_SET_SECCOMP && getenv("PROBE_NO_SECCOMP") != NULL)
		return 0;
	return ((int (*)(int, ...))dlsym(RTLD_NEXT, "prctl"))(
	    what, a[0], a[1], a[2], a[3]);
}

long
syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr >= 444 && nr <= 446 && getenv("PROBE_NO_LANDLOCK") != NULL) {
		errno = ENOSYS;
		return -1;
	}
	return ((long (*)(long, ...))dlsym(RTLD_NEXT, "syscall"))(
	    nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
