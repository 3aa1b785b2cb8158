/*
 * wipe.c: free() and realloc() that wipe, for the whole program: GMime, libxml2,
 * OpenSSL and libpq copy what they read and give it back as it is. Stands before
 * glibc's own, whose blocks they are; not linked under the sanitizers.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);

/*
 * glibc marks the second word of a small block it has taken back, and ends the
 * program when a block so marked comes again. Wiping would rub the mark out
 * before glibc looks, so the mark is learnt here and left standing.
 */
static uintptr_t freed_mark;

__attribute__((constructor)) static void
learn_mark(void)
{
	volatile uintptr_t *p = __libc_malloc(4 * sizeof(*p));

	if (p == NULL)
		return;
	p[1] = 0;
	__libc_free((void *)(uintptr_t)p);
	freed_mark = p[1];
}

void
free(void *p)
{
	uintptr_t *word = p, second;
	size_t n;

	if (p == NULL)
		return;
	n = malloc_usable_size(p);
	second = n >= 2 * sizeof(*word) ? word[1] : 0;
	explicit_bzero(p, n);
	if (second != 0 && second == freed_mark)
		word[1] = second;
	__libc_free(p);
}

void *
realloc(void *p, size_t n)
{
	size_t have;
	void *q;

	if (p == NULL)
		return __libc_malloc(n);
	if (n == 0) {
		free(p);
		return NULL;
	}
	have = malloc_usable_size(p);
	/* Not worth a move: only what is given up is wiped. */
	if (n <= have && n >= have / 2) {
		explicit_bzero((char *)p + n, have - n);
		return p;
	}
	q = __libc_malloc(n);
	if (q == NULL)
		return NULL;
	memcpy(q, p, n < have ? n : have);
	free(p);
	return q;
}

/* glibc's own would do, were it sure to come here for its realloc(). */
void *
reallocarray(void *p, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, n);
}
