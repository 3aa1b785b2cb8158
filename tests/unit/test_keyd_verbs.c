/*
 * test_keyd_verbs.c: every verb of keyd through its messages, for every role, with a
 * clock that the test sets. Nothing here opens a socket.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "keyd/verbs.h"
#include "keyd_dir.h"

#define NOW  (INT64_C(1800000000) * CLOCK_SECOND)
#define ADAM "Adam@Example.org"
#define EVE  "eve@example.net"

static struct keyd_state st;
static struct keyd_talk talk;
static union proto_request q;
static union proto_reply r;
static struct proto_head h;
static struct err e;
static int dir = -1;

static const struct id tenant = {{1}}, other = {{2}};
static const struct id message = {{3}}, notice = {{4}};
static const struct id outbox = {{5}}, account = {{6}};
static const uint8_t browser[32] = {7};

static int
setup(void **state)
{
	(void)state;
	keyd_dir_new();
	dir = open(keyd_dir_path("."), O_RDONLY | O_DIRECTORY);
	memset(&q, 0, sizeof(q));
	if (keyd_state_open(&st, dir, &e) == -1)
		return -1;
	st.now = NOW;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	keyd_state_close(&st);
	close(dir);
	keyd_dir_end();
	return 0;
}

/* Asks with q as the role; the outcome, with the reply in r. */
static enum err_code
ask(enum proto_role role, enum proto_verb verb)
{
	struct proto_head out = {.verb = verb, .seq = 77};

	st.role = role;
	assert_int_equal(proto_write_request(talk.in, &out, &q), 0);
	assert_int_equal(keyd_verbs_answer(&st, &talk), 0);
	assert_int_equal(proto_read_head(talk.out, &h), 0);
	assert_int_equal(h.verb, verb);
	assert_int_equal(h.seq, 77);
	assert_int_equal(proto_read_reply(talk.out, &r), 0);
	return h.outcome;
}

static void
fill_escrow(
    struct proto_blob *out, const char *address, int64_t expires, int has_key)
{
	struct seal_escrow rec = {.expires = expires, .has_key = has_key};
	const struct seal_bind bind = {
	    .tenant = tenant, .owner = message, .item = notice};
	struct buf plain = BUF_INIT, box = BUF_INIT;

	assert_int_equal(keyd_slots_take(st.slots, 1, &rec.slot_id, &e), 0);
	strcpy(rec.address, address);
	memset(rec.sk, 's', sizeof(rec.sk));
	assert_int_equal(seal_escrow_encode(&rec, &plain), 0);
	assert_int_equal(
	    seal_box_seal(keyd_keys_escrow(st.keys)->pk, SEAL_P_ESCROW, &bind,
		plain.data, plain.len, &box, &e),
	    0);
	assert_true(box.len <= sizeof(out->data));
	memcpy(out->data, box.data, box.len);
	out->len = box.len;
	buf_free(&plain);
	buf_free(&box);
}

/* A request for a code for Adam's record; typed as given. */
static void
fill_code_make(const char *typed)
{
	memset(&q, 0, sizeof(q));
	q.code_make.tenant = tenant;
	q.code_make.message = message;
	q.code_make.notice = notice;
	q.code_make.outbox = outbox;
	memcpy(q.code_make.browser, browser, 32);
	strcpy(q.code_make.typed, typed);
	fill_escrow(&q.code_make.escrow, ADAM, NOW + CLOCK_DAY, 1);
}

/* What the courier would read out of the item in r. */
static void
read_item(struct seal_item *item)
{
	struct proto_blob box = r.code.item;

	memset(&q, 0, sizeof(q));
	q.outbox.tenant = tenant;
	q.outbox.outbox = outbox;
	q.outbox.kind = SEAL_I_CODE;
	q.outbox.box = box;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_NONE);
	memset(item, 0, sizeof(*item));
	strcpy(item->address, r.item.address);
	strcpy(item->secret, r.item.secret);
	strcpy(item->reference, r.item.reference);
}

static void
prove_adam(uint8_t proof[KEYD_PROOF_LEN])
{
	struct seal_item item;
	struct id handle;

	fill_code_make("adam@example.ORG");
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
	handle = r.code.handle;
	read_item(&item);
	memset(&q, 0, sizeof(q));
	q.code_check.handle = handle;
	memcpy(q.code_check.browser, browser, 32);
	strcpy(q.code_check.code, item.secret);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_CHECK), ERR_NONE);
	memcpy(proof, r.proof, KEYD_PROOF_LEN);
}

