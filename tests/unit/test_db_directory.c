/*
 * test_db_directory.c: what a tenant's addresses stand for and its rules, against a real
 * server: set, found, taken away, and another tenant's left alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "db_cluster.h"
#include "store/directory.h"

#define OK(call)                                           \
	do {                                               \
		if ((call) != 0)                           \
			fail_msg("%s: %s", #call, e.text); \
	} while (0)

static struct err e;

static struct db *
begin(const char *role, const struct id *tenant)
{
	struct db *db = cluster_db(role);

	OK(db_begin(db, tenant, &e));
	return db;
}

static void
whose_domain(void **state)
{
	struct db *db = cluster_db("restante_intake");
	struct id id;

	(void)state;
	assert_int_equal(domain_tenant(db, "globex.example", &id, &e), 1);
	assert_true(id_equal(&id, &tenant_b));
	assert_int_equal(domain_tenant(db, "sub.globex.example", &id, &e), 0);
	assert_int_equal(domain_tenant(db, "globex.example.", &id, &e), 0);
	assert_int_equal(domain_tenant(db, "", &id, &e), 0);
	assert_int_equal(house_tenant(db, &id, &e), 1);
	assert_true(id_equal(&id, &tenant_a));
	db_close(db);
}

static void
rules(void **state)
{
	struct db *db = begin("restante_ctl", &tenant_a), *reader;
	struct rules r, seen;

	(void)state;
	assert_int_equal(rules_get(db, &tenant_a, &r, &e), 1);
	assert_string_equal(r.tenant.slug, "acme");
	assert_int_equal(r.inward, POLICY_FROM_ANYONE);
	assert_int_equal(r.way, INWARD_PORTAL);
	assert_true(r.plus);
	assert_string_equal(r.catch_all, "");
	assert_int_equal(r.rates.messages[POLICY_KNOWN], 0);
	assert_int_equal(r.n_relay, 1);
	assert_string_equal(r.relay[0].range, "192.0.2.0/24");
	assert_true(policy_net_has(&r.relay[0].net, "192.0.2.9"));
	assert_int_equal(r.n_partner, 1);
	assert_non_null(rules_partner(&r, "partner.example"));
	assert_null(rules_partner(&r, "sub.partner.example"));
	assert_null(rules_partner(&r, "partner.exampl"));
	r.inward = POLICY_FROM_PARTNERS;
	r.way = INWARD_BOTH;
	strcpy(r.server, "mail.acme.example");
	r.port = 2525;
	strcpy(r.tag, "[secure]");
	r.plus = false;
	strcpy(r.catch_all, "member@acme.example");
	r.rates.messages[POLICY_UNKNOWN] = 7;
	r.rates.recipients[POLICY_TRUSTED] = 9;
	r.rates.harvest = 3;
	OK(rules_set(db, &tenant_a, &r, &e));
	rules_clear(&r);
	OK(db_commit(db, &e));
	reader = begin("restante_intake", &tenant_a);
	assert_int_equal(rules_get(reader, &tenant_a, &seen, &e), 1);
	assert_int_equal(seen.inward, POLICY_FROM_PARTNERS);
	assert_int_equal(seen.way, INWARD_BOTH);
	assert_string_equal(seen.server, "mail.acme.example");
	assert_int_equal(seen.port, 2525);
	assert_string_equal(seen.tag, "[secure]");
	assert_false(seen.plus);
	assert_string_equal(seen.catch_all, "member@acme.example");
	assert_int_equal(seen.rates.messages[POLICY_UNKNOWN], 7);
	assert_int_equal(seen.rates.recipients[POLICY_TRUSTED], 9);
	assert_int_equal(seen.rates.harvest, 3);
	rules_clear(&seen);
	/* Another tenant's are what they were, and not to be seen from here. */
	assert_int_equal(rules_get(reader, &tenant_b, &seen, &e), 0);
	db_rollback(reader);
	OK(db_begin(reader, &tenant_b, &e));
	assert_int_equal(rules_get(reader, &tenant_b, &seen, &e), 1);
	assert_int_equal(seen.inward, POLICY_FROM_ANYONE);
	rules_clear(&seen);
	db_close(reader);
	db_close(db);
}

static void
addresses(void **state)
{
	struct db *db = begin("restante_intake", &tenant_a);
	struct address_row r;
	struct account admin;

	(void)state;
	assert_int_equal(
	    address_find(db, &tenant_a, "member@acme.example", &r, &e), 1);
	assert_int_equal(r.kind, ADDRESS_MEMBER);
	assert_true(id_equal(&r.account.id, &account_a));
	assert_int_equal(
	    address_find(db, &tenant_a, "info@acme.example", &r, &e), 1);
	assert_int_equal(r.kind, ADDRESS_ALIAS);
	assert_string_equal(r.key, "info@acme.example");
	assert_string_equal(r.account.key, "member@acme.example");
	assert_int_equal(
	    address_find(db, &tenant_a, "all@acme.example", &r, &e), 1);
	assert_int_equal(r.kind, ADDRESS_LIST);
	assert_false(r.list.open);
	assert_int_equal(
	    address_find(db, &tenant_a, "nobody@acme.example", &r, &e), 0);
	assert_int_equal(
	    address_find(db, &tenant_a, "info@globex.example", &r, &e), 0);
	assert_int_equal(admin_find(db, &tenant_a, &admin, &e), 0);
	/* carol was sent the sample message. */
	assert_int_equal(
	    sender_known(db, &tenant_a, "carol@partner.example", &e), 1);
	assert_int_equal(
	    sender_known(db, &tenant_a, "dave@partner.example", &e), 0);
	assert_int_equal(
	    sender_known(db, &tenant_a, "member@globex.example", &e), 0);
	db_close(db);
}

