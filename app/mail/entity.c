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
#include "mail/type.h"
#include "mail/words.h"

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

static void
set_type(struct head *out, const char *type)
{
	if (text_copy(out->part.type, sizeof(out->part.type), type) == 0)
		text_lower(out->part.type);
	if (!type_is_valid(out->part.type))
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
 * The boundary that everybody sees. Where GMime, which would decode words in it and stops at
 * parameters that are none, sees another one or another type, readers do not agree.
 */
static void
set_boundary(struct head *out, enum type_shape shape, GMimeContentType *type)
{
	const char *seen;

	switch (shape) {
	case TYPE_OTHER:
		out->ambiguous = out->multipart;
		break;
	case TYPE_UNSURE:
		out->ambiguous = true;
		break;
	case TYPE_MULTIPART:
		seen = g_mime_content_type_get_parameter(type, "boundary");
		out->ambiguous = !out->multipart ||
		    (seen != NULL && strcmp(seen, out->boundary) != 0);
		break;
	}
}

static int
set_name(struct head *out, const char *s)
{
	if (s == NULL || out->part.name[0] != '\0')
		return 0;
	return mail_name_safe(s, strlen(s), out->part.name);
}

/* Parameters past what anybody needs are not read: GMime takes its time for each. */
static void
value_cut(char *value, struct head *out)
{
	size_t n = strnlen(value, HEAD_FIELD_MAX + 1);
	char *last;

	if (n > HEAD_FIELD_MAX) {
		value[HEAD_FIELD_MAX] = '\0';
		if ((last = strrchr(value, ';')) != NULL)
			*last = '\0';
		n = HEAD_FIELD_MAX;
	}
	out->cost += n;
}

static int
read_type(char *raw, const char *fallback, struct head *out)
{
	enum type_shape shape;
	GMimeContentType *type;
	char *mime;
	int r;

	if (raw == NULL || *raw == '\0') {
		set_type(out, fallback);
		return 0;
	}
	shape = type_read(raw, out->boundary, sizeof(out->boundary));
	value_cut(raw, out);
	words_rename(raw, true);
	type = g_mime_content_type_parse(NULL, raw);
	mime = g_mime_content_type_get_mime_type(type);
	set_type(out, mime);
	g_free(mime);
	set_charset(out, g_mime_content_type_get_parameter(type, "charset"));
	set_boundary(out, shape, type);
	r = set_name(out, g_mime_content_type_get_parameter(type, "name"));
	g_object_unref(type);
	return r;
}

static int
read_disposition(char *raw, struct head *out)
{
	GMimeContentDisposition *d;
	int r;

	if (raw == NULL)
		return 0;
	value_cut(raw, out);
	words_rename(raw, true);
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
	if (v.types > 1 || v.encodings > 1 || v.dispositions > 1 ||
	    (v.encoding != NULL && type_encoding_unsure(v.encoding)))
		out->ambiguous = true;
	result = 0;
out:
	values_free(&v);
	return result;
}
