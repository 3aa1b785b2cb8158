/*
 * test_front_book.c: certificates and keys as ACME clients leave them, what is wrong with
 * some, and that a place with anything wrong keeps what it had.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "front/book.h"
#include "front/pair.h"
#include "front/tls.h"

static char root[64];

/* Made once, with an authority of its own: leaf NAME KEYTYPE [openssl x509 options]. */
static const char make[] =
    "set -e; cd '%s'; exec 2>/dev/null\n"
    "EC='ec -pkeyopt ec_paramgen_curve:P-256'\n"
    "openssl req -x509 -newkey $EC -nodes -subj /CN=ca -days 9"
    " -keyout ca.key -out ca.crt\n"
    "leaf() { n=$1 kind=$2; shift 2\n"
    " openssl req -new -newkey $kind -nodes -subj /CN=$n -keyout $n.key -out r\n"
    " printf 'subjectAltName=DNS:%%s,DNS:www.%%s' $n $n >ext\n"
    " openssl x509 -req -in r -CA ca.crt -CAkey ca.key -days 9 -extfile ext"
    " -out $n.crt \"$@\"; }\n"
    "leaf a.example \"$EC\"; leaf b.example rsa:2048; leaf old.example \"$EC\""
    " -days -1; leaf weak.example rsa:1024; leaf ed.example ed25519\n"
    "openssl ec -in a.example.key -aes256 -passout pass:x -out locked.key\n"
    "mkdir -p hosts none archive\n"
    "cat a.example.crt ca.crt >archive/full; cp a.example.crt archive/cert\n"
    "cp a.example.key archive/key\n";

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
sh(const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (system(text) != 0)
		fail_msg("%s", text);
}

static int
begin(void **state)
{
	(void)state;
	assert_int_equal(secret_init(), 0);
	log_open("test", LOG_LEVEL_ERROR);
	/* What is refused here is said in the log. */
	assert_non_null(freopen("/dev/null", "w", stderr));
	(void)snprintf(root, sizeof(root), "/tmp/restante-book.XXXXXX");
	assert_non_null(mkdtemp(root));
	sh(make, root);
	return 0;
}

static int
finish(void **state)
{
	(void)state;
	sh("rm -r '%s'", root);
	return 0;
}

static struct book *
read_all(const char *cert, const char *key, bool hosts, const struct book *old)
{
	char chain[256], secret[256], dir[128];
	struct settings set = {.tls_cert = chain, .tls_key = secret};
	struct err e = {0};

	(void)snprintf(chain, sizeof(chain), "%s/%s", root, cert);
	(void)snprintf(secret, sizeof(secret), "%s/%s", root, key);
	(void)snprintf(dir, sizeof(dir), "%s/hosts", root);
	if (hosts)
		set.tls_dir = dir;
	return book_read(&set, old, &e);
}

static size_t
pairs_of(const struct book *b, const char *place)
{
	size_t n = 0;

	for (size_t i = 0; b != NULL && i < b->n; i++)
		n += strcmp(b->pair[i].place, place) == 0;
	return n;
}

/* Puts a place under hosts/, reads, and takes it away; how many pairs it gave. */
static size_t
place_gives(const char *make_it)
{
	struct book *b;
	size_t n;

	sh("cd '%s' && mkdir hosts/p && cd hosts/p && %s", root, make_it);
	b = read_all("b.example.crt", "b.example.key", true, NULL);
	assert_non_null(b);
	n = pairs_of(b, "p");
	book_free(b);
	sh("rm -r '%s/hosts/p'", root);
	return n;
}

