/*
 * test_keyd_state.c: what keyd keeps on disk: keys, slot numbers, budgets, codes, and
 * proofs, with a clock that the test sets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyd/sandbox.h"
#include "keyd/sock.h"
#include "keyd/verbs.h"
#include "keyd_dir.h"

#define NOW (INT64_C(1800000000) * CLOCK_SECOND)

static struct keyd_state st;
static int dir = -1;
static struct err e;

static int
open_state(void)
{
	dir = open(keyd_dir_path("."), O_RDONLY | O_DIRECTORY);
	return keyd_state_open(&st, dir, &e);
}

static void
close_state(void)
{
	keyd_state_close(&st);
	close(dir);
	dir = -1;
}

static int
setup(void **state)
{
	(void)state;
	keyd_dir_new();
	return open_state();
}

static int
teardown(void **state)
{
	(void)state;
	if (dir != -1)
		close_state();
	keyd_dir_end();
	return 0;
}

static void
key_files_are_private(void **state)
{
	static const char *const names[] = {"pepper", "outbox", "escrow",
	    "directory", "half", "shred", "code", "token", "proof", "duplicate",
	    "count", "forward"};
	struct stat s;
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "keys/%s", names[i]);
		assert_int_equal(stat(keyd_dir_path(path), &s), 0);
		assert_int_equal(s.st_mode & 07777, 0400);
		assert_int_equal(s.st_size, 56);
	}
	assert_int_equal(stat(keyd_dir_path("keys"), &s), 0);
	assert_int_equal(s.st_mode & 07777, 0700);
	assert_int_equal(i, KEYD_KEYS);
}

static void
restart_keeps_keys(void **state)
{
	uint8_t key[KEYD_KEYS][SECRET_KEY_LEN], pk[SEAL_PK_LEN];
	int i, j;

	(void)state;
	for (i = 0; i < KEYD_KEYS; i++)
		memcpy(key[i], keyd_keys_get(st.keys, (enum keyd_key)i),
		    SECRET_KEY_LEN);
	memcpy(pk, keyd_keys_directory(st.keys)->pk, sizeof(pk));
	close_state();
	assert_int_equal(open_state(), 0);
	for (i = 0; i < KEYD_KEYS; i++) {
		assert_memory_equal(key[i],
		    keyd_keys_get(st.keys, (enum keyd_key)i), SECRET_KEY_LEN);
		for (j = 0; j < i; j++)
			assert_memory_not_equal(key[i], key[j], SECRET_KEY_LEN);
	}
	assert_memory_equal(pk, keyd_keys_directory(st.keys)->pk, sizeof(pk));
	assert_int_equal(keyd_keys_generation(st.keys), 1);
}

static void
refuse(enum err_code code)
{
	assert_int_equal(open_state(), -1);
	assert_int_equal(e.code, code);
	close_state();
}

static void
refuses_changed_keys(void **state)
{
	char byte;
	int fd;
	const char *pepper = keyd_dir_path("keys/pepper");

	(void)state;
	close_state();
	chmod(pepper, 0440);
	refuse(ERR_CORRUPT);
	chmod(pepper, 0600);
	refuse(ERR_CORRUPT);
	fd = open(pepper, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, 20), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 20), 1);
	close(fd);
	chmod(pepper, 0400);
	refuse(ERR_CORRUPT);
}

static void
refuses_a_missing_key(void **state)
{
	(void)state;
	close_state();
	/* One key under another's name is not that key either. */
	assert_int_equal(unlink(keyd_dir_path("keys/half")), 0);
	refuse(ERR_CORRUPT);
	assert_int_not_equal(access(keyd_dir_path("keys/half"), F_OK), 0);
	assert_int_equal(
	    rename(keyd_dir_path("keys/shred"), keyd_dir_path("keys/half")), 0);
	refuse(ERR_CORRUPT);
}

/* A directory of before there was one: no other key is ever made later. */
static void
a_forward_key_is_made_when_missing(void **state)
{
	uint8_t before[SECRET_KEY_LEN];

	(void)state;
	memcpy(before, keyd_keys_get(st.keys, KEYD_FORWARD), sizeof(before));
	close_state();
	assert_int_equal(unlink(keyd_dir_path("keys/forward")), 0);
	assert_int_equal(open_state(), 0);
	assert_memory_not_equal(
	    before, keyd_keys_get(st.keys, KEYD_FORWARD), sizeof(before));
	memcpy(before, keyd_keys_get(st.keys, KEYD_FORWARD), sizeof(before));
	close_state();
	assert_int_equal(open_state(), 0);
	assert_memory_equal(
	    before, keyd_keys_get(st.keys, KEYD_FORWARD), sizeof(before));
}

