/*
 * client.c: one function a verb over a connection that is opened when needed.
 * Requests and replies lie in one locked block and are wiped after each call.
 */
#include "keyd/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hang.h"
#include "base/metrics.h"
#include "base/text.h"
#include "keyd/proto.h"

/* keyd answers in microseconds; this is for one that hangs. */
#define TIMEOUT_S 5
#define PING_S    1

static struct hang server;

struct talk {
	uint8_t out[PROTO_SIZE];
	uint8_t in[PROTO_SIZE];
	union proto_request q;
	union proto_reply r;
};

struct keyd {
	char *path;
	int fd;
	time_t timeout_s; /* of the next connection */
	uint32_t seq;
	bool asked;         /* keyd_duplicate_ask() was sent */
	bool late;          /* the last answer did not come in time */
	struct secret *mem; /* a struct talk */
};

struct keyd *
keyd_open(const char *socket_path)
{
	struct keyd *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->fd = -1;
	k->timeout_s = TIMEOUT_S;
	k->path = strdup(socket_path);
	k->mem = secret_new(sizeof(struct talk));
	if (k->path == NULL || k->mem == NULL) {
		keyd_close(k);
		return NULL;
	}
	return k;
}

static void
hang_up(struct keyd *k)
{
	if (k->fd != -1)
		close(k->fd);
	k->fd = -1;
}

void
keyd_close(struct keyd *k)
{
	if (k == NULL)
		return;
	hang_up(k);
	secret_free(k->mem);
	free(k->path);
	free(k);
}

static struct talk *
talk_of(struct keyd *k)
{
	return (struct talk *)(void *)secret_data(k->mem);
}

/* The zeroed request to fill; finish() wipes it again. */
static union proto_request *
begin(struct keyd *k)
{
	struct talk *t = talk_of(k);

	secret_wipe(t, sizeof(*t));
	return &t->q;
}

static void
finish(struct keyd *k)
{
	secret_wipe(talk_of(k), sizeof(struct talk));
}

/*
 * A path too long for a socket address is reached through its directory. *dir is then
 * an open descriptor that the caller closes after connecting.
 */
static int
address_of(const char *path, struct sockaddr_un *sa, int *dir)
{
	const char *slash = strrchr(path, '/');
	char *parent;
	int n;

	*dir = -1;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (text_copy(sa->sun_path, sizeof(sa->sun_path), path) == 0)
		return 0;
	if (slash == NULL ||
	    (parent = strndup(path, (size_t)(slash - path) + 1)) == NULL)
		return -1;
	*dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (*dir == -1)
		return -1;
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s",
	    *dir, slash + 1);
	return n > 0 && (size_t)n < sizeof(sa->sun_path) ? 0 : -1;
}

