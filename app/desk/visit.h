/*
 * visit.h: who sits at the browser: nobody, a visitor who typed an address, a guest who
 * proved it by code, or an account holder; and the steps from one to the next. Each step
 * makes a new session with a new secret: the cookie to set is in visit->cookie.
 *
 * The cookie is base64url(session id 16 || secret 32). The database knows a hash of the
 * id and a key ring sealed under the secret.
 */
#ifndef DESK_VISIT_H
#define DESK_VISIT_H

#include <stdbool.h>

#include "desk/desk.h"
#include "store/account.h"
#include "store/message.h"
#include "store/session.h"
#include "store/tenant.h"

#define DESK_COOKIE_LEN 65 /* 64 characters and the NUL */
#define DESK_CSRF_LEN   23 /* 22 characters and the NUL */

struct desk_ring; /* the reading keys of this session */

struct desk_visit {
	struct tenant tenant;
	enum session_kind kind; /* 0: nobody */
	/* typed (visitor) or proved; lower case */
	char address[LIMIT_ADDRESS + 1];
	struct account account; /* when SESSION_ACCOUNT */
	/* visitor, guest: the notice they came for; "" when none */
	char pickup[SEAL_PICKUP_LEN];
	/* visitor: what the last code mail's subject ends in */
	char code_reference[8];
	int64_t code_sent; /* visitor: when; 0 none */
	int64_t code_expires;
	/* form token of this session; "" for nobody */
	char csrf[DESK_CSRF_LEN];
	char cookie[DESK_COOKIE_LEN]; /* not "": set this cookie */
	bool cookie_end;              /* delete the cookie */
	struct desk_ring *ring;       /* owned */
	uint8_t hash[32];             /* of the session id */
	uint8_t secret[32];
	bool marked;      /* desk_visit_open_inbox() was the way */
	uint8_t mark[32]; /* changes when the first page of the inbox does */
};

/* Who is it? cookie may be NULL or rubbish: then nobody. ERR_UNAVAILABLE only. */
int desk_visit_open(struct desk *d, const struct tenant *t, const char *cookie,
    struct desk_visit *out, struct err *e) __attribute__((warn_unused_result));
/* For the inbox: the same round trip also tells whether its page has changed. */
int desk_visit_open_inbox(struct desk *d, const struct tenant *t,
    const char *cookie, struct desk_visit *out, struct err *e)
    __attribute__((warn_unused_result));
void desk_visit_close(struct desk_visit *v); /* wipes */

/* Constant time; false for nobody. */
bool desk_csrf_ok(const struct desk_visit *v, const char *token);

/* What a pick-up code or link finds. Opens nothing, changes nothing. */
enum desk_landing_state { LANDING_OPEN, LANDING_EXPIRED, LANDING_RETRACTED };
struct desk_landing {
	enum desk_landing_state state;
	struct id message;
	char pickup[SEAL_PICKUP_LEN];
	char sender_name[LIMIT_NAME * 4 + 1]; /* "" when unknown */
	char sender[LIMIT_ADDRESS + 1];
	int64_t created;
	int64_t expires;
	bool account; /* went to someone with an account: sign in */
	bool yours;   /* it went to the visit's proved address, and opens */
	bool others;  /* the visit has proved another address */
	/* "...@pa..." for /check: domain's first letters only */
	char ends_in[16];
};
/*
 * 1 found, 0 no such code. secret: the text behind the hyphen, NULL when none; a secret
 * that is not the notice's is -1 ERR_BAD_INPUT ("mistyped").
 */
int desk_landing(struct desk *d, const struct desk_visit *v, const char *pickup,
    const char *secret, struct desk_landing *out, struct err *e)
    __attribute__((warn_unused_result));

/*
 * "Type your address": starts or renews a visitor's session and, when the address is the
 * notice's (pickup NULL: when anything waits for it), has a code mailed to it. The outcome
 * looks the same either way. Nothing is sent for a malformed address: ERR_BAD_INPUT.
 */
int desk_ask_code(struct desk *d, struct desk_visit *v, const char *pickup,
    const char *secret, const char *typed, struct err *e)
    __attribute__((warn_unused_result));

/*
 * The code: from visitor to guest. ERR_DENIED: one same answer for every wrong one.
 * *message_out: what they came for, zero: the inbox.
 */
int desk_check_code(struct desk *d, struct desk_visit *v, const char *code,
    struct id *message_out, struct err *e) __attribute__((warn_unused_result));

/*
 * Sign-in. ERR_DENIED for every wrong address or password alike, in the same time;
 * ERR_TOO_MANY with *wait_s.
 */
int desk_login(struct desk *d, struct desk_visit *v, const char *address,
    const char *password, int *wait_s, struct err *e)
    __attribute__((warn_unused_result));

/* A guest makes an account: pending messages are adopted. ERR_CONFLICT when there is one. */
int desk_register_guest(struct desk *d, struct desk_visit *v, const char *name,
    const char *password, struct err *e) __attribute__((warn_unused_result));
/* A member with a registration code. ERR_DENIED: one same answer. */
int desk_register_code(struct desk *d, struct desk_visit *v,
    const char *address, const char *code, const char *name,
    const char *password, struct err *e) __attribute__((warn_unused_result));
/*
 * For restantectl: the account itself, against a proof of its address; in transactions
 * of its own.
 */
int desk_register(struct desk *d, const struct id *tenant,
    const struct account *a, const uint8_t proof[KEYD_PROOF_LEN],
    const char *name, const char *password, struct err *e)
    __attribute__((warn_unused_result));

int desk_logout(struct desk *d, struct desk_visit *v, bool everywhere,
    struct err *e) __attribute__((warn_unused_result));

#endif
