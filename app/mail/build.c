/*
 * Messages written with GMime: composed in the browser, and the system's own.
 * Boundaries come from the Message-ID, so that the same mail is built twice the
 * same; "=_" stands in no quoted-printable or base64 line.
 */
#include "mail/build.h"

#include <gmime/gmime.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/build_parts.h"
#include "mail/name.h"

#define BOUNDARY_LEN 48

/* ---- checks ---- */

/* One line of UTF-8 without control characters; NULL passes. */
bool
build_is_line(const char *s)
{
	if (s == NULL)
		return true;
	if (!text_is_utf8(s, strlen(s)))
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* An id fit to stand between angle brackets; NULL and "" pass. */
bool
build_is_id(const char *s)
{
	if (s == NULL)
		return true;
	if (strlen(s) > LIMIT_SUBJECT - 2)
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || *s == '<' || *s == '>')
			return false;
	return true;
}

static bool
is_address(const char *s)
{
	struct mailbox box;

	return s == NULL || mailbox_parse(s, strlen(s), &box, NULL) == 0;
}

static bool
is_person(const struct mail_person *p)
{
	return build_is_line(p->name) && is_address(p->address);
}

int
build_check(bool fine, const char *what, struct err *e)
{
	return fine ? 0 : err_set(e, ERR_BAD_INPUT, "mail: %s", what);
}

/* ---- parts ---- */

/* The same line ends throughout: LF, which the writer turns into CRLF. */
static int
plain_lines(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		char c = *s;

		if (c == '\r') {
			if (s[1] == '\n')
				continue;
			c = '\n';
		}
		if (buf_add(out, &c, 1) == -1)
			return -1;
	}
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		return buf_adds(out, "\n");
	return 0;
}

void
build_content(
    GMimePart *part, const void *p, size_t n, GMimeContentEncoding enc)
{
	/* GMime takes no null pointer, however little it points at. */
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(
	    n > 0 ? p : "", n);
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
	    stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_part_set_content_encoding(part, enc);
	g_mime_part_set_content(part, content);
	g_object_unref(content);
	g_object_unref(stream);
}

/* NULL when memory is out. */
GMimeObject *
build_text(const char *subtype, const char *text)
{
	GMimePart *part = g_mime_part_new_with_type("text", subtype);
	struct buf lines = BUF_INIT;

	if (plain_lines(&lines, text) == -1) {
		buf_free(&lines);
		g_object_unref(part);
		return NULL;
	}
	g_mime_object_set_content_type_parameter(
	    GMIME_OBJECT(part), "charset", "utf-8");
	build_content(part, lines.data, lines.len,
	    GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	buf_free(&lines);
	return GMIME_OBJECT(part);
}

/* Token "/" token, nothing that says how it is to be read, no composites. */
static bool
is_file_type(const char *s)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789!#$&-^_.+";
	size_t n = s ? strspn(s, token) : 0;

	return n > 0 && s[n] == '/' && s[n + 1] != '\0' &&
	    s[n + 1 + strspn(s + n + 1, token)] == '\0' && strlen(s) < 100 &&
	    g_ascii_strncasecmp(s, "multipart/", 10) != 0 &&
	    g_ascii_strncasecmp(s, "message/", 8) != 0;
}

static void
set_file_name(GMimePart *part, const char *name)
{
	GMimeContentDisposition *d = g_mime_object_get_content_disposition(
	    GMIME_OBJECT(part));
	GMimeParamList *list = g_mime_content_disposition_get_parameters(d);

	g_mime_param_list_set_parameter(list, "filename", name);
	g_mime_param_set_charset(
	    g_mime_param_list_get_parameter(list, "filename"), "utf-8");
}

static GMimeObject *
file_part(const struct mail_file *f)
{
	char name[LIMIT_FILE_NAME + 1];
	GMimePart *part;
	GMimeContentType *type;

	if (mail_name_safe(f->name, strlen(f->name), name) == -1)
		return NULL;
	part = g_mime_part_new();
	type = g_mime_content_type_parse(
	    NULL, is_file_type(f->type) ? f->type : "application/octet-stream");
	g_mime_object_set_content_type(GMIME_OBJECT(part), type);
	g_object_unref(type);
	g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
	set_file_name(part, name[0] != '\0' ? name : "file");
	build_content(part, f->data, f->len, GMIME_CONTENT_ENCODING_BASE64);
	return GMIME_OBJECT(part);
}