static void
refuses_open_directories(void **state)
{
	(void)state;
	close_state();
	chmod(keyd_dir_path("keys"), 0710);
	refuse(ERR_CORRUPT);
	chmod(keyd_dir_path("keys"), 0700);
	chmod(keyd_dir_path("codes"), 0640);
	refuse(ERR_CORRUPT);
	chmod(keyd_dir_path("codes"), 0600);
	assert_int_equal(open_state(), 0);
}

static void
refuses_foreign_owner(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	close_state();
	assert_int_equal(chown(keyd_dir_path("keys/code"), 12345, 12345), 0);
	refuse(ERR_CORRUPT);
}

static void
refuses_lost_keys_or_counter(void **state)
{
	(void)state;
	close_state();
	/* All keys gone from a directory that was used: not a first start. */
	assert_int_equal(
	    rename(keyd_dir_path("keys"), keyd_dir_path("elsewhere")), 0);
	refuse(ERR_NOT_FOUND);
	assert_int_equal(
	    rename(keyd_dir_path("elsewhere"), keyd_dir_path("keys")), 0);
	assert_int_equal(unlink(keyd_dir_path("slots")), 0);
	refuse(ERR_CORRUPT);
}

static void
first_start_can_be_cut_off(void **state)
{
	int fd;

	(void)state;
	close_state();
	keyd_dir_end();
	keyd_dir_new();
	/* Killed while the keys were made. */
	mkdir(keyd_dir_path("keys.new"), 0700);
	fd = open(keyd_dir_path("keys.new/pepper"), O_CREAT | O_WRONLY, 0400);
	close(fd);
	assert_int_equal(open_state(), 0);
	assert_int_not_equal(access(keyd_dir_path("keys.new"), F_OK), 0);
}

static void
slots_are_given_once(void **state)
{
	uint64_t first, last = 0, n = 0;
	int i, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 500; i++) {
			assert_int_equal(
			    keyd_slots_take(st.slots, KEYD_LEASE, &first, &e),
			    0);
			assert_true(first > last);
			last = first + KEYD_LEASE - 1;
			n += KEYD_LEASE;
		}
		close_state();
		assert_int_equal(open_state(), 0);
	}
	/* A restart skips at most one step. */
	assert_true(last <= n + 5 * KEYD_SLOTS_STEP);
}

static void
slots_survive_a_torn_write(void **state)
{
	uint64_t first, after;
	char junk[32];
	int fd;

	(void)state;
	assert_int_equal(keyd_slots_take(st.slots, 1, &first, &e), 0);
	close_state();
	assert_int_equal(open_state(), 0);
	close_state();
	/* Either copy: the other one still bounds what was given out before. */
	memset(junk, 'j', sizeof(junk));
	fd = open(keyd_dir_path("slots"), O_WRONLY);
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 512), sizeof(junk));
	assert_int_equal(open_state(), 0);
	assert_int_equal(keyd_slots_take(st.slots, 1, &after, &e), 0);
	assert_true(after > first);
	close_state();
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 0), sizeof(junk));
	assert_int_equal(pwrite(fd, junk, sizeof(junk), 512), sizeof(junk));
	close(fd);
	refuse(ERR_CORRUPT);
}

