/*
 * forward.c: one copy at a time. What cannot be written down comes back when its lease
 * ends, and is then handed on twice under the same Message-ID.
 */
#include "courier/forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "courier/dsn.h"
#include "courier/retry.h"
#include "mail/parse.h"
#include "store/forward.h"

#define BLOCK_CHUNKS 4 /* read, opened and sent at a time */
#define DOWN_TENANTS 64
#define SLOW_MS      1000
#define DOWN_MS      20000 /* a server that was slow not to be reached is let be */

struct forwarding {
	struct forward_route route; /* that smtp is for */
	char place[280];            /* its host and port */
	struct smtp_out *smtp;
	struct {
		struct id tenant;
		int64_t until_ms;
	} down[DOWN_TENANTS];
	size_t down_at; /* the place that is used next */
};

/* One copy on its way. */
struct trip {
	struct lane *lane;
	struct outbox *row;
	struct forward f;
	struct seal_opener *opener;
	struct buf block; /* clear bytes */
	uint32_t next;    /* chunk that follows */
	uint32_t taken;   /* chunks of this block */
	char message_id[SEAL_ITEM_SECRET];
	struct err fault; /* why a piece could not be had */
	struct smtp_rcpt *rcpt;
	struct forward_result *result;
	unsigned offered;
	unsigned lacks;
	char id[ID_TEXT_LEN]; /* for the log */
};

struct forwarding *
forwarding_new(struct err *e)
{
	struct forwarding *f = calloc(1, sizeof(*f));

	if (f == NULL)
		err_set(e, ERR_INTERNAL, "memory");
	return f;
}

static void
route_drop(struct forwarding *f)
{
	smtp_out_free(f->smtp);
	f->smtp = NULL;
	free(f->route.authority);
	f->route = (struct forward_route){0};
}

void
forwarding_free(struct forwarding *f)
{
	if (f == NULL)
		return;
	route_drop(f);
	free(f);
}

int
forwarding_take(struct lane *l, struct db *db, struct err *e)
{
	return forward_take(
	    db, FORWARD_LEASE_S, l->row, FORWARD_BATCH, &l->n, e);
}

/* ---- servers ---- */

static bool
is_down(const struct forwarding *f, const struct id *tenant)
{
	for (size_t i = 0; i < DOWN_TENANTS; i++)
		if (f->down[i].until_ms > clock_mono_ms() &&
		    id_equal(&f->down[i].tenant, tenant))
			return true;
	return false;
}

static void
set_down(struct forwarding *f, const struct id *tenant)
{
	size_t i = f->down_at++ % DOWN_TENANTS;

	f->down[i].tenant = *tenant;
	f->down[i].until_ms = clock_mono_ms() + DOWN_MS;
}

/* Takes the route over. The last server's connection is kept ready for the next copy. */
static int
route_set(struct lane *l, struct forward_route *to, struct err *e)
{
	struct forwarding *f = l->forwarding;
	struct smtp_out_setup setup = {.smarthost = f->place,
	    .tls = true,
	    .helo = l->set->hostname,
	    .session_ms = FORWARD_SESSION_MS};
	bool same = f->smtp != NULL && strcmp(f->route.host, to->host) == 0 &&
	    f->route.port == to->port &&
	    strcmp(f->route.authority, to->authority) == 0;

	if (same) {
		free(to->authority);
		to->authority = NULL;
		return 0;
	}
	route_drop(f);
	f->route = *to;
	to->authority = NULL;
	setup.authority = f->route.authority;
	snprintf(
	    f->place, sizeof(f->place), "%s:%d", f->route.host, f->route.port);
	f->smtp = smtp_out_new(&setup, e);
	return f->smtp != NULL ? 0 : -1;
}

/* ---- content ---- */

static int
take_chunk(void *arg, uint32_t seq, const void *sealed, size_t n, struct err *e)
{
	struct trip *t = arg;

	if (seq != t->next + t->taken)
		return err_set(
		    e, ERR_CORRUPT, "chunk %u is missing", t->next + t->taken);
	t->taken++;
	return seal_opener_chunk(
	    t->opener, seq, seq + 1 == t->f.chunks, sealed, n, &t->block, e);
}

static int
next_block(struct trip *t, struct err *e)
{
	const uint32_t left = t->f.chunks - t->next;
	const uint32_t n = left < BLOCK_CHUNKS ? left : BLOCK_CHUNKS;
	int r;

	buf_clear(&t->block);
	t->taken = 0;
	if (n == 0)
		return 0;
	if (buf_reserve(&t->block, (size_t)n * SEAL_CHUNK + 1) == -1)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	if (db_begin(t->lane->db, &t->row->tenant, e) == -1)
		return -1;
	r = forward_chunks(t->lane->db, t->row, t->next, n, take_chunk, t, e);
	db_rollback(t->lane->db);
	if (r == 0 && t->taken != n)
		r = err_set(
		    e, ERR_CORRUPT, "chunk %u is missing", t->next + t->taken);
	t->next += n;
	return r;
}

