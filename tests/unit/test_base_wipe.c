/*
 * test_base_wipe.c: the wiping free() and realloc(), linked into this program in
 * place of glibc's. Reads memory it gave back: that is the point of it. Controls
 * go to glibc's own free() and must find what was left behind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#ifndef RESTANTE_SANITIZE

#include "base/wipe.c"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATTERN 0xa5
#define LINKS   32 /* bytes, of the largest kind of block */

/* Called through these, so that the compiler does not reason about them. */
static void (*volatile give_back)(void *) = free;
static void *(*volatile resize)(void *, size_t) = realloc;
static void *(*volatile resize_array)(void *, size_t, size_t) = reallocarray;

/* Hides from the compiler that a block was given back. */
static volatile uint8_t *
hide(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

/*
 * How many bytes of the pattern lie in p[from..to). Where glibc keeps its links in what was
 * given back, one alone may be a link's by chance: there it takes two beside each other.
 */
static size_t
left_over(const volatile uint8_t *p, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += p[i] == PATTERN &&
		    (i >= LINKS || (i > from && p[i - 1] == PATTERN) ||
			(i + 1 < to && p[i + 1] == PATTERN));
	return n;
}

/* A block of n bytes full of the pattern, its usable rest as well. */
static uint8_t *
full_block(size_t n)
{
	uint8_t *p = __libc_malloc(n);

	assert_non_null(p);
	explicit_bzero(p, n);
	memset(p, PATTERN, malloc_usable_size(p));
	return p;
}

static const size_t sizes[] = {
    1, 8, 16, 24, 25, 40, 100, 128, 500, 1032, 1033, 4000, 20000, 100000};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void
freed_blocks_hold_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		uint8_t *p = full_block(sizes[i]);
		uint8_t *fence = __libc_malloc(24); /* keeps p off the top */
		size_t n = malloc_usable_size(p);
		volatile uint8_t *seen = hide(p);

		give_back(p);
		if (left_over(seen, 0, n) != 0)
			fail_msg("%zu bytes", sizes[i]);
		__libc_free(fence);
	}
	give_back(NULL);
}

static void
control_glibc_leaves_all_but_its_links(void **state)
{
	(void)state;
	for (size_t i = 4; i < SIZES; i++) {
		uint8_t *p = full_block(sizes[i]);
		uint8_t *fence = __libc_malloc(24);
		size_t n = malloc_usable_size(p);
		volatile uint8_t *seen = hide(p);

		__libc_free(p);
		if (left_over(seen, 0, n) < n - 32)
			fail_msg("%zu bytes", sizes[i]);
		__libc_free(fence);
	}
}

static void
moved_blocks_hold_nothing(void **state)
{
	(void)state;
	for (size_t i = 3; i < SIZES; i++) {
		uint8_t *p = full_block(sizes[i]), *q;
		uint8_t *fence = __libc_malloc(24);
		size_t n = malloc_usable_size(p);
		volatile uint8_t *seen = hide(p);

		q = resize(p, n * 3);
		assert_non_null(q);
		assert_ptr_not_equal(q, (void *)(uintptr_t)seen);
		assert_int_equal(left_over(q, 0, n), n);
		assert_int_equal(left_over(seen, 0, n), 0);
		give_back(q);
		__libc_free(fence);
	}
}

static void
what_a_block_gives_up_is_wiped(void **state)
{
	uint8_t *p = full_block(1000), *q;
	size_t n = malloc_usable_size(p);
	volatile uint8_t *seen = hide(p);

	(void)state;
	/* A little less stays where it is. */
	q = resize(p, 900);
	assert_ptr_equal(q, p);
	assert_int_equal(left_over(q, 0, n), 900);
	/* Within what it has: nothing to do. */
	q = resize(q, n);
	assert_ptr_equal(q, (void *)(uintptr_t)seen);
	/* Much less moves. */
	q = resize(q, 100);
	assert_int_equal(left_over(q, 0, 100), 100);
	assert_int_equal(left_over(seen, 200, n), 0);
	give_back(q);
}

