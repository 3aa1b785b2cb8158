/*
 * confine.c: system calls and files of a worker. Whoever takes a worker over finds no
 * network but the connections it has, no other program, no new executable memory, and
 * of the file system what the pages are made of and the spool.
 */
#include "front/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"

/* ---- system calls ------------------------------------------------------------ */

/* Refused with an error when all of `bits` are set in argument n, else allowed. */
#define NOT_ALL_OF(name, n, bits, why)                                   \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 5), \
	    CONFINE_LOAD(CONFINE_LOW(n)),                                \
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (unsigned)(bits)),       \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(bits), 0, 1), \
	    CONFINE_GIVE(SECCOMP_RET_ERRNO | (why)),                     \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)
/* Allowed when all of `bits` are set in argument n. */
#define WITH(name, n, bits)                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 5), \
	    CONFINE_LOAD(CONFINE_LOW(n)),                                \
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (unsigned)(bits)),       \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(bits), 1, 0), \
	    CONFINE_GIVE(SECCOMP_RET_KILL_PROCESS),                      \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)
/* Refused with an error unless argument n is `value`. */
#define ONLY_ELSE(name, n, value, why)                                    \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SYS_##name, 0, 4),  \
	    CONFINE_LOAD(CONFINE_LOW(n)),                                 \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(value), 1, 0), \
	    CONFINE_GIVE(SECCOMP_RET_ERRNO | (why)),                      \
	    CONFINE_GIVE(SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    CONFINE_BEGIN,

    /* The loop: most of what a worker does, and so first. */
    ALLOW(read),
    ALLOW(write), /* connections, the log */
    ALLOW(futex), /* threads wait for work */
#ifdef SYS_epoll_wait
    ALLOW(epoll_wait),
#endif
    ALLOW(epoll_pwait),
    ALLOW(epoll_ctl),
    ALLOW(accept),
    ALLOW(close),
    ALLOW(fcntl),      /* not blocking, closed at exec */
    ALLOW(setsockopt), /* no delay */
    ALLOW(getsockopt), /* how a connect() ended */
    ALLOW(getpid),     /* OpenSSL: have we forked? */
    ALLOW(shutdown),   /* the end of a connection, and of listening */

    /* Database and keyd, over Unix sockets: no other can be made. */
    ONLY_ELSE(socket, 0, AF_UNIX, EACCES),
    ALLOW(connect),
    ALLOW(getsockname), /* libpq */
    ALLOW(sendto),
    ALLOW(recvfrom),
#ifdef SYS_poll
    ALLOW(poll),
#endif
    ALLOW(ppoll),
    ALLOW(getuid), /* libpq: whose are the defaults? */
    ALLOW(geteuid),
    ALLOW(uname), /* gethostname() */

    /* Templates, character sets, the spool, challenges: Landlock says which. */
    ALLOW(openat),
    ALLOW(newfstatat),
    ALLOW(statfs), /* is there room for drafts? */
    ALLOW(fstat),
    ALLOW(lseek),
    ALLOW(pread64),
    ALLOW(pwrite64),
    ALLOW(getdents64), /* the directory of templates */
#ifdef SYS_access
    ALLOW(access), /* ld.so, for a character set's module */
    ALLOW(readlink),
#endif
    REFUSE(statx, ENOSYS),
    /* How much of an answer has not been taken; to stdio: no terminal. */
    ONLY_ELSE(ioctl, 1, TIOCOUTQ, ENOTTY),

    /* Memory: none that can be both written and run. */
    ALLOW(brk),
    NOT_ALL_OF(mmap, 2, PROT_WRITE | PROT_EXEC, EINVAL),
    ALLOW(munmap),
    WITHOUT(mprotect, 2, PROT_EXEC),
    ALLOW(madvise),
    ALLOW(mlock), /* libsodium locks the pages of secrets */
    ALLOW(munlock),
    ALLOW(sysinfo), /* qsort(): how much is there? */

    /* Threads, but no processes: clone3() cannot be looked into. */
    REFUSE(clone3, ENOSYS),
    WITH(clone, 0, CLONE_VM | CLONE_THREAD),
    ALLOW(rseq),
    ALLOW(set_robust_list),
    ONLY(prctl, 0, PR_SET_NAME),
    ALLOW(eventfd2),          /* how they wake the loop */
    ALLOW(sched_getaffinity), /* how many cores are ours */
    ONLY_ELSE(sched_setscheduler, 1, SCHED_IDLE, EPERM), /* hashes come last */
    ALLOW(sched_yield),
    ALLOW(exit),
    ALLOW(exit_group),

    /* Signals: their handlers, and raise() and abort() to ourselves. */
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(restart_syscall), /* after a stop */
    ALLOW(gettid),
    ALLOW(tgkill),

    /* Time, where the kernel does not give it without a call; chance. */
    ALLOW(clock_gettime),
    ALLOW(clock_nanosleep),
    ALLOW(getrandom),

    CONFINE_END,
};

const struct sock_filter *
confine_program(size_t *n_out)
{
	*n_out = sizeof(filter) / sizeof(filter[0]);
	return filter;
}

