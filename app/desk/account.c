/*
 * account.c: accounts and their unlockers: registering, signing in, and adopting what
 * waited for the address before there was an account.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "desk/internal.h"

/* A certificate is renewed at sign-in once half its life is over. */
#define RECERT_LEFT (LIMIT_KEY_CERT_DAYS / 2 * CLOCK_DAY)

/* Where an account's secret key is wrapped, and under what. */
static void
account_key_place(const uint8_t master[SECRET_KEY_LEN], const struct id *tenant,
    const struct id *account, uint32_t version, uint8_t key[SECRET_KEY_LEN],
    struct seal_bind *bind)
{
	const struct seal_field f[] = {SEAL_FID(tenant), SEAL_FID(account)};

	seal_kdf(key, SECRET_KEY_LEN, master, SEAL_L_ACCOUNT_KEY, f, 2);
	memset(bind, 0, sizeof(*bind));
	bind->tenant = *tenant;
	bind->owner = *account;
	bind->number = version;
}

int
account_key_newest(struct desk *d, const struct id *tenant,
    const struct id *account, struct account_key *out, struct err *e)
{
	int r = account_key_public(d->db, tenant, account, out, e);

	if (r == 0)
		return err_set(e, ERR_CORRUPT, "account without a key");
	return r == -1 ? -1 : 0;
}

static void
master_bind(
    const struct id *tenant, const struct unlocker *u, struct seal_bind *out)
{
	memset(out, 0, sizeof(*out));
	out->tenant = *tenant;
	out->owner = u->account;
	out->item = u->id;
	out->number = (uint64_t)u->kind;
}

/*
 * The key a password stands for: Argon2id here, then keyd's MAC, which is counted. A
 * stolen database lacks the MAC's key, a taken portal cannot go past the count.
 */
static int
password_key(struct desk *d, const struct id *tenant, const struct unlocker *u,
    const char *password, uint8_t out[SECRET_KEY_LEN], int *wait_s,
    struct err *e)
{
	uint8_t a[SECRET_KEY_LEN], mac[SECRET_KEY_LEN];
	struct seal_field f[] = {SEAL_F(mac, sizeof(mac))};
	int r = -1;

	if (seal_password(password, strlen(password), u->salt, a) == -1)
		err_set(e, ERR_UNAVAILABLE, "argon2: memory");
	else if (keyd_password_mac(d->keyd, tenant, &u->account, &u->id, a, mac,
		     wait_s, e) == 0) {
		seal_kdf(out, SECRET_KEY_LEN, a, SEAL_L_PASSWORD, f, 1);
		r = 0;
	}
	secret_wipe(a, sizeof(a));
	secret_wipe(mac, sizeof(mac));
	return r;
}

static int
password_wrap(struct desk *d, const struct id *tenant, const struct id *account,
    const char *password, const uint8_t master[SECRET_KEY_LEN],
    struct unlocker *out, struct err *e)
{
	struct buf blob = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int wait_s, r = -1;

	memset(out, 0, sizeof(*out));
	out->id = id_new();
	out->account = *account;
	out->kind = UNLOCKER_PASSWORD;
	secret_random(out->salt, sizeof(out->salt));
	if (password_key(d, tenant, out, password, key, &wait_s, e) == -1)
		return -1;
	master_bind(tenant, out, &bind);
	if (seal_wrap(key, SEAL_P_PASSWORD, &bind, master, SECRET_KEY_LEN,
		&blob, e) == 0) {
		memcpy(out->blob, blob.data, sizeof(out->blob));
		r = 0;
	}
	secret_wipe(key, sizeof(key));
	buf_free(&blob);
	return r;
}

/* The account's rows that a password opens. */
struct lock {
	const struct id *tenant;
	const struct account *account;
	struct unlocker unlocker;
	struct account_key key[RING_KEYS];
	size_t n_key;
	int found;
};

