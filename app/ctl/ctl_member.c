/*
 * ctl_member.c: restantectl member add, list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/ctl.h"
#include "desk/visit.h"
#include "mail/address.h"
#include "policy/envelope.h"
#include "store/account.h"

#define TOKEN_BYTES 16 /* 128 bits: 26 characters of base 32 */
#define TOKEN_LEN   27

struct adding {
	struct ctl *c;
	struct tenant tenant;
	struct mailbox box;
	struct account account;
	const char *slug, *address, *name, *password_env, *token_env;
	const char *password; /* from the environment, or NULL */
	const char *token;    /* the same */
	bool admin, if_missing;
	bool exists, registered, has_token;
	char code[KEYD_REGISTRATION_LEN]; /* "" when none was made */
	char made[TOKEN_LEN];             /* token made here, "" when given */
};

static int
failed(struct adding *a, const struct err *e)
{
	return ctl_failed(a->c, e, "%s was not added", a->address);
}

/* From the environment: an argument would stand in every process list. */
static int
secrets(struct adding *a)
{
	struct err e;

	if (a->password_env != NULL) {
		a->password = getenv(a->password_env);
		if (a->password == NULL || *a->password == '\0')
			return ctl_usage(
			    a->c, "the variable %s is empty", a->password_env);
		if (policy_password(a->password, a->password, a->box.key, &e) ==
		    -1)
			return ctl_failed(a->c, &e,
			    "the password in %s is refused", a->password_env);
	}
	if (a->token_env != NULL) {
		a->token = getenv(a->token_env);
		if (a->token == NULL || *a->token == '\0')
			return ctl_usage(
			    a->c, "the variable %s is empty", a->token_env);
	}
	return 0;
}

/* Whose domain is it, and who is there already? */
static int
look(struct adding *a)
{
	struct smtp_token tokens[1];
	struct tenant owner;
	size_t n = 0;
	struct err e;
	int found;

	if (ctl_tenant(a->c, a->slug, &a->tenant) != 0)
		return CTL_FAILED;
	found = tenant_by_domain(a->c->db, a->box.domain, &owner, &e);
	if (found == -1)
		return failed(a, &e);
	if (found == 0 || !id_equal(&owner.id, &a->tenant.id))
		return ctl_failed(a->c, NULL, "%s is not a mail domain of %s",
		    a->box.domain, a->tenant.name);
	if (db_begin(a->c->db, &a->tenant.id, &e) == -1)
		return failed(a, &e);
	found = account_find(
	    a->c->db, &a->tenant.id, a->box.key, &a->account, &e);
	if (found == 1 &&
	    smtp_token_all(a->c->db, &a->tenant.id, &a->account.id, tokens, 1,
		&n, &e) == -1)
		found = -1;
	db_rollback(a->c->db);
	if (found == -1)
		return failed(a, &e);
	a->exists = found == 1;
	a->registered = a->exists && a->account.active;
	a->has_token = n > 0;
	return 0;
}

static int
fill(struct adding *a)
{
	struct account *acc = &a->account;

	*acc = (struct account){
	    .id = id_new(), .kind = ACCOUNT_MEMBER, .admin = a->admin};
	if (text_copy(acc->address, sizeof(acc->address), a->box.address) ==
		-1 ||
	    text_copy(acc->key, sizeof(acc->key), a->box.key) == -1 ||
	    text_copy(acc->name, sizeof(acc->name), a->name) == -1)
		return ctl_usage(a->c, "a value is too long");
	if (!text_is_utf8(acc->name, strlen(acc->name)))
		return ctl_usage(a->c, "--name is text in UTF-8");
	return 0;
}

/* With a password: keyd's proof by a code of its own, then as the portal registers. */
static int
with_password(struct adding *a, struct err *e)
{
	struct keyd *k = desk_keyd(a->c->desk);
	uint8_t proof[KEYD_PROOF_LEN];
	char code[KEYD_REGISTRATION_LEN];
	int rc = -1;

	if (keyd_registration_make(k, &a->tenant.id, a->account.key, code, e) ==
		0 &&
	    keyd_registration_check(
		k, &a->tenant.id, a->account.key, code, proof, e) == 0)
		rc = desk_register(a->c->desk, &a->tenant.id, &a->account,
		    proof, a->account.name, a->password, e);
	secret_wipe(code, sizeof(code));
	secret_wipe(proof, sizeof(proof));
	return rc;
}

static int
make_token(struct adding *a, struct smtp_token *t, struct err *e)
{
	uint8_t random[TOKEN_BYTES];

	*t = (struct smtp_token){
	    .id = id_new(), .account = a->account.id, .label = "first"};
	if (a->token == NULL) {
		secret_random(random, sizeof(random));
		if (id_base32(
			random, sizeof(random), a->made, sizeof(a->made)) == -1)
			return err_set(e, ERR_INTERNAL, "token");
		secret_wipe(random, sizeof(random));
	}
	return keyd_token_make(desk_keyd(a->c->desk), &a->tenant.id,
	    &a->account.id, &t->id, a->token != NULL ? a->token : a->made,
	    t->verifier, e);
}

/* The rows that are still missing, in one transaction. */
static int
write_rows(
    struct adding *a, bool account, const struct smtp_token *t, struct err *e)
{
	struct db *db = a->c->db;

	if (!account && t == NULL)
		return 0;
	if (db_begin(db, &a->tenant.id, e) == -1)
		return -1;
	if ((account && account_add(db, &a->tenant.id, &a->account, e) == -1) ||
	    (t != NULL && smtp_token_add(db, &a->tenant.id, t, e) == -1)) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, e);
}

