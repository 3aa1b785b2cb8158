/*
 * rates.c: which limit counts, and what is said past it.
 */
#include "desk/rates.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/peers.h"
#include "desk/meters.h"

#define MEASURE  UINT64_C(1000000) /* a full one of unknown recipients */
#define SILENT   (MEASURE * LIMIT_BRAKE_STOP)
#define HELD_MIN 100 /* ms: less is not felt */

/* ---- begin and end ---- */

static int
tallies_new(struct meters *m, const struct rates_setup *setup)
{
	static const size_t keys[] = {LIMIT_RATE_CLIENTS, LIMIT_RATE_TENANTS};
	bool brake;
	int64_t s;

	for (int of = 0; of < RATE_OFS; of++) {
		for (int what = 0; what < RATE_WHATS; what++) {
			brake = what == RATE_UNKNOWN || what == RATE_AUTH;
			if (of == RATE_TENANT && brake)
				continue;
			s = brake ? setup->brake_s : setup->hour_s;
			m->tally[of][what] = tally_new(
			    keys[of], s * CLOCK_SECOND);
			if (m->tally[of][what] == NULL)
				return -1;
		}
	}
	return 0;
}

void
meters_free(struct meters *m)
{
	for (int of = 0; of < RATE_OFS; of++)
		for (int what = 0; what < RATE_WHATS; what++)
			tally_free(m->tally[of][what]);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	policy_nets_clear(&m->free);
	free(m->limit);
	free(m);
}

struct meters *
rates_new(const struct rates_setup *setup, struct err *e)
{
	struct meters *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;
	int rc;

	if (m == NULL) {
		(void)err_set(e, ERR_UNAVAILABLE, "rates: memory");
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	m->now = setup->now;
	rc = policy_nets_read("RESTANTE_RATE_FREE", setup->free, &m->free, e);
	if (rc == 0 && tallies_new(m, setup) == -1)
		rc = err_set(e, ERR_UNAVAILABLE, "rates: memory");
	if (rc == 0)
		return m;
	meters_free(m);
	return NULL;
}

/* ---- limits ---- */

bool
rates_free_client(const struct meters *m, const char *client)
{
	return m == NULL || policy_nets_have(&m->free, client);
}

/* What is asked to be counted, once. */
struct ask {
	enum rate_of of;
	enum rate_what what;
	int class;
	const struct id *tenant; /* NULL: none */
	const struct rates *own; /* NULL: none */
	bool looks;              /* it is counted when the message is taken */
	size_t have;             /* of it that wait for that */
};

static int
limit_order(const void *a, const void *b)
{
	const struct rate_limit *x = a, *y = b;
	int r = memcmp(&x->tenant, &y->tenant, sizeof(x->tenant));

	if (r == 0)
		r = (int)x->of - (int)y->of;
	if (r == 0)
		r = (int)x->what - (int)y->what;
	return r != 0 ? r : x->class - y->class;
}

void
meters_limits(struct meters *m, struct rate_limit *all, size_t n)
{
	qsort(all, n, sizeof(*all), limit_order);
	free(m->limit);
	m->limit = all;
	m->n_limit = n;
}

/* A row of rate_limit: the tenant's, else everybody's. Locked. */
static const struct rate_limit *
row(const struct meters *m, const struct ask *a)
{
	struct rate_limit key = {
	    .of = a->of, .what = a->what, .class = a->class};
	const struct rate_limit *l = NULL;

	if (m->n_limit == 0)
		return NULL;
	if (a->tenant != NULL) {
		key.tenant = *a->tenant;
		l = bsearch(
		    &key, m->limit, m->n_limit, sizeof(key), limit_order);
	}
	key.tenant = id_zero();
	return l != NULL ?
	    l :
	    bsearch(&key, m->limit, m->n_limit, sizeof(key), limit_order);
}

static int
own_limit(const struct ask *a)
{
	if (a->own == NULL || a->of != RATE_CLIENT)
		return 0;
	if (a->what == RATE_MESSAGES)
		return a->own->messages[a->class];
	if (a->what == RATE_RECIPIENTS)
		return a->own->recipients[a->class];
	return a->what == RATE_UNKNOWN ? a->own->harvest : 0;
}

/* false: no limit. Locked. */
static bool
limit(const struct meters *m, const struct ask *a, bool free_client,
    uint64_t *most_out)
{
	static const uint64_t usual[RATE_OFS][RATE_WHATS][RATE_CLASSES] = {
	    {{LIMIT_CONNECTIONS_CLIENT}, {LIMIT_MESSAGES_CLIENT},
		{LIMIT_RECIPIENTS_CLIENT}, {LIMIT_UNKNOWN},
		{LIMIT_AUTH_FAILED}},
	    {{LIMIT_CONNECTIONS_TENANT}, {LIMIT_MESSAGES_TENANT},
		{LIMIT_RECIPIENTS_TENANT}},
	};
	const struct rate_limit *l = NULL;
	int own = own_limit(a);

	if (own > 0)
		*most_out = (uint64_t)own;
	else if ((l = row(m, a)) != NULL)
		*most_out = (uint64_t)l->most;
	else
		*most_out = usual[a->of][a->what][a->class];
	return own > 0 || l != NULL || !free_client;
}

static struct rate_key
key_of(const struct ask *a, const uint8_t net[PEER_NET_LEN])
{
	struct rate_key k = {
	    .b = {(uint8_t)a->of, (uint8_t)a->what, (uint8_t)a->class}};

	_Static_assert(RATE_KEY == 3 + PEER_NET_LEN, "key");
	if (a->tenant != NULL)
		k.tenant = *a->tenant;
	if (a->of == RATE_CLIENT)
		memcpy(k.b + 3, net, PEER_NET_LEN);
	return k;
}

/* ---- taking ---- */

static int
refuse(const struct ask *a, uint64_t most, struct err *e)
{
	static const char *const whose[] = {"a client", "a tenant"};
	static const char *const what[] = {"connections", "messages",
	    "recipients", "unknown recipients", "failed attempts"};

	if (e == NULL)
		return -1;
	metrics_add(METRIC_RATE_REFUSED, a->what, (unsigned)a->class, 1);
	return err_set(e, ERR_RATE, "%s of %s: over %llu in the window",
	    what[a->what], whose[a->of], (unsigned long long)most);
}

#define ASKS 4

/* All of them, or none and ERR_RATE. count: or only looks. */
static int
take(struct meters *m, const char *client, const struct ask *a, size_t n,
    bool count, struct err *e)
{
	bool free_client = rates_free_client(m, client), counts[ASKS];
	uint8_t net[PEER_NET_LEN];
	struct rate_key key[ASKS];
	int64_t now = m->now();
	uint64_t most;
	int rc = 0;

	peer_network(client, net);
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n && rc == 0; i++) {
		counts[i] = limit(m, &a[i], free_client, &most);
		if (!counts[i])
			continue;
		key[i] = key_of(&a[i], net);
		if (tally_look(m->tally[a[i].of][a[i].what], &key[i], now) +
			a[i].have >=
		    most)
			rc = refuse(&a[i], most, e);
	}
	for (size_t i = 0; i < n && rc == 0 && count; i++)
		if (counts[i] && !a[i].looks)
			tally_add(
			    m->tally[a[i].of][a[i].what], &key[i], 1, now);
	pthread_mutex_unlock(&m->lock);
	return rc;
}

