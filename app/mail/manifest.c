/*
 * Reading the manifest's JSON is strict: whatever manifest_write.c would not have
 * written is ERR_CORRUPT.
 */
#include "mail/manifest.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "mail/manifest_json.h"
#include "mail/name.h"

static int
person_read(json_t *j, struct mail_person *out)
{
	const char *name, *address;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "[ss]", &name, &address) == -1)
		return -1;
	if (text_copy(out->name, sizeof(out->name), name) == -1)
		return -1;
	return text_copy(out->address, sizeof(out->address), address);
}

static int
people_read(json_t *list, struct manifest *m)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > LIMIT_RECIPIENTS)
		return -1;
	if (n == 0)
		return 0;
	m->to = calloc(n, sizeof(*m->to));
	if (m->to == NULL)
		return -1;
	for (; m->n_to < n; m->n_to++)
		if (person_read(
			json_array_get(list, m->n_to), &m->to[m->n_to]) == -1)
			return -1;
	return 0;
}

static int
encoding_read(const char *s, enum mail_encoding *out)
{
	for (size_t i = 0; i < MANIFEST_ENCODINGS; i++) {
		if (strcmp(s, manifest_encoding[i]) == 0) {
			*out = (enum mail_encoding)i;
			return 0;
		}
	}
	return -1;
}

static int
part_strings(struct mail_part *p, const char *type, const char *charset,
    const char *name, const char *cid, const char *sha256)
{
	if (text_copy(p->type, sizeof(p->type), type) == -1 ||
	    text_copy(p->charset, sizeof(p->charset), charset) == -1 ||
	    text_copy(p->name, sizeof(p->name), name) == -1 ||
	    text_copy(p->cid, sizeof(p->cid), cid) == -1)
		return -1;
	return text_unhex(sha256, p->sha256, sizeof(p->sha256));
}

/* Where its content is, and that it is nowhere else. */
static int
beside_read(json_t *j, struct mail_part *p)
{
	struct mail_beside *b = &p->beside;
	const char *id, *key, *header;
	json_int_t chunks;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:I}", "id",
		&id, "key", &key, "header", &header, "chunks", &chunks) == -1 ||
	    id_parse(id, &b->id) == -1 || id_is_zero(&b->id) ||
	    text_unhex(key, b->key, sizeof(b->key)) == -1 ||
	    text_unhex(header, b->header, sizeof(b->header)) == -1 ||
	    chunks < 1 || chunks > UINT32_MAX)
		return -1;
	b->chunks = (uint32_t)chunks;
	return p->leaf && p->length == 0 && p->encoding == MAIL_ENC_IDENTITY ?
	    0 :
	    -1;
}

/* What it was unpacked from comes before it, and holds it. */
static int
box_read(json_t *j, const struct manifest *m, struct mail_part *p)
{
	const struct mail_part *box;
	json_int_t part, skip;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:I, s:I}", "part", &part,
		"skip", &skip) == -1 ||
	    part < 0 || part >= (json_int_t)p->no || skip < 0)
		return -1;
	box = &m->parts[part];
	p->box = (uint32_t)part + 1;
	p->skip = (uint64_t)skip;
	return p->leaf && box->leaf && box->box == 0 &&
		!manifest_is_beside(box) && p->offset == box->offset &&
		p->length == box->length && p->encoding == box->encoding &&
		p->skip <= box->size && p->size <= box->size - p->skip ?
	    0 :
	    -1;
}

static int
part_read(json_t *j, const struct manifest *m, struct mail_part *p)
{
	const char *type, *charset, *name, *cid, *encoding, *sha256;
	json_int_t offset, length, size;
	json_t *beside = NULL, *box = NULL;
	int depth, leaf, attached;

	if (json_unpack_ex(j, NULL, JSON_STRICT,
		"{s:i, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:I, s:I, s:I, s:s, "
		"s?o, s?o}",
		"depth", &depth, "type", &type, "charset", &charset, "name",
		&name, "cid", &cid, "leaf", &leaf, "attached", &attached,
		"encoding", &encoding, "offset", &offset, "length", &length,
		"size", &size, "sha256", &sha256, "beside", &beside, "box",
		&box) == -1 ||
	    part_strings(p, type, charset, name, cid, sha256) == -1 ||
	    encoding_read(encoding, &p->encoding) == -1)
		return -1;
	if (depth < 0 || depth > LIMIT_MIME_DEPTH || offset < 0 || length < 0 ||
	    size < 0 || (uint64_t)offset > m->size ||
	    (uint64_t)length > m->size - (uint64_t)offset)
		return -1;
	p->depth = (uint32_t)depth;
	p->leaf = leaf;
	p->attached = attached;
	p->offset = (uint64_t)offset;
	p->length = (uint64_t)length;
	p->size = (uint64_t)size;
	if (beside != NULL && beside_read(beside, p) == -1)
		return -1;
	if (box == NULL)
		return 0;
	return beside == NULL ? box_read(box, m, p) : -1;
}

static int
parts_read(json_t *list, struct manifest *m)
{
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n > LIMIT_MIME_PARTS)
		return -1;
	if (n == 0)
		return 0;
	m->parts = calloc(n, sizeof(*m->parts));
	if (m->parts == NULL)
		return -1;
	for (; m->n_parts < n; m->n_parts++) {
		struct mail_part *p = &m->parts[m->n_parts];

		p->no = (uint32_t)m->n_parts;
		if (part_read(json_array_get(list, m->n_parts), m, p) == -1)
			return -1;
	}
	return 0;
}

