/*
 * A manifest as JSON: nothing is lost, and nothing else is taken for one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mail_lies.h"
#include "mail_parsed.h"

static void
a_manifest_survives_its_json(void **state)
{
	struct manifest *m = parsed(mail_nested), *again;
	struct buf b = BUF_INIT, twice = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_int_equal(manifest_encode(again, &twice, &e), 0);
	assert_int_equal(b.len, twice.len);
	assert_memory_equal(b.data, twice.data, b.len);
	assert_memory_equal(m->parts[4].sha256, again->parts[4].sha256, 32);
	assert_ptr_equal(manifest_part(again, 6), NULL);
	assert_ptr_equal(manifest_part(again, 5), &again->parts[5]);
	manifest_free(again);
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(manifest_decode(b.data, i, &again, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
	}
	manifest_free(m);
	buf_free(&b);
	buf_free(&twice);
}

/* No other version says it, and it says nothing but yes. */
static void
it_is_told_of_a_program(void **state)
{
	struct manifest *m = parsed(mail_nested), *again;
	struct buf b = BUF_INIT;
	const char *at;
	struct err e;

	(void)state;
	assert_false(m->automatic);
	m->automatic = true;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_true(again->automatic);
	manifest_free(again);
	at = strstr(buf_cstr(&b), "\"automatic\":true");
	assert_non_null(at);
	lie_is_refused(&b, at, "\"automatic\":true", "\"automatic\":false");
	at = strstr(buf_cstr(&b), "\"version\":4");
	assert_non_null(at);
	lie_is_refused(&b, at, "\"version\":4", "\"version\":3");
	manifest_free(m);
	buf_free(&b);
}

static void
a_manifest_with_lies_is_corrupt(void **state)
{
	static const char *const lies[][2] = {
	    {"\"version\":1", "\"version\":2"},
	    {"\"text_part\":2", "\"text_part\":0"},
	    {"\"text_part\":2", "\"text_part\":9"},
	    {"\"depth\":2", "\"depth\":33"},
	    {"\"encoding\":\"qp\"", "\"encoding\":\"zz\""},
	    {"\"cut\":false", "\"more\":false"},
	    {"\"offset\":", "\"offset\":99"},
	};
	struct manifest *m = parsed(mail_nested);
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const char *at = strstr(buf_cstr(&b), lies[i][0]);

		assert_non_null(at);
		/* The last offset: the one that is far enough to lie. */
		for (const char *p = at; i == 6 && p != NULL;
		     p = strstr(p + 1, lies[i][0]))
			at = p;
		lie_is_refused(&b, at, lies[i][0], lies[i][1]);
	}
	manifest_free(m);
	buf_free(&b);
}

static void
a_connection_survives_too(void **state)
{
	const struct mail_connection c = {.client = "2001:db8::1",
	    .helo = "mx\x01.\xff example",
	    .tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
	    .account = "alice@acme.example"};
	struct manifest *m = parsed(mail_nested), *again;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(manifest_connection(m, &c, &e), 0);
	assert_int_equal(manifest_encode(m, &b, &e), 0);
	assert_non_null(strstr(buf_cstr(&b), "\"version\":3"));
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_memory_equal(&again->connection, &m->connection, sizeof(c));
	assert_string_equal(
	    again->connection.helo, "mx\xef\xbf\xbd.\xef\xbf\xbd example");
	assert_string_equal(again->connection.certificate, "");
	manifest_free(again);
	manifest_free(m);
	buf_free(&b);
}

static struct manifest *
with_file(struct buf *json)
{
	struct manifest *m = parsed(mail_nested);
	struct mail_beside where = {.id = id_new(), .chunks = 3};
	struct err e;

	for (size_t i = 0; i < sizeof(where.header); i++)
		where.header[i] = (uint8_t)i;
	memset(where.key, 0xc5, sizeof(where.key));
	assert_int_equal(manifest_add(m, "film.mov", "video/quicktime",
			     UINT64_C(5000000000), &where, &e),
	    0);
	assert_int_equal(manifest_encode(m, json, &e), 0);
	return m;
}

static void
a_file_beside_survives_too(void **state)
{
	struct buf b = BUF_INIT;
	struct manifest *m = with_file(&b), *again;
	const struct mail_part *p;
	struct err e;

	(void)state;
	assert_non_null(strstr(buf_cstr(&b), "\"version\":2"));
	assert_int_equal(manifest_decode(b.data, b.len, &again, &e), 0);
	assert_int_equal(again->n_parts, m->n_parts);
	p = manifest_part(again, (uint32_t)again->n_parts - 1);
	assert_int_equal(p->no, again->n_parts - 1);
	assert_string_equal(p->name, "film.mov");
	assert_string_equal(p->type, "video/quicktime");
	assert_true(p->leaf && p->attached);
	assert_int_equal(p->size, UINT64_C(5000000000));
	assert_int_equal(p->length, 0);
	assert_memory_equal(
	    &p->beside, &m->parts[p->no].beside, sizeof(p->beside));
	for (size_t i = 0; i < p->no; i++)
		assert_true(id_is_zero(&again->parts[i].beside.id));
	manifest_free(again);
	manifest_free(m);
	buf_free(&b);
}

static void
a_file_beside_with_lies_is_corrupt(void **state)
{
	static const char *const lies[][2] = {
	    {"\"version\":2", "\"version\":1"},
	    {"\"version\":2", "\"version\":3"},
	    {"\"chunks\":3", "\"chunks\":0"},
	    {"\"chunks\":3", "\"chunks\":4294967296"},
	    {"\"key\":\"c5", "\"key\":\"x5"},
	    {"\"key\":\"c5", "\"key\":\""},
	    {"\"header\":\"00", "\"header\":\"0000"},
	    {"\"beside\":", "\"Beside\":"},
	    {"\"length\":0,\"size\":5", "\"length\":1,\"size\":5"},
	};
	struct buf b = BUF_INIT;
	struct manifest *m = with_file(&b), *again;
	const char *s = buf_cstr(&b);
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const char *at = strstr(s, lies[i][0]);
		struct buf bad = BUF_INIT;

		if (at == NULL)
			fail_msg("%s is not there", lies[i][0]);
		assert_int_equal(buf_add(&bad, s, (size_t)(at - s)), 0);
		assert_int_equal(buf_adds(&bad, lies[i][1]), 0);
		assert_int_equal(buf_adds(&bad, at + strlen(lies[i][0])), 0);
		if (manifest_decode(bad.data, bad.len, &again, &e) == 0)
			fail_msg("%s was taken", lies[i][1]);
		assert_int_equal(e.code, ERR_CORRUPT);
		buf_free(&bad);
	}
	manifest_free(m);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_manifest_survives_its_json),
	    cmocka_unit_test(it_is_told_of_a_program),
	    cmocka_unit_test(a_manifest_with_lies_is_corrupt),
	    cmocka_unit_test(a_connection_survives_too),
	    cmocka_unit_test(a_file_beside_survives_too),
	    cmocka_unit_test(a_file_beside_with_lies_is_corrupt),
	};

	mail_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
