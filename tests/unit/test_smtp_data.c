/*
 * DATA: where a message ends, what of it is kept, and that no sequence of CR,
 * LF, NUL and dot makes two messages of one, however the bytes are split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "intake/smtp_line.h"
#include "smtp_fake.h"

#define OPENING                                                             \
	"EHLO c\r\nMAIL FROM:<x@y.example>\r\nRCPT TO:<a@acme.example>\r\n" \
	"DATA\r\n"
/* What a smuggler hopes is read as a second message. */
#define SECOND                                                       \
	"MAIL FROM:<evil@y.example>\r\nRCPT TO:<b@acme.example>\r\n" \
	"DATA\r\nsecond\r\n.\r\n"

/* ---- the truth, worked out the slow way -------------------------------- */

struct truth {
	size_t end; /* octets up to and with the final dot's LF; 0: none */
	bool bad;
	char body[256];
	size_t n;
};

/* Each line by RFC 5321 4.1.1.4 and 4.5.2, in its own words. */
static void
work_out(const char *p, size_t n, struct truth *t)
{
	size_t at = 0, eol;

	memset(t, 0, sizeof(*t));
	while (at < n) {
		for (eol = at; eol + 1 < n; eol++)
			if (p[eol] == '\r' && p[eol + 1] == '\n')
				break;
		if (eol + 1 >= n)
			return;
		if (eol == at + 1 && p[at] == '.') {
			t->end = eol + 2;
			return;
		}
		for (size_t i = at; i < eol; i++)
			if (p[i] == '\r' || p[i] == '\n' || p[i] == '\0')
				t->bad = true;
		if (p[at] == '.')
			at++;
		memcpy(t->body + t->n, p + at, eol + 2 - at);
		t->n += eol + 2 - at;
		at = eol + 2;
	}
}

/* ---- the reader alone -------------------------------------------------- */

struct read {
	struct smtp_data d;
	char body[256];
	size_t n, used;
	bool end;
};

static void
read_some(struct read *r, const char *p, size_t n)
{
	const uint8_t *span;
	size_t used, len, at = 0;

	while (at < n && !r->end) {
		r->end = smtp_data_next(
		    &r->d, (const uint8_t *)p + at, n - at, &used, &span, &len);
		assert_true(used > 0 && used <= n - at && len <= used);
		assert_true(r->n + len <= sizeof(r->body));
		memcpy(r->body + r->n, span, len);
		r->n += len;
		r->used += used;
		at += used;
	}
}

/* Bit k of cuts: a new packet begins behind byte from + k. */
static void
read_cut(const char *p, size_t n, size_t from, unsigned cuts, struct read *r)
{
	size_t start = 0;

	memset(r, 0, sizeof(*r));
	for (size_t i = 1; i < n; i++)
		if (i > from && i - from <= 8 && (cuts >> (i - from - 1) & 1)) {
			read_some(r, p + start, i - start);
			start = i;
		}
	read_some(r, p + start, n - start);
}

static void
check(const char *p, size_t n, const struct truth *t, const struct read *r)
{
	(void)p;
	(void)n;
	assert_int_equal(r->end, t->end > 0);
	if (!r->end)
		return;
	assert_int_equal(r->used, t->end);
	assert_int_equal(r->d.bare, t->bad);
	assert_false(r->d.over_long);
	if (t->bad)
		return;
	assert_int_equal(r->n, t->n);
	assert_memory_equal(r->body, t->body, t->n);
}

#define N_BYTES 5 /* CR, LF, NUL, dot, a letter */

static size_t
make_string(unsigned index, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++, index /= N_BYTES)
		out[i] = "\r\n\0.a"[index % N_BYTES];
	return len;
}

/* How many strings of that length there are. */
static unsigned
how_many(size_t len)
{
	unsigned n = 1;

	while (len-- > 0)
		n *= N_BYTES;
	return n;
}

/* Where the string is put: what stands before and behind it. */
static const struct place {
	const char *before, *behind;
} places[] = {
    {"", "\r\n.\r\n"},           /* opens the message */
    {"one", "two\r\n.\r\n"},     /* within a line */
    {"one\r\n", "two\r\n.\r\n"}, /* at the start of a line */
    {"one", SECOND "\r\n.\r\n"}, /* before a second message, in disguise */
    {"one\r\n.", "\r\n.\r\n"},   /* behind a dot */
};

