/*
 * dsn.c: delivery status mails. Nothing is told to the null sender, and nothing that was
 * not asked for to a sender who is not known to be who it says, but that what was taken
 * from it is lost.
 */
#include "courier/dsn.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "desk/intake.h"

bool
dsn_wanted(enum mail_action a, unsigned notify, bool proved)
{
	if (notify & DESK_NOTIFY_NEVER)
		return false;
	switch (a) {
	case MAIL_DELIVERED:
	case MAIL_RELAYED:
	case MAIL_EXPANDED:
		return (notify & DESK_NOTIFY_SUCCESS) != 0;
	case MAIL_FAILED:
		return notify == 0 || (notify & DESK_NOTIFY_FAILURE) != 0;
	case MAIL_DELAYED:
		return notify == 0 ? proved : (notify & DESK_NOTIFY_DELAY) != 0;
	}
	return false;
}

/* Length of "5.1.1" at s, 0 when there is none. */
static size_t
enhanced(const char *s)
{
	size_t n = 0;

	if (strchr("245", s[0]) == NULL || s[0] == '\0' || s[1] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = strspn(
		    s + n + (part == 0 ? 2 : 1), "0123456789");

		if (digits == 0 || digits > 3)
			return 0;
		n += (part == 0 ? 2 : 1) + digits;
		if (part == 0 && s[n] != '.')
			return 0;
	}
	return s[n] == '\0' || s[n] == ' ' ? n : 0;
}

static const char *
general(enum mail_action a, const char *reply)
{
	switch (a) {
	case MAIL_DELIVERED:
	case MAIL_EXPANDED:
		return "2.0.0";
	case MAIL_RELAYED:
		return "2.1.9"; /* to a server that tells nothing further */
	case MAIL_FAILED:
		return reply[0] == '5' ? "5.0.0" : "4.4.7";
	case MAIL_DELAYED:
		return reply[0] == '4' ? "4.0.0" : "4.4.1";
	}
	return "5.0.0";
}

void
dsn_status(enum mail_action a, const char *reply, char out[REPORT_STATUS])
{
	const char *s = reply;
	size_t n = 0;

	if (a == MAIL_FAILED || a == MAIL_DELAYED) {
		if (isdigit((unsigned char)s[0]) &&
		    strspn(s, "0123456789") == 3 && s[3] == ' ')
			s += 4;
		n = enhanced(s);
	}
	/* Given up for time, whatever the last answer was for now. */
	if (n == 0 || (a == MAIL_FAILED && s[0] == '4')) {
		text_cut(out, REPORT_STATUS, general(a, reply));
		return;
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

int
dsn_seal(struct lane *l, const struct dsn_subject *s, struct report_mail *m,
    struct err *e)
{
	struct seal_item item = {.kind = SEAL_I_STATUS};
	struct seal_bind bind = {
	    .tenant = s->about->tenant, .number = SEAL_I_STATUS};
	struct buf clear = BUF_INIT;
	int r = -1;

	m->mail.tenant = s->about->tenant;
	m->mail.kind = OUTBOX_STATUS;
	m->mail.message = s->about->message;
	m->mail.item_kind = SEAL_I_STATUS;
	/* The same news twice is one row. */
	m->mail.id = s->about->id;
	m->mail.id.b[ID_LEN - 1] ^= (uint8_t)(0x80 + m->row[0].action);
	m->mail.id.b[ID_LEN - 2] ^= (uint8_t)s->salt;
	bind.owner = m->mail.id;
	if (text_copy(item.secret, sizeof(item.secret), s->message_id) == -1)
		item.secret[0] = '\0';
	if (text_copy(item.address, sizeof(item.address), s->sender) == -1)
		err_set(e, ERR_INTERNAL, "status: address");
	else if (seal_item_encode(&item, &clear) == -1)
		err_set(e, ERR_UNAVAILABLE, "status: memory");
	else if (l->has_public || keyd_public(l->keyd, &l->public, e) == 0) {
		l->has_public = true;
		r = seal_box_seal(l->public.outbox_pk, SEAL_P_OUTBOX, &bind,
		    clear.data, clear.len, &m->mail.item, e);
	}
	secret_wipe(&item, sizeof(item));
	buf_free(&clear);
	return r;
}

int
dsn_house(const struct outbox_facts *f, char *out, size_t cap)
{
	int n = snprintf(out, cap, "postmaster@%s", f->tenant_domain);

	return f->tenant_domain[0] != '\0' && n > 0 && (size_t)n < cap ? 0 : -1;
}

static int
facts_read(
    struct lane *l, const struct outbox *o, struct dsn_facts *f, struct err *e)
{
	int r;

	if (db_begin(l->db, &o->tenant, e) == -1)
		return -1;
	r = dsn_facts(l->db, o, f, e);
	db_rollback(l->db);
	return r;
}

int
dsn_of_notice(struct lane *l, const struct outbox *o, enum mail_action a,
    const char *reply, const char *message_id, struct report_mail *m,
    struct err *e)
{
	struct dsn_subject s = {.about = o, .message_id = message_id};
	struct dsn_facts f;
	struct report *row;
	int r;

	*m = (struct report_mail){0};
	if ((r = facts_read(l, o, &f, e)) != 1)
		return r;
	/*
	 * Who may send outside has proved who it is. A member's message is in the inbox,
	 * whatever becomes of the notice.
	 */
	if (f.sender[0] == '\0' || !text_is_ascii(f.sender) || f.inward ||
	    !dsn_wanted(a, f.asked.notify, true))
		return 0;
	if ((row = calloc(1, sizeof(*row))) == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	row->action = a;
	memcpy(row->recipient, f.asked.given, sizeof(row->recipient));
	memcpy(row->orcpt, f.asked.orcpt, sizeof(row->orcpt));
	memcpy(row->envid, f.asked.envid, sizeof(row->envid));
	dsn_status(a, reply, row->status);
	text_cut(row->diagnostic, sizeof(row->diagnostic), reply);
	m->row = row;
	s.sender = f.sender;
	if (dsn_seal(l, &s, m, e) == -1) {
		report_mail_clear(m);
		return -1;
	}
	m->n = 1;
	return 0;
}

int
dsn_render(struct lane *l, const struct outbox *o, const struct outbox_facts *f,
    const struct seal_item *item, struct rendered *out, struct err *e)
{
	struct report *rows = NULL;
	size_t n = 0;
	int r;

	if (db_begin(l->db, &o->tenant, e) == -1)
		return -1;
	r = report_list(l->db, o, &rows, &n, e);
	db_rollback(l->db);
	if (r == 0)
		r = render_status(&l->render, o, f, item, rows, n, out, e);
	free(rows);
	return r;
}