int
confine_calls(struct err *e)
{
#ifdef RESTANTE_SANITIZE
	(void)e; /* the sanitizers call anything */
	return 0;
#else
	return confine_enter(filter, sizeof(filter) / sizeof(filter[0]), e);
#endif
}

/* ---- files ------------------------------------------------------------------- */

/* What the header of an older kernel does not have yet. */
#define FS_REFER     (UINT64_C(1) << 13) /* version 2 */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */
#define FS_FIRST     ((UINT64_C(1) << 13) - 1)
#define NET_ALL      UINT64_C(3) /* version 4: TCP bind, connect */
#define SCOPE_ALL    UINT64_C(3) /* version 6: abstract sockets, signals */

#define READ_ONLY  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define READ_WRITE (READ_ONLY | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define OF_A_FILE                                                       \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
	    FS_TRUNCATE)

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* Everything the kernel knows to forbid, by the version of its interface. */
static size_t
handled(long version, struct ruleset *out)
{
	*out = (struct ruleset){.fs = FS_FIRST};
	if (version >= 2)
		out->fs |= FS_REFER;
	if (version >= 3)
		out->fs |= FS_TRUNCATE;
	if (version >= 4)
		out->net = NET_ALL;
	if (version >= 5)
		out->fs |= FS_IOCTL_DEV;
	if (version >= 6)
		out->scoped = SCOPE_ALL;
	return version >= 6 ? 24 : version >= 4 ? 16 : 8;
}

/* What is beneath dir/name may be used so. What is not there need not be allowed. */
static int
allow(int rules, uint64_t fs, const char *dir, const char *name,
    uint64_t access, struct err *e)
{
	struct landlock_path_beneath_attr rule = {0};
	struct stat st;
	char path[4096];
	long ret = -1;
	int fd;

	if (dir == NULL)
		return 0;
	if (snprintf(path, sizeof(path), "%s%s", dir, name) >=
	    (int)sizeof(path))
		return err_set(e, ERR_BAD_INPUT, "too long a name");
	if ((fd = open(path, O_PATH | O_CLOEXEC)) == -1) {
		if (errno == ENOENT)
			return 0;
		return err_set(
		    e, ERR_INTERNAL, "%.100s: %s", path, strerror(errno));
	}
	if (fstat(fd, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			access &= OF_A_FILE;
		rule.allowed_access = access & fs;
		rule.parent_fd = fd;
		ret = syscall(SYS_landlock_add_rule, rules,
		    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	(void)close(fd);
	if (ret == -1)
		return err_set(
		    e, ERR_INTERNAL, "%.100s: %s", path, strerror(errno));
	return 0;
}

static int
allow_all(int rules, uint64_t fs, const struct settings *set, struct err *e)
{
	const struct {
		const char *dir, *name;
		uint64_t access;
	} row[] = {
	    {set->share, "/templates", READ_ONLY},
	    {set->share, "/assets", READ_ONLY},
	    {set->spool, "", READ_WRITE},
	    {set->acme_dir, "", READ_ONLY},
	    {"/usr/lib", "", READ_ONLY}, /* character sets */
	    {"/lib", "", READ_ONLY},
	    {"/etc/ld.so.cache", "", READ_ONLY}, /* where these are */
	    {"/etc/passwd", "", READ_ONLY},      /* libpq: who am I? */
	    {"/etc/nsswitch.conf", "", READ_ONLY},
	    {"/etc/localtime", "", READ_ONLY},
	    {"/usr/share/zoneinfo", "", READ_ONLY},
	    {"/proc/self/statm", "", READ_ONLY}, /* how big are we? */
	    {"/dev/null", "", READ_WRITE},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if (allow(rules, fs, row[i].dir, row[i].name, row[i].access,
			e) == -1)
			return -1;
	}
	return 0;
}

int
confine_files(const struct settings *set, struct err *e)
{
	struct ruleset all;
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	int rules, ret;

	if (version < 1) {
		log_line(LOG_LEVEL_WARN, NULL, "landlock",
		    "not in this kernel: only owners and modes keep workers"
		    " from files");
		return 0;
	}
	rules = (int)syscall(
	    SYS_landlock_create_ruleset, &all, handled(version, &all), 0);
	if (rules == -1)
		return err_set(
		    e, ERR_INTERNAL, "landlock: %s", strerror(errno));
	ret = allow_all(rules, all.fs, set, e);
	if (ret == 0 && syscall(SYS_landlock_restrict_self, rules, 0) == -1)
		ret = err_set(e, ERR_INTERNAL, "landlock: %s", strerror(errno));
	(void)close(rules);
	return ret;
}

/* Started by root without another user for its workers: root's powers go all the same. */
static int
drop_powers(struct err *e)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	if (syscall(SYS_capset, &head, none) == -1)
		return err_set(e, ERR_INTERNAL, "capset: %s", strerror(errno));
	return 0;
}

int
confine_front(const struct settings *set, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(e, ERR_INTERNAL, "prctl: %s", strerror(errno));
	if (drop_powers(e) == -1 || confine_files(set, e) == -1)
		return -1;
	return confine_calls(e);
}
