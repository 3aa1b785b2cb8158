/*
 * Mailboxes by RFC 5321 4.1.2, one character after the other; what people type
 * in a form goes through the same grammar.
 */
#include "mail/address.h"

#include <idn2.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_atext(int c)
{
	return is_alnum(c) || c > 0x7f ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Dot-string of exactly n bytes; what is beyond ASCII was found to be UTF-8. */
static bool
is_dot_string(const char *s, size_t n)
{
	bool after_dot = true;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			if (after_dot)
				return false;
			after_dot = true;
		} else if (is_atext((unsigned char)s[i])) {
			after_dot = false;
		} else {
			return false;
		}
	}
	return !after_dot;
}

static bool
is_domain(const char *s, size_t n)
{
	size_t label = 0; /* where the current one begins */
	bool digits = true;

	if (n == 0 || n > LIMIT_ADDRESS - 2)
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && s[i] != '.') {
			if (!is_alnum((unsigned char)s[i]) && s[i] != '-')
				return false;
			continue;
		}
		if (i == label || i - label > LABEL_MAX || s[label] == '-' ||
		    s[i - 1] == '-')
			return false;
		if (i < n)
			label = i + 1;
	}
	/* No top-level domain is a number: that would be a bare IP address. */
	for (size_t i = label; i < n; i++)
		digits = digits && is_digit((unsigned char)s[i]);
	return !digits;
}

/*
 * Reads the quoted string at s, at most n bytes, into its bare content.
 * Returns the bytes read with both quotes, 0 when it is malformed.
 */
static size_t
quoted_read(const char *s, size_t n, char bare[LIMIT_LOCAL_PART + 1])
{
	size_t len = 0;
	size_t i = 1;

	for (; i < n && s[i] != '"'; i++) {
		/* RFC 6531 3.3 puts nothing new behind a backslash. */
		if (s[i] == '\\' && (++i == n || (unsigned char)s[i] > '~'))
			return 0;
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f ||
		    len == LIMIT_LOCAL_PART)
			return 0;
		bare[len++] = s[i];
	}
	bare[len] = '\0';
	return i < n ? i + 1 : 0;
}

/* Writes a bare local part, in quotes when it needs them. */
static int
local_write(const char *bare, char *out, size_t cap)
{
	size_t n = strlen(bare);
	size_t at = 0;

	if (is_dot_string(bare, n))
		return text_copy(out, cap, bare);
	if (n * 2 + 3 > cap)
		return -1;
	out[at++] = '"';
	for (size_t i = 0; i < n; i++) {
		if (bare[i] == '"' || bare[i] == '\\')
			out[at++] = '\\';
		out[at++] = bare[i];
	}
	out[at++] = '"';
	out[at] = '\0';
	return at <= LIMIT_LOCAL_PART ? 0 : -1;
}

/* "@a.example,@b.example:" in front (RFC 5321 appendix C); -1 when malformed. */
static int
route_length(const char *s, size_t n, size_t *out)
{
	const char *p = s;
	const char *end = s + n;

	*out = 0;
	if (n == 0 || *s != '@')
		return 0;
	for (;;) {
		const char *name = ++p;

		while (p < end && *p != ',' && *p != ':')
			p++;
		if (p == end || !is_domain(name, (size_t)(p - name)))
			return -1;
		if (*p++ == ':')
			break;
		if (p == end || *p != '@')
			return -1;
	}
	*out = (size_t)(p - s);
	return 0;
}

static int
split(const char *s, size_t n, char *local, size_t cap, size_t *domain_at)
{
	char bare[LIMIT_LOCAL_PART + 1];
	size_t len;

	if (n > 0 && s[0] == '"') {
		len = quoted_read(s, n, bare);
	} else {
		const char *at = memchr(s, '@', n);

		len = at ? (size_t)(at - s) : 0;
		if (len > LIMIT_LOCAL_PART || !is_dot_string(s, len))
			return -1;
		memcpy(bare, s, len);
		bare[len] = '\0';
	}
	if (len == 0 || len > LIMIT_LOCAL_PART || len >= n || s[len] != '@')
		return -1;
	*domain_at = len + 1;
	return local_write(bare, local, cap);
}

static bool
is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] > 0x7f)
			return false;
	return true;
}

/* Control characters beyond ASCII (U+0080 to U+009F). */
static bool
has_c1(const char *s, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if ((unsigned char)s[i] == 0xc2 &&
		    (unsigned char)s[i + 1] < 0xa0)
			return true;
	return false;
}

