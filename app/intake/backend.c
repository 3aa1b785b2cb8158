/*
 * backend.c: the use cases as the sessions call them.
 */
#include "intake/backend.h"

#include "base/limits.h"
#include "base/metrics.h"
#include "desk/intake.h"
#include "desk/rates.h"

static struct {
	const struct settings *set;
	struct desk_shared *shared;
	struct budget *budget;
} self;

/* ---- on a thread, with its desk ---- */

static int
backend_auth(void *ctx, const char *user, const char *password,
    struct desk_sender *s, struct err *e)
{
	struct meters *m = desk_meters(self.shared);

	if (rates_auth(m, s, e) == -1)
		return -1;
	if (desk_auth(ctx, user, password, s, e) == 0)
		return 0;
	if (e->code == ERR_DENIED)
		rates_auth_failed(m, s);
	return -1;
}

static int
backend_mail(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct err *e)
{
	return desk_mail(ctx, s, env, e);
}

static int
backend_rcpt(void *ctx, const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given, struct err *e)
{
	if (budget_over(self.budget))
		return err_set(e, ERR_UNAVAILABLE, "too much mail on its way");
	return desk_rcpt_add(ctx, s, env, given, e);
}

static int
backend_accept(void *ctx, const struct desk_sender *s,
    struct desk_envelope *env, struct desk_draft *d, struct desk_later *later,
    struct id *message_out, struct err *e)
{
	return desk_accept(ctx, s, env, d, later, message_out, e);
}

/* ---- on the loop ---- */

static int
backend_admit(const struct desk_sender *s, struct err *e)
{
	return rates_connect(desk_meters(self.shared), s, e);
}

static bool
backend_roomy(const char *client)
{
	return rates_free_client(desk_meters(self.shared), client);
}

static unsigned
backend_brake(const struct desk_sender *s, const struct desk_envelope *env,
    bool *silent_out)
{
	return rates_brake(desk_meters(self.shared), s, env, silent_out);
}

static int
backend_meet(
    const struct desk_sender *s, const struct desk_envelope *env, struct err *e)
{
	return rates_meet(desk_meters(self.shared), s, env, e);
}

static void
backend_taken(const struct desk_sender *s, const struct desk_envelope *env)
{
	rates_taken(desk_meters(self.shared), s, env);
}

static int
backend_mail_now(const struct desk_sender *s, struct desk_envelope *env)
{
	return desk_mail_now(self.shared, s, env);
}

static int
backend_rcpt_now(const struct desk_sender *s, struct desk_envelope *env,
    struct desk_given *given)
{
	if (budget_over(self.budget))
		return 0;
	return desk_rcpt_now(self.shared, s, env, given);
}

/* What there is no memory for comes again later, and finds some. */
static struct desk_draft *
backend_begin(const struct desk_envelope *env, struct err *e)
{
	struct desk_draft *d;

	if (!budget_take(self.budget, LIMIT_DRAFT_MEMORY)) {
		metrics_add(METRIC_TURNED_AWAY, METRIC_WHY_MEMORY, 0, 1);
		(void)err_set(e, ERR_TOO_MANY, "too much mail on its way");
		return NULL;
	}
	d = desk_draft_new(self.set->spool, &env->tenant, e);
	if (d == NULL)
		budget_give(self.budget, LIMIT_DRAFT_MEMORY);
	else
		desk_draft_budget(d, self.budget);
	return d;
}

static void
backend_drop(struct desk_draft *d)
{
	if (d == NULL)
		return;
	desk_draft_free(d);
	budget_give(self.budget, LIMIT_DRAFT_MEMORY);
}

static const struct smtp_backend backend = {
    .admit = backend_admit,
    .roomy = backend_roomy,
    .brake = backend_brake,
    .meet = backend_meet,
    .taken = backend_taken,
    .auth = backend_auth,
    .mail = backend_mail,
    .rcpt = backend_rcpt,
    .mail_now = backend_mail_now,
    .rcpt_now = backend_rcpt_now,
    .begin = backend_begin,
    .trace = desk_draft_trace,
    .add = desk_draft_add,
    .room = desk_draft_room,
    .seal = desk_draft_seal,
    .accept = backend_accept,
    .drop = backend_drop,
    .clear = desk_envelope_clear,
};

const struct smtp_backend *
backend_open(const struct settings *set, struct desk_shared *shared,
    struct budget *budget)
{
	self.set = set;
	self.shared = shared;
	self.budget = budget;
	return &backend;
}
