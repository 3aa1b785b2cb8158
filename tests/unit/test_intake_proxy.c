/* PROXY, version 2: what a header says, cut anywhere, and what is none. */
#include "intake/proxy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* From 192.0.2.7, port 1025; from 2001:db8::7, port 1025. */
#define V4 "\xc0\x00\x02\x07\x7f\x00\x00\x01\x04\x01\x00\x19"
#define V6                                           \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
	"\x04\x01\x00\x19"
#define TLV            \
	"\x03\x00\x04" \
	"abcd"         \
	"\x04\x00\x00"

static const char unix_addresses[216];

static const struct {
	const char *name;
	uint8_t command, family;
	const char *rest;
	size_t n;
	int says;
	const char *client;
} cases[] = {
    {"IPv4", 0x21, 0x11, V4, 12, 1, "192.0.2.7"},
    {"IPv6", 0x21, 0x21, V6, 36, 1, "2001:db8::7"},
    {"IPv4 and more", 0x21, 0x11, V4 TLV, 22, 1, "192.0.2.7"},
    {"IPv6 and more", 0x21, 0x21, V6 TLV, 46, 1, "2001:db8::7"},
    {"LOCAL", 0x20, 0x00, "", 0, 0, NULL},
    {"LOCAL with addresses", 0x20, 0x11, V4, 12, 0, NULL},
    {"LOCAL with anything", 0x20, 0x11, "xyz", 3, 0, NULL},
    {"unspecified", 0x21, 0x00, "", 0, 0, NULL},
    {"unspecified with anything", 0x21, 0x00, "xyz", 3, 0, NULL},
    {"a Unix socket", 0x21, 0x31, unix_addresses, 216, 0, NULL},
    {"a short Unix socket", 0x21, 0x31, unix_addresses, 215, -1, NULL},
    {"IPv4 too short", 0x21, 0x11, V4, 11, -1, NULL},
    {"IPv6 too short", 0x21, 0x21, V6, 35, -1, NULL},
    {"nothing of IPv4", 0x21, 0x11, "", 0, -1, NULL},
    {"datagrams", 0x21, 0x12, V4, 12, -1, NULL},
    {"no transport", 0x21, 0x10, V4, 12, -1, NULL},
    {"another family", 0x21, 0x41, V4, 12, -1, NULL},
    {"half a field behind", 0x21, 0x11, V4 "\x03\x00", 14, -1, NULL},
    {"a field too long", 0x21, 0x11,
	V4 "\x03\x00\x05"
	   "abcd",
	19, -1, NULL},
};

static size_t
build(uint8_t *out, uint8_t command, uint8_t family, const char *rest, size_t n)
{
	memcpy(out, SIGNATURE, 12);
	out[12] = command;
	out[13] = family;
	out[14] = (uint8_t)(n >> 8);
	out[15] = (uint8_t)n;
	memcpy(out + 16, rest, n);
	return 16 + n;
}

static const char *
text_of(const struct sockaddr_storage *ss, char out[INET6_ADDRSTRLEN])
{
	const void *v4 = &((const struct sockaddr_in *)ss)->sin_addr;
	const void *v6 = &((const struct sockaddr_in6 *)ss)->sin6_addr;

	return inet_ntop(ss->ss_family, ss->ss_family == AF_INET ? v4 : v6, out,
	    INET6_ADDRSTRLEN);
}

static void
test_says(void **state)
{
	struct sockaddr_storage ss;
	char text[INET6_ADDRSTRLEN];
	uint8_t p[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = build(p, cases[i].command, cases[i].family,
		    cases[i].rest, cases[i].n);

		print_message("%s\n", cases[i].name);
		assert_int_equal(proxy_wants(p, n), 0);
		assert_int_equal(proxy_client(p, n, &ss), cases[i].says);
		if (cases[i].client != NULL)
			assert_string_equal(
			    text_of(&ss, text), cases[i].client);
		else
			assert_int_equal(ss.ss_family, AF_UNSPEC);
	}
}

/* What is wanted is never more than the header, and all of it in the end. */
static void
test_pieces(void **state)
{
	uint8_t p[512];
	size_t n = build(p, 0x21, 0x11, V4 TLV, 22);
	struct sockaddr_storage ss;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		long want = proxy_wants(p, i);

		assert_true(want > 0);
		assert_true(i + (size_t)want <= n);
		assert_int_equal(i + (size_t)want, i < 16 ? 16 : n);
		assert_int_equal(proxy_client(p, i, &ss), -1);
	}
	assert_int_equal(proxy_wants(p, n + 1), -1);
}

static void
test_none(void **state)
{
	static const char *const texts[] = {
	    "PROXY TCP4 192.0.2.7 127.0.0.1 1025 25\r\n", "EHLO x\r\n",
	    "\x16\x03\x01\x02\x00\x01\x00", "\r\n\r\n\r", "\r\nQUIT\r\n"};
	uint8_t p[64];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(
		    proxy_wants((const uint8_t *)texts[i], strlen(texts[i])),
		    -1);
	/* The first wrong byte is enough, wherever it stands. */
	for (size_t i = 0; i < 12; i++) {
		(void)build(p, 0x21, 0x11, V4, 12);
		p[i] ^= 0x20;
		assert_int_equal(proxy_wants(p, i + 1), -1);
	}
	for (unsigned b = 0; b < 256; b++) {
		(void)build(p, (uint8_t)b, 0x11, V4, 12);
		assert_int_equal(
		    proxy_wants(p, 13), b == 0x20 || b == 0x21 ? 3 : -1);
	}
}

static void
test_limit(void **state)
{
	static uint8_t p[16];

	(void)state;
	(void)build(p, 0x21, 0x11, "", 0);
	p[14] = (LIMIT_PROXY_HEADER - 16) >> 8;
	p[15] = (uint8_t)(LIMIT_PROXY_HEADER - 16);
	assert_int_equal(proxy_wants(p, 16), LIMIT_PROXY_HEADER - 16);
	p[15]++;
	assert_int_equal(proxy_wants(p, 16), -1);
	assert_int_equal(proxy_wants(NULL, 0), 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_says),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