static int
connection_read(json_t *j, struct mail_connection *out)
{
	const char *client, *helo, *tls, *certificate, *account;

	if (json_unpack_ex(j, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:s, s:s}",
		"client", &client, "helo", &helo, "tls", &tls, "certificate",
		&certificate, "account", &account) == -1 ||
	    *client == '\0' ||
	    text_copy(out->client, sizeof(out->client), client) == -1 ||
	    text_copy(out->helo, sizeof(out->helo), helo) == -1 ||
	    text_copy(out->tls, sizeof(out->tls), tls) == -1 ||
	    text_copy(
		out->certificate, sizeof(out->certificate), certificate) == -1)
		return -1;
	return text_copy(out->account, sizeof(out->account), account);
}

static bool
is_leaf_or_none(const struct manifest *m, int no)
{
	return no == -1 ||
	    (no >= 0 && (size_t)no < m->n_parts && m->parts[no].leaf);
}

static int
read_all(json_t *j, struct manifest *m)
{
	const char *subject, *message_id, *in_reply_to, *sha256;
	json_t *from, *to, *parts, *connection = NULL;
	json_int_t date, size;
	int version, ambiguous, cut, automatic = -1;

	if (json_unpack_ex(j, NULL, JSON_STRICT,
		"{s:i, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:i, s:i, s:b, s:b, "
		"s:I, s:s, s?o, s?b}",
		"version", &version, "subject", &subject, "message_id",
		&message_id, "in_reply_to", &in_reply_to, "date", &date, "from",
		&from, "to", &to, "parts", &parts, "text_part", &m->text_part,
		"html_part", &m->html_part, "ambiguous", &ambiguous, "cut",
		&cut, "size", &size, "sha256", &sha256, "connection",
		&connection, "automatic", &automatic) == -1 ||
	    size < 0 || automatic == 0)
		return -1;
	m->subject = strdup(subject);
	m->message_id = strdup(message_id);
	m->in_reply_to = strdup(in_reply_to);
	m->date = date;
	m->ambiguous = ambiguous;
	m->cut = cut;
	m->automatic = automatic == 1;
	m->size = (uint64_t)size;
	if (m->subject == NULL || m->message_id == NULL ||
	    m->in_reply_to == NULL ||
	    text_unhex(sha256, m->sha256, sizeof(m->sha256)) == -1 ||
	    person_read(from, &m->from) == -1 || people_read(to, m) == -1 ||
	    parts_read(parts, m) == -1 ||
	    (connection != NULL &&
		connection_read(connection, &m->connection) == -1) ||
	    version != manifest_version(m))
		return -1;
	return is_leaf_or_none(m, m->text_part) &&
		is_leaf_or_none(m, m->html_part) ?
	    0 :
	    -1;
}

int
manifest_decode(const void *p, size_t n, struct manifest **out, struct err *e)
{
	json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, NULL);
	struct manifest *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (j == NULL || m == NULL || read_all(j, m) == -1) {
		json_decref(j);
		manifest_free(m);
		return err_set(e, ERR_CORRUPT, "manifest does not decode");
	}
	json_decref(j);
	*out = m;
	return 0;
}

static int
line_keep(char *out, size_t cap, const char *s)
{
	return mail_line_safe(s, strlen(s), cap, out, cap);
}

int
manifest_connection(
    struct manifest *m, const struct mail_connection *c, struct err *e)
{
	struct mail_connection *own = &m->connection;

	if (line_keep(own->client, sizeof(own->client), c->client) == -1 ||
	    line_keep(own->helo, sizeof(own->helo), c->helo) == -1 ||
	    line_keep(own->tls, sizeof(own->tls), c->tls) == -1 ||
	    line_keep(own->certificate, sizeof(own->certificate),
		c->certificate) == -1 ||
	    line_keep(own->account, sizeof(own->account), c->account) == -1)
		return err_set(e, ERR_UNAVAILABLE, "manifest: memory");
	return 0;
}

int
manifest_add(struct manifest *m, const char *name, const char *type,
    uint64_t size, const struct mail_beside *where, struct err *e)
{
	struct mail_part *all, *p;

	if (m->n_parts >= LIMIT_MIME_PARTS)
		return err_set(e, ERR_TOO_BIG, "manifest: too many parts");
	all = calloc(m->n_parts + 1, sizeof(*all));
	if (all == NULL)
		return err_set(e, ERR_UNAVAILABLE, "manifest: memory");
	if (m->n_parts > 0)
		memcpy(all, m->parts, m->n_parts * sizeof(*all));
	secret_wipe(m->parts, m->n_parts * sizeof(*all));
	free(m->parts);
	m->parts = all;
	p = &all[m->n_parts];
	p->no = (uint32_t)m->n_parts++;
	text_cut(p->type, sizeof(p->type), type);
	text_cut(p->name, sizeof(p->name), name);
	p->leaf = p->attached = true;
	p->size = size;
	p->beside = *where;
	return 0;
}

const struct mail_part *
manifest_part(const struct manifest *m, uint32_t no)
{
	return no < m->n_parts ? &m->parts[no] : NULL;
}

static void
string_free(char *s)
{
	if (s != NULL)
		secret_wipe(s, strlen(s));
	free(s);
}

void
manifest_free(struct manifest *m)
{
	if (m == NULL)
		return;
	string_free(m->subject);
	string_free(m->message_id);
	string_free(m->in_reply_to);
	secret_wipe(m->to, m->n_to * sizeof(*m->to));
	free(m->to);
	secret_wipe(m->parts, m->n_parts * sizeof(*m->parts));
	free(m->parts);
	secret_wipe(m, sizeof(*m));
	free(m);
}