static void
roles(void **state)
{
	/* portal intake courier ctl */
	static const char *const may[PROTO_VERBS] = {
	    [PROTO_PING] = "pick",
	    [PROTO_PUBLIC] = "pick",
	    [PROTO_CERTIFY] = "pi",
	    [PROTO_LEASE] = "pi",
	    [PROTO_SHRED_KEY] = "p",
	    [PROTO_PASSWORD_MAC] = "pk",
	    [PROTO_CODE_MAKE] = "p",
	    [PROTO_CODE_CHECK] = "p",
	    [PROTO_RELEASE] = "p",
	    [PROTO_REGISTRATION_MAKE] = "k",
	    [PROTO_REGISTRATION_CHECK] = "pk",
	    [PROTO_SIGN_ACCOUNT] = "pk",
	    [PROTO_RESIGN] = "pi",
	    [PROTO_TOKEN_MAKE] = "k",
	    [PROTO_TOKEN_CHECK] = "i",
	    [PROTO_OUTBOX_OPEN] = "c",
	    [PROTO_DUPLICATE_TAGS] = "pi",
	    [PROTO_FORWARD_OPEN] = "c",
	};
	unsigned verb, role;

	(void)state;
	for (verb = 1; verb < PROTO_VERBS; verb++)
		for (role = 0; role < PROTO_ROLES; role++) {
			bool yes = strchr(may[verb], "pick"[role]) != NULL;

			assert_non_null(proto_verb_name(verb));
			assert_int_equal(
			    keyd_verbs_allowed(verb, (enum proto_role)role),
			    yes);
			if (yes)
				continue;
			memset(&q, 0, sizeof(q));
			assert_int_equal(
			    ask((enum proto_role)role, (enum proto_verb)verb),
			    ERR_DENIED);
		}
	assert_false(keyd_verbs_allowed(0, PROTO_PORTAL));
	assert_false(keyd_verbs_allowed(PROTO_VERBS, PROTO_PORTAL));
	assert_false(keyd_verbs_allowed(PROTO_PING, PROTO_ROLES));
}

static void
ping_and_public(void **state)
{
	(void)state;
	assert_int_equal(ask(PROTO_CTL, PROTO_PING), ERR_NONE);
	assert_int_equal(ask(PROTO_INTAKE, PROTO_PUBLIC), ERR_NONE);
	assert_int_equal(r.public.generation, 1);
	assert_memory_equal(
	    r.public.escrow_pk, keyd_keys_escrow(st.keys)->pk, 32);
	assert_memory_equal(
	    r.public.outbox_pk, keyd_keys_outbox(st.keys)->pk, 32);
	assert_memory_equal(
	    r.public.forward_pk, keyd_keys_forward(st.keys)->pk, 32);
	assert_memory_equal(
	    r.public.directory_pk, keyd_keys_directory(st.keys)->pk, 32);
}

static void
certify(void **state)
{
	struct seal_cert c;
	uint8_t name[32] = "intake";

	(void)state;
	memset(q.certify.sign_pk, 'k', 32);
	assert_int_equal(ask(PROTO_INTAKE, PROTO_CERTIFY), ERR_NONE);
	assert_int_equal(seal_cert_open(keyd_keys_directory(st.keys)->pk,
			     r.cert, SEAL_CERT_LEN, &c, &e),
	    0);
	assert_int_equal(c.kind, SEAL_C_PROCESS);
	assert_memory_equal(c.address, name, 32);
	assert_memory_equal(c.pk, q.certify.sign_pk, 32);
	assert_true(c.not_before == NOW);
	assert_true(c.not_after == NOW + 30 * CLOCK_DAY);
}

static void
lease_and_shred(void **state)
{
	struct keyd_slot first[KEYD_LEASE];
	int i;

	(void)state;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_LEASE), ERR_NONE);
	memcpy(first, r.lease, sizeof(first));
	assert_int_equal(ask(PROTO_PORTAL, PROTO_LEASE), ERR_NONE);
	for (i = 0; i < KEYD_LEASE; i++)
		assert_true(r.lease[i].id == first[i].id + KEYD_LEASE);
	for (i = 0; i < KEYD_LEASE; i++) {
		q.shred.slot_id = first[i].id;
		assert_int_equal(ask(PROTO_PORTAL, PROTO_SHRED_KEY), ERR_NONE);
		assert_memory_equal(r.key, first[i].shred, 32);
		assert_memory_not_equal(r.key, first[i].half, 32);
	}
	q.shred.slot_id = 1 << 30;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SHRED_KEY), ERR_NOT_FOUND);
}

