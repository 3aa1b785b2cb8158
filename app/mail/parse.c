/*
 * The MIME tree of a message, flat, with the place of every part: one pass over
 * the lines that knows only headers and boundaries. What headers mean is
 * GMime's; it is given one header block at a time, so that neither the number
 * of parts nor the size of anything reaches its memory.
 */
#include "mail/parse.h"

#include <gmime/gmime.h>
#include <libxml/parser.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "mail/body.h"
#include "mail/fields.h"
#include "mail/head.h"
#include "mail/lines.h"

/* A multipart whose closing boundary has not been seen. */
struct level {
	char *boundary;
	size_t len;
	uint32_t depth;
	bool digest;
};

enum place { IN_HEADER, IN_CONTENT, BETWEEN, STOPPED };

struct walk {
	struct manifest *m;
	struct lines *lines;
	EVP_MD_CTX *digest;
	enum place place;
	struct buf header;    /* of the entity being read, its fields alone */
	size_t header_size;   /* with the lines that are no fields */
	bool own;             /* the message has fields beside Received */
	bool skip;            /* the last line was none */
	uint32_t depth;       /* of that entity */
	const char *fallback; /* its type where it names none */
	bool *attachment;     /* by part: what Content-Disposition says */
	uint64_t content_end; /* of the last line, without its line end */
	struct level level[LIMIT_MIME_DEPTH];
	size_t levels;
};

/*
 * GLib's own writer asks whether stderr is the journal, for which a process behind our
 * filter dies; and what it writes may quote a mail.
 */
static GLogWriterOutput
glib_said(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer arg)
{
	(void)fields;
	(void)n;
	(void)arg;
	if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
		log_line(LOG_LEVEL_ERROR, NULL, "gmime complained", NULL);
	return G_LOG_WRITER_HANDLED;
}

void
mail_init(void)
{
	g_log_set_writer_func(glib_said, NULL, NULL);
	g_mime_init();
	xmlInitParser();
}

static void
hash(void *arg, const uint8_t *p, size_t n)
{
	EVP_DigestUpdate(arg, p, n);
}

/* Room for one part more, or NULL with the manifest cut or memory out. */
static struct mail_part *
part_new(struct walk *w)
{
	struct manifest *m = w->m;
	size_t cap = 8;

	if (m->n_parts == LIMIT_MIME_PARTS) {
		m->cut = true;
		return NULL;
	}
	while (cap <= m->n_parts)
		cap *= 2;
	if (m->n_parts == 0 || m->n_parts == cap / 2) {
		struct mail_part *parts = realloc(
		    m->parts, cap * sizeof(*parts));
		bool *flags = realloc(w->attachment, cap * sizeof(*flags));

		if (parts != NULL)
			m->parts = parts;
		if (flags != NULL)
			w->attachment = flags;
		if (parts == NULL || flags == NULL)
			return NULL;
	}
	return &m->parts[m->n_parts];
}

static int
level_open(struct walk *w, const struct head *head, struct err *e)
{
	struct level *l = &w->level[w->levels];

	l->boundary = strdup(head->boundary);
	if (l->boundary == NULL)
		return err_set(e, ERR_INTERNAL, "memory");
	l->len = strlen(l->boundary);
	l->depth = w->depth;
	l->digest = head->digest;
	w->levels++;
	return 0;
}

static void
levels_close(struct walk *w, size_t keep)
{
	while (w->levels > keep)
		free(w->level[--w->levels].boundary);
}

