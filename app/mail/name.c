/*
 * Safe file names and safe lines.
 */
#include "mail/name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define EXTENSION_MAX 16 /* bytes of an extension that a cut keeps */

/* Length of the UTF-8 character that starts with c; the text is valid. */
static size_t
utf8_length(uint8_t c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static uint32_t
utf8_decode(const char *s, size_t n)
{
	uint32_t c = (uint8_t)s[0];

	if (n > 1)
		c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)s[i] & 0x3f);
	return c;
}

/* Marks that turn or hide what stands around them. */
static bool
is_invisible(uint32_t c)
{
	return c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    c == 0xfeff || (c >= 0x80 && c < 0xa0);
}

static int
name_character(struct buf *out, const char *s, size_t n)
{
	uint32_t c = utf8_decode(s, n);

	if (c < ' ' || c == 0x7f || is_invisible(c))
		return 0;
	if (c == 0xfffd || (c < 0x80 && strchr("<>:\"|?*", (int)c)))
		return buf_adds(out, "_");
	return buf_add(out, s, n);
}

/* Names that Windows takes for devices, whatever their extension. */
static bool
is_device(const char *s)
{
	static const char *const names[] = {"con", "prn", "aux", "nul"};
	size_t n = strcspn(s, ".");
	char stem[5];

	if (n < 3 || n > 4)
		return false;
	memcpy(stem, s, n);
	stem[n] = '\0';
	text_lower(stem);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(stem, names[i]) == 0)
			return true;
	return n == 4 && stem[3] >= '0' && stem[3] <= '9' &&
	    (strncmp(stem, "com", 3) == 0 || strncmp(stem, "lpt", 3) == 0);
}

static void
name_cut(const char *s, char out[LIMIT_FILE_NAME + 1])
{
	const char *dot = strrchr(s, '.');
	size_t tail = dot ? strlen(dot) : 0;

	text_cut(out, LIMIT_FILE_NAME + 1, s);
	if (strlen(s) <= LIMIT_FILE_NAME || tail < 2 || tail > EXTENSION_MAX)
		return;
	text_cut(out, LIMIT_FILE_NAME + 1 - tail, s);
	memcpy(out + strlen(out), dot, tail + 1);
}

/* Dots and spaces off both ends: hidden files here, lost characters there. */
static char *
name_trim(char *s)
{
	size_t n;

	s += strspn(s, ". ");
	n = strlen(s);
	while (n > 0 && (s[n - 1] == '.' || s[n - 1] == ' '))
		s[--n] = '\0';
	return s;
}

int
mail_name_safe(const char *s, size_t n, char out[LIMIT_FILE_NAME + 1])
{
	struct buf shown = BUF_INIT;
	struct buf name = BUF_INIT;
	const char *p;
	char *kept;
	int result = -1;

	out[0] = '\0';
	for (size_t i = n; i > 0; i--) {
		if (s[i - 1] == '/' || s[i - 1] == '\\') {
			s += i;
			n -= i;
			break;
		}
	}
	if (n > 4 * LIMIT_HEADER_BLOCK)
		n = 4 * LIMIT_HEADER_BLOCK;
	if (text_show(&shown, s, n) == -1 || buf_reserve(&name, 2) == -1)
		goto out;
	p = buf_cstr(&shown);
	for (size_t i = 0, len; i < shown.len; i += len) {
		len = utf8_length((uint8_t)p[i]);
		if (name_character(&name, p + i, len) == -1)
			goto out;
	}
	if (buf_add_u8(&name, 0) == -1)
		goto out;
	kept = name_trim((char *)name.data);
	if (is_device(kept)) {
		out[0] = '_';
		text_cut(out + 1, LIMIT_FILE_NAME, kept);
	} else {
		name_cut(kept, out);
	}
	result = 0;
out:
	buf_free(&shown);
	buf_free(&name);
	return result;
}

/* Printable ASCII that fits, without blanks at its ends: most lines are. */
static bool
is_safe_line(const char *s, size_t n, size_t characters, size_t cap)
{
	if (n > characters || n >= cap ||
	    (n > 0 && (s[0] == ' ' || s[n - 1] == ' ')))
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

int
mail_line_safe(
    const char *s, size_t n, size_t characters, char *out, size_t cap)
{
	struct buf b = BUF_INIT;
	char *p;
	size_t at = 0;

	if (is_safe_line(s, n, characters, cap)) {
		memcpy(out, s, n);
		out[n] = '\0';
		return 0;
	}
	out[0] = '\0';
	if (text_show(&b, s, n) == -1 || buf_add_u8(&b, 0) == -1) {
		buf_free(&b);
		return -1;
	}
	p = (char *)b.data;
	for (size_t i = 0; p[i] != '\0'; i++)
		if (p[i] == '\n' || p[i] == '\t')
			p[i] = ' ';
	p = text_trim(p);
	while (p[at] != '\0' && characters-- > 0)
		at += utf8_length((uint8_t)p[at]);
	p[at] = '\0';
	text_cut(out, cap, p);
	buf_free(&b);
	return 0;
}