static void
password(void **state)
{
	uint8_t mac[32];
	int i;

	(void)state;
	q.password.tenant = tenant;
	q.password.account = account;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_NONE);
	memcpy(mac, r.key, 32);
	assert_int_equal(ask(PROTO_CTL, PROTO_PASSWORD_MAC), ERR_NONE);
	assert_memory_equal(r.key, mac, 32);
	q.password.wrap.b[0] = 1;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_NONE);
	assert_memory_not_equal(r.key, mac, 32);
	q.password.a[0] = 1;
	for (i = 3; i < LIMIT_PASSWORD_HOUR; i++)
		assert_int_equal(
		    ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_NONE);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_TOO_MANY);
	assert_int_equal(h.wait_s, 3600);
	/* The same account id of another tenant is another account. */
	q.password.tenant = other;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_NONE);
	q.password.tenant = tenant;
	st.now += CLOCK_HOUR;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_PASSWORD_MAC), ERR_NONE);
	assert_int_equal(h.wait_s, 0);
}

static void
code_leaves_only_in_the_item(void **state)
{
	struct seal_item item;
	char reference[8];
	size_t i;

	(void)state;
	fill_code_make("adam@example.org");
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
	assert_true(r.code.expires == (uint64_t)(NOW + 15 * CLOCK_MINUTE));
	assert_int_equal(strlen(r.code.reference), 3);
	assert_true(r.code.item.len <= KEYD_ITEM_MAX);
	strcpy(reference, r.code.reference);
	/* The whole message to the portal, against the code in the box. */
	uint8_t out[PROTO_SIZE];
	memcpy(out, talk.out, sizeof(out));
	read_item(&item);
	assert_string_equal(item.address, ADAM);
	assert_string_equal(item.reference, reference);
	assert_int_equal(strlen(item.secret), SEAL_CODE_LEN - 1);
	assert_null(memmem(out, sizeof(out), item.secret, SEAL_CODE_LEN - 1));
	assert_false(keyd_dir_holds(item.secret, SEAL_CODE_LEN - 1));
	assert_false(keyd_dir_holds(ADAM, strlen(ADAM)));
	assert_false(keyd_dir_holds("adam@example", 12));
	assert_false(keyd_dir_holds(browser, 32));
	/* The search itself finds what is there. */
	assert_true(keyd_dir_holds(keyd_keys_get(st.keys, KEYD_CODE), 32));
	/* Nothing is left in the memory a request passed through. */
	for (i = 0; i < sizeof(talk.in); i++)
		assert_int_equal(talk.in[i], 0);
	for (i = 0; i < sizeof(talk.r); i++)
		assert_int_equal(((uint8_t *)&talk.r)[i], 0);
}

static void
code_make_refuses(void **state)
{
	int i;

	(void)state;
	fill_code_make(EVE);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	q.code_make.tenant = other;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	q.code_make.notice = outbox;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	q.code_make.message = outbox;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	q.code_make.escrow.data[100] ^= 1;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	q.code_make.escrow.len = 0;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_DENIED);
	fill_code_make(ADAM);
	fill_escrow(&q.code_make.escrow, ADAM, NOW, 1);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_EXPIRED);
	/* None of these was counted as a code mail. */
	for (i = 0; i < LIMIT_CODES_HOUR; i++) {
		fill_code_make(ADAM);
		assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
	}
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_TOO_MANY);
	st.now += CLOCK_HOUR;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
}

static void
code_check(void **state)
{
	struct seal_item item;
	struct id handle;
	int i;

	(void)state;
	fill_code_make(ADAM);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
	handle = r.code.handle;
	read_item(&item);
	memset(&q, 0, sizeof(q));
	q.code_check.handle = handle;
	memset(q.code_check.browser, 'x', 32);
	strcpy(q.code_check.code, item.secret);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_CHECK), ERR_DENIED);
	memcpy(q.code_check.browser, browser, 32);
	q.code_check.handle = outbox;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_CHECK), ERR_DENIED);
	q.code_check.handle = handle;
	strcpy(q.code_check.code, "wrong");
	for (i = 0; i < LIMIT_CODE_TRIES; i++)
		assert_int_equal(
		    ask(PROTO_PORTAL, PROTO_CODE_CHECK), ERR_DENIED);
	strcpy(q.code_check.code, item.secret);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_CHECK), ERR_DENIED);
}

