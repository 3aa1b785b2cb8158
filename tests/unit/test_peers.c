/* Neighbours: which addresses are one, who is held how long, many at once. */
#include "base/peers.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/secret.h"

static struct sockaddr_storage
address(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;

	if (strchr(text, ':') != NULL) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(1);
		assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)strlen(text));
		assert_int_equal(inet_pton(AF_INET, text, &v4->sin_addr), 1);
	}
	return ss;
}

static struct peer *
hold(struct peers *p, const char *text)
{
	struct sockaddr_storage ss = address(text);
	struct peer *peer = peer_hold(p, (struct sockaddr *)&ss);

	assert_non_null(peer);
	return peer;
}

static void
test_who_is_one(void **state)
{
	static const struct {
		const char *name, *a, *b;
		bool one;
	} cases[] = {
	    {"an address", "192.0.2.1", "192.0.2.1", true},
	    {"two addresses", "192.0.2.1", "192.0.2.2", false},
	    {"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", true},
	    {"two of them", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
	    {"a /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff",
		true},
	    {"two /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
	    {"loopbacks", "127.0.0.1", "::1", false},
	    {"the same bytes", "32.1.13.184", "2001:db8::", false},
	};
	struct peers *p = peers_new();

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *a = hold(p, cases[i].a), *b = hold(p, cases[i].b);

		if ((a == b) != cases[i].one ||
		    (a->key == b->key) != cases[i].one || a->key == 0)
			fail_msg("%s", cases[i].name);
		peer_drop(p, a);
		peer_drop(p, b);
	}
	assert_int_equal(peers_count(p), 0);
	peers_free(p);
	peers_free(NULL);
}

static void
test_held_until_dropped(void **state)
{
	struct peers *p = peers_new();
	struct peer *a = hold(p, "192.0.2.1"), *b;
	uint64_t key = a->key;

	(void)state;
	a->connections = 7;
	b = hold(p, "192.0.2.1");
	assert_ptr_equal(a, b);
	peer_drop(p, b);
	assert_int_equal(peers_count(p), 1);
	assert_int_equal(hold(p, "192.0.2.1")->connections, 7);
	peer_drop(p, a);
	peer_drop(p, a);
	assert_int_equal(peers_count(p), 0);
	peer_drop(p, NULL);
	/* Who comes again begins anew, under the same key. */
	a = hold(p, "192.0.2.1");
	assert_int_equal(a->connections, 0);
	assert_int_equal(a->key, key);
	peers_free(p); /* with what is held */
}

/* More than there are buckets, and in any order: each keeps its own counts. */
/* A session is nobody's address, and the same wherever it is. */
static void
test_session(void **state)
{
	struct peers *p = peers_new();
	struct peer *a = peer_hold_session(p, 7), *b = peer_hold_session(p, 7);
	struct peer *c = peer_hold_session(p, 8), *d = hold(p, "7.0.0.0");

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_ptr_not_equal(a, d);
	peers_free(p);
}

static void
test_many(void **state)
{
	enum { N = 5000 };
	static struct peer *peer[N];
	struct peers *p = peers_new();
	char text[32];

	(void)state;
	for (int i = 0; i < N; i++) {
		(void)snprintf(
		    text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
		peer[i] = hold(p, text);
		peer[i]->bodies = (unsigned)i;
	}
	assert_int_equal(peers_count(p), N);
	for (int i = 0; i < N; i++) {
		(void)snprintf(
		    text, sizeof(text), "10.0.%d.%d", i / 250, i % 250);
		assert_ptr_equal(hold(p, text), peer[i]);
		peer_drop(p, peer[i]);
		assert_int_equal(peer[i]->bodies, i);
	}
	for (int i = 0; i < N; i += 2)
		peer_drop(p, peer[i]);
	assert_int_equal(peers_count(p), N / 2);
	for (int i = N - 1; i > 0; i -= 2) {
		assert_int_equal(peer[i]->bodies, i);
		peer_drop(p, peer[i]);
	}
	assert_int_equal(peers_count(p), 0);
	peers_free(p);
}

/* Another process, another hash: nobody can choose addresses beforehand. */
static void
test_keyed(void **state)
{
	struct peers *p = peers_new(), *q = peers_new();

	(void)state;
	assert_int_not_equal(
	    hold(p, "192.0.2.1")->key, hold(q, "192.0.2.1")->key);
	peers_free(p);
	peers_free(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_who_is_one),
	    cmocka_unit_test(test_held_until_dropped),
	    cmocka_unit_test(test_session),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_keyed),
	};

	if (secret_init() == -1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
