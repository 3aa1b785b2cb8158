/*
 * smtp_param.c: KEYWORD=value, one after the other.
 */
#include "intake/smtp_param.h"

#include <arpa/inet.h>

#include "base/limits.h"

typedef enum smtp_reply param_fn(
    const struct scan *value, struct smtp_command *c);

struct param {
	const char *keyword;
	enum smtp_verb verb;
	param_fn *fn;
};

/* ---- values ------------------------------------------------------------ */

int
smtp_param_number(const struct scan *v, uint64_t *out)
{
	uint64_t n = 0;

	if (v->n == 0 || v->n > 20)
		return -1;
	for (size_t i = 0; i < v->n; i++) {
		unsigned digit = (unsigned char)v->p[i] - '0';

		if (digit > 9)
			return -1;
		if (n > (UINT64_MAX - digit) / 10)
			n = UINT64_MAX;
		else if (n != UINT64_MAX)
			n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

/* Upper case alone, as RFC 3461 4 has it. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * xtext (RFC 3461 4) decoded into out with its NUL: only graphic ASCII and space come
 * out of it, and, where `wide` allows it, what stood there beyond ASCII. Returns the
 * length, -1 when it is malformed or does not fit.
 */
static int
xtext(const struct scan *v, bool wide, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++) {
		int c = (unsigned char)v->p[i];

		if (c == '=' || c == ' ' || n + 1 >= cap)
			return -1;
		if (c == '+') {
			if (v->n - i < 3 || hex_digit(v->p[i + 1]) == -1 ||
			    hex_digit(v->p[i + 2]) == -1)
				return -1;
			c = hex_digit(v->p[i + 1]) << 4 |
			    hex_digit(v->p[i + 2]);
			i += 2;
			if (c > '~')
				return -1;
		}
		if (c < ' ' || c == 0x7f || (c > 0x7f && !wide))
			return -1;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return (int)n;
}

bool
smtp_param_is_name(const char *p, size_t n)
{
	if (n == 0 || n > 255)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!scan_alnum(p[i]) && memchr(".-_:[]", p[i], 6) == NULL)
			return false;
	return true;
}

/* ---- MAIL and RCPT ----------------------------------------------------- */

static enum smtp_reply
param_size(const struct scan *value, struct smtp_command *c)
{
	c->has_size = true;
	return smtp_param_number(value, &c->size) == 0 ? SMTP_REPLY_NONE :
							 SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
param_body(const struct scan *value, struct smtp_command *c)
{
	if (scan_is(value, "8BITMIME"))
		c->body = DESK_BODY_8BIT;
	else if (scan_is(value, "BINARYMIME"))
		c->body = DESK_BODY_BINARY;
	else if (!scan_is(value, "7BIT"))
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
param_auth(const struct scan *value, struct smtp_command *c)
{
	char text[LIMIT_SMTP_MAIL_LINE + 1];

	c->auth_param = true;
	if (xtext(value, true, text, sizeof(text)) <= 0)
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
param_utf8(const struct scan *value, struct smtp_command *c)
{
	c->utf8 = true;
	return value->p == NULL ? SMTP_REPLY_NONE : SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
param_require_tls(const struct scan *value, struct smtp_command *c)
{
	c->require_tls = true;
	return value->p == NULL ? SMTP_REPLY_NONE : SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
param_ret(const struct scan *value, struct smtp_command *c)
{
	c->dsn = true;
	if (scan_is(value, "FULL"))
		c->ret = DESK_RET_FULL;
	else if (scan_is(value, "HDRS"))
		c->ret = DESK_RET_HDRS;
	else
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
param_envid(const struct scan *value, struct smtp_command *c)
{
	c->dsn = true;
	if (value->n == 0 || value->n > LIMIT_ENVID ||
	    xtext(value, false, c->envid, sizeof(c->envid)) == -1)
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static unsigned
notify_bit(const struct scan *word)
{
	if (scan_is(word, "SUCCESS"))
		return DESK_NOTIFY_SUCCESS;
	if (scan_is(word, "FAILURE"))
		return DESK_NOTIFY_FAILURE;
	if (scan_is(word, "DELAY"))
		return DESK_NOTIFY_DELAY;
	return scan_is(word, "NEVER") ? DESK_NOTIFY_NEVER : 0;
}

/* NEVER stands alone (RFC 3461 4.1). */
static enum smtp_reply
param_notify(const struct scan *value, struct smtp_command *c)
{
	struct scan rest = *value, word;
	unsigned bit;

	c->dsn = true;
	for (;;) {
		word = scan_until(&rest, ',');
		if ((bit = notify_bit(&word)) == 0)
			return SMTP_REPLY_PARAMETER;
		c->notify |= bit;
		if (rest.n == 0)
			break;
		scan_skip(&rest, 1);
	}
	if ((c->notify & DESK_NOTIFY_NEVER) != 0 &&
	    c->notify != DESK_NOTIFY_NEVER)
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

/* addr-type ";" xtext; of the type utf-8 (RFC 6533 3) with UTF-8 in it. */
static enum smtp_reply
param_orcpt(const struct scan *value, struct smtp_command *c)
{
	struct scan rest = *value, type = scan_until(&rest, ';');
	size_t at = type.n + 1;

	c->dsn = true;
	if (value->n > LIMIT_ORCPT || type.n == 0 || rest.n < 2)
		return SMTP_REPLY_PARAMETER;
	for (size_t i = 0; i < type.n; i++)
		if (!scan_alnum(type.p[i]) && type.p[i] != '-')
			return SMTP_REPLY_PARAMETER;
	memcpy(c->orcpt, value->p, at);
	scan_skip(&rest, 1);
	if (xtext(&rest, scan_is(&type, "utf-8"), c->orcpt + at,
		sizeof(c->orcpt) - at) == -1)
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static const struct param params[] = {
    {"SIZE", SMTP_VERB_MAIL, param_size},
    {"BODY", SMTP_VERB_MAIL, param_body},
    {"AUTH", SMTP_VERB_MAIL, param_auth},
    {"RET", SMTP_VERB_MAIL, param_ret},
    {"ENVID", SMTP_VERB_MAIL, param_envid},
    {"SMTPUTF8", SMTP_VERB_MAIL, param_utf8},
    {"REQUIRETLS", SMTP_VERB_MAIL, param_require_tls},
    {"NOTIFY", SMTP_VERB_RCPT, param_notify},
    {"ORCPT", SMTP_VERB_RCPT, param_orcpt},
};

/* ---- XCLIENT ----------------------------------------------------------- */

static bool
unavailable(const char *text)
{
	return strcasecmp(text, "[UNAVAILABLE]") == 0 ||
	    strcasecmp(text, "[TEMPUNAVAIL]") == 0;
}

static enum smtp_reply
told_addr(const struct scan *value, struct smtp_command *c)
{
	char text[64], *at = text;
	uint8_t addr[16];
	int family = AF_INET;

	if (xtext(value, false, text, sizeof(text)) <= 0)
		return SMTP_REPLY_PARAMETER;
	c->told.addr = true;
	if (unavailable(text)) {
		memcpy(c->told.client, "unknown", sizeof("unknown"));
		return SMTP_REPLY_NONE;
	}
	if (strncasecmp(text, "IPV6:", 5) == 0) {
		family = AF_INET6;
		at += 5;
	}
	if (inet_pton(family, at, addr) != 1 ||
	    inet_ntop(family, addr, c->told.client, sizeof(c->told.client)) ==
		NULL)
		return SMTP_REPLY_PARAMETER;
	return SMTP_REPLY_NONE;
}

static enum smtp_reply
told_helo(const struct scan *value, struct smtp_command *c)
{
	char text[256];
	int n;

	if ((n = xtext(value, false, text, sizeof(text))) <= 0)
		return SMTP_REPLY_PARAMETER;
	c->told.named = true;
	if (unavailable(text))
		return SMTP_REPLY_NONE;
	if (!smtp_param_is_name(text, (size_t)n))
		return SMTP_REPLY_PARAMETER;
	memcpy(c->told.helo, text, (size_t)n + 1);
	return SMTP_REPLY_NONE;
}

/* The name is for people, and we look none up. */
static enum smtp_reply
told_name(const struct scan *value, struct smtp_command *c)
{
	char text[256];

	(void)c;
	return xtext(value, false, text, sizeof(text)) > 0 ?
	    SMTP_REPLY_NONE :
	    SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
told_port(const struct scan *value, struct smtp_command *c)
{
	uint64_t port;

	(void)c;
	if (scan_is(value, "[UNAVAILABLE]") ||
	    (smtp_param_number(value, &port) == 0 && port <= 65535))
		return SMTP_REPLY_NONE;
	return SMTP_REPLY_PARAMETER;
}

static enum smtp_reply
told_proto(const struct scan *value, struct smtp_command *c)
{
	(void)c;
	return scan_is(value, "SMTP") || scan_is(value, "ESMTP") ?
	    SMTP_REPLY_NONE :
	    SMTP_REPLY_PARAMETER;
}

static const struct param tolds[] = {
    {"ADDR", SMTP_VERB_XCLIENT, told_addr},
    {"NAME", SMTP_VERB_XCLIENT, told_name},
    {"PORT", SMTP_VERB_XCLIENT, told_port},
    {"PROTO", SMTP_VERB_XCLIENT, told_proto},
    {"HELO", SMTP_VERB_XCLIENT, told_helo},
};

/* ---- all --------------------------------------------------------------- */

/* esmtp-param of RFC 5321 4.1.2: keyword, and a value where "=" stands. */
static bool
take(struct scan *s, struct scan *keyword, struct scan *value)
{
	struct scan word = scan_until(s, ' ');

	*keyword = scan_until(&word, '=');
	if (keyword->n == 0 || *keyword->p == '-')
		return false;
	for (size_t i = 0; i < keyword->n; i++)
		if (!scan_alnum(keyword->p[i]) && keyword->p[i] != '-')
			return false;
	*value = (struct scan){NULL, 0};
	if (word.n == 0)
		return true;
	scan_skip(&word, 1);
	*value = word;
	return word.n > 0 && memchr(word.p, '=', word.n) == NULL;
}

static enum smtp_reply
parse(struct scan *s, const struct param *table, size_t n_table,
    enum smtp_reply unknown, struct smtp_command *c)
{
	struct scan keyword, value;
	enum smtp_reply fault;
	unsigned seen = 0;
	size_t i;

	for (scan_spaces(s); s->n > 0; scan_spaces(s)) {
		if (!take(s, &keyword, &value))
			return SMTP_REPLY_PARAMETER;
		for (i = 0; i < n_table; i++)
			if (table[i].verb == c->verb &&
			    scan_is(&keyword, table[i].keyword))
				break;
		if (i == n_table)
			return unknown;
		if ((seen & 1u << i) != 0)
			return SMTP_REPLY_PARAMETER;
		seen |= 1u << i;
		if ((fault = table[i].fn(&value, c)) != SMTP_REPLY_NONE)
			return fault;
	}
	return SMTP_REPLY_NONE;
}

enum smtp_reply
smtp_param_parse(struct scan *s, struct smtp_command *c)
{
	return parse(s, params, sizeof(params) / sizeof(params[0]),
	    SMTP_REPLY_UNKNOWN_PARAMETER, c);
}

enum smtp_reply
smtp_param_xclient(struct scan *s, struct smtp_command *c)
{
	if (s->n == 0)
		return SMTP_REPLY_ARGUMENT;
	return parse(s, tolds, sizeof(tolds) / sizeof(tolds[0]),
	    SMTP_REPLY_PARAMETER, c);
}
