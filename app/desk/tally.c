/*
 * tally.c: rows of a few marks each. A mark is brought up to date when it is looked at.
 */
#include "desk/tally.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define ROW 8 /* marks */

struct mark {
	struct rate_key key;
	bool asked;    /* or counted, since the last news */
	int64_t began; /* the window; 0: nobody's mark */
	uint64_t used, before;
	uint64_t untold; /* of used */
	uint64_t owed;   /* the same of before */
};

struct tally {
	uint8_t secret[SECRET_KEY_LEN];
	int64_t window;
	size_t rows; /* a power of two */
	uint64_t displaced;
	struct mark *mark;
};

struct tally *
tally_new(size_t keys, int64_t window)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	secret_random(t->secret, sizeof(t->secret));
	t->window = window;
	t->rows = 1;
	while (t->rows * ROW < keys)
		t->rows *= 2;
	if ((t->mark = calloc(t->rows * ROW, sizeof(*t->mark))) == NULL) {
		tally_free(t);
		return NULL;
	}
	return t;
}

void
tally_free(struct tally *t)
{
	if (t == NULL)
		return;
	free(t->mark);
	secret_wipe(t, sizeof(*t));
	free(t);
}

static int64_t
window_of(const struct tally *t, int64_t now)
{
	return now - now % t->window;
}

/* A clock that was put back counts on in the window it had reached. */
static void
bring_up(const struct tally *t, struct mark *m, int64_t now)
{
	int64_t began = window_of(t, now);

	if (m->began >= began)
		return;
	if (m->began == began - t->window) {
		m->before = m->used;
		m->owed = m->untold;
	} else {
		m->before = m->owed = 0;
	}
	m->used = 0;
	m->untold = 0;
	m->began = began;
}

/* Of a mark that was brought up. */
static uint64_t
weight(const struct tally *t, const struct mark *m, int64_t now)
{
	int64_t left = m->began + t->window - now;

	if (left < 0)
		left = 0;
	if (left > t->window)
		left = t->window;
	/* In milliseconds, or the product might be too large. */
	return m->used +
	    m->before * (uint64_t)(left / 1000) / (uint64_t)(t->window / 1000);
}

static struct mark *
row_of(const struct tally *t, const struct rate_key *key)
{
	uint64_t h = secret_hash(t->secret, key, sizeof(*key));

	return &t->mark[(h & (t->rows - 1)) * ROW];
}

static struct mark *
find(const struct tally *t, const struct rate_key *key)
{
	struct mark *row = row_of(t, key);

	for (int i = 0; i < ROW; i++)
		if (row[i].began != 0 &&
		    memcmp(&row[i].key, key, sizeof(*key)) == 0)
			return &row[i];
	return NULL;
}

/* The mark of a new key. */
static struct mark *
place(struct tally *t, const struct rate_key *key, int64_t now)
{
	struct mark *row = row_of(t, key), *least = NULL;
	uint64_t w, lowest = UINT64_MAX;

	for (int i = 0; i < ROW && lowest > 0; i++) {
		bring_up(t, &row[i], now);
		if ((w = weight(t, &row[i], now)) < lowest) {
			lowest = w;
			least = &row[i];
		}
	}
	if (least == NULL)
		least = row;
	t->displaced += lowest > 0;
	least->key = *key;
	least->untold = least->owed = 0;
	return least;
}

static struct mark *
mark_of(struct tally *t, const struct rate_key *key, int64_t now)
{
	struct mark *m = find(t, key);

	if (m == NULL)
		m = place(t, key, now);
	bring_up(t, m, now);
	m->asked = true;
	return m;
}

uint64_t
tally_look(struct tally *t, const struct rate_key *key, int64_t now)
{
	return weight(t, mark_of(t, key, now), now);
}

void
tally_add(struct tally *t, const struct rate_key *key, uint64_t n, int64_t now)
{
	struct mark *m = mark_of(t, key, now);

	m->used += n;
	m->untold += n;
}

static struct rate_count
news_of(const struct tally *t, const struct mark *m, int64_t began, uint64_t n)
{
	return (struct rate_count){
	    .key = m->key, .began = began, .span = t->window, .n = n};
}

size_t
tally_news(struct tally *t, size_t *at, int64_t now, struct rate_count *out,
    size_t cap)
{
	struct mark *m;
	size_t n = 0;

	/* Two of one mark at most. */
	for (; *at < t->rows * ROW && n + 1 < cap; ++*at) {
		m = &t->mark[*at];
		if (!m->asked)
			continue;
		bring_up(t, m, now);
		m->asked = false;
		if (m->owed > 0)
			out[n++] = news_of(t, m, m->began - t->window, m->owed);
		out[n++] = news_of(t, m, m->began, m->untold);
		m->untold = m->owed = 0;
	}
	return n;
}

static void
raise_to(uint64_t *count, uint64_t least)
{
	if (*count < least)
		*count = least;
}

void
tally_told(struct tally *t, const struct rate_count *c, size_t n, int64_t now)
{
	struct mark *m;

	for (size_t i = 0; i < n; i++) {
		if ((m = find(t, &c[i].key)) == NULL)
			continue;
		bring_up(t, m, now);
		if (m->began == c[i].began) {
			/* What was counted meanwhile they do not know yet. */
			raise_to(&m->used, c[i].used + m->untold);
			raise_to(&m->before, c[i].before);
		} else if (m->began == c[i].began + t->window) {
			raise_to(&m->before, c[i].used + m->owed);
		}
	}
}

void
tally_untold(struct tally *t, const struct rate_count *c, size_t n, int64_t now)
{
	struct mark *m;

	for (size_t i = 0; i < n; i++) {
		if ((m = find(t, &c[i].key)) == NULL)
			continue;
		bring_up(t, m, now);
		m->asked = true;
		if (m->began == c[i].began)
			m->untold += c[i].n;
		else if (m->began == c[i].began + t->window)
			m->owed += c[i].n;
	}
}

size_t
tally_keys(const struct tally *t, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < t->rows * ROW; i++)
		n += t->mark[i].began != 0 &&
		    t->mark[i].began + 2 * t->window > now &&
		    t->mark[i].used + t->mark[i].before > 0;
	return n;
}

uint64_t
tally_displaced(const struct tally *t)
{
	return t->displaced;
}
