/*
 * readyz.c: the truth for a load balancer, a line of JSON for each thing that must be
 * well. Nothing else about us is said.
 */
#include "portal/readyz.h"

#include "base/pool.h"
#include "desk/ready.h"

void
readyz_watch(struct readyz *r, const struct pool *work)
{
	atomic_store(&r->work, work);
}

void
readyz_drain(struct readyz *r)
{
	atomic_store(&r->draining, true);
}

/* Three quarters of what may wait in a lane: who is sent here waits long. */
static bool
has_room(const struct pool *work)
{
	struct pool_stats s;

	if (work == NULL)
		return true;
	pool_look(work, &s);
	for (int i = 0; i < POOL_LANES; i++)
		if (s.waiting[i] >= s.queue - s.queue / 4)
			return false;
	return true;
}

static int
line(struct buf *out, const char *name, bool ok, bool *all)
{
	*all &= ok;
	return buf_addf(
	    out, "{\"check\":\"%s\",\"ok\":%s}\n", name, ok ? "true" : "false");
}

int
readyz_tell(struct readyz *r, struct desk *d, struct buf *out, bool *ok)
{
	struct desk_readiness parts;
	int ret = 0;

	*ok = true;
	desk_ready(d, &parts);
	for (int i = 0; i < READY_PARTS; i++)
		ret |= line(out, parts.name[i], parts.ok[i], ok);
	ret |= line(out, "threads", has_room(atomic_load(&r->work)), ok);
	ret |= line(out, "serving", !atomic_load(&r->draining), ok);
	return ret == 0 ? 0 : -1;
}