static int
dial(struct keyd *k)
{
	const struct timeval timeout = {k->timeout_s, 0};
	struct sockaddr_un sa;
	int dir, fd = -1;

	if (address_of(k->path, &sa, &dir) == -1)
		goto out;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd == -1)
		goto out;
	if (setsockopt(
		fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == -1 ||
	    setsockopt(
		fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == -1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		close(fd);
		fd = -1;
	}
out:
	if (dir != -1)
		close(dir);
	k->fd = fd;
	return fd == -1 ? -1 : 0;
}

enum outcome { ANSWERED, NOT_SENT, CUT_OFF };

static bool
is_timeout(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

static bool
was_sent(struct keyd *k, const struct talk *t)
{
	ssize_t n = -1;

	if (k->fd != -1 || dial(k) == 0)
		do {
			n = send(k->fd, t->out, PROTO_SIZE, MSG_NOSIGNAL);
		} while (n == -1 && errno == EINTR);
	k->late = n == -1 && is_timeout(errno);
	return n == PROTO_SIZE;
}

static bool
was_answered(struct keyd *k, struct talk *t)
{
	ssize_t n;

	do {
		n = recv(k->fd, t->in, PROTO_SIZE, MSG_TRUNC);
	} while (n == -1 && errno == EINTR);
	k->late = n == -1 && is_timeout(errno);
	return n == PROTO_SIZE;
}

static enum outcome
exchange(struct keyd *k, struct talk *t)
{
	if (!was_sent(k, t))
		return NOT_SENT;
	return was_answered(k, t) ? ANSWERED : CUT_OFF;
}

/* What is used up, or spends a try, must not be sent twice by itself. */
static bool
may_repeat(enum proto_verb verb)
{
	return verb != PROTO_CODE_CHECK && verb != PROTO_REGISTRATION_CHECK &&
	    verb != PROTO_CODE_MAKE && verb != PROTO_PASSWORD_MAC;
}

/* One that hangs is not waited for again, by nobody: that would take as long. */
static enum outcome
exchange_now(struct keyd *k, struct talk *t, enum proto_verb verb)
{
	const enum hang_turn turn = hang_turn(&server);
	enum outcome o;

	if (turn == HANG_IS)
		return NOT_SENT;
	o = exchange(k, t);
	if (!k->late && (o == NOT_SENT || (o == CUT_OFF && may_repeat(verb)))) {
		hang_up(k);
		o = exchange(k, t);
	}
	/* A ping is less patient than others. */
	if (!k->late || turn == HANG_TRY || k->timeout_s == TIMEOUT_S)
		hang_set(&server, k->late);
	return o;
}

static int
read_answer(struct keyd *k, struct talk *t, enum proto_verb verb, uint32_t seq,
    int *wait_s, struct err *e)
{
	struct proto_head h;

	if (proto_read_head(t->in, &h) == -1 || h.verb != verb ||
	    h.seq != seq || proto_read_reply(t->in, &t->r) == -1) {
		hang_up(k);
		return err_set(e, ERR_INTERNAL, "keyd: odd answer to %s",
		    proto_verb_name(verb));
	}
	if (wait_s != NULL)
		*wait_s = (int)h.wait_s;
	if (h.outcome != ERR_NONE)
		return err_set(e, h.outcome, "keyd: %s: %s",
		    proto_verb_name(verb), err_row(h.outcome)->name);
	return 0;
}

/* 0 with the reply in its place; else *e is set and everything is wiped. */
static int
call(struct keyd *k, enum proto_verb verb, int *wait_s, struct err *e)
{
	struct talk *t = talk_of(k);
	struct proto_head h = {.verb = verb, .seq = ++k->seq};
	enum outcome o;

	if (wait_s != NULL)
		*wait_s = 0;
	if (proto_write_request(t->out, &h, &t->q) == -1) {
		finish(k);
		return err_set(e, ERR_BAD_INPUT, "keyd: %s: field too long",
		    proto_verb_name(verb));
	}
	o = exchange_now(k, t, verb);
	if (o != ANSWERED) {
		hang_up(k);
		finish(k);
		metrics_add(METRIC_ERRORS, METRIC_KEYD, 0, 1);
		return err_set(e, ERR_UNAVAILABLE, "keyd: %s: no answer",
		    proto_verb_name(verb));
	}
	if (read_answer(k, t, verb, h.seq, wait_s, e) == 0)
		return 0;
	finish(k);
	return -1;
}

/* Calls, copies n bytes of the reply out and wipes. */
static int
call_bytes(struct keyd *k, enum proto_verb verb, int *wait_s, void *out,
    size_t n, struct err *e)
{
	if (call(k, verb, wait_s, e) == -1)
		return -1;
	if (n > 0)
		memcpy(out, &talk_of(k)->r, n);
	finish(k);
	return 0;
}

static int
set_text(struct keyd *k, char *out, size_t cap, const char *s, struct err *e)
{
	if (text_copy(out, cap, s) == 0)
		return 0;
	finish(k);
	return err_set(e, ERR_BAD_INPUT, "keyd: text too long");
}

static int
set_blob(struct keyd *k, struct proto_blob *b, const void *p, size_t n,
    struct err *e)
{
	if (n > sizeof(b->data)) {
		finish(k);
		return err_set(e, ERR_BAD_INPUT, "keyd: blob too long");
	}
	if (n > 0)
		memcpy(b->data, p, n);
	b->len = n;
	return 0;
}

int
keyd_ping(struct keyd *k, struct err *e)
{
	int ret;

	/* On a connection of its own: those of other calls wait longer. */
	hang_up(k);
	k->timeout_s = PING_S;
	begin(k);
	ret = call_bytes(k, PROTO_PING, NULL, NULL, 0, e);
	hang_up(k);
	k->timeout_s = TIMEOUT_S;
	return ret;
}

int
keyd_public(struct keyd *k, struct keyd_public *out, struct err *e)
{
	begin(k);
	return call_bytes(k, PROTO_PUBLIC, NULL, out, sizeof(*out), e);
}

int
keyd_certify_process(struct keyd *k, const uint8_t sign_pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	memcpy(begin(k)->certify.sign_pk, sign_pk, SEAL_PK_LEN);
	return call_bytes(k, PROTO_CERTIFY, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_lease(struct keyd *k, struct keyd_slot out[KEYD_LEASE], struct err *e)
{
	begin(k);
	return call_bytes(
	    k, PROTO_LEASE, NULL, out, KEYD_LEASE * sizeof(out[0]), e);
}

int
keyd_shred_key(struct keyd *k, uint64_t slot_id, uint8_t out[SECRET_KEY_LEN],
    struct err *e)
{
	begin(k)->shred.slot_id = slot_id;
	return call_bytes(k, PROTO_SHRED_KEY, NULL, out, SECRET_KEY_LEN, e);
}

int
keyd_password_mac(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *wrap,
    const uint8_t a[SECRET_KEY_LEN], uint8_t out[SECRET_KEY_LEN], int *wait_s,
    struct err *e)
{
	union proto_request *q = begin(k);

	q->password.tenant = *tenant;
	q->password.account = *account;
	q->password.wrap = *wrap;
	memcpy(q->password.a, a, SECRET_KEY_LEN);
	return call_bytes(
	    k, PROTO_PASSWORD_MAC, wait_s, out, SECRET_KEY_LEN, e);
}

static int
take_code(struct keyd *k, struct keyd_code *out, struct err *e)
{
	const union proto_reply *r = &talk_of(k)->r;
	int rc = -1;

	memset(out, 0, sizeof(*out));
	if (r->code.item.len > sizeof(out->item)) {
		err_set(e, ERR_INTERNAL, "keyd: outbox item too long");
		goto done;
	}
	out->handle = r->code.handle;
	memcpy(out->reference, r->code.reference, sizeof(out->reference));
	out->expires = (int64_t)r->code.expires;
	memcpy(out->item, r->code.item.data, r->code.item.len);
	out->item_len = r->code.item.len;
	rc = 0;
done:
	finish(k);
	return rc;
}

int
keyd_code_make(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *notice, const void *escrow,
    size_t escrow_len, const char *typed, const uint8_t browser[32],
    const struct id *outbox, struct keyd_code *out, struct err *e)
{
	union proto_request *q = begin(k);

	q->code_make.tenant = *tenant;
	q->code_make.message = *message;
	q->code_make.notice = *notice;
	q->code_make.outbox = *outbox;
	memcpy(q->code_make.browser, browser, 32);
	if (set_text(k, q->code_make.typed, sizeof(q->code_make.typed), typed,
		e) == -1 ||
	    set_blob(k, &q->code_make.escrow, escrow, escrow_len, e) == -1 ||
	    call(k, PROTO_CODE_MAKE, NULL, e) == -1)
		return -1;
	return take_code(k, out, e);
}

int
keyd_code_check(struct keyd *k, const struct id *handle,
    const uint8_t browser[32], const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	union proto_request *q = begin(k);

	q->code_check.handle = *handle;
	memcpy(q->code_check.browser, browser, 32);
	/* A cut code is as wrong as the whole would be. */
	text_cut(q->code_check.code, sizeof(q->code_check.code), code);
	return call_bytes(k, PROTO_CODE_CHECK, NULL, proof, KEYD_PROOF_LEN, e);
}

int
keyd_release(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *message, const struct id *notice,
    const void *escrow, size_t escrow_len, struct keyd_release *out,
    struct err *e)
{
	union proto_request *q = begin(k);
	union proto_reply *r = &talk_of(k)->r;

	memcpy(q->release.proof, proof, KEYD_PROOF_LEN);
	q->release.tenant = *tenant;
	q->release.message = *message;
	q->release.notice = *notice;
	if (set_blob(k, &q->release.escrow, escrow, escrow_len, e) == -1 ||
	    call(k, PROTO_RELEASE, NULL, e) == -1)
		return -1;
	out->slot_id = r->release.slot_id;
	memcpy(out->half, r->release.half, sizeof(out->half));
	out->has_key = r->release.has_key != 0;
	memcpy(out->sk, r->release.sk, sizeof(out->sk));
	finish(k);
	return 0;
}

int
keyd_registration_make(struct keyd *k, const struct id *tenant,
    const char *address, char code[KEYD_REGISTRATION_LEN], struct err *e)
{
	union proto_request *q = begin(k);

	q->registration.tenant = *tenant;
	if (set_text(k, q->registration.address,
		sizeof(q->registration.address), address, e) == -1)
		return -1;
	return call_bytes(
	    k, PROTO_REGISTRATION_MAKE, NULL, code, KEYD_REGISTRATION_LEN, e);
}

int
keyd_registration_check(struct keyd *k, const struct id *tenant,
    const char *address, const char *code, uint8_t proof[KEYD_PROOF_LEN],
    struct err *e)
{
	union proto_request *q = begin(k);

	q->registration.tenant = *tenant;
	if (set_text(k, q->registration.address,
		sizeof(q->registration.address), address, e) == -1)
		return -1;
	text_cut(q->registration.code, sizeof(q->registration.code), code);
	return call_bytes(
	    k, PROTO_REGISTRATION_CHECK, NULL, proof, KEYD_PROOF_LEN, e);
}

int
keyd_sign_account(struct keyd *k, const uint8_t proof[KEYD_PROOF_LEN],
    const struct id *tenant, const struct id *account, const char *address,
    uint32_t version, const uint8_t pk[SEAL_PK_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	union proto_request *q = begin(k);

	memcpy(q->sign.proof, proof, KEYD_PROOF_LEN);
	q->sign.tenant = *tenant;
	q->sign.account = *account;
	q->sign.version = version;
	memcpy(q->sign.pk, pk, SEAL_PK_LEN);
	if (set_text(k, q->sign.address, sizeof(q->sign.address), address, e) ==
	    -1)
		return -1;
	return call_bytes(k, PROTO_SIGN_ACCOUNT, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_resign(struct keyd *k, const uint8_t old[SEAL_CERT_LEN],
    uint8_t cert[SEAL_CERT_LEN], struct err *e)
{
	memcpy(begin(k)->resign.cert, old, SEAL_CERT_LEN);
	return call_bytes(k, PROTO_RESIGN, NULL, cert, SEAL_CERT_LEN, e);
}

int
keyd_token_make(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id, const char *token,
    uint8_t verifier[32], struct err *e)
{
	union proto_request *q = begin(k);

	q->token.tenant = *tenant;
	q->token.account = *account;
	q->token.token_id = *token_id;
	if (set_text(k, q->token.token, sizeof(q->token.token), token, e) == -1)
		return -1;
	return call_bytes(k, PROTO_TOKEN_MAKE, NULL, verifier, 32, e);
}

int
keyd_token_check(struct keyd *k, const struct id *tenant,
    const struct id *account, const struct id *token_id,
    const uint8_t verifier[32], const char *token, struct err *e)
{
	union proto_request *q = begin(k);

	q->token.tenant = *tenant;
	q->token.account = *account;
	q->token.token_id = *token_id;
	memcpy(q->token.verifier, verifier, 32);
	/* None that long was ever made. */
	if (text_copy(q->token.token, sizeof(q->token.token), token) == -1) {
		finish(k);
		return err_set(e, ERR_DENIED, "keyd: token too long");
	}
	return call_bytes(k, PROTO_TOKEN_CHECK, NULL, NULL, 0, e);
}

int
keyd_outbox_open(struct keyd *k, const struct id *tenant,
    const struct id *outbox, enum seal_item_kind kind, const void *box,
    size_t n, struct seal_item *out, struct err *e)
{
	union proto_request *q = begin(k);
	const union proto_reply *r = &talk_of(k)->r;

	q->outbox.tenant = *tenant;
	q->outbox.outbox = *outbox;
	q->outbox.kind = (uint32_t)kind;
	if (set_blob(k, &q->outbox.box, box, n, e) == -1 ||
	    call(k, PROTO_OUTBOX_OPEN, NULL, e) == -1)
		return -1;
	memset(out, 0, sizeof(*out));
	out->kind = kind;
	memcpy(out->address, r->item.address, sizeof(out->address));
	memcpy(out->secret, r->item.secret, sizeof(out->secret));
	memcpy(out->reference, r->item.reference, sizeof(out->reference));
	memcpy(out->original, r->item.original, sizeof(out->original));
	finish(k);
	return 0;
}

int
keyd_forward_open(struct keyd *k, const struct id *tenant,
    const struct id *message, const struct id *forward, const void *box,
    size_t n, uint8_t dek[SECRET_KEY_LEN], struct err *e)
{
	union proto_request *q = begin(k);

	q->forward.tenant = *tenant;
	q->forward.message = *message;
	q->forward.forward = *forward;
	if (set_blob(k, &q->forward.box, box, n, e) == -1)
		return -1;
	return call_bytes(k, PROTO_FORWARD_OPEN, NULL, dek, SECRET_KEY_LEN, e);
}

int
keyd_duplicate_tags(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
{
	union proto_request *q = begin(k);

	q->tags.tenant = *tenant;
	memcpy(q->tags.digest, digest, 32);
	return call_bytes(
	    k, PROTO_DUPLICATE_TAGS, NULL, tags, KEYD_TAGS * 32, e);
}

void
keyd_duplicate_ask(
    struct keyd *k, const struct id *tenant, const uint8_t digest[32])
{
	struct proto_head h = {.verb = PROTO_DUPLICATE_TAGS, .seq = ++k->seq};
	union proto_request *q = begin(k);
	struct talk *t = talk_of(k);

	q->tags.tenant = *tenant;
	memcpy(q->tags.digest, digest, 32);
	k->asked = !hang_is(&server) &&
	    proto_write_request(t->out, &h, &t->q) == 0 && was_sent(k, t);
}

int
keyd_duplicate_take(struct keyd *k, const struct id *tenant,
    const uint8_t digest[32], uint8_t tags[KEYD_TAGS][32], struct err *e)
{
	struct talk *t = talk_of(k);
	bool asked = k->asked;

	k->asked = false;
	if (asked && was_answered(k, t) &&
	    read_answer(k, t, PROTO_DUPLICATE_TAGS, k->seq, NULL, e) == 0) {
		memcpy(tags, &t->r, KEYD_TAGS * sizeof(tags[0]));
		finish(k);
		return 0;
	}
	hang_up(k);
	if (asked && k->late) {
		hang_set(&server, true);
		finish(k);
		return err_set(e, ERR_UNAVAILABLE, "keyd: %s: no answer",
		    proto_verb_name(PROTO_DUPLICATE_TAGS));
	}
	/* Cut off, or not sent: as if it had not been tried. */
	return keyd_duplicate_tags(k, tenant, digest, tags, e);
}
