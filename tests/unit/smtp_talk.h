/*
 * smtp_talk.h: dialogues with an SMTP session, for its tests: each is fed whole, byte by
 * byte and in odd pieces, and must be answered with the same bytes every time.
 */
#ifndef TESTS_SMTP_TALK_H
#define TESTS_SMTP_TALK_H

#include <stdio.h>

#include "smtp_fake.h"

/* A packet's end where one must stand: behind STARTTLS. */
#define NEXT "\x01"

#define HELLO    "EHLO client.example\r\n"
#define FROM     "MAIL FROM:<x@away.example>\r\n"
#define TO       "RCPT TO:<a@acme.example>\r\n"
#define MESSAGE  "DATA\r\nSubject: s\r\n\r\nbody\r\n.\r\n"
#define QUIT     "QUIT\r\n"
#define STARTTLS "STARTTLS\r\n" NEXT
/* NUL alice@acme.example NUL correct horse */
#define ALICE "AGFsaWNlQGFjbWUuZXhhbXBsZQBjb3JyZWN0IGhvcnNl"

#define S_HELLO   "250, "
#define S_MAIL    "250 2.1.0, "
#define S_RCPT    "250 2.1.5, "
#define S_MESSAGE "354, 250 2.0.0, "
#define S_QUIT    "221 2.0.0, "

struct dialogue {
	const char *name;
	const char *in;
	const char *want; /* code and enhanced status of each reply */
	size_t messages;
	bool tls; /* implicit */
};

/* "250-a\r\n250 b\r\n503 5.5.1 c\r\n" to "250, 503 5.5.1, ". */
static void
summary(struct buf *out, struct buf *want)
{
	const char *at = buf_cstr(out), *end;
	unsigned a, b, c;

	while ((end = strstr(at, "\r\n")) != NULL) {
		assert_true(end - at >= 4);
		assert_true(end - at <= 510);
		if (at[3] == ' ') {
			assert_int_equal(buf_addf(want, "%.3s", at), 0);
			if (sscanf(at + 4, "%u.%u.%u", &a, &b, &c) == 3)
				assert_int_equal(
				    buf_addf(want, " %u.%u.%u", a, b, c), 0);
			assert_int_equal(buf_adds(want, ", "), 0);
		} else
			assert_int_equal(at[3], '-');
		at = end + 2;
	}
	assert_int_equal(*at, '\0');
}

/* One run; step 0 is a packet at a time. Returns all replies. */
static void
run(const struct dialogue *d, const struct smtp_settings *set, bool front,
    size_t step, struct buf *out)
{
	struct smtp_session *s;
	const char *at = d->in, *stop;
	enum smtp_next next = SMTP_MORE;

	fake_reset();
	fake.chunk = step % 5; /* however it is cut to be sealed */
	s = smtp_session_new(set, "192.0.2.1", d->tls);
	assert_non_null(s);
	if (front)
		smtp_session_front(s);
	while (*at != '\0' && next != SMTP_CLOSE) {
		stop = strpbrk(at, NEXT);
		if (stop == NULL)
			stop = at + strlen(at);
		while (at < stop && next != SMTP_CLOSE) {
			size_t n = (size_t)(stop - at);
			int shaken = fake.handshakes;
			struct buf got = BUF_INIT;

			if (step > 0 && n > step)
				n = step;
			next = fake_packet(s, at, n, &got);
			at += n;
			/* What else was sent before the handshake is lost. */
			if (fake.handshakes > shaken)
				at = stop;
			assert_int_equal(buf_add(out, got.data, got.len), 0);
			buf_free(&got);
		}
		at = *stop == '\0' ? stop : stop + 1;
	}
	smtp_session_free(s);
	assert_int_equal(fake.drafts, 0);
	assert_int_equal(fake.envelopes, 0);
}

static void
talk_all(const struct dialogue *dialogues, size_t n,
    const struct smtp_settings *set, bool front)
{
	static const size_t steps[] = {1, 2, 3, 7, 61};

	for (size_t i = 0; i < n; i++) {
		const struct dialogue *d = &dialogues[i];
		struct buf whole = BUF_INIT, got = BUF_INIT, sum = BUF_INIT;

		run(d, set, front, 0, &whole);
		summary(&whole, &sum);
		if (strcmp(buf_cstr(&sum), d->want) != 0)
			fail_msg("%s:\n want %s\n got  %s", d->name, d->want,
			    buf_cstr(&sum));
		if (fake.messages != d->messages)
			fail_msg("%s: %zu messages", d->name, fake.messages);
		for (size_t k = 0; k < sizeof(steps) / sizeof(*steps); k++) {
			buf_clear(&got);
			run(d, set, front, steps[k], &got);
			if (got.len != whole.len ||
			    memcmp(got.data, whole.data, got.len) != 0)
				fail_msg("%s, by %zu bytes: %s", d->name,
				    steps[k], buf_cstr(&got));
			assert_int_equal(fake.messages, d->messages);
		}
		buf_free(&whole);
		buf_free(&got);
		buf_free(&sum);
	}
}

/* A session in the middle of things, for tests that need more than a dialogue. */
static struct smtp_session *
session(bool tls, const char *in)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	fake_reset();
	s = smtp_session_new(&fake_settings, "192.0.2.1", tls);
	assert_non_null(s);
	assert_int_equal(fake_packet(s, in, strlen(in), &out), SMTP_MORE);
	buf_free(&out);
	return s;
}

static void
expect(struct smtp_session *s, const char *in, size_t n, const char *want,
    enum smtp_next next)
{
	struct buf out = BUF_INIT, sum = BUF_INIT;

	assert_int_equal(fake_packet(s, in, n, &out), next);
	summary(&out, &sum);
	assert_string_equal(buf_cstr(&sum), want);
	buf_free(&out);
	buf_free(&sum);
}

static void
say(struct smtp_session *s, const char *in, const char *want)
{
	expect(s, in, strlen(in), want, SMTP_MORE);
}

#endif
