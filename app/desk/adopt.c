/*
 * adopt.c: reading keys of a visit, and sealing what waited for an address again to the
 * key of its new account.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "desk/internal.h"

/* Through the link: its secret from the visit, its other half from keyd. */
static int
link_unwrap(const struct desk_visit *v, const struct notice *n,
    const uint8_t half[SECRET_KEY_LEN], struct seal_pair *out, struct err *e)
{
	const struct seal_bind bind = {
	    .tenant = v->tenant.id, .owner = n->message, .item = n->id};
	struct buf sk = BUF_INIT;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	if (!v->ring->has_link)
		return err_set(e, ERR_DENIED, "the link is needed");
	seal_link_key(v->ring->link, half, &v->tenant.id, &n->id, key);
	r = seal_unwrap(key, SEAL_P_LINK, &bind, n->link_wrap.data,
	    n->link_wrap.len, &sk, e);
	if (r == 0 && sk.len == SECRET_KEY_LEN)
		seal_pair_from(sk.data, out);
	secret_wipe(key, sizeof(key));
	buf_free(&sk);
	return r;
}

/* keyd gives nothing without its own proof of the address. */
static int
notice_pair(struct desk *d, const struct desk_visit *v, const struct notice *n,
    struct seal_pair *out, struct err *e)
{
	struct keyd_release rel;
	int r;

	if (!v->ring->has_proof)
		return err_set(e, ERR_DENIED, "address is not proved");
	r = keyd_release(d->keyd, v->ring->proof, &v->tenant.id, &n->message,
	    &n->id, n->escrow.data, n->escrow.len, &rel, e);
	if (r == 0 && rel.has_key)
		seal_pair_from(rel.sk, out);
	else if (r == 0)
		r = link_unwrap(v, n, rel.half, out, e);
	secret_wipe(&rel, sizeof(rel));
	return r;
}

int
visit_pair(struct desk *d, const struct desk_visit *v,
    const struct reader_row *r, struct seal_pair *out, struct err *e)
{
	struct notice n;
	uint32_t i;
	int found, done;

	if (!id_is_zero(&r->account)) {
		for (i = 0; i < v->ring->n_key; i++) {
			if (v->ring->key[i].version != r->key_version)
				continue;
			seal_pair_from(v->ring->key[i].sk, out);
			return 0;
		}
		return err_set(e, ERR_DENIED, "key version is not in the ring");
	}
	memset(&n, 0, sizeof(n));
	found = notice_of_slot(
	    d->db, &v->tenant.id, &r->message, r->slot, &n, e);
	if (found == 0)
		err_set(e, ERR_NOT_FOUND, "notice is gone");
	done = found == 1 ? notice_pair(d, v, &n, out, e) : -1;
	notice_clear(&n);
	return done;
}

int
slot_open(struct desk *d, const struct id *tenant, const struct message *m,
    const struct reader_row *r, const struct seal_pair *reader,
    uint8_t dek[SECRET_KEY_LEN], struct err *e)
{
	uint8_t shred[SECRET_KEY_LEN], commit[32];
	struct seal_bind bind;
	int done;

	if (keyd_shred_key(d->keyd, r->slot_id, shred, e) == -1)
		return -1;
	slot_bind(tenant, &m->id, r->slot, &bind);
	done = seal_slot_open(reader, r->ephemeral_pk, shred, &bind, r->sealed,
	    sizeof(r->sealed), dek, e);
	secret_wipe(shred, sizeof(shred));
	if (done == -1)
		return -1;
	seal_dek_commit(dek, tenant, &m->id, commit);
	if (!secret_equal(commit, m->dek_commit, sizeof(commit)))
		return err_set(e, ERR_CORRUPT, "another data key");
	return 0;
}

/* One slot, from the notice's key to the account's. */
static int
slot_move(struct desk *d, const struct desk_visit *v,
    const struct account_key *key, const struct message *m,
    struct reader_row *r, struct err *e)
{
	struct seal_pair old, ephemeral;
	uint8_t dek[SECRET_KEY_LEN], shred[SECRET_KEY_LEN];
	struct seal_bind bind;
	int done = -1;

