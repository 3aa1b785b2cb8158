/*
 * Strict where readers differ, and only there.
 */
#include "mail/type.h"

#include <string.h>
#include <strings.h>

#define BLANK " \t"

static bool
is_token(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static size_t
token_length(const char *s)
{
	size_t n = 0;

	while (is_token(s[n]))
		n++;
	return n;
}

bool
type_is_valid(const char *s)
{
	const size_t n = token_length(s);
	const size_t m = n > 0 && s[n] == '/' ? token_length(s + n + 1) : 0;

	return m > 0 && s[n + 1 + m] == '\0';
}

static const char *
blank_skip(const char *s)
{
	return s + strspn(s, BLANK);
}

static bool
has_word(const char *s, size_t n, const char *word)
{
	const size_t len = strlen(word);

	for (size_t i = 0; i + len <= n; i++)
		if (strncasecmp(s + i, word, len) == 0)
			return true;
	return false;
}

static bool
is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(s, word, n) == 0;
}

/* One value, quoted or not; what stands behind it, or NULL. */
static const char *
value_end(const char *s)
{
	if (*s != '"') {
		s += strcspn(s, BLANK ";\"()\\");
	} else {
		for (s++; *s != '"'; s++) {
			if (*s == '\\')
				s++;
			if (*s == '\0')
				return NULL;
		}
		s++;
	}
	s = blank_skip(s);
	return *s == ';' || *s == '\0' ? s : NULL;
}

/* Some take blanks at its ends, and single quotes or angles around it, for none of it. */
static bool
is_trimmed(const char *s, size_t n)
{
	return s[0] == ' ' || s[n - 1] == ' ' ||
	    (s[0] == '\'' && s[n - 1] == '\'') ||
	    (s[0] == '<' && s[n - 1] == '>');
}

static int
boundary_copy(const char *s, char *out, size_t cap)
{
	const bool quoted = *s == '"';
	size_t n = 0;

	for (s += quoted; quoted ? *s != '"' : is_token(*s); s++) {
		if (*s < ' ' || *s > '~' || *s == '\\' || n + 1 >= cap)
			return -1;
		out[n++] = *s;
	}
	out[n] = '\0';
	if (!quoted && *s != '\0' && strchr(BLANK ";", *s) == NULL)
		return -1;
	return n > 0 && !is_trimmed(out, n) ? 0 : -1;
}

static enum type_shape
parameters_read(const char *s, char *boundary, size_t cap)
{
	unsigned found = 0;

	for (s += strspn(s, BLANK ";"); *s != '\0'; s += strspn(s, BLANK ";")) {
		const char *name = s;
		const size_t n = token_length(s);

		s = blank_skip(s + n);
		if (n == 0 || *s != '=' ||
		    (n > 8 && strncasecmp(name, "boundary*", 9) == 0))
			return TYPE_UNSURE;
		s = blank_skip(s + 1);
		if (is_word(name, n, "boundary") &&
		    (found++ > 0 || boundary_copy(s, boundary, cap) == -1))
			return TYPE_UNSURE;
		if ((s = value_end(s)) == NULL)
			return TYPE_UNSURE;
	}
	return found == 1 ? TYPE_MULTIPART : TYPE_UNSURE;
}

static enum type_shape
shape(const char *s, char *boundary, size_t cap)
{
	const size_t head = strcspn(s, ";");
	const size_t n = token_length(s);
	const size_t m = s[n] == '/' ? token_length(s + n + 1) : 0;

	if (n == 0 || m == 0)
		return has_word(s, head, "multipart") ||
			memchr(s, '(', head) != NULL ?
		    TYPE_UNSURE :
		    TYPE_OTHER;
	if (!is_word(s, n, "multipart"))
		return has_word(s, head, "multipart") ? TYPE_UNSURE :
							TYPE_OTHER;
	s = blank_skip(s + n + 1 + m);
	return *s == ';' ? parameters_read(s, boundary, cap) : TYPE_UNSURE;
}

enum type_shape
type_read(const char *value, char *boundary, size_t cap)
{
	enum type_shape is = shape(blank_skip(value), boundary, cap);

	if (is != TYPE_MULTIPART)
		boundary[0] = '\0';
	return is;
}

bool
type_encoding_unsure(const char *value)
{
	static const char *const known[] = {"base64", "quoted", "uu"};
	const char *s = blank_skip(value);
	const size_t n = strlen(s);

	if (*blank_skip(s + token_length(s)) == '\0')
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_word(s, n, known[i]))
			return true;
	return false;
}
