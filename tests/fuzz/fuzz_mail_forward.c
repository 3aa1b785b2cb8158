/*
 * Any bytes are a header: what is made of them has our lines first and ours alone, is
 * tagged, and made from that once more it is the same.
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

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const tags[] = {
	    "", "[secure]", "[gesch\xc3\xbctzt]", "=?utf-8?q?x?="};
	struct mail_forward f = {
	    .lines = ours, .message_id = "1@acme.localhost", .date = 1};
	struct buf once = BUF_INIT, twice = BUF_INIT;

	if (n == 0)
		return 0;
	f.tag = tags[p[0] % 4];
	if (mail_forward_head(p + 1, n - 1, &f, &once, NULL) == -1 ||
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
