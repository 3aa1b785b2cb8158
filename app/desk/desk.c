/*
 * desk.c: a thread's connections, and what the threads of a process share.
 */
#include "desk/desk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "desk/internal.h"
#include "desk/rates.h"
#include "desk/ready.h"

struct desk_shared {
	pthread_mutex_t lock;
	struct seal_signer signer;
	struct keyd_public pub;
	bool have_pub;
	uint8_t cert[SEAL_CERT_LEN];
	int64_t cert_until;
	struct keyd_slot slot[KEYD_LEASE];
	size_t n_slot;
	/* These have locks of their own. */
	struct delivered *delivered;
	struct ready *ready;
	struct kept *kept;
	struct commit_line *commit;
	struct directory *directory;
	struct meters *meters; /* NULL: none */
};

struct desk_shared *
desk_shared_new(void)
{
	struct desk_shared *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	s->delivered = delivered_new();
	s->ready = ready_new();
	s->kept = kept_new();
	s->commit = commit_line_new();
	s->directory = directory_new();
	if (s->directory == NULL || s->delivered == NULL || s->ready == NULL ||
	    s->kept == NULL || s->commit == NULL) {
		desk_shared_free(s);
		return NULL;
	}
	seal_signer_new(&s->signer);
	return s;
}

void
desk_shared_free(struct desk_shared *s)
{
	if (s == NULL)
		return;
	rates_free(s->meters);
	delivered_free(s->delivered);
	ready_free(s->ready);
	kept_free(s->kept);
	commit_line_free(s->commit);
	directory_free(s->directory);
	pthread_mutex_destroy(&s->lock);
	secret_wipe(s, sizeof(*s));
	free(s);
}

int
desk_count(struct desk_shared *s, const struct settings *set, struct err *e)
{
	const struct rates_setup setup = {.free = set->rate_free,
	    .hour_s = set->rate_seconds,
	    .brake_s = set->brake_seconds,
	    .now = clock_now};

	if ((s->meters = rates_new(&setup, e)) == NULL)
		return -1;
	return rates_share_start(s->meters, set->db, e);
}

struct meters *
desk_meters(const struct desk_shared *s)
{
	return s->meters;
}

struct desk *
desk_open(const struct settings *set, struct desk_shared *shared)
{
	struct desk *d;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return NULL;
	d->set = set;
	d->shared = shared;
	d->db = set->db != NULL ? db_open(set->db) : NULL;
	d->keyd = set->keyd != NULL ? keyd_open(set->keyd) : NULL;
	if (d->db == NULL || d->keyd == NULL) {
		desk_close(d);
		return NULL;
	}
	return d;
}

void
desk_close(struct desk *d)
{
	if (d == NULL)
		return;
	db_close(d->db);
	keyd_close(d->keyd);
	secret_free(d->pair);
	free(d);
}

struct db *
desk_db(struct desk *d)
{
	return d->db;
}

struct keyd *
desk_keyd(struct desk *d)
{
	return d->keyd;
}

int
desk_within(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	if (db_begin(d->db, tenant, e) == -1)
		return -1;
	if (fn(d, arg, e) == -1) {
		db_rollback(d->db);
		return -1;
	}
	return db_commit(d->db, e);
}

int
desk_look(struct desk *d, const struct id *tenant,
    int (*fn)(struct desk *d, void *arg, struct err *e), void *arg,
    struct err *e)
{
	int r;

	/* If it fails there, it may be for what was written. */
	if (commit_is_ahead(d, tenant) && (r = fn(d, arg, e)) != -1)
		return r;
	if (db_begin(d->db, tenant, e) == -1)
		return -1;
	r = fn(d, arg, e);
	db_rollback(d->db);
	return r;
}

static int
public_locked(struct desk *d, struct err *e)
{
	struct desk_shared *s = d->shared;

	if (s->have_pub)
		return 0;
	if (keyd_public(d->keyd, &s->pub, e) == -1)
		return -1;
	s->have_pub = true;
	return 0;
}

int
shared_public(struct desk *d, struct keyd_public *out, struct err *e)
{
	int r;

	pthread_mutex_lock(&d->shared->lock);
	if ((r = public_locked(d, e)) == 0)
		*out = d->shared->pub;
	pthread_mutex_unlock(&d->shared->lock);
	return r;
}

static int
cert_locked(struct desk *d, struct err *e)
{
	struct desk_shared *s = d->shared;
	struct seal_cert c;

	if (s->cert_until > clock_now() + CLOCK_DAY)
		return 0;
	if (public_locked(d, e) == -1 ||
	    keyd_certify_process(d->keyd, s->signer.pk, s->cert, e) == -1 ||
	    seal_cert_open(
		s->pub.directory_pk, s->cert, sizeof(s->cert), &c, e) == -1)
		return -1;
	s->cert_until = c.not_after;
	return 0;
}

int
shared_cert(struct desk *d, uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	int r;

	pthread_mutex_lock(&d->shared->lock);
	if ((r = cert_locked(d, e)) == 0)
		memcpy(cert, d->shared->cert, SEAL_CERT_LEN);
	pthread_mutex_unlock(&d->shared->lock);
	return r;
}

int
shared_slots(struct desk *d, struct keyd_slot *out, size_t n, struct err *e)
{
	struct desk_shared *s = d->shared;
	size_t i;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < n && r == 0; i++) {
		if (s->n_slot == 0) {
			if ((r = keyd_lease(d->keyd, s->slot, e)) == -1)
				break;
			s->n_slot = KEYD_LEASE;
		}
		s->n_slot--;
		out[i] = s->slot[s->n_slot];
		secret_wipe(&s->slot[s->n_slot], sizeof(s->slot[0]));
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

void
desk_pair(struct desk *d, struct seal_pair *out)
{
	if (!d->has_pair) {
		seal_pair_new(out);
		return;
	}
	memcpy(out, secret_peek(d->pair), sizeof(*out));
	secret_wipe(secret_data(d->pair), sizeof(*out));
	d->has_pair = false;
}

void
desk_pair_ahead(struct desk *d)
{
	struct seal_pair p;

	if (d->pair == NULL)
		d->pair = secret_new(sizeof(p));
	if (d->pair == NULL || d->has_pair)
		return;
	seal_pair_new(&p);
	memcpy(secret_data(d->pair), &p, sizeof(p));
	secret_wipe(&p, sizeof(p));
	d->has_pair = true;
}

const struct seal_signer *
shared_signer(const struct desk *d)
{
	return &d->shared->signer;
}

struct delivered *
shared_delivered(const struct desk *d)
{
	return d->shared->delivered;
}

struct directory *
shared_directory(const struct desk *d)
{
	return d->shared->directory;
}

struct directory *
desk_directory(const struct desk_shared *s)
{
	return s->directory;
}

struct commit_line *
shared_commit(const struct desk *d)
{
	return d->shared->commit;
}

struct kept *
shared_kept(const struct desk *d)
{
	return d->shared->kept;
}

struct ready *
shared_ready(const struct desk *d)
{
	return d->shared->ready;
}
