/*
 * smtp_syntax.c: the grammar of commands.
 */
#include "intake/smtp_syntax.h"

#include <string.h>
#include <strings.h>

#include "base/limits.h"

/* What is left of the line. */
struct scan {
	const char *p;
	size_t n;
};

enum shape {
	SHAPE_NONE, /* no argument */
	SHAPE_ANY,  /* anything or nothing */
	SHAPE_SOME, /* anything, but something */
	SHAPE_NAME, /* EHLO, HELO */
	SHAPE_MAIL,
	SHAPE_RCPT,
	SHAPE_AUTH
};

static const struct {
	const char *name;
	enum smtp_verb verb;
	enum shape shape;
	size_t max; /* octets of the line with CR LF */
} verbs[] = {
    {"MAIL", SMTP_VERB_MAIL, SHAPE_MAIL, LIMIT_SMTP_MAIL_LINE},
    {"RCPT", SMTP_VERB_RCPT, SHAPE_RCPT, LIMIT_SMTP_COMMAND},
    {"DATA", SMTP_VERB_DATA, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"EHLO", SMTP_VERB_EHLO, SHAPE_NAME, LIMIT_SMTP_COMMAND},
    {"HELO", SMTP_VERB_HELO, SHAPE_NAME, LIMIT_SMTP_COMMAND},
    {"RSET", SMTP_VERB_RSET, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"NOOP", SMTP_VERB_NOOP, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"VRFY", SMTP_VERB_VRFY, SHAPE_SOME, LIMIT_SMTP_COMMAND},
    {"HELP", SMTP_VERB_HELP, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"QUIT", SMTP_VERB_QUIT, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"STARTTLS", SMTP_VERB_STARTTLS, SHAPE_NONE, LIMIT_SMTP_COMMAND},
    {"AUTH", SMTP_VERB_AUTH, SHAPE_AUTH, LIMIT_SMTP_AUTH_LINE},
    {"EXPN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"BDAT", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"ETRN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"TURN", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SEND", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SOML", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
    {"SAML", SMTP_VERB_OTHER, SHAPE_ANY, LIMIT_SMTP_COMMAND},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static bool
is_word(const struct scan *s, const char *word)
{
	return s->n == strlen(word) && strncasecmp(s->p, word, s->n) == 0;
}

static void
skip(struct scan *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

static void
skip_spaces(struct scan *s)
{
	while (s->n > 0 && *s->p == ' ')
		skip(s, 1);
}

/* The bytes before `stop`, or all that is left; s goes on at `stop`. */
static struct scan
take_until(struct scan *s, char stop)
{
	const char *at = memchr(s->p, stop, s->n);
	struct scan got = {s->p, at == NULL ? s->n : (size_t)(at - s->p)};

	skip(s, got.n);
	return got;
}

static bool
printable(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~')
			return false;
	return true;
}

/*
 * A host name, or an address in brackets. More is let through than RFC 5321
 * allows (underscores, a dot at the end), as it serves the trace alone, but
 * nothing that could break out of a header field or a comment.
 */
static enum smtp_reply
parse_name(struct scan *s, struct smtp_command *c)
{
	struct scan name = take_until(s, ' ');

	if (s->n > 0 || name.n == 0 || name.n > 255)
		return SMTP_REPLY_NAME;
	for (size_t i = 0; i < name.n; i++)
		if (!is_alnum(name.p[i]) &&
		    memchr(".-_:[]", name.p[i], 6) == NULL)
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
			skip(s, i + 1);
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
		skip(s, 1);
		for (hop = (struct scan){s->p, 0}; s->n > 0 &&
		     (is_alnum(*s->p) || memchr(".-_[]", *s->p, 5) != NULL);
		     hop.n++)
			skip(s, 1);
		if (hop.n == 0 || s->n < 2)
			return -1;
		if (*s->p == ':') {
			skip(s, 1);
			return *s->p == '@' ? -1 : 0;
		}
		if (s->p[0] != ',' || s->p[1] != '@')
			return -1;
		skip(s, 1);
	}
	return 0;
}

static enum smtp_reply
param_size(const struct scan *value, struct smtp_command *c)
{
	uint64_t size = 0;

	if (c->has_size || value->n == 0 || value->n > 20)
		return SMTP_REPLY_PARAMETER;
	for (size_t i = 0; i < value->n; i++) {
		unsigned digit = (unsigned char)value->p[i] - '0';

		if (digit > 9)
			return SMTP_REPLY_PARAMETER;
		if (size > (UINT64_MAX - digit) / 10)
			size = UINT64_MAX;
		else if (size != UINT64_MAX)
			size = size * 10 + digit;
	}
	c->has_size = true;
	c->size = size;
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
param_body(const struct scan *value, struct smtp_command *c, bool *seen)
{
	if (*seen)
		return SMTP_REPLY_PARAMETER;
	*seen = true;
	c->body_8bit = is_word(value, "8BITMIME");
	return c->body_8bit || is_word(value, "7BIT") ? SMTP_REPLY_NONE :
							SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
param_auth(const struct scan *value, struct smtp_command *c)
{
	if (c->auth_param || value->n == 0)
		return SMTP_REPLY_PARAMETER;
	c->auth_param = true;
	return SMTP_REPLY_NONE;
}

/* esmtp-param of RFC 5321 4.1.2: keyword, and a value where "=" stands. */
static bool
take_param(struct scan *s, struct scan *keyword, struct scan *value)
{
	struct scan word = take_until(s, ' ');

	*keyword = take_until(&word, '=');
	if (keyword->n == 0 || *keyword->p == '-')
		return false;
	for (size_t i = 0; i < keyword->n; i++)
		if (!is_alnum(keyword->p[i]) && keyword->p[i] != '-')
			return false;
	*value = (struct scan){NULL, 0};
	if (word.n == 0)
		return true;
	skip(&word, 1);
	*value = word;
	return word.n > 0 && memchr(word.p, '=', word.n) == NULL;
}

static enum smtp_reply
parse_params(struct scan *s, struct smtp_command *c)
{
	struct scan keyword, value;
	enum smtp_reply fault;
	bool body = false;

	for (skip_spaces(s); s->n > 0; skip_spaces(s)) {
		if (!take_param(s, &keyword, &value))
			return SMTP_REPLY_PARAMETER;
		if (c->verb == SMTP_VERB_RCPT)
			fault = SMTP_REPLY_UNKNOWN_PARAMETER;
		else if (is_word(&keyword, "SIZE"))
			fault = param_size(&value, c);
		else if (is_word(&keyword, "BODY"))
			fault = param_body(&value, c, &body);
		else if (is_word(&keyword, "AUTH"))
			fault = param_auth(&value, c);
		else
			fault = SMTP_REPLY_UNKNOWN_PARAMETER;
		if (fault != SMTP_REPLY_NONE)
			return fault;
	}
	return SMTP_REPLY_NONE;
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
	skip(s, len);
	skip_spaces(s);
	if (take_path(s, &path) == -1 || (s->n > 0 && *s->p != ' '))
		return bad;
	c->null_path = from && path.n == 0;
	c->postmaster = !from && is_word(&path, "Postmaster");
	if (!c->null_path && !c->postmaster &&
	    (drop_route(&path) == -1 ||
		mailbox_parse(path.p, path.n, &c->path, &e) == -1))
		return bad;
	return parse_params(s, c);
}

static enum smtp_reply
parse_auth(struct scan *s, struct smtp_command *c)
{
	struct scan mechanism = take_until(s, ' ');

	if (mechanism.n == 0)
		return SMTP_REPLY_ARGUMENT;
	c->arg = mechanism.p;
	c->arg_len = mechanism.n;
	skip_spaces(s);
	if (s->n == 0)
		return SMTP_REPLY_NONE;
	if (memchr(s->p, ' ', s->n) != NULL)
		return SMTP_REPLY_ARGUMENT;
	c->initial = s->p;
	c->initial_len = s->n;
	return SMTP_REPLY_NONE;
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
	case SHAPE_SOME:
		return s->n > 0 ? SMTP_REPLY_NONE : SMTP_REPLY_ARGUMENT;
	case SHAPE_NAME:
		return parse_name(s, c);
	case SHAPE_MAIL:
		return parse_path(s, "FROM:", c);
	case SHAPE_RCPT:
		return parse_path(s, "TO:", c);
	case SHAPE_AUTH:
		return parse_auth(s, c);
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
	word = take_until(&s, ' ');
	skip_spaces(&s);
	for (i = 0; i < N_VERBS; i++)
		if (is_word(&word, verbs[i].name))
			break;
	if (i < N_VERBS)
		c->verb = verbs[i].verb;
	if (n + 2 > (i < N_VERBS ? verbs[i].max : LIMIT_SMTP_COMMAND))
		c->fault = SMTP_REPLY_LONG;
	else if (!printable(line, n))
		c->fault = SMTP_REPLY_BYTES;
	else if (i < N_VERBS)
		c->fault = parse_argument(&s, verbs[i].shape, c);
	else
		c->fault = SMTP_REPLY_UNKNOWN;
}

const char *
smtp_verb_name(enum smtp_verb v)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (verbs[i].verb == v && v != SMTP_VERB_OTHER)
			return verbs[i].name;
	return "?";
}
