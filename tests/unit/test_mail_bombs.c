/*
 * Messages made to cost much: ten times the input takes at most twelve times the processor
 * time, and none of them much memory. They are made as they are read, so that what grows is
 * ours. What a MiB takes is printed; nothing fails on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "heap.h"
#include "mail/parse.h"

/* The bookkeeping of a sanitizer grows by itself; a square is still seen. */
#ifdef __SANITIZE_ADDRESS__
#define RATIO_MAX 50
#else
#define RATIO_MAX 12
#endif
#define TRIES      5
#define MEMORY_MAX ((long)64 * 1024) /* KiB */

/* A message: what begins it, a piece n times over with its number in it, what ends it. */
struct bomb {
	const char *name;
	const char *head;
	const char *piece; /* %u is its number */
	const char *tail;
	unsigned n; /* pieces of the smaller one */
};

struct source {
	struct mail_source src;
	const struct bomb *bomb;
	size_t head, piece, tail;
	uint64_t n;
	char text[8192]; /* one piece */
};

/* Every number has as many digits. */
static size_t
piece_print(struct source *s, uint64_t no)
{
	const char *mark = strstr(s->bomb->piece, "%u");

	if (mark == NULL)
		return (size_t)snprintf(
		    s->text, sizeof(s->text), "%s", s->bomb->piece);
	return (size_t)snprintf(s->text, sizeof(s->text), "%.*s%07u%s",
	    (int)(mark - s->bomb->piece), s->bomb->piece, (unsigned)no,
	    mark + 2);
}

static size_t
copy_from(void *dst, size_t n, const char *from, size_t len, uint64_t at)
{
	size_t take = len - (size_t)at < n ? len - (size_t)at : n;

	memcpy(dst, from + at, take);
	return take;
}

static int
bomb_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	struct source *s = arg;
	const uint64_t pieces = s->piece * s->n;
	char *to = dst;

	(void)e;
	*got = 0;
	while (*got < n && offset < s->src.size) {
		uint64_t at = offset;
		size_t took;

		if (at < s->head) {
			took = copy_from(
			    to, n - *got, s->bomb->head, s->head, at);
		} else if ((at -= s->head) < pieces) {
			piece_print(s, at / s->piece);
			took = copy_from(
			    to, n - *got, s->text, s->piece, at % s->piece);
		} else {
			took = copy_from(
			    to, n - *got, s->bomb->tail, s->tail, at - pieces);
		}
		offset += took;
		to += took;
		*got += took;
	}
	return 0;
}

static void
source_init(struct source *s, const struct bomb *b, uint64_t n)
{
	memset(s, 0, sizeof(*s));
	s->bomb = b;
	s->n = n;
	s->head = strlen(b->head);
	s->piece = piece_print(s, 0);
	s->tail = strlen(b->tail);
	s->src.read = bomb_read;
	s->src.arg = s;
	s->src.size = s->head + s->piece * n + s->tail;
}

static double
cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What reading alone takes: the making of the bytes is not ours. */
static double
cost_of_source(struct source *s)
{
	static char piece[65536];
	double from = cpu_ms();
	size_t got = 1;

	for (uint64_t at = 0; got > 0; at += got)
		assert_int_equal(
		    bomb_read(s, at, piece, sizeof(piece), &got, NULL), 0);
	return cpu_ms() - from;
}

/* All that is done with a message when it is taken, and when it is shown. */
static double
cost(struct source *s)
{
	static char head[LIMIT_HEADER_BLOCK + 2];
	struct buf json = BUF_INIT, text = BUF_INIT;
	struct manifest *m, *again;
	struct mail_head h;
	struct err e = {0};
	double from = cpu_ms(), took;
	bool cut;
	size_t got;

	assert_int_equal(bomb_read(s, 0, head, sizeof(head), &got, NULL), 0);
	mail_head_read(head, got, &h);
	assert_int_equal(mail_parse(&s->src, &m, &e), 0);
	assert_int_equal(manifest_encode(m, &json, &e), 0);
	assert_int_equal(manifest_decode(json.data, json.len, &again, &e), 0);
	assert_int_equal(mail_text(&s->src, m, &text, &cut, &e), 0);
	took = cpu_ms() - from;
	manifest_free(m);
	manifest_free(again);
	buf_free(&json);
	buf_free(&text);
	return took - cost_of_source(s);
}

