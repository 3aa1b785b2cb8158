/*
 * ctl_settings.c: restantectl tenant set: who may write to a tenant's people, and where
 * their mail goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "ctl/scope.h"
#include "mail/forward.h"
#include "store/forward.h"

#define AUTHORITY_MAX 65536 /* bytes of certificates */

static const char *const policies[] = {NULL, "anyone", "known", "partners"};
static const char *const classes[] = {"unknown", "known", "trusted"};
static const char *const ways[] = {NULL, "portal", "forward", "both"};

struct wish {
	struct scope scope;
	const char *inward, *way, *server, *tag, *plus, *catch_all;
	const char *authority; /* a file; "none" */
	struct buf pem;
	const char *messages, *recipients, *harvest;
	struct mailbox caught;
	struct rules rules;
	int authorities; /* certificates of the server's own; 0: the system's */
};

/* Its number among three, 1 to 3; 0: none of them. */
static int
word(const char *const words[4], const char *said)
{
	int i;

	for (i = 1; i < 4; i++)
		if (strcmp(words[i], said) == 0)
			return i;
	return 0;
}

/* 1 to 65535; 0: no port. */
static int
port_of(const char *text)
{
	size_t n = strlen(text);
	long v;

	if (n == 0 || n > 5 || strspn(text, "0123456789") != n)
		return 0;
	v = strtol(text, NULL, 10);
	return v <= 65535 ? (int)v : 0;
}

/* A positive number, or "default": 0. -1: neither. */
static int
number(const char *text, size_t n)
{
	char digits[10] = "";

	if (n == 7 && strncmp(text, "default", n) == 0)
		return 0;
	if (n == 0 || n > 9 || strspn(text, "0123456789") < n)
		return -1;
	memcpy(digits, text, n);
	n = (size_t)strtol(digits, NULL, 10);
	return n > 0 ? (int)n : -1;
}

/* "unknown=100,trusted=default" */
static int
by_class(const struct wish *w, const char *option, const char *text, int out[3])
{
	const char *equals;
	size_t n;
	int i, v;

	for (; *text != '\0'; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		equals = memchr(text, '=', n);
		for (i = 0, v = -1; equals != NULL && i < 3; i++)
			if (strlen(classes[i]) == (size_t)(equals - text) &&
			    strncmp(classes[i], text, strlen(classes[i])) == 0)
				break;
		if (equals != NULL && i < 3)
			v = number(equals + 1, n - (size_t)(equals + 1 - text));
		if (v == -1)
			return ctl_usage(w->scope.c,
			    "%s looks like unknown=100,known=1000,trusted=default",
			    option);
		out[i] = v;
	}
	return 0;
}