static void
slot_keys(void **state)
{
	uint8_t a[32], b[32], h[32];
	uint64_t id;

	(void)state;
	assert_int_equal(keyd_slots_take(st.slots, 2, &id, &e), 0);
	assert_int_equal(keyd_slots_shred(st.slots, st.keys, id, a, &e), 0);
	assert_int_equal(keyd_slots_shred(st.slots, st.keys, id + 1, b, &e), 0);
	assert_int_equal(keyd_slots_half(st.slots, st.keys, id, h, &e), 0);
	assert_memory_not_equal(a, b, 32);
	assert_memory_not_equal(a, h, 32);
	assert_int_equal(keyd_slots_shred(st.slots, st.keys, 0, b, &e), -1);
	assert_int_equal(
	    keyd_slots_shred(st.slots, st.keys, id + 2, b, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	close_state();
	assert_int_equal(open_state(), 0);
	assert_int_equal(keyd_slots_shred(st.slots, st.keys, id, b, &e), 0);
	assert_memory_equal(a, b, 32);
}

static struct id tenant = {{1}};

static int
take(enum keyd_budget budget, unsigned who, int64_t now)
{
	struct keyd_subject s = {budget, &tenant, &who, sizeof(who)};

	return keyd_counts_take(st.counts, &s, now);
}

static void
budgets_end_and_come_back(void **state)
{
	static const struct {
		enum keyd_budget budget;
		int hour;
	} rows[] = {
	    {KEYD_B_PASSWORD, LIMIT_PASSWORD_HOUR},
	    {KEYD_B_CODE, LIMIT_CODES_HOUR},
	    {KEYD_B_REGISTRATION, LIMIT_CODE_TRIES},
	    {KEYD_B_TOKEN, LIMIT_TOKEN_HOUR},
	    {KEYD_B_RELEASE, LIMIT_RELEASES_HOUR},
	};
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (n = 0; n < rows[i].hour; n++)
			assert_int_equal(take(rows[i].budget, 1, NOW), 0);
		assert_int_equal(take(rows[i].budget, 1, NOW), 3600);
		assert_int_equal(
		    take(rows[i].budget, 1, NOW + 3599 * CLOCK_SECOND), 1);
		/* Another's budget and another kind are untouched. */
		assert_int_equal(take(rows[i].budget, 2, NOW), 0);
		assert_int_equal(take(rows[i].budget, 1, NOW + CLOCK_HOUR), 0);
	}
	assert_int_equal(i, KEYD_BUDGETS);
}

/* What another version with another limit left. */
static void
a_changed_limit_is_no_damage(void **state)
{
	int fd;

	(void)state;
	close_state();
	fd = open(keyd_dir_path("count.code"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 512 * 16 * 56 + 64), 0);
	close(fd);
	assert_int_equal(open_state(), 0);
	assert_int_equal(take(KEYD_B_CODE, 1, NOW), 0);
}

static void
password_hour_slides(void **state)
{
	int i;

	(void)state;
	/* One a minute: the 21st waits until the first is an hour old. */
	for (i = 0; i < LIMIT_PASSWORD_HOUR; i++)
		assert_int_equal(
		    take(KEYD_B_PASSWORD, 1, NOW + i * CLOCK_MINUTE), 0);
	assert_int_equal(
	    take(KEYD_B_PASSWORD, 1, NOW + 20 * CLOCK_MINUTE), 40 * 60);
	assert_int_equal(take(KEYD_B_PASSWORD, 1, NOW + 60 * CLOCK_MINUTE), 0);
	assert_int_equal(take(KEYD_B_PASSWORD, 1, NOW + 60 * CLOCK_MINUTE), 60);
}

static void
password_day_ends(void **state)
{
	int64_t t = NOW;
	int i, n = 0;

	(void)state;
	for (i = 0; i < 6; i++, t += CLOCK_HOUR)
		while (
		    n < LIMIT_PASSWORD_DAY && take(KEYD_B_PASSWORD, 1, t) == 0)
			n++;
	assert_int_equal(n, LIMIT_PASSWORD_DAY);
	t = NOW + 6 * CLOCK_HOUR;
	assert_int_equal(take(KEYD_B_PASSWORD, 1, t), 18 * 3600);
	assert_int_equal(take(KEYD_B_PASSWORD, 1, NOW + CLOCK_DAY), 0);
}

static void
budget_survives_restart_and_clock(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < LIMIT_PASSWORD_HOUR; i++)
		assert_int_equal(take(KEYD_B_PASSWORD, 7, NOW), 0);
	close_state();
	assert_int_equal(open_state(), 0);
	assert_int_equal(take(KEYD_B_PASSWORD, 7, NOW), 3600);
	/* A clock that was set back gives nothing and ends within an hour. */
	assert_int_equal(take(KEYD_B_PASSWORD, 7, NOW - CLOCK_DAY), 3600);
}

static void
flood_gives_no_tries(void **state)
{
	unsigned who, round, got = 0;
	int i;

	(void)state;
	/* A victim a little under its limit, then more subjects than there is
	 * room for, each tried as often as it may, over and over. */
	for (i = 0; i < LIMIT_PASSWORD_HOUR - 1; i++)
		assert_int_equal(take(KEYD_B_PASSWORD, 0, NOW), 0);
	for (round = 0; round < 3; round++) {
		for (who = 1; who <= 40000; who++)
			for (i = 0; i < LIMIT_PASSWORD_HOUR; i++)
				if (take(KEYD_B_PASSWORD, who, NOW) != 0)
					break;
		while (got < 100 && take(KEYD_B_PASSWORD, 0, NOW) == 0)
			got++;
	}
	assert_true(got <= 1);
	/* Nothing is lost for good. */
	assert_int_equal(take(KEYD_B_PASSWORD, 0, NOW + CLOCK_DAY), 0);
}

