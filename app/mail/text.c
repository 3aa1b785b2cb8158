/*
 * The text of a message as a page shows it.
 */
#include "mail/parse.h"

#include <string.h>

#include "base/text.h"
#include "mail/charset.h"

/* Decoded bytes up to a limit; what comes after is counted as cut. */
struct gather {
	struct buf bytes;
	bool cut;
};

static int
gather_sink(void *arg, const void *p, size_t n, struct err *e)
{
	struct gather *g = arg;
	size_t room = LIMIT_SHOWN_TEXT - g->bytes.len;

	if (n > room) {
		g->cut = true;
		n = room;
	}
	if (buf_add(&g->bytes, p, n) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	return 0;
}

/* Cuts between two characters. */
static void
cut_to(struct buf *b, size_t from, size_t max, bool *cut)
{
	size_t len = from + max;

	if (b->len <= len)
		return;
	while (len > from && (b->data[len] & 0xc0) == 0x80)
		len--;
	b->len = len;
	*cut = true;
}

static int
show_part(const struct mail_source *src, const struct mail_part *part,
    bool html, struct buf *out, bool *cut, struct err *e)
{
	struct gather g = {BUF_INIT, false};
	int r = mail_part_decode(src, part, gather_sink, &g, e);

	if (r == 0 && html)
		r = mail_html_text(
		    g.bytes.data, g.bytes.len, part->charset, out, e);
	else if (r == 0 &&
	    charset_show(out, part->charset, g.bytes.data, g.bytes.len) == -1)
		r = err_set(e, ERR_INTERNAL, "memory");
	*cut = g.cut;
	buf_free(&g.bytes);
	return r;
}

/* Where the content of the whole message begins: after its first empty line. */
static const uint8_t *
content_of(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));

		if (lf == NULL)
			return end;
		if (lf == p || (lf == p + 1 && *p == '\r'))
			return lf + 1;
		p = lf + 1;
	}
	return end;
}

/* A message without a tree: what stands after its header, as it is. */
static int
show_raw(
    const struct mail_source *src, struct buf *out, bool *cut, struct err *e)
{
	size_t max = LIMIT_HEADER_BLOCK + LIMIT_SHOWN_TEXT;
	struct buf raw = BUF_INIT;
	const uint8_t *content;
	size_t got = 1;
	int r = 0;

	if (max > src->size)
		max = (size_t)src->size + 1;
	if (buf_reserve(&raw, max) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	while (r == 0 && got > 0 && raw.len < max) {
		r = src->read(src->arg, raw.len, raw.data + raw.len,
		    max - raw.len, &got, e);
		if (r == 0)
			raw.len += got;
	}
	content = content_of(raw.data, raw.len);
	if (r == 0 &&
	    charset_show(
		out, "", content, raw.len - (size_t)(content - raw.data)) == -1)
		r = err_set(e, ERR_INTERNAL, "memory");
	*cut = raw.len == max;
	buf_free(&raw);
	return r;
}

int
mail_text(const struct mail_source *src, const struct manifest *m,
    struct buf *out, bool *cut_out, struct err *e)
{
	const struct mail_part *part = NULL;
	size_t from = out->len;
	int r = 0;

	*cut_out = false;
	/* A multipart whose boundary never came has no part to show. */
	if (m->ambiguous || (m->n_parts == 1 && !m->parts[0].leaf))
		r = show_raw(src, out, cut_out, e);
	else if (m->text_part >= 0)
		part = manifest_part(m, (uint32_t)m->text_part);
	else if (m->html_part >= 0)
		part = manifest_part(m, (uint32_t)m->html_part);
	if (part != NULL)
		r = show_part(src, part, m->text_part < 0, out, cut_out, e);
	cut_to(out, from, LIMIT_SHOWN_TEXT, cut_out);
	return r;
}
