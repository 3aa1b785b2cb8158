/*
 * counts.c: see counts.h.
 */
#include "keyd/counts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "keyd/files.h"

#define HOUR    3600
#define DAY     86400
#define WAYS    16
#define TAG_LEN 16

#define FILE_NAME 32

/* As on disk, in the machine's own byte order: the file never leaves it. */
struct row {
	uint8_t tag[TAG_LEN];
	uint32_t last;  /* second of the newest use; 0 in an empty row */
	uint32_t start; /* of the hour counted, where there is no ring */
	uint32_t count; /* within that hour */
	uint32_t head;  /* place of the newest use in the ring */
	uint32_t ring[];
};

struct rule {
	const char *file;
	const char *name;
	uint32_t hour;
	uint32_t day;  /* 0: none */
	uint32_t ring; /* uses remembered one by one; 0: only counted */
	size_t sets;
};

static const struct rule rules[KEYD_BUDGETS] = {
    [KEYD_B_PASSWORD] = {"count.password", "password", LIMIT_PASSWORD_HOUR,
	LIMIT_PASSWORD_DAY, LIMIT_PASSWORD_DAY, 512},
    [KEYD_B_CODE] = {"count.code", "code", LIMIT_CODES_HOUR, 0,
	LIMIT_CODES_HOUR, 512},
    [KEYD_B_REGISTRATION] = {"count.registration", "registration",
	LIMIT_CODE_TRIES, 0, LIMIT_CODE_TRIES, 256},
    [KEYD_B_TOKEN] = {"count.token", "token", LIMIT_TOKEN_HOUR, 0, 0, 512},
    [KEYD_B_RELEASE] = {"count.release", "release", LIMIT_RELEASES_HOUR, 0, 0,
	512},
};

struct keyd_counts {
	const struct keyd_keys *keys;
	struct keyd_table table[KEYD_BUDGETS];
};

/* A limit that was changed begins a table of another shape, under a name of its own. */
static void
file_name(const struct rule *r, char out[FILE_NAME])
{
	if (r->ring == 0)
		snprintf(out, FILE_NAME, "%s", r->file);
	else
		snprintf(out, FILE_NAME, "%s.%u", r->file, (unsigned)r->ring);
}

struct keyd_counts *
keyd_counts_open(int dir, const struct keyd_keys *k, bool first, struct err *e)
{
	struct keyd_counts *c = calloc(1, sizeof(*c));
	char name[FILE_NAME];
	const struct rule *r;
	bool fresh;
	int i;

	if (c == NULL) {
		err_set(e, ERR_UNAVAILABLE, "memory is out");
		return NULL;
	}
	c->keys = k;
	for (i = 0; i < KEYD_BUDGETS; i++) {
		r = &rules[i];
		file_name(r, name);
		if (keyd_table_open(dir, name,
			sizeof(struct row) + r->ring * sizeof(uint32_t), WAYS,
			r->sets, &c->table[i], &fresh, e) == -1) {
			keyd_counts_close(c);
			return NULL;
		}
		if (fresh && !first)
			log_line(
			    LOG_LEVEL_WARN, NULL, "new table", "file=%s", name);
	}
	return c;
}

void
keyd_counts_close(struct keyd_counts *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < KEYD_BUDGETS; i++)
		keyd_table_close(&c->table[i]);
	free(c);
}

static uint32_t
seconds(int64_t now)
{
	return (uint32_t)(now / CLOCK_SECOND);
}

/* How much longer, of `window` seconds, a use at `then` counts. */
static uint32_t
left(uint32_t then, uint32_t now, uint32_t window)
{
	if (then == 0)
		return 0;
	if (then > now)
		return window;
	return now - then < window ? window - (now - then) : 0;
}

/* The nth newest use, n from 1. */
static uint32_t
nth(const struct rule *r, const struct row *w, uint32_t n)
{
	return w->ring[(w->head % r->ring + r->ring - (n - 1)) % r->ring];
}

static uint32_t
wait_of(const struct rule *r, const struct row *w, uint32_t now)
{
	uint32_t hour, day = 0;

	if (r->ring == 0)
		return w->count < r->hour ? 0 : left(w->start, now, HOUR);
	hour = left(nth(r, w, r->hour), now, HOUR);
	if (r->day > 0)
		day = left(nth(r, w, r->day), now, DAY);
	return hour > day ? hour : day;
}

