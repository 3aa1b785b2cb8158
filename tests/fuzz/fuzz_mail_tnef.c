/*
 * Any bytes are a winmail.dat: what is found in it lies in it, and is the same whatever the
 * pieces it comes in.
 */
#include "fuzz_mail.h"

#include "base/text.h"
#include "mail/tnef.h"

struct found {
	struct tnef_item item[64];
	size_t n, all, size;
};

static int
take(void *arg, const struct tnef_item *item, struct err *e)
{
	struct found *f = arg;

	(void)e;
	if (item->skip > f->size || item->size > f->size - item->skip ||
	    !text_is_utf8(item->name, strlen(item->name)) ||
	    strpbrk(item->name, "/\\\n") != NULL)
		abort();
	if (f->n < 64)
		f->item[f->n++] = *item;
	f->all++;
	return 0;
}

static void
read_in(const uint8_t *p, size_t n, size_t step, struct found *f)
{
	struct tnef *t = tnef_new(take, f);

	memset(f, 0, sizeof(*f));
	f->size = n;
	if (t == NULL)
		abort();
	for (size_t at = 0; at < n; at += step)
		if (tnef_add(t, p + at, n - at < step ? n - at : step, NULL) ==
		    -1)
			abort();
	if (tnef_end(t, NULL) == -1)
		abort();
	tnef_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct found whole, pieces;

	if (n == 0)
		return 0;
	read_in(p + 1, n - 1, n, &whole);
	read_in(p + 1, n - 1, (size_t)p[0] % 64 + 1, &pieces);
	if (whole.all != pieces.all ||
	    memcmp(whole.item, pieces.item, sizeof(whole.item)) != 0)
		abort();
	return 0;
}
