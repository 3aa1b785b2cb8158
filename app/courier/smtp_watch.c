/*
 * smtp_watch.c: a session as it goes: what is answered in clear behind STARTTLS, what the
 * server offers, what is said with MAIL, and whose certificate counts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "courier/dial.h"
#include "courier/smtp_inside.h"

static void
guard_read(struct guard *g, const char *p, int n)
{
	for (int i = 0; i < n; i++) {
		if (g->ended) {
			g->injected = true;
			return;
		}
		if (g->column++ == 3)
			g->last_line = p[i] != '-';
		if (p[i] != '\n')
			continue;
		g->ended = g->last_line;
		g->last_line = false;
		g->column = 0;
	}
}

/* What the last EHLO was answered, by the words its lines begin with. */
static unsigned
offered(const struct smtp_out *o)
{
	static const struct {
		const char *word;
		unsigned need;
	} known[] = {
	    {"REQUIRETLS", SMTP_REQUIRETLS},
	    {"SMTPUTF8", SMTP_UTF8},
	    {"8BITMIME", SMTP_8BIT},
	    {"BINARYMIME", SMTP_BINARY},
	    {"DSN", SMTP_DSN},
	};
	unsigned all = 0;
	const char *line = o->ehlo, *end;

	while ((end = strchr(line, '\n')) != NULL) {
		size_t n = end - line > 4 ? strcspn(line + 4, " \r\n") : 0;

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (n == strlen(known[i].word) &&
			    strncasecmp(line + 4, known[i].word, n) == 0)
				all |= known[i].need;
		line = end + 1;
	}
	return all;
}

/* MAIL is about to be said: with what libesmtp does not know, or not at all. */
static void
on_mail(struct smtp_out *o)
{
	struct smtp_mail *m = o->alone;

	if (m == NULL)
		return;
	m->offered = offered(o);
	m->lacks = m->need & (SMTP_REQUIRETLS | SMTP_UTF8) & ~m->offered;
	if ((m->need & SMTP_REQUIRETLS) != 0 && !o->verified)
		m->lacks |= SMTP_REQUIRETLS;
	if (m->lacks != 0) {
		dial_cut();
		return;
	}
	snprintf(o->words, sizeof(o->words), "%s%s",
	    (m->need & SMTP_REQUIRETLS) != 0 ? " REQUIRETLS" : "",
	    (m->need & SMTP_UTF8) != 0 ? " SMTPUTF8" : "");
	if (o->words[0] != '\0')
		dial_mail(o->words);
}

static void
on_said(struct smtp_out *o, const char *p, int n)
{
	o->asked = n > 5 && strncasecmp(p, "EHLO ", 5) == 0;
	if (o->asked) {
		o->ehlo_len = 0;
		o->ehlo[0] = '\0';
	}
	if (n > 10 && strncasecmp(p, "MAIL FROM:", 10) == 0)
		on_mail(o);
}

static void
on_heard(struct smtp_out *o, const char *p, int n)
{
	size_t room = sizeof(o->ehlo) - 1 - o->ehlo_len;
	size_t take = (size_t)n < room ? (size_t)n : room;

	if (!o->asked)
		return;
	memcpy(o->ehlo + o->ehlo_len, p, take);
	o->ehlo_len += take;
	o->ehlo[o->ehlo_len] = '\0';
}

/* Everything that is read or written passes here, in the pieces in which it comes. */
void
smtp_on_traffic(const char *p, int n, int writing, void *arg)
{
	static const char verb[] = "STARTTLS\r\n";
	struct smtp_out *o = arg;
	int len = (int)sizeof(verb) - 1;

	if (writing == 1) {
		bool asked = n >= len && memcmp(p + n - len, verb, len) == 0;

		o->guard = (struct guard){
		    .armed = asked, .injected = o->guard.injected};
		on_said(o, p, n);
	} else if (writing == 0) {
		if (o->guard.armed)
			guard_read(&o->guard, p, n);
		on_heard(o, p, n);
	}
}

void
smtp_on_event(smtp_session_t session, int event, void *arg, ...)
{
	struct smtp_out *o = arg;
	va_list ap;

	(void)session;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		o->connected = true;
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		(void)va_arg(ap, long);
		*va_arg(ap, int *) = 0;
		o->trouble = "the server's certificate is not valid";
		break;
	case SMTP_EV_EXTNA_8BITMIME:
		if (o->alone != NULL)
			o->alone->lacks |= SMTP_8BIT;
		break;
	case SMTP_EV_EXTNA_BINARYMIME:
		if (o->alone != NULL)
			o->alone->lacks |= SMTP_BINARY;
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		*va_arg(ap, int *) = 0;
		break;
	case SMTP_EV_WEAK_CIPHER:
		(void)va_arg(ap, int);
		*va_arg(ap, int *) = 0;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* Its comparison is with the address; ours is done. */
		*va_arg(ap, int *) = o->verified && !o->guard.injected;
		break;
	default:
		break;
	}
	va_end(ap);
}
