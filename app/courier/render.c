/*
 * Facts into the fields of templates/mail, and those into mails.
 */
#include "courier/render.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "courier/dsn.h"
#include "mail/report.h"
#include "mail/name.h"

#define LANGUAGE     "en"
#define PLACE_LEN    280 /* host and port */
#define NAME_LEN     (LIMIT_NAME * 4 + 1)
#define PEOPLE_SHOWN 3 /* in the text of a delivery status mail */

/* Values of the fields, and room for those that are made. */
struct values {
	struct view_field field[24];
	size_t n;
	char place[PLACE_LEN];
	char url[PLACE_LEN + 64];
	char check_url[PLACE_LEN + 16];
	char wrong_url[PLACE_LEN + 32];
	char track_url[PLACE_LEN + 64];
	char pickup[10];
	char code[SEAL_CODE_LEN + 1];
	char sender_line[NAME_LEN + LIMIT_ADDRESS + 4];
	char sender_of[NAME_LEN * 2 + LIMIT_ADDRESS + 4];
	char recipient[NAME_LEN + LIMIT_ADDRESS + 4];
	char expires[CLOCK_TEXT_LEN];
	char displayed[CLOCK_TEXT_LEN];
	char original[CLOCK_TEXT_LEN];
	char people[PEOPLE_SHOWN * (LIMIT_ADDRESS + 2) + 32];
};

static void
give(struct values *v, const char *name, const char *value)
{
	v->field[v->n].name = name;
	v->field[v->n++].value = value;
}

/* The host as people type it and as links hold it. */
static void
give_common(
    struct values *v, const struct render *r, const struct outbox_facts *f)
{
	if (r->https_port == 443)
		snprintf(v->place, sizeof(v->place), "%s", f->host);
	else
		snprintf(v->place, sizeof(v->place), "%s:%d", f->host,
		    r->https_port);
	give(v, "tenant", f->tenant_name);
	give(v, "host", v->place);
	give(v, "contact", f->contact);
}

/*
 * An address of the tenant's first domain is the tenant's own: it is taken of nobody who has
 * not proved to send for it.
 */
static bool
is_of_tenant(const struct outbox_facts *f)
{
	const char *at = strrchr(f->sender, '@');

	return f->sender_name[0] != '\0' ||
	    (at != NULL && f->tenant_domain[0] != '\0' &&
		text_equal_ci(at + 1, f->tenant_domain));
}

/* Only who is of the tenant is said to be; a report has no sender, and is called what it is. */
static void
give_sender(
    struct values *v, const struct render *r, const struct outbox_facts *f)
{
	const char *name = f->sender_name[0] != '\0' ? f->sender_name :
						       f->sender;
	const bool known = is_of_tenant(f), nobody = f->sender[0] == '\0';

	if (nobody)
		name = view_word(r->view, LANGUAGE, "who.nobody");
	if (known)
		snprintf(v->sender_of, sizeof(v->sender_of), "%s (%s)", name,
		    f->tenant_name);
	else
		text_cut(v->sender_of, sizeof(v->sender_of), name);
	if (f->sender_name[0] != '\0')
		snprintf(v->sender_line, sizeof(v->sender_line), "%s <%s>",
		    f->sender_name, f->sender);
	else
		text_cut(v->sender_line, sizeof(v->sender_line), name);
	give(v, "sender", f->sender);
	give(v, "sender_name", name);
	give(v, "sender_of", v->sender_of);
	give(v, "sender_line", v->sender_line);
	give(v, "known", known ? "yes" : "");
	give(v, "outside", known || nobody ? "" : "yes");
	give(v, "nobody", nobody ? "yes" : "");
}

static void
give_notice(struct values *v, const struct render *r,
    const struct outbox_facts *f, const struct seal_item *item)
{
	const bool guest = item->kind == SEAL_I_NOTICE;
	char pickup[SEAL_PICKUP_LEN];
	char secret[SEAL_LINK_LEN];

	memcpy(pickup, f->pickup, sizeof(pickup));
	pickup[sizeof(pickup) - 1] = '\0';
	seal_pickup_show(pickup, v->pickup);
	snprintf(v->wrong_url, sizeof(v->wrong_url), "https://%s/m/%s/wrong",
	    v->place, pickup);
	snprintf(
	    v->check_url, sizeof(v->check_url), "https://%s/check", v->place);
	text_lower(pickup);
	memcpy(secret, item->secret, sizeof(secret));
	text_lower(secret);
	snprintf(v->url, sizeof(v->url), "https://%s/m/%s%s%s", v->place,
	    pickup, secret[0] != '\0' ? "-" : "", secret);
	secret_wipe(secret, sizeof(secret));
	clock_day(f->expires, v->expires);
	give(v, "url", v->url);
	give(v, "pickup_shown", v->pickup);
	give(v, "guest", guest ? "yes" : "");
	give(v, "account", guest ? "" : "yes");
	give_sender(v, r, f);
	give(v, "expires", v->expires);
	give(v, "check_url", v->check_url);
	give(v, "wrong_url", v->wrong_url);
}

