/*
 * metrics_inside.h: what the files of the metrics share: the families, and the cells that
 * each has in a worker's column. For metrics*.c alone.
 */
#ifndef BASE_METRICS_INSIDE_H
#define BASE_METRICS_INSIDE_H

#include "base/metrics.h"

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_label {
	const char *name; /* NULL: none */
	const char *const *value;
};

struct metrics_family {
	const char *name;
	const char *help;
	enum metrics_kind kind;
	struct metrics_label a, b;
	bool seconds; /* held in microseconds */
	bool sparse;  /* zeros are not told */
};

extern const struct metrics_family metrics_family[METRICS];

/* How many values a label has in the cells; 1: there is no label. */
unsigned metrics_values(const struct metrics_label *l);
/* The value of a route's label; 0, "other": not told before, or NULL. */
unsigned metrics_route_place(const char *name);

/* Upper ends of a histogram's buckets, in microseconds; the last has none. */
#define METRICS_BOUNDS 15
#define METRICS_BUCKETS \
	(METRICS_BOUNDS + 2) /* one without an end, and the sum */
extern const int64_t metrics_bound[METRICS_BOUNDS];

/* The first cell of these values; SIZE_MAX: there is no such label's value. */
size_t metrics_place(enum metric m, unsigned a, unsigned b);
/* A cell's sum over all workers. */
int64_t metrics_total(size_t cell);
/* This worker was asked to tell: all of them look at themselves. */
void metrics_asked(void);
/* What this process is, as metrics_worker() was told. */
const char *metrics_role(void);

#endif