/* All strings of 3 to 6 bytes in every place, split in every way. */
static void
test_grid_reader(void **state)
{
	(void)state;
	for (size_t len = 3; len <= 6; len++)
		for (unsigned i = 0; i < how_many(len); i++)
			for (size_t k = 0;
			     k < sizeof(places) / sizeof(places[0]); k++) {
				char text[256];
				size_t from = strlen(places[k].before),
				       n = from;
				size_t tail = strlen(places[k].behind);
				struct truth t;
				struct read r;

				memcpy(text, places[k].before, n);
				n += make_string(i, len, text + n);
				memcpy(text + n, places[k].behind, tail);
				n += tail;
				work_out(text, n, &t);
				from -= from > 0;
				for (unsigned cuts = 0; cuts < 1u << (len + 1);
				     cuts++) {
					read_cut(text, n, from, cuts, &r);
					check(text, n, &t, &r);
				}
			}
}

/* ---- the whole session ------------------------------------------------- */

static size_t
count(const struct buf *out, const char *what)
{
	size_t n = 0, len = strlen(what);

	for (size_t i = 0; i + len <= out->len; i++)
		n += memcmp(out->data + i, what, len) == 0;
	return n;
}

/* "one", the string, then a second message in disguise, in pieces of `step`. */
static void
smuggle(const char *string, size_t len, size_t step)
{
	struct smtp_session *s = smtp_session_new(
	    &fake_settings, "192.0.2.1", false);
	struct buf out = BUF_INIT;
	char text[256] = "one";
	size_t n = 3 + len + strlen(SECOND), honest;
	struct truth t;

	assert_non_null(s);
	memcpy(text + 3, string, len);
	memcpy(text + 3 + len, SECOND, strlen(SECOND));
	work_out(text, n, &t);
	assert_true(t.end > 0);
	/* Only an honest end right before it makes the second one a message. */
	honest = t.end == 3 + len;
	fake.messages = 0;
	fake_packet(s, OPENING, strlen(OPENING), &out);
	buf_clear(&out);
	for (size_t at = 0; at < n; at += step)
		fake_packet(s, text + at, n - at < step ? n - at : step, &out);
	assert_int_equal(fake.messages, !t.bad + honest);
	assert_int_equal(count(&out, "250 2.0.0 Taken"), !t.bad + honest);
	assert_int_equal(count(&out, "550 5.6.0"), t.bad);
	if (t.end == n) {
		assert_int_equal(count(&out, "\r\n"), 1);
		if (!t.bad) {
			assert_int_equal(fake.last_body.len, t.n);
			assert_memory_equal(fake.last_body.data, t.body, t.n);
		}
	}
	smtp_session_free(s);
	buf_free(&out);
	assert_int_equal(fake.drafts, 0);
}

static void
test_grid_session(void **state)
{
	static const size_t steps[] = {1, 2, 1000};

	(void)state;
	fake_reset();
	for (size_t len = 3; len <= 6; len++)
		for (unsigned i = 0; i < how_many(len); i++)
			for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]);
			     k++) {
				char string[8];

				make_string(i, len, string);
				fake.chunk = i % 4; /* sealed in such pieces */
				smuggle(string, len, steps[k]);
			}
	fake_reset();
}

/* A thread seals what is full before more is taken, and nothing is when none follows. */
static void
test_sealed_in_pieces(void **state)
{
	static const char text[] = "..\r\n123\r\n..4\r\n.\r\n";
	static const char body[] = ".\r\n123\r\n.4\r\n";
	const size_t n = strlen(body);
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t chunk = 1; chunk <= n + 1; chunk++) {
		struct smtp_session *s = smtp_session_new(
		    &fake_settings, "192.0.2.1", false);

		assert_non_null(s);
		fake_reset();
		fake.chunk = chunk;
		fake_packet(s, OPENING, strlen(OPENING), &out);
		assert_int_equal(smtp_session_room(s), chunk + 64);
		fake_packet(s, text, strlen(text), &out);
		assert_int_equal(smtp_session_room(s), SIZE_MAX);
		assert_int_equal(fake.messages, 1);
		assert_int_equal(fake.sealed, (n - 1) / chunk);
		assert_int_equal(fake.last_body.len, n);
		assert_memory_equal(fake.last_body.data, body, n);
		smtp_session_free(s);
	}
	buf_free(&out);
	fake_reset();
}

/* What cannot be sealed is drained, and answered at its end. */
static void
test_sealing_fails(void **state)
{
	struct smtp_session *s = smtp_session_new(
	    &fake_settings, "192.0.2.1", false);
	struct buf out = BUF_INIT;

	(void)state;
	assert_non_null(s);
	fake_reset();
	fake.chunk = 3;
	fake.seal_err = ERR_UNAVAILABLE;
	fake_packet(s, OPENING "12345", strlen(OPENING "12345"), &out);
	assert_int_equal(fake.drafts, 0);
	buf_clear(&out);
	fake_packet(s, "67890\r\n.\r\nNOOP\r\n", 16, &out);
	assert_int_equal(fake.sealed, 1);
	assert_int_equal(count(&out, "451 "), 1);
	assert_int_equal(count(&out, "250 "), 1);
	smtp_session_free(s);
	buf_free(&out);
	fake_reset();
}

