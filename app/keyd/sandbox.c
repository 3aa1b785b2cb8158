/*
 * sandbox.c: see sandbox.h. The filter is classic BPF, a list of the calls keyd's loop,
 * libsodium's memory and the log need, checked for the machine's own ABI only.
 */
#include "keyd/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter for this machine yet"
#endif

int
keyd_sandbox_harden(struct err *e)
{
	const struct rlimit none = {0, 0};
	struct rlimit lock;

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(
		    e, ERR_INTERNAL, "cannot harden: %s", strerror(errno));
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
/* Allowed when argument n is `value`. */
#define ONLY(name, n, value)                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 4),  \
	    LOAD(ARG_LOW(n)),                                             \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0), \
	    GIVE(SECCOMP_RET_KILL_PROCESS), GIVE(SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    LOAD(offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    GIVE(SECCOMP_RET_KILL_PROCESS),
    LOAD(offsetof(struct seccomp_data, nr)),

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

    /* Memory; none of it executable. */
    ALLOW(brk),
    WITHOUT(mmap, 2, PROT_EXEC),
    WITHOUT(mprotect, 2, PROT_EXEC),
    ALLOW(mremap),
    ALLOW(munmap),
    ALLOW(madvise),
    ALLOW(mlock),
    ALLOW(munlock),
    ALLOW(futex),

    ALLOW(exit_group),
    ALLOW(exit),
    GIVE(SECCOMP_RET_KILL_PROCESS),
};

int
keyd_sandbox_enter(struct err *e)
{
	const struct sock_fprog prog = {
	    sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return err_set(e, ERR_INTERNAL, "seccomp: %s", strerror(errno));
	return 0;
}

#endif
