/*
 * The window over a source, and the source over memory.
 */
#include "mail/lines.h"

#include <stdlib.h>
#include <string.h>

static int
memory_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	const struct mail_memory *m = arg;

	(void)e;
	*got = 0;
	if (offset >= m->n)
		return 0;
	*got = n < m->n - offset ? n : m->n - (size_t)offset;
	memcpy(dst, m->p + offset, *got);
	return 0;
}

void
mail_source_memory(struct mail_source *out, struct mail_memory *m)
{
	out->read = memory_read;
	out->arg = m;
	out->size = m->n;
	out->known = NULL;
}

struct lines *
lines_new(const struct mail_source *src)
{
	const size_t window = src->size < LINES_WINDOW ? (size_t)src->size + 1 :
							 LINES_WINDOW;
	struct lines *l = malloc(sizeof(*l) + window);

	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	l->src = src;
	l->window = window;
	return l;
}

const uint8_t *
lines_at(const struct lines *l, uint64_t offset)
{
	return l->buf + (size_t)(offset - (l->read - l->len));
}

/* Makes room and reads once. */
static int
fill(struct lines *l, struct err *e)
{
	size_t got;

	if (l->leaving)
		l->leaving(l->arg);
	memmove(l->buf, l->buf + l->head, l->len - l->head);
	l->len -= l->head;
	l->head = 0;
	if (l->src->read(l->src->arg, l->read, l->buf + l->len,
		l->window - l->len, &got, e) == -1)
		return -1;
	if (got == 0) {
		l->end = true;
		return 0;
	}
	if (l->seen)
		l->seen(l->arg, l->buf + l->len, got);
	l->read += got;
	l->len += got;
	return 0;
}

static void
take(struct lines *l, size_t n, struct line *out)
{
	out->p = l->buf + l->head;
	out->n = n;
	out->text = n;
	out->offset = l->read - (l->len - l->head);
	out->start = !l->inside;
	l->inside = out->p[n - 1] != '\n';
	if (!l->inside) {
		out->text--;
		if (out->text > 0 && out->p[out->text - 1] == '\r')
			out->text--;
	}
	l->head += n;
}

int
lines_next(struct lines *l, struct line *out, struct err *e)
{
	size_t searched = 0; /* bytes past head known to hold no LF */

	for (;;) {
		size_t left = l->len - l->head;
		const uint8_t *lf = memchr(
		    l->buf + l->head + searched, '\n', left - searched);

		if (lf != NULL) {
			take(l, (size_t)(lf - (l->buf + l->head)) + 1, out);
			return 1;
		}
		if (l->end && left == 0)
			return 0;
		if (left == l->window || l->end) {
			take(l, left, out);
			return 1;
		}
		searched = left;
		if (fill(l, e) == -1)
			return -1;
	}
}