static void
fill_release(const uint8_t *proof)
{
	memset(&q, 0, sizeof(q));
	if (proof != NULL)
		memcpy(q.release.proof, proof, KEYD_PROOF_LEN);
	q.release.tenant = tenant;
	q.release.message = message;
	q.release.notice = notice;
	fill_escrow(&q.release.escrow, "adam@example.org", NOW + CLOCK_DAY, 1);
}

static void
no_proof_no_release(void **state)
{
	static const uint8_t none[sizeof(r)];
	uint8_t proof[KEYD_PROOF_LEN], forged[KEYD_PROOF_LEN];
	int i;

	(void)state;
	fill_release(NULL);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	assert_memory_equal(&r, none, sizeof(r));
	secret_random(forged, sizeof(forged));
	fill_release(forged);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	prove_adam(proof);
	for (i = 0; i < KEYD_PROOF_LEN; i++) {
		memcpy(forged, proof, sizeof(forged));
		forged[i] ^= 0x80;
		fill_release(forged);
		assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	}
	/* A true proof, of another address or tenant. */
	fill_release(proof);
	fill_escrow(&q.release.escrow, EVE, NOW + CLOCK_DAY, 1);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	fill_release(proof);
	q.release.tenant = other;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	fill_release(proof);
	q.release.notice = outbox;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_DENIED);
	assert_memory_equal(&r, none, sizeof(r));
	fill_release(proof);
	fill_escrow(&q.release.escrow, ADAM, NOW, 1);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_EXPIRED);
	fill_release(proof);
	st.now += 12 * CLOCK_HOUR;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_EXPIRED);
	/* The control: with the proof, in time, it opens. */
	st.now = NOW + 12 * CLOCK_HOUR - 1;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_NONE);
}

static void
release_gives_half_and_key(void **state)
{
	uint8_t proof[KEYD_PROOF_LEN], half[32], want[32];

	(void)state;
	prove_adam(proof);
	fill_release(proof);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_NONE);
	assert_int_equal(r.release.has_key, 1);
	memset(want, 's', 32);
	assert_memory_equal(r.release.sk, want, 32);
	assert_int_equal(
	    keyd_slots_half(st.slots, st.keys, r.release.slot_id, half, &e), 0);
	seal_half_bind(half, &q.release.tenant, ADAM, want);
	assert_memory_equal(r.release.half, want, 32);
	fill_escrow(&q.release.escrow, ADAM, NOW + CLOCK_DAY, 0);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_NONE);
	assert_int_equal(r.release.has_key, 0);
	memset(want, 0, 32);
	assert_memory_equal(r.release.sk, want, 32);
}

static void
release_has_a_rate(void **state)
{
	uint8_t proof[KEYD_PROOF_LEN];
	int i;

	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	prove_adam(proof);
	fill_release(proof);
	for (i = 0; i < LIMIT_RELEASES_HOUR; i++)
		assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_NONE);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_TOO_MANY);
	assert_int_equal(h.wait_s, 3600);
	log_open("test", LOG_LEVEL_WARN);
}

static void
registration(void **state)
{
	char code[KEYD_REGISTRATION_LEN];
	uint8_t proof[KEYD_PROOF_LEN];
	int i;

	(void)state;
	q.registration.tenant = tenant;
	strcpy(q.registration.address, "no address");
	assert_int_equal(
	    ask(PROTO_CTL, PROTO_REGISTRATION_MAKE), ERR_BAD_INPUT);
	strcpy(q.registration.address, ADAM);
	assert_int_equal(ask(PROTO_CTL, PROTO_REGISTRATION_MAKE), ERR_NONE);
	strcpy(code, r.registration);
	assert_int_equal(strlen(code), 16);
	assert_false(keyd_dir_holds(code, 16));
	strcpy(q.registration.address, "ADAM@example.org");
	strcpy(q.registration.code, code);
	q.registration.tenant = other;
	assert_int_equal(
	    ask(PROTO_PORTAL, PROTO_REGISTRATION_CHECK), ERR_DENIED);
	q.registration.tenant = tenant;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_REGISTRATION_CHECK), ERR_NONE);
	memcpy(proof, r.proof, sizeof(proof));
	/* Used up; and the sixth wrong one within the hour is not looked at. */
	for (i = 0; i < LIMIT_CODE_TRIES; i++)
		assert_int_equal(
		    ask(PROTO_PORTAL, PROTO_REGISTRATION_CHECK), ERR_DENIED);
	assert_int_equal(ask(PROTO_CTL, PROTO_REGISTRATION_MAKE), ERR_NONE);
	strcpy(q.registration.code, r.registration);
	assert_int_equal(
	    ask(PROTO_PORTAL, PROTO_REGISTRATION_CHECK), ERR_TOO_MANY);
	assert_int_equal(h.wait_s, 3600);
	st.now += CLOCK_HOUR;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_REGISTRATION_CHECK), ERR_NONE);
	/* Its proof is as good as a code's. */
	fill_release(proof);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RELEASE), ERR_NONE);
}

