/*
 * verbs.c: the table of verbs, and the way of every request through it.
 */
#include "keyd/verbs.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define NOTES_SECOND 100

#define MAY(role)  (1u << (role))
#define ALL        (MAY(PROTO_ROLES) - 1)
#define ACCEPTING  (MAY(PROTO_INTAKE) | MAY(PROTO_PORTAL))
#define PORTAL     MAY(PROTO_PORTAL)
#define PORTAL_CTL (MAY(PROTO_PORTAL) | MAY(PROTO_CTL))

static int
do_ping(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e)
{
	(void)st;
	(void)q;
	(void)r;
	(void)e;
	return 0;
}

static const struct {
	unsigned roles;
	keyd_handler run;
} table[PROTO_VERBS] = {
    [PROTO_PING] = {ALL, do_ping},
    [PROTO_PUBLIC] = {ALL, keyd_do_public},
    [PROTO_CERTIFY] = {ACCEPTING, keyd_do_certify},
    [PROTO_LEASE] = {ACCEPTING, keyd_do_lease},
    [PROTO_SHRED_KEY] = {PORTAL, keyd_do_shred_key},
    [PROTO_PASSWORD_MAC] = {PORTAL_CTL, keyd_do_password_mac},
    [PROTO_CODE_MAKE] = {PORTAL, keyd_do_code_make},
    [PROTO_CODE_CHECK] = {PORTAL, keyd_do_code_check},
    [PROTO_RELEASE] = {PORTAL, keyd_do_release},
    [PROTO_REGISTRATION_MAKE] = {MAY(PROTO_CTL), keyd_do_registration_make},
    [PROTO_REGISTRATION_CHECK] = {PORTAL_CTL, keyd_do_registration_check},
    [PROTO_SIGN_ACCOUNT] = {PORTAL_CTL, keyd_do_sign_account},
    [PROTO_RESIGN] = {ACCEPTING, keyd_do_resign},
    [PROTO_TOKEN_MAKE] = {MAY(PROTO_CTL), keyd_do_token_make},
    [PROTO_TOKEN_CHECK] = {MAY(PROTO_INTAKE), keyd_do_token_check},
    [PROTO_OUTBOX_OPEN] = {MAY(PROTO_COURIER), keyd_do_outbox_open},
    [PROTO_FORWARD_OPEN] = {MAY(PROTO_COURIER), keyd_do_forward_open},
    [PROTO_DUPLICATE_TAGS] = {ACCEPTING, keyd_do_duplicate_tags},
};

bool
keyd_verbs_allowed(unsigned verb, enum proto_role role)
{
	return proto_verb_name(verb) != NULL && role < PROTO_ROLES &&
	    (table[verb].roles & MAY(role)) != 0;
}

bool
keyd_may_note(struct keyd_state *st)
{
	int64_t s = st->now / CLOCK_SECOND;

	if (s != st->noted_s) {
		if (st->noted > NOTES_SECOND)
			log_line(LOG_LEVEL_WARN, NULL, "lines left out",
			    "count=%u", st->noted - NOTES_SECOND);
		st->noted_s = s;
		st->noted = 0;
	}
	return ++st->noted <= NOTES_SECOND;
}

static void
note(struct keyd_state *st, unsigned verb, const struct err *e)
{
	enum log_level level = LOG_LEVEL_INFO;
	const char *event = "request refused";

	if (!keyd_may_note(st))
		return;
	if (e->code == ERR_DENIED || e->code == ERR_EXPIRED) {
		event = "request denied";
	} else if (e->code == ERR_TOO_MANY) {
		event = "over budget";
	} else if (e->code == ERR_UNAVAILABLE || e->code == ERR_INTERNAL) {
		level = LOG_LEVEL_ERROR;
		event = "request failed";
	}
	log_line(level, NULL, event, "role=%s verb=%s error=%s why=%s",
	    proto_role_name(st->role), proto_verb_name(verb),
	    err_row(e->code)->name, e->text);
}

static int
run(struct keyd_state *st, unsigned verb, struct keyd_talk *t, struct err *e)
{
	/* Before anything of the request is looked at. */
	if (!keyd_verbs_allowed(verb, st->role))
		return err_set(e, ERR_DENIED, "not for this role");
	if (proto_read_request(t->in, &t->q) == -1)
		return err_set(e, ERR_BAD_INPUT, "malformed request");
	return table[verb].run(st, &t->q, &t->r, e);
}

int
keyd_verbs_answer(struct keyd_state *st, struct keyd_talk *t)
{
	struct proto_head h;
	struct err e;
	int rc = -1;

	err_clear(&e);
	st->wait_s = 0;
	memset(&t->r, 0, sizeof(t->r));
	if (proto_read_head(t->in, &h) == -1 ||
	    proto_verb_name(h.verb) == NULL) {
		if (keyd_may_note(st))
			log_line(LOG_LEVEL_WARN, NULL, "not a request",
			    "role=%s", proto_role_name(st->role));
		goto out;
	}
	h.outcome = ERR_NONE;
	if (run(st, h.verb, t, &e) == -1) {
		note(st, h.verb, &e);
		h.outcome = e.code != ERR_NONE ? e.code : ERR_INTERNAL;
	}
	h.wait_s = (uint32_t)st->wait_s;
	rc = proto_write_reply(t->out, &h, &t->r);
out:
	secret_wipe(t->in, sizeof(t->in));
	secret_wipe(&t->q, sizeof(t->q));
	secret_wipe(&t->r, sizeof(t->r));
	return rc;
}

static struct keyd_subject
subject(enum keyd_budget budget, const struct id *tenant, const void *who,
    size_t who_len)
{
	return (struct keyd_subject){
	    .budget = budget, .tenant = tenant, .who = who, .who_len = who_len};
}

static int
too_many(struct keyd_state *st, int wait, struct err *e)
{
	st->wait_s = wait;
	return err_set(e, ERR_TOO_MANY, "budget used up");
}

int
keyd_spend(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len, struct err *e)
{
	struct keyd_subject s = subject(budget, tenant, who, who_len);
	int wait = keyd_counts_take(st->counts, &s, st->now);

	return wait == 0 ? 0 : too_many(st, wait, e);
}

int
keyd_may_try(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len, struct err *e)
{
	struct keyd_subject s = subject(budget, tenant, who, who_len);
	int wait = keyd_counts_wait(st->counts, &s, st->now);

	return wait == 0 ? 0 : too_many(st, wait, e);
}

void
keyd_tried(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len)
{
	struct keyd_subject s = subject(budget, tenant, who, who_len);

	keyd_counts_add(st->counts, &s, st->now);
}