/* What the client has of it; n more of it first. */
static uint64_t
measure(struct meters *m, enum rate_what what, const char *client, uint64_t n)
{
	const struct ask a = {.of = RATE_CLIENT, .what = what};
	struct tally *t = m->tally[RATE_CLIENT][what];
	uint8_t net[PEER_NET_LEN];
	struct rate_key key;
	int64_t now = m->now();
	uint64_t used;

	peer_network(client, net);
	key = key_of(&a, net);
	pthread_mutex_lock(&m->lock);
	if (n > 0)
		tally_add(t, &key, n, now);
	used = tally_look(t, &key, now);
	pthread_mutex_unlock(&m->lock);
	return used;
}

int
rates_connect(struct meters *m, const struct desk_sender *s, struct err *e)
{
	const struct ask a = {.of = RATE_CLIENT, .what = RATE_CONNECTIONS};

	if (m == NULL)
		return 0;
	/* What others know of this client is asked for while it says hello. */
	(void)measure(m, RATE_UNKNOWN, s->client, 0);
	return take(m, s->client, &a, 1, true, e);
}

int
rates_meet(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, struct err *e)
{
	const struct ask a = {.of = RATE_TENANT,
	    .what = RATE_CONNECTIONS,
	    .class = (int)env->sender_class,
	    .tenant = &env->tenant};

	return m == NULL ? 0 : take(m, s->client, &a, 1, true, e);
}

