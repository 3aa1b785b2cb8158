/*
 * The MIME fields of one entity (RFC 2045, 2183, 2231).
 */
#include "mail/head.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/fields.h"
#include "mail/name.h"

/* The first value of each field, and how often each came. */
struct values {
	char *type, *encoding, *disposition, *id;
	unsigned types, encodings, dispositions, ids;
};

static void
values_free(struct values *v)
{
	free(v->type);
	free(v->encoding);
	free(v->disposition);
	free(v->id);
}

static int
keep(const struct field *f, char **value, unsigned *count)
{
	if ((*count)++ > 0)
		return 0;
	*value = field_value(f);
	return *value ? 0 : -1;
}

static int
values_read(const void *block, size_t n, struct values *v)
{
	struct fields fields;
	struct field f;
	int r = 0;

	fields_init(&fields, block, n);
	while (r == 0 && fields_next(&fields, &f)) {
		if (field_is(&f, "Content-Type"))
			r = keep(&f, &v->type, &v->types);
		else if (field_is(&f, "Content-Transfer-Encoding"))
			r = keep(&f, &v->encoding, &v->encodings);
		else if (field_is(&f, "Content-Disposition"))
			r = keep(&f, &v->disposition, &v->dispositions);
		else if (field_is(&f, "Content-ID"))
			r = keep(&f, &v->id, &v->ids);
	}
	return r;
}

/* Lower-case tokens of RFC 2045 with one slash. */
static bool
is_type(const char *s)
{
	unsigned slashes = 0;

	for (const char *p = s; *p != '\0'; p++) {
		if (*p == '/')
			slashes++;
		else if (*p <= ' ' || *p > '~' ||
		    strchr("()<>@,;:\\\"[]?=", *p))
			return false;
	}
	return slashes == 1 && s[0] != '/' && s[strlen(s) - 1] != '/';
}

static void
set_type(struct head *out, const char *type)
{
	if (text_copy(out->part.type, sizeof(out->part.type), type) == 0)
		text_lower(out->part.type);
	if (!is_type(out->part.type))
		text_cut(out->part.type, sizeof(out->part.type),
		    "application/octet-stream");
	out->multipart = text_starts(out->part.type, "multipart/");
	out->digest = strcmp(out->part.type, "multipart/digest") == 0;
}

static void
set_charset(struct head *out, const char *s)
{
	if (s == NULL ||
	    s[strspn(s,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:+")] != '\0')
		return;
	if (text_copy(out->part.charset, sizeof(out->part.charset), s) == 0)
		text_lower(out->part.charset);
}

/*
 * Exactly one plain `boundary` parameter, outside of quotes; continuations and
 * repetitions are read differently by different readers.
 */
static bool
one_boundary(const char *s)
{
	unsigned found = 0;
	bool quoted = false;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && quoted && s[1] != '\0') {
			s++;
		} else if (*s == '"') {
			quoted = !quoted;
		} else if (!quoted && *s == ';') {
			s += 1 + strspn(s + 1, " \t");
			if (strncasecmp(s, "boundary", 8) == 0) {
				s += 8;
				s += strspn(s, " \t");
				if (*s == '*')
					return false;
				found += *s == '=';
			}
			s--;
		}
	}
	return found == 1 && !quoted;
}

static void
set_boundary(struct head *out, const char *raw, const char *s)
{
	size_t n;

	if (s == NULL || !one_boundary(raw) ||
	    text_copy(out->boundary, sizeof(out->boundary), s) == -1) {
		out->ambiguous = true;
		return;
	}
	n = strlen(out->boundary);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out->boundary[i] < ' ')
			n = 0;
	if (n == 0)
		out->ambiguous = true;
}

static int
set_name(struct head *out, const char *s)
{
	if (s == NULL || out->part.name[0] != '\0')
		return 0;
	return mail_name_safe(s, strlen(s), out->part.name);
}

static int
read_type(const char *raw, const char *fallback, struct head *out)
{
	GMimeContentType *type;
	char *mime;
	int r;

	if (raw == NULL || *raw == '\0') {
		set_type(out, fallback);
		return 0;
	}
	type = g_mime_content_type_parse(NULL, raw);
	mime = g_mime_content_type_get_mime_type(type);
	set_type(out, mime);
	g_free(mime);
	set_charset(out, g_mime_content_type_get_parameter(type, "charset"));
	if (out->multipart)
		set_boundary(out, raw,
		    g_mime_content_type_get_parameter(type, "boundary"));
	r = set_name(out, g_mime_content_type_get_parameter(type, "name"));
	g_object_unref(type);
	return r;
}

static int
read_disposition(const char *raw, struct head *out)
{
	GMimeContentDisposition *d;
	int r;

	if (raw == NULL)
		return 0;
	d = g_mime_content_disposition_parse(NULL, raw);
	if (d == NULL)
		return 0;
	out->attachment = g_mime_content_disposition_is_attachment(d);
	r = set_name(
	    out, g_mime_content_disposition_get_parameter(d, "filename"));
	g_object_unref(d);
	return r;
}

static void
read_encoding(const char *raw, struct head *out)
{
	GMimeContentEncoding enc = raw ?
	    g_mime_content_encoding_from_string(raw) :
	    GMIME_CONTENT_ENCODING_7BIT;

	switch (enc) {
	case GMIME_CONTENT_ENCODING_7BIT:
	case GMIME_CONTENT_ENCODING_8BIT:
	case GMIME_CONTENT_ENCODING_BINARY:
		return;
	case GMIME_CONTENT_ENCODING_BASE64:
		out->part.encoding = MAIL_ENC_BASE64;
		break;
	case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
		out->part.encoding = MAIL_ENC_QP;
		break;
	case GMIME_CONTENT_ENCODING_UUENCODE:
		out->part.encoding = MAIL_ENC_UU;
		break;
	case GMIME_CONTENT_ENCODING_DEFAULT:
		/* RFC 2045 6.4: content in an unknown encoding is opaque; text is shown as it is. */
		if (!out->multipart && !text_starts(out->part.type, "text/"))
			set_type(out, "application/octet-stream");
		break;
	}
	if (out->multipart)
		out->ambiguous = true;
}

int
head_entity(const void *block, size_t n, const char *fallback, struct head *out)
{
	struct values v = {0};
	int result = -1;

	memset(out, 0, sizeof(*out));
	if (values_read(block, n, &v) == -1 ||
	    read_disposition(v.disposition, out) == -1 ||
	    read_type(v.type, fallback, out) == -1)
		goto out;
	read_encoding(v.encoding, out);
	if (v.id)
		head_message_id(v.id, out->part.cid, sizeof(out->part.cid));
	if (v.types > 1 || v.encodings > 1 || v.dispositions > 1)
		out->ambiguous = true;
	result = 0;
out:
	values_free(&v);
	return result;
}
