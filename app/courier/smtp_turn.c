/*
 * smtp_turn.c: one mail within a session: into libesmtp, and what it says of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "courier/dial.h"
#include "courier/smtp_inside.h"
#include "mail/address.h"

/*
 * libesmtp would see a failure in errno alone, lose memory and perhaps end the mail: what
 * it says from here on goes nowhere.
 */
static const char *
on_piece(struct turn *t, int *len)
{
	const char *p = NULL;
	size_t n = 0;

	if (t->mail->read(t->mail->arg, !t->started, &p, &n) == -1) {
		dial_cut();
		errno = 0;
		*len = 0;
		return NULL;
	}
	t->started = true;
	errno = 0;
	*len = (int)n;
	return n > 0 ? p : NULL;
}

static const char *
on_text(void **ctx, int *len, void *arg)
{
	struct turn *t = arg;

	(void)ctx;
	if (len == NULL) { /* from the start */
		t->started = false;
		return NULL;
	}
	if (t->mail->read != NULL)
		return on_piece(t, len);
	*len = t->started ? 0 : (int)t->mail->len;
	if (t->started)
		return NULL;
	t->started = true;
	return t->mail->data;
}

/* Every line ends in CRLF, and none is longer than RFC 5321 4.5.3.1.6 has it. */
static bool
is_wire_clean(const char *p, size_t n)
{
	size_t start = 0;

	if (n < 2 || n > INT32_MAX || p[n - 2] != '\r' || p[n - 1] != '\n' ||
	    memchr(p, '\0', n) != NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n'))
			return false;
		if (p[i] != '\n')
			continue;
		if (i == 0 || p[i - 1] != '\r' ||
		    i + 1 - start > LIMIT_SMTP_LINE)
			return false;
		start = i + 1;
	}
	return true;
}

static bool
is_mailbox(const struct smtp_mail *m, const char *s)
{
	struct mailbox box;
	int r;

	r = m->need & SMTP_UTF8 ? mailbox_parse_utf8(s, strlen(s), &box, NULL) :
				  mailbox_parse(s, strlen(s), &box, NULL);
	return r == 0 && strcmp(box.address, s) == 0;
}

bool
smtp_sendable(const struct smtp_mail *m)
{
	if (m->to != NULL && !is_mailbox(m, m->to))
		return false;
	for (size_t i = 0; m->to == NULL && i < m->n_rcpt; i++)
		if (!is_mailbox(m, m->rcpt[i].to))
			return false;
	if (m->from && *m->from && !is_mailbox(m, m->from))
		return false;
	return m->read != NULL || is_wire_clean(m->data, m->len);
}

/* Fit for ENVID and ORCPT; libesmtp has room for so much of them. */
static bool
is_dsn_text(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return n > 0 && n <= 80;
}

