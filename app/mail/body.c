/*
 * The contents of parts.
 */
#include "mail/body.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/decode.h"

#define PIECE 16384

/* The first part after i that is not inside i. */
static size_t
part_after(const struct manifest *m, size_t i)
{
	uint32_t depth = m->parts[i].depth;

	for (i++; i < m->n_parts && m->parts[i].depth > depth; i++)
		continue;
	return i;
}

static void
choose_in(const struct manifest *m, const bool *attachment, size_t i, int *text,
    int *html)
{
	const struct mail_part *p = &m->parts[i];
	size_t end = part_after(m, i);
	bool alternative;

	if (p->leaf) {
		bool named = attachment[i] || p->name[0] != '\0';

		/* A message that is nothing but its text may name it. */
		if (named && (p->depth > 0 || attachment[i]))
			return;
		if (*text == -1 && strcmp(p->type, "text/plain") == 0)
			*text = (int)i;
		else if (*html == -1 && strcmp(p->type, "text/html") == 0)
			*html = (int)i;
		return;
	}
	/* In alternatives both forms are wanted; elsewhere the first body is. */
	alternative = strcmp(p->type, "multipart/alternative") == 0;
	for (i++; i < end; i = part_after(m, i)) {
		choose_in(m, attachment, i, text, html);
		if (!alternative && (*text != -1 || *html != -1))
			return;
	}
}

void
body_choose(struct manifest *m, const bool *attachment)
{
	m->text_part = m->html_part = -1;
	if (m->n_parts == 0)
		return;
	choose_in(m, attachment, 0, &m->text_part, &m->html_part);
	for (size_t i = 0; i < m->n_parts; i++)
		m->parts[i].attached = m->parts[i].leaf &&
		    (int)i != m->text_part && (int)i != m->html_part;
}

/* Of what comes: `skip` bytes are dropped, then `left` handed on. */
struct window {
	mail_sink sink;
	void *arg;
	uint64_t skip, left;
};

static int
window_sink(void *arg, const void *p, size_t n, struct err *e)
{
	struct window *w = arg;
	const size_t drop = w->skip < n ? (size_t)w->skip : n;

	w->skip -= drop;
	n -= drop;
	if (n > w->left)
		n = (size_t)w->left;
	w->left -= n;
	return n > 0 ? w->sink(w->arg, (const uint8_t *)p + drop, n, e) : 0;
}

static int
decode(const struct mail_source *src, const struct mail_part *part,
    struct mail_decoder *d, char *piece, mail_sink sink, void *arg,
    struct err *e)
{
	uint64_t at = part->offset;
	uint64_t left = part->length;

	while (left > 0) {
		size_t n = left < PIECE ? (size_t)left : PIECE;
		size_t got;

		if (src->read(src->arg, at, piece, n, &got, e) == -1)
			return -1;
		if (got == 0)
			return err_set(e, ERR_CORRUPT,
			    "part %u ends past its message",
			    (unsigned)part->no);
		if (mail_decoder_add(d, piece, got, sink, arg, e) == -1)
			return -1;
		at += got;
		left -= got;
	}
	return mail_decoder_end(d, sink, arg, e);
}

int
mail_part_decode(const struct mail_source *src, const struct mail_part *part,
    mail_sink sink, void *arg, struct err *e)
{
	struct window w = {sink, arg, part->skip, part->size};
	struct mail_decoder *d;
	char *piece;
	int r = -1;

	if (!part->leaf)
		return err_set(e, ERR_NOT_FOUND, "part %u has no content",
		    (unsigned)part->no);
	if (part->box > 0) {
		sink = window_sink;
		arg = &w;
	}
	piece = malloc(part->length < PIECE ? (size_t)part->length + 1 : PIECE);
	d = mail_decoder_new(part->encoding);
	if (piece == NULL || d == NULL)
		err_set(e, ERR_INTERNAL, "memory");
	else
		r = decode(src, part, d, piece, sink, arg, e);
	mail_decoder_free(d);
	free(piece);
	return r;
}