/* Messages taken, and what was answered, when `end` stands between two. */
static size_t
between(const char *end, size_t n, struct buf *out)
{
	struct smtp_session *s = smtp_session_new(
	    &fake_settings, "192.0.2.1", false);

	assert_non_null(s);
	fake_reset();
	fake_packet(s, OPENING "first", strlen(OPENING "first"), out);
	buf_clear(out);
	fake_packet(s, end, n, out);
	fake_packet(s, SECOND, strlen(SECOND), out);
	smtp_session_free(s);
	return fake.messages;
}

/* The sequences known from the field, by name. */
static const struct {
	const char *name, *end;
	size_t n;
} known[] = {
    {"LF . LF", "\n.\n", 3},
    {"LF . CRLF", "\n.\r\n", 4},
    {"CR . CR", "\r.\r", 3},
    {"CR . LF", "\r.\n", 3},
    {"CRLF . LF", "\r\n.\n", 4},
    {"CRLF . CR", "\r\n.\r", 4},
    {"CR . CRLF", "\r.\r\n", 4},
    {"LF . CR LF CR", "\n.\r\n\r", 5},
    {"CRLF NUL . CRLF", "\r\n\0.\r\n", 6},
    {"CRLF . NUL CRLF", "\r\n.\0\r\n", 6},
    {"CR CRLF . CR CRLF", "\r\r\n.\r\r\n", 7},
    {"LF LF . CRLF", "\n\n.\r\n", 5},
    {"CR LF NUL LF . LF", "\r\n\0\n.\n", 6},
};

/* Each is one refused message. */
static void
test_known_smuggling(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (between(known[i].end, known[i].n, &out) != 0 ||
		    count(&out, "550 5.6.0") != 1 || count(&out, "\r\n") != 1)
			fail_msg("%s: %s", known[i].name, buf_cstr(&out));
	buf_free(&out);
}

/* Ends of data, for a reader to whom CR, LF and CR LF all end a line, and NUL is nothing. */
static size_t
lenient_ends(const char *p, size_t n)
{
	size_t ends = 0, line = 0;
	bool dot = false;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\0')
			continue;
		if (p[i] == '\r' || p[i] == '\n') {
			ends += line == 1 && dot;
			line = 0;
			continue;
		}
		dot = line++ == 0 && p[i] == '.';
	}
	return ends;
}

/* The control: what is sent does hide a second message from a reader that forgives. */
static void
test_known_smuggling_works_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct buf text = BUF_INIT;

		assert_int_equal(buf_adds(&text, "first"), 0);
		assert_int_equal(buf_add(&text, known[i].end, known[i].n), 0);
		assert_int_equal(buf_adds(&text, SECOND), 0);
		if (lenient_ends((const char *)text.data, text.len) < 2)
			fail_msg("%s hides nothing", known[i].name);
		buf_free(&text);
	}
}

/* The control: with an honest end in that place the same test sees two. */
static void
test_two_messages_can_be_seen(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(between("\r\n.\r\n", 5, &out), 2);
	buf_free(&out);
}

/* ---- limits ------------------------------------------------------------ */

static struct smtp_session *
open_data(void)
{
	struct smtp_session *s;
	struct buf out = BUF_INIT;

	fake_reset();
	s = smtp_session_new(&fake_settings, "192.0.2.1", false);
	assert_non_null(s);
	fake_packet(s, OPENING, strlen(OPENING), &out);
	assert_int_equal(count(&out, "354"), 1);
	buf_free(&out);
	return s;
}

static void
finish(struct smtp_session *s, const char *end, const char *want)
{
	struct buf out = BUF_INIT;

	fake_packet(s, end, strlen(end), &out);
	if (!fake_starts(buf_cstr(&out), want))
		fail_msg("want %s, got %s", want, buf_cstr(&out));
	/* Alive, whatever the answer was. */
	buf_clear(&out);
	fake_packet(s, "NOOP\r\n", 6, &out);
	assert_true(fake_starts(buf_cstr(&out), "250 2.0.0"));
	smtp_session_free(s);
	buf_free(&out);
}

/* `size` message octets in lines of 78, in packets of `step`. */
static void
pour(struct smtp_session *s, size_t size, size_t step)
{
	struct buf out = BUF_INIT;
	char *all = malloc(size);

	assert_non_null(all);
	memset(all, 'x', size);
	for (size_t at = 76; at + 80 < size; at += 78)
		memcpy(all + at, "\r\n", 2);
	memcpy(all + size - 2, "\r\n", 2);
	for (size_t at = 0; at < size; at += step)
		fake_packet(
		    s, all + at, size - at < step ? size - at : step, &out);
	assert_int_equal(out.len, 0);
	free(all);
}

