/*
 * metrics.c: one flat table of numbers a worker; each family of metrics owns a run of
 * cells in it, one for each combination of its labels' values.
 */
#include "base/metrics.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WORKERS_MAX 32
#define ROUTES_MAX  64
#define CELLS       2048
#define VERSION     "1"

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct label {
	const char *name; /* NULL: none */
	const char *const *value;
};

struct family {
	const char *name;
	const char *help;
	enum kind kind;
	struct label a, b;
	bool seconds; /* held in microseconds */
	bool sparse;  /* zeros are not told */
};

#define LABEL(n, ...)                     \
	{                                 \
		n, (const char *const[])  \
		{                         \
			__VA_ARGS__, NULL \
		}                         \
	}

static const char *routes[ROUTES_MAX + 1] = {"other"};
static const char *const pools[] = {"work", "hash", NULL};
static const char *const lanes[] = {"first", "second", NULL};
static const int refusals[] = {
    400, 408, 411, 413, 414, 417, 421, 429, 431, 501, 503, 505, 0};

static const struct family family[METRICS] = {
    [METRIC_REQUESTS] = {.name = "restante_http_requests_total",
	.help = "Requests answered.",
	.kind = COUNTER,
	.a = {"route", routes},
	.b = LABEL("status", "1xx", "2xx", "3xx", "4xx", "5xx"),
	.sparse = true},
    [METRIC_DURATION] = {.name = "restante_http_request_seconds",
	.help = "From the head of a request to its answer.",
	.kind = HISTOGRAM,
	.a = LABEL("class", "quick", "page", "hash", "transfer"),
	.seconds = true},
    [METRIC_BYTES] = {.name = "restante_bytes_total",
	.help = "Bytes of bodies read and written.",
	.kind = COUNTER,
	.a = LABEL("way", "in", "out")},
    [METRIC_CONNECTIONS] = {.name = "restante_connections",
	.help = "Open connections.",
	.kind = GAUGE,
	.a = LABEL("door", "https", "http", "smtp", "smtps")},
    [METRIC_ACCEPTED] = {.name = "restante_connections_total",
	.help = "Connections accepted.",
	.kind = COUNTER,
	.a = LABEL("door", "https", "http", "smtp", "smtps")},
    [METRIC_TURNED_AWAY] = {.name = "restante_turned_away_total",
	.help =
	    "Connections and requests turned away for want of room or time.",
	.kind = COUNTER,
	.a = LABEL("reason", "all", "peer", "requests", "bodies", "slow",
	    "memory", "header")},
    [METRIC_REFUSED] = {.name = "restante_http_refused_total",
	.help = "Requests refused before they reached a route.",
	.kind = COUNTER,
	.a = LABEL("status", "400", "408", "411", "413", "414", "417", "421",
	    "429", "431", "501", "503", "505", "other")},
    [METRIC_HANDSHAKES] = {.name = "restante_tls_handshakes_total",
	.help = "TLS handshakes that succeeded.",
	.kind = COUNTER,
	.a = LABEL("version", "TLSv1.2", "TLSv1.3"),
	.b = LABEL("resumed", "no", "yes")},
    [METRIC_SHAKE_FAILS] = {.name = "restante_tls_failures_total",
	.help = "TLS handshakes that failed.",
	.kind = COUNTER},
    [METRIC_TRANSFERS] = {.name = "restante_transfers",
	.help = "Files on their way.",
	.kind = GAUGE,
	.a = LABEL("way", "in", "out")},
    [METRIC_POOL_THREADS] = {.name = "restante_pool_threads",
	.help = "Threads of a pool.",
	.kind = GAUGE,
	.a = {"pool", pools}},
    [METRIC_POOL_BUSY] = {.name = "restante_pool_busy",
	.help = "Threads at work.",
	.kind = GAUGE,
	.a = {"pool", pools}},
    [METRIC_POOL_WAITING] = {.name = "restante_pool_waiting",
	.help = "Jobs waiting for a thread.",
	.kind = GAUGE,
	.a = {"pool", pools},
	.b = {"lane", lanes}},
    [METRIC_POOL_REFUSED] = {.name = "restante_pool_refused_total",
	.help = "Jobs a pool did not take.",
	.kind = COUNTER,
	.a = {"pool", pools},
	.b = LABEL("reason", "full", "greedy")},
    [METRIC_POOL_WAIT] = {.name = "restante_pool_wait_seconds",
	.help = "Time a job waited for a thread.",
	.kind = HISTOGRAM,
	.a = {"pool", pools},
	.b = {"lane", lanes},
	.seconds = true},
    [METRIC_MAILS] = {.name = "restante_mails_total",
	.help = "Mails offered over SMTP.",
	.kind = COUNTER,
	.a = LABEL("result", "taken", "deferred", "refused")},
    [METRIC_MAIL_MEMORY] = {.name = "restante_mail_memory_bytes",
	.help = "Memory counted for mail on its way.",
	.kind = GAUGE},
    [METRIC_RATE_REFUSED] = {.name = "restante_rate_refused_total",
	.help = "Refusals because of a rate.",
	.kind = COUNTER,
	.a = LABEL(
	    "what", "connections", "messages", "recipients", "unknown", "auth"),
	.b = LABEL("class", "unknown", "known", "trusted")},
    [METRIC_HELD] = {.name = "restante_brake_total",
	.help = "Answers held back, or not given, because a client named many "
		"recipients that are not there.",
	.kind = COUNTER,
	.a = LABEL("answer", "slow", "silent")},
    [METRIC_RATE_COUNTS] = {.name = "restante_rate_counts",
	.help = "Counts kept for rates.",
	.kind = GAUGE,
	.a = LABEL("of", "client", "tenant")},
    [METRIC_RATE_PUSHED] = {.name = "restante_rate_displaced",
	.help = "Counts that had to make place for others.",
	.kind = GAUGE,
	.a = LABEL("of", "client", "tenant")},
    [METRIC_RATE_SHARED] = {.name = "restante_rate_shared",
	.help = "Workers that could share their counts a moment ago.",
	.kind = GAUGE},
    [METRIC_ERRORS] = {.name = "restante_peer_errors_total",
	.help = "Times the database or keyd was out of reach or broke off.",
	.kind = COUNTER,
	.a = LABEL("peer", "database", "keyd")},
    [METRIC_STARTS] = {.name = "restante_worker_starts_total",
	.help = "Worker processes begun, the first among them.",
	.kind = COUNTER},
    [METRIC_CPU] = {.name = "process_cpu_seconds_total",
	.help = "Processor time of the workers.",
	.kind = COUNTER,
	.seconds = true},
    [METRIC_MEMORY] = {.name = "process_resident_memory_bytes",
	.help = "Resident memory of the workers.",
	.kind = GAUGE},
    [METRIC_FDS] = {.name = "process_open_fds",
	.help = "Open descriptors of the workers.",
	.kind = GAUGE},
    [METRIC_FDS_MAX] = {.name = "process_max_fds",
	.help = "Descriptors the workers may have.",
	.kind = GAUGE},
};