static int
read_piece(void *arg, bool again, const char **p, size_t *n)
{
	struct trip *t = arg;

	if (again)
		t->next = 0;
	if (next_block(t, &t->fault) == -1)
		return -1;
	*p = (const char *)t->block.data;
	*n = t->block.len;
	return 0;
}

/* ---- one trip ---- */

/* 1 ready to go; 0: there is nothing to send, or nowhere. */
static int
trip_read(struct trip *t, struct err *e)
{
	struct forward_route route = {0};
	struct db *db = t->lane->db;
	int r;

	if (db_begin(db, &t->row->tenant, e) == -1)
		return -1;
	r = forward_get(db, t->row, &t->f, e);
	if (r == 0)
		r = err_set(e, ERR_GONE, "the copy is no more");
	if (r == 1 && (r = forward_route(db, &t->row->tenant, &route, e)) == 0)
		r = err_set(e, ERR_UNAVAILABLE, "no server of the tenant's");
	db_rollback(db);
	if (r == 1 && route_set(t->lane, &route, e) == -1)
		r = -1;
	free(route.authority);
	return r == 1 ? 0 : -1;
}

static int
trip_open(struct trip *t, struct err *e)
{
	const struct outbox *o = t->row;
	uint8_t dek[SECRET_KEY_LEN];
	struct mail_head *head;
	int r;

	if (keyd_forward_open(t->lane->keyd, &o->tenant, &t->f.message, &o->id,
		o->item.data, o->item.len, dek, e) == -1)
		return -1;
	r = seal_opener_new(
	    dek, &o->tenant, &o->id, 0, t->f.content_header, &t->opener, e);
	secret_wipe(dek, sizeof(dek));
	if (r == -1 || next_block(t, e) == -1)
		return -1;
	if ((head = calloc(1, sizeof(*head))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "copy: memory");
	mail_head_read(t->block.data, t->block.len, head);
	if (text_copy(t->message_id, sizeof(t->message_id), head->message_id) ==
	    -1)
		t->message_id[0] = '\0';
	secret_wipe(head, sizeof(*head));
	free(head);
	return 0;
}

static unsigned
needs(const struct forward *f)
{
	return (f->require_tls ? SMTP_REQUIRETLS : 0) |
	    (f->utf8 ? SMTP_UTF8 : 0) |
	    (f->body == FORWARD_8BIT ? SMTP_8BIT : 0) |
	    (f->body == FORWARD_BINARY ? SMTP_BINARY : 0);
}

static void
trip_send(struct trip *t)
{
	struct smtp_mail m = {.from = t->f.sender,
	    .len = t->f.size,
	    .rcpt = t->rcpt,
	    .n_rcpt = t->f.n_rcpt,
	    .read = read_piece,
	    .arg = t,
	    .need = needs(&t->f),
	    .envid = t->f.envid,
	    .ret = t->f.ret};

	for (size_t i = 0; i < t->f.n_rcpt; i++)
		t->rcpt[i] = (struct smtp_rcpt){.to = t->f.rcpt[i].address,
		    .notify = t->f.rcpt[i].notify,
		    .orcpt = t->f.rcpt[i].orcpt};
	smtp_out_send(t->lane->forwarding->smtp, &m, 1);
	t->offered = m.offered;
	t->lacks = m.lacks;
	if (t->fault.code != ERR_NONE)
		log_err(t->id, "forwarded copy not read", &t->fault);
}

/* ---- what became of it ---- */

static enum forward_state
state_of(const struct smtp_rcpt *r, bool over)
{
	switch (r->outcome) {
	case SMTP_TAKEN:
		return FORWARD_TAKEN;
	case SMTP_REFUSED:
		return FORWARD_REFUSED;
	case SMTP_UNREACHED:
	case SMTP_LATER:
	case SMTP_UNKNOWN:
		break;
	}
	return over ? FORWARD_REFUSED : FORWARD_WAITS;
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
	if (t->f.sender[0] == '\0' || !text_is_ascii(t->f.sender) ||
	    (a == MAIL_RELAYED && (t->offered & SMTP_DSN) != 0) ||
	    (a == MAIL_DELAYED && !slow))
		return false;
	return dsn_wanted(a, t->f.rcpt[i].notify, t->f.proved);
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

static int
write_down(struct trip *t, struct forward_end *end, struct err *e)
{
	static const enum mail_action actions[] = {
	    MAIL_RELAYED, MAIL_FAILED, MAIL_DELAYED};
	struct report_mail mail[3] = {0};
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
	end->tell = mail;
	if (r == 0)
		r = forward_ended(t->lane->db, t->row, end, e);
	for (size_t i = 0; i < 3; i++)
		report_mail_clear(&mail[i]);
	end->n_tell = 0;
	return r;
}

static void
settle(struct trip *t)
{
	int64_t now = clock_now();
	bool over = retry_over(false, t->row->created, now);
	struct forward_end end = {.result = t->result,
	    .n = t->f.n_rcpt,
	    .due = now + retry_delay(false, false, t->row->tries),
	    .reply = t->f.n_rcpt > 0 ? t->rcpt[0].reply : ""};
	unsigned count[4] = {0};
	struct err e = {0};
	int r = -1;

	for (size_t i = 0; i < t->f.n_rcpt; i++) {
		t->result[i] = (struct forward_result){
		    .slot = t->f.rcpt[i].slot,
		    .state = state_of(&t->rcpt[i], over),
		    .reply = t->rcpt[i].reply};
		count[t->result[i].state]++;
	}
	log_line(LOG_LEVEL_INFO, t->id, "message forwarded",
	    "taken=%u refused=%u waiting=%u tries=%d reply=%s",
	    count[FORWARD_TAKEN], count[FORWARD_REFUSED], count[FORWARD_WAITS],
	    t->row->tries, end.reply);
	for (int i = 0; i < 3 && r == -1; i++)
		r = write_down(t, &end, &e);
	if (r == -1)
		log_err(t->id, "outcome not written down", &e);
}

static int
trip_room(struct trip *t, struct err *e)
{
	t->rcpt = calloc(t->f.n_rcpt + 1, sizeof(*t->rcpt));
	t->result = calloc(t->f.n_rcpt + 1, sizeof(*t->result));
	return t->rcpt != NULL && t->result != NULL ?
	    0 :
	    err_set(e, ERR_UNAVAILABLE, "copy: memory");
}

/* What could not even be tried. For good where the copy itself is no more. */
static void
put_off(struct trip *t, const struct err *why)
{
	int64_t due = clock_now() + retry_delay(false, false, t->row->tries);
	bool gone = why->code == ERR_GONE || why->code == ERR_CORRUPT ||
	    why->code == ERR_DENIED;
	struct err e = {0};
	size_t i;
	int r;

	log_err(t->id, "message not forwarded", why);
	if (t->f.n_rcpt > 0 && (t->rcpt != NULL || trip_room(t, &e) == 0)) {
		for (i = 0; i < t->f.n_rcpt; i++) {
			t->rcpt[i].outcome = gone ? SMTP_REFUSED :
						    SMTP_UNREACHED;
			snprintf(t->rcpt[i].reply, REPLY_LEN, "%s",
			    gone ? "the copy cannot be read" :
				   "the server was not reached");
		}
		settle(t);
		return;
	}
	r = gone ?
	    outbox_failed(t->lane->db, t->row, err_row(why->code)->name, &e) :
	    outbox_later(
		t->lane->db, t->row, due, err_row(why->code)->name, &e);
	if (r == -1)
		log_err(t->id, "outcome not written down", &e);
}

static void
trip_run(struct trip *t)
{
	struct forwarding *f = t->lane->forwarding;
	int64_t began = clock_mono_ms();
	struct err e = {0};

	if (trip_read(t, &e) == -1 || trip_room(t, &e) == -1) {
		/* A copy that is there waits for its server to be named. */
		put_off(t, &e);
		return;
	}
	if (is_down(f, &t->row->tenant))
		err_set(&e, ERR_UNAVAILABLE, "its server was not reached");
	else if (trip_open(t, &e) == 0) {
		trip_send(t);
		if (t->f.n_rcpt > 0 && t->rcpt[0].outcome == SMTP_UNREACHED &&
		    t->fault.code == ERR_NONE &&
		    clock_mono_ms() - began > SLOW_MS)
			set_down(f, &t->row->tenant);
		settle(t);
		return;
	}
	put_off(t, &e);
}

void
forwarding_work(struct lane *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct trip t = {.lane = l, .row = &l->row[i]};

		id_format(&l->row[i].id, t.id);
		trip_run(&t);
		seal_opener_free(t.opener);
		buf_free(&t.block);
		forward_clear(&t.f);
		free(t.rcpt);
		free(t.result);
		secret_wipe(t.message_id, sizeof(t.message_id));
		outbox_clear(&l->row[i]);
	}
	l->n = 0;
}
