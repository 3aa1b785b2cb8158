/*
 * secret.c: guarded memory, wiping, comparing and random bytes, all libsodium's.
 */
#include "base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TRIAL 65536

/* Freed ones the size of a key that are kept, wiped and out of reach, for the next. */
#define SPARE 64

struct secret {
	uint8_t *p; /* from sodium_malloc() */
	size_t len;
	struct secret *next;
};

static struct {
	pthread_mutex_t lock;
	struct secret *first;
	int n;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct secret *
spare_take(void)
{
	struct secret *s;

	pthread_mutex_lock(&spare.lock);
	if ((s = spare.first) != NULL) {
		spare.first = s->next;
		spare.n--;
	}
	pthread_mutex_unlock(&spare.lock);
	if (s != NULL && sodium_mprotect_readwrite(s->p) == -1) {
		/* Its address space stays lost. */
		free(s);
		return NULL;
	}
	return s;
}

static bool
spare_put(struct secret *s)
{
	bool room;

	if (s->len != SECRET_KEY_LEN)
		return false;
	sodium_memzero(s->p, s->len);
	if (sodium_mprotect_noaccess(s->p) == -1)
		return false;
	pthread_mutex_lock(&spare.lock);
	if ((room = spare.n < SPARE)) {
		s->next = spare.first;
		spare.first = s;
		spare.n++;
	}
	pthread_mutex_unlock(&spare.lock);
	return room;
}

/* sodium_malloc() goes on silently where memory cannot be locked. */
static int
lock_trial(void)
{
	void *p = malloc(LOCK_TRIAL);
	int r;

	if (p == NULL)
		return -1;
	r = sodium_mlock(p, LOCK_TRIAL);
	if (r == 0)
		r = sodium_munlock(p, LOCK_TRIAL);
	free(p);
	return r == 0 ? 0 : -1;
}

int
secret_init(void)
{
	const char *allow = getenv("RESTANTE_ALLOW_UNLOCKED");

	if (sodium_init() < 0)
		return -1;
	if (lock_trial() == 0)
		return 0;
	return allow != NULL && *allow != '\0' ? 0 : -1;
}

struct secret *
secret_new(size_t len)
{
	struct secret *s;

	if (len == SECRET_KEY_LEN && (s = spare_take()) != NULL)
		return s;
	if ((s = malloc(sizeof(*s))) == NULL)
		return NULL;
	s->len = len;
	s->p = sodium_malloc(len);
	if (s->p == NULL) {
		free(s);
		return NULL;
	}
	sodium_memzero(s->p, len);
	return s;
}

struct secret *
secret_copy(const void *p, size_t n)
{
	struct secret *s = secret_new(n);

	if (s != NULL && n > 0)
		memcpy(s->p, p, n);
	return s;
}

uint8_t *
secret_data(struct secret *s)
{
	return s->p;
}

const uint8_t *
secret_peek(const struct secret *s)
{
	return s->p;
}

void
secret_free(struct secret *s)
{
	if (s == NULL || spare_put(s))
		return;
	sodium_free(s->p);
	free(s);
}

void
secret_wipe(void *p, size_t n)
{
	if (n > 0)
		sodium_memzero(p, n);
}

bool
secret_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
secret_random(void *p, size_t n)
{
	randombytes_buf(p, n);
}

uint64_t
secret_hash(const uint8_t key[SECRET_KEY_LEN], const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t h;

	_Static_assert(crypto_shorthash_KEYBYTES <= SECRET_KEY_LEN, "key");
	_Static_assert(sizeof(out) == sizeof(h), "hash");
	(void)crypto_shorthash(out, p, n, key);
	memcpy(&h, out, sizeof(h));
	return h;
}

uint32_t
secret_uniform(uint32_t below)
{
	return randombytes_uniform(below);
}