	if (visit_pair(d, v, r, &old, e) == 0 &&
	    slot_open(d, &v->tenant.id, m, r, &old, dek, e) == 0 &&
	    keyd_shred_key(d->keyd, r->slot_id, shred, e) == 0) {
		seal_pair_new(&ephemeral);
		slot_bind(&v->tenant.id, &m->id, r->slot, &bind);
		memcpy(r->ephemeral_pk, ephemeral.pk, SEAL_PK_LEN);
		r->account = key->account;
		r->key_version = key->version;
		done = seal_slot_seal(
		    &ephemeral, key->pk, shred, &bind, dek, r->sealed, e);
	}
	secret_wipe(&old, sizeof(old));
	secret_wipe(&ephemeral, sizeof(ephemeral));
	secret_wipe(dek, sizeof(dek));
	secret_wipe(shred, sizeof(shred));
	return done == 0 ? reader_adopt(d->db, &v->tenant.id, r, e) : -1;
}

#define ADOPT_AT_ONCE 32
#define READERS_MAX   8 /* slots of one address in one message */

static int
notice_adopt(struct desk *d, const struct desk_visit *v,
    const struct account_key *key, const struct notice *n, struct err *e)
{
	struct reader_row r[READERS_MAX];
	struct message m;
	size_t i, found = 0;
	int done;

	memset(&m, 0, sizeof(m));
	done = message_get(d->db, &v->tenant.id, &n->message, &m, e);
	if (done == 1)
		done = reader_of_address(d->db, &v->tenant.id, &n->message,
		    n->key, r, READERS_MAX, &found, e);
	for (i = 0; i < found && done == 0; i++)
		if (r[i].slot == n->slot && id_is_zero(&r[i].account))
			done = slot_move(d, v, key, &m, &r[i], e);
	message_clear(&m);
	return done == 0 ?
	    notice_adopted(d->db, &v->tenant.id, &n->id, &key->account, e) :
	    -1;
}

/* Does this fault concern one notice only? Then the others are adopted without it. */
static bool
one_alone(const struct err *e)
{
	if (e->code != ERR_EXPIRED && e->code != ERR_DENIED &&
	    e->code != ERR_GONE && e->code != ERR_CORRUPT)
		return false;
	log_err(NULL, "notice not adopted", e);
	return true;
}

struct adopting {
	const struct desk_visit *v;
	size_t found;
	size_t done;
};

static int
adopt_some(struct desk *d, void *arg, struct err *e)
{
	struct adopting *a = arg;
	const struct id *t = &a->v->tenant.id;
	struct notice *n;
	struct account_key key;
	size_t i, found = 0;
	int r;

	a->found = a->done = 0;
	if (account_key_newest(d, t, &a->v->account.id, &key, e) == -1 ||
	    account_key_check(
		d, t, &a->v->account.id, a->v->account.key, &key, e) == -1)
		return -1;
	if ((n = calloc(ADOPT_AT_ONCE, sizeof(*n))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "adoption: memory");
	r = notice_of_address(
	    d->db, t, a->v->account.key, n, ADOPT_AT_ONCE, &found, e);
	for (i = 0; i < found && r == 0; i++) {
		r = notice_adopt(d, a->v, &key, &n[i], e);
		if (r == 0)
			a->done++;
		else if (one_alone(e))
			r = 0;
	}
	for (i = 0; i < found; i++)
		notice_clear(&n[i]);
	free(n);
	a->found = found;
	return r;
}

int
adopt_pending(struct desk *d, const struct desk_visit *v, struct err *e)
{
	struct adopting a = {.v = v};

	do {
		if (desk_within(d, &v->tenant.id, adopt_some, &a, e) == -1)
			return -1;
		/* Those that cannot be adopted come again: on while others go. */
	} while (a.found == ADOPT_AT_ONCE && a.done > 0);
	return 0;
}
