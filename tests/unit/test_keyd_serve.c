/*
 * test_keyd_serve.c: keyd as a process of its own, sandbox and all, and its client:
 * restarts, kill -9, hostile messages, many connections. The program is the one that
 * KEYD names, else its loop in a child.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyd/client.h"
#include "keyd/proto.h"
#include "keyd/server.h"
#include "keyd_dir.h"

#define ADAM "adam@example.org"

static pid_t pid;
static struct keyd *portal, *intake, *courier, *ctl;
static struct err e;

static const struct id tenant = {{1}}, account = {{2}};
static const struct id message = {{3}}, notice = {{4}};
static const struct id outbox = {{5}};
static const uint8_t browser[32] = {6};

static void
run_child(void)
{
	struct settings set = {.keyd_dir = keyd_dir_path("d"),
	    .keyd_uids = getenv("RESTANTE_KEYD_UIDS")};
	const char *program = getenv("KEYD");
	int fd;

	fd = open(keyd_dir_path("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDERR_FILENO);
	if (program != NULL) {
		setenv("RESTANTE_KEYD_DIR", set.keyd_dir, 1);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	log_open("keyd", LOG_LEVEL_INFO);
	_exit(keyd_serve(&set));
}

static void
nap(void)
{
	const struct timespec t = {0, 5000000};

	nanosleep(&t, NULL);
}

static void
start(void)
{
	int i;

	pid = fork();
	if (pid == 0)
		run_child();
	for (i = 0; i < 1000 && keyd_ping(ctl, &e) == -1; i++)
		nap();
	assert_true(i < 1000);
}

/* Sends the signal; the exit status, or minus the signal it died of. */
static int
end(int sig)
{
	int status;

	kill(pid, sig);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	pid = 0;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int
setup(void **state)
{
	(void)state;
	keyd_dir_new();
	portal = keyd_open(keyd_dir_path("d/sock/portal"));
	intake = keyd_open(keyd_dir_path("d/sock/intake"));
	courier = keyd_open(keyd_dir_path("d/sock/courier"));
	ctl = keyd_open(keyd_dir_path("d/sock/ctl"));
	start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (pid > 0)
		(void)end(SIGKILL);
	keyd_close(portal);
	keyd_close(intake);
	keyd_close(courier);
	keyd_close(ctl);
	keyd_dir_end();
	return 0;
}

static void
make_escrow(struct buf *out, uint64_t slot)
{
	struct seal_escrow rec = {.slot_id = slot,
	    .expires = clock_now() + CLOCK_HOUR,
	    .has_key = 1,
	    .address = ADAM,
	    .sk = {9}};
	const struct seal_bind bind = {
	    .tenant = tenant, .owner = message, .item = notice};
	struct keyd_public pub;
	struct buf plain = BUF_INIT;

	assert_int_equal(keyd_public(portal, &pub, &e), 0);
	assert_int_equal(seal_escrow_encode(&rec, &plain), 0);
	assert_int_equal(seal_box_seal(pub.escrow_pk, SEAL_P_ESCROW, &bind,
			     plain.data, plain.len, out, &e),
	    0);
	buf_free(&plain);
}

static void
make_code(
    struct keyd_code *code, const struct buf *escrow, struct seal_item *item)
{
	assert_int_equal(
	    keyd_code_make(portal, &tenant, &message, &notice, escrow->data,
		escrow->len, "Adam@Example.org", browser, &outbox, code, &e),
	    0);
	assert_int_equal(keyd_outbox_open(courier, &tenant, &outbox,
			     SEAL_I_CODE, code->item, code->item_len, item, &e),
	    0);
	assert_string_equal(item->address, ADAM);
	assert_string_equal(item->reference, code->reference);
}

/* From a leased slot to the provisional key, as the processes do it. */
static void
the_whole_way(void **state)
{
	uint8_t half[32];
	struct keyd_slot slots[KEYD_LEASE];
	struct buf escrow = BUF_INIT;
	struct keyd_code code;
	struct seal_item item;
	struct keyd_release got;
	uint8_t proof[KEYD_PROOF_LEN], none[KEYD_PROOF_LEN] = {0};
	uint8_t shred[32], cert[SEAL_CERT_LEN], pk[32] = {8};

	(void)state;
	assert_int_equal(keyd_lease(intake, slots, &e), 0);
	make_escrow(&escrow, slots[3].id);
	make_code(&code, &escrow, &item);
	assert_int_equal(keyd_release(portal, none, &tenant, &message, &notice,
			     escrow.data, escrow.len, &got, &e),
	    -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(keyd_code_check(portal, &code.handle, browser,
			     item.secret, proof, &e),
	    0);
	assert_int_equal(keyd_release(portal, proof, &tenant, &message, &notice,
			     escrow.data, escrow.len, &got, &e),
	    0);
	assert_true(got.slot_id == slots[3].id);
	seal_half_bind(slots[3].half, &tenant, ADAM, half);
	assert_memory_equal(got.half, half, 32);
	assert_int_equal(got.has_key, 1);
	assert_int_equal(got.sk[0], 9);
	assert_int_equal(keyd_shred_key(portal, got.slot_id, shred, &e), 0);
	assert_memory_equal(shred, slots[3].shred, 32);
	assert_int_equal(keyd_sign_account(portal, proof, &tenant, &account,
			     ADAM, 1, pk, cert, &e),
	    0);
	assert_int_equal(keyd_resign(intake, cert, cert, &e), 0);
	assert_int_equal(keyd_certify_process(intake, pk, cert, &e), 0);
	/* Neither the code nor anything of it is on disk or in the log. */
	assert_false(keyd_dir_holds(item.secret, SEAL_CODE_LEN - 1));
	assert_false(keyd_dir_holds("adam@", 5));
	assert_true(keyd_dir_holds("request denied", 14));
	buf_free(&escrow);
}

static void
other_verbs(void **state)
{
	uint8_t verifier[32], tags[KEYD_TAGS][32], mac[32], a[32] = {1};
	char code[KEYD_REGISTRATION_LEN], address[400];
	uint8_t proof[KEYD_PROOF_LEN];
	int wait_s = -1;

	(void)state;
	assert_int_equal(keyd_token_make(ctl, &tenant, &account, &notice,
			     "a token of some length", verifier, &e),
	    0);
	assert_int_equal(keyd_token_check(intake, &tenant, &account, &notice,
			     verifier, "a token of some length", &e),
	    0);
	assert_int_equal(keyd_token_check(intake, &tenant, &account, &notice,
			     verifier, "another token", &e),
	    -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(keyd_duplicate_tags(intake, &tenant, a, tags, &e), 0);
	assert_int_equal(keyd_password_mac(portal, &tenant, &account, &notice,
			     a, mac, &wait_s, &e),
	    0);
	assert_int_equal(wait_s, 0);
	assert_int_equal(
	    keyd_registration_make(ctl, &tenant, ADAM, code, &e), 0);
	assert_int_equal(
	    keyd_registration_check(portal, &tenant, ADAM, code, proof, &e), 0);
	/* A role without the right, and an address without end. */
	assert_int_equal(
	    keyd_registration_make(portal, &tenant, ADAM, code, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	memset(address, 'a', sizeof(address));
	address[sizeof(address) - 1] = '\0';
	assert_int_equal(
	    keyd_registration_make(ctl, &tenant, address, code, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
}

static void
tries_survive_kill(void **state)
{
	uint8_t a[32] = {1}, mac[32], first[32];
	uint8_t proof[KEYD_PROOF_LEN];
	struct buf escrow = BUF_INIT;
	struct keyd_code code, fresh;
	struct seal_item item, item2;
	struct keyd_slot slots[KEYD_LEASE];
	uint64_t last;
	int i, wait_s;

	(void)state;
	assert_int_equal(keyd_lease(intake, slots, &e), 0);
	last = slots[KEYD_LEASE - 1].id;
	make_escrow(&escrow, slots[0].id);
	make_code(&code, &escrow, &item);
	make_code(&fresh, &escrow, &item2);
	assert_int_equal(keyd_password_mac(portal, &tenant, &account, &notice,
			     a, first, NULL, &e),
	    0);
	for (i = 1; i < LIMIT_PASSWORD_HOUR; i++) {
		if (i % 4 == 0) {
			assert_int_equal(end(SIGKILL), -SIGKILL);
			start();
		}
		if (i <= LIMIT_CODE_TRIES)
			assert_int_equal(keyd_code_check(portal, &code.handle,
					     browser, "AAAAAAAA", proof, &e),
			    -1);
		assert_int_equal(keyd_password_mac(portal, &tenant, &account,
				     &notice, a, mac, &wait_s, &e),
		    0);
		assert_memory_equal(mac, first, 32);
	}
	assert_int_equal(end(SIGKILL), -SIGKILL);
	start();
	assert_int_equal(keyd_password_mac(portal, &tenant, &account, &notice,
			     a, mac, &wait_s, &e),
	    -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	assert_true(wait_s > 3500 && wait_s <= 3600);
	assert_int_equal(keyd_code_check(portal, &code.handle, browser,
			     item.secret, proof, &e),
	    -1);
	assert_int_equal(e.code, ERR_DENIED);
	/* The second code lived through it all; ids go on. */
	assert_int_equal(keyd_code_check(portal, &fresh.handle, browser,
			     item2.secret, proof, &e),
	    0);
	assert_int_equal(end(SIGKILL), -SIGKILL);
	start();
	assert_int_equal(keyd_code_check(portal, &fresh.handle, browser,
			     item2.secret, proof, &e),
	    -1);
	assert_int_equal(keyd_lease(intake, slots, &e), 0);
	assert_true(slots[0].id > last);
	buf_free(&escrow);
}

static void
ends_cleanly(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(keyd_dir_path("d/sock/portal"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(end(SIGTERM), 0);
	assert_int_equal(stat(keyd_dir_path("d/sock/portal"), &st), -1);
	assert_int_equal(keyd_ping(portal, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	start();
	assert_int_equal(keyd_ping(portal, &e), 0);
	assert_int_equal(end(SIGINT), 0);
}

static void
one_at_a_time(void **state)
{
	int status;
	pid_t second = fork();

	(void)state;
	if (second == 0)
		run_child();
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(keyd_ping(portal, &e), 0);
	assert_true(keyd_dir_holds("another keyd runs", 17));
}

static int
raw(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Whether keyd hung up after these bytes; an answer counts as not. */
static bool
hangs_up(const void *p, size_t n)
{
	uint8_t in[PROTO_SIZE];
	int fd = raw(keyd_dir_path("d/sock/portal"));
	ssize_t got;

	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
	got = recv(fd, in, sizeof(in), 0);
	close(fd);
	return got <= 0;
}

static void
hostile_messages(void **state)
{
	static uint8_t big[100000];
	uint8_t m[PROTO_SIZE];
	struct proto_head h = {.verb = PROTO_PING};
	int i;

	(void)state;
	secret_random(big, sizeof(big));
	assert_true(hangs_up(big, 1));
	assert_true(hangs_up(big, PROTO_HEADER));
	assert_true(hangs_up(big, PROTO_SIZE - 1));
	assert_true(hangs_up(big, PROTO_SIZE));
	assert_true(hangs_up(big, PROTO_SIZE + 1));
	assert_true(hangs_up(big, sizeof(big)));
	assert_int_equal(proto_write_request(m, &h, NULL), 0);
	assert_false(hangs_up(m, sizeof(m)));
	assert_true(hangs_up(m, sizeof(m) - 1));
	for (i = 0; i < 2000; i++) {
		secret_random(m + 4, sizeof(m) - 4);
		m[4] = 0;
		m[5] = (uint8_t)(i % (PROTO_VERBS + 2));
		(void)hangs_up(m, sizeof(m));
	}
	assert_int_equal(keyd_ping(portal, &e), 0);
	assert_true(keyd_dir_holds("wrong size", 10));
}

static void
descriptors_are_not_taken(void **state)
{
	uint8_t m[PROTO_SIZE] = {0};
	char room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {m, sizeof(m)};
	struct msghdr hdr = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = room,
	    .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&hdr);
	int fd, i;

	(void)state;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	for (i = 0; i < 50; i++) {
		fd = raw(keyd_dir_path("d/sock/portal"));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		(void)!sendmsg(fd, &hdr, MSG_NOSIGNAL);
		close(fd);
	}
	assert_int_equal(keyd_ping(portal, &e), 0);
}

/* 200 that say nothing, and one that asks without ever reading. */
static void
many_connections(void **state)
{
	struct proto_head h = {.verb = PROTO_LEASE};
	uint8_t m[PROTO_SIZE];
	int64_t began;
	int fd[200], greedy, i;

	(void)state;
	for (i = 0; i < 200; i++)
		fd[i] = raw(keyd_dir_path("d/sock/portal"));
	greedy = raw(keyd_dir_path("d/sock/intake"));
	assert_int_equal(proto_write_request(m, &h, NULL), 0);
	for (i = 0; i < 5000; i++)
		if (send(greedy, m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) ==
			-1 &&
		    errno != EAGAIN)
			break;
	began = clock_mono_ms();
	for (i = 0; i < 1000; i++)
		assert_int_equal(keyd_ping(portal, &e), 0);
	assert_true(clock_mono_ms() - began < 2000);
	for (i = 0; i < 200; i++)
		close(fd[i]);
	close(greedy);
	assert_int_equal(keyd_ping(portal, &e), 0);
}

static void
a_role_fills_only_its_own(void **state)
{
	int i, fd[LIMIT_KEYD_CLIENTS + 20], open_ = 0;
	uint8_t b;

	(void)state;
	keyd_close(portal);
	portal = keyd_open(keyd_dir_path("d/sock/portal"));
	for (i = 0; i < LIMIT_KEYD_CLIENTS + 20; i++)
		fd[i] = raw(keyd_dir_path("d/sock/portal"));
	assert_int_equal(keyd_ping(ctl, &e), 0);
	assert_int_equal(keyd_ping(intake, &e), 0);
	nap();
	assert_int_equal(keyd_ping(ctl, &e), 0);
	for (i = 0; i < LIMIT_KEYD_CLIENTS + 20; i++)
		open_ += recv(fd[i], &b, 1, MSG_DONTWAIT) == -1;
	assert_int_equal(open_, LIMIT_KEYD_CLIENTS);
	assert_int_equal(keyd_ping(portal, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	for (i = 0; i < LIMIT_KEYD_CLIENTS + 20; i++)
		close(fd[i]);
	for (i = 0; i < 100 && keyd_ping(portal, &e) == -1; i++)
		nap();
	assert_int_equal(keyd_ping(portal, &e), 0);
}

static void
another_user_is_refused(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)end(SIGTERM);
	setenv("RESTANTE_KEYD_UIDS", "intake=12345", 1);
	start();
	unsetenv("RESTANTE_KEYD_UIDS");
	chmod(keyd_dir_path("."), 0711);
	child = fork();
	if (child == 0) {
		/* The intake's user, on its own socket and on the portal's. */
		if (setuid(12345) == -1)
			_exit(9);
		_exit((keyd_ping(intake, &e) == 0 ? 1 : 0) |
		    (keyd_ping(portal, &e) == 0 ? 2 : 0));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 1);
	/* And keyd's own user on a socket that is the intake's. */
	assert_int_equal(keyd_ping(intake, &e), -1);
	assert_true(keyd_dir_holds("role=intake uid=0", 17));
}

static void
long_paths(void **state)
{
	struct keyd *k;
	char path[1024];
	size_t n;

	(void)state;
	n = (size_t)snprintf(path, sizeof(path), "%s", keyd_dir_path("d/sock"));
	while (n < 300)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/../sock");
	snprintf(path + n, sizeof(path) - n, "/portal");
	k = keyd_open(path);
	assert_int_equal(keyd_ping(k, &e), 0);
	keyd_close(k);
}

static void
client_reconnects(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(keyd_ping(portal, &e), 0);
		assert_int_equal(
		    end(i % 2 ? SIGKILL : SIGTERM), i % 2 ? -SIGKILL : 0);
		start();
	}
	assert_int_equal(keyd_ping(portal, &e), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_whole_way),
	    T(other_verbs),
	    T(tries_survive_kill),
	    T(ends_cleanly),
	    T(one_at_a_time),
	    T(hostile_messages),
	    T(descriptors_are_not_taken),
	    T(many_connections),
	    T(a_role_fills_only_its_own),
	    T(another_user_is_refused),
	    T(long_paths),
	    T(client_reconnects),
	};

	if (secret_init() == -1)
		return 1;
	log_open("test", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
