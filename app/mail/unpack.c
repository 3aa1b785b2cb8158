/*
 * Such a part is decoded once more: what is done with its text is known when all parts are.
 */
#include "mail/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/tnef.h"
#include "mail/type.h"

struct unpack {
	struct manifest *m;
	struct tnef *tnef;
	struct mail_part part; /* the winmail.dat */
};

static bool
is_winmail(const struct mail_part *p)
{
	return strcmp(p->type, "application/ms-tnef") == 0 ||
	    strcmp(p->type, "application/vnd.ms-tnef") == 0 ||
	    text_equal_ci(p->name, "winmail.dat");
}

/* None, or not the message's own. */
static bool
is_free(const struct manifest *m, int no)
{
	return no == -1 || m->parts[no].box > 0;
}

/* Whether the text inside is to be shown: the message has none of its own. */
static bool
is_shown(const struct manifest *m, enum tnef_kind kind)
{
	return is_free(m, m->text_part) && is_free(m, m->html_part) &&
	    (kind == TNEF_TEXT ? m->text_part : m->html_part) == -1;
}

static void
item_describe(
    const struct unpack *u, const struct tnef_item *item, struct mail_part *p)
{
	*p = u->part;
	p->no = (uint32_t)u->m->n_parts;
	p->depth++;
	p->box = u->part.no + 1;
	p->skip = item->skip;
	p->size = item->size;
	p->attached = item->kind == TNEF_FILE;
	memcpy(p->sha256, item->sha256, sizeof(p->sha256));
	text_cut(p->name, sizeof(p->name), item->name);
	text_cut(p->cid, sizeof(p->cid), item->cid);
	text_cut(p->charset, sizeof(p->charset), item->charset);
	text_cut(p->type, sizeof(p->type), item->type);
	text_lower(p->type);
	if (item->kind == TNEF_TEXT)
		text_cut(p->type, sizeof(p->type), "text/plain");
	else if (item->kind == TNEF_HTML)
		text_cut(p->type, sizeof(p->type), "text/html");
	else if (!type_is_valid(p->type) || text_starts(p->type, "multipart/"))
		text_cut(p->type, sizeof(p->type), "application/octet-stream");
}

/* Room for one more: parse.c made it for 8, and 2, 4, 8 times as many. */
static int
part_room(struct manifest *m)
{
	struct mail_part *parts;
	const size_t n = m->n_parts;

	if (n < 8 || (n & (n - 1)) != 0)
		return 0;
	parts = realloc(m->parts, 2 * n * sizeof(*parts));
	if (parts == NULL)
		return -1;
	m->parts = parts;
	return 0;
}

static int
item_take(void *arg, const struct tnef_item *item, struct err *e)
{
	struct unpack *u = arg;
	struct manifest *m = u->m;

	if (item->kind != TNEF_FILE && !is_shown(m, item->kind))
		return 0;
	if (m->n_parts == LIMIT_MIME_PARTS ||
	    u->part.depth == LIMIT_MIME_DEPTH) {
		m->cut = true;
		return 0;
	}
	if (part_room(m) == -1)
		return err_set(e, ERR_INTERNAL, "memory");
	item_describe(u, item, &m->parts[m->n_parts]);
	if (item->kind == TNEF_TEXT)
		m->text_part = (int)m->n_parts;
	else if (item->kind == TNEF_HTML)
		m->html_part = (int)m->n_parts;
	m->n_parts++;
	return 0;
}

static int
sink(void *arg, const void *p, size_t n, struct err *e)
{
	struct unpack *u = arg;

	return tnef_add(u->tnef, p, n, e);
}

static int
unpack_part(struct unpack *u, const struct mail_source *src, struct err *e)
{
	int r;

	if ((u->tnef = tnef_new(item_take, u)) == NULL)
		return err_set(e, ERR_INTERNAL, "memory");
	r = mail_part_decode(src, &u->part, sink, u, e);
	if (r == 0)
		r = tnef_end(u->tnef, e);
	tnef_free(u->tnef);
	return r;
}

int
unpack_parts(const struct mail_source *src, struct manifest *m, struct err *e)
{
	struct unpack u = {.m = m};
	const size_t n = m->n_parts;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!m->parts[i].leaf || !is_winmail(&m->parts[i]))
			continue;
		u.part = m->parts[i];
		r = unpack_part(&u, src, e);
	}
	return r;
}