static void
sign_and_resign(void **state)
{
	struct seal_cert c, d;
	uint8_t proof[KEYD_PROOF_LEN], digest[32], cert[SEAL_CERT_LEN];

	(void)state;
	prove_adam(proof);
	memset(&q, 0, sizeof(q));
	q.sign.tenant = tenant;
	q.sign.account = account;
	q.sign.version = 1;
	strcpy(q.sign.address, ADAM);
	memset(q.sign.pk, 'p', 32);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SIGN_ACCOUNT), ERR_DENIED);
	memcpy(q.sign.proof, proof, sizeof(proof));
	strcpy(q.sign.address, EVE);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SIGN_ACCOUNT), ERR_DENIED);
	strcpy(q.sign.address, ADAM);
	q.sign.tenant = other;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SIGN_ACCOUNT), ERR_DENIED);
	q.sign.tenant = tenant;
	q.sign.version = 0;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SIGN_ACCOUNT), ERR_BAD_INPUT);
	q.sign.version = 1;
	assert_int_equal(ask(PROTO_PORTAL, PROTO_SIGN_ACCOUNT), ERR_NONE);
	memcpy(cert, r.cert, sizeof(cert));
	assert_int_equal(seal_cert_open(keyd_keys_directory(st.keys)->pk, cert,
			     sizeof(cert), &c, &e),
	    0);
	seal_address_digest(&tenant, "adam@example.org", digest);
	assert_memory_equal(c.address, digest, 32);
	assert_int_equal(c.kind, SEAL_C_ACCOUNT);
	assert_int_equal(c.version, 1);
	assert_true(id_equal(&c.subject, &account));
	assert_memory_equal(c.pk, q.sign.pk, 32);

	memset(&q, 0, sizeof(q));
	memcpy(q.resign.cert, cert, sizeof(cert));
	st.now += 20 * CLOCK_DAY;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_RESIGN), ERR_NONE);
	assert_int_equal(seal_cert_open(keyd_keys_directory(st.keys)->pk,
			     r.cert, sizeof(cert), &d, &e),
	    0);
	assert_true(d.not_after == c.not_after + 20 * CLOCK_DAY);
	d.not_before = c.not_before;
	d.not_after = c.not_after;
	assert_memory_equal(&c, &d, sizeof(c));
	q.resign.cert[90] ^= 1;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_RESIGN), ERR_DENIED);
}

static void
resign_only_own_accounts(void **state)
{
	struct seal_signer stranger;
	struct seal_cert c = {.kind = SEAL_C_ACCOUNT,
	    .generation = 1,
	    .tenant = tenant,
	    .subject = account,
	    .version = 1,
	    .not_before = NOW,
	    .not_after = NOW + CLOCK_DAY};

	(void)state;
	seal_signer_new(&stranger);
	seal_cert_sign(&stranger, &c, q.resign.cert);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RESIGN), ERR_DENIED);
	seal_cert_sign(keyd_keys_directory(st.keys), &c, q.resign.cert);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RESIGN), ERR_NONE);
	c.generation = 2;
	seal_cert_sign(keyd_keys_directory(st.keys), &c, q.resign.cert);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RESIGN), ERR_DENIED);
	memset(&q, 0, sizeof(q));
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CERTIFY), ERR_NONE);
	memcpy(q.resign.cert, r.cert, SEAL_CERT_LEN);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_RESIGN), ERR_DENIED);
}