/* Upper ends of the buckets, in microseconds; the last has none. */
static const int64_t bound[] = {500, 1000, 2500, 5000, 10000, 25000, 50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000};
#define BOUNDS  (sizeof(bound) / sizeof(bound[0]))
#define BUCKETS (BOUNDS + 2) /* one without an end, and the sum */

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

static unsigned
values(const struct label *l)
{
	unsigned n = 0;

	/* Routes come at start: their run is of full length from the first. */
	if (l->value == routes)
		return ROUTES_MAX;
	while (l->name != NULL && l->value[n] != NULL)
		n++;
	return n > 0 ? n : 1;
}

static size_t
cells(const struct family *f)
{
	size_t each = f->kind == HISTOGRAM ? BUCKETS : 1;

	return each * values(&f->a) * values(&f->b);
}

static size_t begin_of[METRICS + 1];

__attribute__((constructor)) static void
lay_out(void)
{
	for (int m = 0; m < METRICS; m++)
		begin_of[m + 1] = begin_of[m] + cells(&family[m]);
	if (begin_of[METRICS] > CELLS)
		abort();
}

/* SIZE_MAX: there is no such label's value. */
static size_t
place(enum metric m, unsigned a, unsigned b)
{
	const struct family *f = &family[m];
	size_t each = f->kind == HISTOGRAM ? BUCKETS : 1;

	if (a >= values(&f->a) || b >= values(&f->b))
		return SIZE_MAX;
	return begin_of[m] + each * (a * values(&f->b) + b);
}