static void
give_code(
    struct values *v, const struct outbox *o, const struct seal_item *item)
{
	snprintf(v->code, sizeof(v->code), "%.4s-%.4s", item->secret,
	    strlen(item->secret) > 4 ? item->secret + 4 : "");
	clock_hm(o->created + LIMIT_CODE_MINUTES * CLOCK_MINUTE, v->expires);
	give(v, "code", v->code);
	give(v, "reference", item->reference);
	give(v, "expires", v->expires);
}

static void
give_receipt(
    struct values *v, const struct outbox *o, const struct outbox_facts *f)
{
	char id[ID_TEXT_LEN];

	id_format(&o->message, id);
	if (f->recipient_name[0] != '\0')
		snprintf(v->recipient, sizeof(v->recipient), "%s (%s)",
		    f->recipient_name, f->recipient);
	else
		snprintf(
		    v->recipient, sizeof(v->recipient), "%s", f->recipient);
	snprintf(v->track_url, sizeof(v->track_url),
	    "https://%s/message/%s/track", v->place, id);
	clock_minute(o->at, v->displayed);
	clock_minute(f->created, v->original);
	give(v, "recipient", v->recipient);
	give(v, "displayed_at", v->displayed);
	give(v, "original_date", v->original);
	give(v, "track_url", v->track_url);
}

/* A name fit for a header; what is too long loses its end. */
static int
person(
    struct mail_person *p, const char *name, const char *address, struct err *e)
{
	if (mail_line_safe(
		name, strlen(name), LIMIT_NAME, p->name, sizeof(p->name)) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	if (text_copy(p->address, sizeof(p->address), address) == -1)
		return err_set(e, ERR_BAD_INPUT, "address too long");
	return 0;
}

/* Who the mail is from: the tenant's notice address; a notice also names the sender. */
static int
set_from(struct mail_person *p, const struct outbox *o,
    const struct outbox_facts *f, struct err *e)
{
	char name[NAME_LEN * 2 + 8];
	char address[LIMIT_ADDRESS + 1];
	const char *who = f->sender_name[0] ? f->sender_name : f->sender;
	const char *domain = f->tenant_domain[0] ? f->tenant_domain : f->host;
	int n = snprintf(address, sizeof(address), "notice@%s", domain);

	if (n < 0 || (size_t)n >= sizeof(address))
		return err_set(e, ERR_BAD_INPUT, "domain too long");
	if (o->kind == OUTBOX_NOTICE && who[0] != '\0')
		snprintf(name, sizeof(name), "%s via %s", who, f->tenant_name);
	else
		snprintf(name, sizeof(name), "%s", f->tenant_name);
	return person(p, name, address, e);
}

/* Ids of the mail and of its thread, from those of the row and the message. */
static void
set_ids(const struct outbox *o, const struct outbox_facts *f, char *id,
    char *thread, size_t cap)
{
	char text[ID_TEXT_LEN];

	id_format(&o->id, text);
	snprintf(id, cap, "%s@%s", text, f->host);
	thread[0] = '\0';
	if (id_is_zero(&o->message))
		return;
	id_format(&o->message, text);
	snprintf(thread, cap, "%s.thread@%s", text, f->host);
}

static int
build(const struct outbox *o, const struct outbox_facts *f,
    const struct seal_item *item, const struct mail_system *s, struct buf *out,
    struct err *e)
{
	struct mail_receipt receipt = {.mail = *s,
	    .original_recipient = f->recipient,
	    .original_message_id = item->secret};
	char ua[PLACE_LEN];

