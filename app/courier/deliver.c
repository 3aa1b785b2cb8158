/*
 * One batch from the queue to the smart host and back. A row that was taken by the
 * other server and cannot be written down is tried again under the same
 * Message-ID: receivers can see that it is the same mail.
 */
#include "courier/deliver.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "courier/dsn.h"
#include "courier/forward.h"
#include "courier/retry.h"
#include "desk/intake.h"
#include "store/directory.h"

#define SLOW_MS      10000 /* a session longer than this: fewer mails next time */
#define RECORD_TRIES 15    /* to write an outcome down, two seconds apart */
#define TELL_TRIES   3

/* One row with its mail. */
struct job {
	struct outbox row;
	struct rendered mail;
	bool ready;   /* made and to be sent */
	bool tls_out; /* to a partner: over verified TLS all the way */
	char original[SEAL_ITEM_SECRET]; /* Message-ID of what it tells of */
	unsigned notify;                 /* what was asked of its recipient */
	bool told;                       /* the sender was told of the delay */
	const char *reply; /* it was taken, and that is not written down yet */
	struct err fault;  /* why not */
	char id[ID_TEXT_LEN]; /* of the row, for the log */
};

int
lane_open(struct lane *l, const struct settings *s, const struct view *view,
    enum lane_kind kind, struct err *e)
{
	const struct smtp_out_setup setup = {.smarthost = s->smarthost,
	    .tls = s->smarthost_tls,
	    .helo = s->hostname};

	*l = (struct lane){.codes = kind == LANE_CODES,
	    .forwards = kind == LANE_FORWARDS,
	    .set = s,
	    .render = {view, s->https_port, s->hostname},
	    .batch = LANE_BATCH};
	l->db = db_open(s->db);
	l->keyd = keyd_open(s->keyd);
	if (l->db == NULL || l->keyd == NULL)
		return err_set(e, ERR_INTERNAL, "memory");
	if (l->forwards) {
		l->forwarding = forwarding_new(e);
		return l->forwarding ? 0 : -1;
	}
	l->smtp = smtp_out_new(&setup, e);
	return l->smtp ? 0 : -1;
}

void
lane_close(struct lane *l)
{
	forwarding_free(l->forwarding);
	smtp_out_free(l->smtp);
	keyd_close(l->keyd);
	db_close(l->db);
}

/* ---- making ---- */

/* How many jobs from the first on are of one tenant. */
static size_t
of_tenant(const struct job *jobs, size_t n)
{
	size_t i = 1;

	while (i < n && id_equal(&jobs[i].row.tenant, &jobs[0].row.tenant))
		i++;
	return i;
}

/* Of n jobs of one tenant. */
static int
read_facts(struct lane *l, struct job *jobs, size_t n,
    struct outbox_facts *facts, struct err *e)
{
	struct outbox *o[LANE_BATCH];
	struct outbox_facts *f[LANE_BATCH];
	int r;

	for (size_t i = 0; i < n; i++) {
		o[i] = &jobs[i].row;
		f[i] = &facts[i];
	}
	if (db_begin(l->db, &o[0]->tenant, e) == -1)
		return -1;
	r = outbox_facts(l->db, o, n, f, e);
	db_rollback(l->db);
	return r;
}

/* A notice to an account has no secret: it goes where the reader's row says. */
static int
open_item(struct lane *l, const struct outbox *o, const struct outbox_facts *f,
    struct seal_item *item, struct err *e)
{
	const enum seal_item_kind kind = (enum seal_item_kind)o->item_kind;

	if (kind != SEAL_I_NOTICE_ACCOUNT || o->item.len > 0)
		return keyd_outbox_open(l->keyd, &o->tenant, &o->id, kind,
		    o->item.data, o->item.len, item, e);
	item->kind = kind;
	memcpy(item->address, f->recipient, sizeof(item->address));
	return *item->address != '\0' ?
	    0 :
	    err_set(e, ERR_CORRUPT, "no reader of that notice");
}

static int
make(struct lane *l, struct job *j, const struct outbox_facts *facts,
    struct err *e)
{
	struct seal_item item = {0};
	int r = -1;

	j->notify = facts->notify;
	j->told = facts->told;
	if (open_item(l, &j->row, facts, &item, e) == 0) {
		memcpy(j->original, item.original, sizeof(j->original));
		r = j->row.kind == OUTBOX_STATUS ?
		    dsn_render(l, &j->row, facts, &item, &j->mail, e) :
		    render_mail(&l->render, &j->row, facts, &item, &j->mail, e);
	}
	secret_wipe(&item, sizeof(item));
	return r;
}

static int
partner_ask(struct lane *l, struct job *j, struct err *e)
{
	struct mailbox to;
	int r;

	if (!j->ready || mailbox_typed(j->mail.to, &to, e) == -1)
		return 0;
	r = partner_promised(l->db, &j->row.tenant, to.domain, e);
	j->tls_out = r == 1;
	return r == -1 ? -1 : 0;
}