static int
complete(struct adding *a, struct err *e)
{
	bool account = !a->exists;
	struct smtp_token t;

	/* keyd first: without it nothing is written. */
	if (!a->has_token && make_token(a, &t, e) == -1)
		return -1;
	if (!a->registered && a->password != NULL) {
		if (with_password(a, e) == -1)
			return -1;
		a->registered = true;
		account = false;
	} else if (!a->registered &&
	    keyd_registration_make(desk_keyd(a->c->desk), &a->tenant.id,
		a->account.key, a->code, e) == -1) {
		return -1;
	}
	return write_rows(a, account, a->has_token ? NULL : &t, e);
}

static int
answer_json(const struct adding *a)
{
	json_t *j = json_pack("{s:o, s:s, s:s, s:s, s:b, s:b, s:b}", "id",
	    ctl_json_id(&a->account.id), "tenant", a->tenant.slug, "address",
	    a->account.address, "name", a->account.name, "admin",
	    a->account.admin, "registered", a->registered, "added", !a->exists);

	if (a->code[0] != '\0')
		json_object_set_new(
		    j, "registration_code", json_string(a->code));
	if (a->made[0] != '\0')
		json_object_set_new(j, "smtp_token", json_string(a->made));
	return ctl_json(j);
}

static int
answer(const struct adding *a)
{
	int port = a->c->set.https_port;
	const char *k = a->code;
	char at[16] = "";

	if (a->c->json)
		return answer_json(a);
	if (port != 443)
		snprintf(at, sizeof(at), ":%d", port);
	printf("%s %s\n", a->account.address, a->exists ? "exists" : "added");
	if (*k != '\0')
		printf("registration code  %.4s-%.4s-%.4s-%.4s   (%d days, at "
		       "https://%s%s/register)\n",
		    k, k + 4, k + 8, k + 12, LIMIT_REGISTRATION_DAYS,
		    a->tenant.host, at);
	if (a->made[0] != '\0')
		printf("SMTP token         %s\n", a->made);
	if (*k != '\0' || a->made[0] != '\0')
		puts("Neither is stored in clear or shown again.");
	return CTL_OK;
}

static int
add(struct adding *a)
{
	struct err e;
	int rc;

	if ((rc = secrets(a)) != 0 || (rc = look(a)) != 0)
		return rc;
	if (a->exists && !a->if_missing)
		return ctl_failed(a->c, NULL, "%s is a member of %s already",
		    a->box.address, a->tenant.name);
	if (!a->exists && (rc = fill(a)) != 0)
		return rc;
	if (a->c->set.keyd == NULL)
		return ctl_failed(a->c, NULL,
		    "RESTANTE_KEYD is not set: it names keyd's socket");
	if (complete(a, &e) == -1)
		return failed(a, &e);
	return answer(a);
}

int
ctl_member_add(struct ctl *c, int argc, char **argv)
{
	struct adding a = {.c = c, .name = ""};
	const struct ctl_option options[] = {{"--tenant", &a.slug, NULL},
	    {"--address", &a.address, NULL}, {"--name", &a.name, NULL},
	    {"--admin", NULL, &a.admin},
	    {"--password-env", &a.password_env, NULL},
	    {"--token-env", &a.token_env, NULL},
	    {"--if-missing", NULL, &a.if_missing}, {NULL, NULL, NULL}};
	struct err e;
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (a.slug == NULL || a.address == NULL)
		return ctl_usage(c, "--tenant and --address are needed");
	if (mailbox_typed(a.address, &a.box, &e) == -1)
		return ctl_usage(c, "--address: %s", e.text);
	rc = add(&a);
	secret_wipe(a.code, sizeof(a.code));
	secret_wipe(a.made, sizeof(a.made));
	return rc;
}

static void
collect(void *arg, const struct account *a)
{
	json_array_append_new(arg,
	    json_pack("{s:o, s:s, s:s, s:s, s:b, s:b, s:o, s:o}", "id",
		ctl_json_id(&a->id), "address", a->address, "name", a->name,
		"kind", a->kind == ACCOUNT_MEMBER ? "member" : "guest", "admin",
		a->admin, "registered", a->active, "created",
		ctl_json_time(a->created), "last_login",
		ctl_json_time(a->last_login)));
}

static void
line(void *arg, const struct account *a)
{
	char last[32];

	(void)arg;
	printf("%-36s %-24s %-7s %-14s %s\n", a->address, a->name,
	    a->kind == ACCOUNT_GUEST ? "guest" :
		a->admin             ? "admin" :
				       "member",
	    a->active ? "registered" : "not yet",
	    ctl_time(a->last_login, last));
}

int
ctl_member_list(struct ctl *c, int argc, char **argv)
{
	const char *slug = NULL;
	const struct ctl_option options[] = {
	    {"--tenant", &slug, NULL}, {NULL, NULL, NULL}};
	struct tenant t;
	json_t *rows;
	struct err e;
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (slug == NULL)
		return ctl_usage(c, "--tenant is needed");
	if (ctl_tenant(c, slug, &t) != 0)
		return CTL_FAILED;
	rows = json_array();
	if (!c->json)
		printf("%-36s %-24s %-7s %-14s %s\n", "ADDRESS", "NAME", "KIND",
		    "REGISTERED", "LAST SIGN-IN");
	rc = db_begin(c->db, &t.id, &e);
	if (rc == 0)
		rc = account_list(
		    c->db, &t.id, c->json ? collect : line, rows, &e);
	db_rollback(c->db);
	return ctl_listed(c, rc, rows, &e, "members");
}
