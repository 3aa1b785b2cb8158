/*
 * sandbox.c: see sandbox.h. The filter is classic BPF, a list of the calls keyd's loop,
 * libsodium's memory and the log need, checked for the machine's own ABI only.
 */
#include "keyd/sandbox.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/confine.h"

int
keyd_sandbox_harden(struct err *e)
{
	struct rlimit lock;

	if (confine_harden(e) == -1)
		return -1;
	/*
	 * Under a limit this would eat what libsodium needs for the secrets.
	 */
	if (geteuid() == 0 ||
	    (getrlimit(RLIMIT_MEMLOCK, &lock) == 0 &&
		lock.rlim_cur == RLIM_INFINITY))
		(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	return 0;
}

#ifdef RESTANTE_SANITIZE

/* The sanitizers' own calls have no list. */
int
keyd_sandbox_enter(struct err *e)
{
	(void)e;
	return 0;
}

#else

static struct sock_filter filter[] = {
    CONFINE_BEGIN,

    /* The loop. sendto() has no socket but accepted ones to send on. */
    ALLOW(ppoll),
    ALLOW(accept4),
    ONLY(getsockopt, 1, 1), /* SOL_SOCKET: who is it */
    ALLOW(recvfrom),
    ALLOW(sendto),
    ALLOW(close),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigprocmask),
    ALLOW(restart_syscall),
    ALLOW(clock_gettime),
    ALLOW(getrandom),

    /* The log, the counter of slots, the tables. */
    ONLY(write, 0, STDERR_FILENO),
    ALLOW(pwrite64),
    ALLOW(fdatasync),
    ALLOW(msync),
    ALLOW(unlinkat),

    CONFINE_MEMORY,
    ALLOW(futex),

    ALLOW(exit_group),
    ALLOW(exit),
    CONFINE_END,
};

int
keyd_sandbox_enter(struct err *e)
{
	return confine_enter(filter, sizeof(filter) / sizeof(filter[0]), e);
}

#endif
