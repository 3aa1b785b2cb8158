/*
 * directory.c: tables of answers in memory, each in groups of places by a hash of the
 * question; what is older than DIRECTORY_MS or was overwritten is asked again.
 */
#include "desk/directory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "desk/internal.h"

#define WAYS 4 /* places of one group: the oldest makes room */

struct ask_key {
	struct id tenant, account; /* zero where it is not about one */
	char text[LIMIT_ADDRESS + 1];
};

struct place {
	int64_t read; /* ms; 0: free */
	struct ask_key key;
	/* the answer follows */
};

struct table {
	size_t groups, size; /* bytes of an answer */
	uint8_t *places;
};

/* Rules are shared by who reads them, and freed by the last one. */
struct rules_held {
	struct rules rules; /* first: it is what is handed out */
	atomic_uint held;
};

enum { T_DOMAIN, T_RULES, T_ADDRESS, T_KEY, T_KNOWN, TABLES };

/* What is remembered of a key: never its wrapped half. */
struct key_answer {
	uint32_t version;
	uint8_t pk[SEAL_PK_LEN];
	uint8_t cert[SEAL_CERT_LEN];
};

static const struct {
	size_t groups, size;
} sizes[TABLES] = {
    [T_DOMAIN] = {LIMIT_DIRECTORY / WAYS, sizeof(struct id)},
    [T_RULES] = {LIMIT_DIRECTORY_TENANTS / WAYS, sizeof(struct rules_held *)},
    [T_ADDRESS] = {LIMIT_DIRECTORY / WAYS, sizeof(struct address_row)},
    [T_KEY] = {LIMIT_DIRECTORY / WAYS, sizeof(struct key_answer)},
    [T_KNOWN] = {LIMIT_DIRECTORY / WAYS, sizeof(bool)},
};

struct directory {
	pthread_mutex_t lock;
	uint8_t hash
	    [SECRET_KEY_LEN]; /* whose addresses share a group is no stranger's choice */
	struct table table[TABLES];
};

/* ---- places ---- */

static size_t
place_size(const struct table *t)
{
	return (sizeof(struct place) + t->size + 7) & ~(size_t)7;
}

static struct place *
place_at(const struct table *t, size_t i)
{
	return (struct place *)(void *)(t->places + i * place_size(t));
}

static void *
answer_of(struct place *p)
{
	return p + 1;
}

static struct ask_key
key_of(const struct id *tenant, const char *text)
{
	struct ask_key k;

	memset(&k, 0, sizeof(k));
	if (tenant != NULL)
		k.tenant = *tenant;
	if (text != NULL)
		text_cut(k.text, sizeof(k.text), text);
	return k;
}

static struct place *
group_of(struct directory *dir, const struct table *t, const struct ask_key *k)
{
	uint64_t h = secret_hash(dir->hash, k, sizeof(*k));

	return place_at(t, (size_t)(h % t->groups) * WAYS);
}

static struct place *
nth(const struct table *t, struct place *group, size_t i)
{
	return (struct place *)(void *)((uint8_t *)group + i * place_size(t));
}

/* Locked. NULL: not known, or too old. */
static struct place *
place_find(struct directory *dir, int which, const struct ask_key *k,
    int64_t max_age_ms)
{
	const struct table *t = &dir->table[which];
	struct place *g = group_of(dir, t, k), *p;
	int64_t now = clock_mono_ms();
	size_t i;

	for (i = 0; i < WAYS; i++) {
		p = nth(t, g, i);
		if (p->read != 0 && memcmp(&p->key, k, sizeof(*k)) == 0)
			return now - p->read <= max_age_ms ? p : NULL;
	}
	return NULL;
}

static void
held_drop(struct rules_held *h)
{
	if (h == NULL || atomic_fetch_sub(&h->held, 1) > 1)
		return;
	rules_clear(&h->rules);
	free(h);
}

static void
place_clear(const struct directory *dir, int which, struct place *p)
{
	struct rules_held *h;

	if (which == T_RULES && p->read != 0) {
		memcpy(&h, answer_of(p), sizeof(h));
		held_drop(h);
	}
	memset(p, 0, place_size(&dir->table[which]));
}

/* Locked. The key's place, a free one, or the oldest of its group. */
static struct place *
place_make(struct directory *dir, int which, const struct ask_key *k)
{
	const struct table *t = &dir->table[which];
	struct place *g = group_of(dir, t, k), *p, *best = g;
	size_t i;

	for (i = 0; i < WAYS; i++) {
		p = nth(t, g, i);
		if (memcmp(&p->key, k, sizeof(*k)) == 0) {
			best = p;
			break;
		}
		if (p->read < best->read)
			best = p;
	}
	place_clear(dir, which, best);
	best->key = *k;
	return best;
}

/* read: when the question was asked, so that an answer is never younger than it was. */
static void
remember(struct directory *dir, int which, const struct ask_key *k,
    const void *answer, int64_t asked)
{
	struct place *p;

	pthread_mutex_lock(&dir->lock);
	p = place_make(dir, which, k);
	memcpy(answer_of(p), answer, dir->table[which].size);
	p->read = asked;
	pthread_mutex_unlock(&dir->lock);
}

