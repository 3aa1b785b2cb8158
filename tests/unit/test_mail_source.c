/*
 * Where a message is read from, in what pieces, and what is decoded of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "mail/decode.h"
#include "mail/lines.h"
#include "mail_parsed.h"

static int
failing_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	(void)arg;
	(void)dst;
	(void)n;
	if (offset > 0)
		return err_set(e, ERR_UNAVAILABLE, "gone");
	memcpy(dst, "Subject: x\r\n\r\n", 14);
	*got = 14;
	return 0;
}

static void
a_failing_source_is_an_error(void **state)
{
	struct mail_source src = {failing_read, NULL, 1000, NULL};
	struct manifest *m;
	struct err e;

	(void)state;
	assert_int_equal(mail_parse(&src, &m, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_null(m);
}

/* A source that hands out no more than so many bytes at once. */
struct drops {
	const uint8_t *p;
	size_t n, most;
	uint64_t last; /* how far it was read */
};

static int
drops_read(
    void *arg, uint64_t offset, void *dst, size_t n, size_t *got, struct err *e)
{
	struct drops *d = arg;

	(void)e;
	*got = offset < d->n ? d->n - (size_t)offset : 0;
	if (*got > n)
		*got = n;
	if (*got > d->most)
		*got = d->most;
	memcpy(dst, d->p + offset, *got);
	d->last = offset + *got;
	return 0;
}

/* Of a text that is known its header is read, and no more; of anything else, all. */
static void
what_is_known_is_not_read(void **state)
{
	static const struct {
		const char *head;
		bool read;
	} cases[] = {
	    {"Subject: x\r\n\r\n", false},
	    {"Content-Type: text/html\r\n\r\n", false},
	    {"Content-Type: multipart/mixed\r\n\r\n", false}, /* no tree */
	    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n", true},
	    {"Content-Transfer-Encoding: base64\r\n\r\n", true},
	    {"X: y\n\nText\r\n\r\n", true}, /* it began before */
	};
	const size_t n = 4 * LINES_WINDOW;
	char *p = malloc(n);
	struct manifest *m;
	struct err e;

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct drops d = {(uint8_t *)p, n, n, 0};
		struct mail_known known = {.body = strlen(cases[i].head)};
		struct mail_source src = {drops_read, &d, n, &known};

		memset(p, 'x', n);
		memcpy(p, cases[i].head, known.body);
		assert_int_equal(mail_parse(&src, &m, &e), 0);
		assert_int_equal(m->size, n);
		assert_int_equal(d.last, cases[i].read ? n : LINES_WINDOW);
		manifest_free(m);
	}
	free(p);
}

/* Size and digest of every leaf are those of what it decodes to. */
static void
is_measured(const uint8_t *p, size_t n, size_t most)
{
	struct drops d = {p, n, most, 0};
	struct mail_source src = {drops_read, &d, n, NULL};
	struct manifest *m;
	struct err e;

	assert_int_equal(mail_parse(&src, &m, &e), 0);
	for (size_t i = 0; i < m->n_parts; i++) {
		struct buf b = BUF_INIT;
		uint8_t sha256[32];

		if (!m->parts[i].leaf)
			continue;
		assert_int_equal(
		    mail_part_decode(&src, &m->parts[i], parsed_gather, &b, &e),
		    0);
		assert_int_equal(b.len, m->parts[i].size);
		SHA256(b.data, b.len, sha256);
		assert_memory_equal(sha256, m->parts[i].sha256, 32);
		buf_free(&b);
	}
	manifest_free(m);
}

static void
what_is_measured_is_what_decodes(void **state)
{
	static const size_t most[] = {1, 2, 3, 7, 64, 100000};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		for (size_t n = 0; n <= strlen(mail_nested); n += most[i])
			is_measured((const uint8_t *)mail_nested, n, most[i]);
	/* The end of the window at every octet of it. */
	assert_int_equal(buf_adds(&b, "X: y\r\n"), 0);
	while (b.len < LINES_WINDOW - 1500)
		assert_int_equal(buf_adds(&b, "X-Fill: 1234567\r\n"), 0);
	for (size_t i = 0; i < 1700; i++) {
		const size_t before = b.len;

		assert_int_equal(buf_adds(&b, mail_nested), 0);
		is_measured(b.data, b.len, 100000);
		b.len = before;
		assert_int_equal(buf_reserve(&b, 1), 0);
		memmove(b.data + 4, b.data + 3, b.len++ - 3);
	}
	buf_free(&b);
}

/* However it is cut: letters, lines and escapes, and damage among them. */
static void
pieces_decode_as_the_whole(void **state)
{
	static const struct {
		enum mail_encoding enc;
		const char *in, *out;
	} cases[] = {
	    {MAIL_ENC_IDENTITY, "a=\r\nb", "a=\r\nb"},
	    {MAIL_ENC_BASE64, "SGVs\r\nbG8s\r\nIHdv\r\ncmxkIQ==\r\n",
		"Hello, world!"},
	    {MAIL_ENC_BASE64, "SG\r\nVsb!G8sIHd\tvcmxkIQ", "Hello, world"},
	    {MAIL_ENC_BASE64, "\r\n \r\n", ""},
	    {MAIL_ENC_QP, "na=C3=AFve=\r\n line =3D=zz\r\nend=",
		"na\xc3\xafve line ==zz\r\nend"},
	    {MAIL_ENC_UU, "begin 644 x\r\n#0V%T\r\n#0V%T\r\n`\r\nend\r\n",
		"CatCat"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t n = strlen(cases[i].in);

		for (size_t step = n; step > 0; step--) {
			struct mail_decoder *d = mail_decoder_new(cases[i].enc);
			struct buf b = BUF_INIT;

			assert_non_null(d);
			for (size_t at = 0; at < n; at += step)
				assert_int_equal(
				    mail_decoder_add(d, cases[i].in + at,
					n - at < step ? n - at : step,
					parsed_gather, &b, NULL),
				    0);
			assert_int_equal(
			    mail_decoder_end(d, parsed_gather, &b, NULL), 0);
			assert_string_equal(buf_cstr(&b), cases[i].out);
			mail_decoder_free(d);
			buf_free(&b);
		}
	}
	mail_decoder_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_failing_source_is_an_error),
	    cmocka_unit_test(what_is_known_is_not_read),
	    cmocka_unit_test(what_is_measured_is_what_decodes),
	    cmocka_unit_test(pieces_decode_as_the_whole),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
