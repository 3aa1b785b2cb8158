/*
 * The session and the brake: answers that wait, recipients of whom nothing is told, and
 * who may not connect at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/secret.h"
#include "smtp_fake.h"

#define HELLO "EHLO client.example\r\n"

static struct {
	unsigned wait;
	bool silent;
	int admit, meet; /* what they say */
	int asked;       /* of the brake */
} says;

static int
admit(const struct desk_sender *s, struct err *e)
{
	assert_string_equal(s->client, "192.0.2.1");
	return says.admit == 0 ? 0 : err_set(e, ERR_RATE, "too many");
}

static unsigned
brake(const struct desk_sender *s, const struct desk_envelope *env,
    bool *silent_out)
{
	(void)s;
	(void)env;
	says.asked++;
	*silent_out = says.silent;
	return says.wait;
}

static int
meet(
    const struct desk_sender *s, const struct desk_envelope *env, struct err *e)
{
	(void)s;
	(void)env;
	return says.meet == 0 ? 0 : err_set(e, ERR_RATE, "too many");
}

static struct smtp_backend backend;
static struct smtp_settings settings;

static struct smtp_session *
session(void)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	fake_reset();
	backend = fake_backend;
	backend.admit = admit;
	backend.brake = brake;
	backend.meet = meet;
	settings = fake_settings;
	settings.backend = &backend;
	s = smtp_session_new(&settings, "192.0.2.1", false);
	assert_non_null(s);
	assert_int_equal(smtp_session_greet(s, &out), SMTP_MORE);
	assert_int_equal(
	    fake_packet(s, HELLO, sizeof(HELLO) - 1, &out), SMTP_MORE);
	buf_free(&out);
	return s;
}

/* One line; jobs are run, and the wait of an answer added up. */
static enum smtp_next
say(struct smtp_session *s, const char *line, struct buf *out, unsigned *waited)
{
	enum smtp_next next;
	size_t used, n = strlen(line);

	buf_clear(out);
	*waited = 0;
	next = smtp_session_feed(s, line, n, &used, out);
	assert_int_equal(used, n);
	while (next == SMTP_JOB || next == SMTP_WAIT) {
		if (next == SMTP_WAIT) {
			assert_int_equal(out->len, 0);
			*waited += smtp_session_wait(s);
		} else {
			(void)smtp_session_run(s, NULL, NULL);
		}
		next = smtp_session_done(s, out);
	}
	return next;
}

/* The same, and its answer begins so. */
static enum smtp_next
answered(struct smtp_session *s, const char *line, const char *want)
{
	struct buf out = BUF_INIT;
	unsigned waited;
	enum smtp_next next = say(s, line, &out, &waited);

	if (strncmp(buf_cstr(&out), want, strlen(want)) != 0)
		fail_msg("%s%s", line, buf_cstr(&out));
	buf_free(&out);
	return next;
}

struct line {
	const char *say;
	const char *want; /* what the reply begins with */
	unsigned wait;
};

static void
dialogue(const struct line *lines, size_t n)
{
	struct smtp_session *s = session();
	struct buf out = BUF_INIT;
	unsigned waited;

	for (size_t i = 0; i < n; i++) {
		(void)say(s, lines[i].say, &out, &waited);
		if (strncmp(buf_cstr(&out), lines[i].want,
			strlen(lines[i].want)) != 0)
			fail_msg("%s%s", lines[i].say, buf_cstr(&out));
		if (waited != lines[i].wait)
			fail_msg("%swaited %u", lines[i].say, waited);
	}
	buf_free(&out);
	smtp_session_free(s);
	assert_int_equal(fake.drafts + fake.envelopes, 0);
}
#define DIALOGUE(l) dialogue((l), sizeof(l) / sizeof((l)[0]))

static void
answers_wait_whatever_they_are(void **state)
{
	static const struct line lines[] = {
	    {"MAIL FROM:<x@away.example>\r\n", "250 2.1.0", 700},
	    {"RCPT TO:<a@acme.example>\r\n", "250 2.1.5", 700},
	    {"RCPT TO:<nobody@acme.example>\r\n", "550 5.1.1", 700},
	    {"RCPT TO:<denied@else.example>\r\n", "550 5.7.1", 700},
	    {"VRFY <a@acme.example>\r\n", "252", 0},
	    {"RSET\r\n", "250", 0},
	    {"MAIL FROM:<denied@acme.example>\r\n", "553 5.7.1", 700},
	    {"NOOP\r\n", "250", 0},
	};

	(void)state;
	memset(&says, 0, sizeof(says));
	says.wait = 700;
	DIALOGUE(lines);
	assert_int_equal(says.asked, 5);
	/* The control: with the brake off none waits. */
	says.wait = 0;
	struct line quick[sizeof(lines) / sizeof(lines[0])];

	memcpy(quick, lines, sizeof(lines));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		quick[i].wait = 0;
	DIALOGUE(quick);
}