static void
add(size_t i, int64_t n)
{
	(void)atomic_fetch_add_explicit(
	    &mine->cell[i], n, memory_order_relaxed);
}

static int64_t
total(size_t i)
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
		if (family[m].kind != GAUGE)
			continue;
		for (size_t i = begin_of[m]; i < begin_of[m + 1]; i++)
			atomic_store(&mine->cell[i], 0);
	}
	metrics_add(METRIC_STARTS, 0, 0, 1);
	looked = times_asked();
	look_at_process();
}

void
metrics_route(const char *name)
{
	unsigned i = 0;

	while (routes[i] != NULL && strcmp(routes[i], name) != 0)
		i++;
	if (i < ROUTES_MAX)
		routes[i] = name;
}

/* ---- counting ---- */

void
metrics_add(enum metric m, unsigned a, unsigned b, int64_t n)
{
	size_t i = place(m, a, b);

	if (i != SIZE_MAX)
		add(i, n);
}

void
metrics_set(enum metric m, unsigned a, unsigned b, int64_t value)
{
	size_t i = place(m, a, b);

	if (i != SIZE_MAX)
		atomic_store_explicit(
		    &mine->cell[i], value, memory_order_relaxed);
}

void
metrics_observe(enum metric m, unsigned a, unsigned b, int64_t us)
{
	size_t i = place(m, a, b), k = 0;

	if (i == SIZE_MAX)
		return;
	while (k < BOUNDS && us > bound[k])
		k++;
	add(i + k, 1);
	add(i + BUCKETS - 1, us);
}

void
metrics_request(const char *route, unsigned class, int status, int64_t us)
{
	unsigned i = 0;

	while (routes[i] != NULL && routes[i] != route &&
	    (route == NULL || strcmp(routes[i], route) != 0))
		i++;
	if (routes[i] == NULL)
		i = 0;
	if (status >= 100 && status < 600)
		metrics_add(
		    METRIC_REQUESTS, i, (unsigned)(status / 100 - 1), 1);
	metrics_observe(METRIC_DURATION, class, 0, us);
}

void
metrics_refused(int status)
{
	unsigned i = 0;

	while (refusals[i] != 0 && refusals[i] != status)
		i++;
	metrics_add(METRIC_REFUSED, i, 0, 1);
}

void
metrics_handshake(int version, bool resumed)
{
	metrics_add(METRIC_HANDSHAKES, version == 0x0303 ? 0 : 1, resumed, 1);
}

unsigned
metrics_pool(const char *name)
{
	unsigned i = 0;

	while (pools[i] != NULL && strcmp(pools[i], name) != 0)
		i++;
	return i;
}

/* ---- telling ---- */

struct sample {
	const struct family *f;
	unsigned a, b;
	const char *suffix; /* of the name */
	const char *le;     /* NULL: no bucket */
	int64_t value;
	bool seconds;
};

static int
render_number(struct buf *out, int64_t value, bool seconds)
{
	const char *sign = value < 0 ? "-" : "";
	int64_t v = value < 0 ? -value : value;

	if (!seconds)
		return buf_addf(out, "%s%lld\n", sign, (long long)v);
	return buf_addf(out, "%s%lld.%06lld\n", sign,
	    (long long)(v / CLOCK_SECOND), (long long)(v % CLOCK_SECOND));
}

/* Values are words of this file and names of routes: none needs an escape. */
static int
render_label(struct buf *out, const char *name, const char *value, bool *first)
{
	if (name == NULL)
		return 0;
	if (buf_adds(out, *first ? "{" : ",") == -1)
		return -1;
	*first = false;
	return buf_addf(out, "%s=\"%s\"", name, value);
}