	if (o->kind != OUTBOX_RECEIPT)
		return mail_system(s, out, e);
	snprintf(ua, sizeof(ua), "%s; Restante", f->host);
	receipt.reporting_ua = ua;
	return mail_receipt(&receipt, out, e);
}

static const char *
template_of(const struct outbox *o)
{
	switch (o->kind) {
	case OUTBOX_NOTICE:
		return "notice";
	case OUTBOX_CODE:
		return "code";
	case OUTBOX_RECEIPT:
		return "receipt";
	case OUTBOX_FORWARD:
	case OUTBOX_STATUS:
		break;
	}
	return "";
}

/* The right secret in the right row, and a message that is still there. */
static int
check(const struct outbox *o, const struct outbox_facts *f,
    const struct seal_item *item, struct err *e)
{
	bool receipt = o->kind == OUTBOX_RECEIPT;

	if (receipt != (item->kind == SEAL_I_RECEIPT) ||
	    (o->kind == OUTBOX_CODE) != (item->kind == SEAL_I_CODE))
		return err_set(e, ERR_CORRUPT, "outbox item of another kind");
	if (o->kind == OUTBOX_NOTICE &&
	    (f->pickup[0] == '\0' || f->created == 0))
		return err_set(e, ERR_GONE, "the message is no more");
	if (receipt && (f->sender[0] == '\0' || f->recipient[0] == '\0'))
		return err_set(e, ERR_GONE, "the message is no more");
	return 0;
}

static int
render_system(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    struct mail_system *s, struct rendered *out, struct err *e)
{
	struct buf subject = BUF_INIT, text = BUF_INIT, html = BUF_INIT;
	struct values v = {0};
	int result = -1;

	give_common(&v, r, f);
	if (o->kind == OUTBOX_NOTICE)
		give_notice(&v, r, f, item);
	else if (o->kind == OUTBOX_CODE)
		give_code(&v, o, item);
	else
		give_receipt(&v, o, f);
	if (view_mail(r->view, template_of(o), LANGUAGE, v.field, v.n, &subject,
		&text, &html, e) == -1)
		goto out;
	s->subject = buf_cstr(&subject);
	s->text = buf_cstr(&text);
	s->html = html.len > 0 ? buf_cstr(&html) : NULL;
	result = build(o, f, item, s, &out->mail, e);
out:
	buf_free(&subject);
	buf_free(&text);
	buf_free(&html);
	secret_wipe(&v, sizeof(v));
	return result;
}

int
render_mail(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    struct rendered *out, struct err *e)
{
	struct mail_system s = {.date = o->created};
	char id[PLACE_LEN + 64], thread[PLACE_LEN + 64];
	bool receipt = o->kind == OUTBOX_RECEIPT;

	memset(out, 0, sizeof(*out));
	if (check(o, f, item, e) == -1 || set_from(&s.from, o, f, e) == -1 ||
	    person(&s.to, receipt ? f->sender_name : "", item->address, e) ==
		-1)
		return -1;
	set_ids(o, f, id, thread, sizeof(id));
	s.message_id = id;
	s.references = thread[0] != '\0' ? thread : NULL;
	s.reply_to = o->kind == OUTBOX_NOTICE && f->sender[0] != '\0' ?
	    f->sender :
	    NULL;
	if (render_system(r, o, f, item, &s, out, e) == -1) {
		rendered_clear(out);
		return -1;
	}
	/* RFC 8098 3: the envelope sender of a receipt is null. */
	if (!receipt)
		memcpy(out->from, s.from.address, sizeof(out->from));
	memcpy(out->to, s.to.address, sizeof(out->to));
	return 0;
}

/* ---- delivery status ---- */

static void
give_people(struct values *v, const struct report *rows, size_t n)
{
	size_t at = 0;

	v->people[0] = '\0';
	for (size_t i = 0; i < n && i < PEOPLE_SHOWN; i++)
		at += (size_t)snprintf(v->people + at, sizeof(v->people) - at,
		    "%s%s", i > 0 ? ", " : "", rows[i].recipient);
	if (n > PEOPLE_SHOWN)
		snprintf(v->people + at, sizeof(v->people) - at, " + %zu",
		    n - PEOPLE_SHOWN);
	give(v, "recipients", v->people);
}

/* Is the mail for those who run the tenant's server, and not for the sender? */
static bool
is_for_house(const struct outbox_facts *f, const struct seal_item *item,
    const struct report *rows)
{
	char house[LIMIT_ADDRESS + 1];

	return rows[0].action == MAIL_DELAYED &&
	    dsn_house(f, house, sizeof(house)) == 0 &&
	    text_equal_ci(item->address, house) &&
	    !text_equal_ci(item->address, f->sender);
}

static int64_t
tried_until(const struct outbox_facts *f, bool house)
{
	return f->created +
	    (house ? LIMIT_RETENTION_DAYS : LIMIT_OUTBOX_DAYS) * CLOCK_DAY;
}

static void
give_status(struct values *v, const struct outbox *o,
    const struct outbox_facts *f, const struct report *rows, size_t n,
    bool house)
{
	char id[ID_TEXT_LEN];

	id_format(&o->message, id);
	if (f->proved && !house)
		snprintf(v->track_url, sizeof(v->track_url),
		    "https://%s/message/%s/track", v->place, id);
	clock_minute(f->created, v->original);
	clock_minute(tried_until(f, house), v->expires);
	give_people(v, rows, n);
	give(v, "original_date", v->original);
	give(v, "track_url", v->track_url);
	give(v, "reason",
	    isdigit((unsigned char)rows[0].diagnostic[0]) ? rows[0].diagnostic :
							    "");
	give(v, "until", v->expires);
	give(v, "from", f->sender);
}

static int
build_report(const struct render *r, const struct outbox_facts *f,
    const struct seal_item *item, const struct report *rows, size_t n,
    const struct mail_system *s, struct buf *out, struct err *e)
{
	struct mail_outcome *all = calloc(n, sizeof(*all));
	struct mail_report report = {.mail = *s,
	    .reporting_mta = r->hostname,
	    .envid = rows[0].envid,
	    .arrival = f->created,
	    .rcpt = all,
	    .n_rcpt = n,
	    .message_id = item->secret,
	    .sender = f->sender};
	int rc;

	if (all == NULL)
		return err_set(e, ERR_UNAVAILABLE, "status: memory");
	for (size_t i = 0; i < n; i++)
		all[i] = (struct mail_outcome){.recipient = rows[i].recipient,
		    .original = rows[i].orcpt,
		    .action = (enum mail_action)rows[i].action,
		    .status = rows[i].status,
		    .diagnostic = rows[i].diagnostic,
		    .remote = rows[i].remote,
		    .until = tried_until(f, is_for_house(f, item, rows))};
	rc = mail_report(&report, out, e);
	free(all);
	return rc;
}

static int
status_text(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct report *rows, size_t n,
    bool house, struct buf *subject, struct buf *text, struct err *e)
{
	struct values v = {0};
	struct buf html = BUF_INIT;
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "status_%s",
	    house ? "kept" :
		    mail_action_name((enum mail_action)rows[0].action));
	give_common(&v, r, f);
	give_status(&v, o, f, rows, n, house);
	rc = view_mail(
	    r->view, name, LANGUAGE, v.field, v.n, subject, text, &html, e);
	buf_free(&html);
	return rc;
}

