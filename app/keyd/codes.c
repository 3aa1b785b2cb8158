/*
 * codes.c: see codes.h. A record's state is stored last when it begins to hold and
 * first when it ends, so that a killed keyd leaves it whole or unused.
 */
#include "keyd/codes.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyd/files.h"

#define WAYS         16
#define CODE_SETS    512
#define INVITE_SETS  1024
#define VERIFIER_LEN 32
#define TAG_LEN      16

enum state { FREE, LIVE, DEAD };

struct code {
	_Atomic uint32_t state;
	uint32_t tries;
	int64_t expires;
	struct id handle;
	struct id tenant;
	uint8_t browser[32]; /* keyed */
	uint8_t address[32];
	uint8_t verifier[VERIFIER_LEN];
};

struct invite {
	_Atomic uint32_t state;
	uint32_t zero;
	int64_t expires;
	uint8_t tag[TAG_LEN];
	uint8_t verifier[VERIFIER_LEN];
};

struct keyd_codes {
	const struct keyd_keys *keys;
	struct keyd_table codes;
	struct keyd_table invites;
};

struct keyd_codes *
keyd_codes_open(int dir, const struct keyd_keys *k, bool first, struct err *e)
{
	struct keyd_codes *c = calloc(1, sizeof(*c));
	bool fresh[2];

	if (c == NULL) {
		err_set(e, ERR_UNAVAILABLE, "memory is out");
		return NULL;
	}
	c->keys = k;
	if (keyd_table_open(dir, "codes", sizeof(struct code), WAYS, CODE_SETS,
		&c->codes, &fresh[0], e) == -1 ||
	    keyd_table_open(dir, "registrations", sizeof(struct invite), WAYS,
		INVITE_SETS, &c->invites, &fresh[1], e) == -1) {
		keyd_codes_close(c);
		return NULL;
	}
	if ((fresh[0] || fresh[1]) && !first)
		log_line(LOG_LEVEL_WARN, NULL, "new table",
		    "codes=%d registrations=%d", fresh[0], fresh[1]);
	return c;
}

void
keyd_codes_close(struct keyd_codes *c)
{
	if (c == NULL)
		return;
	keyd_table_close(&c->codes);
	keyd_table_close(&c->invites);
	free(c);
}

/* Keyed, so that what the portal knows a browser by does not stand on disk. */
static void
browser_of(const struct keyd_codes *c, const struct id *handle,
    const uint8_t browser[32], uint8_t out[32])
{
	const struct seal_field f[] = {SEAL_FID(handle), SEAL_F(browser, 32)};

	seal_kdf(
	    out, 32, keyd_keys_get(c->keys, KEYD_CODE), SEAL_L_BROWSER, f, 2);
}

static void
verifier_of(const struct keyd_codes *c, const struct code *r, const char *code,
    uint8_t out[VERIFIER_LEN])
{
	const struct seal_field f[] = {SEAL_FID(&r->handle),
	    SEAL_F(r->browser, 32), SEAL_FID(&r->tenant),
	    SEAL_F(r->address, 32), SEAL_FSTR(code)};

	seal_kdf(out, VERIFIER_LEN, keyd_keys_get(c->keys, KEYD_CODE),
	    SEAL_L_CODE, f, 5);
}

static struct code *
code_set(const struct keyd_codes *c, const struct id *handle)
{
	uint64_t hash;

	memcpy(&hash, handle->b, sizeof(hash));
	return keyd_table_set(&c->codes, hash);
}

void
keyd_codes_add(struct keyd_codes *c, const struct id *handle,
    const uint8_t browser[32], const struct id *tenant,
    const uint8_t address[32], const char code[SEAL_CODE_LEN], int64_t now)
{
	struct code *set = code_set(c, handle), *r = &set[0];
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].state != LIVE || set[i].expires <= now) {
			r = &set[i];
			break;
		}
		if (set[i].expires < r->expires)
			r = &set[i];
	}
	r->state = FREE;
	r->tries = 0;
	r->expires = now + LIMIT_CODE_MINUTES * CLOCK_MINUTE;
	r->handle = *handle;
	r->tenant = *tenant;
	memcpy(r->address, address, sizeof(r->address));
	browser_of(c, handle, browser, r->browser);
	verifier_of(c, r, code, r->verifier);
	r->state = LIVE;
}

static struct code *
code_find(struct keyd_codes *c, const struct id *handle)
{
	struct code *set = code_set(c, handle);
	int i;

	for (i = 0; i < WAYS; i++)
		if (set[i].state == LIVE && id_equal(&set[i].handle, handle))
			return &set[i];
	return NULL;
}

/* Whether what was typed is the code. A malformed one is as wrong as any. */
static bool
code_right(const struct keyd_codes *c, const struct code *r, const char *typed)
{
	uint8_t verifier[VERIFIER_LEN];
	char code[SEAL_CODE_LEN];
	bool right;

	if (seal_code_parse(typed, code) == -1)
		return false;
	verifier_of(c, r, code, verifier);
	right = secret_equal(verifier, r->verifier, sizeof(verifier));
	secret_wipe(verifier, sizeof(verifier));
	secret_wipe(code, sizeof(code));
	return right;
}

