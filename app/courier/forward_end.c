/*
 * forward_end.c: what became of a copy, for each recipient, and what their sender is told.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "courier/dsn.h"
#include "courier/forward_trip.h"
#include "courier/retry.h"
#include "desk/intake.h"

#define PROGRESS_S   2  /* to the next try of one that some have got */
#define RECORD_TRIES 20 /* to write an outcome down, two seconds apart */

/* Whatever became of it, its sender is told nothing: he cannot be, or is a program. */
static bool
is_mute(const struct trip *t, size_t i)
{
	return t->f.sender[0] == '\0' || !text_is_ascii(t->f.sender) ||
	    (t->f.rcpt[i].notify & DESK_NOTIFY_PROGRAM) != 0;
}

static bool
has_failed(const struct trip *t, size_t i)
{
	switch (t->rcpt[i].outcome) {
	case SMTP_TAKEN:
		return false;
	case SMTP_REFUSED:
		return true;
	case SMTP_UNREACHED:
	case SMTP_LATER:
	case SMTP_UNKNOWN:
		break;
	}
	return t->over;
}

/* What would be lost without anybody's knowing is not given up yet. */
static bool
is_kept(const struct trip *t, size_t i)
{
	return has_failed(t, i) && is_mute(t, i) && !t->gone &&
	    (t->f.rcpt[i].notify & DESK_NOTIFY_ALONE) != 0 &&
	    clock_now() - t->row->created < LIMIT_RETENTION_DAYS * CLOCK_DAY;
}

static enum forward_state
state_of(const struct trip *t, size_t i)
{
	if (t->rcpt[i].outcome == SMTP_TAKEN)
		return FORWARD_TAKEN;
	return has_failed(t, i) && !is_kept(t, i) ? FORWARD_REFUSED :
						    FORWARD_WAITS;
}

static enum mail_action
action_of(enum forward_state s)
{
	switch (s) {
	case FORWARD_TAKEN:
		return MAIL_RELAYED;
	case FORWARD_REFUSED:
		return MAIL_FAILED;
	case FORWARD_WAITS:
		break;
	}
	return MAIL_DELAYED;
}

/* A server that tells senders itself is asked to; then we do not. */
static bool
is_told(const struct trip *t, size_t i, enum mail_action a, bool slow)
{
	if (is_mute(t, i) ||
	    (a == MAIL_RELAYED && (t->offered & SMTP_DSN) != 0) ||
	    (a == MAIL_DELAYED && !slow))
		return false;
	return dsn_wanted(
	    a, t->f.rcpt[i].notify & DESK_NOTIFY_SAID, t->f.proved);
}

/* What a server lacks is told in the words of RFC 8689, 6531 and 3030. */
static void
row_status(const struct trip *t, struct report *row, const char *reply)
{
	const char *s = t->lacks & SMTP_REQUIRETLS ? "5.7.30" :
	    t->lacks & SMTP_UTF8                   ? "5.6.7" :
						     "5.6.3";

	if (t->lacks != 0)
		text_cut(row->status, sizeof(row->status), s);
	else
		dsn_status((enum mail_action)row->action, reply, row->status);
}

static void
row_fill(const struct trip *t, size_t i, enum mail_action a, struct report *row)
{
	const struct forward_rcpt *r = &t->f.rcpt[i];

	row->action = a;
	memcpy(row->recipient, r->given, sizeof(row->recipient));
	memcpy(row->orcpt, r->orcpt, sizeof(row->orcpt));
	memcpy(row->envid, t->f.envid, sizeof(row->envid));
	row_status(t, row, t->result[i].reply);
	text_cut(row->diagnostic, sizeof(row->diagnostic), t->result[i].reply);
	text_cut(
	    row->remote, sizeof(row->remote), t->lane->forwarding->route.host);
}

/* Several readers of one address that was named are one row. */
static bool
row_is_there(const struct report_mail *m, const char *given)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->row[i].recipient, given) == 0)
			return true;
	return false;
}

/* The mail that tells of one action; n stays 0 when nobody is told. */
static int
tell(const struct trip *t, enum mail_action a, bool slow, struct report_mail *m,
    struct err *e)
{
	const struct dsn_subject s = {.about = t->row,
	    .sender = t->f.sender,
	    .message_id = t->message_id,
	    .salt = (unsigned)t->row->tries};

