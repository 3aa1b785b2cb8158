/*
 * Messages parsed for tests.
 */
#include "mail_parsed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <string.h>

const char mail_nested[] =
    "From: =?utf-8?q?Alic=C3=A9?= Example <alice@acme.example>\r\n"
    "To: carol@partner.example, Team: dan@x.example, \"E, F\" <e@x.example>;\r\n"
    "Cc: Ambassador <am\xc3\xa9lie@x.example>\r\n"
    "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n"
    " and\tmore\r\n"
    "Date: Fri, 20 Nov 2026 13:58:00 +0100\r\n"
    "Message-ID: <m1@acme.example>\r\n"
    "In-Reply-To: junk <m0@acme.example> <m9@acme.example>\r\n"
    "Content-Type: multipart/mixed; boundary=\"out\"\r\n"
    "\r\n"
    "preamble --out\r\n"
    "--out\r\n"
    "Content-Type: multipart/alternative; boundary=out-in\r\n"
    "\r\n"
    "--out-in\r\n"
    "Content-Type: text/plain; charset=\"ISO-8859-1\"\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "Gr=FC=\r\n"
    "=DFe\r\n"
    "--out-in\r\n"
    "Content-Type: text/html\r\n"
    "\r\n"
    "<p>Hello\r\n"
    "--out-in--\r\n"
    "--out\r\n"
    "Content-Type: application/pdf; name=\"x.exe\"\r\n"
    "Content-Disposition: attachment; filename*=utf-8''..%2Fr%C3%A9sum%C3%A9.pdf\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-ID: <c1@acme.example>\r\n"
    "\r\n"
    "aGVsbG8=\r\n"
    "\r\n"
    "--out\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Content-Type: multipart/mixed; boundary=deep\r\n"
    "\r\n"
    "--deep\r\n"
    "\r\n"
    "inside\r\n"
    "--deep--\r\n"
    "--out--\r\n"
    "epilogue\r\n";

/* Where no more is read than must be, because it is known, all comes out the same. */
static void
same_when_known(const struct mail_source *src, const uint8_t *p, size_t n,
    const struct manifest *m)
{
	const uint8_t *end = memmem(p, n, "\r\n\r\n", 4);
	struct mail_known known = {
	    .body = end == NULL ? n : (size_t)(end + 4 - p)};
	struct mail_source half = *src;
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct manifest *again;
	struct err e = {0};

	SHA256(p, n, known.sha256);
	SHA256(p + known.body, n - (size_t)known.body, known.body_sha256);
	half.known = &known;
	assert_int_equal(mail_parse(&half, &again, &e), 0);
	assert_int_equal(manifest_encode(m, &a, &e), 0);
	assert_int_equal(manifest_encode(again, &b, &e), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	manifest_free(again);
	buf_free(&a);
	buf_free(&b);
}

struct manifest *
parsed_n(const void *p, size_t n)
{
	struct mail_memory memory = {p, n};
	struct mail_source src;
	struct manifest *m;
	struct err e = {0};

	mail_source_memory(&src, &memory);
	assert_int_equal(mail_parse(&src, &m, &e), 0);
	assert_int_equal(m->size, n);
	same_when_known(&src, p, n, m);
	return m;
}

struct manifest *
parsed(const char *s)
{
	return parsed_n(s, strlen(s));
}

int
parsed_gather(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

void
parsed_decodes_to(const char *s, const struct mail_part *part, const char *want)
{
	struct mail_memory memory = {(const uint8_t *)s, strlen(s)};
	struct mail_source src;
	struct buf b = BUF_INIT;

	mail_source_memory(&src, &memory);
	assert_int_equal(
	    mail_part_decode(&src, part, parsed_gather, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), want);
	assert_int_equal(b.len, part->size);
	buf_free(&b);
}
