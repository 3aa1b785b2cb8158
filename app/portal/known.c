/*
 * known.c: a table of buckets; a full one forgets its oldest. Who asks takes no lock: the
 * event loop does not wait for a thread that hashes, which may not run for seconds. What it
 * sees while an entry changes is of that session or of the one before, and good for that.
 */
#include "portal/known.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/secret.h"
#include "base/text.h"

#define BUCKETS 2048
#define WAYS    8
#define SID_LEN 16 /* of the cookie, before its secret */
#define GOOD_MS (LIMIT_SESSION_IDLE_MIN * 60 * INT64_C(1000))

struct entry {
	_Atomic uint64_t tag; /* 0: free */
	_Atomic int64_t until;
};

struct known {
	pthread_mutex_t lock;
	uint8_t key[SECRET_KEY_LEN];
	struct entry entry[BUCKETS][WAYS]; /* changed under lock */
};

struct known *
known_new(void)
{
	struct known *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	pthread_mutex_init(&k->lock, NULL);
	secret_random(k->key, sizeof(k->key));
	return k;
}

void
known_free(struct known *k)
{
	if (k == NULL)
		return;
	pthread_mutex_destroy(&k->lock);
	secret_wipe(k, sizeof(*k));
	free(k);
}

/* 0 for what is no cookie. */
static uint64_t
tag_of(const struct known *k, const char *cookie)
{
	uint8_t raw[(DESK_COOKIE_LEN - 1) * 3 / 4];
	uint64_t tag = 0;

	if (text_unbase64url(cookie, raw, sizeof(raw)) == 0)
		tag = secret_hash(k->key, raw, SID_LEN) | 1;
	secret_wipe(raw, sizeof(raw));
	return tag;
}

/* Its entry, or NULL. */
static struct entry *
find(struct known *k, uint64_t tag)
{
	struct entry *bucket = k->entry[(tag >> 8) % BUCKETS];

	for (size_t i = 0; tag != 0 && i < WAYS; i++)
		if (bucket[i].tag == tag)
			return &bucket[i];
	return NULL;
}

/* The one to be forgotten for a new one. Locked. */
static struct entry *
oldest(struct known *k, uint64_t tag)
{
	struct entry *bucket = k->entry[(tag >> 8) % BUCKETS];
	struct entry *old = &bucket[0];

	for (size_t i = 1; i < WAYS; i++)
		if (bucket[i].until < old->until)
			old = &bucket[i];
	return old;
}

void
known_add(struct known *k, const char cookie[DESK_COOKIE_LEN], int64_t now)
{
	uint64_t tag = tag_of(k, cookie);
	struct entry *e;

	if (tag == 0)
		return;
	pthread_mutex_lock(&k->lock);
	e = find(k, tag);
	if (e == NULL)
		e = oldest(k, tag);
	/* Never another's name with this one's time. */
	if (e->tag != tag)
		e->tag = 0;
	e->until = now + GOOD_MS;
	e->tag = tag;
	pthread_mutex_unlock(&k->lock);
}

uint64_t
known_has(struct known *k, const char cookie[DESK_COOKIE_LEN], int64_t now)
{
	uint64_t tag = tag_of(k, cookie);
	const struct entry *e = find(k, tag);

	return e != NULL && e->until > now ? tag : 0;
}

void
known_drop(struct known *k, const char cookie[DESK_COOKIE_LEN])
{
	uint64_t tag = tag_of(k, cookie);
	struct entry *e;

	pthread_mutex_lock(&k->lock);
	e = find(k, tag);
	if (e != NULL) {
		e->tag = 0;
		e->until = 0;
	}
	pthread_mutex_unlock(&k->lock);
}