int
rates_mail(struct meters *m, const struct desk_sender *s,
    const struct rates_at *at, struct err *e)
{
	const int class = (int)at->class;
	const struct ask a[] = {
	    {RATE_CLIENT, RATE_MESSAGES, class, at->tenant, at->own, false, 0},
	    {RATE_TENANT, RATE_MESSAGES, class, at->tenant, at->own, true, 0},
	};

	return m == NULL ? 0 : take(m, s->client, a, 2, false, e);
}

int
rates_recipient(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, const struct rates_at *at, struct err *e)
{
	const int class = (int)at->class;
	const struct ask a[ASKS] = {
	    {RATE_CLIENT, RATE_RECIPIENTS, class, at->tenant, at->own, false,
		0},
	    {RATE_TENANT, RATE_RECIPIENTS, class, at->tenant, at->own, true,
		env->n_given},
	    {RATE_CLIENT, RATE_MESSAGES, class, at->tenant, at->own, false, 0},
	    {RATE_TENANT, RATE_MESSAGES, class, at->tenant, at->own, true, 0},
	};

	if (m == NULL)
		return 0;
	return take(m, s->client, a, env->n_given == 0 ? 4 : 2, true, e);
}

void
rates_taken(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env)
{
	const int class = (int)env->sender_class;
	const struct ask a[] = {
	    {.of = RATE_TENANT,
		.what = RATE_MESSAGES,
		.class = class,
		.tenant = &env->tenant,
		.have = 1},
	    {.of = RATE_TENANT,
		.what = RATE_RECIPIENTS,
		.class = class,
		.tenant = &env->tenant,
		.have = env->n_given},
	};
	uint8_t net[PEER_NET_LEN] = {0};
	bool free_client = rates_free_client(m, s->client);
	struct rate_key key;
	uint64_t most;

	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
		key = key_of(&a[i], net);
		if (limit(m, &a[i], free_client, &most))
			tally_add(m->tally[a[i].of][a[i].what], &key, a[i].have,
			    m->now());
	}
	pthread_mutex_unlock(&m->lock);
}

/* ---- the brakes ---- */

static bool
trusted(const struct desk_sender *s, const struct desk_envelope *env)
{
	return s->authenticated || env->proved;
}

void
rates_unknown(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, const struct rates_at *at)
{
	const struct ask a = {
	    RATE_CLIENT, RATE_UNKNOWN, 0, at->tenant, at->own, false, 0};
	uint64_t most, part, used;

	if (m == NULL || trusted(s, env) || at->class == POLICY_TRUSTED)
		return;
	pthread_mutex_lock(&m->lock);
	(void)limit(m, &a, false, &most);
	pthread_mutex_unlock(&m->lock);
	part = most == 0 ? SILENT : (MEASURE + most - 1) / most;
	used = measure(m, RATE_UNKNOWN, s->client, part);
	if (used < SILENT || used - part >= SILENT)
		return;
	/* It is not told again the moment a little time has passed. */
	(void)measure(m, RATE_UNKNOWN, s->client, MEASURE);
	log_line(LOG_LEVEL_WARN, s->session, "brake",
	    "a client named too many recipients that are not there");
}

unsigned
rates_brake(struct meters *m, const struct desk_sender *s,
    const struct desk_envelope *env, bool *silent_out)
{
	uint64_t used, span = SILENT - MEASURE;

	*silent_out = false;
	if (m == NULL || trusted(s, env))
		return 0;
	used = measure(m, RATE_UNKNOWN, s->client, 0);
	if (used < MEASURE)
		return 0;
	if (used >= SILENT) {
		metrics_add(METRIC_HELD, METRIC_BRAKE_SILENT, 0, 1);
		*silent_out = true;
		return LIMIT_BRAKE_MS;
	}
	metrics_add(METRIC_HELD, METRIC_BRAKE_SLOW, 0, 1);
	return HELD_MIN +
	    (unsigned)((used - MEASURE) * (LIMIT_BRAKE_MS - HELD_MIN) / span);
}

int
rates_auth(struct meters *m, const struct desk_sender *s, struct err *e)
{
	const struct ask a = {.of = RATE_CLIENT, .what = RATE_AUTH};
	uint64_t most;

	if (m == NULL)
		return 0;
	pthread_mutex_lock(&m->lock);
	(void)limit(m, &a, false, &most);
	pthread_mutex_unlock(&m->lock);
	if (measure(m, RATE_AUTH, s->client, 0) < most)
		return 0;
	return refuse(&a, most, e);
}

void
rates_auth_failed(struct meters *m, const struct desk_sender *s)
{
	if (m != NULL)
		(void)measure(m, RATE_AUTH, s->client, 1);
}
