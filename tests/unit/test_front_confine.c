/*
 * test_front_confine.c: the calls a worker may make, read off its filter and tried; the
 * files it may open. Each refusal has a control without the wall.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/confine.h"
#include "front/confine.h"

#define NR_MAX 1024

/* ---- the filter, read -------------------------------------------------------- */

/* What the kernel would do with one call: a SECCOMP_RET_* value. */
static uint32_t
verdict(const struct seccomp_data *data)
{
	size_t n, at = 0;
	const struct sock_filter *p = confine_program(&n);
	uint32_t a = 0;

	for (;;) {
		const struct sock_filter *i = &p[at++];

		assert_true(at <= n);
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += (a & i->k) != 0 ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %#x", i->code);
		}
	}
}

static uint32_t
asked(long nr, unsigned arg, uint64_t value)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = CONFINE_ARCH};

	data.args[arg] = value;
	return verdict(&data);
}

/* All calls that some arguments make possible. A new one needs its reason. */
#define X(name)                   \
	{                         \
#name, SYS_##name \
	}
static const struct {
	const char *name;
	long nr;
} allowed[] = {
    X(read),
    X(write),
    X(close),
    X(fstat),
    X(lseek),
    X(mmap),
    X(mprotect),
    X(munmap),
    X(brk),
    X(rt_sigaction),
    X(rt_sigprocmask),
    X(rt_sigreturn),
    X(ioctl),
    X(pread64),
    X(pwrite64),
    X(sched_yield),
    X(madvise),
    X(getpid),
    X(socket),
    X(connect),
    X(accept),
    X(sendto),
    X(recvfrom),
    X(shutdown),
    X(getsockname),
    X(setsockopt),
    X(getsockopt),
    X(clone),
    X(exit),
    X(uname),
    X(fcntl),
    X(sysinfo),
    X(getuid),
    X(geteuid),
    X(sched_setscheduler),
    X(mlock),
    X(munlock),
    X(prctl),
    X(gettid),
    X(futex),
    X(sched_getaffinity),
    X(getdents64),
    X(restart_syscall),
    X(clock_gettime),
    X(clock_nanosleep),
    X(exit_group),
    X(epoll_ctl),
    X(tgkill),
    X(openat),
    X(newfstatat),
    X(ppoll),
    X(set_robust_list),
    X(epoll_pwait),
    X(eventfd2),
    X(getrandom),
    X(rseq),
    X(statfs),
#ifdef SYS_poll
    X(epoll_wait),
    X(poll),
    X(access),
    X(readlink),
#endif
};
#undef X
#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

/* What opens the way for those that look at an argument. */
static uint64_t
good_value(long nr, unsigned *arg)
{
	*arg = 0;
	if (nr == SYS_socket)
		return AF_UNIX;
	if (nr == SYS_prctl)
		return PR_SET_NAME;
	if (nr == SYS_clone)
		return CLONE_VM | CLONE_THREAD;
	*arg = 1;
	if (nr == SYS_sched_setscheduler)
		return SCHED_IDLE;
	if (nr == SYS_ioctl)
		return 0x5411; /* TIOCOUTQ */
	return 0;
}

static void
the_list(void **state)
{
	unsigned arg, n = 0;
	uint64_t value;

	(void)state;
	for (long nr = 0; nr < NR_MAX; nr++) {
		const char *name = NULL;

		for (size_t i = 0; i < ALLOWED; i++) {
			if (allowed[i].nr == nr)
				name = allowed[i].name;
		}
		value = good_value(nr, &arg);
		if (asked(nr, arg, value) == SECCOMP_RET_ALLOW) {
			if (name == NULL)
				fail_msg("call %ld is allowed", nr);
			print_message("%s ", name);
			n++;
		} else if (name != NULL) {
			fail_msg("%s is not allowed", name);
		}
	}
	print_message("\n%u calls\n", n);
	assert_int_equal(n, ALLOWED);
}

static void
arguments(void **state)
{
	static const struct {
		long nr;
		unsigned arg;
		uint64_t value;
		uint32_t verdict;
	} rows[] = {
	    {SYS_socket, 0, AF_INET, SECCOMP_RET_ERRNO | EACCES},
	    {SYS_socket, 0, AF_INET6, SECCOMP_RET_ERRNO | EACCES},
	    {SYS_socket, 0, AF_NETLINK, SECCOMP_RET_ERRNO | EACCES},
	    {SYS_mmap, 2, PROT_READ | PROT_EXEC, SECCOMP_RET_ALLOW},
	    {SYS_mmap, 2, PROT_WRITE, SECCOMP_RET_ALLOW},
	    {SYS_mmap, 2, PROT_WRITE | PROT_EXEC, SECCOMP_RET_ERRNO | EINVAL},
	    {SYS_mprotect, 2, PROT_READ | PROT_WRITE, SECCOMP_RET_ALLOW},
	    {SYS_mprotect, 2, PROT_EXEC, SECCOMP_RET_KILL_PROCESS},
	    {SYS_clone, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_clone, 0, SIGCHLD, SECCOMP_RET_KILL_PROCESS},
	    {SYS_clone, 0, CLONE_VM, SECCOMP_RET_KILL_PROCESS},
	    {SYS_clone3, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
	    {SYS_prctl, 0, PR_SET_DUMPABLE, SECCOMP_RET_KILL_PROCESS},
	    {SYS_sched_setscheduler, 1, SCHED_FIFO, SECCOMP_RET_ERRNO | EPERM},
	    {SYS_ioctl, 1, 0x5412, SECCOMP_RET_ERRNO | ENOTTY},
	    {SYS_statx, 0, 0, SECCOMP_RET_ERRNO | ENOSYS},
	    {SYS_execve, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_execveat, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_ptrace, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_kill, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_bind, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {SYS_memfd_create, 0, 0, SECCOMP_RET_KILL_PROCESS},
	    {NR_MAX, 0, 0, SECCOMP_RET_KILL_PROCESS},
	};
	struct seccomp_data other = {.nr = SYS_read, .arch = AUDIT_ARCH_I386};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (asked(rows[i].nr, rows[i].arg, rows[i].value) !=
		    rows[i].verdict)
			fail_msg("row %zu", i);
	}
	assert_int_equal(verdict(&other), SECCOMP_RET_KILL_PROCESS);
}

/* ---- tried ------------------------------------------------------------------- */

/* Runs what() in a child; gives wait()'s status. */
static int
in_child(void (*what)(const struct settings *), const struct settings *set)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0) {
		what(set);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

#ifndef RESTANTE_SANITIZE

static void
enter(void)
{
	struct err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    confine_calls(&e) == -1)
		_exit(9);
}