static int
lock_read(struct desk *d, void *arg, struct err *e)
{
	struct lock *l = arg;

	l->found = unlocker_find(d->db, l->tenant, &l->account->id,
	    UNLOCKER_PASSWORD, &l->unlocker, e);
	if (l->found == -1)
		return -1;
	return account_key_all(
	    d->db, l->tenant, &l->account->id, l->key, RING_KEYS, &l->n_key, e);
}

static int
keys_unwrap(const struct lock *l, const uint8_t master[SECRET_KEY_LEN],
    struct desk_ring *ring, struct err *e)
{
	struct buf sk = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	size_t i;
	int r = 0;

	for (i = 0; i < l->n_key && r == 0; i++) {
		account_key_place(master, l->tenant, &l->account->id,
		    l->key[i].version, key, &bind);
		buf_clear(&sk);
		r = seal_unwrap(key, SEAL_P_ACCOUNT_KEY, &bind,
		    l->key[i].sk_wrap, sizeof(l->key[i].sk_wrap), &sk, e);
		if (r == 0 && sk.len == SECRET_KEY_LEN) {
			ring->key[ring->n_key].version = l->key[i].version;
			memcpy(
			    ring->key[ring->n_key].sk, sk.data, SECRET_KEY_LEN);
			ring->n_key++;
		}
	}
	secret_wipe(key, sizeof(key));
	buf_free(&sk);
	return r;
}

/* Opens the account's keys with a password: the check itself. */
static int
password_open(struct desk *d, const struct id *tenant, const struct account *a,
    const char *password, struct desk_ring *ring, int *wait_s, struct err *e)
{
	struct lock l = {.tenant = tenant, .account = a};
	struct buf master = BUF_INIT;
	struct seal_bind bind;
	uint8_t key[SECRET_KEY_LEN];
	int r;

	if (desk_within(d, tenant, lock_read, &l, e) == -1)
		return -1;
	/* One with nothing to open goes the same way at the same cost. */
	if (!l.found)
		l.unlocker.account = a->id;
	if (password_key(d, tenant, &l.unlocker, password, key, wait_s, e) ==
	    -1)
		return -1;
	master_bind(tenant, &l.unlocker, &bind);
	r = l.found ? seal_unwrap(key, SEAL_P_PASSWORD, &bind, l.unlocker.blob,
			  sizeof(l.unlocker.blob), &master, e) :
		      err_set(e, ERR_DENIED, "no unlocker");
	if (r == 0)
		r = keys_unwrap(&l, master.data, ring, e);
	secret_wipe(key, sizeof(key));
	buf_free(&master);
	return r;
}

/* Who might be signing in: unknown addresses get an id of their own, so that they are counted alike. */
struct signing {
	struct desk_visit *v;
	const char *key;
	struct account account;
	int found;
};

static int
signing_read(struct desk *d, void *arg, struct err *e)
{
	struct signing *s = arg;
	uint8_t digest[32];

	s->found = account_find(
	    d->db, &s->v->tenant.id, s->key, &s->account, e);
	if (s->found == -1)
		return -1;
	if (s->found == 0) {
		memset(&s->account, 0, sizeof(s->account));
		seal_address_digest(&s->v->tenant.id, s->key, digest);
		memcpy(s->account.id.b, digest, ID_LEN);
	}
	return 0;
}

/* The password is the account's; the certificate says that the address is, too. */
static int
signing_write(struct desk *d, void *arg, struct err *e)
{
	struct signing *s = arg;
	const struct id *t = &s->v->tenant.id;
	struct account_key k;

	if (account_key_newest(d, t, &s->account.id, &k, e) == -1 ||
	    account_key_check(d, t, &s->account.id, s->account.key, &k, e) ==
		-1 ||
	    account_logged_in(d->db, t, &s->account.id, e) == -1)
		return -1;
	return visit_begin(
	    d, s->v, SESSION_ACCOUNT, &s->account, s->account.key, e);
}

