/*
 * kept.c: a table of sealed pages, one a session.
 */
#include "desk/kept.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"

struct kept_page {
	uint8_t session[32];
	uint8_t name[32];
	struct buf sealed;  /* empty: a free place */
	int64_t made, used; /* ms */
};

struct kept {
	pthread_mutex_t lock;
	struct kept_page page[KEPT_PAGES];
};

struct kept *
kept_new(void)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (k != NULL)
		pthread_mutex_init(&k->lock, NULL);
	return k;
}

static void
drop(struct kept_page *p)
{
	buf_free(&p->sealed);
	secret_wipe(p, sizeof(*p));
}

void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < KEPT_PAGES; i++)
		drop(&k->page[i]);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* The session's place; else NULL. Ends the time of others on the way. Locked. */
static struct kept_page *
place_of(struct kept *k, const uint8_t session[32], int64_t now)
{
	struct kept_page *found = NULL, *p;

	for (p = k->page; p < k->page + KEPT_PAGES; p++) {
		if (p->sealed.len == 0)
			continue;
		if (now - p->made >= KEPT_SECONDS * INT64_C(1000))
			drop(p);
		else if (memcmp(p->session, session, 32) == 0)
			found = p;
	}
	return found;
}

/* A free place, or that of the longest unused. Locked. */
static struct kept_page *
make_room(struct kept *k)
{
	struct kept_page *oldest = k->page, *p;

	for (p = k->page; p < k->page + KEPT_PAGES; p++) {
		if (p->sealed.len == 0)
			return p;
		if (p->used < oldest->used)
			oldest = p;
	}
	return oldest;
}

void
kept_put(struct kept *k, const uint8_t session[32], const uint8_t name[32],
    const struct buf *sealed)
{
	int64_t now = clock_mono_ms();
	struct kept_page *p;

	if (sealed->len == 0 || sealed->len > KEPT_BYTES)
		return;
	pthread_mutex_lock(&k->lock);
	if ((p = place_of(k, session, now)) == NULL)
		p = make_room(k);
	drop(p);
	if (buf_add(&p->sealed, sealed->data, sealed->len) == 0) {
		memcpy(p->session, session, 32);
		memcpy(p->name, name, 32);
		p->made = p->used = now;
	}
	pthread_mutex_unlock(&k->lock);
}

bool
kept_get(struct kept *k, const uint8_t session[32], const uint8_t name[32],
    struct buf *out)
{
	int64_t now = clock_mono_ms();
	struct kept_page *p;
	bool ok = false;

	pthread_mutex_lock(&k->lock);
	p = place_of(k, session, now);
	if (p != NULL && secret_equal(p->name, name, 32)) {
		ok = buf_add(out, p->sealed.data, p->sealed.len) == 0;
		p->used = now;
	}
	pthread_mutex_unlock(&k->lock);
	return ok;
}

void
kept_forget(struct kept *k, const uint8_t session[32])
{
	struct kept_page *p;

	pthread_mutex_lock(&k->lock);
	if ((p = place_of(k, session, clock_mono_ms())) != NULL)
		drop(p);
	pthread_mutex_unlock(&k->lock);
}
