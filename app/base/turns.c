/*
 * turns.c: a lane is a ring of lines, one line an owner who waits, found again by hash.
 * There are never more lines than jobs, so as many are made at the start as a lane may
 * hold jobs.
 */
#include "base/turns.h"

#include <stdlib.h>

#define OTHERS_TURN 4 /* of so many turns one is not the first lane's */

struct line {
	uint64_t owner;
	struct pool_job *first, *last;
	size_t n;
	struct line *next; /* in the ring, or of those nobody stands in */
	struct line *same; /* of one hash */
};

struct lane {
	struct line *last; /* whose turn comes last; its next is next; NULL */
	struct line *spare;
	struct line *lines;
	struct line **table;
	size_t waiting;
};

struct turns {
	size_t queue, share;
	size_t mask;     /* of the tables */
	unsigned passed; /* turns of the first lane while others waited */
	struct lane lane[POOL_LANES];
};

static int
lane_make(struct lane *l, size_t queue, size_t table)
{
	l->lines = calloc(queue, sizeof(*l->lines));
	l->table = calloc(table, sizeof(struct line *));
	if (l->lines == NULL || l->table == NULL)
		return -1;
	for (size_t i = 0; i < queue; i++) {
		l->lines[i].next = l->spare;
		l->spare = &l->lines[i];
	}
	return 0;
}

struct turns *
turns_new(size_t queue, size_t share)
{
	struct turns *t = calloc(1, sizeof(*t));
	size_t table = 1;

	if (t == NULL)
		return NULL;
	t->queue = queue;
	t->share = share > 0 && share < queue ? share : queue;
	while (table < queue)
		table *= 2;
	t->mask = table - 1;
	for (int i = 0; i < POOL_LANES; i++) {
		if (lane_make(&t->lane[i], queue, table) == -1) {
			turns_free(t);
			return NULL;
		}
	}
	return t;
}

void
turns_free(struct turns *t)
{
	if (t == NULL)
		return;
	for (int i = 0; i < POOL_LANES; i++) {
		free(t->lane[i].lines);
		free(t->lane[i].table);
	}
	free(t);
}

static struct line **
bucket(const struct turns *t, struct lane *l, uint64_t owner)
{
	uint64_t h = owner * UINT64_C(0x9e3779b97f4a7c15);

	return &l->table[(size_t)(h >> 32) & t->mask];
}

/* The line of an owner who waits already; what is nobody's waits for itself. */
static struct line *
line_of(const struct turns *t, struct lane *l, uint64_t owner)
{
	struct line *line;

	if (owner == 0)
		return NULL;
	line = *bucket(t, l, owner);
	while (line != NULL && line->owner != owner)
		line = line->same;
	return line;
}

static struct line *
line_begin(const struct turns *t, struct lane *l, uint64_t owner)
{
	struct line *line = l->spare, **at;

	l->spare = line->next;
	*line = (struct line){.owner = owner};
	if (l->last == NULL) {
		line->next = line;
	} else {
		line->next = l->last->next;
		l->last->next = line;
	}
	l->last = line;
	if (owner != 0) {
		at = bucket(t, l, owner);
		line->same = *at;
		*at = line;
	}
	return line;
}

/* The first of the ring, in which nobody stands any more. */
static void
line_end(const struct turns *t, struct lane *l, struct line *line)
{
	struct line **at;

	if (line == l->last)
		l->last = NULL;
	else
		l->last->next = line->next;
	if (line->owner != 0) {
		at = bucket(t, l, line->owner);
		while (*at != line)
			at = &(*at)->same;
		*at = line->same;
	}
	line->next = l->spare;
	l->spare = line;
}

int
turns_add(struct turns *t, struct pool_job *job)
{
	struct lane *l = &t->lane[job->lane];
	struct line *line = line_of(t, l, job->owner);

	if (line != NULL && line->n >= t->share)
		return POOL_GREEDY;
	if (l->waiting >= t->queue)
		return POOL_FULL;
	if (line == NULL)
		line = line_begin(t, l, job->owner);
	job->next = NULL;
	if (line->n++ == 0)
		line->first = job;
	else
		line->last->next = job;
	line->last = job;
	l->waiting++;
	return 0;
}

static struct pool_job *
lane_take(const struct turns *t, struct lane *l)
{
	struct line *line = l->last->next;
	struct pool_job *job = line->first;

	line->first = job->next;
	l->waiting--;
	if (--line->n == 0)
		line_end(t, l, line);
	else
		l->last = line; /* to the end of the ring */
	return job;
}

struct pool_job *
turns_take(struct turns *t)
{
	struct lane *first = &t->lane[POOL_FIRST], *other = first + 1;

	while (other < &t->lane[POOL_LANES] && other->waiting == 0)
		other++;
	if (other == &t->lane[POOL_LANES]) {
		t->passed = 0;
		return first->waiting > 0 ? lane_take(t, first) : NULL;
	}
	if (first->waiting > 0 && t->passed < OTHERS_TURN - 1) {
		t->passed++;
		return lane_take(t, first);
	}
	t->passed = 0;
	return lane_take(t, other);
}

size_t
turns_waiting(const struct turns *t, enum pool_lane lane)
{
	return t->lane[lane].waiting;
}