static void
nothing_is_told_of_anybody(void **state)
{
	static const struct line lines[] = {
	    {"MAIL FROM:<x@away.example>\r\n", "250 2.1.0", 9},
	    {"RCPT TO:<a@acme.example>\r\n", "450 4.7.1", 9},
	    {"RCPT TO:<nobody@acme.example>\r\n", "450 4.7.1", 9},
	    {"RCPT TO:<denied@else.example>\r\n", "450 4.7.1", 9},
	    {"RCPT TO:<Postmaster>\r\n", "450 4.7.1", 9},
	    {"DATA\r\n", "554 5.5.1", 0},
	    {"RSET\r\n", "250", 0},
	    /* Nor whose address it would be as a sender. */
	    {"MAIL FROM:<denied@acme.example>\r\n", "250 2.1.0", 9},
	    {"RCPT TO:<a@acme.example>\r\n", "450 4.7.1", 9},
	    {"RSET\r\n", "250", 0},
	    {"MAIL FROM:<down@acme.example>\r\n", "451 4.3.0", 9},
	};

	(void)state;
	memset(&says, 0, sizeof(says));
	says.wait = 9;
	says.silent = true;
	DIALOGUE(lines);
	/* Nobody was looked up but senders. */
	assert_int_equal(fake.asked, 3);
}

/* A transaction begun by a sender who would have been refused stays without recipients. */
static void
silence_lasts_as_long_as_the_transaction(void **state)
{
	struct smtp_session *s;

	(void)state;
	memset(&says, 0, sizeof(says));
	s = session();
	says.silent = true;
	(void)answered(s, "MAIL FROM:<denied@acme.example>\r\n", "250 ");
	says.silent = false;
	(void)answered(s, "RCPT TO:<a@acme.example>\r\n", "450 4.7.1");
	(void)answered(s, "RSET\r\n", "250 ");
	(void)answered(s, "MAIL FROM:<denied@acme.example>\r\n", "553 5.7.1");
	smtp_session_free(s);
}

static void
a_session_may_end_while_an_answer_waits(void **state)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;
	static const char line[] = "MAIL FROM:<x@away.example>\r\n";
	size_t used;

	(void)state;
	memset(&says, 0, sizeof(says));
	says.wait = 5;
	for (int goodbye = 0; goodbye < 2; goodbye++) {
		s = session();
		enum smtp_next next = smtp_session_feed(
		    s, line, sizeof(line) - 1, &used, &out);

		while (next == SMTP_JOB) {
			(void)smtp_session_run(s, NULL, NULL);
			next = smtp_session_done(s, &out);
		}
		assert_int_equal(next, SMTP_WAIT);
		if (goodbye)
			smtp_session_goodbye(s, "shutting down", &out);
		smtp_session_free(s);
	}
	buf_free(&out);
	assert_int_equal(fake.drafts + fake.envelopes, 0);
}

static void
too_many_connections(void **state)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	(void)state;
	memset(&says, 0, sizeof(says));
	s = session();
	smtp_session_free(s);
	says.admit = -1;
	s = smtp_session_new(&settings, "192.0.2.1", false);
	assert_int_equal(smtp_session_greet(s, &out), SMTP_CLOSE);
	assert_int_equal(strncmp(buf_cstr(&out), "421 4.7.0 ", 10), 0);
	smtp_session_free(s);
	says.admit = 0;
	says.meet = -1;
	s = session();
	(void)answered(s, "MAIL FROM:<x@away.example>\r\n", "250 ");
	assert_int_equal(
	    answered(s, "RCPT TO:<nobody@acme.example>\r\n", "550 5.1.1"),
	    SMTP_MORE);
	assert_int_equal(
	    answered(s, "RCPT TO:<a@acme.example>\r\n", "421 4.7.0 "),
	    SMTP_CLOSE);
	smtp_session_free(s);
	buf_free(&out);
	assert_int_equal(fake.drafts + fake.envelopes, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(answers_wait_whatever_they_are),
	    cmocka_unit_test(nothing_is_told_of_anybody),
	    cmocka_unit_test(silence_lasts_as_long_as_the_transaction),
	    cmocka_unit_test(a_session_may_end_while_an_answer_waits),
	    cmocka_unit_test(too_many_connections),
	};

	secret_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