/* Renews the account's certificate in time; a failure waits for the next sign-in. */
static int
recert(struct desk *d, void *arg, struct err *e)
{
	struct signing *s = arg;
	const struct id *t = &s->v->tenant.id;
	struct keyd_public pub;
	struct account_key k;
	struct seal_cert c;

	if (shared_public(d, &pub, e) == -1 ||
	    account_key_newest(d, t, &s->account.id, &k, e) == -1 ||
	    seal_cert_open(pub.directory_pk, k.cert, sizeof(k.cert), &c, e) ==
		-1)
		return -1;
	if (c.not_after > clock_now() + RECERT_LEFT)
		return 0;
	if (keyd_resign(d->keyd, k.cert, k.cert, e) == -1)
		return -1;
	return account_key_recert(
	    d->db, t, &s->account.id, k.version, k.cert, e);
}

int
desk_login(struct desk *d, struct desk_visit *v, const char *address,
    const char *password, int *wait_s, struct err *e)
{
	struct signing s = {.v = v};
	struct desk_ring *ring;
	struct mailbox box;
	struct err late;
	int r;

	*wait_s = 0;
	if (mailbox_typed(address, &box, e) == -1 ||
	    strlen(password) > LIMIT_PASSWORD_MAX)
		return err_set(e, ERR_DENIED, "no such account");
	s.key = box.key;
	if (desk_within(d, &v->tenant.id, signing_read, &s, e) == -1)
		return -1;
	if ((ring = ring_new()) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "sign-in: memory");
	r = password_open(
	    d, &v->tenant.id, &s.account, password, ring, wait_s, e);
	if (r == 0) {
		*v->ring = *ring;
		r = visit_within(d, v, signing_write, &s, e);
	}
	ring_free(ring);
	if (r == 0 && desk_within(d, &v->tenant.id, recert, &s, &late) == -1)
		log_err(NULL, "certificate not renewed", &late);
	return r;
}

/* A new account's rows, written together. */
struct birth {
	const struct id *tenant;
	struct account account;
	const char *name;
	struct account_key key;
	struct unlocker unlocker;
};

static int
birth_write(struct desk *d, void *arg, struct err *e)
{
	struct birth *b = arg;
	struct account there;
	int found;

	found = account_find(d->db, b->tenant, b->account.key, &there, e);
	if (found == -1 ||
	    (found == 0 && account_add(d->db, b->tenant, &b->account, e) == -1))
		return -1;
	if (account_activate(d->db, b->tenant, &b->account.id, b->name, e) ==
		-1 ||
	    account_key_add(d->db, b->tenant, &b->key, e) == -1)
		return -1;
	return unlocker_add(d->db, b->tenant, &b->unlocker, e);
}

static int
birth_seal(struct desk *d, struct birth *b, const uint8_t proof[KEYD_PROOF_LEN],
    const char *password, struct err *e)
{
	uint8_t master[SECRET_KEY_LEN], key[SECRET_KEY_LEN];
	struct buf wrap = BUF_INIT;
	struct seal_pair pair;
	struct seal_bind bind;
	int r = -1;

	secret_random(master, sizeof(master));
	seal_pair_new(&pair);
	b->key.account = b->account.id;
	b->key.version = 1;
	memcpy(b->key.pk, pair.pk, SEAL_PK_LEN);
	account_key_place(master, b->tenant, &b->account.id, 1, key, &bind);
	if (keyd_sign_account(d->keyd, proof, b->tenant, &b->account.id,
		b->account.key, 1, pair.pk, b->key.cert, e) == 0 &&
	    seal_wrap(key, SEAL_P_ACCOUNT_KEY, &bind, pair.sk, sizeof(pair.sk),
		&wrap, e) == 0) {
		memcpy(b->key.sk_wrap, wrap.data, sizeof(b->key.sk_wrap));
		r = password_wrap(d, b->tenant, &b->account.id, password,
		    master, &b->unlocker, e);
	}
	secret_wipe(master, sizeof(master));
	secret_wipe(key, sizeof(key));
	secret_wipe(&pair, sizeof(pair));
	buf_free(&wrap);
	return r;
}