	if ((m->row = calloc(t->f.n_rcpt + 1, sizeof(*m->row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	for (size_t i = 0; i < t->f.n_rcpt; i++)
		if (action_of(t->result[i].state) == a &&
		    is_told(t, i, a, slow) &&
		    !row_is_there(m, t->f.rcpt[i].given))
			row_fill(t, i, a, &m->row[m->n++]);
	return m->n > 0 ? dsn_seal(t->lane, &s, m, e) : 0;
}

/*
 * Where nobody else may be told, those who run the server are, once; not of what was for
 * them.
 */
static int
tell_house(const struct trip *t, const struct outbox_facts *facts,
    struct report_mail *m, struct err *e)
{
	char to[LIMIT_ADDRESS + 1];
	const struct dsn_subject s = {.about = t->row,
	    .sender = to,
	    .message_id = t->message_id,
	    .salt = (unsigned)t->row->tries};

	if (dsn_house(facts, to, sizeof(to)) == -1)
		return 0;
	if ((m->row = calloc(t->f.n_rcpt + 1, sizeof(*m->row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	for (size_t i = 0; i < t->f.n_rcpt; i++) {
		const char *given = t->f.rcpt[i].given;

		if (!is_kept(t, i) || text_equal_ci(given, to) ||
		    row_is_there(m, given))
			continue;
		row_fill(t, i, MAIL_DELAYED, &m->row[m->n]);
		m->row[m->n++].status[0] = '4'; /* it is tried again */
	}
	return m->n > 0 ? dsn_seal(t->lane, &s, m, e) : 0;
}

static int
write_down(struct trip *t, struct forward_end *end, struct err *e)
{
	static const enum mail_action actions[] = {
	    MAIL_RELAYED, MAIL_FAILED, MAIL_DELAYED};
	struct report_mail mail[4] = {0};
	struct outbox_facts facts = {0}, *f = &facts;
	bool slow;
	int r;

	if (db_begin(t->lane->db, &t->row->tenant, e) == -1)
		return -1;
	r = outbox_facts(t->lane->db, &t->row, 1, &f, e);
	db_rollback(t->lane->db);
	slow = !facts.told && retry_slow(t->row->created, clock_now());
	for (size_t i = 0; i < 3 && r == 0; i++) {
		r = tell(t, actions[i], slow, &mail[end->n_tell], e);
		if (r == 0 && mail[end->n_tell].n > 0) {
			end->told |= actions[i] == MAIL_DELAYED;
			end->n_tell++;
		} else {
			report_mail_clear(&mail[end->n_tell]);
		}
	}
	if (r == 0 && !facts.told) {
		r = tell_house(t, &facts, &mail[end->n_tell], e);
		end->told |= mail[end->n_tell].n > 0;
		end->n_tell += mail[end->n_tell].n > 0;
	}
	end->tell = mail;
	if (r == 0)
		r = forward_ended(t->lane->db, t->row, end, e);
	for (size_t i = 0; i < sizeof(mail) / sizeof(mail[0]); i++)
		report_mail_clear(&mail[i]);
	end->n_tell = 0;
	return r;
}

void
trip_settle(struct trip *t)
{
	int64_t now = clock_now();
	struct forward_end end = {.result = t->result,
	    .n = t->f.n_rcpt,
	    .due = now + retry_delay(false, false, t->row->tries),
	    .reply = t->f.n_rcpt > 0 ? t->rcpt[0].reply : ""};
	unsigned count[4] = {0}, kept = 0;
	struct err e = {0};
	int r = -1;

	t->over = retry_over(false, t->row->created, now);
	for (size_t i = 0; i < t->f.n_rcpt; i++) {
		t->result[i] = (struct forward_result){
		    .slot = t->f.rcpt[i].slot,
		    .state = state_of(t, i),
		    .reply = t->rcpt[i].reply};
		count[t->result[i].state]++;
		kept += is_kept(t, i);
	}
	/* Some servers take so many recipients at a time and no more. */
	if (count[FORWARD_TAKEN] > 0)
		end.due = now + PROGRESS_S * CLOCK_SECOND;
	if (kept > 0 && kept == count[FORWARD_WAITS])
		end.due = now + CLOCK_DAY;
	if (kept > 0)
		log_line(LOG_LEVEL_WARN, t->id, "message kept",
		    "recipients=%u: its sender is not told", kept);
	log_line(LOG_LEVEL_INFO, t->id, "message forwarded",
	    "taken=%u refused=%u waiting=%u tries=%d reply=%s",
	    count[FORWARD_TAKEN], count[FORWARD_REFUSED], count[FORWARD_WAITS],
	    t->row->tries, end.reply);
	for (int i = 0; i < RECORD_TRIES && r == -1; i++) {
		if (i > 0)
			lane_rest(2000);
		r = write_down(t, &end, &e);
	}
	if (r == -1)
		log_err(t->id, "outcome not written down", &e);
}