static double
least_cost(const struct bomb *b, uint64_t n, double *mib)
{
	struct source s;
	double best = 1e9;

	source_init(&s, b, n);
	*mib = (double)s.src.size / (1024 * 1024);
	for (int i = 0; i < 3; i++) {
		double took = cost(&s);

		if (took < best)
			best = took;
	}
	return best > 0.05 ? best : 0.05;
}

/* In the best of some tries: others use this processor too. */
static double
ratio_of(const struct bomb *b)
{
	double best = 1e9, mib = 0, big = 0;

	for (int i = 0; i < TRIES && best > RATIO_MAX; i++) {
		double small = least_cost(b, b->n, &mib);

		big = least_cost(b, (uint64_t)b->n * 10, &mib);
		if (big / small < best)
			best = big / small;
	}
	print_message("# %-34s %6.1f MiB %7.1f ms %7.1f ms a MiB, times %.1f\n",
	    b->name, mib, big, big / mib, best);
	return best;
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define TEXT  "Content-Type: text/plain; charset=utf-8\r\n"
#define X50   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500  X50 X50 X50 X50 X50 X50 X50 X50 X50 X50
#define A60   "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"

static const struct bomb bombs[] = {
    {"plain text", TEXT "\r\n", X50 "\r\n", "", 20000},
    {"one line", TEXT "\r\n", X500, "\r\n", 10000},
    {"empty lines", TEXT "\r\n", "\r\n", "", 500000},
    {"octets that are no UTF-8", TEXT "\r\n",
	"\xc3\xff\xfe\x80\xc3\xff\xfe\x80\r\n", "", 20000},
    {"a set that does not fit",
	"Content-Type: text/plain; charset=gb18030"
	"\r\n\r\n",
	"\xff\xff\xff\xff\xff\xff\xff\xff\r\n", "", 20000},
    {"levels", "",
	"Content-Type: multipart/mixed; boundary=\"b%u\"\r\n\r\n--b%u\r\n", "",
	1000},
    {"parts", MIXED, "--b\r\n\r\nx\r\n", "--b--\r\n", 100000},
    {"boundaries alone", MIXED, "--b\r\n", "--b--\r\n", 100000},
    {"long headers of parts", MIXED,
	"--b\r\nContent-Type: text/plain; name=\"" X500 "\"\r\n"
	"X: " X500 X500 "\r\n\r\nx\r\n",
	"--b--\r\n", 150},
    {"lines that are nearly boundaries",
	"Content-Type: multipart/mixed; boundary=\"" X50 "y\"\r\n\r\n",
	"--" X50 "\r\n", "", 20000},
    {"a header without end", "Subject: x\r\n", "X-%u: " X50 "\r\n", "\r\nx",
	80000},
    {"a fold without end", "Subject: x", "\r\n " X50, "\r\n\r\nx", 80000},
    {"Received", "", "Received: from a by b; %u\r\n", "\r\nx\r\n", 700},
    {"To", "", "To: a%u@b.example\r\n", "\r\nx\r\n", 1000},
    {"addresses", "To: a@b.example", ",\r\n b%u@c.example", "\r\n\r\nx\r\n",
	1000},
    {"addresses of From", "From: a@b.example", ",\r\n b%u@c.example",
	"\r\n\r\nx\r\n", 1000},
    {"groups", "To: a@b.example", ",g%u:a@b.example;", "\r\n\r\nx\r\n", 1000},
    {"comments", "To: ", "(", "a@b.example\r\n\r\nx\r\n", 20000},
    {"quotes", "To: ", "\"\\", "a@b.example\r\n\r\nx\r\n", 10000},
    {"encoded words", "Subject: ", "=?utf-8?B?YQ==?=\r\n ", "\r\n\r\nx\r\n",
	1000},
    {"encoded words that go on", "Subject: =?utf-8?B?YQ==?= ",
	"=?utf-8?B?YWFh?= ", "\r\n\r\nx\r\n", 1000},
    {"encoded words of no set", "Subject: ", "=?x-%u?Q?=E9?= ", "\r\n\r\nx\r\n",
	1000},
    {"encoded words of two sets", "Subject: ",
	"=?koi8-r?Q?=E9?= =?big5?Q?=A4=A4?= ", "\r\n\r\nx\r\n", 600},
    {"sets of parameters", "Content-Disposition: attachment",
	"; filename*=x%u''a", "\r\n\r\nx\r\n", 1000},
    {"beginnings of sets of parameters", "Content-Disposition: attachment; x",
	"*=", "\r\n\r\nx\r\n", 10000},
    {"beginnings of words", "Subject: ", "=?", "\r\n\r\nx\r\n", 10000},
    {"pieces of a name", "Content-Disposition: attachment", "; filename*%u*=a",
	"\r\n\r\nx\r\n", 1000},
    {"the same piece of a name", "Content-Disposition: attachment",
	"; filename*0=a", "\r\n\r\nx\r\n", 1500},
    {"parameters", "Content-Type: text/plain", "; a%u=b", "\r\n\r\nx\r\n",
	1500},
    {"parameters of a multipart", "Content-Type: multipart/mixed", "; a%u=b",
	"; boundary=b\r\n\r\nx\r\n", 1500},
    {"base64", "Content-Transfer-Encoding: base64\r\n\r\n", A60 "\r\n", "",
	20000},
    {"base64 that is garbage", "Content-Transfer-Encoding: base64\r\n\r\n",
	"====!!!!\r\n", "", 100000},
    {"quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	"=41=42=4=\r\n", "", 100000},
    {"blanks that may be dropped",
	"Content-Transfer-Encoding: quoted-printable\r\n\r\n", "          ",
	"x", 100000},
    {"uuencode", "Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n",
	"#0V%T\r\n", "`\r\nend\r\n", 100000},
    {"HTML of tags", "Content-Type: text/html\r\n\r\n", "<div><b>x\r\n", "",
	50000},
    {"HTML of one tag", "Content-Type: text/html\r\n\r\n<a", " a%u=b", ">",
	5000},
    {"HTML of references", "Content-Type: text/html\r\n\r\n",
	"&lt;&#60;&#x3c;&amp;&nope;\r\n", "", 5000},
    {"HTML of comments", "Content-Type: text/html\r\n\r\n", "<!-- -->", "",
	10000},
    {"HTML of entities",
	"Content-Type: text/html\r\n\r\n<!DOCTYPE x [<!ENTITY a \"xxxxxxxx\">",
	"<!ENTITY b%u \"&a;&a;&a;&a;\">&b%u;", "]>", 2000},
    {"zeros that pack well", "Content-Type: application/octet-stream\r\n\r\n",
	"00000000000000000000000000000000000000000000000000000000000000", "",
	50000},
    {"winmail.dat of files",
	"Content-Type: application/ms-tnef\r\n"
	"Content-Transfer-Encoding: base64\r\n\r\neJ8+IgEB\r\n",
	"AgKQBgAAAAAAAAACD4AGAAEAAABBAAACApAGAAAAAAAAAAIPgAYAAQAAAEEAAAICkAYAAAAAAAAAAg+ABgABAAAAQQAA\r\n",
	"", 20000},
};

/* The parts of a bomb may be longer than a piece of a source. */
static void
every_piece_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++)
		assert_true(strlen(bombs[i].piece) + 16 < 8192);
}

