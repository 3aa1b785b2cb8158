/*
 * Character sets through iconv.
 */
#include "mail/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define ROOM     4096
#define NAME_MAX 39 /* of a set */

/* Sets by the names of mail programs, and those that only pretend to be smaller. */
static const struct {
	const char *name, *means;
} others[] = {
    {"iso-8859-1", "cp1252"},
    {"iso8859-1", "cp1252"},
    {"iso_8859-1", "cp1252"},
    {"latin1", "cp1252"},
    {"latin-1", "cp1252"},
    {"iso-8859-1-windows-3.1-latin-1", "cp1252"},
    {"iso-8859-6-e", "iso-8859-6"},
    {"iso-8859-6-i", "iso-8859-6"},
    {"iso-8859-8-e", "iso-8859-8"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"logical", "hebrew"},
    {"iso-8859-9", "cp1254"},
    {"iso-8859-11", "cp874"},
    {"tis-620", "cp874"},
    {"windows-874", "cp874"},
    {"dos-874", "cp874"},
    {"windows-932", "cp932"},
    {"windows-936", "cp936"},
    {"windows-949", "cp949"},
    {"windows-950", "cp950"},
    {"windows-31j", "cp932"},
    {"x-ms-cp932", "cp932"},
    {"shift_jis", "cp932"},
    {"shift-jis", "cp932"},
    {"x-sjis", "cp932"},
    {"x-euc-jp", "euc-jp"},
    {"cp51932", "euc-jp"},
    {"iso-2022-jp-ms", "iso-2022-jp"},
    {"euc-kr", "cp949"},
    {"ks_c_5601-1987", "cp949"},
    {"ks_c_5601-1989", "cp949"},
    {"ks_c_5601", "cp949"},
    {"ksc_5601", "cp949"},
    {"ksc5601", "cp949"},
    {"x-windows-949", "cp949"},
    {"korean", "cp949"},
    {"cp51949", "cp949"},
    {"gb2312", "gbk"},
    {"gb-2312", "gbk"},
    {"gb_2312", "gbk"},
    {"gb_2312-80", "gbk"},
    {"gb2312-80", "gbk"},
    {"euc-cn", "gbk"},
    {"x-euc-cn", "gbk"},
    {"x-gbk", "gbk"},
    {"chinese", "gbk"},
    {"cp54936", "gb18030"},
    {"x-big5", "big5"},
    {"x-x-big5", "big5"},
    {"x-euc-tw", "euc-tw"},
    {"koi-8-r", "koi8-r"},
    {"cp20866", "koi8-r"},
    {"cp21866", "koi8-u"},
    {"x-viet-tcvn5712", "tcvn"},
    {"mac-roman", "macintosh"},
    {"macroman", "macintosh"},
    {"x-mac-roman", "macintosh"},
    {"x-mac-cyrillic", "mac-cyrillic"},
    {"x-mac-ukrainian", "mac-cyrillic"},
    {"cp10000", "mac"},
    {"cp65001", "utf-8"},
    {"utf_8", "utf-8"},
    {"utf8mb4", "utf-8"},
    {"unicode-1-1-utf-8", "utf-8"},
    {"unicode-1-1-utf-7", "utf-7"},
};

/* "cp1251" of windows-1251, win-1251, x-cp1251 and the like; NULL of others. */
static const char *
page_of(const char *name, size_t n)
{
	static const char *const pages[] = {"cp1250", "cp1251", "cp1252",
	    "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"};
	static const char *const before[] = {
	    "windows-", "windows", "win-", "win", "x-cp", "cp-"};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		const size_t len = strlen(before[i]);

		if (n != len + 4 || strncasecmp(name, before[i], len) != 0 ||
		    memcmp(name + len, "125", 3) != 0 || name[n - 1] < '0' ||
		    name[n - 1] > '8')
			continue;
		return pages[name[n - 1] - '0'];
	}
	return NULL;
}

/* (iconv_t)-1 when the set is not known. */
static iconv_t
open_from(const char *name, size_t n)
{
	char text[NAME_MAX + 1];

	if (n == 0 || n > NAME_MAX)
		return (iconv_t)-1;
	memcpy(text, name, n);
	text[n] = '\0';
	/* A slash, and more of that kind, would be read as options of the conversion. */
	if (text[strspn(text,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:+")] != '\0')
		return (iconv_t)-1;
	return iconv_open("UTF-8", text);
}

const char *
charset_means(const char *name, size_t n)
{
	const char *page = page_of(name, n);
	iconv_t cd;

	if (page != NULL)
		return page;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strlen(others[i].name) == n &&
		    strncasecmp(name, others[i].name, n) == 0)
			return others[i].means;
	if ((cd = open_from(name, n)) == (iconv_t)-1)
		return "x";
	iconv_close(cd);
	return NULL;
}

static bool
is_utf8_guess(const char *charset)
{
	return *charset == '\0' || strcasecmp(charset, "us-ascii") == 0 ||
	    strcasecmp(charset, "utf-8") == 0 ||
	    strcasecmp(charset, "utf8") == 0 ||
	    strcasecmp(charset, "ascii") == 0;
}

/* What it holds back for a character that goes on, and it begins anew. */
static int
flush(iconv_t cd, struct buf *out)
{
	char room[16];
	char *p = room;
	size_t left = sizeof(room);

	(void)iconv(cd, NULL, NULL, &p, &left);
	return buf_add(out, room, sizeof(room) - left);
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
	if (flush(cd, out) == -1)
		return -1;
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
	return r == 0 ? flush(cd, out) : -1;
}

int
charset_show(struct buf *out, const char *charset, const void *s, size_t n)
{
	const char *means = charset_means(charset, strlen(charset));
	struct buf text = BUF_INIT;
	iconv_t cd;
	int r;

	if (means != NULL)
		charset = means;
	if (is_utf8_guess(charset) && text_is_utf8(s, n))
		return text_show(out, s, n);
	cd = is_utf8_guess(charset) ? (iconv_t)-1 :
				      open_from(charset, strlen(charset));
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
