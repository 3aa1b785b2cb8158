/*
 * Any bytes are a header: what is made of them has our lines first and ours alone, is
 * tagged, with a tag of ours or one from the bytes, and made from that once more it is the
 * same. What a server must take for them does not depend on the pieces they come in.
 */
#include "fuzz_mail.h"

#include <strings.h>

#include "mail/fields.h"
#include "mail/forward.h"

static const char ours[] = "X-Restante-Sender: not proved\r\n";

/* Fields that begin like ours, but for the trace. */
static unsigned
claims(const struct buf *b)
{
	const uint8_t *p = b->data, *end = b->data + b->len, *lf;
	size_t n = strlen(MAIL_OURS);
	unsigned count = 0;

	for (; p < end; p = lf + 1) {
		if ((size_t)(end - p) > n &&
		    strncasecmp((const char *)p, MAIL_OURS, n) == 0 &&
		    fields_name(p, (size_t)(end - p)) > n &&
		    strncasecmp((const char *)p, MAIL_OURS_TRACE,
			strlen(MAIL_OURS_TRACE)) != 0)
			count++;
		lf = memchr(p, '\n', (size_t)(end - p));
		if (lf == NULL)
			break;
	}
	return count;
}

static void
shape(const uint8_t *p, size_t n)
{
	struct mail_shape whole = {0}, pieces = {0};
	bool eight = false, binary = false;

	for (size_t i = 0; i < n; i++) {
		const bool cr = i > 0 && p[i - 1] == '\r';

		eight = eight || p[i] > 127;
		binary = binary || p[i] == 0 || cr != (p[i] == '\n');
	}
	binary = binary || (n > 0 && p[n - 1] == '\r');
	mail_shape_add(&whole, p, n);
	mail_shape_end(&whole);
	mail_shape_add(&pieces, p, n / 3);
	mail_shape_add(&pieces, p + n / 3, n - n / 3);
	mail_shape_end(&pieces);
	if (whole.eight != eight || whole.binary != binary ||
	    pieces.eight != eight || pieces.binary != binary)
		abort();
}

/* A tag from the bytes up to a LF, when it is one; gives what it took. */
static size_t
tag_take(const uint8_t *p, size_t n, char out[MAIL_TAG_MAX + 2])
{
	size_t len = 0;

	while (len < n && len <= MAIL_TAG_MAX && p[len] != '\n')
		len++;
	memcpy(out, p, len);
	out[len] = '\0';
	if (!mail_tag_ok(out))
		out[0] = '\0';
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const tags[] = {
	    "", "[secure]", "[gesch\xc3\xbctzt]", "=?utf-8?q?x?="};
	struct mail_forward f = {
	    .lines = ours, .message_id = "1@acme.localhost", .date = 1};
	struct buf once = BUF_INIT, twice = BUF_INIT;
	char tag[MAIL_TAG_MAX + 2];
	size_t took = 1;

	shape(p, n);
	if (n == 0)
		return 0;
	f.tag = tags[p[0] % 4];
	if (p[0] % 5 == 4) {
		took += tag_take(p + 1, n - 1, tag);
		f.tag = tag;
	}
	if (mail_forward_head(p + took, n - took, &f, &once, NULL) == -1 ||
	    mail_forward_head(once.data, once.len, &f, &twice, NULL) == -1)
		abort();
	if (once.len < sizeof(ours) - 1 ||
	    memcmp(once.data, ours, sizeof(ours) - 1) != 0 ||
	    claims(&once) != 1)
		abort();
	if (once.len != twice.len ||
	    memcmp(once.data, twice.data, once.len) != 0)
		abort();
	buf_free(&once);
	buf_free(&twice);
	return 0;
}
