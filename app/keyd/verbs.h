/*
 * verbs.h: what keyd does for whom: one table of verb, roles allowed and function.
 * Everything here works on a decoded request and knows no socket, so that tests can
 * call it in process with a clock of their own.
 */
#ifndef KEYD_VERBS_H
#define KEYD_VERBS_H

#include "keyd/codes.h"
#include "keyd/counts.h"
#include "keyd/proof.h"
#include "keyd/proto.h"
#include "keyd/slots.h"

struct keyd_state {
	struct keyd_keys *keys;
	struct keyd_slots *slots;
	struct keyd_counts *counts;
	struct keyd_codes *codes;

	/* Of the request at hand. */
	enum proto_role role;
	int64_t now; /* microseconds */
	int wait_s;  /* for the reply, with ERR_TOO_MANY */

	/* Log lines of this second, so that a flood of refusals fills no disk. */
	int64_t noted_s;
	unsigned noted;
};

/*
 * Opens keyd's directory: keys, counters, tables; at the first start makes them.
 * -1 with *e set; what was opened is closed by keyd_state_close() either way.
 */
int keyd_state_open(struct keyd_state *st, int dir, struct err *e)
    __attribute__((warn_unused_result));
void keyd_state_close(struct keyd_state *st); /* wipes */

typedef int (*keyd_handler)(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);

/* Whether a role may use a verb; false for a number that is no verb. */
bool keyd_verbs_allowed(unsigned verb, enum proto_role role);

/* Whether one more line may be logged now; says how many were left out when a second is over. */
bool keyd_may_note(struct keyd_state *st);

/* Memory that one request and its reply pass through. */
struct keyd_talk {
	uint8_t in[PROTO_SIZE];
	uint8_t out[PROTO_SIZE];
	union proto_request q;
	union proto_reply r;
};

/*
 * Answers t->in into t->out with st->role and st->now, logs what was refused, and wipes
 * the rest of *t. -1 when the message is none of ours: the connection is then closed.
 */
int keyd_verbs_answer(struct keyd_state *st, struct keyd_talk *t)
    __attribute__((warn_unused_result));

/* verbs_sign.c */
int keyd_do_public(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_certify(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_sign_account(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_resign(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);

/* verbs_secret.c */
int keyd_do_lease(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_shred_key(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_password_mac(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_token_make(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_token_check(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_duplicate_tags(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);

/* verbs_code.c */
int keyd_do_code_make(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_code_check(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_registration_make(struct keyd_state *st,
    const union proto_request *q, union proto_reply *r, struct err *e);
int keyd_do_registration_check(struct keyd_state *st,
    const union proto_request *q, union proto_reply *r, struct err *e);

/* verbs_mail.c */
int keyd_do_release(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_forward_open(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);
int keyd_do_outbox_open(struct keyd_state *st, const union proto_request *q,
    union proto_reply *r, struct err *e);

/*
 * For verbs_code.c and verbs_mail.c: opens an escrow record that has not expired. *out
 * is wiped by the caller.
 */
int keyd_escrow_open(struct keyd_state *st, const struct id *tenant,
    const struct id *message, const struct id *notice,
    const struct proto_blob *box, struct seal_escrow *out, struct err *e)
    __attribute__((warn_unused_result));

/* Takes one use of a budget; -1 ERR_TOO_MANY with st->wait_s set. */
int keyd_spend(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len, struct err *e)
    __attribute__((warn_unused_result));
/* Whether the budget of wrong tries has one left (-1 ERR_TOO_MANY), and its counting. */
int keyd_may_try(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len, struct err *e)
    __attribute__((warn_unused_result));
void keyd_tried(struct keyd_state *st, enum keyd_budget budget,
    const struct id *tenant, const void *who, size_t who_len);

#endif