static void
add_orcpt(smtp_recipient_t r, const char *orcpt)
{
	const char *semicolon = strchr(orcpt, ';');
	char type[16];

	if (semicolon == NULL || !is_dsn_text(orcpt) || semicolon == orcpt ||
	    (size_t)(semicolon - orcpt) >= sizeof(type))
		return;
	memcpy(type, orcpt, (size_t)(semicolon - orcpt));
	type[semicolon - orcpt] = '\0';
	if (strspn(type,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == strlen(type))
		smtp_dsn_set_orcpt(r, type, semicolon + 1);
}

/* Our bits are shifted by one against libesmtp's, and it has -1 for never. */
static enum notify_flags
notify_of(unsigned notify)
{
	if (notify & 1)
		return Notify_NEVER;
	return (enum notify_flags)(notify >> 1);
}

/* One mail with a session of its own: its recipients and what it asks for. */
static bool
add_alone(struct turn *t)
{
	struct smtp_mail *m = t->mail;

	if (m->need & SMTP_BINARY)
		smtp_8bitmime_set_body(t->message, E8bitmime_BINARYMIME);
	else if (m->need & SMTP_8BIT)
		smtp_8bitmime_set_body(t->message, E8bitmime_8BITMIME);
	if (m->envid != NULL && is_dsn_text(m->envid))
		smtp_dsn_set_envid(t->message, m->envid);
	if (m->ret != 0)
		smtp_dsn_set_ret(t->message, m->ret == 1 ? Ret_HDRS : Ret_FULL);
	if ((t->each = calloc(m->n_rcpt + 1, sizeof(*t->each))) == NULL)
		return false;
	for (size_t i = 0; i < m->n_rcpt; i++) {
		t->each[i] = smtp_add_recipient(t->message, m->rcpt[i].to);
		if (t->each[i] == NULL)
			return false;
		if (m->rcpt[i].notify != 0)
			smtp_dsn_set_notify(
			    t->each[i], notify_of(m->rcpt[i].notify));
		add_orcpt(t->each[i], m->rcpt[i].orcpt);
	}
	return true;
}

bool
smtp_add(smtp_session_t session, struct turn *t)
{
	const char *from = t->mail->from;

	t->message = smtp_add_message(session);
	if (t->message == NULL)
		return false;
	smtp_set_reverse_path(t->message, from && *from ? from : NULL);
	smtp_set_messagecb(t->message, on_text, t);
	smtp_size_set_estimate(t->message, t->mail->len);
	if (t->mail->to == NULL)
		return add_alone(t);
	t->recipient = smtp_add_recipient(t->message, t->mail->to);
	return t->recipient != NULL;
}

/* An outcome and its reply, of a mail or of one of its recipients. */
struct verdict {
	enum smtp_outcome *outcome;
	char *reply;
};

static void
judge(const struct verdict *v, const smtp_status_t *st)
{
	char text[512];

	if (st->code / 100 == 5)
		*v->outcome = SMTP_REFUSED;
	else if (st->code / 100 == 4)
		*v->outcome = SMTP_LATER;
	else if (st->code / 100 == 2)
		*v->outcome = SMTP_TAKEN;
	/* libesmtp takes the enhanced code off where it was announced. */
	if (st->enh_class != 0)
		snprintf(text, sizeof(text), "%d.%d.%d %s", st->enh_class,
		    st->enh_subject, st->enh_detail, st->text);
	else
		snprintf(text, sizeof(text), "%s", st->text);
	reply_clean(st->code, text, v->reply);
}

static int
status_class(const smtp_status_t *st)
{
	return st ? st->code / 100 : 0;
}

/* From the statuses of one mail and recipient, latest stage first. */
static void
read_verdict(
    struct turn *t, smtp_recipient_t recipient, const struct verdict *v)
{
	const smtp_status_t *data = smtp_message_transfer_status(t->message);
	const smtp_status_t *rcpt = smtp_recipient_status(recipient);
	const smtp_status_t *from = smtp_reverse_path_status(t->message);

	if (status_class(from) == 4 || status_class(from) == 5)
		judge(v, from);
	else if (status_class(rcpt) == 4 || status_class(rcpt) == 5)
		judge(v, rcpt);
	else if (status_class(rcpt) == 2 && status_class(data) >= 4)
		judge(v, data);
	else if (status_class(data) == 2 &&
	    smtp_recipient_check_complete(recipient))
		/* Of BDAT each piece is answered 250: that alone says nothing. */
		judge(v, data);
	else if (t->started || status_class(data) == 3)
		*v->outcome = SMTP_UNKNOWN;
}

void
smtp_read_outcome(struct turn *t)
{
	struct smtp_mail *m = t->mail;

	if (m->to != NULL) {
		read_verdict(t, t->recipient,
		    &(const struct verdict){&m->outcome, m->reply});
		return;
	}
	for (size_t i = 0; i < m->n_rcpt; i++) {
		struct smtp_rcpt *r = &m->rcpt[i];

		memcpy(r->reply, m->reply, sizeof(r->reply));
		r->outcome = m->lacks != 0 ? SMTP_REFUSED : SMTP_UNREACHED;
		if (m->lacks == 0)
			read_verdict(t, t->each[i],
			    &(const struct verdict){&r->outcome, r->reply});
	}
}
