/*
 * Character sets through iconv.
 */
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>

#include <gmime/gmime-charset.h>

#include "base/text.h"

#define ROOM 4096

static bool
is_utf8_guess(const char *charset)
{
	return *charset == '\0' || strcmp(charset, "us-ascii") == 0 ||
	    strcmp(charset, "utf-8") == 0 || strcmp(charset, "utf8") == 0 ||
	    strcmp(charset, "ascii") == 0;
}

/* (iconv_t)-1 when the set is not known. */
static iconv_t
open_from(const char *charset)
{
	const char *name;

	if (strcmp(charset, "iso-8859-1") == 0 ||
	    strcmp(charset, "latin1") == 0)
		charset = "windows-1252";
	name = g_mime_charset_iconv_name(charset);
	/* A slash would be read as options of the conversion. */
	if (name == NULL || strchr(name, '/') != NULL)
		return (iconv_t)-1;
	return iconv_open("UTF-8", name);
}

/* One call of iconv into out; *again false when all of the input is used. */
static int
step(iconv_t cd, char **in, size_t *left, struct buf *out, bool *again)
{
	char room[ROOM];
	char *p = room;
	size_t free_room = sizeof(room);
	size_t r = iconv(cd, in, left, &p, &free_room);
	int why = errno;

	if (buf_add(out, room, sizeof(room) - free_room) == -1)
		return -1;
	*again = *left > 0;
	if (r != (size_t)-1 || why == E2BIG)
		return 0;
	/* EILSEQ, or EINVAL for a character that the end cuts off. */
	if (*left > 0) {
		(*in)++;
		(*left)--;
	}
	*again = *left > 0;
	iconv(cd, NULL, NULL, NULL, NULL);
	return buf_adds(out, "\xef\xbf\xbd");
}

static int
convert(iconv_t cd, const char *s, size_t n, struct buf *out)
{
	struct buf in = BUF_INIT;
	bool again = n > 0;
	char *p;
	int r;

	/* iconv wants its input writable. */
	if ((r = buf_add(&in, s, n)) == -1)
		return -1;
	p = (char *)in.data;
	while (r == 0 && again)
		r = step(cd, &p, &n, out, &again);
	buf_free(&in);
	return r;
}

int
charset_show(struct buf *out, const char *charset, const void *s, size_t n)
{
	struct buf text = BUF_INIT;
	iconv_t cd;
	int r;

	if (is_utf8_guess(charset) && text_is_utf8(s, n))
		return text_show(out, s, n);
	cd = is_utf8_guess(charset) ? (iconv_t)-1 : open_from(charset);
	if (cd == (iconv_t)-1) {
		if (text_is_utf8(s, n))
			return text_show(out, s, n);
		cd = iconv_open("UTF-8", "WINDOWS-1252");
	}
	if (cd == (iconv_t)-1) /* no conversion tables on this machine */
		return text_show(out, s, n);
	r = convert(cd, s, n, &text);
	iconv_close(cd);
	if (r == 0)
		r = text_show(out, (const char *)text.data, text.len);
	buf_free(&text);
	return r;
}
