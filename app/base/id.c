/*
 * id.c: UUIDs and the base 32 that people type.
 */
#include "base/id.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct id
id_new(void)
{
	struct id id;
	uint64_t ms = (uint64_t)(clock_now() / 1000);

	secret_random(id.b + 6, ID_LEN - 6);
	for (int i = 0; i < 6; i++)
		id.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x70); /* version 7 */
	id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80); /* RFC 9562's variant */
	return id;
}

struct id
id_zero(void)
{
	return (struct id){{0}};
}

bool
id_is_zero(const struct id *id)
{
	struct id zero = id_zero();

	return id_equal(id, &zero);
}

bool
id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, ID_LEN) == 0;
}

/* Where a hyphen stands in the 36 characters. */
static bool
is_hyphen(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void
id_format(const struct id *id, char out[ID_TEXT_LEN])
{
	char hex[2 * ID_LEN + 1];
	size_t from = 0;

	text_hex(id->b, ID_LEN, hex);
	for (size_t i = 0; i < ID_TEXT_LEN - 1; i++)
		out[i] = is_hyphen(i) ? '-' : hex[from++];
	out[ID_TEXT_LEN - 1] = '\0';
}

int
id_parse(const char *s, struct id *out)
{
	char hex[2 * ID_LEN + 1];
	size_t to = 0;

	*out = id_zero();
	if (strnlen(s, ID_TEXT_LEN) != ID_TEXT_LEN - 1)
		return -1;
	for (size_t i = 0; i < ID_TEXT_LEN - 1; i++) {
		if (!is_hyphen(i))
			hex[to++] = s[i];
		else if (s[i] != '-')
			return -1;
	}
	hex[to] = '\0';
	return text_unhex(hex, out->b, ID_LEN);
}

int
id_base32(const void *p, size_t n, char *out, size_t cap)
{
	const uint8_t *b = p;
	unsigned acc = 0, bits = 0;
	size_t len = 0;

	if (cap == 0)
		return -1;
	out[0] = '\0';
	if (n > SIZE_MAX / 8 - 1 || (n * 8 + 4) / 5 + 1 > cap)
		return -1;
	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | b[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			out[len++] = digits[acc >> (bits - 5) & 31];
	}
	if (bits > 0)
		out[len++] = digits[acc << (5 - bits) & 31];
	out[len] = '\0';
	return 0;
}

/* The value of a digit as people type it, or -1. */
static int
digit_value(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	if (c == '\0' || (at = strchr(digits, c)) == NULL)
		return -1;
	return (int)(at - digits);
}

int
id_unbase32(const char *s, void *out, size_t n)
{
	uint8_t *b = out;
	unsigned acc = 0, bits = 0;
	size_t len = 0, left;
	int v;

	memset(out, 0, n);
	if (n > SIZE_MAX / 8 - 1)
		return -1;
	left = (n * 8 + 4) / 5;
	for (; *s != '\0'; s++) {
		if (*s == '-' || *s == ' ')
			continue;
		if (left == 0 || (v = digit_value(*s)) == -1)
			goto bad;
		left--;
		acc = (acc << 5 | (unsigned)v) & 0xfff;
		bits += 5;
		if (bits >= 8 && len < n) {
			bits -= 8;
			b[len++] = (uint8_t)(acc >> bits);
		}
	}
	if (left == 0 && len == n && (acc & ((1U << bits) - 1)) == 0)
		return 0;
bad:
	secret_wipe(out, n);
	return -1;
}

void
id_request(char out[ID_REQUEST_LEN])
{
	uint8_t b[8];

	secret_random(b, sizeof(b));
	text_hex(b, sizeof(b), out);
}