/* Of n jobs of one tenant: which go to partners who were promised TLS? */
static void
partners_ask(struct lane *l, struct job *jobs, size_t n)
{
	const struct id *tenant = &jobs[0].row.tenant;
	struct err e = {0};
	int r = db_begin(l->db, tenant, &e);

	if (r == 0 && (r = partner_promised(l->db, tenant, "", &e)) == 1) {
		r = 0;
		for (size_t i = 0; i < n && r == 0; i++)
			r = partner_ask(l, &jobs[i], &e);
	}
	db_rollback(l->db);
	for (size_t i = 0; i < n && r == -1; i++)
		if (jobs[i].ready) {
			jobs[i].ready = false;
			jobs[i].fault = e;
		}
}

/* Mails of n jobs of one tenant. */
static void
make_all(struct lane *l, struct job *jobs, size_t n)
{
	struct outbox_facts facts[LANE_BATCH] = {0};
	struct err e = {0};
	int r = read_facts(l, jobs, n, facts, &e);

	for (size_t i = 0; i < n; i++)
		if (r == -1)
			jobs[i].fault = e;
		else
			jobs[i].ready = make(l, &jobs[i], &facts[i],
					    &jobs[i].fault) == 0;
	partners_ask(l, jobs, n);
}

/* ---- writing down ---- */

enum record { RECORD_SENT, RECORD_FAILED, RECORD_LATER };

void
lane_rest(long ms)
{
	const struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* Until the database has it, for as long as the row's lease may last. */
static void
record(struct lane *l, const struct job *j, enum record what, int64_t due,
    const char *reply)
{
	struct err e = {0};
	int r = -1;

	for (int i = 0; i < RECORD_TRIES; i++) {
		switch (what) {
		case RECORD_SENT:
			r = outbox_sent(l->db, &j->row, reply, &e);
			break;
		case RECORD_FAILED:
			r = outbox_failed(l->db, &j->row, reply, &e);
			break;
		case RECORD_LATER:
			r = outbox_later(l->db, &j->row, due, reply, &e);
			break;
		}
		if (r == 0 ||
		    (e.code != ERR_UNAVAILABLE && e.code != ERR_UNKNOWN))
			break;
		/* A try later comes by itself when the lease ends. */
		if (what == RECORD_LATER)
			break;
		lane_rest(2000);
	}
	if (r == -1)
		log_err(j->id, "outcome not written down", &e);
}

/* What the sender is told with that; left out where it cannot be made in some tries. */
static void
record_telling(struct lane *l, struct job *j, enum record what, int64_t due,
    const char *reply, enum mail_action a)
{
	struct report_mail tell = {0};
	struct err e = {0};
	int r = -1;

	for (int i = 0; i < TELL_TRIES && r == -1; i++) {
		if (i > 0)
			lane_rest(2000);
		r = dsn_of_notice(l, &j->row, a, reply, j->original, &tell, &e);
	}
	if (r == -1)
		log_err(j->id, "the sender is not told", &e);
	j->row.tell = tell.n > 0 ? &tell : NULL;
	record(l, j, what, due, reply);
	j->row.tell = NULL;
	report_mail_clear(&tell);
}

/* Of a mail that has failed for good. */
static void
record_failed(struct lane *l, struct job *j, const char *reply)
{
	if (j->row.kind == OUTBOX_NOTICE)
		record_telling(l, j, RECORD_FAILED, 0, reply, MAIL_FAILED);
	else
		record(l, j, RECORD_FAILED, 0, reply);
}

static void
try_later(struct lane *l, struct job *j, bool unreached, const char *reply)
{
	bool code = j->row.kind == OUTBOX_CODE;
	int64_t now = clock_now(), due;

	if (retry_over(code, j->row.created, now)) {
		log_line(LOG_LEVEL_WARN, j->id, "mail given up",
		    "tries=%d reply=%s", j->row.tries, reply);
		record_failed(l, j, reply);
		return;
	}
	log_line(LOG_LEVEL_WARN, j->id, "mail not sent yet",
	    "tries=%d reply=%s", j->row.tries, reply);
	due = now + retry_delay(code, unreached, j->row.tries);
	if (j->row.kind == OUTBOX_NOTICE && !j->told &&
	    retry_slow(j->row.created, now))
		record_telling(l, j, RECORD_LATER, due, reply, MAIL_DELAYED);
	else
		record(l, j, RECORD_LATER, due, reply);
}

static void
settle(struct lane *l, struct job *j, const struct smtp_mail *m)
{
	/* What the other server does not offer today is not waited for. */
	if (m->lacks != 0) {
		log_line(LOG_LEVEL_WARN, j->id, "mail refused", "reply=%s",
		    m->reply);
		record_failed(l, j, m->reply);
		return;
	}
	switch (m->outcome) {
	case SMTP_TAKEN:
		log_line(LOG_LEVEL_INFO, j->id, "mail taken",
		    "kind=%d tries=%d reply=%s", (int)j->row.kind, j->row.tries,
		    m->reply);
		if (j->row.kind == OUTBOX_NOTICE &&
		    (j->notify & DESK_NOTIFY_SUCCESS) != 0)
			record_telling(
			    l, j, RECORD_SENT, 0, m->reply, MAIL_RELAYED);
		else
			j->reply = m->reply; /* with the others */
		return;
	case SMTP_REFUSED:
		log_line(LOG_LEVEL_WARN, j->id, "mail refused",
		    "kind=%d tries=%d reply=%s", (int)j->row.kind, j->row.tries,
		    m->reply);
		record_failed(l, j, m->reply);
		return;
	case SMTP_UNREACHED:
		try_later(l, j, true, m->reply);
		return;
	case SMTP_LATER:
	case SMTP_UNKNOWN:
		try_later(l, j, false, m->reply);
		return;
	}
}

/* A mail that could not be made: for good where trying again changes nothing. */
static void
settle_unmade(struct lane *l, struct job *j)
{
	log_err(j->id, "mail not made", &j->fault);
	switch (j->fault.code) {
	case ERR_UNAVAILABLE:
	case ERR_UNKNOWN:
	case ERR_TOO_MANY:
	case ERR_RATE:
	case ERR_INTERNAL:
		try_later(l, j, true, err_row(j->fault.code)->name);
		return;
	case ERR_NONE:
	case ERR_BAD_INPUT:
	case ERR_TYPE:
	case ERR_INSECURE:
	case ERR_UNWANTED:
	case ERR_NOT_FOUND:
	case ERR_DENIED:
	case ERR_EXPIRED:
	case ERR_GONE:
	case ERR_CONFLICT:
	case ERR_TOO_BIG:
	case ERR_CORRUPT:
	case ERR_CODES:
		record_failed(l, j, err_row(j->fault.code)->name);
		return;
	}
}

/* Those that were taken and nobody else is told of, each tenant's in one transaction. */
static void
record_sent(struct lane *l, struct job *jobs, size_t n)
{
	struct outbox *o[LANE_BATCH];
	const char *reply[LANE_BATCH];
	size_t i, k = 0;
	struct err e;

	for (i = 0; i < n; i++)
		if (jobs[i].reply != NULL) {
			o[k] = &jobs[i].row;
			reply[k++] = jobs[i].reply;
		}
	if (k > 0 && outbox_sent_all(l->db, o, reply, k, &e) == 0)
		return;
	for (i = 0; i < n; i++)
		if (jobs[i].reply != NULL)
			record(l, &jobs[i], RECORD_SENT, 0, jobs[i].reply);
}

/* ---- a batch ---- */

/* Those that need more of the other server have a session each. */
static void
send_all(struct lane *l, struct smtp_mail *mails, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i += k) {
		for (k = 0; i + k < n && mails[i + k].need == 0; k++)
			continue;
		k = k > 0 ? k : 1;
		smtp_out_send(l->smtp, &mails[i], k);
	}
}

