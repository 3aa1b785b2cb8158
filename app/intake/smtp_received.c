/*
 * smtp_received.c: the trace field.
 */
#include "intake/smtp_received.h"

#include <string.h>

#include "base/clock.h"

#define NAME_MAX_SHOWN 255

/* What may stand in an atom-like place of the field; the rest is dropped. */
static void
keep_safe(char *out, size_t cap, const char *s, const char *also)
{
	size_t n = 0;

	for (; *s != '\0' && n + 1 < cap; s++)
		if ((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		    (*s >= 'A' && *s <= 'Z') || strchr(also, *s) != NULL)
			out[n++] = *s;
	out[n] = '\0';
}

/* "ESMTPSA", "UTF8SMTPS" and their kin. */
static const char *
protocol(const struct desk_sender *s, bool esmtp, bool utf8)
{
	static const char *const names[2][4] = {
	    {"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"},
	    {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"}};
	bool tls = s->tls[0] != '\0';

	if (!esmtp && !utf8)
		return "SMTP";
	return names[utf8][tls * 2 + s->authenticated];
}

int
smtp_received(struct buf *out, const struct desk_sender *s, bool esmtp,
    bool utf8, const char *hostname, int64_t now)
{
	char helo[NAME_MAX_SHOWN + 1], client[sizeof(s->client)];
	char tls[sizeof(s->tls)], date[CLOCK_TEXT_LEN];

	keep_safe(helo, sizeof(helo), s->helo, ".-_:[]");
	keep_safe(client, sizeof(client), s->client, ".:");
	keep_safe(tls, sizeof(tls), s->tls, "._- ");
	clock_rfc5322(now, date);
	return buf_addf(out,
	    "Received: from %s ([%s%s])\r\n"
	    "\tby %s with %s%s%s%s\r\n"
	    "\tid %s; %s\r\n",
	    helo[0] == '\0' ? "unknown" : helo,
	    strchr(client, ':') != NULL ? "IPv6:" : "", client, hostname,
	    protocol(s, esmtp, utf8), tls[0] == '\0' ? "" : " (", tls,
	    tls[0] == '\0' ? "" : ")", s->session, date);
}
