/*
 * decode.c: GMime's filters for transfer encodings, piece by piece.
 */
#include "mail/decode.h"

#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

/*
 * What the filter is given at once, whatever comes: where it is cut shows in what GMime
 * makes of a damaged or uuencoded part, and its digest was taken of pieces of this size.
 */
#define PIECE 16384

struct mail_decoder {
	GMimeFilter *filter; /* NULL: as they are */
	size_t have;
	char piece[]; /* PIECE of them, with a filter */
};

static GMimeContentEncoding
gmime_encoding(enum mail_encoding enc)
{
	switch (enc) {
	case MAIL_ENC_IDENTITY:
		break;
	case MAIL_ENC_BASE64:
		return GMIME_CONTENT_ENCODING_BASE64;
	case MAIL_ENC_QP:
		return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	case MAIL_ENC_UU:
		return GMIME_CONTENT_ENCODING_UUENCODE;
	}
	return GMIME_CONTENT_ENCODING_BINARY;
}

struct mail_decoder *
mail_decoder_new(enum mail_encoding enc)
{
	const size_t n = sizeof(struct mail_decoder) +
	    (enc == MAIL_ENC_IDENTITY ? 0 : PIECE);
	struct mail_decoder *d = malloc(n);

	if (d == NULL)
		return NULL;
	memset(d, 0, sizeof(*d));
	if (enc != MAIL_ENC_IDENTITY)
		d->filter = g_mime_filter_basic_new(gmime_encoding(enc), FALSE);
	return d;
}

static int
piece_decode(struct mail_decoder *d, mail_sink sink, void *arg, struct err *e)
{
	size_t len, before;
	char *out;

	g_mime_filter_filter(
	    d->filter, d->piece, d->have, 0, &out, &len, &before);
	d->have = 0;
	return len > 0 ? sink(arg, out, len, e) : 0;
}

int
mail_decoder_add(struct mail_decoder *d, const void *p, size_t n,
    mail_sink sink, void *arg, struct err *e)
{
	const char *in = p;
	size_t take;

	if (d->filter == NULL)
		return n > 0 ? sink(arg, p, n, e) : 0;
	for (; n > 0; in += take, n -= take) {
		take = PIECE - d->have < n ? PIECE - d->have : n;
		memcpy(d->piece + d->have, in, take);
		d->have += take;
		if (d->have < PIECE)
			continue;
		if (piece_decode(d, sink, arg, e) == -1)
			return -1;
	}
	return 0;
}

int
mail_decoder_end(
    struct mail_decoder *d, mail_sink sink, void *arg, struct err *e)
{
	size_t len = 0, before;
	char *out;

	if (d->filter == NULL)
		return 0;
	if (d->have > 0 && piece_decode(d, sink, arg, e) == -1)
		return -1;
	g_mime_filter_complete(d->filter, d->piece, 0, 0, &out, &len, &before);
	return len > 0 ? sink(arg, out, len, e) : 0;
}

void
mail_decoder_free(struct mail_decoder *d)
{
	if (d == NULL)
		return;
	if (d->filter != NULL) {
		secret_wipe(d->piece, PIECE);
		g_object_unref(d->filter);
	}
	free(d);
}
