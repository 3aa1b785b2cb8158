/*
 * test_desk_directory.c: what a process remembers: yes for a while, never no; and what the
 * event loop is told from memory alone. Against a real server.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "db_cluster.h"
#include "desk/internal.h"

#define OK(call)                                           \
	do {                                               \
		if ((call) != 0)                           \
			fail_msg("%s: %s", #call, e.text); \
	} while (0)

static struct settings set;
static struct desk_shared *shared;
static struct desk *desk;
static struct err e;

static int
start(void **state)
{
	static char conninfo[256];

	if (secret_init() == -1 || cluster_start(state) != 0)
		return -1;
	snprintf(conninfo, sizeof(conninfo), "%s",
	    cluster_conninfo("restante_intake", "restante"));
	set.db = conninfo;
	set.keyd = "/nonexistent";
	set.hostname = "mx.host.example";
	shared = desk_shared_new();
	desk = shared != NULL ? desk_open(&set, shared) : NULL;
	return desk != NULL ? 0 : -1;
}

static int
stop(void **state)
{
	desk_close(desk);
	desk_shared_free(shared);
	return cluster_stop(state);
}

/* A change by the operator. */
static void
operator(const char *command)
{
	PGconn *c = cluster_raw("postgres", "restante");

	assert_string_equal(cluster_try(c, command), "00000");
	PQfinish(c);
}

static struct mailbox
box(const char *text)
{
	struct mailbox b;

	OK(mailbox_parse(text, strlen(text), &b, &e));
	return b;
}

static struct desk_envelope
envelope(const char *from)
{
	struct desk_envelope env;

	memset(&env, 0, sizeof(env));
	env.null_sender = from == NULL;
	if (from != NULL)
		env.from = box(from);
	return env;
}

static int
rcpt(const struct desk_sender *s, struct desk_envelope *env, const char *to)
{
	struct desk_given given = {.mailbox = box(to)};

	err_clear(&e);
	return desk_rcpt_add(desk, s, env, &given, &e);
}

static int
rcpt_now(const struct desk_sender *s, struct desk_envelope *env, const char *to)
{
	struct desk_given given = {.mailbox = box(to)};

	return desk_rcpt_now(shared, s, env, &given);
}

static void
memory_ends(void)
{
	usleep((DIRECTORY_MS + 50) * 1000);
}

