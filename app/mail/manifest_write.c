/*
 * The manifest as JSON inside its seal: without blanks, written as it goes, for every
 * message that comes has one.
 */
#include "mail/manifest_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"

#define VERSION        1
#define VERSION_BESIDE 2 /* has files beside the message */
#define VERSION_WAY    3 /* has a connection, or parts of a winmail.dat */
#define VERSION_AUTO   4 /* says that a program wrote it */

const char *const manifest_encoding[MANIFEST_ENCODINGS] = {
    [MAIL_ENC_IDENTITY] = "identity",
    [MAIL_ENC_BASE64] = "base64",
    [MAIL_ENC_QP] = "qp",
    [MAIL_ENC_UU] = "uu",
};

bool
manifest_is_beside(const struct mail_part *p)
{
	return !id_is_zero(&p->beside.id);
}

int
manifest_version(const struct manifest *m)
{
	int version = VERSION;

	if (m->automatic)
		return VERSION_AUTO;
	if (m->connection.client[0] != '\0')
		return VERSION_WAY;
	for (size_t i = 0; i < m->n_parts; i++) {
		if (m->parts[i].box > 0)
			return VERSION_WAY;
		if (manifest_is_beside(&m->parts[i]))
			version = VERSION_BESIDE;
	}
	return version;
}

/* ---- JSON ---- */

struct writer {
	struct buf *out;
	bool memory; /* is out */
	bool bytes;  /* some text was not UTF-8 */
};

static void
put(struct writer *w, const char *p, size_t n)
{
	if (buf_add(w->out, p, n) == -1)
		w->memory = true;
}

static void
puts_(struct writer *w, const char *s)
{
	put(w, s, strlen(s));
}

static void
put_text(struct writer *w, const char *s)
{
	const size_t n = strlen(s);
	size_t from = 0;
	char escape[8];

	if (!text_is_utf8(s, n))
		w->bytes = true;
	put(w, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		put(w, s + from, i - from);
		if (c >= ' ')
			snprintf(escape, sizeof(escape), "\\%c", c);
		else
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		puts_(w, escape);
		from = i + 1;
	}
	put(w, s + from, n - from);
	put(w, "\"", 1);
}

/* Behind the first, with a comma. */
static void
name(struct writer *w, const char *key)
{
	if (w->out->len > 0 && w->out->data[w->out->len - 1] != '{')
		put(w, ",", 1);
	put(w, "\"", 1);
	puts_(w, key);
	put(w, "\":", 2);
}

static void
text(struct writer *w, const char *key, const char *s)
{
	name(w, key);
	put_text(w, s);
}

static void
number(struct writer *w, const char *key, int64_t v)
{
	char digits[24];

	name(w, key);
	snprintf(digits, sizeof(digits), "%" PRId64, v);
	puts_(w, digits);
}

static void
truth(struct writer *w, const char *key, bool is)
{
	name(w, key);
	puts_(w, is ? "true" : "false");
}

static void
hex(struct writer *w, const char *key, const uint8_t *p, size_t n)
{
	char digits[2 * MAIL_BESIDE_HEADER + 1];

	text_hex(p, n, digits);
	text(w, key, digits);
	secret_wipe(digits, sizeof(digits));
}

/* ---- what is written ---- */

static void
person(struct writer *w, const struct mail_person *p)
{
	put(w, "[", 1);
	put_text(w, p->name);
	put(w, ",", 1);
	put_text(w, p->address);
	put(w, "]", 1);
}

static void
people(struct writer *w, const struct manifest *m)
{
	put(w, "[", 1);
	for (size_t i = 0; i < m->n_to; i++) {
		if (i > 0)
			put(w, ",", 1);
		person(w, &m->to[i]);
	}
	put(w, "]", 1);
}

static void
beside(struct writer *w, const struct mail_beside *b)
{
	char id[ID_TEXT_LEN];

	id_format(&b->id, id);
	put(w, "{", 1);
	text(w, "id", id);
	hex(w, "key", b->key, sizeof(b->key));
	hex(w, "header", b->header, sizeof(b->header));
	number(w, "chunks", b->chunks);
	put(w, "}", 1);
}

static void
part(struct writer *w, const struct mail_part *p)
{
	put(w, "{", 1);
	number(w, "depth", p->depth);
	text(w, "type", p->type);
	text(w, "charset", p->charset);
	text(w, "name", p->name);
	text(w, "cid", p->cid);
	truth(w, "leaf", p->leaf);
	truth(w, "attached", p->attached);
	text(w, "encoding", manifest_encoding[p->encoding]);
	number(w, "offset", (int64_t)p->offset);
	number(w, "length", (int64_t)p->length);
	number(w, "size", (int64_t)p->size);
	hex(w, "sha256", p->sha256, sizeof(p->sha256));
	if (manifest_is_beside(p)) {
		name(w, "beside");
		beside(w, &p->beside);
	}
	if (p->box > 0) {
		name(w, "box");
		put(w, "{", 1);
		number(w, "part", (int64_t)p->box - 1);
		number(w, "skip", (int64_t)p->skip);
		put(w, "}", 1);
	}
	put(w, "}", 1);
}

static void
parts(struct writer *w, const struct manifest *m)
{
	put(w, "[", 1);
	for (size_t i = 0; i < m->n_parts; i++) {
		if (i > 0)
			put(w, ",", 1);
		part(w, &m->parts[i]);
	}
	put(w, "]", 1);
}

static void
connection(struct writer *w, const struct mail_connection *c)
{
	put(w, "{", 1);
	text(w, "client", c->client);
	text(w, "helo", c->helo);
	text(w, "tls", c->tls);
	text(w, "certificate", c->certificate);
	text(w, "account", c->account);
	put(w, "}", 1);
}

static void
all(struct writer *w, const struct manifest *m)
{
	put(w, "{", 1);
	number(w, "version", manifest_version(m));
	text(w, "subject", m->subject);
	text(w, "message_id", m->message_id);
	text(w, "in_reply_to", m->in_reply_to);
	number(w, "date", m->date);
	name(w, "from");
	person(w, &m->from);
	name(w, "to");
	people(w, m);
	name(w, "parts");
	parts(w, m);
	number(w, "text_part", m->text_part);
	number(w, "html_part", m->html_part);
	truth(w, "ambiguous", m->ambiguous);
	truth(w, "cut", m->cut);
	number(w, "size", (int64_t)m->size);
	hex(w, "sha256", m->sha256, sizeof(m->sha256));
	if (m->connection.client[0] != '\0') {
		name(w, "connection");
		connection(w, &m->connection);
	}
	if (m->automatic)
		truth(w, "automatic", true);
	put(w, "}", 1);
}

int
manifest_encode(const struct manifest *m, struct buf *out, struct err *e)
{
	struct writer w = {.out = out};

	all(&w, m);
	if (w.bytes)
		return err_set(e, ERR_INTERNAL, "manifest does not encode");
	return w.memory ? err_set(e, ERR_INTERNAL, "memory") : 0;
}
