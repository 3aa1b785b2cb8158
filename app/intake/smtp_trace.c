/*
 * smtp_trace.c: a session in the log, without what is nobody's business.
 */
#include "intake/smtp_trace.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

static void
line(const struct smtp_session *s, const char *text)
{
	log_line(LOG_LEVEL_INFO, s->id, "smtp trace", "%s", text);
}

static int
facts_mail(struct buf *b, const struct smtp_command *c)
{
	static const char *const body[] = {
	    [DESK_BODY_7BIT] = "",
	    [DESK_BODY_8BIT] = " body=8bit",
	    [DESK_BODY_BINARY] = " body=binary",
	};
	static const char *const ret[] = {
	    [DESK_RET_NONE] = "",
	    [DESK_RET_HDRS] = " ret=hdrs",
	    [DESK_RET_FULL] = " ret=full",
	};

	if (c->has_size && buf_addf(b, " size=%" PRIu64, c->size) == -1)
		return -1;
	return buf_addf(b, "%s%s%s%s%s%s%s", body[c->body], ret[c->ret],
	    c->envid[0] != '\0' ? " envid=*" : "",
	    c->auth_param ? " auth=*" : "", c->utf8 ? " smtputf8" : "",
	    c->require_tls ? " requiretls" : "",
	    c->null_path ? " from=<>" : " from=*");
}

static int
facts(struct buf *b, const struct smtp_command *c)
{
	switch ((int)c->verb) {
	case SMTP_VERB_MAIL:
		return facts_mail(b, c);
	case SMTP_VERB_RCPT:
		return buf_addf(b, "%s%s%s to=*",
		    c->notify != 0 ? " notify" : "",
		    c->orcpt[0] != '\0' ? " orcpt=*" : "",
		    c->non_ascii ? " utf8" : "");
	case SMTP_VERB_BDAT:
		return buf_addf(
		    b, " %" PRIu64 "%s", c->size, c->last ? " last" : "");
	case SMTP_VERB_EHLO:
	case SMTP_VERB_HELO:
		return buf_addf(b, " %.*s", (int)c->arg_len, c->arg);
	case SMTP_VERB_AUTH:
		return buf_adds(b, c->initial != NULL ? " PLAIN *" : " PLAIN");
	default:
		return 0;
	}
}

void
smtp_trace_command(const struct smtp_session *s, const struct smtp_command *c)
{
	struct buf b = BUF_INIT;
	int r;

	if (!s->set->trace)
		return;
	r = buf_addf(&b, "C: %s", smtp_verb_name(c->verb));
	if (r == 0 && c->fault == SMTP_REPLY_NONE)
		r = facts(&b, c);
	else if (r == 0)
		r = buf_adds(&b, " (malformed)");
	if (r == 0)
		line(s, buf_cstr(&b));
	buf_free(&b);
}

void
smtp_trace_response(const struct smtp_session *s)
{
	if (s->set->trace)
		line(s, "C: *");
}

void
smtp_trace_message(const struct smtp_session *s, size_t octets)
{
	if (s->set->trace)
		log_line(LOG_LEVEL_INFO, s->id, "smtp trace",
		    "C: %zu octets of the message", octets);
}

void
smtp_trace_replies(const struct smtp_session *s, const uint8_t *p, size_t n)
{
	const uint8_t *end;

	while (s->set->trace && n > 0 && (end = memchr(p, '\r', n)) != NULL) {
		log_line(LOG_LEVEL_INFO, s->id, "smtp trace", "S: %.*s",
		    (int)(end - p), (const char *)p);
		n -= (size_t)(end - p) + 2;
		p = end + 2;
	}
}
