/*
 * confine.c: see confine.h.
 */
#include "base/confine.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int
confine_harden(struct err *e)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(
		    e, ERR_INTERNAL, "cannot harden: %s", strerror(errno));
	return 0;
}

int
confine_enter(struct sock_filter *filter, size_t n, struct err *e)
{
	const struct sock_fprog prog = {(unsigned short)n, filter};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1)
		return err_set(e, ERR_INTERNAL, "seccomp: %s", strerror(errno));
	return 0;
}
