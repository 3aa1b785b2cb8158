/*
 * secret.h: memory for secrets. A `struct secret` lies in guarded, locked
 * pages that stay out of core files, and is wiped when it is freed. Short-lived
 * keys on the stack are plain arrays, wiped with secret_wipe() on every path.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY_LEN 32 /* every symmetric key of ours, in bytes */

struct secret;

/*
 * Must be called once at start, before any thread: initialises libsodium and
 * checks that memory can be locked. 0, or -1 when it cannot (the caller says so
 * and ends, or goes on where RESTANTE_ALLOW_UNLOCKED is set).
 */
int secret_init(void);

/* len zero bytes; NULL when memory is out. */
struct secret *secret_new(size_t len) __attribute__((warn_unused_result));
/* A copy of n bytes. */
struct secret *secret_copy(const void *p, size_t n)
    __attribute__((warn_unused_result));
uint8_t *secret_data(struct secret *s);
const uint8_t *secret_peek(const struct secret *s);
/* Wipes and frees; NULL is fine. */
void secret_free(struct secret *s);

/* Overwrites; never optimised away. NULL with n = 0 is fine. */
void secret_wipe(void *p, size_t n);
/* Constant time in n. */
bool secret_equal(const void *a, const void *b, size_t n);
/* Fills with random bytes from the system. */
void secret_random(void *p, size_t n);
/* A short keyed hash, for tables whose keys strangers choose. */
uint64_t secret_hash(
    const uint8_t key[SECRET_KEY_LEN], const void *p, size_t n);
/* Uniform in 0 .. below - 1. */
uint32_t secret_uniform(uint32_t below);

#endif