/* "mail.acme.example:2525", "[2001:db8::1]:25", "none". */
static int
server_fill(struct wish *w)
{
	struct rules *r = &w->rules;
	const char *colon = strrchr(w->server, ':');
	size_t n = strlen(w->server);
	int port = 25;

	if (strcmp(w->server, "none") == 0) {
		r->server[0] = '\0';
		r->port = 25;
		return 0;
	}
	if (colon != NULL && w->server[n - 1] != ']') {
		port = port_of(colon + 1);
		n = (size_t)(colon - w->server);
	}
	if (port == 0 || n == 0 || n >= sizeof(r->server) ||
	    strspn(w->server,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-.:[]") < n)
		return ctl_usage(w->scope.c,
		    "--server is a host name and perhaps a port: mail.acme.example:25");
	memcpy(r->server, w->server, n);
	r->server[n] = '\0';
	text_lower(r->server);
	r->port = port;
	return 0;
}

/* How many they are; -1: something that says to be one is none. */
static int
certificates(const char *pem)
{
	BIO *b = BIO_new_mem_buf(pem, -1);
	int n = 0, reason;
	X509 *x;

	if (b == NULL)
		return -1;
	for (; (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL; n++)
		X509_free(x);
	reason = ERR_GET_REASON(ERR_peek_last_error());
	ERR_clear_error();
	BIO_free(b);
	return reason == PEM_R_NO_START_LINE ? n : -1;
}

/* The file's certificates; nothing of "none". */
static int
authority_read(struct wish *w)
{
	struct ctl *c = w->scope.c;
	char piece[4096];
	size_t n;
	FILE *f;
	int r = 0;

	if (strcmp(w->authority, "none") == 0)
		return 0;
	if ((f = fopen(w->authority, "re")) == NULL)
		return ctl_failed(c, NULL, "%s: not read", w->authority);
	while (r == 0 && w->pem.len <= AUTHORITY_MAX &&
	    (n = fread(piece, 1, sizeof(piece), f)) > 0)
		r = buf_add(&w->pem, piece, n);
	fclose(f);
	if (r == -1 || w->pem.len > AUTHORITY_MAX ||
	    certificates(buf_cstr(&w->pem)) < 1)
		return ctl_failed(
		    c, NULL, "%s: no certificates in PEM", w->authority);
	return 0;
}

static int
tag_fill(struct wish *w)
{
	if (!mail_tag_ok(w->tag) ||
	    text_copy(w->rules.tag, sizeof(w->rules.tag), w->tag) == -1)
		return ctl_usage(w->scope.c,
		    "--tag is text of at most 63 bytes on one line, without blanks at its ends");
	return 0;
}

/* What was said takes the place of what is there. */
static int
fill(struct wish *w)
{
	struct ctl *c = w->scope.c;
	struct rules *r = &w->rules;

	if (w->inward != NULL &&
	    (r->inward = (enum policy_inward)word(policies, w->inward)) == 0)
		return ctl_usage(c, "--inward is anyone, known or partners");
	if (w->way != NULL &&
	    (r->way = (enum inward_way)word(ways, w->way)) == 0)
		return ctl_usage(c, "--way is portal, forward or both");
	if (w->plus != NULL && strcmp(w->plus, "on") != 0 &&
	    strcmp(w->plus, "off") != 0)
		return ctl_usage(c, "--plus is on or off");
	if (w->plus != NULL)
		r->plus = strcmp(w->plus, "on") == 0;
	if (w->catch_all != NULL)
		memcpy(r->catch_all, w->caught.key, sizeof(r->catch_all));
	if ((w->server != NULL && server_fill(w) != 0) ||
	    (w->tag != NULL && tag_fill(w) != 0) ||
	    (w->messages != NULL &&
		by_class(w, "--messages", w->messages, r->rates.messages) !=
		    0) ||
	    (w->recipients != NULL &&
		by_class(w, "--recipients", w->recipients,
		    r->rates.recipients) != 0))
		return CTL_USAGE;
	if (w->harvest != NULL &&
	    (r->rates.harvest = number(w->harvest, strlen(w->harvest))) == -1)
		return ctl_usage(c, "--harvest is a number, or default");
	if (r->way != INWARD_PORTAL && r->server[0] == '\0')
		return ctl_usage(c, "--way %s needs a --server", ways[r->way]);
	return 0;
}

static json_t *
json_rates(const int by[3])
{
	json_t *j = json_object();
	int i;

	for (i = 0; i < 3; i++)
		json_object_set_new(j, classes[i],
		    by[i] > 0 ? json_integer(by[i]) : json_null());
	return j;
}

static void
print_rates(const char *name, const int by[3])
{
	int i;

	printf("%-12s", name);
	for (i = 0; i < 3; i++) {
		if (by[i] > 0)
			printf("%s%s=%d", i > 0 ? "," : "", classes[i], by[i]);
		else
			printf("%s%s=default", i > 0 ? "," : "", classes[i]);
	}
	putchar('\n');
}

static int
answer_json(const struct wish *w)
{
	const struct rules *r = &w->rules;

	return ctl_json(json_pack(
	    "{s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:s, s:o, s:o, s:o}",
	    "slug", w->scope.tenant.slug, "inward", policies[r->inward], "way",
	    ways[r->way], "server", r->server, "port", r->port, "authorities",
	    w->authorities, "tag", r->tag, "plus", r->plus, "catch_all",
	    r->catch_all, "messages", json_rates(r->rates.messages),
	    "recipients", json_rates(r->rates.recipients), "harvest",
	    r->rates.harvest > 0 ? json_integer(r->rates.harvest) :
				   json_null()));
}

static int
answer(const struct wish *w)
{
	const struct rules *r = &w->rules;

	if (w->scope.c->json)
		return answer_json(w);
	printf("%-12s%s\n%-12s%s\n", "inward", policies[r->inward], "way",
	    ways[r->way]);
	if (r->server[0] != '\0')
		printf("%-12s%s:%d\n%-12s%s\n", "server", r->server, r->port,
		    "authority",
		    w->authorities != 0 ? "its own" : "the system's");
	else
		printf("%-12snone\n", "server");
	printf("%-12s%s\n%-12s%s\n%-12s%s\n", "tag", r->tag, "plus",
	    r->plus ? "on" : "off", "catch-all",
	    r->catch_all[0] != '\0' ? r->catch_all : "off");
	print_rates("messages", r->rates.messages);
	print_rates("recipients", r->rates.recipients);
	if (r->rates.harvest > 0)
		printf("%-12s%d\n", "harvest", r->rates.harvest);
	else
		printf("%-12sdefault\n", "harvest");
	return CTL_OK;
}

/* The authorities of the server, as they now are. */
static int
authorities_count(struct wish *w)
{
	struct scope *s = &w->scope;
	struct forward_route route;
	int r = forward_route(s->c->db, &s->tenant.id, &route, &s->e);

	if (r == 1)
		w->authorities = certificates(route.authority);
	free(route.authority);
	return r == -1 ? -1 : 0;
}

/* Within the transaction: 0, -1 with its error said, or the exit status. */
static int
change(struct wish *w)
{
	struct scope *s = &w->scope;
	struct account a;
	int r;

	if ((r = rules_get(s->c->db, &s->tenant.id, &w->rules, &s->e)) != 1)
		return ctl_failed(s->c, &s->e, "the settings were not read");
	if ((r = fill(w)) != 0)
		return r;
	if (w->caught.key[0] != '\0') {
		r = account_find(
		    s->c->db, &s->tenant.id, w->caught.key, &a, &s->e);
		if (r == 0 || (r == 1 && a.kind != ACCOUNT_MEMBER))
			return ctl_failed(
			    s->c, NULL, "%s is no member", w->caught.address);
		if (r == -1)
			return ctl_failed(
			    s->c, &s->e, "the member was not looked up");
	}
	if (rules_set(s->c->db, &s->tenant.id, &w->rules, &s->e) == -1 ||
	    (w->authority != NULL &&
		forward_authority(
		    s->c->db, &s->tenant.id, buf_cstr(&w->pem), &s->e) == -1) ||
	    authorities_count(w) == -1)
		return ctl_failed(s->c, &s->e, "the settings were not changed");
	return 0;
}

int
ctl_tenant_set(struct ctl *c, int argc, char **argv)
{
	struct wish w = {.scope = {.c = c}};
	const struct ctl_option options[] = {{"--tenant", &w.scope.slug, NULL},
	    {"--inward", &w.inward, NULL}, {"--way", &w.way, NULL},
	    {"--server", &w.server, NULL}, {"--tag", &w.tag, NULL},
	    {"--authority", &w.authority, NULL}, {"--plus", &w.plus, NULL},
	    {"--catch-all", &w.catch_all, NULL},
	    {"--messages", &w.messages, NULL},
	    {"--recipients", &w.recipients, NULL},
	    {"--harvest", &w.harvest, NULL}, {NULL, NULL, NULL}};
	int rc;

	if (ctl_args(c, argc, argv, options, NULL, 0) != 0)
		return CTL_USAGE;
	if (w.scope.slug == NULL)
		return ctl_usage(c, "--tenant is needed");
	if (w.catch_all != NULL && strcmp(w.catch_all, "off") != 0 &&
	    (rc = scope_address(
		 &w.scope, "--catch-all", w.catch_all, &w.caught)) != 0)
		return rc;
	if (w.authority != NULL && (rc = authority_read(&w)) != 0) {
		buf_free(&w.pem);
		return rc;
	}
	if ((rc = scope_begin(&w.scope)) != 0) {
		buf_free(&w.pem);
		return rc;
	}
	rc = change(&w);
	buf_free(&w.pem);
	if (rc == 0 && db_commit(c->db, &w.scope.e) == -1)
		rc = ctl_failed(c, &w.scope.e, "the settings were not changed");
	else if (rc != 0)
		db_rollback(c->db);
	if (rc == 0)
		rc = answer(&w);
	rules_clear(&w.rules);
	return rc;
}
