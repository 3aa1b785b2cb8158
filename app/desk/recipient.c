/*
 * recipient.c: whom the SMTP client may write to, and the envelope it grows.
 */
#include "desk/intake.h"

#include <stdlib.h>
#include <string.h>

#include "desk/internal.h"

void
desk_envelope_clear(struct desk_envelope *env)
{
	size_t i;

	for (i = 0; i < env->n_given; i++)
		free(env->given[i].orcpt);
	free(env->given);
	free(env->rcpt);
	free(env->envid);
	memset(env, 0, sizeof(*env));
}

static int
whose_account(struct desk *d, void *arg, struct err *e)
{
	struct whose *w = arg;
	int r;

	if ((r = account_find(
		 d->db, &w->tenant.id, w->box->key, &w->account, e)) == -1)
		return -1;
	w->member = r == 1 && w->account.kind == ACCOUNT_MEMBER;
	return 0;
}

int
whose_mailbox(
    struct desk *d, const struct mailbox *box, struct whose *out, struct err *e)
{
	int r;

	memset(out, 0, sizeof(*out));
	out->box = box;
	if ((r = tenant_by_domain(d->db, box->domain, &out->tenant, e)) != 1)
		return r;
	out->ours = true;
	return desk_look(d, &out->tenant.id, whose_account, out, e);
}

/* An outside recipient may have registered with the sender's tenant. */
struct registered {
	struct id tenant;
	const char *key;
	struct id account;
};

static int
registered_find(struct desk *d, void *arg, struct err *e)
{
	struct registered *g = arg;
	struct account a;
	int r;

	if ((r = account_find(d->db, &g->tenant, g->key, &a, e)) == 1)
		g->account = a.id;
	return r == -1 ? -1 : 0;
}

static int
envelope_add(struct desk_envelope *env, const struct mailbox *to,
    enum policy_way way, const struct id *account, struct err *e)
{
	struct desk_rcpt *r;

	if (env->n_rcpt >= LIMIT_RECIPIENTS)
		return err_set(e, ERR_TOO_MANY, "more than %d recipients",
		    LIMIT_RECIPIENTS);
	if (env->n_rcpt % 16 == 0) {
		if ((r = realloc(env->rcpt, (env->n_rcpt + 16) * sizeof(*r))) ==
		    NULL)
			return err_set(
			    e, ERR_UNAVAILABLE, "recipients: memory");
		env->rcpt = r;
	}
	r = &env->rcpt[env->n_rcpt++];
	memset(r, 0, sizeof(*r));
	r->mailbox = *to;
	r->way = way;
	r->account = *account;
	r->given = (uint32_t)env->n_given;
	return 0;
}

static int
given_add(struct desk_envelope *env, struct desk_given *given, struct err *e)
{
	struct desk_given *g;

	if (env->n_given % 16 == 0) {
		if ((g = realloc(
			 env->given, (env->n_given + 16) * sizeof(*g))) == NULL)
			return err_set(
			    e, ERR_UNAVAILABLE, "recipients: memory");
		env->given = g;
	}
	env->given[env->n_given++] = *given;
	return 0;
}

static bool
envelope_has(const struct desk_envelope *env, const struct mailbox *to)
{
	size_t i;

	for (i = 0; i < env->n_rcpt; i++)
		if (strcmp(env->rcpt[i].mailbox.key, to->key) == 0)
			return true;
	return false;
}

int
desk_rcpt_add(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given, struct err *e)
{
	const struct mailbox *to = &given->mailbox;
	const struct policy_sender ps = {
	    .authenticated = s->authenticated, .tenant = s->tenant};
	struct policy_recipient pr;
	struct registered g = {.key = to->key};
	struct whose who;
	enum policy_way way;

	if (whose_mailbox(d, to, &who, e) == -1)
		return -1;
	memset(&pr, 0, sizeof(pr));
	pr.ours = who.ours;
	pr.tenant = who.tenant.id;
	pr.member = who.member;
	if (policy_recipient(&ps, &pr, &env->tenant, &g.tenant, &way, e) == -1)
		return -1;
	if (!envelope_has(env, to)) {
		if (way == POLICY_INWARD)
			g.account = who.account.id;
		else if (desk_look(d, &g.tenant, registered_find, &g, e) == -1)
			return -1;
		if (envelope_add(env, to, way, &g.account, e) == -1)
			return -1;
	}
	if (given_add(env, given, e) == -1)
		return -1;
	env->tenant = g.tenant;
	return 0;
}

int
desk_rcpt_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given)
{
	(void)shared;
	(void)s;
	(void)env;
	(void)given;
	return 0;
}
