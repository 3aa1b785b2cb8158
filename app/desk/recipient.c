/*
 * recipient.c: whom the SMTP client may write to, what that address stands for, and the
 * envelope that grows by it.
 */
#include "desk/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/internal.h"
#include "desk/rates.h"
#include "desk/routing.h"

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

/* One RCPT on its way. */
struct route {
	struct directory_ask *q;
	struct meters *meters;
	const struct desk_sender *s;
	struct desk_envelope *env;
	const struct mailbox *to;
	struct policy_sender ps;
	struct policy_recipient pr;
	const struct rules *rules; /* of the tenant whose domain it is */
	struct address_row row;    /* what the address is there */
	uint32_t reader;           /* who was named last, in env */
};

/* ---- what an address stands for ---- */

/* "alice+tag@acme.example" as "alice@acme.example"; false: there is no tag. */
static bool
plus_base(const char *key, char out[LIMIT_ADDRESS + 1])
{
	const char *plus = strchr(key, '+'), *at = strrchr(key, '@');

	if (key[0] == '"' || plus == NULL || at == NULL || plus == key ||
	    plus > at)
		return false;
	memcpy(out, key, (size_t)(plus - key));
	text_cut(
	    out + (plus - key), LIMIT_ADDRESS + 1 - (size_t)(plus - key), at);
	return true;
}

struct admin_reading {
	const struct id *tenant;
	struct account *out;
	int found;
};

static int
admin_read(struct desk *d, void *arg, struct err *e)
{
	struct admin_reading *w = arg;

	w->found = admin_find(d->db, w->tenant, w->out, e);
	return w->found == -1 ? -1 : 0;
}

/* RFC 5321 4.5.1: somebody reads what goes to the postmaster. */
static int
postmaster(struct route *t, struct err *e)
{
	struct admin_reading w = {
	    .tenant = &t->pr.tenant, .out = &t->row.account};

	if (t->q->d == NULL) {
		t->q->unsure = true;
		return 0;
	}
	if (desk_look(t->q->d, w.tenant, admin_read, &w, e) == -1)
		return -1;
	t->row.kind = ADDRESS_ALIAS;
	return w.found;
}

/* Memory alone does not know of an address that it is nothing itself. */
static int
other_names(struct route *t, struct err *e)
{
	const struct id *tenant = &t->pr.tenant;
	char base[LIMIT_ADDRESS + 1];
	int r = 0;

	if (t->rules->plus && plus_base(t->to->key, base)) {
		r = directory_address(t->q, tenant, base, &t->row, e);
		if (r == 1 && !t->q->aged)
			directory_learn(t->q, tenant, t->to->key, &t->row);
	}
	if (r == 0 && text_starts(t->to->key, "postmaster@"))
		r = postmaster(t, e);
	if (r == 0 && t->rules->catch_all[0] != '\0' && !t->ps.null)
		r = directory_address(
		    t->q, tenant, t->rules->catch_all, &t->row, e);
	return r;
}

static int
target_find(struct route *t, struct err *e)
{
	int r;

	r = directory_address(t->q, &t->pr.tenant, t->to->key, &t->row, e);
	if (r == 0)
		r = t->q->unsure ? 0 : other_names(t, e);
	if (r != 1)
		return r;
	t->pr.target = t->row.kind == ADDRESS_LIST ? POLICY_LIST :
						     POLICY_MEMBER;
	t->pr.open = t->row.list.open;
	return 0;
}

/* ---- what the tenant says of the sender ---- */

static int
sender_weigh(struct route *t, struct err *e)
{
	const struct partner *p = NULL;
	int r;

	t->pr.inward = t->rules->inward;
	t->pr.alone = t->env->n_given == 0;
	t->ps.house = sender_is_relay(t->rules, t->s) ||
	    (t->s->authenticated && t->s->relay &&
		id_equal(&t->s->tenant, &t->pr.tenant));
	if (t->ps.null)
		return 0;
	if ((p = rules_partner(t->rules, t->env->from.domain)) != NULL) {
		t->pr.partner = true;
		t->pr.partner_tls = p->tls_in;
		t->pr.pinned = p->pinned;
		t->pr.shown = p->pinned && sender_shows(p, t->s);
		return 0;
	}
	r = directory_known(t->q, &t->pr.tenant, t->env->from.key, e);
	t->pr.known = r == 1;
	return r == -1 ? -1 : 0;
}

/* This host's own postmaster is the first tenant's. */
static int
host_owner(struct route *t, struct err *e)
{
	struct desk *d = t->q->d;

	if (d == NULL || d->set->hostname == NULL ||
	    !text_starts(t->to->key, "postmaster@") ||
	    !text_equal_ci(t->to->domain, d->set->hostname))
		return 0;
	return house_tenant(d->db, &t->pr.tenant, e);
}