static void
ten_times_the_input_twelve_times_the_work(void **state)
{
	unsigned over = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
		double ratio = ratio_of(&bombs[i]);

		if (ratio > RATIO_MAX) {
			print_error("%s: times %.1f\n", bombs[i].name, ratio);
			over++;
		}
	}
	assert_int_equal(over, 0);
}

/* The same measure of work that does grow with the square. */
static void
control_a_square_is_seen(void **state)
{
	double small = 0, big = 0;

	(void)state;
	for (unsigned n = 3000; n <= 30000; n *= 10) {
		double from = cpu_ms();
		volatile unsigned sum = 0;

		for (unsigned i = 0; i < n; i++)
			for (unsigned k = 0; k < n; k++)
				sum += k;
		assert_true(sum != 1);
		small = n == 3000 ? cpu_ms() - from : small;
		big = cpu_ms() - from;
	}
	assert_true(big / small > RATIO_MAX);
}

static void
memory_stays_small(void **state)
{
	static const struct bomb whole[] = {
	    {"50 MB of one line", TEXT "\r\n", X500, "\r\n", 100000},
	    {"50 MB of a header", "", "X-%u: " X500 "\r\n", "\r\nx", 97000},
	    {"a million parts", MIXED, "--b\r\n\r\n" X50 "\r\n", "--b--\r\n",
		1000000},
	    {"50 MB of base64", "Content-Transfer-Encoding: base64\r\n\r\n",
		A60 "\r\n", "", 800000},
	    {"50 MB of HTML", "Content-Type: text/html\r\n\r\n",
		"<div><b>x\r\n", "", 5000000},
	};
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		struct source s;

		source_init(&s, &whole[i], whole[i].n);
		cost(&s);
	}
	getrusage(RUSAGE_SELF, &after);
	print_message(
	    "# %ld KiB more at most\n", after.ru_maxrss - before.ru_maxrss);
	assert_true(after.ru_maxrss - before.ru_maxrss < MEMORY_MAX);
}

