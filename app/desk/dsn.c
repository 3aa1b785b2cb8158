/*
 * dsn.c: what senders ask to be told of their recipients (RFC 3461): kept for the courier,
 * and told at once where it is so already.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "desk/forward.h"
#include "mail/report.h"

static const char *
envid_of(const struct parcel *p)
{
	return p->env != NULL && p->env->envid != NULL ? p->env->envid : "";
}

/*
 * What is remembered of one who is sent a notice, where something was said; and of one who
 * is handed the message by mail alone, whom its sender could not see otherwise.
 */
static int
asked_keep(const struct parcel *p, size_t i, struct bundle *b, struct err *e)
{
	const struct desk_rcpt *r = &p->rcpt[i];
	struct asked asked;
	struct dsn *q;

	asked_of(p, i, &asked);
	if (p->automatic)
		asked.notify = DESK_NOTIFY_NEVER;
	if (!r->forward_only && asked.notify == 0 && *asked.orcpt == '\0' &&
	    *envid_of(p) == '\0' &&
	    strcmp(asked.given, r->mailbox.address) == 0)
		return 0;
	if ((q = bundle_dsn(b)) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	q->message = b->message.id;
	q->slot = RCPT_SLOT(i);
	q->notify = asked.notify;
	text_cut(q->given, sizeof(q->given), asked.given);
	if (text_copy(q->orcpt, sizeof(q->orcpt), asked.orcpt) == -1)
		q->orcpt[0] = '\0';
	if (text_copy(q->envid, sizeof(q->envid), envid_of(p)) == -1)
		q->envid[0] = '\0';
	return 0;
}

/*
 * What became of an address already: a list is passed on; a member's message is in the
 * inbox. 0: that is told later, or never.
 */
static enum mail_action
action_now(const struct parcel *p, uint32_t given)
{
	const struct desk_given *g = &p->env->given[given];
	const struct desk_rcpt *r;

	if (g->list)
		return MAIL_EXPANDED;
	r = &p->rcpt[g->reader];
	return r->way == POLICY_INWARD && !r->forward ? MAIL_DELIVERED : 0;
}

static void
row_fill(const struct parcel *p, uint32_t given, enum mail_action a,
    struct report *row)
{
	const struct desk_given *g = &p->env->given[given];

	row->action = a;
	text_cut(row->recipient, sizeof(row->recipient), g->mailbox.address);
	if (g->orcpt == NULL ||
	    text_copy(row->orcpt, sizeof(row->orcpt), g->orcpt) == -1)
		row->orcpt[0] = '\0';
	if (text_copy(row->envid, sizeof(row->envid), envid_of(p)) == -1)
		row->envid[0] = '\0';
	text_cut(row->status, sizeof(row->status), "2.0.0");
}

/* One mail of all recipients of one action; m->n 0: none. */
static int
tell_now(struct desk *d, const struct parcel *p, enum mail_action a,
    struct bundle *b, struct report_mail *m, struct err *e)
{
	const struct desk_envelope *env = p->env;
	const char *id = p->manifest->message_id;

	if ((m->row = calloc(env->n_given + 1, sizeof(*m->row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	for (uint32_t i = 0; i < env->n_given; i++)
		if ((env->given[i].notify & DESK_NOTIFY_SUCCESS) != 0 &&
		    action_now(p, i) == a)
			row_fill(p, i, a, &m->row[m->n++]);
	if (m->n == 0)
		return 0;
	m->mail.tenant = p->tenant->id;
	m->mail.kind = OUTBOX_STATUS;
	m->mail.message = b->message.id;
	return outbox_seal(d, &m->mail, SEAL_I_STATUS, p->from,
	    strlen(id) < SEAL_ITEM_SECRET ? id : "", e);
}

int
dsn_gather(
    struct desk *d, const struct parcel *p, struct bundle *b, struct err *e)
{
	int r = 0;

	if (*p->from == '\0')
		return 0;
	for (size_t i = 0; i < p->n_rcpt && r == 0; i++)
		if (p->rcpt[i].way == POLICY_OUTWARD ||
		    (p->rcpt[i].forward_only && p->proved))
			r = asked_keep(p, i, b, e);
	/* To an address beyond ASCII no mail of ours can go. */
	if (p->env == NULL || p->automatic || !text_is_ascii(p->from) ||
	    r == -1)
		return r;
	r = tell_now(d, p, MAIL_DELIVERED, b, &b->told[0], e);
	return r == 0 ? tell_now(d, p, MAIL_EXPANDED, b, &b->told[1], e) : -1;
}