static void
tokens(void **state)
{
	int i;

	(void)state;
	log_open("test", LOG_LEVEL_ERROR);
	q.token.tenant = tenant;
	q.token.account = account;
	assert_int_equal(ask(PROTO_CTL, PROTO_TOKEN_MAKE), ERR_BAD_INPUT);
	strcpy(q.token.token, "correct horse battery staple");
	assert_int_equal(ask(PROTO_CTL, PROTO_TOKEN_MAKE), ERR_NONE);
	memcpy(q.token.verifier, r.verifier, 32);
	/* Right ones are never counted. */
	for (i = 0; i < LIMIT_TOKEN_HOUR + 10; i++)
		assert_int_equal(
		    ask(PROTO_INTAKE, PROTO_TOKEN_CHECK), ERR_NONE);
	q.token.token_id.b[0] = 1;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_TOKEN_CHECK), ERR_DENIED);
	q.token.token_id.b[0] = 0;
	strcpy(q.token.token, "wrong");
	for (i = 1; i < LIMIT_TOKEN_HOUR; i++)
		assert_int_equal(
		    ask(PROTO_INTAKE, PROTO_TOKEN_CHECK), ERR_DENIED);
	strcpy(q.token.token, "correct horse battery staple");
	assert_int_equal(ask(PROTO_INTAKE, PROTO_TOKEN_CHECK), ERR_TOO_MANY);
	st.now += CLOCK_HOUR;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_TOKEN_CHECK), ERR_NONE);
	assert_false(keyd_dir_holds("correct horse", 13));
	log_open("test", LOG_LEVEL_WARN);
}

static void
seal_copy(const struct id *forward, size_t n)
{
	const struct seal_bind bind = {
	    .tenant = tenant, .owner = message, .item = *forward};
	uint8_t key[64];
	struct buf box = BUF_INIT;

	memset(key, 'k', sizeof(key));
	assert_int_equal(seal_box_seal(keyd_keys_forward(st.keys)->pk,
			     SEAL_P_FORWARD, &bind, key, n, &box, &e),
	    0);
	memset(&q, 0, sizeof(q));
	q.forward.tenant = tenant;
	q.forward.message = message;
	q.forward.forward = *forward;
	memcpy(q.forward.box.data, box.data, box.len);
	q.forward.box.len = box.len;
	buf_free(&box);
}

/* Of this tenant, message and copy, for the courier, and nothing else. */
static void
forwarded_copies(void **state)
{
	uint8_t key[SECRET_KEY_LEN];

	(void)state;
	memset(key, 'k', sizeof(key));
	seal_copy(&outbox, SECRET_KEY_LEN);
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_NONE);
	assert_memory_equal(r.key, key, sizeof(key));
	assert_int_equal(ask(PROTO_PORTAL, PROTO_FORWARD_OPEN), ERR_DENIED);
	assert_int_equal(ask(PROTO_INTAKE, PROTO_FORWARD_OPEN), ERR_DENIED);
	assert_int_equal(ask(PROTO_CTL, PROTO_FORWARD_OPEN), ERR_DENIED);
	q.forward.forward = notice;
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_DENIED);
	seal_copy(&outbox, SECRET_KEY_LEN);
	q.forward.message = notice;
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_DENIED);
	seal_copy(&outbox, SECRET_KEY_LEN);
	q.forward.tenant = other;
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_DENIED);
	seal_copy(&outbox, SECRET_KEY_LEN);
	q.forward.box.data[q.forward.box.len - 1] ^= 1;
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_DENIED);
	seal_copy(&outbox, SECRET_KEY_LEN + 1);
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_DENIED);
	/* The control. */
	seal_copy(&outbox, SECRET_KEY_LEN);
	assert_int_equal(ask(PROTO_COURIER, PROTO_FORWARD_OPEN), ERR_NONE);
}

static void
outbox_items(void **state)
{
	struct proto_blob box;

	(void)state;
	fill_code_make(ADAM);
	assert_int_equal(ask(PROTO_PORTAL, PROTO_CODE_MAKE), ERR_NONE);
	box = r.code.item;
	memset(&q, 0, sizeof(q));
	q.outbox.tenant = tenant;
	q.outbox.outbox = outbox;
	q.outbox.kind = SEAL_I_CODE;
	q.outbox.box = box;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_NONE);
	q.outbox.kind = SEAL_I_NOTICE;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_DENIED);
	q.outbox.kind = SEAL_I_CODE;
	q.outbox.outbox = notice;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_DENIED);
	q.outbox.outbox = outbox;
	q.outbox.tenant = other;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_DENIED);
	q.outbox.tenant = tenant;
	q.outbox.box.len--;
	assert_int_equal(ask(PROTO_COURIER, PROTO_OUTBOX_OPEN), ERR_DENIED);
}

