/*
 * commit.c: the line of messages before the database, and who writes them.
 */
#include "desk/commit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "desk/internal.h"

/*
 * Two: while one waits for the disk the other fills its transaction. More would only make
 * the transactions smaller.
 */
#define WRITERS 2

/* Couriers gather for longer than this before they look again (courier/queue.c). */
#define RING_MS 25

/* Where two came at a time more will, and are better written together. */
#define QUIET_MS 100

/* After a repeated message: who sends one often sends more. */
#define DOUBT 16

struct commit_line {
	pthread_mutex_t lock;
	struct commit_item *first, **last;
	size_t n;      /* in line */
	unsigned soon; /* about to be added */
	pthread_cond_t
	    more;      /* the line is full, or nobody is about to be added */
	int64_t rung;  /* when couriers were woken last, ms */
	int64_t crowd; /* when two last came at a time, ms */
	int writers;
	bool gathers;     /* one of them waits for more */
	bool ahead;       /* one of them writes what is not all there yet */
	atomic_int doubt; /* transactions to look for repeated ones first */
};

struct commit_line *
commit_line_new(void)
{
	pthread_condattr_t attr;
	struct commit_line *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->more, &attr);
	pthread_condattr_destroy(&attr);
	c->last = &c->first;
	return c;
}

void
commit_line_free(struct commit_line *c)
{
	if (c == NULL)
		return;
	pthread_cond_destroy(&c->more);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* The first ones of the line, which is locked. */
static size_t
take(struct commit_line *c, struct commit_item **out)
{
	struct commit_item *item;
	uint64_t bytes = 0;
	size_t n = 0;

	while ((item = c->first) != NULL && n < COMMIT_MESSAGES) {
		bytes += item->bundle.message.size;
		if (n > 0 && bytes > COMMIT_BYTES)
			break;
		c->first = item->next;
		out[n++] = item;
	}
	if (c->first == NULL)
		c->last = &c->first;
	c->n -= n;
	return n;
}

/* A moment for those that are about to be added; the line is locked. */
static void
wait_for_company(struct commit_line *c)
{
	struct timespec until;

	if (c->soon == 0 || c->n == 0)
		return;
	c->gathers = true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += COMMIT_WAIT_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (c->soon > 0 && c->n > 0 && c->n < COMMIT_MESSAGES)
		if (pthread_cond_timedwait(&c->more, &c->lock, &until) != 0)
			break;
	c->gathers = false;
}

/* One fewer is about to be added; the line is locked. */
static void
no_longer_soon(struct commit_line *c)
{
	c->soon--;
	if (c->soon == 0 || c->n >= COMMIT_MESSAGES)
		pthread_cond_broadcast(&c->more);
}

/* Counts it; or, where it is the only one far and wide, this thread is its writer: true. */
static bool
is_alone(struct commit_line *c, bool ahead)
{
	const int64_t now = clock_mono_ms();
	bool alone;

	pthread_mutex_lock(&c->lock);
	if (c->soon > 0 || c->n > 0 || c->ahead)
		c->crowd = now;
	alone = ahead && now - c->crowd >= QUIET_MS && c->writers == 0 &&
	    atomic_load(&c->doubt) == 0;
	if (alone) {
		c->ahead = true;
		c->writers++;
	} else {
		c->soon++;
	}
	pthread_mutex_unlock(&c->lock);
	return alone;
}

static bool
is_ahead(const struct desk *d, const struct commit_item *item)
{
	return item->ahead != 0 && item->ahead == db_transaction(d->db);
}

/* The server begins with what it was sent (true), or all of it comes later. */
static bool
push(struct desk *d, int sent)
{
	struct err ignored;

	if (sent == 0 && db_push(d->db, &ignored) == 0)
		return true;
	db_rollback(d->db);
	return false;
}

void
commit_soon(struct desk *d, struct commit_item *item, bool ahead)
{
	struct err ignored;

	item->ahead = 0;
	item->tags = item->chunks = false;
	item->writes = is_alone(shared_commit(d), ahead);
	if (!item->writes ||
	    db_begin(d->db, &item->bundle.tenant, &ignored) == -1)
		return;
	item->ahead = db_transaction(d->db);
	d->ahead = item;
	(void)push(d, 0);
}

bool
commit_is_ahead(const struct desk *d, const struct id *tenant)
{
	return d->ahead != NULL && tenant != NULL && is_ahead(d, d->ahead) &&
	    id_equal(&d->ahead->bundle.tenant, tenant);
}

/* Sends what one step knows; true: it was. */
static bool
send_ahead(struct desk *d, struct commit_item *item,
    int (*write)(struct db *db, struct bundle *b, struct err *e))
{
	struct err ignored;

	return is_ahead(d, item) &&
	    push(d, write(d->db, &item->bundle, &ignored));
}

void
commit_tags(struct desk *d, struct commit_item *item)
{
	item->tags = send_ahead(d, item, bundle_write_tags);
}

void
commit_chunks(struct desk *d, struct commit_item *item)
{
	item->chunks = send_ahead(d, item, bundle_write_chunks);
}

void
commit_mails(struct desk *d, struct commit_item *item)
{
	(void)send_ahead(d, item, bundle_write_mails);
}

void
commit_never(struct desk *d, struct commit_item *item)
{
	struct commit_line *c = shared_commit(d);

	d->ahead = NULL;
	if (is_ahead(d, item))
		db_rollback(d->db);
	pthread_mutex_lock(&c->lock);
	if (item->writes) {
		c->ahead = false;
		c->writers--;
	} else {
		no_longer_soon(c);
	}
	pthread_mutex_unlock(&c->lock);
}

static void
end(struct commit_item *item, int result, const struct err *e)
{
	item->result = result;
	if (result == -1)
		item->err = *e;
	item->end(item);
}

static void
write_alone(struct desk *d, struct commit_item *item)
{
	struct err e;
	int r;

	err_clear(&e);
	r = bundle_commit(d, &item->bundle, &item->first, &e);
	/* Its twin was just being written by somebody else: now it is. */
	if (r == -1 && e.code == ERR_CONFLICT && id_is_zero(&item->first))
		r = bundle_commit(d, &item->bundle, &item->first, &e);
	end(item, r, &e);
}

static int
write_all(struct desk *d, struct commit_item **items, size_t n, struct err *e)
{
	struct bundle *b[COMMIT_MESSAGES];
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		b[i] = &items[i]->bundle;
	if (is_ahead(d, items[0]) && items[0]->tags && items[0]->chunks)
		r = bundle_write_rest(d->db, b[0], e);
	else if ((r = db_begin(d->db, &b[0]->tenant, e)) == 0)
		r = bundle_write(d->db, b, n, e);
	items[0]->ahead = 0;
	if (r == 0)
		return db_commit(d->db, e);
	db_rollback(d->db);
	return -1;
}

/* Is it for something in the transaction that it failed? Else all would fail alike. */
static bool
is_of_one(const struct err *e)
{
	return e->code != ERR_UNAVAILABLE && e->code != ERR_UNKNOWN;
}

/*
 * One that another transaction holds up, since its twin is being written there, does not
 * hold up the others; where two are it is the house, and the rest comes later.
 */
static void
write_each(struct desk *d, struct commit_item **items, size_t n)
{
	int locked = 0;
	struct err e;

	for (size_t i = 0; i < n; i++)
		if (locked < 2) {
			write_alone(d, items[i]);
			locked += db_locked_out(d->db);
		} else {
			err_set(&e, ERR_UNAVAILABLE, "others wait for locks");
			end(items[i], -1, &e);
		}
}

/* What became of the transaction of all of them. */
static void
all_end(struct desk *d, struct commit_item **items, size_t n, int r,
    const struct err *e)
{
	if (r == -1 && db_locked_out(d->db)) {
		write_each(d, items, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		end(items[i], r, e);
}

/* Item of a bundle: it is the item's first member. */
static struct commit_item *
item_of(struct bundle *b)
{
	return (struct commit_item *)b;
}

static void
end_repeated(struct commit_item *item, const struct id *first)
{
	struct err e;

	item->first = *first;
	err_set(&e, ERR_CONFLICT, "duplicate");
	end(item, -1, &e);
}

/*
 * Tells those that repeat what is written already; what is left of items comes in the
 * order of bundle_write(). -1: nobody was told.
 */
static int
known_end(struct desk *d, struct commit_item **items, size_t *n, struct err *e)
{
	struct bundle *b[COMMIT_MESSAGES];
	struct id first[COMMIT_MESSAGES];
	size_t i, left = 0;

	for (i = 0; i < *n; i++)
		b[i] = &items[i]->bundle;
	if (db_begin(d->db, &b[0]->tenant, e) == -1)
		return -1;
	i = bundle_known(d->db, b, *n, first, e) == -1;
	db_rollback(d->db);
	if (i != 0)
		return -1;
	for (i = 0; i < *n; i++)
		if (id_is_zero(&first[i]))
			items[left++] = item_of(b[i]);
		else
			end_repeated(item_of(b[i]), &first[i]);
	*n = left;
	return 0;
}

/* The one of the first n that this one repeats, or NULL. */
static const struct commit_item *
twin_of(
    const struct commit_item *item, struct commit_item *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bundle_same(&items[i]->bundle, &item->bundle))
			return items[i];
	return NULL;
}

/* Of several with one tag the first is written; the others wait in twins, with its id. */
static size_t
twins_part(struct commit_item **items, size_t *n, struct commit_item **twins)
{
	const struct commit_item *twin;
	size_t i, left = 0, n_twins = 0;

	for (i = 0; i < *n; i++)
		if ((twin = twin_of(items[i], items, left)) != NULL) {
			items[i]->first = twin->bundle.message.id;
			twins[n_twins++] = items[i];
		} else {
			items[left++] = items[i];
		}
	*n = left;
	return n_twins;
}

/* Some of them may repeat others: those are found first. */
static void
write_doubtful(struct desk *d, struct commit_item **items, size_t n)
{
	struct commit_item *twins[COMMIT_MESSAGES];
	struct id first;
	size_t i, n_twins = 0;
	struct err e;
	int r;

	err_clear(&e);
	if ((r = known_end(d, items, &n, &e)) == 0 && n > 0) {
		n_twins = twins_part(items, &n, twins);
		r = write_all(d, items, n, &e);
	}
	if (r == -1 && is_of_one(&e))
		for (i = 0; i < n; i++)
			write_alone(d, items[i]);
	else
		all_end(d, items, n, r, &e);
	for (i = 0; i < n_twins; i++)
		if (r == 0) {
			first = twins[i]->first;
			end_repeated(twins[i], &first);
		} else if (is_of_one(&e)) {
			write_alone(d, twins[i]);
		} else {
			end(twins[i], -1, &e);
		}
}

/*
 * Wakes the couriers, who look again by themselves a moment after they have found
 * something: so it need not be for every transaction.
 */
static void
ring(struct desk *d)
{
	struct commit_line *c = shared_commit(d);
	const int64_t now = clock_mono_ms();
	bool due;

	pthread_mutex_lock(&c->lock);
	if ((due = now - c->rung >= RING_MS))
		c->rung = now;
	pthread_mutex_unlock(&c->lock);
	if (due)
		db_wake_courier(d->db, false);
}

/* Did one of the last ones repeat another? Then those that follow are looked at first. */
static void
write_together(struct desk *d, struct commit_item **items, size_t n)
{
	struct commit_line *c = shared_commit(d);
	struct err e;
	int r;

	err_clear(&e);
	if (atomic_load(&c->doubt) == 0) {
		r = write_all(d, items, n, &e);
		if (r == 0 || !is_of_one(&e)) {
			all_end(d, items, n, r, &e);
			ring(d);
			return;
		}
		atomic_store(&c->doubt, DOUBT);
	} else {
		atomic_fetch_sub(&c->doubt, 1);
	}
	write_doubtful(d, items, n);
	ring(d);
}

/* Puts it in line; is this thread to write what is there? */
static bool
line_up(struct commit_line *c, struct commit_item *item)
{
	bool writes;

	item->next = NULL;
	pthread_mutex_lock(&c->lock);
	*c->last = item;
	c->last = &item->next;
	c->n++;
	no_longer_soon(c);
	writes = !c->gathers && c->writers < WRITERS;
	if (writes)
		c->writers++;
	pthread_mutex_unlock(&c->lock);
	return writes;
}

/* Until nothing is there; whoever finds another gathering leaves the rest to it. */
static void
write_line(struct desk *d)
{
	struct commit_line *c = shared_commit(d);
	struct commit_item *items[COMMIT_MESSAGES];
	size_t n;

	pthread_mutex_lock(&c->lock);
	while (!c->gathers) {
		wait_for_company(c);
		if ((n = take(c, items)) == 0)
			break;
		pthread_mutex_unlock(&c->lock);
		write_together(d, items, n);
		pthread_mutex_lock(&c->lock);
	}
	c->writers--;
	pthread_mutex_unlock(&c->lock);
}

void
commit_add(struct desk *d, struct commit_item *item)
{
	struct commit_line *c = shared_commit(d);

	d->ahead = NULL;
	if (item->writes) {
		pthread_mutex_lock(&c->lock);
		c->ahead = false;
		pthread_mutex_unlock(&c->lock);
		write_together(d, &item, 1);
	} else if (!line_up(c, item)) {
		return;
	}
	write_line(d);
}