static void
try_fork(const struct settings *set)
{
	(void)set;
	if (fork() == 0)
		_exit(0);
}

static void
try_exec(const struct settings *set)
{
	static char *const args[] = {NULL};

	(void)set;
	(void)execve("/nonexistent", args, args);
}

static void
try_bind(const struct settings *set)
{
	(void)set;
	(void)bind(-1, NULL, 0);
}

static void
try_ptrace(const struct settings *set)
{
	(void)set;
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void *
from_a_thread(void *arg)
{
	(void)arg;
	try_bind(NULL);
	return NULL;
}

/* The thread that calls is not the one that waits: all of the process ends. */
static void
try_thread(const struct settings *set)
{
	pthread_t t;

	(void)set;
	if (pthread_create(&t, NULL, from_a_thread, NULL) != 0)
		_exit(8);
	(void)pthread_join(t, NULL);
}

static void (*confined)(const struct settings *);

static void
confined_try(const struct settings *set)
{
	enter();
	confined(set);
}

static void
a_call_outside_the_list_ends_the_process(void **state)
{
	static void (*const tries[])(const struct settings *) = {
	    try_fork, try_exec, try_bind, try_ptrace, try_thread};
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		confined = tries[i];
		status = in_child(confined_try, NULL);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			fail_msg("try %zu: status %#x", i, status);
		/* The control: without the filter it lives. */
		assert_int_equal(in_child(tries[i], NULL), 0);
	}
}

#endif

/* ---- files ------------------------------------------------------------------- */

static char root[64];

static const char *
at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static int
make_files(void **state)
{
	static const char *const dirs[] = {
	    "share", "share/templates", "share/var", "spool", "acme", "tls"};
	static const char *const files[] = {"share/templates/page.xsl",
	    "share/var/secret", "acme/token", "tls/key.pem"};
	int fd;

	(void)state;
	(void)snprintf(root, sizeof(root), "/tmp/restante-confine.XXXXXX");
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		assert_int_equal(mkdir(at(dirs[i]), 0700), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		fd = open(at(files[i]), O_CREAT | O_WRONLY, 0600);
		assert_true(fd != -1);
		(void)close(fd);
	}
	return 0;
}

static int
remove_files(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

/* 0, or the number of the first row that is not as it should be. */
static int
look(bool walls)
{
	static const struct {
		const char *name; /* under root, or absolute */
		int flags;
		bool open; /* behind the walls */
	} rows[] = {
	    {"share/templates/page.xsl", O_RDONLY, true},
	    {"share/templates", O_RDONLY | O_DIRECTORY, true},
	    {"acme/token", O_RDONLY, true},
	    {"spool", O_TMPFILE | O_RDWR, true},
	    {"/etc/passwd", O_RDONLY, true},
	    {"tls/key.pem", O_RDONLY, false},
	    {"tls", O_RDONLY | O_DIRECTORY, false},
	    {"share/var/secret", O_RDONLY, false},
	    {"share", O_RDONLY | O_DIRECTORY, false},
	    {"share/templates/page.xsl", O_WRONLY, false},
	    {"acme/token", O_WRONLY, false},
	    {"share/templates/../var/secret", O_RDONLY, false},
	    {"/etc/hostname", O_RDONLY, false},
	    {"/proc/self/environ", O_RDONLY, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = rows[i].name;
		int fd = open(path[0] == '/' ? path : at(path),
		    rows[i].flags | O_CLOEXEC, 0600);

		if ((fd != -1) != (rows[i].open || !walls))
			return (int)i + 1;
		if (fd == -1 && errno != EACCES)
			return (int)i + 101;
		if (fd != -1)
			(void)close(fd);
	}
	return 0;
}

static void
look_behind_walls(const struct settings *set)
{
	struct err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    confine_files(set, &e) == -1)
		_exit(200);
	_exit(look(syscall(SYS_landlock_create_ruleset, NULL, 0,
		       LANDLOCK_CREATE_RULESET_VERSION) > 0));
}

static void
look_without(const struct settings *set)
{
	(void)set;
	_exit(look(false));
}

static void
files_and_keys(void **state)
{
	char share[128], spool[128], acme[128];
	struct settings set = {
	    .share = share, .spool = spool, .acme_dir = acme};

	(void)state;
	(void)strcpy(share, at("share"));
	(void)strcpy(spool, at("spool"));
	(void)strcpy(acme, at("acme"));
	assert_int_equal(WEXITSTATUS(in_child(look_without, &set)), 0);
	assert_int_equal(WEXITSTATUS(in_child(look_behind_walls, &set)), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_list),
	    cmocka_unit_test(arguments),
#ifndef RESTANTE_SANITIZE
	    cmocka_unit_test(a_call_outside_the_list_ends_the_process),
#endif
	    cmocka_unit_test(files_and_keys),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
