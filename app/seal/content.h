/*
 * content.h: content of any length sealed in chunks with random access ("RSC1").
 * Chunks of 64 KiB of clear text, each compressed by itself with zstd where that
 * helps, sealed under a key derived from the message's data key; index and final
 * flag in the nonce; header, tenant, message and part as associated data.
 * doc/SEALED-FORMAT.md 7.
 */
#ifndef SEAL_CONTENT_H
#define SEAL_CONTENT_H

#include "seal/wrap.h"
#include "seal/kdf.h"

#define SEAL_CHUNK          65536 /* clear bytes a chunk; only the last is shorter */
#define SEAL_CHUNK_MAX      (SEAL_CHUNK + 1 + 16) /* sealed bytes at most */
#define SEAL_CONTENT_HEADER 96
/* A loose chunk carries the random part of its nonce in front. */
#define SEAL_LOOSE     15
#define SEAL_LOOSE_MAX (SEAL_LOOSE + SEAL_CHUNK_MAX)

/* Called with each sealed chunk in turn, seq from 0. 0, or -1 to stop with *e set. */
typedef int (*seal_sink)(
    void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e);

struct seal_writer;
/*
 * part 0 is the raw message. The writer keeps a wiped copy of what it needs of the key.
 * NULL when memory is out.
 */
struct seal_writer *seal_writer_new(const uint8_t dek[SECRET_KEY_LEN],
    const struct id *tenant, const struct id *message, uint32_t part,
    seal_sink sink, void *arg) __attribute__((warn_unused_result));
int seal_writer_add(struct seal_writer *w, const void *p, size_t n,
    struct err *e) __attribute__((warn_unused_result));
/*
 * Whoever adds no more than there is room for chooses where sealing is done: a chunk that is
 * full waits until it is known not to be the last, and is then sealed by what is added next,
 * or before that by seal_writer_seal().
 */
size_t seal_writer_room(const struct seal_writer *w);
int seal_writer_seal(struct seal_writer *w, struct err *e)
    __attribute__((warn_unused_result));
/* Seals the last chunk (empty content is one empty chunk). */
int seal_writer_end(struct seal_writer *w, struct err *e)
    __attribute__((warn_unused_result));
/*
 * Before that: what was added behind the chunks sealed so far, in clear; NULL when that is
 * nothing, or it was ended. Good until the writer is used again.
 */
const uint8_t *seal_writer_clear(const struct seal_writer *w, size_t *n);
uint64_t seal_writer_size(const struct seal_writer *w); /* clear bytes so far */
uint32_t seal_writer_chunks(const struct seal_writer *w); /* chunks so far */
const uint8_t *seal_writer_header(
    const struct seal_writer *w);             /* SEAL_CONTENT_HEADER bytes */
void seal_writer_free(struct seal_writer *w); /* wipes; NULL is fine */

/*
 * Loose content: chunks sealed one by one, in any order, at any time, by whoever has key and
 * header; the same one twice, too, whatever is in it. The header's flag says so, and the
 * same opener opens it.
 */
struct seal_chunker;
/* A new one's header. */
void seal_loose_header(const uint8_t dek[SECRET_KEY_LEN],
    const struct id *tenant, const struct id *file, uint32_t part,
    uint8_t header[SEAL_CONTENT_HEADER]);
/* Checks header and key commitment: ERR_DENIED, ERR_CORRUPT. */
int seal_chunker_new(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *file, uint32_t part,
    const uint8_t header[SEAL_CONTENT_HEADER], struct seal_chunker **out,
    struct err *e) __attribute__((warn_unused_result));
/*
 * Appends chunk seq sealed. n is SEAL_CHUNK, or less for the last. Where the first ones did
 * not shrink, those that follow are not tried.
 */
int seal_chunker_add(struct seal_chunker *c, uint32_t seq, int final,
    const void *p, size_t n, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
void seal_chunker_free(struct seal_chunker *c); /* wipes; NULL is fine */

struct seal_opener;
/* Checks header and key commitment: ERR_DENIED, ERR_CORRUPT. */
int seal_opener_new(const uint8_t dek[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *message, uint32_t part,
    const uint8_t header[SEAL_CONTENT_HEADER], struct seal_opener **out,
    struct err *e) __attribute__((warn_unused_result));
/*
 * Appends the clear bytes of chunk seq; final says whether it must be the last. With room
 * for SEAL_CHUNK + 1 bytes in out nothing is moved.
 */
int seal_opener_chunk(struct seal_opener *o, uint32_t seq, int final,
    const void *sealed, size_t n, struct buf *out, struct err *e)
    __attribute__((warn_unused_result));
void seal_opener_free(struct seal_opener *o);

#endif
