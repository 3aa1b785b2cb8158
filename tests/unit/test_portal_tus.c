/*
 * test_portal_tus.c: the fields of tus, good and malformed.
 */
#include "portal/tus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void
test_number(void **state)
{
	static const struct {
		const char *s;
		int ret;
		uint64_t v;
	} cases[] = {
	    {"0", 0, 0},
	    {"00", 0, 0},
	    {"2147483648", 0, 2147483648},
	    {"9223372036854775807", 0, INT64_MAX},
	    {"9223372036854775808", -1, 0},
	    {"99999999999999999999999999", -1, 0},
	    {"", -1, 0},
	    {"-1", -1, 0},
	    {"+1", -1, 0},
	    {" 1", -1, 0},
	    {"1 ", -1, 0},
	    {"0x10", -1, 0},
	    {"1,1", -1, 0},
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tus_number(cases[i].s, &v) != cases[i].ret)
			fail_msg("\"%s\"", cases[i].s);
		assert_int_equal(v, cases[i].v);
	}
}

static void
test_checksum(void **state)
{
	static const struct {
		const char *s;
		int ret;
		enum desk_digest kind;
	} cases[] = {
	    {"", 0, DESK_NO_DIGEST},
	    {"sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", 0, DESK_SHA1},
	    {"sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", 0,
		DESK_SHA256},
	    {"sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0", -1, DESK_NO_DIGEST},
	    {"sha1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", -1,
		DESK_NO_DIGEST},
	    {"sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", -1, DESK_NO_DIGEST},
	    {"sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=", -1, DESK_NO_DIGEST},
	    {"sha1", -1, DESK_NO_DIGEST},
	    {"sha1 ", -1, DESK_NO_DIGEST},
	    {"SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", -1, DESK_NO_DIGEST},
	    {"md5 1B2M2Y8AsgTpgAmY7PhCfg==", -1, DESK_NO_DIGEST},
	    {"Kq5sNclPz7QV2+lfQIuc6R7oRu0=", -1, DESK_NO_DIGEST},
	};
	enum desk_digest kind;
	uint8_t d[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tus_checksum(cases[i].s, &kind, d) != cases[i].ret)
			fail_msg("\"%s\"", cases[i].s);
		assert_int_equal(kind, cases[i].kind);
	}
	assert_int_equal(
	    tus_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", &kind, d), 0);
	assert_memory_equal(d, "\x2a\xae\x6c\x35\xc9\x4f\xcf\xb4\x15\xdb", 10);
}

static void
test_metadata(void **state)
{
	static const struct {
		const char *s;
		int ret;
		const char *name, *type;
	} cases[] = {
	    {"", 0, "", ""},
	    {"filename YS5wZGY=", 0, "a.pdf", ""},
	    {"filename YS5wZGY=,filetype dGV4dC9wbGFpbg==", 0, "a.pdf",
		"text/plain"},
	    {"filetype dGV4dC9wbGFpbg==, filename YS5wZGY=", 0, "a.pdf",
		"text/plain"},
	    {"name YS5wZGY=,type dGV4dC9wbGFpbg==", 0, "a.pdf", "text/plain"},
	    {"name Yg==,filename YS5wZGY=", 0, "a.pdf", ""},
	    {"filename,is_secret,relativePath bnVsbA==", 0, "", ""},
	    {"filename ,x", 0, "", ""},
	    {"filename w6kucGRm", 0, "\xc3\xa9.pdf", ""},
	    {"x not base64!", 0, "", ""},
	    {"filename YS5wZGY", -1, "", ""},
	    {"filename YS5wZGY=,filename YS5wZGY=", -1, "", ""},
	    {"filename,filename", -1, "", ""},
	    {"filename YQA=", -1, "", ""},  /* a NUL */
	    {"filename YQph", -1, "", ""},  /* a line */
	    {"filename /w==", -1, "", ""},  /* no UTF-8 */
	    {"filename  YQ==", -1, "", ""}, /* two spaces */
	    {",", -1, "", ""},
	    {"filename YQ==,", -1, "", ""},
	    {",filename YQ==", -1, "", ""},
	    {" YQ==", -1, "", ""},
	};
	struct tus_metadata m;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (tus_metadata(cases[i].s, &m) != cases[i].ret)
			fail_msg("\"%s\"", cases[i].s);
		assert_string_equal(m.name, cases[i].name);
		assert_string_equal(m.type, cases[i].type);
	}
}

/* What is written is read again; what is too long is cut, or is none. */
static void
test_metadata_format(void **state)
{
	char name[2001], type[201];
	struct tus_metadata m;
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(
	    tus_metadata_format("f\xc3\xb3o?>.txt", "text/plain", &b), 0);
	assert_string_equal(buf_cstr(&b),
	    "filename ZsOzbz8+LnR4dA==,filetype dGV4dC9wbGFpbg==");
	assert_int_equal(tus_metadata(buf_cstr(&b), &m), 0);
	assert_string_equal(m.name, "f\xc3\xb3o?>.txt");
	buf_clear(&b);
	memset(name, 'n', sizeof(name) - 1);
	memset(type, 't', sizeof(type) - 1);
	name[sizeof(name) - 1] = type[sizeof(type) - 1] = '\0';
	assert_int_equal(tus_metadata_format(name, type, &b), 0);
	assert_int_equal(tus_metadata(buf_cstr(&b), &m), 0);
	assert_int_equal(strlen(m.name), LIMIT_FILE_NAME * 4);
	assert_string_equal(m.type, "");
	buf_free(&b);
	assert_int_equal(tus_metadata_format("", "", &b), 0);
	assert_int_equal(tus_metadata(buf_cstr(&b), &m), 0);
	assert_string_equal(m.name, "");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_number),
	    cmocka_unit_test(test_checksum),
	    cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_metadata_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