/* The domain as DNS knows it. -1 when there is no such form of it. */
static int
domain_ascii(const char *s, size_t n, char out[LIMIT_ADDRESS + 1])
{
	char wide[LIMIT_ADDRESS + 1];
	uint8_t *ascii = NULL;
	int r = -1;

	if (n > LIMIT_ADDRESS || memchr(s, '\0', n) != NULL)
		return -1;
	memcpy(wide, s, n);
	wide[n] = '\0';
	if (is_ascii(s, n)) {
		memcpy(out, wide, n + 1);
		return 0;
	}
	if (idn2_lookup_u8((const uint8_t *)wide, &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		r = text_copy(out, LIMIT_ADDRESS + 1, (const char *)ascii);
	idn2_free(ascii);
	return r;
}

int
mailbox_parse(const char *s, size_t n, struct mailbox *out, struct err *e)
{
	if (!is_ascii(s, n)) {
		memset(out, 0, sizeof(*out));
		return err_set(e, ERR_BAD_INPUT, "mailbox: beyond ASCII");
	}
	return mailbox_parse_utf8(s, n, out, e);
}

bool
mailbox_is_wide(const struct mailbox *m)
{
	return !is_ascii(m->address, strlen(m->address));
}

int
mailbox_parse_utf8(const char *s, size_t n, struct mailbox *out, struct err *e)
{
	char local[LIMIT_LOCAL_PART * 2 + 3], domain[LIMIT_ADDRESS + 1];
	size_t route, at, len;

	memset(out, 0, sizeof(*out));
	if (!is_ascii(s, n) && (!text_is_utf8(s, n) || has_c1(s, n)))
		return err_set(e, ERR_BAD_INPUT, "mailbox: not UTF-8");
	if (route_length(s, n, &route) == -1)
		return err_set(e, ERR_BAD_INPUT, "mailbox: source route");
	s += route;
	n -= route;
	if (n == 0 || n > LIMIT_ADDRESS)
		return err_set(e, ERR_BAD_INPUT, "mailbox: %zu octets", n);
	if (split(s, n, local, sizeof(local), &at) == -1)
		return err_set(e, ERR_BAD_INPUT, "mailbox: local part");
	if (domain_ascii(s + at, n - at, domain) == -1 ||
	    !is_domain(domain, strlen(domain)))
		return err_set(e, ERR_BAD_INPUT, "mailbox: domain");
	len = strlen(local);
	memcpy(out->address, local, len);
	out->address[len++] = '@';
	if (len + strlen(domain) > LIMIT_ADDRESS)
		return err_set(e, ERR_BAD_INPUT, "mailbox: too long");
	memcpy(out->address + len, domain, strlen(domain));
	memcpy(out->domain, domain, strlen(domain));
	text_lower(out->domain);
	memcpy(out->key, out->address, sizeof(out->key));
	text_lower(out->key);
	return 0;
}

static bool
is_space(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(const char **s, size_t *n)
{
	while (*n > 0 && is_space((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n > 0 && is_space((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

int
mailbox_typed(const char *s, struct mailbox *out, struct err *e)
{
	size_t n = strlen(s);

	trim(&s, &n);
	return mailbox_parse(s, n, out, e);
}

/*
 * The bytes of the next item. A comma belongs to a name as long as no address
 * was seen, so that `Example, Alice <alice@acme.example>` pasted from elsewhere
 * is one item.
 */
static size_t
item_length(const char *s)
{
	bool quoted = false;
	bool address = false;
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] == '\n' || s[i] == '\r')
			break;
		if (s[i] == '\\' && quoted && s[i + 1] != '\0')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (s[i] == '@')
			address = true;
		else if (s[i] == ';' || (s[i] == ',' && address))
			break;
	}
	return i;
}

static int
item_parse(const char *s, size_t n, struct mailbox *out, struct err *e)
{
	const char *open;

	if (s[n - 1] == '>') {
		for (open = s + n - 1; open > s && *open != '<'; open--)
			continue;
		if (*open != '<')
			return err_set(e, ERR_BAD_INPUT, "mailbox: brackets");
		n -= (size_t)(open + 1 - s) + 1;
		s = open + 1;
		trim(&s, &n);
	}
	return mailbox_parse(s, n, out, e);
}

int
mailbox_typed_list(const char *s, struct mailbox *out, size_t cap,
    size_t *n_out, struct err *e)
{
	*n_out = 0;
	while (*s != '\0') {
		const char *item = s;
		size_t n = item_length(s);

		s += n;
		if (*s != '\0')
			s++;
		trim(&item, &n);
		while (n > 0 && *item == ',') { /* "a@b.c,, d@e.f" */
			item++;
			n--;
			trim(&item, &n);
		}
		if (n == 0)
			continue;
		if (*n_out == cap)
			return err_set(
			    e, ERR_TOO_MANY, "over %zu mailboxes", cap);
		if (item_parse(item, n, &out[*n_out], e) == -1)
			return -1;
		(*n_out)++;
	}
	return 0;
}
