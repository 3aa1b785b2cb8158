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
#include "mail/levels.h"
#include "mail/lines.h"
#include "mail/measure.h"
#include "mail/unpack.h"

/* Octets of MIME fields in all of a message: some 2,000 files with long names. */
#define COST_MAX ((size_t)400 * 1024)

/* Else a boundary, or a CR in front of one, could lie where a line is cut. */
_Static_assert(LIMIT_SMTP_DATA_LINE <= LINES_WINDOW,
    "lines that are taken are read whole");

enum place { IN_HEADER, IN_CONTENT, BETWEEN, STOPPED };

struct walk {
	struct manifest *m;
	struct lines *lines;
	const struct mail_known *known; /* of the message, or NULL */
	EVP_MD_CTX *digest;             /* NULL: it is known */
	enum place place;
	struct buf header;  /* of the entity being read, its fields alone */
	size_t header_size; /* with the lines that are no fields */
	bool own;           /* the message has fields beside Received */
	bool skip;          /* the last line was none */
	bool odd;           /* where this header ends is a matter of opinion */
	uint32_t depth;     /* of that entity */
	const char *fallback; /* its type where it names none */
	size_t cost;          /* of all headers: octets of MIME fields */
	size_t end;           /* octets of the first line's end: 2 for CRLF */
	bool other_end;       /* the last line ended in another way */
	bool *attachment;     /* by part: what Content-Disposition says */
	uint64_t content_end; /* of the last line, without its line end */
	struct measure *measure;
	uint64_t measured;   /* content before that offset was */
	uint8_t last_end[2]; /* what stands at it, when it left the window */
	size_t last_end_n;
	bool failed; /* to measure what left it */
	struct levels levels;
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
	const struct walk *w = arg;