static void
duplicate_tags(void **state)
{
	uint8_t tags[KEYD_TAGS][32];

	(void)state;
	q.tags.tenant = tenant;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_DUPLICATE_TAGS), ERR_NONE);
	memcpy(tags, r.tags, sizeof(tags));
	/* Three days on, today's tag is the last that is asked for. */
	st.now += 3 * CLOCK_DAY;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_DUPLICATE_TAGS), ERR_NONE);
	assert_memory_equal(r.tags[3], tags[0], 32);
	assert_memory_not_equal(r.tags[0], tags[0], 32);
	q.tags.tenant = other;
	assert_int_equal(ask(PROTO_INTAKE, PROTO_DUPLICATE_TAGS), ERR_NONE);
	assert_memory_not_equal(r.tags[3], tags[0], 32);
}

static void
malformed(void **state)
{
	struct proto_head out = {.verb = PROTO_CODE_CHECK};
	unsigned len, want;
	int i, j;

	(void)state;
	st.role = PROTO_PORTAL;
	log_open("test", LOG_LEVEL_ERROR);
	assert_int_equal(proto_write_request(talk.in, &out, &q), 0);
	want = (unsigned)talk.in[16] << 8 | talk.in[17];
	for (len = 0; len <= 3000; len++) {
		assert_int_equal(proto_write_request(talk.in, &out, &q), 0);
		talk.in[16] = (uint8_t)(len >> 8);
		talk.in[17] = (uint8_t)len;
		i = keyd_verbs_answer(&st, &talk);
		assert_int_equal(i, len <= PROTO_BODY ? 0 : -1);
		if (i == -1)
			continue;
		assert_int_equal(proto_read_head(talk.out, &h), 0);
		assert_int_equal(
		    h.outcome, len == want ? ERR_DENIED : ERR_BAD_INPUT);
	}
	/* Any bytes behind a true header: an answer or a closed door. */
	for (i = 0; i < 200000; i++) {
		secret_random(talk.in, 256);
		if (i % 2) {
			out.verb = (unsigned)(i / 2) % PROTO_VERBS;
			if (proto_verb_name(out.verb) == NULL)
				continue;
			assert_int_equal(
			    proto_write_request(talk.in, &out, &q), 0);
			for (j = 0; j < 8; j++)
				talk.in[14 + secret_uniform(1200)] = (uint8_t)
				    secret_uniform(256);
		}
		st.role = (enum proto_role)(i % PROTO_ROLES);
		(void)!keyd_verbs_answer(&st, &talk);
	}
	log_open("test", LOG_LEVEL_WARN);
}

static void
texts_have_an_end(void **state)
{
	struct proto_head out = {.verb = PROTO_REGISTRATION_MAKE};

	(void)state;
	memset(q.registration.address, 'a', sizeof(q.registration.address));
	assert_int_equal(proto_write_request(talk.in, &out, &q), -1);
	q.registration.address[PROTO_ADDRESS - 1] = '\0';
	assert_int_equal(proto_write_request(talk.in, &out, &q), 0);
	assert_int_equal(proto_read_request(talk.in, &talk.q), 0);
	/* A NUL inside is not an end. */
	talk.in[PROTO_HEADER + 16 + 2 + 5] = '\0';
	assert_int_equal(proto_read_request(talk.in, &talk.q), -1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(roles),
	    T(ping_and_public),
	    T(certify),
	    T(lease_and_shred),
	    T(password),
	    T(code_leaves_only_in_the_item),
	    T(code_make_refuses),
	    T(code_check),
	    T(no_proof_no_release),
	    T(release_gives_half_and_key),
	    T(release_has_a_rate),
	    T(registration),
	    T(sign_and_resign),
	    T(resign_only_own_accounts),
	    T(tokens),
	    T(outbox_items),
	    T(forwarded_copies),
	    T(duplicate_tags),
	    T(malformed),
	    T(texts_have_an_end),
	};

	if (secret_init() == -1)
		return 1;
	log_open("test", LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
