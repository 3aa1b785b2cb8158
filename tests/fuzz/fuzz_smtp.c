/*
 * Any bytes at the SMTP listener. The first byte chooses TLS and how the rest is
 * cut; the replies must not depend on the cut, nor a message be taken twice.
 */
#include <stdint.h>

#include "../unit/smtp_fake.h"
#include "base/secret.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return secret_init();
}

static size_t
run(const uint8_t *p, size_t n, bool tls, size_t step, struct buf *out)
{
	struct smtp_session *s;
	enum smtp_next next = SMTP_MORE;

	fake_reset();
	s = smtp_session_new(&fake_settings, "192.0.2.1", tls);
	if (s == NULL)
		abort();
	for (size_t at = 0; at < n && next != SMTP_CLOSE; at += step) {
		next = fake_packet(
		    s, p + at, n - at < step ? n - at : step, out);
		if (fake.handshakes > 0)
			break;
	}
	smtp_session_free(s);
	if (fake.drafts != 0 || fake.envelopes != 0)
		abort();
	return fake.messages;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf whole = BUF_INIT, cut = BUF_INIT;
	size_t messages;

	if (n < 2)
		return 0;
	messages = run(p + 1, n - 1, p[0] & 1, n, &whole);
	if (run(p + 1, n - 1, p[0] & 1, 1 + (p[0] >> 1), &cut) != messages ||
	    cut.len != whole.len ||
	    (cut.len > 0 && memcmp(cut.data, whole.data, cut.len) != 0))
		abort();
	buf_free(&whole);
	buf_free(&cut);
	fake_reset();
	return 0;
}