static void
test_message_size(void **state)
{
	struct smtp_session *s = open_data();

	(void)state;
	fake.keep = 0;
	pour(s, LIMIT_MESSAGE, 8192);
	/* Large spans, not lines: this is what makes a big message cheap. */
	assert_true(fake.spans <= LIMIT_MESSAGE / 8192 + 1);
	finish(s, ".\r\n", "250 2.0.0");
	assert_int_equal(fake.total, LIMIT_MESSAGE);
	assert_int_equal(fake.messages, 1);

	s = open_data();
	fake.keep = 0;
	pour(s, LIMIT_MESSAGE + 1, 8192);
	finish(s, ".\r\n", "552 5.3.4");
	assert_int_equal(fake.messages, 0);
	assert_int_equal(fake.drafts, 0);
}

/* The size is that of the message, without what transparency added. */
static void
test_message_size_without_stuffing(void **state)
{
	struct smtp_session *s = open_data();
	struct buf out = BUF_INIT;

	(void)state;
	fake.keep = 0;
	fake_packet(s, "..\r\n..\r\n", 8, &out);
	pour(s, LIMIT_MESSAGE - 6, 65536);
	finish(s, ".\r\n", "250 2.0.0");
	assert_int_equal(fake.total, LIMIT_MESSAGE);
	buf_free(&out);
}

static void
test_data_line(void **state)
{
	static const struct {
		size_t octets; /* with CR LF, without the stuffed dot */
		const char *dot, *want;
	} rows[] = {
	    {LIMIT_SMTP_LINE, "", "250 2.0.0"},
	    {LIMIT_SMTP_LINE + 1, "", "250 2.0.0"},
	    {LIMIT_SMTP_DATA_LINE, "", "250 2.0.0"},
	    {LIMIT_SMTP_DATA_LINE, ".", "250 2.0.0"},
	    {LIMIT_SMTP_DATA_LINE + 1, "", "550 5.6.0"},
	    {LIMIT_SMTP_DATA_LINE + 1, ".", "550 5.6.0"},
	    {LIMIT_SMTP_DATA_LINE * 4, "", "550 5.6.0"},
	};
	static const size_t steps[] = {1, 1000, 1u << 20};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
			struct smtp_session *s = open_data();
			struct buf text = BUF_INIT, out = BUF_INIT;
			size_t n = rows[i].octets;

			assert_int_equal(buf_adds(&text, rows[i].dot), 0);
			assert_int_equal(buf_reserve(&text, n), 0);
			memset(text.data + text.len, '.', n - 2);
			memcpy(text.data + text.len + n - 2, "\r\n", 2);
			text.len += n;
			if (rows[i].dot[0] == '\0')
				text.data[0] = 'x';
			for (size_t at = 0; at < text.len; at += steps[k])
				fake_packet(s, text.data + at,
				    text.len - at < steps[k] ? text.len - at :
							       steps[k],
				    &out);
			finish(s, ".\r\n", rows[i].want);
			if (rows[i].want[0] == '2')
				assert_int_equal(fake.last_body.len, n);
			buf_free(&text);
			buf_free(&out);
		}
}

/* Which of two faults is said does not depend on which came first. */
static void
test_worst_fault_is_said(void **state)
{
	struct smtp_session *s = open_data();
	struct buf out = BUF_INIT;

	(void)state;
	fake.keep = 0;
	fake_packet(s, "a\nb\r\n", 5, &out);
	pour(s, LIMIT_MESSAGE, 1u << 20);
	finish(s, ".\r\n", "552 5.3.4");
	s = open_data();
	fake.add_err = ERR_UNAVAILABLE;
	fake_packet(s, "one\r\n", 5, &out);
	fake_packet(s, "two\rthree\r\n", 11, &out);
	finish(s, ".\r\n", "550 5.6.0");
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grid_reader),
	    cmocka_unit_test(test_grid_session),
	    cmocka_unit_test(test_sealed_in_pieces),
	    cmocka_unit_test(test_sealing_fails),
	    cmocka_unit_test(test_known_smuggling),
	    cmocka_unit_test(test_known_smuggling_works_elsewhere),
	    cmocka_unit_test(test_two_messages_can_be_seen),
	    cmocka_unit_test(test_message_size),
	    cmocka_unit_test(test_message_size_without_stuffing),
	    cmocka_unit_test(test_data_line),
	    cmocka_unit_test(test_worst_fault_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
