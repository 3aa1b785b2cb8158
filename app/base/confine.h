/*
 * confine.h: what keyd and the courier close behind themselves: core files, other
 * processes' looks, and every system call that is not on their list. A list is an array
 * of struct sock_filter that begins with CONFINE_BEGIN and ends with CONFINE_END; the
 * lines between are the macros below.
 */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/err.h"

#if defined(__x86_64__)
#define CONFINE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CONFINE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter for this machine yet"
#endif

/* The low half of an argument; both machines are little-endian. */
#define CONFINE_LOW(n)    (offsetof(struct seccomp_data, args) + 8 * (n))
#define CONFINE_LOAD(off) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(off))
#define CONFINE_GIVE(x)   BPF_STMT(BPF_RET | BPF_K, (x))

/* The machine's own ABI only; whatever is on no line ends the process. */
#define CONFINE_BEGIN                                                \
	CONFINE_LOAD(offsetof(struct seccomp_data, arch)),           \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CONFINE_ARCH, 1, 0), \
	    CONFINE_GIVE(SECCOMP_RET_KILL_PROCESS),                  \
	    CONFINE_LOAD(offsetof(struct seccomp_data, nr))
#define CONFINE_END CONFINE_GIVE(SECCOMP_RET_KILL_PROCESS)

#define ALLOW(name)                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 1), \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)
/* Allowed when none of `bits` is set in argument n. */
#define WITHOUT(name, n, bits)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 4),  \
	    CONFINE_LOAD(CONFINE_LOW(n)),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (unsigned)(bits), 0, 1), \
	    CONFINE_GIVE(SECCOMP_RET_KILL_PROCESS),                       \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)
/* Allowed when argument n is `value`. */
#define ONLY(name, n, value)                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 4),  \
	    CONFINE_LOAD(CONFINE_LOW(n)),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0), \
	    CONFINE_GIVE(SECCOMP_RET_KILL_PROCESS),                       \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)
/* Refused with an error that its callers take for "not there". */
#define REFUSE(name, why)                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 1), \
	    CONFINE_GIVE(SECCOMP_RET_ERRNO | (why))
/* Memory; none of it executable. */
#define CONFINE_MEMORY                                                     \
	ALLOW(brk), WITHOUT(mmap, 2, PROT_EXEC),                           \
	    WITHOUT(mprotect, 2, PROT_EXEC), ALLOW(mremap), ALLOW(munmap), \
	    ALLOW(madvise), ALLOW(mlock), ALLOW(munlock)

/* No core files, not dumpable, no new privileges: before any secret is read. */
int confine_harden(struct err *e) __attribute__((warn_unused_result));

/* From here on the n lines of the filter hold, for this thread and those it starts. */
int confine_enter(struct sock_filter *filter, size_t n, struct err *e)
    __attribute__((warn_unused_result));

#endif
