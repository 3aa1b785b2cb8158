/* test_desk_envelope.c: the accepting process's signature, and every change of what it covers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "desk/internal.h"

#define READERS 3

static struct seal_signer signer;
static struct id tenant;
static struct message m;
static struct reader_row readers[READERS];

static int
begin(void **state)
{
	(void)state;
	if (secret_init() == -1)
		return -1;
	seal_signer_new(&signer);
	tenant = id_new();
	m.id = id_new();
	m.created = 1700000000000000;
	m.expires = m.created + 1;
	snprintf(m.sender, sizeof(m.sender), "alice@here.example");
	snprintf(m.sender_name, sizeof(m.sender_name), "Alice");
	m.sender_account = id_new();
	m.in_reply_to = id_new();
	secret_random(m.ephemeral_pk, sizeof(m.ephemeral_pk));
	secret_random(m.dek_commit, sizeof(m.dek_commit));
	secret_random(m.content_header, sizeof(m.content_header));
	secret_random(m.signer_cert, sizeof(m.signer_cert));
	if (buf_adds(&m.manifest, "a sealed manifest") == -1)
		return -1;
	for (uint32_t i = 0; i < READERS; i++) {
		readers[i].slot = i;
		readers[i].role = i == 0 ? READER_SENDER : READER_RECIPIENT;
		snprintf(readers[i].key, sizeof(readers[i].key),
		    "reader%u@there.example", (unsigned)i);
	}
	return parcel_sign(&signer, &tenant, &m, readers, READERS, m.signature);
}

static int
end(void **state)
{
	(void)state;
	buf_free(&m.manifest);
	return 0;
}

static bool
right(void)
{
	return parcel_verify(signer.pk, &tenant, &m, readers, READERS) == 0;
}

/* One bit of a field changed is seen, and changed back it is not. */
static void
any_bit_of_a_field(void **state)
{
#define FIELD(x)                    \
	{                           \
#x, &(x), sizeof(x) \
	}
	const struct {
		const char *name;
		void *p;
		size_t n;
	} fields[] = {FIELD(tenant), FIELD(m.id), FIELD(m.created),
	    FIELD(m.sender_account), FIELD(m.in_reply_to),
	    FIELD(m.ephemeral_pk), FIELD(m.dek_commit), FIELD(m.content_header),
	    FIELD(m.signer_cert), FIELD(m.signature), FIELD(readers[1].slot),
	    {"sender", m.sender, strlen(m.sender)},
	    {"sender_name", m.sender_name, strlen(m.sender_name)},
	    {"manifest", m.manifest.data, m.manifest.len},
	    {"a reader's key", readers[2].key, strlen(readers[2].key)}};

	(void)state;
	assert_true(right());
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint8_t *p = fields[i].p;

		for (size_t at = 0; at < fields[i].n; at++) {
			p[at] ^= 1;
			if (right())
				fail_msg("%s, byte %zu", fields[i].name, at);
			p[at] ^= 1;
		}
		assert_true(right());
	}
}

static void
who_reads_it(void **state)
{
	struct reader_row swap;

	(void)state;
	assert_true(right());
	assert_int_equal(
	    parcel_verify(signer.pk, &tenant, &m, readers, READERS - 1), -1);
	assert_int_equal(parcel_verify(signer.pk, &tenant, &m, NULL, 0), -1);
	swap = readers[1];
	readers[1] = readers[2];
	readers[2] = swap;
	assert_false(right());
	swap = readers[1];
	readers[1] = readers[2];
	readers[2] = swap;
	readers[0].role = READER_RECIPIENT;
	assert_false(right());
	readers[0].role = READER_SENDER;
	assert_true(right());
}

/* Texts cannot lend each other their ends. */
static void
borders_between_fields(void **state)
{
	(void)state;
	snprintf(readers[1].key, sizeof(readers[1].key), "a");
	snprintf(readers[2].key, sizeof(readers[2].key), "bc");
	assert_int_equal(
	    parcel_sign(&signer, &tenant, &m, readers, READERS, m.signature),
	    0);
	assert_true(right());
	snprintf(readers[1].key, sizeof(readers[1].key), "ab");
	snprintf(readers[2].key, sizeof(readers[2].key), "c");
	assert_false(right());
}

/* The end of a message moves when it is opened: it is no part of the envelope. */
static void
what_may_change(void **state)
{
	struct seal_signer other;

	(void)state;
	assert_int_equal(
	    parcel_sign(&signer, &tenant, &m, readers, READERS, m.signature),
	    0);
	m.expires += 1000;
	readers[1].first_displayed = 7;
	assert_true(right());
	/* The control: another process's key is not this one's. */
	seal_signer_new(&other);
	assert_int_equal(
	    parcel_verify(other.pk, &tenant, &m, readers, READERS), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_bit_of_a_field),
	    cmocka_unit_test(who_reads_it),
	    cmocka_unit_test(borders_between_fields),
	    cmocka_unit_test(what_may_change),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
