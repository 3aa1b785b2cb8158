/* Certificates of clients: whose authority counts, and of which no ticket is given. */
#include "front/shown.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"

#define CHAIN 3

struct made {
	X509 *cert;
	EVP_PKEY *key;
};

static long serial;

static void
extend(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* By issuer, or by itself; valid from days before now to days after. */
static struct made
make(const char *name, const struct made *issuer, const char *basic, int from,
    int to)
{
	struct made m = {X509_new(), EVP_EC_gen("P-256")};
	const struct made *by = issuer != NULL ? issuer : &m;
	X509_NAME *subject = X509_get_subject_name(m.cert);

	assert_non_null(m.key);
	assert_int_equal(X509_set_version(m.cert, 2), 1);
	assert_int_equal(
	    ASN1_INTEGER_set(X509_get_serialNumber(m.cert), ++serial), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
			     (const unsigned char *)name, -1, -1, 0),
	    1);
	(void)X509_set_issuer_name(m.cert, X509_get_subject_name(by->cert));
	(void)X509_gmtime_adj(X509_getm_notBefore(m.cert), from * 86400L);
	(void)X509_gmtime_adj(X509_getm_notAfter(m.cert), to * 86400L);
	(void)X509_set_pubkey(m.cert, m.key);
	if (basic != NULL)
		extend(m.cert, NID_basic_constraints, basic);
	assert_true(X509_sign(m.cert, by->key, EVP_sha256()) > 0);
	return m;
}

static void
unmake(struct made *m)
{
	X509_free(m->cert);
	EVP_PKEY_free(m->key);
}

static void
print(const struct made *m, char out[SHOWN_LEN])
{
	unsigned char md[32];

	out[0] = '\0';
	if (m == NULL)
		return;
	assert_int_equal(X509_digest(m->cert, EVP_sha256(), md, NULL), 1);
	text_hex(md, sizeof(md), out);
}

static SSL_CTX *
server_context(const struct made *own)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(SSL_CTX_use_certificate(ctx, own->cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, own->key), 1);
	shown_ask(ctx);
	return ctx;
}

/* A handshake in memory with a client that shows leaf and chain. -1: it failed. */
static int
shake(SSL_CTX *server, int version, const struct made *leaf,
    const struct made *const chain[CHAIN], struct shown *out, int *tickets_out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *a = SSL_new(server), *b;
	BIO *left, *right;
	char byte;
	int ra = 0, rb = 0;

	(void)SSL_CTX_set_min_proto_version(ctx, version);
	(void)SSL_CTX_set_max_proto_version(ctx, version);
	b = SSL_new(ctx);
	assert_int_equal(BIO_new_bio_pair(&left, 1 << 16, &right, 1 << 16), 1);
	SSL_set_bio(a, left, left);
	SSL_set_bio(b, right, right);
	SSL_set_accept_state(a);
	SSL_set_connect_state(b);
	if (leaf != NULL) {
		assert_int_equal(SSL_use_certificate(b, leaf->cert), 1);
		assert_int_equal(SSL_use_PrivateKey(b, leaf->key), 1);
		for (int i = 0; i < CHAIN && chain[i] != NULL; i++)
			assert_int_equal(
			    SSL_add1_chain_cert(b, chain[i]->cert), 1);
	}
	for (int i = 0; i < 10 && (ra != 1 || rb != 1); i++) {
		rb = SSL_do_handshake(b);
		ra = SSL_do_handshake(a);
	}
	(void)SSL_read(b, &byte, 1); /* tickets come behind */
	*tickets_out = SSL_SESSION_has_ticket(SSL_get0_session(b));
	shown_read(a, out);
	SSL_free(a);
	SSL_free(b);
	SSL_CTX_free(ctx);
	return ra == 1 && rb == 1 ? 0 : -1;
}

enum { ROOT, MIDDLE, LEAF, ALONE, LOOSE, FALSE_LEAF, OLD_ROOT, OF_OLD, MADE };

static void
test_authority(void **state)
{
	static const struct {
		const char *name;
		int leaf;
		int chain[CHAIN];
		int authorities[CHAIN]; /* one more than their number */
	} cases[] = {
	    {"none", -1, {-1, -1, -1}, {0}},
	    {"alone", ALONE, {-1, -1, -1}, {0}},
	    {"alone, shown twice", ALONE, {ALONE, -1, -1}, {0}},
	    {"without what signed it", LEAF, {-1, -1, -1}, {0}},
	    {"with one", LEAF, {MIDDLE, -1, -1}, {1 + MIDDLE}},
	    {"with both", LEAF, {MIDDLE, ROOT, -1}, {1 + MIDDLE, 1 + ROOT}},
	    {"with both in disorder", LEAF, {ROOT, MIDDLE, -1},
		{1 + ROOT, 1 + MIDDLE}},
	    {"with a gap", LEAF, {ROOT, -1, -1}, {0}},
	    {"somebody else's authority", ALONE, {ROOT, -1, -1}, {0}},
	    {"somebody else's behind its own", LEAF, {MIDDLE, LOOSE, ROOT},
		{1 + MIDDLE, 1 + ROOT}},
	    {"by a leaf", FALSE_LEAF, {LEAF, MIDDLE, ROOT}, {0}},
	    {"by an authority that is over", OF_OLD, {OLD_ROOT, -1, -1}, {0}},
	};
	struct made made[MADE];
	SSL_CTX *ctx;

	(void)state;
	made[ROOT] = make("root", NULL, "critical,CA:TRUE", -2, 2);
	made[MIDDLE] = make("middle", &made[ROOT], "critical,CA:TRUE", -2, 2);
	made[LEAF] = make("leaf", &made[MIDDLE], "critical,CA:FALSE", -2, 2);
	made[ALONE] = make("alone", NULL, NULL, -2, 2);
	made[LOOSE] = make("loose", NULL, "critical,CA:TRUE", -2, 2);
	made[FALSE_LEAF] = make("false", &made[LEAF], NULL, -2, 2);
	made[OLD_ROOT] = make("old", NULL, "critical,CA:TRUE", -2, -1);
	made[OF_OLD] = make("of old", &made[OLD_ROOT], NULL, -2, 2);
	ctx = server_context(&made[ALONE]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct made *chain[CHAIN], *leaf = NULL;
		char certificate[SHOWN_LEN], one[SHOWN_LEN];
		struct buf want = BUF_INIT;
		struct shown shown;
		int tickets;

		print_message("%s\n", cases[i].name);
		for (int k = 0; k < CHAIN; k++)
			chain[k] = cases[i].chain[k] >= 0 ?
			    &made[cases[i].chain[k]] :
			    NULL;
		if (cases[i].leaf >= 0)
			leaf = &made[cases[i].leaf];
		print(leaf, certificate);
		for (int k = 0; k < CHAIN && cases[i].authorities[k] > 0; k++) {
			print(&made[cases[i].authorities[k] - 1], one);
			assert_int_equal(
			    buf_addf(&want, "%s%s", k > 0 ? " " : "", one), 0);
		}
		for (int v = TLS1_2_VERSION; v <= TLS1_3_VERSION; v++) {
			assert_int_equal(
			    shake(ctx, v, leaf, chain, &shown, &tickets), 0);
			assert_string_equal(shown.certificate, certificate);
			assert_string_equal(shown.authorities, buf_cstr(&want));
			if (v == TLS1_3_VERSION)
				assert_int_equal(tickets, leaf == NULL);
		}
		buf_free(&want);
	}
	SSL_CTX_free(ctx);
	for (int i = 0; i < MADE; i++)
		unmake(&made[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