static void
forget(struct directory *dir, int which, const struct ask_key *k)
{
	struct place *p;

	pthread_mutex_lock(&dir->lock);
	p = place_find(dir, which, k, INT64_MAX);
	if (p != NULL)
		place_clear(dir, which, p);
	pthread_mutex_unlock(&dir->lock);
}

static bool
recall(
    struct directory_ask *q, int which, const struct ask_key *k, void *answer)
{
	int64_t age = q->fresh ? DIRECTORY_FRESH_MS : DIRECTORY_MS;
	struct directory *dir = q->dir;
	struct rules_held *h;
	struct place *p;

	pthread_mutex_lock(&dir->lock);
	p = place_find(dir, which, k, age);
	if (p != NULL) {
		memcpy(answer, answer_of(p), dir->table[which].size);
		if (clock_mono_ms() - p->read > DIRECTORY_FRESH_MS)
			q->aged = true;
		if (which == T_RULES) {
			memcpy(&h, answer, sizeof(h));
			atomic_fetch_add(&h->held, 1);
		}
	}
	pthread_mutex_unlock(&dir->lock);
	return p != NULL;
}

/* ---- the process's ---- */

struct directory *
directory_new(void)
{
	struct directory *dir = calloc(1, sizeof(*dir));
	struct table *t;
	int i;

	if (dir == NULL)
		return NULL;
	pthread_mutex_init(&dir->lock, NULL);
	secret_random(dir->hash, sizeof(dir->hash));
	for (i = 0; i < TABLES; i++) {
		t = &dir->table[i];
		t->groups = sizes[i].groups;
		t->size = sizes[i].size;
		t->places = calloc(t->groups * WAYS, place_size(t));
		if (t->places == NULL) {
			directory_free(dir);
			return NULL;
		}
	}
	return dir;
}

void
directory_free(struct directory *dir)
{
	size_t i, j;

	if (dir == NULL)
		return;
	for (i = 0; i < TABLES; i++) {
		struct table *t = &dir->table[i];

		/* Untouched places stay so: only rules lead on. */
		for (j = 0;
		     i == T_RULES && t->places != NULL && j < t->groups * WAYS;
		     j++)
			place_clear(dir, (int)i, place_at(t, j));
		free(t->places);
	}
	pthread_mutex_destroy(&dir->lock);
	free(dir);
}

/* ---- questions ---- */

/* Memory alone was asked, and does not know. */
static int
unsure(struct directory_ask *q)
{
	q->unsure = true;
	return 0;
}

int
directory_domain(struct directory_ask *q, const char *domain,
    struct id *tenant_out, struct err *e)
{
	const struct ask_key k = key_of(NULL, domain);
	int64_t asked = clock_mono_ms();
	int r;

	if (!recall(q, T_DOMAIN, &k, tenant_out)) {
		if (q->d == NULL)
			return unsure(q);
		*tenant_out = id_zero();
		r = domain_tenant(q->d->db, domain, tenant_out, e);
		if (r == -1)
			return -1;
		remember(q->dir, T_DOMAIN, &k, tenant_out, asked);
	}
	return !id_is_zero(tenant_out);
}

struct rules_reading {
	const struct id *tenant;
	struct rules_held *into;
	int found;
};

static int
rules_read(struct desk *d, void *arg, struct err *e)
{
	struct rules_reading *w = arg;

	w->found = rules_get(d->db, w->tenant, &w->into->rules, e);
	return w->found == -1 ? -1 : 0;
}

int
directory_rules(struct directory_ask *q, const struct id *tenant,
    const struct rules **out, struct err *e)
{
	const struct ask_key k = key_of(tenant, NULL);
	struct rules_reading w = {.tenant = tenant};
	int64_t asked = clock_mono_ms();

	*out = NULL;
	if (!recall(q, T_RULES, &k, &w.into)) {
		if (q->d == NULL)
			return unsure(q);
		if ((w.into = calloc(1, sizeof(*w.into))) == NULL)
			return err_set(e, ERR_UNAVAILABLE, "rules: memory");
		atomic_init(&w.into->held, 1);
		if (desk_look(q->d, tenant, rules_read, &w, e) == -1)
			w.found = -1; /* it may not even have begun */
		if (w.found != 1) {
			held_drop(w.into);
			forget(q->dir, T_RULES, &k);
			return w.found;
		}
		atomic_fetch_add(&w.into->held, 1);
		remember(q->dir, T_RULES, &k, &w.into, asked);
	}
	*out = &w.into->rules;
	return 1;
}

void
directory_rules_drop(const struct rules *r)
{
	union {
		const struct rules *in;
		struct rules_held *out; /* its first member */
	} u = {.in = r};

	held_drop(u.out);
}

struct address_reading {
	const struct id *tenant;
	const char *key;
	struct address_row *out;
	int found;
};

static int
address_read(struct desk *d, void *arg, struct err *e)
{
	struct address_reading *w = arg;

	w->found = address_find(d->db, w->tenant, w->key, w->out, e);
	return w->found == -1 ? -1 : 0;
}