static void
codes_in_the_tables(void **state)
{
	uint8_t browser[32] = {1}, other[32] = {2}, address[32] = {3};
	uint8_t got[32];
	struct id a = {{10}}, b = {{11}}, t;
	int i;

	(void)state;
	keyd_codes_add(
	    st.codes, &a, browser, &tenant, address, "7KQF2M9X", NOW);
	keyd_codes_add(
	    st.codes, &b, browser, &tenant, address, "AAAA2222", NOW);
	/* Another browser is refused, as often as it likes. */
	for (i = 0; i < 20; i++) {
		assert_int_equal(keyd_codes_check(st.codes, &a, other,
				     "7KQF2M9X", NOW, &t, got, &e),
		    -1);
		assert_int_equal(e.code, ERR_DENIED);
	}
	/* Wrong ones: the fifth kills it; the other handle lives on. */
	for (i = 0; i < LIMIT_CODE_TRIES; i++) {
		assert_int_equal(
		    keyd_codes_check(st.codes, &a, browser,
			i % 2 ? "7KQF2M9Y" : "nonsense!", NOW, &t, got, &e),
		    -1);
		assert_int_equal(e.code, ERR_DENIED);
	}
	assert_int_equal(keyd_codes_check(st.codes, &a, browser, "7KQF2M9X",
			     NOW, &t, got, &e),
	    -1);
	for (i = 0; i < LIMIT_CODE_TRIES - 1; i++)
		assert_int_equal(keyd_codes_check(st.codes, &b, browser,
				     "7KQF2M9X", NOW, &t, got, &e),
		    -1);
	assert_int_equal(keyd_codes_check(st.codes, &b, browser, "aaaa-2222",
			     NOW + 15 * CLOCK_MINUTE - 1, &t, got, &e),
	    0);
	assert_memory_equal(got, address, 32);
	assert_true(id_equal(&t, &tenant));
	assert_int_equal(keyd_codes_check(st.codes, &b, browser, "AAAA2222",
			     NOW, &t, got, &e),
	    -1);
	assert_int_equal(e.code, ERR_DENIED);
}

static void
codes_expire(void **state)
{
	uint8_t browser[32] = {1}, address[32] = {3}, got[32];
	struct id a = {{10}}, t;

	(void)state;
	keyd_codes_add(
	    st.codes, &a, browser, &tenant, address, "7KQF2M9X", NOW);
	assert_int_equal(keyd_codes_check(st.codes, &a, browser, "7KQF2M9X",
			     NOW + 15 * CLOCK_MINUTE, &t, got, &e),
	    -1);
	assert_int_equal(e.code, ERR_EXPIRED);
}

static void
tables_take_any_number(void **state)
{
	uint8_t browser[32] = {1}, address[32], got[32], code[10] = {9};
	struct id h, t;
	int i;

	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	for (i = 0; i < 30000; i++) {
		secret_random(h.b, sizeof(h.b));
		secret_random(address, sizeof(address));
		keyd_codes_add(st.codes, &h, browser, &tenant, address,
		    "7KQF2M9X", NOW + i);
		keyd_codes_invite(st.codes, &tenant, address, code, NOW + i);
	}
	/* The newest is never the one that goes. */
	assert_int_equal(keyd_codes_check(st.codes, &h, browser, "7KQF2M9X",
			     NOW + i, &t, got, &e),
	    0);
	assert_int_equal(
	    keyd_codes_accept(st.codes, &tenant, address, code, NOW + i, &e),
	    0);
	log_open("test", LOG_LEVEL_INFO);
}