static void
the_loop_answers_what_a_thread_has_asked(void **state)
{
	const struct desk_sender s = {.client = "198.51.100.7"};
	struct desk_envelope env = envelope("dora@far.example");

	(void)state;
	/* Nothing is known: a thread is asked for each. */
	assert_int_equal(desk_mail_now(shared, &s, &env), 0);
	OK(desk_mail(desk, &s, &env, &e));
	assert_int_equal(rcpt_now(&s, &env, "member@acme.example"), 0);
	assert_int_equal(env.n_rcpt, 0);
	assert_int_equal(env.n_given, 0);
	OK(rcpt(&s, &env, "member@acme.example"));
	assert_true(id_equal(&env.tenant, &tenant_a));
	assert_true(id_equal(&env.rcpt[0].account, &account_a));
	desk_envelope_clear(&env);
	/* The next message needs no thread. */
	env = envelope("dora@far.example");
	assert_int_equal(desk_mail_now(shared, &s, &env), 1);
	assert_int_equal(rcpt_now(&s, &env, "member@acme.example"), 1);
	assert_int_equal(rcpt_now(&s, &env, "Member@Acme.Example"), 1);
	assert_int_equal(env.n_rcpt, 1);
	assert_int_equal(env.n_given, 1);
	assert_int_equal(env.rcpt[0].way, POLICY_INWARD);
	assert_true(id_equal(&env.rcpt[0].account, &account_a));
	/* A refusal is never from memory: nobody, another tenant's, a list, outside. */
	assert_int_equal(rcpt_now(&s, &env, "nobody@acme.example"), 0);
	assert_int_equal(rcpt_now(&s, &env, "all@acme.example"), 0);
	assert_int_equal(rcpt_now(&s, &env, "x@far.example"), 0);
	OK(rcpt(&s, &env, "member@acme.example"));
	assert_int_equal(rcpt(&s, &env, "x@far.example"), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(rcpt(&s, &env, "member@globex.example"), -1);
	assert_int_equal(e.code, ERR_TOO_MANY);
	assert_int_equal(rcpt_now(&s, &env, "member@globex.example"), 0);
	assert_int_equal(env.n_rcpt, 1);
	desk_envelope_clear(&env);
	/* Its time over, it is asked again. */
	memory_ends();
	env = envelope("dora@far.example");
	assert_int_equal(desk_mail_now(shared, &s, &env), 0);
	assert_int_equal(rcpt_now(&s, &env, "member@acme.example"), 0);
	desk_envelope_clear(&env);
}

static void
the_loop_refuses_no_sender(void **state)
{
	const struct desk_sender s = {.client = "198.51.100.7"},
				 relay = {.client = "192.0.2.77"};
	struct desk_envelope env = envelope("member@acme.example");

	(void)state;
	assert_int_equal(desk_mail(desk, &s, &env, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(desk_mail_now(shared, &s, &env), 0);
	assert_false(env.proved);
	assert_true(id_is_zero(&env.tenant));
	/* The same address from the tenant's own server. */
	OK(desk_mail(desk, &relay, &env, &e));
	assert_true(env.proved);
	assert_true(id_equal(&env.tenant, &tenant_a));
	assert_true(id_equal(&env.account, &account_a));
	assert_int_equal(env.sender_class, POLICY_TRUSTED);
	desk_envelope_clear(&env);
	env = envelope("member@acme.example");
	assert_int_equal(desk_mail_now(shared, &relay, &env), 1);
	assert_true(env.proved);
	desk_envelope_clear(&env);
	/* An address without a member: proved, without an account. */
	env = envelope("robot@acme.example");
	OK(desk_mail(desk, &relay, &env, &e));
	assert_true(env.proved);
	assert_true(id_is_zero(&env.account));
	OK(rcpt(&relay, &env, "x@far.example"));
	assert_int_equal(env.rcpt[0].way, POLICY_OUTWARD);
	desk_envelope_clear(&env);
}

static void
who_is_new_is_known_at_once(void **state)
{
	const struct desk_sender s = {.client = "198.51.100.7"};
	struct desk_envelope env = envelope(NULL);
	char command[256], tenant[ID_TEXT_LEN], account[ID_TEXT_LEN];

	(void)state;
	id_format(&tenant_a, tenant);
	id_format(&account_a, account);
	OK(desk_mail(desk, &s, &env, &e));
	assert_int_equal(rcpt(&s, &env, "new@acme.example"), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	snprintf(command, sizeof(command),
	    "INSERT INTO mail_alias (tenant_id, address_key, account_id)"
	    " VALUES ('%s', 'new@acme.example', '%s')",
	    tenant, account);
	operator(command);
	OK(rcpt(&s, &env, "new@acme.example"));
	assert_string_equal(env.rcpt[0].mailbox.key, "member@acme.example");
	desk_envelope_clear(&env);
	/* Taken away it is known for a while: the control of the end of memory. */
	operator(
	    "DELETE FROM mail_alias WHERE address_key = 'new@acme.example'");
	env = envelope(NULL);
	OK(rcpt(&s, &env, "new@acme.example"));
	desk_envelope_clear(&env);
	memory_ends();
	env = envelope(NULL);
	assert_int_equal(rcpt(&s, &env, "new@acme.example"), -1);
	desk_envelope_clear(&env);
}

static void
a_rule_made_looser_is_known_at_once(void **state)
{
	const struct desk_sender s = {.client = "198.51.100.7"};
	struct desk_envelope env = envelope("dora@far.example");

	(void)state;
	operator("UPDATE tenant SET inward_policy = 3 WHERE slug = 'acme'");
	memory_ends();
	assert_int_equal(rcpt(&s, &env, "member@acme.example"), -1);
	assert_int_equal(e.code, ERR_UNWANTED);
	operator("UPDATE tenant SET inward_policy = 1 WHERE slug = 'acme'");
	usleep((DIRECTORY_FRESH_MS + 20) * 1000);
	OK(rcpt(&s, &env, "member@acme.example"));
	desk_envelope_clear(&env);
}

static void
tenants_and_keys(void **state)
{
	struct tenant t;
	struct account a;
	struct account_key k;
	const struct id nobody = id_new();

	(void)state;
	assert_int_equal(directory_tenant(desk, &tenant_b, &t, &e), 1);
	assert_string_equal(t.slug, "globex");
	assert_int_equal(directory_tenant(desk, &nobody, &t, &e), 0);
	assert_int_equal(
	    directory_account(desk, &tenant_a, "member@acme.example", &a, &e),
	    1);
	assert_true(id_equal(&a.id, &account_a));
	/* Another tenant's is not found by its address, remembered or not. */
	assert_int_equal(
	    directory_account(desk, &tenant_b, "member@acme.example", &a, &e),
	    0);
	assert_int_equal(
	    directory_account(desk, &tenant_a, "member@acme.example", &a, &e),
	    1);
	/* Its key has no certificate of keyd's here: it is not handed out, nor remembered. */
	assert_int_equal(directory_key(desk, &tenant_a, &a, &k, &e), -1);
	assert_int_equal(directory_key(desk, &tenant_a, &a, &k, &e), -1);
	a.id = nobody;
	assert_int_equal(directory_key(desk, &tenant_a, &a, &k, &e), 0);
}

static void
without_the_database(void **state)
{
	const struct desk_sender s = {.client = "198.51.100.7"};
	struct settings away = set;
	struct desk *d;
	struct desk_envelope env = envelope("dora@far.example");
	struct desk_given given = {.mailbox = box("member@acme.example")};

	(void)state;
	away.db = "host=/nonexistent dbname=restante";
	d = desk_open(&away, shared);
	assert_non_null(d);
	memory_ends();
	assert_int_equal(desk_mail(d, &s, &env, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(desk_rcpt_add(d, &s, &env, &given, &e), -1);
	assert_int_equal(e.code, ERR_UNAVAILABLE);
	assert_int_equal(env.n_rcpt, 0);
	desk_envelope_clear(&env);
	desk_close(d);
}

/* More addresses than there is room for, by several threads, while another one changes rules. */
#define THREADS 4
#define ROUNDS  3000

static void *
hammer(void *arg)
{
	struct directory_ask q = {.dir = desk_directory(shared)};
	struct desk *d = desk_open(&set, shared);
	struct address_row row;
	const struct rules *rules;
	char key[64];
	struct err err;
	long wrong = 0;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		snprintf(key, sizeof(key), "tag%d@acme.example",
		    (i * 7919) % (LIMIT_DIRECTORY * 2));
		memset(&row, 0, sizeof(row));
		row.kind = ADDRESS_ALIAS;
		snprintf(row.key, sizeof(row.key), "%s", key);
		directory_learn(&q, &tenant_a, key, &row);
		q.d = NULL;
		if (directory_address(&q, &tenant_a, key, &row, &err) == 1 &&
		    strcmp(row.key, key) != 0)
			wrong++;
		if (directory_address(&q, &tenant_b, key, &row, &err) != 0)
			wrong++;
		q.d = d;
		q.fresh = i % 3 == 0;
		if (i % 10 == 0 &&
		    (directory_rules(&q, i % 20 == 0 ? &tenant_a : &tenant_b,
			 &rules, &err) != 1 ||
			strcmp(rules->tenant.slug,
			    i % 20 == 0 ? "acme" : "globex") != 0))
			wrong++;
		if (i % 10 == 0)
			directory_rules_drop(rules);
		q.fresh = false;
	}
	desk_close(d);
	*(long *)arg = wrong;
	return NULL;
}

static void
many_threads(void **state)
{
	pthread_t thread[THREADS];
	long wrong[THREADS];
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&thread[i], NULL, hammer, &wrong[i]), 0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_loop_answers_what_a_thread_has_asked),
	    cmocka_unit_test(the_loop_refuses_no_sender),
	    cmocka_unit_test(who_is_new_is_known_at_once),
	    cmocka_unit_test(a_rule_made_looser_is_known_at_once),
	    cmocka_unit_test(tenants_and_keys),
	    cmocka_unit_test(many_threads),
	    cmocka_unit_test(without_the_database),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
