/*
 * sock.h: keyd's sockets, one a role, and who may connect to them.
 */
#ifndef KEYD_SOCK_H
#define KEYD_SOCK_H

#include <sys/types.h>

#include "keyd/proto.h"

#define KEYD_UIDS_MAX 8 /* a role */

struct keyd_uids {
	uid_t uid[PROTO_ROLES][KEYD_UIDS_MAX];
	unsigned n[PROTO_ROLES];
};

/*
 * Reads "portal=1000,intake=1001,ctl=0,ctl=1003". A role that is not named (all, when
 * s is NULL) is the caller's own user. ERR_BAD_INPUT for anything else.
 */
int keyd_uids_parse(const char *s, struct keyd_uids *out, struct err *e)
    __attribute__((warn_unused_result));
bool keyd_uids_has(const struct keyd_uids *u, enum proto_role role, uid_t uid);

struct keyd_sock {
	int dir; /* sock/, or -1 */
	int fd[PROTO_ROLES];
	struct keyd_uids uids;
};

/*
 * Makes sock/ and its sockets anew, and leaves the process inside sock/: paths of any
 * length work. Mode 0600, or 0666 where another user is to connect; the uid decides.
 */
int keyd_sock_open(struct keyd_sock *s, int dir, const struct keyd_uids *uids,
    struct err *e) __attribute__((warn_unused_result));
void keyd_sock_close(struct keyd_sock *s); /* removes the sockets */

/*
 * One new connection, non-blocking; -1 when none waits or (ERR_DENIED) the user is not
 * the role's.
 */
int keyd_sock_accept(const struct keyd_sock *s, enum proto_role role,
    struct err *e) __attribute__((warn_unused_result));

#endif
