/*
 * metrics.c: one flat table of numbers a worker; each family of metrics owns a run of
 * cells in it, one for each combination of its labels' values.
 */
#include "base/metrics_inside.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WORKERS_MAX 32
#define CELLS       2048

const int64_t metrics_bound[METRICS_BOUNDS] = {500, 1000, 2500, 5000, 10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
    60000000};

struct column {
	_Atomic int64_t cell[CELLS];
	atomic_uint asked; /* how often this worker was asked to tell */
};

static struct column alone; /* of a process that shares nothing */
static struct column *shared = &alone;
static unsigned n_column = 1;
static struct column *mine = &alone;
static const char *role_name = "-";
static uint64_t fds_max;
static int statm = -1;
static unsigned looked; /* times_asked() at the last look at this process */

/* ---- places ---- */

static size_t
cells(const struct metrics_family *f)
{
	size_t each = f->kind == METRICS_HISTOGRAM ? METRICS_BUCKETS : 1;

	return each * metrics_values(&f->a) * metrics_values(&f->b);
}

static size_t begin_of[METRICS + 1];

__attribute__((constructor)) static void
lay_out(void)
{
	for (int m = 0; m < METRICS; m++)
		begin_of[m + 1] = begin_of[m] + cells(&metrics_family[m]);
	if (begin_of[METRICS] > CELLS)
		abort();
}

size_t
metrics_place(enum metric m, unsigned a, unsigned b)
{
	const struct metrics_family *f = &metrics_family[m];
	size_t each = f->kind == METRICS_HISTOGRAM ? METRICS_BUCKETS : 1;

	if (a >= metrics_values(&f->a) || b >= metrics_values(&f->b))
		return SIZE_MAX;
	return begin_of[m] + each * (a * metrics_values(&f->b) + b);
}

static void
add(size_t i, int64_t n)
{
	(void)atomic_fetch_add_explicit(
	    &mine->cell[i], n, memory_order_relaxed);
}

int64_t
metrics_total(size_t i)
{
	int64_t sum = 0;

	for (unsigned w = 0; w < n_column; w++)
		sum += atomic_load_explicit(
		    &shared[w].cell[i], memory_order_relaxed);
	return sum;
}

/* ---- the process ---- */

static int64_t
resident(void)
{
	char text[128];
	const char *space;
	ssize_t n;

	if (statm == -1 || (n = pread(statm, text, sizeof(text) - 1, 0)) <= 0)
		return 0;
	text[n] = '\0';
	if ((space = strchr(text, ' ')) == NULL)
		return 0;
	return strtoll(space, NULL, 10) * sysconf(_SC_PAGESIZE);
}

/* The directory of descriptors is root's where a process does not dump core. */
static int64_t
descriptors(void)
{
	int64_t n = 0;

	for (uint64_t fd = 0; fd < fds_max; fd++)
		n += fcntl((int)fd, F_GETFD) != -1;
	return n;
}

static void
look_at_process(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == 0)
		metrics_set(METRIC_CPU, 0, 0,
		    (int64_t)ts.tv_sec * CLOCK_SECOND + ts.tv_nsec / 1000);
	metrics_set(METRIC_MEMORY, 0, 0, resident());
	metrics_set(METRIC_FDS, 0, 0, descriptors());
	metrics_set(METRIC_FDS_MAX, 0, 0, (int64_t)fds_max);
}

static unsigned
times_asked(void)
{
	unsigned n = 0;

	for (unsigned w = 0; w < n_column; w++)
		n += atomic_load(&shared[w].asked);
	return n;
}

void
metrics_process(void)
{
	unsigned asked = times_asked();

	if (asked == looked)
		return;
	looked = asked;
	look_at_process();
}

void
metrics_asked(void)
{
	(void)atomic_fetch_add(&mine->asked, 1);
	metrics_process();
}

const char *
metrics_role(void)
{
	return role_name;
}

/* ---- at start ---- */

int
metrics_share(void)
{
	void *p = mmap(NULL, WORKERS_MAX * sizeof(struct column),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	shared = mine = p;
	n_column = WORKERS_MAX;
	return 0;
}

void
metrics_worker(unsigned number, const char *role, uint64_t max_fds)
{
	mine = &shared[number % n_column];
	role_name = role;
	fds_max = max_fds;
	if (statm == -1)
		statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	for (int m = 0; m < METRICS; m++) {
		if (metrics_family[m].kind != METRICS_GAUGE)
			continue;
		for (size_t i = begin_of[m]; i < begin_of[m + 1]; i++)
			atomic_store(&mine->cell[i], 0);
	}
	metrics_add(METRIC_STARTS, 0, 0, 1);
	looked = times_asked();
	look_at_process();
}

/* ---- counting ---- */

void
metrics_add(enum metric m, unsigned a, unsigned b, int64_t n)
{
	size_t i = metrics_place(m, a, b);

	if (i != SIZE_MAX)
		add(i, n);
}

void
metrics_set(enum metric m, unsigned a, unsigned b, int64_t value)
{
	size_t i = metrics_place(m, a, b);

	if (i != SIZE_MAX)
		atomic_store_explicit(
		    &mine->cell[i], value, memory_order_relaxed);
}

void
metrics_observe(enum metric m, unsigned a, unsigned b, int64_t us)
{
	size_t i = metrics_place(m, a, b), k = 0;

	if (i == SIZE_MAX)
		return;
	while (k < METRICS_BOUNDS && us > metrics_bound[k])
		k++;
	add(i + k, 1);
	add(i + METRICS_BUCKETS - 1, us);
}

void
metrics_request(const char *route, unsigned class, int status, int64_t us)
{
	if (status >= 100 && status < 600)
		metrics_add(METRIC_REQUESTS, metrics_route_place(route),
		    (unsigned)(status / 100 - 1), 1);
	metrics_observe(METRIC_DURATION, class, 0, us);
}

void
metrics_handshake(int version, bool resumed)
{
	metrics_add(METRIC_HANDSHAKES, version == 0x0303 ? 0 : 1, resumed, 1);
}