#define SETS 2000 /* names of character sets */

/* One message with a name that no other had. */
static void
set_parse(const char *format, unsigned no)
{
	const char *mark = strstr(format, "%u");
	char raw[512];
	struct mail_memory memory = {(const uint8_t *)raw, 0};
	struct mail_source src;
	struct manifest *m;
	struct err e;

	memory.n = (size_t)snprintf(raw, sizeof(raw), "%.*s%u%s",
	    (int)(mark - format), format, no, mark + 2);
	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	manifest_free(m);
}

/* Octets that are still in use for each name. */
static double
sets_kept(const char *format)
{
	static unsigned no = 1000000;
	size_t before;

	for (unsigned i = 0; i < 10; i++)
		set_parse(format, no++);
	before = in_use();
	for (unsigned i = 0; i < SETS; i++)
		set_parse(format, no++);
	return in_use() > before ? (double)(in_use() - before) / SETS : 0;
}

static void
sets_that_nobody_knows_are_forgotten(void **state)
{
	static const char *const formats[] = {
	    "Subject: =?x%u?Q?a?=\r\n\r\nx\r\n",
	    "Subject: =?x %u?b?YQ==?=\r\n\r\nx\r\n",
	    "Subject: =?iso-%u*en?Q?a?=\r\n\r\nx\r\n",
	    "From: =?windows-%u?Q?a?= <a@b.example>\r\n\r\nx\r\n",
	    "To: \"=?x%u?Q?a?=\" <a@b.example>\r\n\r\nx\r\n",
	    "Cc: (=?x%u?Q?a?=) a@b.example\r\n\r\nx\r\n",
	    "Content-Type: text/plain; name=\"=?x%u?Q?a?=\"\r\n\r\nx\r\n",
	    "Content-Type: text/plain; name*=x%u'en'a\r\n\r\nx\r\n",
	    "Content-Type: text/plain; name* = \"x%u'en'a\"\r\n\r\nx\r\n",
	    "Content-Type: text/plain; name*=\"x\\a%u'en'a\"\r\n\r\nx\r\n",
	    ("Content-Disposition: attachment; filename*0*=x%u''a;"
	     " filename*1*=b\r\n\r\nx\r\n"),
	    "Content-Type: text/html; charset=x%u\r\n\r\n<p>\xe9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		double kept = sets_kept(formats[i]);

		if (kept > 8)
			fail_msg("%s: %.0f octets each", formats[i], kept);
	}
}

/* The same measure of what is kept. */
static void
control_what_is_kept_is_seen(void **state)
{
	static char *kept[SETS];
	size_t before = in_use();

	(void)state;
	for (unsigned i = 0; i < SETS; i++)
		kept[i] = strdup("x1000000");
	assert_true((double)(in_use() - before) / SETS > 8);
	for (unsigned i = 0; i < SETS; i++)
		free(kept[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_piece_fits),
	    cmocka_unit_test(sets_that_nobody_knows_are_forgotten),
	    cmocka_unit_test(control_what_is_kept_is_seen),
	    cmocka_unit_test(memory_stays_small),
	    cmocka_unit_test(ten_times_the_input_twelve_times_the_work),
	    cmocka_unit_test(control_a_square_is_seen),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
