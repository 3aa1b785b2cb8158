/*
 * heap.h: bytes of memory this process has from its allocator, a sanitizer's or libc's.
 */
#ifndef UNIT_HEAP_H
#define UNIT_HEAP_H

#include <stddef.h>

#ifdef RESTANTE_SANITIZE
/* The sanitizers' own; not every compiler brings their header. */
size_t __sanitizer_get_current_allocated_bytes(void);
#else
#include <malloc.h>
#endif

static inline size_t
in_use(void)
{
#ifdef RESTANTE_SANITIZE
	return __sanitizer_get_current_allocated_bytes();
#else
	return mallinfo2().uordblks;
#endif
}

#endif
