/* test_base_secret.c: memory for secrets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

static void
new_and_copy(void **state)
{
	struct secret *s = secret_new(100), *c;

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(secret_data(s)[i], 0);
	memset(secret_data(s), 7, 100);
	c = secret_copy(secret_peek(s), 100);
	assert_non_null(c);
	assert_ptr_not_equal(secret_peek(c), secret_peek(s));
	assert_memory_equal(secret_peek(c), secret_peek(s), 100);
	secret_free(s);
	secret_free(c);
	s = secret_copy(NULL, 0);
	assert_non_null(s);
	secret_free(s);
	secret_free(NULL);
}

/* The exit status, or the signal, of a child that runs f. */
static int
in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		_exit(f());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int
write_inside(void)
{
	struct secret *s = secret_new(32);

	secret_data(s)[31] = 1;
	secret_free(s);
	return 0;
}

static int
write_past(void)
{
	struct secret *s = secret_new(32);
	volatile uint8_t *p = secret_data(s);

	p[32] = 1;
	return 0;
}

static int
read_freed(void)
{
	struct secret *s = secret_new(32);
	const volatile uint8_t *p = secret_peek(s);

	secret_free(s);
	return p[0] & 0;
}

static void
its_pages_are_guarded(void **state)
{
	(void)state;
	assert_int_equal(in_child(write_inside), 0);
	assert_true(in_child(write_past) != 0);
	assert_true(in_child(read_freed) != 0);
}

/* Root may lock whatever the limit says, so that power goes first. */
static int
init_without_locking(void)
{
	struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_MEMLOCK, &none) == -1 ||
	    (geteuid() == 0 && setuid(65534) == -1))
		return 9;
	return secret_init() == 0 ? 0 : 1;
}

static void
memory_that_cannot_be_locked(void **state)
{
	(void)state;
/* AddressSanitizer makes every mlock() succeed. */
#ifndef RESTANTE_SANITIZE
	unsetenv("RESTANTE_ALLOW_UNLOCKED");
	assert_int_equal(in_child(init_without_locking), 1);
	setenv("RESTANTE_ALLOW_UNLOCKED", "", 1);
	assert_int_equal(in_child(init_without_locking), 1);
#endif
	setenv("RESTANTE_ALLOW_UNLOCKED", "1", 1);
	assert_int_equal(in_child(init_without_locking), 0);
	unsetenv("RESTANTE_ALLOW_UNLOCKED");
	assert_int_equal(secret_init(), 0);
}

static void
wiping_and_comparing(void **state)
{
	uint8_t a[33], b[33];

	(void)state;
	memset(a, 0xaa, sizeof(a));
	secret_wipe(a, 32);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(a[i], 0);
	assert_int_equal(a[32], 0xaa);
	secret_wipe(NULL, 0);
	secret_random(a, 32);
	memcpy(b, a, 32);
	assert_true(secret_equal(a, b, 32));
	for (size_t i = 0; i < 32; i++) {
		b[i] ^= 0x80;
		assert_false(secret_equal(a, b, 32));
		b[i] ^= 0x80;
	}
	assert_true(secret_equal(a, b, 0));
}

static void
random_bytes_and_numbers(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};
	unsigned seen[6] = {0};

	(void)state;
	secret_random(a, sizeof(a));
	secret_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	for (int i = 0; i < 6000; i++) {
		uint32_t v = secret_uniform(6);

		assert_true(v < 6);
		seen[v]++;
	}
	for (size_t i = 0; i < 6; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_int_equal(secret_uniform(1), 0);
	assert_int_equal(secret_uniform(0), 0);
}

static int
init(void **state)
{
	(void)state;
	setenv("RESTANTE_ALLOW_UNLOCKED", "1", 0);
	return secret_init();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(new_and_copy),
	    cmocka_unit_test(its_pages_are_guarded),
	    cmocka_unit_test(wiping_and_comparing),
	    cmocka_unit_test(random_bytes_and_numbers),
	    cmocka_unit_test(memory_that_cannot_be_locked),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