/* Whose address is it, and what do its owner's rules say? */
static int
facts_find(struct route *t, struct err *e)
{
	int r;

	r = directory_domain(t->q, t->to->domain, &t->pr.tenant, e);
	if (r == 0)
		r = host_owner(t, e);
	if (r != 1)
		return r;
	t->pr.ours = true;
	if (t->ps.proved && !id_equal(&t->pr.tenant, &t->ps.tenant))
		return 0; /* as any outside address */
	if ((r = directory_rules(t->q, &t->pr.tenant, &t->rules, e)) != 1)
		return r;
	if (!t->ps.proved && sender_weigh(t, e) == -1)
		return -1;
	return t->q->unsure ? 0 : target_find(t, e);
}

/* ---- the envelope ---- */

static bool
envelope_has(const struct desk_envelope *env, const char *key, uint32_t *at_out)
{
	size_t i;

	for (i = 0; i < env->n_rcpt; i++)
		if (strcmp(env->rcpt[i].mailbox.key, key) == 0) {
			*at_out = (uint32_t)i;
			return true;
		}
	return false;
}

static int
rcpt_add(struct route *t, const struct mailbox *box, enum policy_way way,
    const struct id *account, struct err *e)
{
	struct desk_envelope *env = t->env;
	struct desk_rcpt *r;

	if (envelope_has(env, box->key, &t->reader))
		return 0;
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
	t->reader = (uint32_t)env->n_rcpt;
	r = &env->rcpt[env->n_rcpt++];
	memset(r, 0, sizeof(*r));
	r->mailbox = *box;
	r->way = way;
	r->account = *account;
	r->given = (uint32_t)env->n_given;
	if (way == POLICY_INWARD && t->rules != NULL) {
		r->forward = t->rules->way != INWARD_PORTAL;
		r->forward_only = t->rules->way == INWARD_FORWARD;
	}
	return 0;
}

/* A member by its own address, whatever it was called. */
static int
member_add(struct route *t, const char *key, const char *address,
    const struct id *account, struct err *e)
{
	struct mailbox box = *t->to;

	if (strcmp(box.key, key) != 0 && mailbox_typed(address, &box, e) == -1)
		return -1;
	return rcpt_add(t, &box, POLICY_INWARD, account, e);
}

/* Someone outside: the account it may have with the tenant is looked for as it is sealed. */
static int
outside_add(struct route *t, const struct mailbox *box, struct err *e)
{
	const struct id none = id_zero();

	/* The notice goes out without SMTPUTF8, which no smart host needs to know. */
	if (mailbox_is_wide(box))
		return err_set(e, ERR_TYPE, "address outside, beyond ASCII");
	return rcpt_add(t, box, POLICY_OUTWARD, &none, e);
}

static int
listed_add(struct route *t, const struct listed *l, struct err *e)
{
	struct mailbox box;

	if (!id_is_zero(&l->account))
		return member_add(t, l->key, l->address, &l->account, e);
	if (!t->ps.proved)
		return err_set(e, ERR_UNWANTED,
		    "the list reaches outside, the sender may not");
	if (mailbox_typed(l->address, &box, e) == -1)
		return -1;
	return outside_add(t, &box, e);
}

static int
list_add(struct route *t, struct err *e)
{
	struct listing all = {0};
	size_t i;
	int r;

	if (t->q->d == NULL) {
		t->q->unsure = true;
		return 0;
	}
	r = list_take_apart(t->q, &t->pr.tenant, &t->row.list.id, &all, e);
	for (i = 0; i < all.n && r == 0; i++)
		r = listed_add(t, &all.at[i], e);
	free(all.at);
	return r;
}

static int
readers_add(struct route *t, enum policy_way way, struct err *e)
{
	if (way == POLICY_OUTWARD)
		return outside_add(t, t->to, e);
	if (t->pr.target == POLICY_LIST)
		return list_add(t, e);
	return member_add(t, t->row.account.key, t->row.account.address,
	    &t->row.account.id, e);
}