static void
send_ready(struct lane *l, struct job *jobs, size_t n)
{
	struct smtp_mail mails[LANE_BATCH];
	size_t count = 0;
	int64_t took = clock_mono_ms();

	for (size_t i = 0; i < n; i++) {
		if (!jobs[i].ready)
			continue;
		mails[count++] = (struct smtp_mail){
		    .from = jobs[i].mail.from,
		    .to = jobs[i].mail.to,
		    .data = (const char *)jobs[i].mail.mail.data,
		    .len = jobs[i].mail.mail.len,
		    .need = jobs[i].tls_out ? SMTP_REQUIRETLS : 0,
		};
	}
	send_all(l, mails, count);
	took = clock_mono_ms() - took;
	l->batch = took > SLOW_MS ? 1 : LANE_BATCH;
	count = 0;
	for (size_t i = 0; i < n; i++) {
		if (jobs[i].ready)
			settle(l, &jobs[i], &mails[count++]);
		else
			settle_unmade(l, &jobs[i]);
	}
	for (size_t i = 0; i < n; i += count) {
		count = of_tenant(&jobs[i], n - i);
		record_sent(l, &jobs[i], count);
	}
}

int
lane_take(struct lane *l, struct db *db, struct err *e)
{
	if (l->forwards)
		return forwarding_take(l, db, e);
	return outbox_take(
	    db, l->codes, LANE_LEASE_S, l->row, l->batch, &l->n, e);
}

void
lane_work(struct lane *l)
{
	struct job jobs[LANE_BATCH] = {0};
	size_t k;

	if (l->forwards) {
		forwarding_work(l);
		return;
	}

	for (size_t i = 0; i < l->n; i++) {
		jobs[i].row = l->row[i];
		id_format(&l->row[i].id, jobs[i].id);
	}
	for (size_t i = 0; i < l->n; i += k) {
		k = of_tenant(&jobs[i], l->n - i);
		make_all(l, &jobs[i], k);
	}
	send_ready(l, jobs, l->n);
	for (size_t i = 0; i < l->n; i++) {
		rendered_clear(&jobs[i].mail);
		outbox_clear(&jobs[i].row);
	}
	l->n = 0;
}