static void
registration_codes(void **state)
{
	uint8_t address[32] = {3}, one[10] = {1}, two[10] = {2};

	(void)state;
	keyd_codes_invite(st.codes, &tenant, address, one, NOW);
	keyd_codes_invite(st.codes, &tenant, address, two, NOW);
	assert_int_equal(
	    keyd_codes_accept(st.codes, &tenant, address, one, NOW, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(keyd_codes_accept(st.codes, &tenant, address, two,
			     NOW + 14 * CLOCK_DAY - 1, &e),
	    0);
	assert_int_equal(
	    keyd_codes_accept(st.codes, &tenant, address, two, NOW, &e), -1);
	keyd_codes_invite(st.codes, &tenant, address, one, NOW);
	assert_int_equal(keyd_codes_accept(st.codes, &tenant, address, one,
			     NOW + 14 * CLOCK_DAY, &e),
	    -1);
	assert_int_equal(e.code, ERR_EXPIRED);
}

static void
proofs(void **state)
{
	uint8_t proof[KEYD_PROOF_LEN], address[32] = {5};
	struct keyd_proof p;
	int i;

	(void)state;
	keyd_proof_make(st.keys, KEYD_M_CODE, &tenant, address, NOW, proof);
	assert_int_equal(
	    keyd_proof_open(st.keys, proof, NOW + 12 * CLOCK_HOUR - 1, &p, &e),
	    0);
	assert_true(id_equal(&p.tenant, &tenant));
	assert_memory_equal(p.address, address, 32);
	assert_int_equal(p.method, KEYD_M_CODE);
	assert_int_equal(
	    keyd_proof_open(st.keys, proof, NOW + 12 * CLOCK_HOUR, &p, &e), -1);
	assert_int_equal(e.code, ERR_EXPIRED);
	/* Every byte is under the MAC. */
	for (i = 0; i < KEYD_PROOF_LEN; i++) {
		proof[i] ^= 1;
		assert_int_equal(
		    keyd_proof_open(st.keys, proof, NOW, &p, &e), -1);
		assert_int_equal(e.code, ERR_DENIED);
		proof[i] ^= 1;
	}
}

static void
uids(void **state)
{
	static const char *const bad[] = {"portal", "portal=", "=1",
	    "portal=1,", "nobody=1", "portal=-1", "portal=1x",
	    "portal=4294967295", "portal=99999999999", ",portal=1"};
	struct keyd_uids u;
	size_t i;

	(void)state;
	assert_int_equal(keyd_uids_parse(NULL, &u, &e), 0);
	assert_true(keyd_uids_has(&u, PROTO_CTL, geteuid()));
	assert_int_equal(keyd_uids_parse("portal=1000,ctl=0,ctl=7", &u, &e), 0);
	assert_true(keyd_uids_has(&u, PROTO_PORTAL, 1000));
	assert_false(keyd_uids_has(&u, PROTO_PORTAL, 0));
	assert_true(keyd_uids_has(&u, PROTO_CTL, 7));
	assert_true(keyd_uids_has(&u, PROTO_INTAKE, geteuid()));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(keyd_uids_parse(bad[i], &u, &e), -1);
}

/* What the filter does to a child that tries one thing more. */
static int
try_in_sandbox(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (keyd_sandbox_harden(&e) == -1 ||
		    keyd_sandbox_enter(&e) == -1)
			_exit(2);
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void
try_socket(void)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
}

static void
try_unix(void)
{
	(void)!socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static void
try_open(void)
{
	(void)!open("/etc/passwd", O_RDONLY);
}

static void
try_exec(void)
{
	(void)!execl("/bin/true", "true", (char *)NULL);
}

static void
try_code(void)
{
	(void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
try_nothing(void)
{
	uint8_t b[16];

	secret_random(b, sizeof(b));
}

static void
sandbox(void **state)
{
	(void)state;
#ifdef RESTANTE_SANITIZE
	skip();
#endif
	assert_int_equal(try_in_sandbox(try_nothing), 0);
	assert_int_equal(try_in_sandbox(try_socket), SIGSYS);
	assert_int_equal(try_in_sandbox(try_unix), SIGSYS);
	assert_int_equal(try_in_sandbox(try_open), SIGSYS);
	assert_int_equal(try_in_sandbox(try_exec), SIGSYS);
	assert_int_equal(try_in_sandbox(try_code), SIGSYS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(key_files_are_private),
	    T(restart_keeps_keys),
	    T(refuses_changed_keys),
	    T(refuses_a_missing_key),
	    T(a_forward_key_is_made_when_missing),
	    T(refuses_open_directories),
	    T(refuses_foreign_owner),
	    T(refuses_lost_keys_or_counter),
	    T(first_start_can_be_cut_off),
	    T(slots_are_given_once),
	    T(slots_survive_a_torn_write),
	    T(slot_keys),
	    T(budgets_end_and_come_back),
	    T(a_changed_limit_is_no_damage),
	    T(password_hour_slides),
	    T(password_day_ends),
	    T(budget_survives_restart_and_clock),
	    T(flood_gives_no_tries),
	    T(codes_in_the_tables),
	    T(codes_expire),
	    T(tables_take_any_number),
	    T(registration_codes),
	    T(proofs),
	    T(uids),
	    T(sandbox),
	};

	if (secret_init() == -1)
		return 1;
	log_open("test", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
