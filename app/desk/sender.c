/*
 * sender.c: who the SMTP client is, and what it may call itself.
 */
#include "desk/intake.h"

#include <string.h>

#include "base/text.h"
#include "desk/internal.h"
#include "desk/rates.h"
#include "desk/routing.h"

#define TOKENS_MAX 8

struct tokens {
	const struct id *tenant;
	const struct account *account;
	struct smtp_token token[TOKENS_MAX];
	size_t n;
};

static int
tokens_read(struct desk *d, void *arg, struct err *e)
{
	struct tokens *t = arg;

	return smtp_token_all(
	    d->db, t->tenant, &t->account->id, t->token, TOKENS_MAX, &t->n, e);
}

/* 0: one of them is right. */
static int
tokens_try(
    struct desk *d, const struct tokens *t, const char *password, struct err *e)
{
	struct err wrong;
	size_t i;

	for (i = 0; i < t->n; i++) {
		err_clear(&wrong);
		if (keyd_token_check(d->keyd, t->tenant, &t->account->id,
			&t->token[i].id, t->token[i].verifier, password,
			&wrong) == 0)
			return 0;
		if (wrong.code != ERR_DENIED) {
			*e = wrong;
			return -1;
		}
	}
	return err_set(e, ERR_DENIED, "wrong token");
}

static int
relay_account(struct directory_ask *q, struct desk_sender *s, struct err *e)
{
	const struct rules *rules;
	size_t i;
	int r;

	if ((r = directory_rules(q, &s->tenant, &rules, e)) != 1)
		return r;
	for (i = 0; i < rules->n_relay; i++)
		if (rules->relay[i].kind == RELAY_ACCOUNT &&
		    id_equal(&rules->relay[i].account, &s->account))
			s->relay = true;
	directory_rules_drop(rules);
	return 0;
}

int
desk_auth(struct desk *d, const char *user, const char *password,
    struct desk_sender *s, struct err *e)
{
	struct directory_ask q = {
	    .dir = shared_directory(d), .d = d, .fresh = true};
	struct address_row row;
	struct mailbox box;
	struct id tenant;
	struct tokens t = {.tenant = &tenant, .account = &row.account};
	int r;

	if (mailbox_typed(user, &box, e) == -1)
		return err_set(e, ERR_DENIED, "user is no address");
	if ((r = directory_domain(&q, box.domain, &tenant, e)) == 1)
		r = directory_address(&q, &tenant, box.key, &row, e);
	if (r == -1)
		return -1;
	if (r == 0 || row.kind != ADDRESS_MEMBER)
		return err_set(e, ERR_DENIED, "no such member");
	if (desk_look(d, &tenant, tokens_read, &t, e) == -1 ||
	    tokens_try(d, &t, password, e) == -1)
		return -1;
	s->tenant = tenant;
	s->account = row.account.id;
	if (relay_account(&q, s, e) == -1)
		return -1;
	memcpy(s->address, row.account.key, sizeof(s->address));
	s->authenticated = true;
	return 0;
}

/* Hexadecimal of the same bytes. */
static bool
is_print(const char *hex, const uint8_t bytes[DIRECTORY_PIN])
{
	char text[DIRECTORY_PIN * 2 + 1];

	text_hex(bytes, DIRECTORY_PIN, text);
	return hex[0] != '\0' && text_equal_ci(hex, text);
}

/* One of several. */
static bool
names(const char *list, const uint8_t bytes[DIRECTORY_PIN])
{
	char text[DIRECTORY_PIN * 2 + 1];

	text_hex(bytes, DIRECTORY_PIN, text);
	return strstr(list, text) != NULL;
}

bool
sender_is_relay(const struct rules *r, const struct desk_sender *s)
{
	const struct relay *at;
	size_t i;

	for (i = 0; i < r->n_relay; i++) {
		at = &r->relay[i];
		if (at->kind == RELAY_CERTIFICATE &&
		    is_print(s->certificate, at->certificate))
			return true;
		if (at->kind == RELAY_RANGE &&
		    policy_net_has(&at->net, s->client))
			return true;
	}
	return false;
}