/* What the client is told of later. */
static int
given_add(struct desk_envelope *env, struct desk_given *given, struct err *e)
{
	struct desk_given *g;

	if (env->n_given >= LIMIT_RECIPIENTS)
		return err_set(e, ERR_TOO_MANY, "more than %d recipients",
		    LIMIT_RECIPIENTS);
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

/* How much is to be told of it: nothing, what is told unasked, or what was asked for. */
static int
asks(const struct desk_given *g)
{
	if (g->notify & DESK_NOTIFY_NEVER)
		return 0;
	return g->notify == 0 ? 1 : 2;
}

/* A reader who was named already, by a list or another address, is told of as the last one. */
static void
given_prefer(struct desk_envelope *env)
{
	const uint32_t at = (uint32_t)env->n_given - 1;
	const struct desk_given *g = &env->given[at], *before;
	struct desk_rcpt *r;

	if (g->list)
		return;
	r = &env->rcpt[g->reader];
	before = &env->given[r->given];
	if (before->list || asks(before) < asks(g))
		r->given = at;
}

/* Named a second time: what was asked for first stays. */
static bool
given_has(const struct desk_envelope *env, struct desk_given *given)
{
	size_t i;

	for (i = 0; i < env->n_given; i++)
		if (strcmp(env->given[i].mailbox.key, given->mailbox.key) ==
		    0) {
			free(given->orcpt);
			given->orcpt = NULL;
			return true;
		}
	return false;
}

/* ---- one RCPT ---- */

static enum policy_class
class_of(const struct route *t)
{
	return t->ps.proved ? t->env->sender_class :
			      policy_class_of(&t->ps, &t->pr);
}

/* Memory that says no is asked again: nothing is said of it yet. */
static int
rate_take(struct route *t, const struct id *tenant, struct err *e)
{
	struct rates_at at = {.tenant = tenant, .class = class_of(t)};
	const struct rules *mine = NULL;
	int r = 0;

	/* Mail that goes out: the sender's tenant's. */
	if (t->rules == NULL)
		r = directory_rules(t->q, tenant, &mine, e);
	if (t->rules != NULL || mine != NULL)
		at.own = t->rules != NULL ? &t->rules->rates : &mine->rates;
	if (r != -1)
		r = t->q->unsure ? -1 :
				   rates_recipient(t->meters, t->s, t->env, &at,
				       t->q->d != NULL ? e : NULL);
	directory_rules_drop(mine);
	return r;
}

/* Somebody asked for an address that is not there; his last word, not memory's. */
static void
unknown_count(struct route *t)
{
	const struct rates_at at = {.tenant = &t->pr.tenant,
	    .class = class_of(t),
	    .own = t->rules != NULL ? &t->rules->rates : NULL};

	if (t->q->d != NULL && !t->q->aged)
		rates_unknown(t->meters, t->s, t->env, &at);
}

static int
route_take(struct route *t, struct desk_given *given, struct err *e)
{
	struct desk_envelope *env = t->env;
	size_t before = env->n_rcpt;
	enum policy_way way;
	struct id tenant;

	if (facts_find(t, e) == -1 || t->q->unsure)
		return -1;
	if (policy_recipient(&t->ps, &t->pr, &env->tenant, &tenant, &way, e) ==
	    -1)
		return -1;
	given->list = way == POLICY_INWARD && t->pr.target == POLICY_LIST;
	if (readers_add(t, way, e) == -1 || t->q->unsure ||
	    rate_take(t, &tenant, e) == -1) {
		env->n_rcpt = before;
		return -1;
	}
	given->reader = t->reader;
	if (given_add(env, given, e) == -1) {
		env->n_rcpt = before;
		return -1;
	}
	given_prefer(env);
	env->tenant = tenant;
	env->sender_class = class_of(t);
	return 0;
}

static int
rcpt_ask(struct directory_ask *q, struct meters *m, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given, struct err *e)
{
	struct route t = {
	    .q = q, .meters = m, .s = s, .env = env, .to = &given->mailbox};
	int r;

	if (given_has(env, given))
		return 0;
	t.ps.proved = env->proved;
	t.ps.tenant = env->tenant;
	t.ps.null = env->null_sender;
	t.ps.tls = s->tls[0] != '\0';
	err_clear(e);
	r = route_take(&t, given, e);
	if (r == -1 && e->code == ERR_NOT_FOUND)
		unknown_count(&t);
	directory_rules_drop(t.rules);
	return r;
}

int
desk_rcpt_add(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};
	struct meters *m = desk_meters(d->shared);

	if (rcpt_ask(&q, m, s, env, given, e) == 0)
		return 0;
	if (e->code == ERR_UNAVAILABLE || e->code == ERR_RATE || !q.aged)
		return -1;
	q.fresh = true;
	q.aged = false;
	return rcpt_ask(&q, m, s, env, given, e);
}

int
desk_rcpt_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_given *given)
{
	struct directory_ask q = {.dir = desk_directory(shared)};
	struct err e;

	return rcpt_ask(&q, desk_meters(shared), s, env, given, &e) == 0;
}
