/*
 * The filter: classic BPF, a list of what libpq, libesmtp, OpenSSL and the resolver
 * call, for the machine's own ABI only.
 */
#include "courier/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter for this machine yet"
#endif

int
courier_harden(struct err *e)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(
		    e, ERR_INTERNAL, "cannot harden: %s", strerror(errno));
	return 0;
}

#ifdef RESTANTE_SANITIZE

int
courier_confine(struct err *e)
{
	(void)e;
	return 0;
}

#else

/* The low half of an argument; both machines are little-endian. */
#define ARG_LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))

#define LOAD(off)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(off))
#define GIVE(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ALLOW(name)                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 1), \
	    GIVE(SECCOMP_RET_ALLOW)
/* Allowed when none of `bits` is set in argument n. */
#define WITHOUT(name, n, bits)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 4),  \
	    LOAD(ARG_LOW(n)),                                             \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, 1), \
	    GIVE(SECCOMP_RET_KILL_PROCESS), GIVE(SECCOMP_RET_ALLOW)
/* Refused with an error that its callers take for "not there". */
#define REFUSE(name, why)                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 1), \
	    GIVE(SECCOMP_RET_ERRNO | (why))

static struct sock_filter filter[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    GIVE(SECCOMP_RET_KILL_PROCESS),
    LOAD(offsetof(struct seccomp_data, nr)),

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

    /* Memory; none of it executable. */
    ALLOW(brk),
    WITHOUT(mmap, 2, PROT_EXEC),
    WITHOUT(mprotect, 2, PROT_EXEC),
    ALLOW(mremap),
    ALLOW(munmap),
    ALLOW(madvise),
    ALLOW(mlock),
    ALLOW(munlock),

    ALLOW(exit_group),
    ALLOW(exit),
    GIVE(SECCOMP_RET_KILL_PROCESS),
};

int
courier_confine(struct err *e)
{
	const struct sock_fprog prog = {
	    sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return err_set(e, ERR_INTERNAL, "seccomp: %s", strerror(errno));
	return 0;
}

#endif
