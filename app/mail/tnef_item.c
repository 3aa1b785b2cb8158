/*
 * tnef_item.c: what is found in a winmail.dat: files and texts, their content, names and
 * character sets.
 */
#include "mail/tnef_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "mail/charset.h"
#include "mail/name.h"

void
tnef_charset_of(uint32_t codepage, char out[40])
{
	if (codepage == 0)
		out[0] = '\0';
	else if (codepage == 65001)
		snprintf(out, 40, "utf-8");
	else if (codepage == 20127 || codepage == 28591)
		snprintf(out, 40, "windows-1252");
	else if (codepage > 28591 && codepage < 28606)
		snprintf(out, 40, "iso-8859-%u", codepage - 28590);
	else if (codepage >= 1250 && codepage <= 1258)
		snprintf(out, 40, "windows-%u", codepage);
	else
		snprintf(out, 40, "cp%u", codepage);
}

void
tnef_hand_over(struct tnef *t, struct tnef_item *item)
{
	if (t->result == 0)
		t->result = t->take(t->arg, item, t->e);
}

void
tnef_file_finish(struct tnef *t)
{
	if (t->have_file && t->have_data)
		tnef_hand_over(t, &t->file);
	t->have_file = t->have_data = t->long_name = false;
}

void
tnef_file_begin(struct tnef *t)
{
	tnef_file_finish(t);
	memset(&t->file, 0, sizeof(t->file));
	t->have_file = true;
}

/* The next n octets are what the item is. */
void
tnef_content_begin(struct tnef *t, struct tnef_item *item, uint64_t n,
    void (*after)(struct tnef *))
{
	item->skip = t->at;
	item->size = n;
	t->now = item;
	t->hashing = EVP_DigestInit_ex(t->digest, EVP_sha256(), NULL) == 1;
	tnef_pass_to(t, t->at + n, after);
	if (!t->hashing)
		tnef_stop(t);
}

void
tnef_content_end(struct tnef *t)
{
	EVP_DigestFinal_ex(t->digest, t->now->sha256, NULL);
	t->hashing = false;
	if (t->now == &t->file)
		t->have_data = true;
	t->now = NULL;
}

/* The octets in buf as text of one line, in the character set of this kind of string. */
static char *
string_read(struct tnef *t, size_t n)
{
	struct buf b = BUF_INIT;
	char charset[40] = "utf-16le";
	char *s = NULL;

	if (t->type != PT_UNICODE)
		tnef_charset_of(t->codepage, charset);
	if (charset_show(&b, charset, t->buf, n) == 0 &&
	    (s = strdup(buf_cstr(&b))) != NULL)
		s[strcspn(s, "\n")] = '\0';
	else
		t->result = err_set(t->e, ERR_INTERNAL, "memory");
	buf_free(&b);
	return s;
}

/* Without the NULs at its end. */
static size_t
string_length(const struct tnef *t, size_t n)
{
	size_t unit = t->type == PT_UNICODE ? 2 : 1;

	while (n >= unit && t->buf[n - 1] == '\0' &&
	    (unit == 1 || t->buf[n - 2] == '\0'))
		n -= unit;
	return n;
}

void
tnef_name_take(struct tnef *t, size_t n, bool is_long)
{
	char *s;

	if (t->long_name || (s = string_read(t, string_length(t, n))) == NULL)
		return;
	if (mail_name_safe(s, strlen(s), t->file.name) == -1)
		t->result = err_set(t->e, ERR_INTERNAL, "memory");
	t->long_name = is_long && t->file.name[0] != '\0';
	free(s);
}

void
tnef_ascii_take(struct tnef *t, size_t n, char *out, size_t cap)
{
	char *s = string_read(t, string_length(t, n));

	if (s == NULL)
		return;
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			s[0] = '\0';
	text_cut(out, cap, s);
	free(s);
}
