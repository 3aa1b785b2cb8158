/*
 * disposition.c: names files that are downloaded.
 */
#include "portal/disposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* RFC 8187 3.2.1 attr-char. */
#define ATTR_CHAR                                          \
	"!#$&+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"abcdefghijklmnopqrstuvwxyz"

/* The base name in valid UTF-8: no separators, no controls, no leading dots or spaces. */
static void
clean(const char *name, char out[LIMIT_FILE_NAME + 1])
{
	const char *slash = strrchr(name, '/'), *back;
	struct buf b = BUF_INIT;
	char *p;

	name = slash == NULL ? name : slash + 1;
	back = strrchr(name, '\\');
	name = back == NULL ? name : back + 1;
	out[0] = '\0';
	if (text_show(&b, name, strlen(name)) == -1) {
		buf_free(&b);
		return;
	}
	text_cut(out, LIMIT_FILE_NAME + 1, buf_cstr(&b));
	buf_free(&b);
	for (p = out; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 ||
		    strchr("\"*:<>?|\\/", *p) != NULL)
			*p = '_';
	text_trim(out);
	for (p = out; *p == '.' || *p == ' ';)
		p++;
	memmove(out, p, strlen(p) + 1);
}

void
disposition_attachment(
    const char *name, const char *otherwise, char out[DISPOSITION_LEN])
{
	char safe[LIMIT_FILE_NAME + 1];
	const unsigned char *p;
	size_t n;
	int plain = 1;

	clean(name, safe);
	if (safe[0] == '\0')
		text_cut(safe, sizeof(safe), otherwise);
	n = (size_t)snprintf(
	    out, DISPOSITION_LEN, "%s", "attachment; filename=\"");
	for (p = (const unsigned char *)safe; *p != '\0'; p++) {
		/* One _ a character, not one a byte; % would be decoded by some. */
		if (*p >= 0x80 && *p < 0xc0)
			continue;
		if (*p >= 0x80 || *p == '%')
			plain = 0;
		out[n++] = (char)(*p >= 0x80 || *p == '%' ? '_' : *p);
	}
	out[n++] = '"';
	out[n] = '\0';
	if (plain)
		return;
	n += (size_t)snprintf(
	    out + n, DISPOSITION_LEN - n, "%s", "; filename*=UTF-8''");
	for (p = (const unsigned char *)safe; *p != '\0'; p++) {
		if (strchr(ATTR_CHAR, *p) != NULL)
			out[n++] = (char)*p;
		else
			n += (size_t)snprintf(
			    out + n, DISPOSITION_LEN - n, "%%%02X", *p);
	}
	out[n] = '\0';
}

const char *
disposition_type(const char *type)
{
	static const char *const safe[] = {"application/pdf", "application/zip",
	    "audio/mpeg", "image/gif", "image/jpeg", "image/png", "image/webp",
	    "text/csv", "text/plain", "video/mp4",
	    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	    "application/vnd.openxmlformats-officedocument.wordprocessingml."
	    "document",
	    NULL};
	size_t i;

	for (i = 0; safe[i] != NULL; i++)
		if (strcasecmp(type, safe[i]) == 0)
			return safe[i];
	return "application/octet-stream";
}
