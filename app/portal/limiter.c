/*
 * limiter.c: a table of slots that clients share by hash. Two clients in one slot
 * share its count: the table errs towards the limit, and the seed keeps anyone from
 * choosing whom to share with.
 */
#include "portal/limiter.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/secret.h"

#define SLOTS   8192
#define HOUR_MS (60 * 60 * INT64_C(1000))

struct slot {
	int64_t since;
	unsigned count;
};

struct limiter {
	pthread_mutex_t lock;
	uint64_t seed;
	unsigned per_hour;
	struct slot slot[SLOTS];
};

struct limiter *
limiter_new(unsigned per_hour)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	secret_random(&l->seed, sizeof(l->seed));
	l->per_hour = per_hour;
	return l;
}

void
limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* The client's slot, its count begun anew after an hour. Locked. */
static struct slot *
slot_of(struct limiter *l, const char *client, int64_t now)
{
	uint64_t h = l->seed;
	struct slot *s;

	for (; *client != '\0'; client++) {
		h ^= (unsigned char)*client;
		h *= UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	s = &l->slot[h % SLOTS];
	if (s->count > 0 && now - s->since >= HOUR_MS)
		s->count = 0;
	if (s->count == 0)
		s->since = now;
	return s;
}

bool
limiter_full(struct limiter *l, const char *client, int64_t now)
{
	bool full;

	pthread_mutex_lock(&l->lock);
	full = slot_of(l, client, now)->count >= l->per_hour;
	pthread_mutex_unlock(&l->lock);
	return full;
}

void
limiter_count(struct limiter *l, const char *client, int64_t now)
{
	struct slot *s;

	pthread_mutex_lock(&l->lock);
	s = slot_of(l, client, now);
	if (s->count < l->per_hour)
		s->count++;
	pthread_mutex_unlock(&l->lock);
}
