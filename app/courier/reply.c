/*
 * Answers of other servers, word by word.
 */
#include "courier/reply.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 24 /* longer ones may hide anything */

static bool
is_plain(const char *s, size_t n)
{
	bool digit = false, letter = false;

	if (n > WORD_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] <= ' ' || s[i] > '~' || strchr("@/<>\\%", s[i]))
			return false;
		digit = digit || (s[i] >= '0' && s[i] <= '9');
		letter = letter ||
		    ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z');
	}
	/* Pick-up codes and one-time codes: eight digits of base 32. */
	return !(digit && letter && (n >= 8 && n <= 11));
}

void
reply_clean(int code, const char *text, char out[REPLY_LEN])
{
	size_t at = 0;
	const char *s = text ? text : "";

	if (code != 0)
		at = (size_t)snprintf(out, REPLY_LEN, "%03d", code);
	out[at] = '\0';
	while (*s != '\0' && *s != '\r' && *s != '\n') {
		size_t skip = strspn(s, " \t");
		size_t n = strcspn(s + skip, " \t\r\n");
		const char *word = s + skip;
		size_t len = n;

		s = word + n;
		if (n == 0)
			continue;
		if (!is_plain(word, n)) {
			word = "...";
			len = 3;
		}
		if (at + len + 2 > REPLY_LEN)
			return;
		if (at > 0)
			out[at++] = ' ';
		memcpy(out + at, word, len);
		at += len;
		out[at] = '\0';
	}
}