/* However many readers there are: by its index, not row by row. */
static void
a_sender_is_looked_up(void **state)
{
	PGconn *c = cluster_raw("postgres", "restante");
	char tenant[ID_TEXT_LEN], set[200];

	(void)state;
	id_format(&tenant_a, tenant);
	snprintf(set, sizeof(set),
	    "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;"
	    " SET LOCAL restante.tenant = '%s'",
	    tenant);
	assert_string_equal(cluster_try(c, set), "00000");
	assert_int_equal(
	    cluster_number(
		c, "SELECT sender_known('zoe@away.example')::integer"),
	    0);
	assert_int_equal(cluster_number(c,
			     "SELECT pg_stat_get_xact_numscans("
			     "'reader_address'::regclass)"),
	    1);
	PQfinish(c);
}

static int
entry(void *arg, const struct address_row *r, struct err *err)
{
	char *said = arg;
	size_t n = strlen(said);

	(void)err;
	snprintf(said + n, 1000 - n, "%s=%d%s ", r->key, (int)r->kind,
	    r->kind == ADDRESS_LIST && r->list.open ? "open" : "");
	return 0;
}

static void
lists(void **state)
{
	struct db *db = begin("restante_ctl", &tenant_a);
	struct dist_list l = {.id = id_new(), .open = true};
	char said[1000] = "";

	(void)state;
	strcpy(l.key, "staff@acme.example");
	OK(dist_list_add(db, &tenant_a, &l, &e));
	assert_int_equal(dist_list_add(db, &tenant_a, &l, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(dist_list_join(db, &tenant_a, &l.id, "info@acme.example", &e));
	OK(dist_list_join(db, &tenant_a, &l.id, "member@acme.example", &e));
	OK(dist_list_join(db, &tenant_a, &l.id, "staff@acme.example", &e));
	OK(dist_list_join(db, &tenant_a, &l.id, "all@acme.example", &e));
	OK(dist_list_join(db, &tenant_a, &l.id, "zoe@away.example", &e));
	assert_int_equal(
	    dist_list_join(db, &tenant_a, &l.id, "zoe@away.example", &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(dist_list_entries(db, &tenant_a, &l.id, entry, said, &e));
	assert_string_equal(said,
	    "all@acme.example=3 info@acme.example=2 member@acme.example=1"
	    " staff@acme.example=3open zoe@away.example=4 ");
	OK(dist_list_leave(db, &tenant_a, &l.id, "zoe@away.example", &e));
	assert_int_equal(
	    dist_list_leave(db, &tenant_a, &l.id, "zoe@away.example", &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	OK(dist_list_remove(db, &tenant_a, "staff@acme.example", &e));
	OK(db_commit(db, &e));
	db_close(db);
}

static void
relays_and_partners(void **state)
{
	struct db *db = begin("restante_ctl", &tenant_a);
	struct relay by_range = {.id = id_new(), .kind = RELAY_RANGE},
		     by_print = {.id = id_new(), .kind = RELAY_CERTIFICATE},
		     by_account = {.id = id_new(), .kind = RELAY_ACCOUNT};
	struct partner p = {.domain = "other.example", .tls_in = true};
	struct rules r;

	(void)state;
	strcpy(by_range.range, "2001:db8::/48");
	memset(by_print.certificate, 0xab, sizeof(by_print.certificate));
	by_account.account = account_a;
	OK(relay_add(db, &tenant_a, &by_range, &e));
	OK(relay_add(db, &tenant_a, &by_print, &e));
	OK(relay_add(db, &tenant_a, &by_account, &e));
	by_range.id = id_new();
	assert_int_equal(relay_add(db, &tenant_a, &by_range, &e), -1);
	assert_int_equal(e.code, ERR_CONFLICT);
	OK(partner_set(db, &tenant_a, &p, &e));
	p.pinned = true;
	p.pin[0] = 7;
	OK(partner_set(db, &tenant_a, &p, &e));
	assert_int_equal(rules_get(db, &tenant_a, &r, &e), 1);
	assert_int_equal(r.n_relay, 4);
	assert_int_equal(r.n_partner, 2);
	assert_true(rules_partner(&r, "other.example")->pinned);
	assert_false(rules_partner(&r, "other.example")->tls_out);
	rules_clear(&r);
	OK(relay_remove(db, &tenant_a, &by_print.id, &e));
	assert_int_equal(relay_remove(db, &tenant_a, &by_print.id, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	OK(partner_remove(db, &tenant_a, "other.example", &e));
	db_rollback(db);
	db_close(db);
}

/* A range that would make everybody a relay is refused by the database too. */
static void
too_wide(void **state)
{
	struct db *db = begin("restante_ctl", &tenant_a);
	struct relay r = {.id = id_new(), .kind = RELAY_RANGE};

	(void)state;
	strcpy(r.range, "0.0.0.0/0");
	assert_int_equal(relay_add(db, &tenant_a, &r, &e), -1);
	db_rollback(db);
	OK(db_begin(db, &tenant_a, &e));
	strcpy(r.range, "10.0.0.0/8");
	OK(relay_add(db, &tenant_a, &r, &e));
	db_rollback(db);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whose_domain),
	    cmocka_unit_test(rules),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(a_sender_is_looked_up),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(relays_and_partners),
	    cmocka_unit_test(too_wide),
	};

	return cmocka_run_group_tests(tests, cluster_start, cluster_stop);
}
