/*
 * metrics_family.c: the families of metrics: their names, kinds and labels.
 */
#include "base/metrics_inside.h"

#include <string.h>

#define ROUTES_MAX 64

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
/* Those of METRIC_REFUSED, in the order of its label. */
static const int refusals[] = {
    400, 408, 411, 413, 414, 417, 421, 429, 431, 501, 503, 505, 0};

const struct metrics_family metrics_family[METRICS] = {
    [METRIC_REQUESTS] = {.name = "restante_http_requests_total",
	.help = "Requests answered.",
	.kind = METRICS_COUNTER,
	.a = {"route", routes},
	.b = LABEL("status", "1xx", "2xx", "3xx", "4xx", "5xx"),
	.sparse = true},
    [METRIC_DURATION] = {.name = "restante_http_request_seconds",
	.help = "From the head of a request to its answer.",
	.kind = METRICS_HISTOGRAM,
	.a = LABEL("class", "quick", "page", "hash", "transfer"),
	.seconds = true},
    [METRIC_BYTES] = {.name = "restante_bytes_total",
	.help = "Bytes of bodies read and written.",
	.kind = METRICS_COUNTER,
	.a = LABEL("way", "in", "out")},
    [METRIC_CONNECTIONS] = {.name = "restante_connections",
	.help = "Open connections.",
	.kind = METRICS_GAUGE,
	.a = LABEL("door", "https", "http", "smtp", "smtps")},
    [METRIC_ACCEPTED] = {.name = "restante_connections_total",
	.help = "Connections accepted.",
	.kind = METRICS_COUNTER,
	.a = LABEL("door", "https", "http", "smtp", "smtps")},
    [METRIC_TURNED_AWAY] = {.name = "restante_turned_away_total",
	.help =
	    "Connections and requests turned away for want of room or time.",
	.kind = METRICS_COUNTER,
	.a = LABEL("reason", "all", "peer", "requests", "bodies", "slow",
	    "memory", "header")},
    [METRIC_REFUSED] = {.name = "restante_http_refused_total",
	.help = "Requests refused before they reached a route.",
	.kind = METRICS_COUNTER,
	.a = LABEL("status", "400", "408", "411", "413", "414", "417", "421",
	    "429", "431", "501", "503", "505", "other")},
    [METRIC_HANDSHAKES] = {.name = "restante_tls_handshakes_total",
	.help = "TLS handshakes that succeeded.",
	.kind = METRICS_COUNTER,
	.a = LABEL("version", "TLSv1.2", "TLSv1.3"),
	.b = LABEL("resumed", "no", "yes")},
    [METRIC_SHAKE_FAILS] = {.name = "restante_tls_failures_total",
	.help = "TLS handshakes that failed.",
	.kind = METRICS_COUNTER},
    [METRIC_TRANSFERS] = {.name = "restante_transfers",
	.help = "Files on their way.",
	.kind = METRICS_GAUGE,
	.a = LABEL("way", "in", "out")},
    [METRIC_POOL_THREADS] = {.name = "restante_pool_threads",
	.help = "Threads of a pool.",
	.kind = METRICS_GAUGE,
	.a = {"pool", pools}},
    [METRIC_POOL_BUSY] = {.name = "restante_pool_busy",
	.help = "Threads at work.",
	.kind = METRICS_GAUGE,
	.a = {"pool", pools}},
    [METRIC_POOL_WAITING] = {.name = "restante_pool_waiting",
	.help = "Jobs waiting for a thread.",
	.kind = METRICS_GAUGE,
	.a = {"pool", pools},
	.b = {"lane", lanes}},
    [METRIC_POOL_REFUSED] = {.name = "restante_pool_refused_total",
	.help = "Jobs a pool did not take.",
	.kind = METRICS_COUNTER,
	.a = {"pool", pools},
	.b = LABEL("reason", "full", "greedy")},
    [METRIC_POOL_WAIT] = {.name = "restante_pool_wait_seconds",
	.help = "Time a job waited for a thread.",
	.kind = METRICS_HISTOGRAM,
	.a = {"pool", pools},
	.b = {"lane", lanes},
	.seconds = true},
    [METRIC_MAILS] = {.name = "restante_mails_total",
	.help = "Mails offered over SMTP.",
	.kind = METRICS_COUNTER,
	.a = LABEL("result", "taken", "deferred", "refused")},
    [METRIC_MAIL_MEMORY] = {.name = "restante_mail_memory_bytes",
	.help = "Memory counted for mail on its way.",
	.kind = METRICS_GAUGE},
    [METRIC_RATE_REFUSED] = {.name = "restante_rate_refused_total",
	.help = "Refusals because of a rate.",
	.kind = METRICS_COUNTER,
	.a = LABEL(
	    "what", "connections", "messages", "recipients", "unknown", "auth"),
	.b = LABEL("class", "unknown", "known", "trusted")},
    [METRIC_HELD] = {.name = "restante_brake_total",
	.help = "Answers held back, or not given, because a client named many "
		"recipients that are not there.",
	.kind = METRICS_COUNTER,
	.a = LABEL("answer", "slow", "silent")},
    [METRIC_RATE_COUNTS] = {.name = "restante_rate_counts",
	.help = "Counts kept for rates.",
	.kind = METRICS_GAUGE,
	.a = LABEL("of", "client", "tenant")},
    [METRIC_RATE_PUSHED] = {.name = "restante_rate_displaced",
	.help = "Counts that had to make place for others.",
	.kind = METRICS_GAUGE,
	.a = LABEL("of", "client", "tenant")},
    [METRIC_RATE_SHARED] = {.name = "restante_rate_shared",
	.help = "Workers that could share their counts a moment ago.",
	.kind = METRICS_GAUGE},
    [METRIC_ERRORS] = {.name = "restante_peer_errors_total",
	.help = "Times the database or keyd was out of reach or broke off.",
	.kind = METRICS_COUNTER,
	.a = LABEL("peer", "database", "keyd")},
    [METRIC_STARTS] = {.name = "restante_worker_starts_total",
	.help = "Worker processes begun, the first among them.",
	.kind = METRICS_COUNTER},
    [METRIC_CPU] = {.name = "process_cpu_seconds_total",
	.help = "Processor time of the workers.",
	.kind = METRICS_COUNTER,
	.seconds = true},
    [METRIC_MEMORY] = {.name = "process_resident_memory_bytes",
	.help = "Resident memory of the workers.",
	.kind = METRICS_GAUGE},
    [METRIC_FDS] = {.name = "process_open_fds",
	.help = "Open descriptors of the workers.",
	.kind = METRICS_GAUGE},
    [METRIC_FDS_MAX] = {.name = "process_max_fds",
	.help = "Descriptors the workers may have.",
	.kind = METRICS_GAUGE},
};

unsigned
metrics_values(const struct metrics_label *l)
{
	unsigned n = 0;

	/* Routes come at start: their run is of full length from the first. */
	if (l->value == routes)
		return ROUTES_MAX;
	while (l->name != NULL && l->value[n] != NULL)
		n++;
	return n > 0 ? n : 1;
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

unsigned
metrics_route_place(const char *name)
{
	unsigned i = 0;

	while (routes[i] != NULL && routes[i] != name &&
	    (name == NULL || strcmp(routes[i], name) != 0))
		i++;
	return routes[i] != NULL ? i : 0;
}

unsigned
metrics_pool(const char *name)
{
	unsigned i = 0;

	while (pools[i] != NULL && strcmp(pools[i], name) != 0)
		i++;
	return i;
}

void
metrics_refused(int status)
{
	unsigned i = 0;

	while (refusals[i] != 0 && refusals[i] != status)
		i++;
	metrics_add(METRIC_REFUSED, i, 0, 1);
}
