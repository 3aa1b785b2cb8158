/*
 * test_db_store.c: every function of store/ by the role that calls it: found, not
 * found, conflict.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "db_cluster.h"
#include "store/account.h"
#include "store/session.h"
#include "store/sql.h"
#include "store/tenant.h"

#define OK(call)                                           \
	do {                                               \
		if ((call) == -1)                          \
			fail_msg("%s: %s", #call, e.text); \
	} while (0)

static struct db *
begin(const char *role, const struct id *tenant)
{
	struct db *db = cluster_db(role);
	struct err e;

	OK(db_begin(db, tenant, &e));
	return db;
}

static void
end(struct db *db)
{
	struct err e;

	OK(db_commit(db, &e));
	db_close(db);
}

static void
count_tenant(void *arg, const struct tenant *t)
{
	*(int *)arg += id_equal(&t->id, &tenant_a) ||
	    id_equal(&t->id, &tenant_b);
}

static void
tenants(void **state)
{
	struct db *db = cluster_db("restante_ctl");
	struct tenant t = {0}, other;
	struct err e;
	int seen = 0;

	(void)state;
	assert_int_equal(tenant_by_host(db, "acme.localhost", &t, &e), 1);
	assert_true(id_equal(&t.id, &tenant_a));
	assert_string_equal(t.slug, "acme");
	assert_string_equal(t.name, "The acme");
	assert_string_equal(t.domain, "acme.example");
	assert_string_equal(t.color, "#123456");
	assert_string_equal(t.contact, "");
	assert_int_equal(t.retention_days, 30);
	assert_false(t.escrow);
	assert_int_equal(tenant_by_host(db, "acme.localhos", &t, &e), 0);
	assert_int_equal(tenant_by_host(db, "", &t, &e), 0);
	assert_int_equal(tenant_by_domain(db, "globex.example", &t, &e), 1);
	assert_true(id_equal(&t.id, &tenant_b));
	assert_int_equal(tenant_by_domain(db, "partner.example", &t, &e), 0);
	assert_int_equal(tenant_by_slug(db, "globex", &t, &e), 1);
	assert_int_equal(tenant_by_slug(db, "initech", &t, &e), 0);
	assert_int_equal(tenant_list(db, count_tenant, &seen, &e), 0);
	assert_int_equal(seen, 2);
	/* Within a transaction, too; and then only its own by id. */
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(tenant_by_host(db, "globex.localhost", &t, &e), 1);
	assert_int_equal(tenant_get(db, &tenant_a, &other, &e), 1);
	assert_string_equal(other.slug, "acme");
	assert_int_equal(tenant_get(db, &tenant_b, &other, &e), 0);
	db_rollback(db);
	/* Slug, host and domain are one tenant's each. */
	t.id = id_new();
	OK(db_begin(db, &t.id, &e));
	assert_int_equal(tenant_add(db, &t, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	db_close(db);
}

static void
count_account(void *arg, const struct account *a)
{
	*(int *)arg += a->kind == ACCOUNT_GUEST ? 100 : 1;
}

static void
accounts(void **state)
{
	struct account a = {.id = id_new(),
			   .kind = ACCOUNT_GUEST,
			   .address = "Eve@partner.example",
			   .key = "eve@partner.example",
			   .name = "Eve"},
		       b;
	struct db *db = begin("restante_portal", &tenant_a);
	struct err e;
	int seen = 0;

	(void)state;
	assert_int_equal(account_find(db, &tenant_a, a.key, &b, &e), 0);
	OK(account_add(db, &tenant_a, &a, &e));
	b = a;
	b.id = id_new();
	assert_int_equal(account_add(db, &tenant_a, &b, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	/* Without harm to the transaction. */
	assert_int_equal(account_find(db, &tenant_a, a.key, &b, &e), 1);
	assert_true(id_equal(&b.id, &a.id));
	assert_int_equal(b.kind, ACCOUNT_GUEST);
	assert_false(b.admin);
	assert_false(b.active);
	assert_string_equal(b.address, "Eve@partner.example");
	assert_string_equal(b.name, "Eve");
	assert_true(llabs(b.created - clock_now()) < CLOCK_MINUTE);
	assert_int_equal(b.last_login, 0);
	OK(account_activate(db, &tenant_a, &a.id, "Eve E.", &e));
	assert_int_equal(account_activate(db, &tenant_a, &a.id, "Eve", &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(account_logged_in(db, &tenant_a, &a.id, &e));
	assert_int_equal(account_find(db, &tenant_a, a.key, &b, &e), 1);
	assert_true(b.active);
	assert_true(b.last_login > 0);
	assert_string_equal(b.name, "Eve E.");
	assert_int_equal(
	    account_find(db, &tenant_a, "member@globex.example", &b, &e), 0);
	OK(account_list(db, &tenant_a, count_account, &seen, &e));
	assert_int_equal(seen, 101);
	end(db);
}

static void
keys_and_unlockers(void **state)
{
	struct db *db = begin("restante_portal", &tenant_a);
	struct account_key k = {.account = account_a, .version = 2}, all[4];
	struct unlocker u = {.id = id_new(),
			    .account = account_a,
			    .kind = UNLOCKER_PASSWORD},
			v;
	uint8_t cert[SEAL_CERT_LEN];
	struct id nobody = id_new();
	struct err e;
	size_t n;

	(void)state;
	memset(k.pk, 1, sizeof(k.pk));
	memset(k.cert, 2, sizeof(k.cert));
	memset(k.sk_wrap, 3, sizeof(k.sk_wrap));
	OK(account_key_add(db, &tenant_a, &k, &e));
	assert_int_equal(account_key_add(db, &tenant_a, &k, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(account_key_all(db, &tenant_a, &account_a, all, 4, &n, &e));
	assert_int_equal(n, 2);
	assert_memory_equal(&all[0], &k, sizeof(k));
	assert_int_equal(all[1].version, 1);
	OK(account_key_all(db, &tenant_a, &account_a, all, 1, &n, &e));
	assert_int_equal(n, 1);
	/* A password is there already. */
	assert_int_equal(unlocker_add(db, &tenant_a, &u, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	assert_int_equal(
	    unlocker_find(db, &tenant_a, &account_a, UNLOCKER_PASSWORD, &v, &e),
	    1);
	assert_true(id_equal(&v.account, &account_a));
	assert_int_equal(
	    unlocker_find(db, &tenant_a, &nobody, UNLOCKER_PASSWORD, &v, &e),
	    0);
	end(db);
	/* Intake sees public halves, and puts new certificates in place. */
	db = begin("restante_intake", &tenant_a);
	memset(&all[0], 0xff, sizeof(all[0]));
	assert_int_equal(
	    account_key_public(db, &tenant_a, &account_a, &all[0], &e), 1);
	assert_int_equal(all[0].version, 2);
	assert_memory_equal(all[0].pk, k.pk, sizeof(k.pk));
	assert_int_equal(all[0].sk_wrap[0], 0);
	assert_int_equal(
	    account_key_public(db, &tenant_a, &nobody, &all[0], &e), 0);
	memset(cert, 9, sizeof(cert));
	OK(account_key_recert(db, &tenant_a, &account_a, 2, cert, &e));
	assert_int_equal(
	    account_key_recert(db, &tenant_a, &account_a, 3, cert, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(
	    account_key_public(db, &tenant_a, &account_a, &all[0], &e), 1);
	assert_memory_equal(all[0].cert, cert, sizeof(cert));
	end(db);
}

static void
smtp_tokens(void **state)
{
	struct smtp_token t[3];
	struct db *db = begin("restante_intake", &tenant_a);
	struct err e;
	size_t n;

	(void)state;
	OK(smtp_token_all(db, &tenant_a, &account_a, t, 3, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(t[0].label, "first");
	assert_true(id_equal(&t[0].account, &account_a));
	OK(smtp_token_all(db, &tenant_a, &account_b, t, 3, &n, &e));
	assert_int_equal(n, 0);
	end(db);
}

static void
sessions(void **state)
{
	struct db *db = begin("restante_portal", &tenant_a);
	PGconn *c = cluster_raw("postgres", "restante");
	struct session_row s = {.kind = SESSION_GUEST,
			       .address = "carol@partner.example",
			       .expires = clock_now() + CLOCK_HOUR},
			   t;
	struct buf blob = BUF_INIT;
	struct err e;

	(void)state;
	memset(s.hash, 0x5a, sizeof(s.hash));
	assert_int_equal(buf_adds(&s.blob, "sealed ring"), 0);
	assert_int_equal(buf_adds(&blob, "a longer sealed ring"), 0);
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	OK(session_add(db, &tenant_a, &s, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	assert_int_equal(t.kind, SESSION_GUEST);
	assert_true(id_is_zero(&t.account));
	assert_string_equal(t.address, s.address);
	assert_string_equal(buf_cstr(&t.blob), "sealed ring");
	assert_int_equal(t.expires, s.expires);
	session_row_clear(&t);
	OK(session_set_blob(db, &tenant_a, s.hash, &blob, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	assert_string_equal(buf_cstr(&t.blob), "a longer sealed ring");
	session_row_clear(&t);
	OK(db_commit(db, &e));
	/* Seen 2 minutes ago: touched. 31: over; a visitor may idle longer. Past its end: over. */
#define AGO(what)                                                          \
	assert_string_equal(                                               \
	    cluster_try(c, "UPDATE session SET " what " WHERE kind <> 3"), \
	    "00000")
	AGO("last_seen = now() - interval '2 minutes'");
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	session_row_clear(&t);
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	assert_true(clock_now() - t.last_seen < CLOCK_MINUTE);
	session_row_clear(&t);
	OK(db_commit(db, &e));
	AGO("last_seen = now() - interval '31 minutes'");
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	OK(db_commit(db, &e));
	AGO("kind = 1");
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	session_row_clear(&t);
	OK(db_commit(db, &e));
	AGO("kind = 2, last_seen = now(), expires = now() - interval '1 second'");
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	OK(db_commit(db, &e));
	AGO("expires = now() + interval '1 hour'");
	/* Another tenant's transaction does not find it. */
	OK(db_begin(db, &tenant_b, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	assert_int_equal(session_find(db, &tenant_b, s.hash, &t, &e), 0);
	OK(db_begin(db, &tenant_a, &e));
	OK(session_end_all(db, &tenant_a, "somebody@else.example", &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 1);
	session_row_clear(&t);
	OK(session_end_all(db, &tenant_a, s.address, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	OK(session_add(db, &tenant_a, &s, &e));
	OK(session_end(db, &tenant_a, s.hash, &e));
	assert_int_equal(session_find(db, &tenant_a, s.hash, &t, &e), 0);
	s.expires = clock_now() - 1;
	OK(session_add(db, &tenant_a, &s, &e));
	end(db);
	/* The courier's broom takes what has ended, and leaves the rest. */
	db = cluster_db("restante_courier");
	OK(db_sweep(db, &e));
	db_close(db);
	assert_int_equal(cluster_number(c, "SELECT count(*) FROM session"), 2);
	session_row_clear(&s);
	buf_free(&blob);
	PQfinish(c);
}

static void
a_message_reads_as_it_was_written(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct message m = {0};
	struct sample s;
	struct buf chunk = BUF_INIT;
	struct id none = id_new(), whose;
	struct reader_row r[4], *list;
	struct notice n = {0};
	struct event *events;
	size_t count;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "WRITTEN1", "carol@partner.example");
	s.m.sender_account = account_a;
	s.m.in_reply_to = id_new();
	snprintf(s.m.sender_name, sizeof(s.m.sender_name), "Alice \xc3\x89");
	s.m.size = UINT64_C(5000000000);
	memset(s.m.content_header, 0, sizeof(s.m.content_header));
	memset(s.m.signature, 0xff, sizeof(s.m.signature));
	OK(sample_write(db, &tenant_a, &s, &e));
	db_close(db);
	db = begin("restante_portal", &tenant_a);
	assert_int_equal(message_get(db, &tenant_a, &s.m.id, &m, &e), 1);
	assert_true(id_equal(&m.id, &s.m.id));
	assert_string_equal(m.sender, s.m.sender);
	assert_string_equal(m.sender_name, s.m.sender_name);
	assert_true(id_equal(&m.sender_account, &account_a));
	assert_true(id_equal(&m.in_reply_to, &s.m.in_reply_to));
	assert_true(m.created == s.m.created && m.expires == s.m.expires);
	assert_true(m.size == s.m.size);
	assert_int_equal(m.chunks, 1);
	assert_memory_equal(m.dek_commit, s.m.dek_commit, 32);
	assert_memory_equal(m.signature, s.m.signature, sizeof(m.signature));
	assert_string_equal(buf_cstr(&m.manifest), "sealed manifest");
	message_clear(&m);
	assert_int_equal(message_get(db, &tenant_a, &none, &m, &e), 0);
	assert_int_equal(message_get(db, &tenant_b, &s.m.id, &m, &e), 0);
	assert_int_equal(chunk_get(db, &tenant_a, &s.m.id, 0, &chunk, &e), 1);
	assert_string_equal(buf_cstr(&chunk), "a sealed chunk of it");
	assert_int_equal(chunk_get(db, &tenant_a, &s.m.id, 1, &chunk, &e), 0);

	OK(reader_of_account(
	    db, &tenant_a, &s.m.id, &account_a, r, 4, &count, &e));
	assert_int_equal(count, 1);
	assert_int_equal(r[0].slot, 2);
	assert_int_equal(r[0].key_version, 1);
	assert_true(id_is_zero(&r[0].notice));
	OK(reader_of_address(
	    db, &tenant_a, &s.m.id, "carol@partner.example", r, 4, &count, &e));
	assert_int_equal(count, 1);
	assert_true(r[0].slot_id == UINT64_MAX - 1);
	assert_int_equal(r[0].key_version, 0);
	assert_true(id_is_zero(&r[0].account));
	assert_true(id_equal(&r[0].notice, &s.notice.id));
	assert_memory_equal(r[0].sealed, s.guest.sealed, sizeof(r[0].sealed));
	OK(reader_of_address(
	    db, &tenant_a, &s.m.id, "nobody@x.example", r, 4, &count, &e));
	assert_int_equal(count, 0);
	OK(reader_list(db, &tenant_a, &s.m.id, &list, &count, &e));
	assert_int_equal(count, 2);
	assert_int_equal(list[0].slot, 1);
	assert_int_equal(list[0].sealed[0], 0);
	free(list);

	assert_int_equal(
	    notice_by_pickup(db, &tenant_a, "WRITTEN1", &n, &e), 1);
	assert_true(id_equal(&n.id, &s.notice.id));
	assert_true(id_equal(&n.message, &s.m.id));
	assert_int_equal(n.slot, 1);
	assert_string_equal(n.key, "carol@partner.example");
	assert_string_equal(buf_cstr(&n.escrow), "escrow");
	assert_string_equal(buf_cstr(&n.link_wrap), "wrap");
	assert_memory_equal(n.link_hash, s.notice.link_hash, 32);
	notice_clear(&n);
	assert_int_equal(
	    notice_by_pickup(db, &tenant_a, "WRITTEN2", &n, &e), 0);
	assert_int_equal(
	    notice_by_pickup(db, &tenant_b, "WRITTEN1", &n, &e), 0);
	assert_int_equal(notice_of_slot(db, &tenant_a, &s.m.id, 1, &n, &e), 1);
	notice_clear(&n);
	assert_int_equal(notice_of_slot(db, &tenant_a, &s.m.id, 2, &n, &e), 0);
	OK(event_list(db, &tenant_a, &s.m.id, &events, &count, &e));
	assert_int_equal(count, 1);
	assert_int_equal(events[0].kind, EVENT_ACCEPTED);
	assert_string_equal(events[0].detail, "by SMTP");
	assert_string_equal(event_name(events[0].kind), "accepted");
	assert_string_equal(event_name(99), "unknown");
	free(events);
	end(db);
	db = cluster_db("restante_ctl");
	assert_int_equal(message_tenant(db, &s.m.id, &whose, &e), 1);
	assert_true(id_equal(&whose, &tenant_a));
	assert_int_equal(message_tenant(db, &none, &whose, &e), 0);
	db_close(db);
	buf_free(&chunk);
	sample_clear(&s);
}

static void
a_taken_pickup_code_is_refused(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct sample s;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "AAAAAAA0", "carol@partner.example");
	OK(db_begin(db, &tenant_a, &e));
	OK(message_add(db, &tenant_a, &s.m, &e));
	OK(reader_add(db, &tenant_a, &s.guest, &e));
	OK(notice_add(db, &tenant_a, &s.notice, &e));
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(db_begin(db, &tenant_a, &e));
	OK(message_add(db, &tenant_a, &s.m, &e));
	OK(reader_add(db, &tenant_a, &s.guest, &e));
	snprintf(s.notice.pickup, sizeof(s.notice.pickup), "AAAAAAA1");
	OK(notice_add(db, &tenant_a, &s.notice, &e));
	OK(db_commit(db, &e));
	sample_clear(&s);
	/* The same code is another tenant's, too: it locates within its host. */
	sample_fill(
	    &s, &tenant_b, &account_b, "AAAAAAA1", "carol@partner.example");
	OK(sample_write(db, &tenant_b, &s, &e));
	sample_clear(&s);
	db_close(db);
}

static const struct list_place newest;

static void
adoption(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct list_row rows[8];
	struct reader_row r[2];
	struct notice n[4];
	struct sample s;
	size_t i, count;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "ADOPTED1", "fred@partner.example");
	OK(sample_write(db, &tenant_a, &s, &e));
	db_close(db);
	db = begin("restante_portal", &tenant_a);
	OK(list_of_address(db, &tenant_a, "fred@partner.example",
	    READER_RECIPIENT, &newest, rows, 8, &count, &e));
	assert_int_equal(count, 1);
	list_row_clear(&rows[0]);
	OK(notice_of_address(
	    db, &tenant_a, "fred@partner.example", n, 4, &count, &e));
	assert_int_equal(count, 1);
	OK(reader_of_address(
	    db, &tenant_a, &s.m.id, "fred@partner.example", r, 2, &count, &e));
	assert_int_equal(count, 1);
	r[0].account = account_a;
	r[0].key_version = 1;
	memset(r[0].ephemeral_pk, 0x31, sizeof(r[0].ephemeral_pk));
	memset(r[0].sealed, 0x32, sizeof(r[0].sealed));
	OK(reader_adopt(db, &tenant_a, &r[0], &e));
	assert_int_equal(reader_adopt(db, &tenant_a, &r[0], &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(notice_adopted(db, &tenant_a, &n[0].id, &account_a, &e));
	notice_clear(&n[0]);
	OK(notice_of_address(
	    db, &tenant_a, "fred@partner.example", n, 4, &count, &e));
	assert_int_equal(count, 0);
	assert_int_equal(
	    notice_by_pickup(db, &tenant_a, "ADOPTED1", &n[0], &e), 1);
	assert_true(id_equal(&n[0].account, &account_a));
	assert_int_equal(n[0].escrow.len, 0);
	assert_int_equal(n[0].link_wrap.len, 0);
	notice_clear(&n[0]);
	OK(reader_of_account(
	    db, &tenant_a, &s.m.id, &account_a, r, 2, &count, &e));
	assert_int_equal(count, 2);
	assert_int_equal(r[1].slot, 1);
	assert_int_equal(r[1].sealed[0], 0x32);
	assert_int_equal(r[1].ephemeral_pk[0], 0x31);
	assert_true(r[1].slot_id == UINT64_MAX - 1);
	OK(list_of_address(db, &tenant_a, "fred@partner.example",
	    READER_RECIPIENT, &newest, rows, 8, &count, &e));
	assert_int_equal(count, 0);
	for (i = 0; i < count; i++)
		list_row_clear(&rows[i]);
	end(db);
	sample_clear(&s);
}

/* Five messages a minute apart; paged by two; a retracted and an expired one left out. */
static void
lists_are_newest_first(void **state)
{
	struct db *db = cluster_db("restante_intake");
	PGconn *c = cluster_raw("postgres", "restante");
	struct list_row rows[4];
	struct sample s[5];
	struct list_place after = newest;
	char pickup[9], text[ID_TEXT_LEN], command[256];
	size_t i, n, seen = 0;
	struct err e;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(pickup, sizeof(pickup), "LIST000%zu", i);
		sample_fill(&s[i], &tenant_b, &account_b, pickup,
		    "gina@partner.example");
		s[i].m.created = clock_now() + CLOCK_HOUR -
		    (int64_t)i * CLOCK_MINUTE;
		OK(sample_write(db, &tenant_b, &s[i], &e));
	}
	db_close(db);
	id_format(&s[1].m.id, text);
	snprintf(command, sizeof(command),
	    "UPDATE message SET expires = now() WHERE message_id = '%s'", text);
	assert_string_equal(cluster_try(c, command), "00000");
	id_format(&s[3].m.id, text);
	snprintf(command, sizeof(command),
	    "UPDATE reader SET state = 3 WHERE message_id = '%s'", text);
	assert_string_equal(cluster_try(c, command), "00000");
	db = begin("restante_portal", &tenant_b);
	do {
		OK(list_of_account(db, &tenant_b, &account_b, READER_RECIPIENT,
		    &after, rows, 2, &n, &e));
		for (i = 0; i < n; i++) {
			if (seen < 3) {
				assert_true(id_equal(
				    &rows[i].message.id, &s[seen * 2].m.id));
				assert_true(id_equal(&rows[i].reader.message,
				    &s[seen * 2].m.id));
				assert_int_equal(rows[i].recipients, 2);
				assert_int_equal(rows[i].displayed, 0);
			}
			seen++;
			after = (struct list_place){
			    rows[i].message.created, rows[i].message.id};
			list_row_clear(&rows[i]);
		}
	} while (n == 2);
	assert_true(seen >= 3 && seen < 8);
	OK(list_of_account(db, &tenant_b, &account_b, READER_SENDER, &newest,
	    rows, 4, &n, &e));
	assert_int_equal(n, 0);
	end(db);
	for (i = 0; i < 5; i++)
		sample_clear(&s[i]);
	PQfinish(c);
}

#define TWINS 7

/* Messages of one moment, paged by three: each is on one page, and by their ids. */
static void
lists_of_one_moment(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct list_row rows[3];
	struct sample s[TWINS];
	struct list_place after = newest;
	int64_t moment = clock_now() + 2 * CLOCK_HOUR;
	int seen[TWINS] = {0};
	char pickup[9];
	size_t i, k, n;
	struct err e;

	(void)state;
	for (i = 0; i < TWINS; i++) {
		snprintf(pickup, sizeof(pickup), "TWIN000%zu", i);
		sample_fill(&s[i], &tenant_b, &account_b, pickup,
		    "hugo@partner.example");
		s[i].m.created = moment;
		OK(sample_write(db, &tenant_b, &s[i], &e));
	}
	db_close(db);
	db = begin("restante_portal", &tenant_b);
	do {
		OK(list_of_address(db, &tenant_b, "hugo@partner.example",
		    READER_RECIPIENT, &after, rows, 3, &n, &e));
		for (i = 0; i < n; i++) {
			for (k = 0; k < TWINS; k++)
				seen[k] += id_equal(
				    &rows[i].message.id, &s[k].m.id);
			assert_true(after.created == 0 ||
			    memcmp(&rows[i].message.id, &after.id,
				sizeof(after.id)) < 0);
			after = (struct list_place){
			    rows[i].message.created, rows[i].message.id};
			list_row_clear(&rows[i]);
		}
	} while (n == 3);
	for (k = 0; k < TWINS; k++)
		assert_int_equal(seen[k], 1);
	end(db);
	for (i = 0; i < TWINS; i++)
		sample_clear(&s[i]);
}

static int
number(void *arg, const PGresult *res, struct err *e)
{
	struct sql_row r = sql_row_at(res, 0);

	(void)e;
	*(int64_t *)arg = sql_get_int(&r);
	return 0;
}

/* Of an index, in this transaction. */
static int64_t
entries_read(struct db *db, const char *index)
{
	static const struct sql probe = {.name = "entries_read",
	    .types = "t",
	    .text = "SELECT pg_stat_get_xact_tuples_returned($1::regclass)"};
	struct sql_args a = {0};
	int64_t n = -1;
	struct err e;

	sql_text(&a, index);
	OK(sql_each(db, &probe, &a, number, &n, &e));
	return n;
}

#define NEWER "deep@partner.example"

/* What is newer than a page was on those before it: it is not walked over again. */
static void
a_later_page_begins_where_it_is(void **state)
{
	const struct list_place after = {clock_now() + 9 * CLOCK_HOUR, {{0}}};
	PGconn *c = cluster_raw("postgres", "restante");
	char text[2][ID_TEXT_LEN], command[600];
	struct list_row rows[2];
	struct db *db;
	struct err e;
	size_t n;

	(void)state;
	id_format(&tenant_b, text[0]);
	id_format(&account_b, text[1]);
	snprintf(command, sizeof(command),
	    "INSERT INTO reader (tenant_id, message_id, slot, role, state, address,"
	    " address_key, account_id, key_version, slot_id, ephemeral_pk, sealed,"
	    " created) SELECT '%s', gen_random_uuid(), 1, 2, 1, 'd', '" NEWER
	    "',"
	    " CASE WHEN i %% 2 = 0 THEN '%s'::uuid END,"
	    " CASE WHEN i %% 2 = 0 THEN 1 END, 1, '', '',"
	    " now() + interval '10 hours' + i * interval '1 second'"
	    " FROM generate_series(1, 4000) i",
	    text[0], text[1]);
	assert_string_equal(cluster_try(c, command), "00000");
	assert_string_equal(
	    cluster_try(c, "ALTER ROLE restante_portal SET track_counts = on"),
	    "00000");
	db = begin("restante_portal", &tenant_b);
	OK(list_of_account(db, &tenant_b, &account_b, READER_RECIPIENT, &after,
	    rows, 2, &n, &e));
	while (n > 0)
		list_row_clear(&rows[--n]);
	assert_in_range(entries_read(db, "reader_account"), 1, 1000);
	OK(list_of_address(
	    db, &tenant_b, NEWER, READER_RECIPIENT, &after, rows, 2, &n, &e));
	assert_int_equal(n, 0);
	assert_in_range(entries_read(db, "reader_address"), 0, 1000);
	/* The control: the first page of all of them, whose messages are gone. */
	OK(list_of_address(
	    db, &tenant_b, NEWER, READER_RECIPIENT, &newest, rows, 2, &n, &e));
	assert_in_range(entries_read(db, "reader_address"), 2000, 5000);
	end(db);
	assert_string_equal(
	    cluster_try(c, "ALTER ROLE restante_portal RESET track_counts"),
	    "00000");
	assert_string_equal(
	    cluster_try(
		c, "DELETE FROM reader WHERE address_key = '" NEWER "'"),
	    "00000");
	PQfinish(c);
}

static void
displayed_moves_the_end_out(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct message m = {0};
	struct notice n = {0};
	struct sample s;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "DISPLAY1", "carol@partner.example");
	OK(sample_write(db, &tenant_a, &s, &e));
	db_close(db);
	db = begin("restante_portal", &tenant_a);
	assert_int_equal(reader_displayed(db, &tenant_a, &s.m.id, 7, &e), 0);
	assert_int_equal(reader_displayed(db, &tenant_a, &s.m.id, 1, &e), 1);
	assert_int_equal(reader_displayed(db, &tenant_a, &s.m.id, 1, &e), 0);
	assert_int_equal(message_get(db, &tenant_a, &s.m.id, &m, &e), 1);
	assert_true(llabs(m.expires - clock_now() -
			LIMIT_AFTER_OPEN_DAYS * CLOCK_DAY) < CLOCK_MINUTE);
	message_clear(&m);
	assert_int_equal(notice_of_slot(db, &tenant_a, &s.m.id, 1, &n, &e), 1);
	assert_true(n.expires > clock_now() + 13 * CLOCK_DAY);
	notice_clear(&n);
	end(db);
	sample_clear(&s);
}

static void
count_row(
    void *arg, const struct outbox *o, const char *how, const char *last_reply)
{
	(void)o;
	*(int *)arg += strcmp(how, "failed") == 0 &&
		strcmp(last_reply, "550 5.1.1") == 0 ?
	    100 :
	    1;
}

static void
the_outbox(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	struct db *db = cluster_db("restante_intake"),
		  *ctl = cluster_db("restante_ctl");
	struct outbox o[4],
	    code = {.tenant = tenant_a, .kind = OUTBOX_CODE, .item_kind = 2};
	struct outbox *one = &o[0];
	struct outbox_facts f, *known = &f;
	struct outbox_count count;
	struct sample s, t;
	struct event *events;
	struct err e;
	int rows = 0;
	size_t n;

	(void)state;
	assert_string_equal(cluster_try(c, "DELETE FROM outbox"), "00000");
	sample_fill(
	    &s, &tenant_a, &account_a, "OUTBOX01", "carol@partner.example");
	sample_fill(
	    &t, &tenant_a, &account_a, "OUTBOX02", "member@acme.example");
	OK(sample_write(db, &tenant_a, &s, &e));
	OK(sample_write(db, &tenant_a, &t, &e));
	db_close(db);
	db = begin("restante_portal", &tenant_a);
	code.id = id_new();
	assert_int_equal(buf_adds(&code.item, "boxed code"), 0);
	OK(outbox_add(db, &code, &e));
	end(db);
	OK(outbox_counts(ctl, &count, &e));
	assert_int_equal(count.waiting, 3);
	assert_true(clock_now() - count.oldest < CLOCK_MINUTE);

	db = cluster_db("restante_courier");
	OK(outbox_take(db, true, 60, o, 4, &n, &e));
	assert_int_equal(n, 1);
	assert_true(id_is_zero(&o[0].message));
	assert_string_equal(buf_cstr(&o[0].item), "boxed code");
	OK(db_begin(db, &tenant_a, &e));
	OK(outbox_facts(db, &one, 1, &known, &e));
	db_rollback(db);
	assert_string_equal(f.host, "acme.localhost");
	assert_string_equal(f.recipient, "");
	OK(outbox_sent(db, &o[0], "250 2.0.0 taken", &e));
	outbox_clear(&o[0]);

	OK(outbox_take(db, false, 60, o, 4, &n, &e));
	assert_int_equal(n, 2);
	OK(db_begin(db, &tenant_a, &e));
	OK(outbox_facts(db, &one, 1, &known, &e));
	assert_string_equal(f.recipient, "carol@partner.example");
	assert_string_equal(f.pickup, "OUTBOX01");
	assert_string_equal(f.sender, "alice@acme.example");
	assert_string_equal(f.tenant_domain, "acme.example");
	assert_string_equal(f.recipient_name, "");
	assert_true(f.created == s.m.created && f.expires == s.m.expires);
	db_rollback(db);
	OK(outbox_later(db, &o[0], clock_now() + CLOCK_HOUR, "451 4.3.0", &e));
	OK(outbox_failed(db, &o[1], "550 5.1.1", &e));
	OK(outbox_failed(
	    db, &o[1], "550 5.1.1", &e)); /* again: no second event */
	OK(outbox_counts(ctl, &count, &e));
	assert_int_equal(count.waiting, 0);
	assert_int_equal(count.retrying, 1);
	assert_int_equal(count.failed, 1);
	OK(outbox_list(ctl, count_row, &rows, &e));
	assert_int_equal(rows, 101);
	assert_int_equal(
	    cluster_number(c, "SELECT count(item) FROM outbox WHERE state = 2"),
	    0);
	/* Nobody holds what has failed: who looks for the dead passes over it. */
	assert_int_equal(
	    cluster_number(
		c, "SELECT count(holder) FROM outbox WHERE state = 2"),
	    0);
	OK(outbox_sent(db, &o[0], "250 2.0.0 at last", &e));
	OK(outbox_sent(db, &o[0], "250 2.0.0 at last", &e));
	outbox_clear(&o[0]);
	outbox_clear(&o[1]);
	db_close(db);

	OK(db_begin(ctl, &tenant_a, &e));
	OK(event_list(ctl, &tenant_a, &s.m.id, &events, &n, &e));
	assert_int_equal(n, 2);
	assert_int_equal(events[1].kind, EVENT_NOTICE_TAKEN);
	assert_int_equal(events[1].slot, 1);
	assert_string_equal(events[1].detail, "250 2.0.0 at last");
	free(events);
	OK(event_list(ctl, &tenant_a, &t.m.id, &events, &n, &e));
	assert_int_equal(n, 2);
	assert_int_equal(events[1].kind, EVENT_NOTICE_FAILED);
	free(events);
	db_close(ctl);
	outbox_clear(&code);
	sample_clear(&s);
	sample_clear(&t);
	PQfinish(c);
}

static void
duplicates(void **state)
{
	struct db *db = cluster_db("restante_intake");
	PGconn *c = cluster_raw("postgres", "restante");
	uint8_t tags[6][32];
	struct sample s;
	struct id found;
	struct err e;

	(void)state;
	sample_fill(
	    &s, &tenant_a, &account_a, "DOUBLE01", "carol@partner.example");
	OK(sample_write(db, &tenant_a, &s, &e));
	secret_random(tags, sizeof(tags));
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32])tags, 6, &found, &e),
	    0);
	memcpy(tags[5], s.tag, 32);
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32])tags, 5, &found, &e),
	    0);
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32])tags, 6, &found, &e),
	    1);
	assert_true(id_equal(&found, &s.m.id));
	OK(duplicate_add(db, &tenant_a, s.tag, &s.m.id, &e));
	assert_int_equal(db_commit(db, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(db_begin(db, &tenant_b, &e));
	assert_int_equal(duplicate_find(db, &tenant_b,
			     (const uint8_t(*)[32])tags, 6, &found, &e),
	    0);
	db_rollback(db);
	assert_string_equal(
	    cluster_try(c,
		"UPDATE duplicate SET created = now() - interval '72 hours 1 second'"),
	    "00000");
	OK(db_begin(db, &tenant_a, &e));
	assert_int_equal(duplicate_find(db, &tenant_a,
			     (const uint8_t(*)[32])tags, 6, &found, &e),
	    0);
	db_close(db);
	sample_clear(&s);
	PQfinish(c);
}

static void
text_that_is_not_utf8_is_refused(void **state)
{
	struct db *db = begin("restante_portal", &tenant_a);
	struct account a = {.id = id_new(),
	    .kind = ACCOUNT_GUEST,
	    .address = "x@y.example",
	    .key = "x@y.example",
	    .name = "\xff\xfe"};
	struct err e;

	(void)state;
	assert_int_equal(account_add(db, &tenant_a, &a, &e), -1);
	assert_int_equal(e.code, ERR_BAD_INPUT);
	assert_null(strstr(e.text, "y.example"));
	db_close(db);
	/* Without a transaction nothing is done. */
	db = cluster_db("restante_portal");
	assert_int_equal(account_find(db, &tenant_a, "x", &a, &e), -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	assert_int_equal(db_commit(db, &e), -1);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tenants),
	    cmocka_unit_test(accounts),
	    cmocka_unit_test(keys_and_unlockers),
	    cmocka_unit_test(smtp_tokens),
	    cmocka_unit_test(sessions),
	    cmocka_unit_test(a_message_reads_as_it_was_written),
	    cmocka_unit_test(a_taken_pickup_code_is_refused),
	    cmocka_unit_test(adoption),
	    cmocka_unit_test(lists_are_newest_first),
	    cmocka_unit_test(lists_of_one_moment),
	    cmocka_unit_test(a_later_page_begins_where_it_is),
	    cmocka_unit_test(displayed_moves_the_end_out),
	    cmocka_unit_test(the_outbox),
	    cmocka_unit_test(duplicates),
	    cmocka_unit_test(text_that_is_not_utf8_is_refused),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