bool
sender_shows(const struct partner *p, const struct desk_sender *s)
{
	return is_print(s->certificate, p->pin) ||
	    names(s->authorities, p->pin);
}

/* Whose domain the envelope sender is of, and whether this client is that tenant's. */
static int
claim_look(struct directory_ask *q, const struct desk_sender *s,
    const struct mailbox *from, struct policy_claim *c, struct err *e)
{
	const struct rules *rules;
	int r;

	if ((r = directory_domain(q, from->domain, &c->owner, e)) != 1)
		return r;
	c->ours = true;
	if (s->authenticated)
		return 0;
	if ((r = directory_rules(q, &c->owner, &rules, e)) != 1)
		return r;
	c->owners_relay = sender_is_relay(rules, s);
	directory_rules_drop(rules);
	return 0;
}

/* The account behind the address a relay sends for, if there is one. */
static int
account_behind(struct directory_ask *q, const struct desk_sender *s,
    struct desk_envelope *env, struct err *e)
{
	struct address_row row;
	int r;

	env->account = s->authenticated ? s->account : id_zero();
	if (s->authenticated && strcmp(s->address, env->from.key) == 0)
		return 0;
	env->account = id_zero();
	r = directory_address(q, &env->tenant, env->from.key, &row, e);
	if (r == 1 && row.kind == ADDRESS_MEMBER)
		env->account = row.account.id;
	return r == -1 ? -1 : 0;
}

/* Has the tenant taken as many messages of this client as it takes? */
static int
rate_look(struct directory_ask *q, struct meters *m,
    const struct desk_sender *s, const struct desk_envelope *env, struct err *e)
{
	struct rates_at at = {
	    .tenant = &env->tenant, .class = env->sender_class};
	const struct rules *rules = NULL;
	int r = directory_rules(q, &env->tenant, &rules, e);

	if (rules != NULL)
		at.own = &rules->rates;
	if (r != -1)
		r = rates_mail(m, s, &at, q->d != NULL ? e : NULL);
	directory_rules_drop(rules);
	return r;
}

static int
mail_ask(struct directory_ask *q, struct meters *m, const struct desk_sender *s,
    struct desk_envelope *env, struct err *e)
{
	struct policy_claim c = {.authenticated = s->authenticated,
	    .relay = s->relay,
	    .tenant = s->tenant,
	    .own = s->address,
	    .from = env->null_sender ? NULL : env->from.key};

	if (!env->null_sender &&
	    (!s->authenticated || strcmp(s->address, env->from.key) != 0) &&
	    claim_look(q, s, &env->from, &c, e) == -1)
		return -1;
	if (q->unsure || policy_sender(&c, &env->proved, &env->tenant, e) == -1)
		return -1;
	env->account = id_zero();
	env->sender_class = POLICY_UNKNOWN;
	if (!env->proved)
		return 0;
	env->sender_class = POLICY_TRUSTED;
	if (rate_look(q, m, s, env, e) == -1)
		return -1;
	return account_behind(q, s, env, e);
}

int
desk_mail(struct desk *d, const struct desk_sender *s,
    struct desk_envelope *env, struct err *e)
{
	struct directory_ask q = {.dir = shared_directory(d), .d = d};

	if (mail_ask(&q, desk_meters(d->shared), s, env, e) == 0)
		return 0;
	if (e->code != ERR_DENIED || !q.aged)
		return -1;
	q.fresh = true;
	return mail_ask(&q, desk_meters(d->shared), s, env, e);
}

int
desk_mail_now(struct desk_shared *shared, const struct desk_sender *s,
    struct desk_envelope *env)
{
	struct directory_ask q = {.dir = desk_directory(shared)};
	struct err e;

	if (mail_ask(&q, desk_meters(shared), s, env, &e) == 0 && !q.unsure)
		return 1;
	env->proved = false;
	env->tenant = env->account = id_zero();
	env->sender_class = POLICY_UNKNOWN;
	return 0;
}