static uint32_t
used_within(const struct rule *r, const struct row *w, uint32_t now,
    uint32_t window, uint32_t most)
{
	uint32_t n;

	for (n = 0; n < most && left(nth(r, w, n + 1), now, window) > 0; n++)
		;
	return n;
}

/* Thousandths of its budget that a row has used. */
static uint32_t
load_of(const struct rule *r, const struct row *w, uint32_t now)
{
	uint32_t hour, day = 0;

	if (r->ring == 0) {
		if (left(w->start, now, HOUR) == 0)
			return 0;
		return w->count >= r->hour ? 1000 : w->count * 1000 / r->hour;
	}
	hour = used_within(r, w, now, HOUR, r->hour) * 1000 / r->hour;
	if (r->day > 0)
		day = used_within(r, w, now, DAY, r->day) * 1000 / r->day;
	return hour > day ? hour : day;
}

static struct row *
row_at(const struct keyd_table *t, void *set, size_t i)
{
	return (struct row *)(void *)((uint8_t *)set + i * t->record);
}

/* The row whose loss is smallest: empty, else least used, else oldest. */
static struct row *
least(const struct rule *r, const struct keyd_table *t, void *set, uint32_t now)
{
	struct row *w, *best = row_at(t, set, 0);
	uint32_t load, best_load = load_of(r, best, now);
	size_t i;

	for (i = 1; i < t->ways; i++) {
		w = row_at(t, set, i);
		load = load_of(r, w, now);
		if (load < best_load ||
		    (load == best_load && w->last < best->last)) {
			best = w;
			best_load = load;
		}
	}
	return best;
}

/* The subject's row; when it has none, the one it would take over, or takes over now. */
static struct row *
find(struct keyd_counts *c, const struct keyd_subject *s, uint32_t now,
    bool claim)
{
	const struct rule *r = &rules[s->budget];
	struct keyd_table *t = &c->table[s->budget];
	struct seal_field f[] = {SEAL_FSTR(r->name), SEAL_FID(s->tenant),
	    SEAL_F(s->who, s->who_len)};
	uint8_t tag[32];
	uint64_t hash;
	struct row *w;
	void *set;
	size_t i;

	seal_kdf(tag, sizeof(tag), keyd_keys_get(c->keys, KEYD_COUNT),
	    SEAL_L_COUNT, f, 3);
	memcpy(&hash, tag + TAG_LEN, sizeof(hash));
	set = keyd_table_set(t, hash);
	for (i = 0; i < t->ways; i++) {
		w = row_at(t, set, i);
		if (w->last != 0 && memcmp(w->tag, tag, TAG_LEN) == 0)
			return w;
	}
	w = least(r, t, set, now);
	if (!claim)
		return w;
	/* What still counts of the old row stays in it: see counts.h. */
	if (w->last != 0 && load_of(r, w, now) == 0)
		memset(w, 0, t->record);
	memcpy(w->tag, tag, TAG_LEN);
	return w;
}

int
keyd_counts_wait(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now)
{
	const struct row *w = find(c, s, seconds(now), false);

	return (int)wait_of(&rules[s->budget], w, seconds(now));
}

void
keyd_counts_add(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now)
{
	const struct rule *r = &rules[s->budget];
	uint32_t t = seconds(now);
	struct row *w = find(c, s, t, true);

	if (r->ring > 0) {
		w->ring[(w->head + 1) % r->ring] = t;
		w->head = (w->head + 1) % r->ring;
	} else if (left(w->start, t, HOUR) == 0) {
		w->count = 1;
		w->start = t;
	} else if (w->count < UINT32_MAX) {
		w->count++;
	}
	w->last = t;
}

int
keyd_counts_take(
    struct keyd_counts *c, const struct keyd_subject *s, int64_t now)
{
	struct row *w = find(c, s, seconds(now), true);
	uint32_t wait = wait_of(&rules[s->budget], w, seconds(now));

	if (wait == 0)
		keyd_counts_add(c, s, now);
	return (int)wait;
}
