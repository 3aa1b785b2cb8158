/*
 * sender.c: who the SMTP client is, and what it may call itself.
 */
#include "desk/intake.h"

#include <string.h>

#include "desk/internal.h"

#define TOKENS_MAX 8

struct tokens {
	const struct whose *who;
	struct smtp_token token[TOKENS_MAX];
	size_t n;
};

static int
tokens_read(struct desk *d, void *arg, struct err *e)
{
	struct tokens *t = arg;

	return smtp_token_all(d->db, &t->who->tenant.id, &t->who->account.id,
	    t->token, TOKENS_MAX, &t->n, e);
}

int
desk_auth(struct desk *d, const char *user, const char *password,
    struct desk_sender *s, struct err *e)
{
	struct mailbox box;
	struct whose who;
	struct tokens t = {.who = &who};
	struct err wrong;
	size_t i;

	if (mailbox_typed(user, &box, e) == -1)
		return err_set(e, ERR_DENIED, "user is no address");
	if (whose_mailbox(d, &box, &who, e) == -1)
		return -1;
	if (!who.member)
		return err_set(e, ERR_DENIED, "no such member");
	if (desk_look(d, &who.tenant.id, tokens_read, &t, e) == -1)
		return -1;
	for (i = 0; i < t.n; i++) {
		err_clear(&wrong);
		if (keyd_token_check(d->keyd, &who.tenant.id, &who.account.id,
			&t.token[i].id, t.token[i].verifier, password,
			&wrong) == 0) {
			s->authenticated = true;
			s->tenant = who.tenant.id;
			s->account = who.account.id;
			memcpy(s->address, who.account.key, sizeof(s->address));
			return 0;
		}
		if (wrong.code != ERR_DENIED) {
			*e = wrong;
			return -1;
		}
	}
	return err_set(e, ERR_DENIED, "wrong token");
}

int
desk_mail(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct err *e)
{
	const struct policy_sender ps = {
	    .authenticated = s->authenticated, .tenant = s->tenant};
	struct whose who;
	bool member = false;

	if (!env->null_sender && !s->authenticated) {
		if (whose_mailbox(d, &env->from, &who, e) == -1)
			return -1;
		member = who.member;
	}
	if (policy_sender(&ps, s->address,
		env->null_sender ? NULL : env->from.key, member, e) == -1)
		return -1;
	if (s->authenticated) {
		env->proved = true;
		env->tenant = s->tenant;
		env->account = s->account;
		env->sender_class = POLICY_TRUSTED;
	}
	return 0;
}

int
desk_mail_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env)
{
	(void)shared;
	(void)s;
	(void)env;
	return 0;
}
