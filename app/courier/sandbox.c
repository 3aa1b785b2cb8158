/*
 * The filter: classic BPF, a list of what libpq, libesmtp, OpenSSL and the resolver
 * call, for the machine's own ABI only.
 */
#include "courier/sandbox.h"

#include <errno.h>
#include <fcntl.h>

#include "base/confine.h"

#ifdef RESTANTE_SANITIZE

int
courier_confine(struct err *e)
{
	(void)e;
	return 0;
}

#else

static struct sock_filter filter[] = {
    CONFINE_BEGIN,

    /* Database, keyd, smart host, resolver. */
    ALLOW(socket),
    ALLOW(connect),
    ALLOW(bind), /* the resolver's netlink socket */
    ALLOW(getsockopt),
    ALLOW(setsockopt),
    ALLOW(getsockname),
    ALLOW(getpeername),
    ALLOW(sendto),
    ALLOW(sendmsg),
    ALLOW(sendmmsg),
    ALLOW(recvfrom),
    ALLOW(recvmsg),
    ALLOW(shutdown),
    ALLOW(ppoll),
    ALLOW(pselect6),
    ALLOW(fcntl),
    ALLOW(ioctl),
    ALLOW(read),
    ALLOW(readv),
    ALLOW(write),
    ALLOW(writev),
    ALLOW(close),
#ifdef SYS_poll
    ALLOW(poll),
    ALLOW(select),
#endif

    /* Reading: resolver's files, time zone, password file for libpq. */
    WITHOUT(openat, 2, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
    ALLOW(newfstatat),
    ALLOW(fstat),
    ALLOW(lseek),
    ALLOW(pread64),
    ALLOW(getdents64),
    ALLOW(faccessat),
    ALLOW(readlinkat),
#ifdef SYS_access
    ALLOW(access),
    ALLOW(stat),
    ALLOW(lstat),
    ALLOW(readlink),
    WITHOUT(open, 1, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
#endif
    REFUSE(statx, ENOSYS),
    REFUSE(faccessat2, ENOSYS),

    /* Threads and signals. */
    ALLOW(clone),
    ALLOW(clone3),
    ALLOW(rseq),
    ALLOW(set_robust_list),
    ALLOW(futex),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(setpriority),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigtimedwait),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW(restart_syscall),
    ALLOW(tgkill), /* abort() */
    ALLOW(eventfd2),
    ALLOW(gettid),
    ALLOW(getpid),
    ALLOW(prctl),

    /* Time, chance, who and where. */
    ALLOW(clock_gettime),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(getrandom),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(uname),
    ALLOW(sysinfo),
#ifdef SYS_time
    ALLOW(time),
#endif

    CONFINE_MEMORY,

    ALLOW(exit_group),
    ALLOW(exit),
    CONFINE_END,
};

int
courier_confine(struct err *e)
{
	return confine_enter(filter, sizeof(filter) / sizeof(filter[0]), e);
}

#endif
