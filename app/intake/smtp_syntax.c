/*
 * smtp_syntax.c: the grammar of commands.
 */
#include "intake/smtp_syntax.h"

#include "base/text.h"
#include "intake/smtp_line.h"
#include "intake/smtp_param.h"
#include "intake/smtp_scan.h"

enum shape {
	SHAPE_NONE, /* no argument */
	SHAPE_ANY,  /* anything or nothing */
	SHAPE_NAME, /* EHLO, HELO */
	SHAPE_MAIL,
	SHAPE_RCPT,
	SHAPE_AUTH,
	SHAPE_VRFY,
	SHAPE_BDAT,
	SHAPE_XCLIENT
};

static const struct {
	const char *name;
	enum smtp_verb verb;
	enum shape shape;
	size_t max; /* octets of the line with CR LF */
} verbs[] = {
    {"MAIL", SMTP_VERB_MAIL, SHAPE_MAIL, LIMIT_SMTP_MAIL_LINE},
    {"RCPT", SMTP_VERB_RCPT, SHAPE_RCPT, LIMIT_SMTP_RCPT_LINE},
    {"DATA", SMTP_VERB_DATA, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"EHLO", SMTP_VERB_EHLO, SHAPE_NAME, LIMIT_SMTP_COMMAND},
    {"HELO", SMTP_VERB_HELO, SHAPE_NAME, LIMIT_SMTP_COMMAND},
    {"RSET", SMTP_VERB_RSET, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"NOOP", SMTP_VERB_NOOP, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"VRFY", SMTP_VERB_VRFY, SHAPE_VRFY, LIMIT_SMTP_VRFY_LINE},
    {"HELP", SMTP_VERB_HELP, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"QUIT", SMTP_VERB_QUIT, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"STARTTLS", SMTP_VERB_STARTTLS, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"AUTH", SMTP_VERB_AUTH, SHAPE_AUTH, LIMIT_SMTP_AUTH_LINE},
    {"BDAT", SMTP_VERB_BDAT, SHAPE_BDAT, LIMIT_SMTP_COMMAND},
    {"XCLIENT", SMTP_VERB_XCLIENT, SHAPE_XCLIENT, LIMIT_SMTP_COMMAND},
    {"EXPN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"ETRN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"TURN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SEND", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SOML", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SAML", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

/* Control characters of both kinds stand in no line. *wide_out: beyond ASCII. */
static bool
printable(const char *p, size_t n, bool *wide_out)
{
	const unsigned char *u = (const unsigned char *)p;

	*wide_out = false;
	for (size_t i = 0; i < n; i++) {
		if (u[i] < ' ' || u[i] == 0x7f)
			return false;
		if (u[i] == 0xc2 && i + 1 < n && u[i + 1] < 0xa0)
			return false;
		*wide_out |= u[i] > '~';
	}
	return !*wide_out || text_is_utf8(p, n);
}

static bool
may_be_wide(enum smtp_verb v)
{
	return v == SMTP_VERB_MAIL || v == SMTP_VERB_RCPT ||
	    v == SMTP_VERB_VRFY;
}

/*
 * A host name, or an address in brackets. More is let through than RFC 5321
 * allows (underscores, a dot at the end), as it serves the trace alone, but
 * nothing that could break out of a header field or a comment.
 */
static enum smtp_reply
parse_name(struct scan *s, struct smtp_command *c)
{
	struct scan name = scan_until(s, ' ');

	if (s->n > 0 || !smtp_param_is_name(name.p, name.n))
		return SMTP_REPLY_NAME;
	c->arg = name.p;
	c->arg_len = name.n;
	return SMTP_REPLY_NONE;
}

/*
 * "<" what is between ">": a quoted local part may hold any of the delimiters.
 * 0, or -1 when the brackets are not there.
 */
static int
take_path(struct scan *s, struct scan *inside)
{
	bool quoted = false;

	if (s->n == 0 || *s->p != '<')
		return -1;
	for (size_t i = 1; i < s->n; i++) {
		if (quoted && s->p[i] == '\\')
			i++;
		else if (s->p[i] == '"')
			quoted = !quoted;
		else if (s->p[i] == '>' && !quoted) {
			*inside = (struct scan){s->p + 1, i - 1};
			scan_skip(s, i + 1);
			return 0;
		}
	}
	return -1;
}

/* "@one,@two:" in front of the mailbox. 0, or -1 when it is begun but not whole. */
static int
drop_route(struct scan *s)
{
	struct scan hop;

	while (s->n > 0 && *s->p == '@') {
		scan_skip(s, 1);
		for (hop = (struct scan){s->p, 0}; s->n > 0 &&
		     (scan_alnum(*s->p) || memchr(".-_[]", *s->p, 5) != NULL);
		     hop.n++)
			scan_skip(s, 1);
		if (hop.n == 0 || s->n < 2)
			return -1;
		if (*s->p == ':') {
			scan_skip(s, 1);
			return *s->p == '@' ? -1 : 0;
		}
		if (s->p[0] != ',' || s->p[1] != '@')
			return -1;
		scan_skip(s, 1);
	}
	return 0;
}

/* "FROM:" or "TO:", the path, the parameters. */
static enum smtp_reply
parse_path(struct scan *s, const char *prefix, struct smtp_command *c)
{
	bool from = c->verb == SMTP_VERB_MAIL;
	enum smtp_reply bad = from ? SMTP_REPLY_PATH_FROM : SMTP_REPLY_PATH_TO;
	size_t len = strlen(prefix);
	struct scan path;
	struct err e;

	if (s->n < len || strncasecmp(s->p, prefix, len) != 0)
		return bad;
	scan_skip(s, len);
	scan_spaces(s);
	if (take_path(s, &path) == -1 || (s->n > 0 && *s->p != ' '))
		return bad;
	c->null_path = from && path.n == 0;
	c->postmaster = !from && scan_is(&path, "Postmaster");
	if (!c->null_path && !c->postmaster &&
	    (drop_route(&path) == -1 ||
		mailbox_parse_utf8(path.p, path.n, &c->path, &e) == -1))
		return bad;
	return smtp_param_parse(s, c);
}

static enum smtp_reply
parse_mail(struct scan *s, struct smtp_command *c)
{
	enum smtp_reply fault = parse_path(s, "FROM:", c);

	if (fault == SMTP_REPLY_NONE && c->non_ascii && !c->utf8)
		return SMTP_REPLY_NEED_UTF8;
	return fault;
}

static enum smtp_reply
parse_auth(struct scan *s, struct smtp_command *c)
{
	struct scan mechanism = scan_until(s, ' ');

	if (mechanism.n == 0)
		return SMTP_REPLY_ARGUMENT;
	c->arg = mechanism.p;
	c->arg_len = mechanism.n;
	scan_spaces(s);
	if (s->n == 0)
		return SMTP_REPLY_NONE;
	if (memchr(s->p, ' ', s->n) != NULL)
		return SMTP_REPLY_ARGUMENT;
	c->initial = s->p;
	c->initial_len = s->n;
	return SMTP_REPLY_NONE;
}

/* A name or address, which is told nobody, and perhaps SMTPUTF8 (RFC 6531 3.7.4.2). */
static enum smtp_reply
parse_vrfy(struct scan *s, struct smtp_command *c)
{
	static const char word[] = " SMTPUTF8";
	size_t n = sizeof(word) - 1;

	c->utf8 = s->n > n && strncasecmp(s->p + s->n - n, word, n) == 0;
	if (c->non_ascii && !c->utf8)
		return SMTP_REPLY_NEED_UTF8;
	return s->n > 0 ? SMTP_REPLY_NONE : SMTP_REPLY_ARGUMENT;
}

/* RFC 3030 2: chunk-size, and LAST. */
static enum smtp_reply
parse_bdat(struct scan *s, struct smtp_command *c)
{
	struct scan size = scan_until(s, ' ');

	if (smtp_param_number(&size, &c->size) == -1 || c->size == UINT64_MAX)
		return SMTP_REPLY_CHUNK_SIZE;
	scan_spaces(s);
	c->last = s->n > 0;
	return c->last && !scan_is(s, "LAST") ? SMTP_REPLY_CHUNK_SIZE :
						SMTP_REPLY_NONE;
}

static enum smtp_reply
parse_argument(struct scan *s, enum shape shape, struct smtp_command *c)
{
	c->arg = s->p;
	c->arg_len = s->n;
	switch (shape) {
	case SHAPE_NONE:
		return s->n == 0 ? SMTP_REPLY_NONE : SMTP_REPLY_NO_ARGUMENT;
	case SHAPE_ANY:
		return SMTP_REPLY_NONE;
	case SHAPE_NAME:
		return parse_name(s, c);
	case SHAPE_MAIL:
		return parse_mail(s, c);
	case SHAPE_RCPT:
		return parse_path(s, "TO:", c);
	case SHAPE_AUTH:
		return parse_auth(s, c);
	case SHAPE_VRFY:
		return parse_vrfy(s, c);
	case SHAPE_BDAT:
		return parse_bdat(s, c);
	case SHAPE_XCLIENT:
		return smtp_param_xclient(s, c);
	}
	return SMTP_REPLY_ARGUMENT;
}

void
smtp_syntax_parse(const char *line, size_t n, struct smtp_command *c)
{
	struct scan s = {line, n}, word;
	size_t i;

	*c = (struct smtp_command){.verb = SMTP_VERB_UNKNOWN};
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	word = scan_until(&s, ' ');
	scan_spaces(&s);
	for (i = 0; i < N_VERBS; i++)
		if (scan_is(&word, verbs[i].name))
			break;
	if (i < N_VERBS)
		c->verb = verbs[i].verb;
	if (n + 2 > (i < N_VERBS ? verbs[i].max : LIMIT_SMTP_COMMAND))
		c->fault = SMTP_REPLY_LONG;
	else if (!printable(line, n, &c->non_ascii) ||
	    (c->non_ascii && !may_be_wide(c->verb)))
		c->fault = SMTP_REPLY_BYTES;
	else if (i < N_VERBS)
		c->fault = parse_argument(&s, verbs[i].shape, c);
	else
		c->fault = SMTP_REPLY_UNKNOWN;
	if (c->verb != SMTP_VERB_BDAT && c->fault != SMTP_REPLY_NONE &&
	    smtp_line_hides(line, n)) {
		c->verb = SMTP_VERB_BDAT;
		c->fault = SMTP_REPLY_CHUNK_SIZE;
	}
}

const char *
smtp_verb_name(enum smtp_verb v)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (verbs[i].verb == v && v != SMTP_VERB_OTHER)
			return verbs[i].name;
	return "?";
}