static void
realloc_at_its_edges(void **state)
{
	uint8_t *p = resize(NULL, 50), *q;
	volatile uint8_t *seen;
	volatile size_t huge = PTRDIFF_MAX;

	(void)state;
	assert_non_null(p);
	memset(p, PATTERN, 50);
	/* What cannot be had leaves the block as it was. */
	q = resize(p, huge);
	assert_null(q);
	assert_int_equal(left_over(hide(p), 0, 50), 50);
	assert_null(resize_array(p, huge, 4));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(left_over(hide(p), 0, 50), 50);
	seen = hide(p);
	assert_null(resize(p, 0));
	assert_int_equal(left_over(seen, 0, 50), 0);
	p = resize_array(NULL, 10, 10);
	assert_non_null(p);
	give_back(p);
}

/* The C library's own, and aligned blocks, come here too. */
static void
other_ways_in(void **state)
{
	char *line;
	size_t cap, n;
	void *aligned = NULL;
	volatile uint8_t *seen;
	FILE *f;

	(void)state;
	line = strdup("what the C library copies for its callers");
	assert_non_null(line);
	n = malloc_usable_size(line);
	seen = hide(line);
	for (size_t i = 0; i < n; i++)
		seen[i] = PATTERN;
	give_back(line);
	assert_int_equal(left_over(seen, 0, n), 0);

	assert_int_equal(posix_memalign(&aligned, 256, 300), 0);
	n = malloc_usable_size(aligned);
	seen = hide(aligned);
	for (size_t i = 0; i < n; i++)
		seen[i] = PATTERN;
	give_back(aligned);
	assert_int_equal(left_over(seen, 0, n), 0);

	/* getline() grows its block from inside the C library. */
	f = tmpfile();
	assert_non_null(f);
	for (int i = 0; i < 100000; i++)
		fputc(PATTERN, f);
	rewind(f);
	cap = 200;
	line = (char *)full_block(cap);
	n = malloc_usable_size(line);
	seen = hide(line);
	assert_int_equal(getline(&line, &cap, f), 100000);
	assert_ptr_not_equal(line, (void *)(uintptr_t)seen);
	assert_int_equal(left_over(seen, 0, n), 0);
	give_back(line);
	fclose(f);
}

static void
free_twice(void)
{
	void *p = malloc(48);
	volatile uint8_t *again = hide(p);

	give_back(p);
	give_back((void *)(uintptr_t)again);
}

/* Wiping must not blind glibc to a block that comes twice. */
static void
a_second_free_is_still_caught(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		fclose(stderr);
		free_twice();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
errno_is_kept(void **state)
{
	void *p = malloc(100);

	(void)state;
	errno = EPIPE;
	give_back(p);
	assert_int_equal(errno, EPIPE);
}

static void *
churn(void *arg)
{
	uint32_t x = (uint32_t)(uintptr_t)arg;
	uint8_t *held[64] = {NULL};

	for (int i = 0; i < 200000; i++) {
		size_t k, n;

		x = x * 1664525 + 1013904223;
		k = x >> 16 & 63;
		n = 1 + (x >> 8 & 0xfff);
		if (held[k] != NULL && (x & 3) == 0) {
			give_back(held[k]);
			held[k] = NULL;
		} else {
			held[k] = resize(held[k], n);
			if (held[k] == NULL)
				return arg;
			memset(held[k], (int)k, n);
		}
	}
	for (size_t k = 0; k < 64; k++)
		give_back(held[k]);
	return NULL;
}

static void
threads_can_use_it(void **state)
{
	pthread_t t[4];
	void *bad;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn,
				     (void *)(uintptr_t)(i + 1)),
		    0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(freed_blocks_hold_nothing),
	    cmocka_unit_test(control_glibc_leaves_all_but_its_links),
	    cmocka_unit_test(moved_blocks_hold_nothing),
	    cmocka_unit_test(what_a_block_gives_up_is_wiped),
	    cmocka_unit_test(realloc_at_its_edges),
	    cmocka_unit_test(other_ways_in),
	    cmocka_unit_test(a_second_free_is_still_caught),
	    cmocka_unit_test(errno_is_kept),
	    cmocka_unit_test(threads_can_use_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* The sanitizers bring an allocator of their own. */
static void
not_under_the_sanitizers(void **state)
{
	(void)state;
	print_message("# not under the sanitizers\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(not_under_the_sanitizers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
