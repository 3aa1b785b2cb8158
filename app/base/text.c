/*
 * text.c: small operations on text; nothing here looks at the locale.
 */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

int
text_copy(char *out, size_t cap, const char *s)
{
	size_t n = strlen(s);

	if (cap == 0)
		return -1;
	if (n >= cap) {
		out[0] = '\0';
		return -1;
	}
	memcpy(out, s, n + 1);
	return 0;
}

void
text_cut(char *out, size_t cap, const char *s)
{
	size_t n = strlen(s);

	if (cap == 0)
		return;
	if (n >= cap) {
		n = cap - 1;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	memcpy(out, s, n);
	out[n] = '\0';
}

/*
 * Decodes one character of at most n > 0 bytes (RFC 3629). Returns its length and
 * *cp, or 0 with *bad the length of what cannot begin or go on as a character.
 */
static size_t
utf8_next(const unsigned char *s, size_t n, uint32_t *cp, size_t *bad)
{
	/* The second byte's range is what rules out overlong forms,
	 * surrogates and numbers past U+10FFFF. */
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	*bad = 1;
	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	*cp = s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if (i >= n || s[i] < low || s[i] > high)
			return 0;
		*cp = *cp << 6 | (s[i] & 0x3f);
		*bad = i + 1;
		low = 0x80;
		high = 0xbf;
	}
	return len;
}

bool
text_is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

bool
text_is_utf8(const char *s, size_t n)
{
	size_t len, bad;
	uint32_t cp;

	for (size_t i = 0; i < n; i += len) {
		if ((s[i] & 0x80) == 0) {
			len = 1;
			continue;
		}
		len = utf8_next((const unsigned char *)s + i, n - i, &cp, &bad);
		if (len == 0)
			return false;
	}
	return true;
}

/* Embeddings, overrides and isolates: what can show text in another order. */
static bool
is_bidi_control(uint32_t cp)
{
	return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

/* Controls, and what XML 1.0 cannot hold. */
static bool
is_unshowable(uint32_t cp)
{
	if (cp < 0x20)
		return cp != '\t' && cp != '\n';
	return (cp >= 0x7f && cp <= 0x9f) || (cp & 0xfffe) == 0xfffe;
}

/* What stands for the character in what is shown; NULL: itself. */
static const char *
shown_as(size_t len, uint32_t cp, bool before_lf)
{
	if (len == 0)
		return REPLACEMENT;
	if (cp == '\r')
		return before_lf ? "" : "\n";
	if (is_bidi_control(cp))
		return "";
	return is_unshowable(cp) ? REPLACEMENT : NULL;
}

int
text_show(struct buf *out, const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len, bad, kept = 0, i = 0; /* kept to i: as it is */
	const char *other;
	uint32_t cp;

	if (n == 0) /* s may be NULL */
		return 0;
	while (i < n) {
		if (p[i] >= ' ' && p[i] < 0x7f) {
			i++;
			continue;
		}
		len = utf8_next(p + i, n - i, &cp, &bad);
		other = shown_as(len, cp, i + 1 < n && p[i + 1] == '\n');
		if (other != NULL &&
		    (buf_add(out, p + kept, i - kept) == -1 ||
			buf_adds(out, other) == -1))
			return -1;
		i += len == 0 ? bad : len;
		if (other != NULL)
			kept = i;
	}
	return buf_add(out, p + kept, i - kept);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void
text_lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = lower(*s);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

char *
text_trim(char *s)
{
	size_t from = 0, n;

	while (is_space(s[from]))
		from++;
	n = strlen(s + from);
	while (n > 0 && is_space(s[from + n - 1]))
		n--;
	memmove(s, s + from, n);
	s[n] = '\0';
	return s;
}

bool
text_equal_ci(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

bool
text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

void
text_base64url(const void *p, size_t n, char *out)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *b = p;
	unsigned acc = 0, bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | b[i]) & 0x3fff;
		for (bits += 8; bits >= 6; bits -= 6)
			*out++ = set[acc >> (bits - 6) & 63];
	}
	if (bits > 0)
		*out++ = set[acc << (6 - bits) & 63];
	*out = '\0';
}

/* The value of a base64 digit; c62 and c63 name the last two. -1 for no digit. */
static int
base64_value(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == c62)
		return 62;
	return c == c63 ? 63 : -1;
}

/* n digits into out, which has room for n * 3 / 4 bytes; left-over bits must be zero. */
static int
base64_decode(const char *s, size_t n, char c62, char c63, uint8_t *out)
{
	unsigned acc = 0, bits = 0;
	int v;

	if (n % 4 == 1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if ((v = base64_value(s[i], c62, c63)) == -1)
			return -1;
		acc = (acc << 6 | (unsigned)v) & 0x3fff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*out++ = (uint8_t)(acc >> bits);
		}
	}
	return (acc & ((1U << bits) - 1)) == 0 ? 0 : -1;
}

int
text_unbase64url(const char *s, void *out, size_t n)
{
	size_t len = strlen(s);

	memset(out, 0, n);
	if (len % 4 == 1 || len / 4 * 3 + len % 4 * 3 / 4 != n)
		return -1;
	if (base64_decode(s, len, '-', '_', out) == 0)
		return 0;
	secret_wipe(out, n);
	return -1;
}

int
text_unbase64(const char *s, size_t n, struct buf *out)
{
	size_t digits = n, len;

	if (n % 4 != 0)
		return -1;
	while (digits > 0 && n - digits < 2 && s[digits - 1] == '=')
		digits--;
	len = digits / 4 * 3 + digits % 4 * 3 / 4;
	if (buf_reserve(out, len + 1) == -1)
		return -1;
	if (base64_decode(s, digits, '+', '/', out->data + out->len) == -1) {
		secret_wipe(out->data + out->len, len);
		return -1;
	}
	out->len += len;
	return 0;
}

void
text_hex(const void *p, size_t n, char *out)
{
	static const char set[] = "0123456789abcdef";
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = set[b[i] >> 4];
		*out++ = set[b[i] & 15];
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
text_unhex(const char *s, void *out, size_t n)
{
	uint8_t *b = out;
	int h, l;

	memset(out, 0, n);
	if (n > SIZE_MAX / 2 || strlen(s) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		h = hex_value(s[2 * i]);
		l = hex_value(s[2 * i + 1]);
		if (h == -1 || l == -1) {
			secret_wipe(out, n);
			return -1;
		}
		b[i] = (uint8_t)(h << 4 | l);
	}
	return 0;
}

void
text_size(uint64_t bytes, char out[32])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1000, tenths;
	size_t i = 0;

	if (bytes < 1000) {
		snprintf(out, 32, "%u B", (unsigned)bytes);
		return;
	}
	/* The unit is too small as soon as rounding would give 1000 of it. */
	while (i < 5 && bytes >= unit * 1000 - unit / 2) {
		unit *= 1000;
		i++;
	}
	tenths = bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
	if (tenths < 100 && tenths % 10 != 0)
		snprintf(out, 32, "%u.%u %s", (unsigned)(tenths / 10),
		    (unsigned)(tenths % 10), units[i]);
	else
		snprintf(out, 32, "%u %s",
		    (unsigned)((bytes / (unit / 2) + 1) / 2), units[i]);
}