static void
layouts(void **state)
{
	static const struct {
		const char *name, *make;
		size_t pairs;
	} rows[] = {
	    {"certbot",
		"ln -s ../../archive/full fullchain.pem && ln -s"
		" ../../archive/cert cert.pem && ln -s ../../archive/key"
		" privkey.pem && ln -s ../../ca.crt chain.pem && echo x >README",
		1},
	    {"acme.sh",
		"cp ../../a.example.crt a.example.cer && cp ../../archive/full"
		" fullchain.cer && cp ../../ca.crt ca.cer && cp"
		" ../../a.example.key . && echo x >a.example.conf",
		1},
	    {"lego",
		"cp ../../a.example.crt ../../a.example.key"
		" ../../b.example.crt ../../b.example.key . && cp ../../ca.crt"
		" a.example.issuer.crt && echo {} >a.example.json",
		2},
	    {"all in one file",
		"cat ../../archive/full ../../archive/key >all.pem", 1},
	    {"both kinds",
		"cp ../../archive/full ecdsa.pem && cp ../../archive/key"
		" e.pem && cp ../../b.example.crt r.crt && cp"
		" ../../b.example.key r.key",
		2},
	    {"signed by itself", "cp ../../ca.crt ../../ca.key .", 1},
	    {"empty", "true", 0},
	    {"no key", "cp ../../a.example.crt .", 0},
	    {"another's key", "cp ../../a.example.crt ../../b.example.key .",
		0},
	    {"no certificate", "cp ../../a.example.key .", 0},
	    {"encrypted", "cp ../../a.example.crt ../../locked.key .", 0},
	    {"rubbish for a key",
		"cp ../../a.example.* . && echo '-----BEGIN PRIVATE KEY-----'"
		" >x.key",
		0},
	    {"expired", "cp ../../old.example.crt ../../old.example.key .", 0},
	    {"too weak", "cp ../../weak.example.crt ../../weak.example.key .",
		0},
	    {"of no kind we serve",
		"cp ../../ed.example.crt ../../ed.example.key .", 0},
	    {"one good, one bad",
		"cp ../../a.example.* ../../old.example.crt"
		" ../../old.example.key .",
		0},
	    {"a link to nowhere", "cp ../../a.example.* . && ln -s x y.pem", 0},
	    {"a directory for a file", "cp ../../a.example.* . && mkdir y.pem",
		0},
	    {"too big",
		"cp ../../a.example.* . && head -c 300000 /dev/zero >y.pem", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = place_gives(rows[i].make);

		if (n != rows[i].pairs)
			fail_msg("%s: %zu", rows[i].name, n);
	}
}

static void
chain_is_the_longest(void **state)
{
	struct pair p;
	struct book *b;

	(void)state;
	sh("cd '%s/hosts' && mkdir p && cp ../archive/cert p/a.pem && cp"
	   " ../archive/full p/b.pem && cp ../archive/cert p/c.pem && cp"
	   " ../archive/key p/k.pem",
	    root);
	b = read_all("b.example.crt", "b.example.key", true, NULL);
	assert_int_equal(pairs_of(b, "p"), 1);
	assert_int_equal(
	    pair_read_chain(&p, b->pair[1].chain.data, b->pair[1].chain.len),
	    1);
	assert_int_equal(sk_X509_num(p.chain), 1);
	pair_clear(&p);
	book_free(b);
	sh("rm -r '%s/hosts/p'", root);
}

static void
the_default(void **state)
{
	struct book *b, *kept;

	(void)state;
	assert_null(read_all("none/x", "b.example.key", false, NULL));
	assert_null(read_all("a.example.crt", "b.example.key", false, NULL));
	b = read_all("b.example.crt", "b.example.key", false, NULL);
	assert_int_equal(pairs_of(b, BOOK_DEFAULT), 1);
	kept = read_all("a.example.crt", "b.example.key", false, b);
	assert_int_equal(pairs_of(kept, BOOK_DEFAULT), 1);
	assert_memory_equal(kept->pair[0].chain.data, b->pair[0].chain.data,
	    b->pair[0].chain.len);
	book_free(kept);
	book_free(b);
}

static void
bad_keeps_old_gone_is_gone(void **state)
{
	struct book *b, *next, *last;

	(void)state;
	sh("cd '%s/hosts' && mkdir p q && cp ../a.example.* p && cp"
	   " ../a.example.* q",
	    root);
	b = read_all("b.example.crt", "b.example.key", true, NULL);
	assert_int_equal(b->n, 3);
	sh("cd '%s/hosts' && rm p/*.key && rm -r q", root);
	next = read_all("b.example.crt", "b.example.key", true, b);
	assert_int_equal(pairs_of(next, "p"), 1);
	assert_int_equal(pairs_of(next, "q"), 0);
	/* And once more: what is kept is kept from what was kept. */
	last = read_all("b.example.crt", "b.example.key", true, next);
	assert_int_equal(pairs_of(last, "p"), 1);
	book_free(b);
	book_free(next);
	book_free(last);
	sh("rm -r '%s/hosts/p'", root);
}

/* Who may write there does not stop the parent: a pipe is not waited for. */
static void
no_plain_file(void **state)
{
	static const char *const odd[] = {
	    "mkfifo z.pem", "ln -s /dev/zero z.pem", "mkdir z.pem"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char make_it[128];

		(void)snprintf(make_it, sizeof(make_it),
		    "cp ../../a.example.* . && %s", odd[i]);
		(void)alarm(20);
		assert_int_equal(place_gives(make_it), 0);
		(void)alarm(0);
	}
	assert_int_equal(place_gives("cp ../../a.example.* ."), 1);
}

static void
packed_and_back(void **state)
{
	struct buf packed = BUF_INIT, again = BUF_INIT;
	struct book *b, *same;
	struct err e = {0};

	(void)state;
	sh("cd '%s/hosts' && mkdir p && cp ../a.example.* p", root);
	b = read_all("b.example.crt", "b.example.key", true, NULL);
	assert_int_equal(book_pack(b, &packed), 0);
	assert_non_null(same = book_unpack(packed.data, packed.len));
	assert_int_equal(book_pack(same, &again), 0);
	assert_int_equal(again.len, packed.len);
	assert_memory_equal(again.data, packed.data, packed.len);
	assert_int_equal(tls_use(same, &e), 0);
	assert_int_equal(tls_names(), 2);
	for (size_t n = 4; n < packed.len; n += 97)
		assert_null(book_unpack(packed.data, n));
	/* One that is no good changes nothing. */
	buf_clear(&same->pair[1].key);
	assert_int_equal(tls_use(same, &e), -1);
	assert_int_equal(tls_names(), 2);
	book_free(b);
	book_free(same);
	buf_free(&packed);
	buf_free(&again);
	sh("rm -r '%s/hosts/p'", root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layouts),
	    cmocka_unit_test(chain_is_the_longest),
	    cmocka_unit_test(the_default),
	    cmocka_unit_test(bad_keeps_old_gone_is_gone),
	    cmocka_unit_test(no_plain_file),
	    cmocka_unit_test(packed_and_back),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
