/*
 * The trace of a session: what was said can be followed, and holds no address, credential,
 * or word of a message. What an idle session costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/secret.h"
#include "heap.h"
#include "smtp_fake.h"

#define HELLO   "EHLO client.example\r\n"
#define FROM    "MAIL FROM:<x@away.example>\r\n"
#define TO      "RCPT TO:<a@acme.example>\r\n"
#define MESSAGE "DATA\r\nSubject: s\r\n\r\nbody\r\n.\r\n"
#define QUIT    "QUIT\r\n"
/* NUL alice@acme.example NUL correct horse */
#define ALICE "AGFsaWNlQGFjbWUuZXhhbXBsZQBjb3JyZWN0IGhvcnNl"

/* What a session with these settings logs. The caller frees it. */
static void
traced(bool trace, const char *in, struct buf *log)
{
	struct smtp_settings set = fake_settings;
	struct smtp_session *s;
	struct buf out = BUF_INIT;
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO), c;

	assert_non_null(file);
	set.trace = trace;
	fake_reset();
	s = smtp_session_new(&set, "192.0.2.1", true);
	assert_non_null(s);
	assert_int_not_equal(dup2(fileno(file), STDERR_FILENO), -1);
	(void)smtp_session_greet(s, &out);
	for (; *in != '\0'; in++)
		fake_packet(s, in, 1, &out);
	smtp_session_free(s);
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	close(saved);
	rewind(file);
	while ((c = getc(file)) != EOF)
		assert_int_equal(buf_add_u8(log, (uint8_t)c), 0);
	fclose(file);
	buf_free(&out);
}

#define IN                                                                \
	HELLO                                                             \
	"AUTH PLAIN " ALICE "\r\nAUTH PLAIN\r\n*\r\nVRFY secretive\r\n"   \
	"FROB secretive\r\nNOOP secretive\r\n"                            \
	"MAIL FROM:<secretive@y.example> SIZE=9 RET=HDRS ENVID=secre\r\n" \
	"RCPT TO:<secretive@acme.example> NOTIFY=DELAY ORCPT=x;secre\r\n" \
	"RCPT TO:<nobody@acme.example>\r\n"                               \
	"DATA\r\nSubject: secretive\r\n\r\nsecretive\r\n.\r\n" FROM TO    \
	"BDAT 9 LAST\r\nsecretive" QUIT

static void
test_trace(void **state)
{
	static const char *const wanted[] = {"S: 220 mx.example ESMTP",
	    "C: EHLO client.example", "S: 250-PIPELINING",
	    "S: 250 ENHANCEDSTATUSCODES", "C: AUTH PLAIN *", "S: 235 2.7.0",
	    "C: VRFY", "C: ?", "S: 500 5.5.2", "C: NOOP",
	    "C: MAIL size=9 ret=hdrs envid=* from=*", "S: 250 2.1.0",
	    "C: RCPT notify orcpt=* to=*", "S: 250 2.1.5", "C: RCPT to=*",
	    "S: 550 5.1.1", "C: DATA", "S: 354", "C: 33 octets of the message",
	    "S: 250 2.0.0 Taken as", "C: BDAT 9 last",
	    "C: 9 octets of the message", "C: QUIT", "S: 221 2.0.0"};
	struct buf log = BUF_INIT;
	const char *at;

	(void)state;
	traced(true, IN, &log);
	at = buf_cstr(&log);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		const char *next = strstr(at, wanted[i]);

		if (next == NULL)
			fail_msg("%s is not there, or not in its place: %s",
			    wanted[i], buf_cstr(&log));
		at = next;
	}
	assert_null(strstr(buf_cstr(&log), "secre"));
	assert_null(strstr(buf_cstr(&log), "AGFsaWNl"));
	assert_null(strstr(buf_cstr(&log), "alice"));
	assert_null(strstr(buf_cstr(&log), "nobody"));
	buf_free(&log);
}

/* The control: the words that must not be there were said, and are seen where they are. */
static void
test_no_trace(void **state)
{
	struct buf log = BUF_INIT;

	(void)state;
	traced(false, IN, &log);
	assert_null(strstr(buf_cstr(&log), "smtp trace"));
	assert_non_null(strstr(buf_cstr(&log), "message accepted"));
	assert_non_null(strstr(buf_cstr(&fake.last_body), "secretive"));
	buf_free(&log);
}

#define IDLE 1000

/* Bytes of memory a session has after `in`. */
static size_t
cost(const char *in)
{
	static struct smtp_session *s[IDLE];
	struct buf out = BUF_INIT;
	size_t before = in_use(), after;

	for (size_t i = 0; i < IDLE; i++) {
		s[i] = smtp_session_new(&fake_settings, "2001:db8::1", false);
		assert_non_null(s[i]);
		(void)smtp_session_greet(s[i], &out);
		fake_packet(s[i], in, strlen(in), &out);
		buf_free(&out);
	}
	after = in_use();
	for (size_t i = 0; i < IDLE; i++)
		smtp_session_free(s[i]);
	return (after - before) / IDLE;
}

static void
test_idle_sessions_are_small(void **state)
{
	size_t greeted, done, within;

	(void)state;
	fake_reset();
	fake.keep = 0;
	greeted = cost(HELLO);
	done = cost(HELLO FROM TO MESSAGE);
	within = cost(HELLO FROM);
	print_message("# %zu bytes after EHLO, %zu after a message, %zu "
		      "within one\n",
	    greeted, done, within);
	assert_in_range(greeted, 1, 1024);
	assert_in_range(done, 1, 1024);
	assert_in_range(within, done + 1, 8192);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trace),
	    cmocka_unit_test(test_no_trace),
	    cmocka_unit_test(test_idle_sessions_are_small),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