int
directory_address(struct directory_ask *q, const struct id *tenant,
    const char *key, struct address_row *out, struct err *e)
{
	const struct ask_key k = key_of(tenant, key);
	struct address_reading w = {.tenant = tenant, .key = key, .out = out};
	int64_t asked = clock_mono_ms();

	if (recall(q, T_ADDRESS, &k, out) && out->kind != ADDRESS_NONE)
		return 1;
	if (q->d == NULL)
		return unsure(q);
	if (desk_look(q->d, tenant, address_read, &w, e) == -1)
		return -1;
	if (w.found == 1)
		remember(q->dir, T_ADDRESS, &k, out, asked);
	else
		forget(q->dir, T_ADDRESS, &k);
	return w.found;
}

void
directory_learn(struct directory_ask *q, const struct id *tenant,
    const char *key, const struct address_row *row)
{
	const struct ask_key k = key_of(tenant, key);

	remember(q->dir, T_ADDRESS, &k, row, clock_mono_ms());
}

struct known_reading {
	const struct id *tenant;
	const char *key;
	bool known;
};

static int
known_read(struct desk *d, void *arg, struct err *e)
{
	struct known_reading *w = arg;
	int r = sender_known(d->db, w->tenant, w->key, e);

	w->known = r == 1;
	return r == -1 ? -1 : 0;
}

int
directory_known(struct directory_ask *q, const struct id *tenant,
    const char *key, struct err *e)
{
	const struct ask_key k = key_of(tenant, key);
	struct known_reading w = {.tenant = tenant, .key = key};
	int64_t asked = clock_mono_ms();

	if (!recall(q, T_KNOWN, &k, &w.known)) {
		if (q->d == NULL)
			return unsure(q);
		if (desk_look(q->d, tenant, known_read, &w, e) == -1)
			return -1;
		remember(q->dir, T_KNOWN, &k, &w.known, asked);
	}
	return w.known;
}

/* ---- for who makes parcels ---- */

int
directory_tenant(
    struct desk *d, const struct id *tenant, struct tenant *out, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};
	const struct rules *rules;
	int r;

	if ((r = directory_rules(&q, tenant, &rules, e)) == 1)
		*out = rules->tenant;
	directory_rules_drop(rules);
	return r;
}

struct account_reading {
	const struct id *tenant;
	const char *key;
	struct account *out;
	int found;
};

static int
account_read(struct desk *d, void *arg, struct err *e)
{
	struct account_reading *w = arg;

	w->found = account_find(d->db, w->tenant, w->key, w->out, e);
	return w->found == -1 ? -1 : 0;
}

int
directory_account(struct desk *d, const struct id *tenant, const char *key,
    struct account *out, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};
	const struct ask_key k = key_of(tenant, key);
	struct account_reading w = {.tenant = tenant, .key = key, .out = out};
	int64_t asked = clock_mono_ms();
	struct address_row row;

	/* A guest's or an outside address stands for itself in the same table. */
	if (recall(&q, T_ADDRESS, &k, &row) &&
	    strcmp(row.account.key, key) == 0) {
		*out = row.account;
		return 1;
	}
	if (desk_look(d, tenant, account_read, &w, e) == -1)
		return -1;
	if (w.found == 1) {
		memset(&row, 0, sizeof(row));
		row.kind = out->kind == ACCOUNT_MEMBER ? ADDRESS_MEMBER :
							 ADDRESS_NONE;
		memcpy(row.key, k.text, sizeof(row.key));
		row.account = *out;
		remember(q.dir, T_ADDRESS, &k, &row, asked);
	}
	return w.found;
}

struct key_reading {
	const struct id *tenant;
	const struct account *a;
	struct account_key *out;
	int found;
};

static int
key_read(struct desk *d, void *arg, struct err *e)
{
	struct key_reading *w = arg;

	w->found = account_key_public(d->db, w->tenant, &w->a->id, w->out, e);
	return w->found == -1 ? -1 : 0;
}

int
directory_key(struct desk *d, const struct id *tenant, const struct account *a,
    struct account_key *out, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};
	struct ask_key k = key_of(tenant, a->key);
	struct key_reading w = {.tenant = tenant, .a = a, .out = out};
	int64_t asked = clock_mono_ms();
	struct key_answer kept;

	k.account = a->id; /* the certificate names both */
	memset(out, 0, sizeof(*out));
	if (recall(&q, T_KEY, &k, &kept)) {
		out->account = a->id;
		out->version = kept.version;
		memcpy(out->pk, kept.pk, sizeof(out->pk));
		memcpy(out->cert, kept.cert, sizeof(out->cert));
		return 1;
	}
	if (desk_look(d, tenant, key_read, &w, e) == -1)
		return -1;
	if (w.found == 0)
		return 0;
	if (account_key_check(d, tenant, &a->id, a->key, out, e) == -1)
		return -1;
	memset(&kept, 0, sizeof(kept));
	kept.version = out->version;
	memcpy(kept.pk, out->pk, sizeof(kept.pk));
	memcpy(kept.cert, out->cert, sizeof(kept.cert));
	remember(q.dir, T_KEY, &k, &kept, asked);
	return 1;
}