static int
render_sample(struct buf *out, const struct sample *s)
{
	const struct family *f = s->f;
	bool first = true;

	if (buf_addf(out, "%s%s", f->name, s->suffix) == -1 ||
	    render_label(out, f->a.name,
		f->a.name != NULL ? f->a.value[s->a] : "", &first) == -1 ||
	    render_label(out, f->b.name,
		f->b.name != NULL ? f->b.value[s->b] : "", &first) == -1 ||
	    render_label(out, s->le != NULL ? "le" : NULL, s->le, &first) == -1)
		return -1;
	if (buf_adds(out, first ? " " : "} ") == -1)
		return -1;
	return render_number(out, s->value, s->seconds);
}

static int
render_histogram(struct buf *out, struct sample *s, size_t at)
{
	char le[32];

	s->suffix = "_bucket";
	s->le = le;
	for (size_t k = 0; k <= BOUNDS; k++) {
		s->value += total(at + k);
		if (k < BOUNDS)
			(void)snprintf(
			    le, sizeof(le), "%g", (double)bound[k] / 1e6);
		else
			(void)snprintf(le, sizeof(le), "+Inf");
		if (render_sample(out, s) == -1)
			return -1;
	}
	s->le = NULL;
	s->suffix = "_count";
	if (render_sample(out, s) == -1)
		return -1;
	s->suffix = "_sum";
	s->seconds = s->f->seconds;
	s->value = total(at + BUCKETS - 1);
	return render_sample(out, s);
}

static int
render_family(struct buf *out, enum metric m)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct family *f = &family[m];
	struct sample s;
	unsigned a, b;

	if (buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help,
		f->name, types[f->kind]) == -1)
		return -1;
	for (a = 0; a < values(&f->a); a++) {
		if (f->a.name != NULL && f->a.value[a] == NULL)
			break; /* no more routes */
		for (b = 0; b < values(&f->b); b++) {
			s = (struct sample){
			    .f = f, .a = a, .b = b, .suffix = ""};
			if (f->kind == HISTOGRAM) {
				if (render_histogram(out, &s, place(m, a, b)) ==
				    -1)
					return -1;
				continue;
			}
			s.value = total(place(m, a, b));
			s.seconds = f->seconds;
			if ((s.value != 0 || !f->sparse) &&
			    render_sample(out, &s) == -1)
				return -1;
		}
	}
	return 0;
}

int
metrics_render(struct buf *out)
{
	for (int m = 0; m < METRICS; m++)
		if (render_family(out, (enum metric)m) == -1)
			return -1;
	return buf_addf(out,
	    "# HELP restante_build_info What runs here.\n"
	    "# TYPE restante_build_info gauge\n"
	    "restante_build_info{role=\"%s\",version=\"%s\"} 1\n",
	    role_name, VERSION);
}

static int
answer(struct buf *out, const char *status, bool body, const struct buf *text)
{
	if (buf_addf(out,
		"HTTP/1.1 %s\r\n"
		"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"content-length: %zu\r\ncache-control: no-store\r\n"
		"connection: close\r\n\r\n",
		status, text->len) == -1)
		return -1;
	return body ? buf_add(out, text->data, text->len) : 0;
}

static bool
starts(const void *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

int
metrics_answer(const void *p, size_t n, struct buf *out)
{
	struct buf text = BUF_INIT;
	bool head = starts(p, n, "HEAD ");
	int ret = -1;

	if (n < METRICS_HEAD_MAX && memmem(p, n, "\r\n\r\n", 4) == NULL)
		return 0;
	if (starts(p, n, "GET /metrics HTTP/1.") ||
	    starts(p, n, "HEAD /metrics HTTP/1.")) {
		(void)atomic_fetch_add(&mine->asked, 1);
		metrics_process();
		if (metrics_render(&text) == 0)
			ret = answer(out, "200 OK", !head, &text);
	} else if (head || starts(p, n, "GET /")) {
		ret = answer(out, "404 Not Found", false, &text);
	} else {
		ret = answer(out, "400 Bad Request", false, &text);
	}
	buf_free(&text);
	return ret == 0 ? 1 : -1;
}