int
render_status(const struct render *r, const struct outbox *o,
    const struct outbox_facts *f, const struct seal_item *item,
    const struct report *rows, size_t n, struct rendered *out, struct err *e)
{
	struct mail_system s = {.date = o->created};
	struct buf subject = BUF_INIT, text = BUF_INIT;
	char id[PLACE_LEN + 64], thread[PLACE_LEN + 64];
	int rc;

	memset(out, 0, sizeof(*out));
	if (n == 0 || item->kind != SEAL_I_STATUS)
		return err_set(e, ERR_CORRUPT, "status mail without a row");
	if (set_from(&s.from, o, f, e) == -1 ||
	    person(&s.to, "", item->address, e) == -1)
		return -1;
	set_ids(o, f, id, thread, sizeof(id));
	s.message_id = id;
	/* So that mail programs show it beside what it tells of. */
	s.references = item->secret[0] != '\0' ? item->secret : thread;
	rc = status_text(
	    r, o, f, rows, n, is_for_house(f, item, rows), &subject, &text, e);
	s.subject = buf_cstr(&subject);
	s.text = buf_cstr(&text);
	if (rc == 0)
		rc = build_report(r, f, item, rows, n, &s, &out->mail, e);
	buf_free(&subject);
	buf_free(&text);
	/* RFC 3464 2: from the null sender, so that nothing answers it. */
	if (rc == 0)
		memcpy(out->to, s.to.address, sizeof(out->to));
	else
		rendered_clear(out);
	return rc;
}

void
rendered_clear(struct rendered *m)
{
	buf_free(&m->mail);
	secret_wipe(m, sizeof(*m));
}
