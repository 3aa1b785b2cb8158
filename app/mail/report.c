/*
 * report.c: delivery status notifications.
 */
#include "mail/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/build_parts.h"

static const char *const action_names[] = {
    [MAIL_DELIVERED] = "delivered",
    [MAIL_RELAYED] = "relayed",
    [MAIL_EXPANDED] = "expanded",
    [MAIL_FAILED] = "failed",
    [MAIL_DELAYED] = "delayed",
};

const char *
mail_action_name(enum mail_action a)
{
	size_t i = (size_t)a;

	if (i >= sizeof(action_names) / sizeof(action_names[0]) ||
	    action_names[i] == NULL)
		return "failed";
	return action_names[i];
}

/* Fit to follow a field's name in a part of ASCII. */
static bool
fits(const char *s)
{
	return s != NULL && *s != '\0' && build_is_ascii(s);
}

/* One character of an address that is not ASCII, by RFC 6533 3. */
static int
add_character(struct buf *b, const char **s)
{
	gunichar c = g_utf8_get_char(*s);

	*s += g_utf8_skip[(unsigned char)**s];
	if (c < 0x80 && c != '\\')
		return buf_add(b, &(char){(char)c}, 1);
	return buf_addf(b, "\\x{%X}", (unsigned)c);
}

/* "rfc822;alice@acme.example", or the same in the type for other alphabets. */
static int
add_address(struct buf *b, const char *field, const char *s)
{
	int r;

	if (build_is_ascii(s))
		return buf_addf(b, "%s: rfc822;%s\n", field, s);
	if (!build_is_line(s))
		return 0;
	r = buf_addf(b, "%s: utf-8;", field);
	while (r == 0 && *s != '\0')
		r = add_character(b, &s);
	return r == 0 ? buf_adds(b, "\n") : -1;
}

static int
add_original(struct buf *b, const char *orcpt)
{
	const char *semicolon = strchr(orcpt, ';');

	if (semicolon == NULL || semicolon == orcpt)
		return 0;
	if (fits(orcpt))
		return buf_addf(b, "Original-Recipient: %s\n", orcpt);
	return add_address(b, "Original-Recipient", semicolon + 1);
}

static int
add_date(struct buf *b, const char *field, int64_t t)
{
	char text[CLOCK_TEXT_LEN];

	if (t == 0)
		return 0;
	clock_rfc5322(t, text);
	return buf_addf(b, "%s: %s\n", field, text);
}

/* "550 ...": a server said so, not we. */
static bool
is_reply(const char *s)
{
	return strspn(s, "0123456789") == 3 && (s[3] == ' ' || s[3] == '\0');
}

static int
add_outcome(struct buf *b, const struct mail_outcome *o)
{
	int r = buf_adds(b, "\n");

	if (r == 0)
		r = add_original(b, o->original);
	if (r == 0)
		r = add_address(b, "Final-Recipient", o->recipient);
	if (r == 0)
		r = buf_addf(b, "Action: %s\nStatus: %s\n",
		    mail_action_name(o->action), o->status);
	if (r == 0 && fits(o->remote))
		r = buf_addf(b, "Remote-MTA: dns;%s\n", o->remote);
	if (r == 0 && fits(o->diagnostic))
		r = buf_addf(b, "Diagnostic-Code: %s;%s\n",
		    is_reply(o->diagnostic) ? "smtp" : "X-Restante",
		    o->diagnostic);
	if (r == 0 && o->action == MAIL_DELAYED)
		r = add_date(b, "Will-Retry-Until", o->until);
	return r;
}

static int
status_text(const struct mail_report *r, struct buf *b)
{
	int rc = buf_addf(b, "Reporting-MTA: dns;%s\n", r->reporting_mta);

	if (rc == 0 && fits(r->envid))
		rc = buf_addf(b, "Original-Envelope-Id: %s\n", r->envid);
	if (rc == 0)
		rc = add_date(b, "Arrival-Date", r->arrival);
	for (size_t i = 0; rc == 0 && i < r->n_rcpt; i++)
		rc = add_outcome(b, &r->rcpt[i]);
	return rc;
}

static int
header_text(const struct mail_report *r, struct buf *b)
{
	int rc = add_date(b, "Date", r->date);

	if (rc == 0 && fits(r->sender))
		rc = buf_addf(b, "From: %s\n", r->sender);
	if (rc == 0 && fits(r->message_id) && build_is_id(r->message_id))
		rc = buf_addf(b, "Message-ID: <%s>\n", r->message_id);
	return rc;
}

/* A part of plain lines; NULL when memory is out. */
static GMimeObject *
lines_part(const char *type, const char *subtype, const struct mail_report *r,
    int (*fill)(const struct mail_report *r, struct buf *b))
{
	GMimePart *part = g_mime_part_new_with_type(type, subtype);
	struct buf b = BUF_INIT;
	int rc = fill(r, &b);

	if (rc == 0)
		build_content(part, b.data, b.len, GMIME_CONTENT_ENCODING_7BIT);
	buf_free(&b);
	if (rc == 0)
		return GMIME_OBJECT(part);
	g_object_unref(part);
	return NULL;
}

static int
report_check(const struct mail_report *r, struct err *e)
{
	if (build_system_check(&r->mail, e) == -1 ||
	    build_check(fits(r->reporting_mta), "Reporting-MTA", e) == -1 ||
	    build_check(r->n_rcpt > 0, "no recipient", e) == -1)
		return -1;
	for (size_t i = 0; i < r->n_rcpt; i++)
		if (build_check(build_is_line(r->rcpt[i].recipient) &&
			    *r->rcpt[i].recipient != '\0',
			"recipient", e) == -1 ||
		    build_check(fits(r->rcpt[i].status), "status", e) == -1)
			return -1;
	return 0;
}

int
mail_report(const struct mail_report *r, struct buf *out, struct err *e)
{
	GMimeMessage *m;
	GMimeMultipart *mp;

	if (report_check(r, e) == -1)
		return -1;
	m = build_system_new(&r->mail, "auto-replied");
	mp = build_multipart("report", r->mail.message_id);
	g_mime_object_set_content_type_parameter(
	    GMIME_OBJECT(mp), "report-type", "delivery-status");
	if (!build_take(mp, build_text("plain", r->mail.text)) ||
	    !build_take(
		mp, lines_part("message", "delivery-status", r, status_text)) ||
	    !build_take(
		mp, lines_part("text", "rfc822-headers", r, header_text)))
		return build_memory_out(m, mp, e);
	return build_finish(m, GMIME_OBJECT(mp), out, e);
}
