/*
 * forward.c: one copy at a time. What cannot be written down comes back when its lease
 * ends, and is then handed on twice under the same Message-ID.
 */
#include "courier/forward_trip.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "courier/retry.h"
#include "desk/intake.h"
#include "mail/parse.h"
#include "store/forward.h"

#define HANDS        8 /* over the number of lanes */
#define BACK_S       5
#define BLOCK_CHUNKS 4 /* read, opened and sent at a time */
#define SLOW_MS      1000
#define DOWN_MS      20000 /* a server that was slow not to be reached is let be */

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
	l->forwarding->until_ms = clock_mono_ms() + FORWARD_SESSION_MS;
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

/*
 * Before the mail may end: is it still ours to send? After a fault of the database another
 * may have it.
 */
static int
still_ours(struct trip *t, struct err *e)
{
	int r;

	if (db_begin(t->lane->db, &t->row->tenant, e) == -1)
		return -1;
	r = forward_ours(t->lane->db, t->row, t->f.n_rcpt, e);
	db_rollback(t->lane->db);
	if (r == 0)
		return err_set(e, ERR_UNAVAILABLE, "another has it by now");
	return r == 1 ? 0 : -1;
}

static int
read_piece(void *arg, bool again, const char **p, size_t *n)
{
	struct trip *t = arg;

	if (again)
		t->next = 0;
	if (next_block(t, &t->fault) == -1 ||
	    (t->block.len == 0 && still_ours(t, &t->fault) == -1))
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
		    .notify = t->f.rcpt[i].notify & DESK_NOTIFY_SAID,
		    .orcpt = t->f.rcpt[i].orcpt};
	smtp_out_until(
	    t->lane->forwarding->smtp, t->lane->forwarding->until_ms);
	smtp_out_send(t->lane->forwarding->smtp, &m, 1);
	t->offered = m.offered;
	t->lacks = m.lacks;
	if (t->fault.code != ERR_NONE)
		log_err(t->id, "forwarded copy not read", &t->fault);
}

/* ---- all of it ---- */

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
		t->gone = gone;
		trip_settle(t);
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
	/* All have got it, of one who had it before. */
	if (t->f.n_rcpt == 0) {
		trip_settle(t);
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
		trip_settle(t);
		return;
	}
	put_off(t, &e);
}

/* ---- copies in hand ---- */

/*
 * Of all lanes: when the connection that took a copy breaks, another lane is given it, though
 * it is still on its way here.
 */
static pthread_mutex_t hand_lock = PTHREAD_MUTEX_INITIALIZER;
static struct id hand[HANDS];

/* The place of that one, or -1. */
static int
hand_find(const struct id *id)
{
	for (int i = 0; i < HANDS; i++)
		if (id_equal(&hand[i], id))
			return i;
	return -1;
}

static bool
hand_take(const struct id *id)
{
	const struct id nobody = id_zero();
	bool taken = false;
	int free;

	pthread_mutex_lock(&hand_lock);
	if (hand_find(id) == -1 && (free = hand_find(&nobody)) != -1) {
		hand[free] = *id;
		taken = true;
	}
	pthread_mutex_unlock(&hand_lock);
	return taken;
}

static void
hand_give(const struct id *id)
{
	int i;

	pthread_mutex_lock(&hand_lock);
	if ((i = hand_find(id)) != -1)
		hand[i] = id_zero();
	pthread_mutex_unlock(&hand_lock);
}

/* Looked at again when it may have been settled. */
static void
put_back(struct trip *t)
{
	struct err e = {0};

	log_line(LOG_LEVEL_WARN, t->id, "still on its way", NULL);
	if (outbox_later(t->lane->db, t->row,
		clock_now() + BACK_S * CLOCK_SECOND, "", &e) == -1)
		log_err(t->id, "outcome not written down", &e);
}

void
forwarding_work(struct lane *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct trip t = {.lane = l, .row = &l->row[i]};

		id_format(&l->row[i].id, t.id);
		if (hand_take(&l->row[i].id)) {
			trip_run(&t);
			hand_give(&l->row[i].id);
		} else {
			put_back(&t);
		}
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
