/*
 * Any bytes are HTML: its text is valid UTF-8.
 */
#include "fuzz_mail.h"

#include "base/text.h"

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const charsets[] = {
	    "", "utf-8", "iso-8859-1", "shift_jis"};
	struct buf out = BUF_INIT;

	if (n == 0)
		return 0;
	if (mail_html_text(p + 1, n - 1, charsets[p[0] % 4], &out, NULL) ==
		-1 ||
	    !text_is_utf8((const char *)out.data, out.len))
		abort();
	buf_free(&out);
	return 0;
}