GMimeMultipart *
build_multipart(const char *subtype, const char *message_id)
{
	GMimeMultipart *mp = g_mime_multipart_new_with_subtype(subtype);
	uint8_t digest[32];
	char boundary[BOUNDARY_LEN];

	EVP_Digest(
	    message_id, strlen(message_id), digest, NULL, EVP_sha256(), NULL);
	memcpy(boundary, "=_", 3);
	text_hex(digest, 16, boundary + 2);
	g_mime_multipart_set_boundary(mp, boundary);
	return mp;
}

/* Takes the reference; false when there is no part. */
bool
build_take(GMimeMultipart *mp, GMimeObject *part)
{
	if (part == NULL)
		return false;
	g_mime_multipart_add(mp, part);
	g_object_unref(part);
	return true;
}

/* ---- header ---- */

static void
add_header(GMimeMessage *m, const char *name, const char *value)
{
	g_mime_object_append_header(GMIME_OBJECT(m), name, value, "utf-8");
}

static void
header_id(GMimeMessage *m, const char *name, const char *id)
{
	char value[LIMIT_SUBJECT + 1];

	if (id == NULL || *id == '\0')
		return;
	g_snprintf(value, sizeof(value), "<%s>", id);
	add_header(m, name, value);
}

/* Names in UTF-8: GMime's own choice would load converters as it goes. */
static void
add_person(GMimeMessage *m, GMimeAddressType type, const char *name,
    const char *address)
{
	InternetAddress *ia = internet_address_mailbox_new(
	    name && *name ? name : NULL, address);

	internet_address_set_charset(ia, "utf-8");
	internet_address_list_add(g_mime_message_get_addresses(m, type), ia);
	g_object_unref(ia);
}

static GMimeMessage *
message_new(const struct mail_person *from, const char *subject,
    const char *message_id, int64_t date)
{
	GMimeMessage *m = g_mime_message_new(FALSE);
	char text[CLOCK_TEXT_LEN];

	clock_rfc5322(date, text);
	add_header(m, "Date", text);
	add_person(m, GMIME_ADDRESS_TYPE_FROM, from->name, from->address);
	g_mime_message_set_subject(m, subject, "utf-8");
	header_id(m, "Message-ID", message_id);
	return m;
}

/* Writes the message with its content, drops both, and appends the bytes. */
int
build_finish(
    GMimeMessage *m, GMimeObject *content, struct buf *out, struct err *e)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes;
	int r;

	g_mime_message_set_mime_part(m, content);
	g_object_unref(content);
	g_mime_format_options_set_newline_format(
	    format, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(GMIME_OBJECT(m), format, stream);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	r = buf_add(out, bytes->data, bytes->len);
	g_object_unref(stream);
	g_mime_format_options_free(format);
	g_object_unref(m);
	return r == 0 ? 0 : err_set(e, ERR_INTERNAL, "memory");
}

int
build_memory_out(GMimeMessage *m, void *content, struct err *e)
{
	if (content != NULL)
		g_object_unref(content);
	g_object_unref(m);
	return err_set(e, ERR_INTERNAL, "memory");
}

/* ---- composed ---- */

static int
composed_check(const struct mail_composed *c, struct err *e)
{
	if (build_check(is_person(&c->from), "From", e) == -1 ||
	    build_check(build_is_line(c->subject), "Subject", e) == -1 ||
	    build_check(
		c->message_id && *c->message_id && build_is_id(c->message_id),
		"Message-ID", e) == -1 ||
	    build_check(build_is_id(c->in_reply_to), "In-Reply-To", e) == -1 ||
	    build_check(text_is_utf8(c->text, strlen(c->text)), "text", e) ==
		-1)
		return -1;
	for (size_t i = 0; i < c->n_to; i++)
		if (build_check(is_person(&c->to[i]), "To", e) == -1)
			return -1;
	return 0;
}

int
mail_compose(const struct mail_composed *c, struct buf *out, struct err *e)
{
	GMimeMessage *m;
	GMimeMultipart *mp;

	if (composed_check(c, e) == -1)
		return -1;
	m = message_new(&c->from, c->subject, c->message_id, c->date);
	for (size_t i = 0; i < c->n_to; i++)
		add_person(
		    m, GMIME_ADDRESS_TYPE_TO, c->to[i].name, c->to[i].address);
	header_id(m, "In-Reply-To", c->in_reply_to);
	header_id(m, "References", c->in_reply_to);
	if (c->n_files == 0) {
		GMimeObject *text = build_text("plain", c->text);

		return text ? build_finish(m, text, out, e) :
			      build_memory_out(m, NULL, e);
	}
	mp = build_multipart("mixed", c->message_id);
	if (!build_take(mp, build_text("plain", c->text)))
		return build_memory_out(m, mp, e);
	for (size_t i = 0; i < c->n_files; i++)
		if (!build_take(mp, file_part(&c->files[i])))
			return build_memory_out(m, mp, e);
	return build_finish(m, GMIME_OBJECT(mp), out, e);
}

