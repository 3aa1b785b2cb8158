/*
 * buf.h: a growing array of bytes. Its memory is wiped when it moves and when
 * it is freed, so that clear text does not stay behind.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* NULL while empty; buf_cstr() adds a NUL past len */
	size_t len;
	size_t cap;
};

#define BUF_INIT           \
	{                  \
		NULL, 0, 0 \
	}

/* All of these return 0, or -1 when memory is out (the contents stay as they were). */
int buf_reserve(struct buf *b, size_t more) __attribute__((warn_unused_result));
int buf_add(struct buf *b, const void *p, size_t n)
    __attribute__((warn_unused_result));
int buf_adds(struct buf *b, const char *s) __attribute__((warn_unused_result));
int buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
/* Big-endian integers. */
int buf_add_u8(struct buf *b, uint8_t v) __attribute__((warn_unused_result));
int buf_add_u32(struct buf *b, uint32_t v) __attribute__((warn_unused_result));
int buf_add_u64(struct buf *b, uint64_t v) __attribute__((warn_unused_result));

/* The same into bytes that are there already. */
void be32_put(uint8_t out[4], uint32_t v);
void be64_put(uint8_t out[8], uint64_t v);

/* The contents as a C string (a NUL is kept behind them); "" when memory is out. */
const char *buf_cstr(struct buf *b);

/* Drops the first n bytes. */
void buf_drop(struct buf *b, size_t n);

/* Wipes and empties, keeping the memory. */
void buf_clear(struct buf *b);

/* Wipes and frees; the buffer can be used again. */
void buf_free(struct buf *b);

/* A reader over bytes that are not its own, for the decoders of our formats. */
struct reader {
	const uint8_t *p;
	size_t left;
	int bad; /* set by the first read past the end; then all reads give 0 */
};

void reader_init(struct reader *r, const void *p, size_t n);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* The next n bytes in place, or NULL past the end. */
const uint8_t *reader_bytes(struct reader *r, size_t n);

#endif