	EVP_DigestUpdate(w->digest, p, n);
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

/* Readers disagree about the tree: nobody is shown one. */
static void
give_up(struct walk *w)
{
	w->m->ambiguous = true;
	w->place = STOPPED;
}

static int
multipart_begin(struct walk *w, const struct head *head, struct err *e)
{
	int r = levels_open(&w->levels, head->boundary, w->depth, head->digest);

	w->place = BETWEEN;
	if (r == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	if (r == 1)
		give_up(w);
	return 0;
}

/* Whoever ends the header elsewhere has other fields of these. */
static bool
is_ambiguous(const struct walk *w, const struct head *head)
{
	return head->ambiguous ||
	    (w->odd &&
		(head->multipart || head->part.encoding != MAIL_ENC_IDENTITY));
}

/* The message is this part alone, and what it holds was digested as it came. */
static bool
is_known(const struct walk *w, const struct mail_part *part)
{
	return w->known != NULL && part->depth == 0 &&
	    part->encoding == MAIL_ENC_IDENTITY &&
	    part->offset == w->known->body;
}

static void
known_take(struct walk *w, struct mail_part *part)
{
	part->length = part->size = w->lines->src->size - part->offset;
	memcpy(part->sha256, w->known->body_sha256, sizeof(part->sha256));
	w->place = STOPPED;
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
	if (is_ambiguous(w, &head)) {
		give_up(w);
		return 0;
	}
	w->cost += head.cost;
	part = w->cost <= COST_MAX ? part_new(w) : NULL;
	if (w->cost > COST_MAX)
		w->m->cut = true;
	if (part == NULL)
		return w->m->cut ? 0 : err_set(e, ERR_INTERNAL, "memory");
	*part = head.part;
	part->no = (uint32_t)w->m->n_parts;
	part->depth = w->depth;
	part->leaf = !head.multipart;
	w->attachment[w->m->n_parts++] = head.attachment;
	if (head.multipart && w->depth < LIMIT_MIME_DEPTH)
		return multipart_begin(w, &head, e);
	if (head.multipart) {
		part->leaf = true;
		w->m->cut = true;
	}
	part->offset = w->measured = offset;
	w->last_end_n = 0;
	if (is_known(w, part)) {
		known_take(w, part);
		return 0;
	}
	w->place = IN_CONTENT;
	return measure_begin(w->measure, part->encoding, e);
}

/* Measures the content up to `end`, which is in the window. */
static int
content_measure(struct walk *w, uint64_t end, struct err *e)
{
	if (end <= w->measured)
		return 0;
	if (w->last_end_n > 0) {
		const size_t n = w->last_end_n;

		w->measured += n;
		w->last_end_n = 0;
		if (measure_add(w->measure, w->last_end, n, e) == -1)
			return -1;
	}
	if (end <= w->measured)
		return 0;
	if (measure_add(w->measure, lines_at(w->lines, w->measured),
		(size_t)(end - w->measured), e) == -1)
		return -1;
	w->measured = end;
	return 0;
}

/* Whether the end of the last line is content too is not known before the next. */
static void
lines_leave(void *arg)
{
	struct walk *w = arg;
	const uint64_t gone = w->lines->read - w->lines->len + w->lines->head;

	if (w->place != IN_CONTENT || gone <= w->measured || w->failed)
		return;
	if (content_measure(w, w->content_end, NULL) == -1) {
		w->failed = true;
		return;
	}
	if (gone > w->measured && w->last_end_n == 0) {
		w->last_end_n = (size_t)(gone - w->measured);
		memcpy(w->last_end, lines_at(w->lines, w->measured),
		    w->last_end_n);
	}
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
		if (content_measure(w, end, e) == -1 ||
		    measure_end(w->measure, part, e) == -1)
			return -1;
	}
	if (w->place != STOPPED)
		w->place = BETWEEN;
	return 0;
}

static int
boundary_take(struct walk *w, size_t at, bool last, struct err *e)
{
	struct level *l = &w->levels.level[at];

	w->odd = w->odd || w->header_size > 0;
	if (entity_end(w, w->content_end, e) == -1)
		return -1;
	if (w->place == STOPPED)
		return 0;
	levels_keep(&w->levels, at + 1);
	if (last) {
		l->closed = true;
		return 0;
	}
	w->place = IN_HEADER;
	w->depth = l->depth + 1;
	w->fallback = l->digest ? "message/rfc822" : "text/plain";
	w->header_size = 0;
	w->skip = w->odd = false;
	buf_clear(&w->header);
	return 0;
}

static bool
is_mailbox_line(const struct line *line)
{
	return (line->text > 5 && memcmp(line->p, "From ", 5) == 0) ||
	    (line->text > 6 && memcmp(line->p, ">From ", 6) == 0);
}

/* A fold of blanks alone, which some take for the header's end. */
static bool
is_blank(const struct line *line)
{
	for (size_t i = 0; i < line->text; i++)
		if (line->p[i] != ' ' && line->p[i] != '\t')
			return false;
	return line->start && line->text > 0;
}

/* With blanks before its colon it is no field to some, and the header ends. */
static bool
is_spaced(const struct line *line, size_t name)
{
	return name > 0 && line->p[name] != ':';
}

/* A NUL, or a CR alone, at which some end the value or the line; a blank of some. */
static bool
has_control(const struct line *line)
{
	static const char odd[] = {'\0', '\r', '\v', '\f'};

	for (size_t i = 0; i < sizeof(odd); i++)
		if (memchr(line->p, odd[i], line->text) != NULL)
			return true;
	return false;
}

/* Only the fields go on to GMime: a line that is none, with its folds, is passed over. */
static bool
is_of_field(struct walk *w, const struct line *line)
{
	size_t name = 0;

	if (!line->start)
		return !w->skip;
	if (line->p[0] == ' ' || line->p[0] == '\t') {
		w->skip = w->skip || w->header.len == 0;
	} else {
		name = fields_name(line->p, line->text);
		w->skip = name == 0;
	}
	if (is_blank(line) || is_spaced(line, name) || has_control(line) ||
	    (w->skip && (w->depth > 0 || w->own || !is_mailbox_line(line))))
		w->odd = true;
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
	return name == 0 && !is_mailbox_line(line);
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

/*
 * What the line is to the multiparts around it. Some see line ends in CR and LF alone, some
 * in CRLF alone: a boundary has to stand between two that are like the first.
 */
static enum levels_line
boundary_find(struct walk *w, const struct line *line, size_t *at)
{
	const uint8_t *end = line->p + line->text, *cr = line->p;
	const size_t ends = line->n - line->text;
	enum levels_line is = LEVELS_NONE;
	bool odd = w->other_end;

	w->end = w->end == 0 ? ends : w->end;
	w->other_end = ends != 0 && ends != w->end;
	if (w->levels.n == 0)
		return LEVELS_NONE;
	if (line->start)
		is = levels_match(&w->levels, line->p, line->text, at);
	if (is != LEVELS_NONE)
		return odd || w->other_end ? LEVELS_UNSURE : is;
	while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
		cr++;
		if (levels_match(&w->levels, cr, (size_t)(end - cr), at) !=
		    LEVELS_NONE)
			return LEVELS_UNSURE;
	}
	return LEVELS_NONE;
}

static int
walk_line(struct walk *w, const struct line *line, struct err *e)
{
	size_t at = 0;
	enum levels_line is = boundary_find(w, line, &at);
	int r = 0;

	if (is == LEVELS_UNSURE)
		give_up(w);
	else if (is != LEVELS_NONE)
		r = boundary_take(w, at, is == LEVELS_LAST, e);
	else if (w->place == IN_HEADER)
		r = header_line(w, line, e);
	w->content_end = line->offset + line->text;
	return r;
}

/* All lines, or as many as there is something to learn from. */
static int
lines_walk(struct walk *w, struct err *e)
{
	struct line line;
	int r;

	while ((r = lines_next(w->lines, &line, e)) == 1 && !w->failed) {
		if (w->place != STOPPED && walk_line(w, &line, e) == -1)
			return -1;
		if (w->place == STOPPED && w->known != NULL)
			return 0;
	}
	if (w->failed)
		return err_set(e, ERR_INTERNAL, "memory");
	return r == -1 ? -1 : entity_end(w, w->lines->read, e);
}

static int
walk(struct walk *w, struct err *e)
{
	if (w->known == NULL) {
		w->lines->seen = hash;
		if ((w->digest = EVP_MD_CTX_new()) == NULL ||
		    EVP_DigestInit_ex(w->digest, EVP_sha256(), NULL) != 1)
			return err_set(e, ERR_INTERNAL, "memory");
	}
	w->lines->leaving = lines_leave;
	w->lines->arg = w;
	if (lines_walk(w, e) == -1)
		return -1;
	if (w->known == NULL) {
		w->m->size = w->lines->read;
		EVP_DigestFinal_ex(w->digest, w->m->sha256, NULL);
	} else {
		w->m->size = w->lines->src->size;
		memcpy(w->m->sha256, w->known->sha256, sizeof(w->m->sha256));
	}
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
	struct walk w = {
	    .known = src->known, .place = IN_HEADER, .fallback = "text/plain"};
	int result = -1;

	*out = NULL;
	w.m = manifest_new();
	w.lines = lines_new(src);
	w.measure = measure_new();
	if (w.m == NULL || w.lines == NULL || w.measure == NULL) {
		err_set(e, ERR_INTERNAL, "memory");
		goto out;
	}
	if (walk(&w, e) == -1)
		goto out;
	if (w.m->ambiguous)
		w.m->n_parts = 0;
	body_choose(w.m, w.attachment);
	if (unpack_parts(src, w.m, e) == -1)
		goto out;
	*out = w.m;
	w.m = NULL;
	result = 0;
out:
	manifest_free(w.m);
	free(w.lines);
	measure_free(w.measure);
	free(w.attachment);
	levels_keep(&w.levels, 0);
	buf_free(&w.header);
	EVP_MD_CTX_free(w.digest);
	return result;
}