int
keyd_codes_check(struct keyd_codes *c, const struct id *handle,
    const uint8_t browser[32], const char *typed, int64_t now,
    struct id *tenant, uint8_t address[32], struct err *e)
{
	struct code *r = code_find(c, handle);
	uint8_t keyed[32];

	if (r == NULL)
		return err_set(e, ERR_DENIED, "unknown or dead code");
	browser_of(c, handle, browser, keyed);
	if (!secret_equal(keyed, r->browser, sizeof(keyed)))
		return err_set(e, ERR_DENIED, "another browser's code");
	if (r->expires <= now)
		return err_set(e, ERR_EXPIRED, "code expired");
	/* Killed between the last try and its end. */
	if (r->tries >= LIMIT_CODE_TRIES)
		return err_set(e, ERR_DENIED, "dead code");
	r->tries++;
	if (!code_right(c, r, typed)) {
		if (r->tries >= LIMIT_CODE_TRIES)
			r->state = DEAD;
		return err_set(
		    e, ERR_DENIED, "wrong code, try %u", (unsigned)r->tries);
	}
	r->state = DEAD;
	*tenant = r->tenant;
	memcpy(address, r->address, sizeof(r->address));
	return 0;
}

static void
invite_tag(const struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], uint8_t out[32])
{
	const struct seal_field f[] = {
	    SEAL_FSTR("invite"), SEAL_FID(tenant), SEAL_F(address, 32)};

	seal_kdf(
	    out, 32, keyd_keys_get(c->keys, KEYD_COUNT), SEAL_L_COUNT, f, 3);
}

static void
invite_verifier(const struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], const uint8_t code[KEYD_REGISTRATION_BYTES],
    uint8_t out[VERIFIER_LEN])
{
	const struct seal_field f[] = {SEAL_FID(tenant), SEAL_F(address, 32),
	    SEAL_F(code, KEYD_REGISTRATION_BYTES)};

	seal_kdf(out, VERIFIER_LEN, keyd_keys_get(c->keys, KEYD_CODE),
	    SEAL_L_REGISTRATION, f, 3);
}

static struct invite *
invite_set(const struct keyd_codes *c, const uint8_t tag[32])
{
	uint64_t hash;

	memcpy(&hash, tag + TAG_LEN, sizeof(hash));
	return keyd_table_set(&c->invites, hash);
}

static struct invite *
invite_find(const struct keyd_codes *c, const uint8_t tag[32])
{
	struct invite *set = invite_set(c, tag);
	int i;

	for (i = 0; i < WAYS; i++)
		if (set[i].state == LIVE &&
		    memcmp(set[i].tag, tag, TAG_LEN) == 0)
			return &set[i];
	return NULL;
}

/* Where a new one goes: an unused place, else the oldest. */
static struct invite *
invite_place(const struct keyd_codes *c, const uint8_t tag[32], int64_t now)
{
	struct invite *set = invite_set(c, tag), *r = &set[0];
	int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].state != LIVE || set[i].expires <= now)
			return &set[i];
		if (set[i].expires < r->expires)
			r = &set[i];
	}
	log_line(LOG_LEVEL_WARN, NULL, "registration code dropped",
	    "too many are open: the oldest of its set went");
	return r;
}

void
keyd_codes_invite(struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], const uint8_t code[KEYD_REGISTRATION_BYTES],
    int64_t now)
{
	uint8_t tag[32];
	struct invite *r;

	invite_tag(c, tenant, address, tag);
	r = invite_find(c, tag);
	if (r == NULL)
		r = invite_place(c, tag, now);
	r->state = FREE;
	r->expires = now + LIMIT_REGISTRATION_DAYS * CLOCK_DAY;
	memcpy(r->tag, tag, TAG_LEN);
	invite_verifier(c, tenant, address, code, r->verifier);
	r->state = LIVE;
}

int
keyd_codes_accept(struct keyd_codes *c, const struct id *tenant,
    const uint8_t address[32], const uint8_t code[KEYD_REGISTRATION_BYTES],
    int64_t now, struct err *e)
{
	uint8_t tag[32], verifier[VERIFIER_LEN];
	struct invite *r;
	bool right;

	invite_tag(c, tenant, address, tag);
	invite_verifier(c, tenant, address, code, verifier);
	r = invite_find(c, tag);
	right = r != NULL &&
	    secret_equal(verifier, r->verifier, sizeof(verifier));
	secret_wipe(verifier, sizeof(verifier));
	if (!right)
		return err_set(e, ERR_DENIED, "wrong registration code");
	r->state = DEAD;
	if (r->expires <= now)
		return err_set(e, ERR_EXPIRED, "registration code expired");
	return 0;
}