int
desk_register(struct desk *d, const struct id *tenant, const struct account *a,
    const uint8_t proof[KEYD_PROOF_LEN], const char *name, const char *password,
    struct err *e)
{
	struct birth b = {.tenant = tenant, .account = *a, .name = name};

	if (a->active)
		return err_set(e, ERR_CONFLICT, "account is registered");
	if (birth_seal(d, &b, proof, password, e) == -1)
		return -1;
	return desk_within(d, tenant, birth_write, &b, e);
}

/* From now on the address is the account's: guests who proved it before are out. */
static int
guests_end(struct desk *d, void *arg, struct err *e)
{
	const struct signing *s = arg;

	return session_end_all(d->db, &s->v->tenant.id, s->key, e);
}

/* Registers, signs in with the new password, and adopts what waits; v->ring holds the proof. */
static int
register_and_enter(struct desk *d, struct desk_visit *v,
    const struct account *a, const char *name, const char *password,
    struct err *e)
{
	uint8_t proof[KEYD_PROOF_LEN];
	uint8_t link[SEAL_LINK_BYTES], has_link = v->ring->has_link;
	struct signing s = {.v = v, .key = a->key};
	struct err late;
	int wait_s, r;

	memcpy(proof, v->ring->proof, sizeof(proof));
	memcpy(link, v->ring->link, sizeof(link));
	if ((r = desk_register(
		 d, &v->tenant.id, a, proof, name, password, e)) == 0 &&
	    (r = desk_within(d, &v->tenant.id, guests_end, &s, e)) == 0 &&
	    (r = desk_login(d, v, a->key, password, &wait_s, e)) == 0) {
		memcpy(v->ring->proof, proof, sizeof(proof));
		memcpy(v->ring->link, link, sizeof(link));
		v->ring->has_proof = 1;
		v->ring->has_link = has_link;
		err_clear(&late);
		if (adopt_pending(d, v, &late) == -1)
			log_err(NULL, "adoption left for later", &late);
	}
	secret_wipe(proof, sizeof(proof));
	secret_wipe(link, sizeof(link));
	return r;
}

int
desk_register_guest(struct desk *d, struct desk_visit *v, const char *name,
    const char *password, struct err *e)
{
	struct signing s = {.v = v, .key = v->address};

	if (v->kind != SESSION_GUEST || !v->ring->has_proof)
		return err_set(e, ERR_DENIED, "address is not proved");
	if (desk_within(d, &v->tenant.id, signing_read, &s, e) == -1)
		return -1;
	if (s.found == 0) {
		s.account.id = id_new();
		s.account.kind = ACCOUNT_GUEST;
		memcpy(
		    s.account.address, v->address, sizeof(s.account.address));
		memcpy(s.account.key, v->address, sizeof(s.account.key));
		text_cut(s.account.name, sizeof(s.account.name), name);
	}
	return register_and_enter(d, v, &s.account, name, password, e);
}

int
desk_register_code(struct desk *d, struct desk_visit *v, const char *address,
    const char *code, const char *name, const char *password, struct err *e)
{
	struct signing s = {.v = v};
	struct mailbox box;

	if (mailbox_typed(address, &box, e) == -1)
		return err_set(e, ERR_DENIED, "no such member");
	s.key = box.key;
	if (desk_within(d, &v->tenant.id, signing_read, &s, e) == -1)
		return -1;
	if (keyd_registration_check(
		d->keyd, &v->tenant.id, box.key, code, v->ring->proof, e) == -1)
		return e->code == ERR_UNAVAILABLE ?
		    -1 :
		    err_set(e, ERR_DENIED, "code refused");
	if (s.found == 0 || s.account.active)
		return err_set(e, ERR_DENIED, "no such member to be");
	return register_and_enter(d, v, &s.account, name, password, e);
}