/* ---- the system's ---- */

int
build_system_check(const struct mail_system *s, struct err *e)
{
	if (build_check(is_person(&s->from), "From", e) == -1 ||
	    build_check(is_person(&s->to), "To", e) == -1 ||
	    build_check(build_is_line(s->subject), "Subject", e) == -1 ||
	    build_check(is_address(s->reply_to), "Reply-To", e) == -1 ||
	    build_check(
		s->message_id && *s->message_id && build_is_id(s->message_id),
		"Message-ID", e) == -1 ||
	    build_check(build_is_id(s->references), "References", e) == -1 ||
	    build_check(text_is_utf8(s->text, strlen(s->text)), "text", e) ==
		-1)
		return -1;
	return s->html == NULL ?
	    0 :
	    build_check(text_is_utf8(s->html, strlen(s->html)), "HTML", e);
}

GMimeMessage *
build_system_new(const struct mail_system *s, const char *auto_submitted)
{
	GMimeMessage *m = message_new(
	    &s->from, s->subject, s->message_id, s->date);

	add_person(m, GMIME_ADDRESS_TYPE_TO, s->to.name, s->to.address);
	if (s->reply_to != NULL && *s->reply_to != '\0')
		add_person(m, GMIME_ADDRESS_TYPE_REPLY_TO, NULL, s->reply_to);
	header_id(m, "References", s->references);
	add_header(m, "Auto-Submitted", auto_submitted);
	add_header(m, "X-Auto-Response-Suppress", "OOF, AutoReply");
	add_header(m, "X-Restante", "1"); /* known again by mail_head_read() */
	return m;
}

int
mail_system(const struct mail_system *s, struct buf *out, struct err *e)
{
	GMimeMessage *m;
	GMimeMultipart *mp;

	if (build_system_check(s, e) == -1)
		return -1;
	m = build_system_new(s, "auto-generated");
	if (s->html == NULL) {
		GMimeObject *text = build_text("plain", s->text);

		return text ? build_finish(m, text, out, e) :
			      build_memory_out(m, NULL, e);
	}
	mp = build_multipart("alternative", s->message_id);
	if (!build_take(mp, build_text("plain", s->text)) ||
	    !build_take(mp, build_text("html", s->html)))
		return build_memory_out(m, mp, e);
	return build_finish(m, GMIME_OBJECT(mp), out, e);
}

static GMimeObject *
notification_part(const struct mail_receipt *r)
{
	GMimePart *part = g_mime_part_new_with_type(
	    "message", "disposition-notification");
	struct buf b = BUF_INIT;
	int bad;

	bad = buf_addf(&b,
	    "Reporting-UA: %s\n"
	    "Original-Recipient: rfc822;%s\n"
	    "Final-Recipient: rfc822;%s\n",
	    r->reporting_ua, r->original_recipient, r->original_recipient);
	if (bad == 0 && *r->original_message_id != '\0')
		bad = buf_addf(
		    &b, "Original-Message-ID: <%s>\n", r->original_message_id);
	if (bad == 0)
		bad = buf_adds(&b,
		    "Disposition: manual-action/MDN-sent-automatically; "
		    "displayed\n");
	if (bad == 0)
		build_content(part, b.data, b.len, GMIME_CONTENT_ENCODING_7BIT);
	buf_free(&b);
	if (bad == 0)
		return GMIME_OBJECT(part);
	g_object_unref(part);
	return NULL;
}

bool
build_is_ascii(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return false;
	return strlen(s) < 900;
}

int
mail_receipt(const struct mail_receipt *r, struct buf *out, struct err *e)
{
	GMimeMessage *m;
	GMimeMultipart *mp;

	if (build_system_check(&r->mail, e) == -1 ||
	    build_check(build_is_ascii(r->reporting_ua), "Reporting-UA", e) ==
		-1 ||
	    build_check(is_address(r->original_recipient), "recipient", e) ==
		-1 ||
	    build_check(
		build_is_id(r->original_message_id), "original id", e) == -1)
		return -1;
	m = build_system_new(&r->mail, "auto-replied");
	mp = build_multipart("report", r->mail.message_id);
	g_mime_object_set_content_type_parameter(
	    GMIME_OBJECT(mp), "report-type", "disposition-notification");
	if (!build_take(mp, build_text("plain", r->mail.text)) ||
	    !build_take(mp, notification_part(r)))
		return build_memory_out(m, mp, e);
	return build_finish(m, GMIME_OBJECT(mp), out, e);
}
