/*
 * ready.c: asks the database, keyd and the disk, and keeps the answer for a second.
 */
#include "desk/ready.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "desk/internal.h"
#include "store/health.h"

#define KEPT_MS 1000
#define SLOW_MS 2500 /* who is not answered by then finds something hanging */

struct ready {
	pthread_mutex_t lock; /* never held while asking */
	struct desk_readiness last;
	int64_t asked; /* ms; 0: never */
	int64_t began; /* ms: of the asking that is on */
	bool asking;
};

static const struct desk_readiness nothing = {
    .name = {"database", "schema", "keyd", "spool"}};

struct ready *
ready_new(void)
{
	struct ready *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->last = nothing;
	return r;
}

void
ready_free(struct ready *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool
spool_has_room(const char *spool)
{
	struct statvfs s;

	if (spool == NULL)
		return true;
	return statvfs(spool, &s) == 0 &&
	    (uint64_t)s.f_bavail * s.f_frsize >= LIMIT_SPOOL_FREE;
}

static void
ask(struct desk *d, struct desk_readiness *out)
{
	struct err e;
	int version;

	*out = nothing;
	out->ok[READY_DATABASE] = health_version(d->db, &version, &e) == 0;
	out->ok[READY_SCHEMA] = out->ok[READY_DATABASE] &&
	    version >= health_schema();
	out->ok[READY_KEYD] = keyd_ping(d->keyd, &e) == 0;
	out->ok[READY_SPOOL] = spool_has_room(d->set->spool);
}

static void
say_changes(const struct desk_readiness *was, const struct desk_readiness *is)
{
	for (int i = 0; i < READY_PARTS; i++) {
		if (was->ok[i] == is->ok[i])
			continue;
		log_line(is->ok[i] ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, NULL,
		    is->ok[i] ? "ready" : "not ready", "part=%s", is->name[i]);
	}
}

void
desk_ready(struct desk *d, struct desk_readiness *out)
{
	struct ready *r = shared_ready(d);
	struct desk_readiness was;
	bool fresh;

	pthread_mutex_lock(&r->lock);
	*out = was = r->last;
	if (r->asking && clock_mono_ms() - r->began > SLOW_MS)
		*out = nothing;
	fresh = r->asking ||
	    (r->asked != 0 && clock_mono_ms() - r->asked < KEPT_MS);
	if (!fresh) {
		r->asking = true;
		r->began = clock_mono_ms();
	}
	pthread_mutex_unlock(&r->lock);
	if (fresh)
		return;
	ask(d, out);
	say_changes(&was, out);
	pthread_mutex_lock(&r->lock);
	r->last = *out;
	r->asked = clock_mono_ms();
	r->asking = false;
	pthread_mutex_unlock(&r->lock);
}