/* The header of an entity is complete; its content begins at `offset`. */
static int
entity_begin(struct walk *w, uint64_t offset, struct err *e)
{
	struct mail_part *part;
	struct head head;

	w->place = STOPPED;
	if (head_entity(w->header.data, w->header.len, w->fallback, &head) ==
	    -1)
		return err_set(e, ERR_INTERNAL, "memory");
	if (w->depth == 0 &&
	    head_message(w->header.data, w->header.len, w->m) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	if (head.ambiguous) {
		w->m->ambiguous = true;
		return 0;
	}
	part = part_new(w);
	if (part == NULL)
		return w->m->cut ? 0 : err_set(e, ERR_INTERNAL, "memory");
	*part = head.part;
	part->no = (uint32_t)w->m->n_parts;
	part->depth = w->depth;
	part->leaf = !head.multipart;
	w->attachment[w->m->n_parts++] = head.attachment;
	if (head.multipart && w->depth < LIMIT_MIME_DEPTH) {
		w->place = BETWEEN;
		return level_open(w, &head, e);
	}
	if (head.multipart) {
		part->leaf = true;
		w->m->cut = true;
	}
	part->offset = offset;
	w->place = IN_CONTENT;
	return 0;
}

/* The content that was being read, if any, ended at `end`. */
static int
entity_end(struct walk *w, uint64_t end, struct err *e)
{
	if (w->place == IN_HEADER && entity_begin(w, end, e) == -1)
		return -1;
	if (w->place == IN_CONTENT) {
		struct mail_part *part = &w->m->parts[w->m->n_parts - 1];

		part->length = end > part->offset ? end - part->offset : 0;
	}
	if (w->place != STOPPED)
		w->place = BETWEEN;
	return 0;
}

/* The level whose boundary this line is, counted from 1; 0 for none. */
static size_t
boundary_match(const struct walk *w, const struct line *line, bool *last)
{
	if (line->text < 3 || line->p[0] != '-' || line->p[1] != '-')
		return 0;
	for (size_t i = w->levels; i > 0; i--) {
		const struct level *l = &w->level[i - 1];
		size_t at = 2 + l->len;

		if (line->text < at ||
		    memcmp(line->p + 2, l->boundary, l->len) != 0)
			continue;
		*last = line->text >= at + 2 && line->p[at] == '-' &&
		    line->p[at + 1] == '-';
		if (*last)
			at += 2;
		/* RFC 2046 5.1.1: what follows on the line does not count. */
		if (at == line->text || line->p[at] == ' ' ||
		    line->p[at] == '\t')
			return i;
	}
	return 0;
}

static int
boundary_take(struct walk *w, size_t level, bool last, struct err *e)
{
	const struct level *l;

	if (entity_end(w, w->content_end, e) == -1)
		return -1;
	if (w->place == STOPPED)
		return 0;
	levels_close(w, last ? level - 1 : level);
	if (last)
		return 0;
	l = &w->level[level - 1];
	w->place = IN_HEADER;
	w->depth = l->depth + 1;
	w->fallback = l->digest ? "message/rfc822" : "text/plain";
	w->header_size = 0;
	w->skip = false;
	buf_clear(&w->header);
	return 0;
}

/* Only the fields go on to GMime: a line that is none, with its folds, is passed over. */
static bool
is_of_field(struct walk *w, const struct line *line)
{
	if (!line->start)
		return !w->skip;
	if (line->p[0] == ' ' || line->p[0] == '\t')
		w->skip = w->skip || w->header.len == 0;
	else
		w->skip = fields_name(line->p, line->text) == 0;
	return !w->skip;
}

/*
 * A message of text alone, without a header of its own: a line that is no field where
 * only trace fields came before. A mailbox's "From " line is no text.
 */
static bool
is_text_alone(struct walk *w, const struct line *line)
{
	static const char received[] = "Received";
	size_t name;

	if (w->depth > 0 || w->own || !line->start || line->p[0] == ' ' ||
	    line->p[0] == '\t')
		return false;
	name = fields_name(line->p, line->text);
	w->own = name > 0 &&
	    (name != sizeof(received) - 1 ||
		strncasecmp((const char *)line->p, received, name) != 0);
	return name == 0 &&
	    !(line->text > 5 && memcmp(line->p, "From ", 5) == 0) &&
	    !(line->text > 6 && memcmp(line->p, ">From ", 6) == 0);
}

static int
header_line(struct walk *w, const struct line *line, struct err *e)
{
	if (line->start && line->text == 0 && line->p[line->n - 1] == '\n')
		return entity_begin(w, line->offset + line->n, e);
	if (is_text_alone(w, line))
		return entity_begin(w, line->offset, e);
	w->header_size += line->n;
	if (w->header_size > LIMIT_HEADER_BLOCK + MAIL_TRACE_MAX) {
		w->m->cut = true;
		w->place = STOPPED;
		if (w->depth == 0 &&
		    head_message(w->header.data, w->header.len, w->m) == -1)
			return err_set(e, ERR_INTERNAL, "memory");
		return 0;
	}
	if (is_of_field(w, line) && buf_add(&w->header, line->p, line->n) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	return 0;
}

static int
walk_line(struct walk *w, const struct line *line, struct err *e)
{
	bool last;
	size_t level = line->start ? boundary_match(w, line, &last) : 0;
	int r = 0;

	if (level > 0)
		r = boundary_take(w, level, last, e);
	else if (w->place == IN_HEADER)
		r = header_line(w, line, e);
	w->content_end = line->offset + line->text;
	return r;
}

static int
walk(struct walk *w, const struct mail_source *src, struct err *e)
{
	struct line line;
	int r;

	lines_init(w->lines, src);
	w->lines->seen = hash;
	w->lines->arg = w->digest;
	while ((r = lines_next(w->lines, &line, e)) == 1) {
		if (w->place != STOPPED && walk_line(w, &line, e) == -1)
			return -1;
	}
	if (r == -1 || entity_end(w, w->lines->read, e) == -1)
		return -1;
	w->m->size = w->lines->read;
	EVP_DigestFinal_ex(w->digest, w->m->sha256, NULL);
	return 0;
}

/* Decodes every leaf once, for its size and digest. */
static int
measure(const struct mail_source *src, struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n_parts; i++)
		if (m->parts[i].leaf &&
		    body_measure(src, &m->parts[i], e) == -1)
			return -1;
	return 0;
}

static struct manifest *
manifest_new(void)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->subject = strdup("");
	m->message_id = strdup("");
	m->in_reply_to = strdup("");
	m->text_part = m->html_part = -1;
	if (m->subject && m->message_id && m->in_reply_to)
		return m;
	manifest_free(m);
	return NULL;
}

int
mail_parse(const struct mail_source *src, struct manifest **out, struct err *e)
{
	struct walk w = {.place = IN_HEADER, .fallback = "text/plain"};
	int result = -1;

	*out = NULL;
	w.m = manifest_new();
	w.lines = malloc(sizeof(*w.lines));
	w.digest = EVP_MD_CTX_new();
	if (w.m == NULL || w.lines == NULL || w.digest == NULL ||
	    EVP_DigestInit_ex(w.digest, EVP_sha256(), NULL) != 1) {
		err_set(e, ERR_INTERNAL, "memory");
		goto out;
	}
	if (walk(&w, src, e) == -1)
		goto out;
	if (w.m->ambiguous)
		w.m->n_parts = 0;
	body_choose(w.m, w.attachment);
	if (measure(src, w.m, e) == -1)
		goto out;
	*out = w.m;
	w.m = NULL;
	result = 0;
out:
	manifest_free(w.m);
	free(w.lines);
	free(w.attachment);
	levels_close(&w, 0);
	buf_free(&w.header);
	EVP_MD_CTX_free(w.digest);
	return result;
}
