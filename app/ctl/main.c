/*
 * main.c: restantectl, the operator's tool: finds the command and runs it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "ctl/ctl.h"
#include "desk/directory.h"

#define FORGET_MS 100 /* for what was asked just before, and is on its way */

static const struct ctl_command commands[] = {
    {"migrate", NULL, "[--json]", "bring the database's schema forward",
	ctl_migrate},
    {"tenant", "add",
	"--slug NAME --name TEXT --domain DOMAIN --host HOST\n"
	"           [--contact TEXT] [--color #RRGGBB] [--retention DAYS] [--no-escrow]\n"
	"           [--if-missing] [--json]",
	"add an organisation and its first mail domain", ctl_tenant_add},
    {"tenant", "list", "[--json]", "list the organisations", ctl_tenant_list},
    {"member", "add",
	"--tenant SLUG --address ADDRESS [--name TEXT] [--admin]\n"
	"           [--password-env VAR] [--token-env VAR] [--if-missing] [--json]",
	"add a member: prints a registration code and an SMTP token, once",
	ctl_member_add},
    {"member", "list", "--tenant SLUG [--json]", "list a tenant's people",
	ctl_member_list},
    {"message", "list", "--tenant SLUG [--limit N] [--json]",
	"list messages, newest first: envelopes only", ctl_message_list},
    {"message", "show", "ID [--json]",
	"one message: its readers and what happened to it", ctl_message_show},
    {"rate", "set",
	"--what connections|messages|recipients|unknown|auth\n"
	"           [--of client|tenant] [--class unknown|known|trusted] [--tenant SLUG]\n"
	"           --most N | --usual [--json]",
	"how many within an hour, of a client or for a tenant; see doc/rates.md",
	ctl_rate_set},
    {"rate", "list", "[--json]", "the limits that are not the usual ones",
	ctl_rate_list},
    {"tenant", "set",
	"--tenant SLUG [--inward anyone|known|partners]\n"
	"           [--way portal|forward|both] [--server HOST[:PORT]|none]\n"
	"           [--authority FILE|none] [--tag TEXT]\n"
	"           [--plus on|off] [--catch-all ADDRESS|off] [--messages CLASS=N,...]\n"
	"           [--recipients CLASS=N,...] [--harvest N|default] [--json]",
	"who may write to its people, and where their mail goes; shows it all",
	ctl_tenant_set},
    {"relay", "add",
	"--tenant SLUG --certificate SHA256 | --range NETWORK | --account ADDRESS\n"
	"           [--label TEXT] [--json]",
	"a server of the tenant's own, that sends for its domains",
	ctl_relay_add},
    {"relay", "list", "--tenant SLUG [--json]", "list them", ctl_relay_list},
    {"relay", "remove", "--tenant SLUG ID [--json]", "take one away",
	ctl_relay_remove},
    {"partner", "add",
	"--tenant SLUG --domain DOMAIN [--pin SHA256] [--clear-in] [--tls-out]\n"
	"           [--json]",
	"a domain whose mail is taken over TLS alone", ctl_partner_add},
    {"partner", "list", "--tenant SLUG [--json]", "list them",
	ctl_partner_list},
    {"partner", "remove", "--tenant SLUG --domain DOMAIN [--json]",
	"take one away", ctl_partner_remove},
    {"alias", "add",
	"--tenant SLUG --address ADDRESS --member ADDRESS [--json]",
	"another address of a member", ctl_alias_add},
    {"alias", "list", "--tenant SLUG [--json]", "list them", ctl_alias_list},
    {"alias", "remove", "--tenant SLUG --address ADDRESS [--json]",
	"take one away", ctl_alias_remove},
    {"list", "add", "--tenant SLUG --list ADDRESS [--open] [--json]",
	"a distribution list: members write to it; --open: anyone",
	ctl_list_add},
    {"list", "remove", "--tenant SLUG --list ADDRESS [--json]", "take one away",
	ctl_list_remove},
    {"list", "join", "--tenant SLUG --list ADDRESS --address ADDRESS [--json]",
	"put a member, an alias, a list or someone outside on it",
	ctl_list_join},
    {"list", "leave", "--tenant SLUG --list ADDRESS --address ADDRESS [--json]",
	"take it off", ctl_list_leave},
    {"list", "list", "--tenant SLUG [--json]", "list the lists", ctl_list_list},
    {"list", "show", "--tenant SLUG --list ADDRESS [--json]",
	"who is on a list", ctl_list_show},
    {"queue", NULL, "[--json]",
	"mails that are still to be sent, and those that failed", ctl_queue},
    {"doctor", NULL, "[--json]",
	"check this installation and say what to do next", ctl_doctor},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static bool
is_noun(const char *word)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].noun, word) == 0)
			return true;
	return false;
}

/* All commands, or where noun is the first word of some, those. */
static void
help(FILE *f, const char *noun)
{
	if (noun != NULL && !is_noun(noun))
		noun = NULL;
	fputs("usage: restantectl COMMAND [options]\n\n", f);
	for (size_t i = 0; i < COMMANDS; i++) {
		if (noun != NULL && strcmp(commands[i].noun, noun) != 0)
			continue;
		fprintf(f, "  %s%s%s %s\n        %s\n", commands[i].noun,
		    commands[i].verb != NULL ? " " : "",
		    commands[i].verb != NULL ? commands[i].verb : "",
		    commands[i].usage, commands[i].what);
	}
	fputs(
	    "\nThe database is named by RESTANTE_DB, keyd's socket by RESTANTE_KEYD;\n"
	    "restantectl(8) tells the rest. Exit status: 0 done, 1 not, 2 not understood.\n",
	    f);
}

/* NULL when there is none; *took how many arguments name it. */
static const struct ctl_command *
command_of(int argc, char **argv, int *took)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		*took = commands[i].verb != NULL ? 2 : 1;
		if (argc >= *took && strcmp(argv[0], commands[i].noun) == 0 &&
		    (*took == 1 || strcmp(argv[1], commands[i].verb) == 0))
			return &commands[i];
	}
	return NULL;
}

static bool
wants_help(int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			return true;
	return argc > 0 && strcmp(argv[0], "help") == 0;
}

/* Below what is wrong, what there is; all of it would hide that. */
static int
unknown(int argc, char **argv)
{
	if (argc > 0 && is_noun(argv[0])) {
		fprintf(stderr, "restantectl: no such command: %s%s%s\n",
		    argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		help(stderr, argv[0]);
	} else if (argc > 0) {
		fprintf(stderr,
		    "restantectl: no such command: %s\n"
		    "usage: restantectl COMMAND [options]; `restantectl help`"
		    " names them all\n",
		    argv[0]);
	} else {
		help(stderr, NULL);
	}
	return CTL_USAGE;
}

/* May it take away what intake remembers? What is new, that looks for anyway. */
static bool
takes_away(const struct ctl_command *c)
{
	return c->run == ctl_tenant_set || c->run == ctl_relay_remove ||
	    c->run == ctl_partner_add || c->run == ctl_partner_remove ||
	    c->run == ctl_alias_remove || c->run == ctl_list_remove ||
	    c->run == ctl_list_leave;
}

/* Until every process of intake asks anew: then what was said holds everywhere. */
static void
forgotten_await(void)
{
	const int64_t until = clock_mono_ms() + DIRECTORY_MS + FORGET_MS;

	fflush(stdout);
	for (int64_t left; (left = until - clock_mono_ms()) > 0;)
		poll(NULL, 0, (int)left);
}

static int
run(struct ctl *c, int argc, char **argv)
{
	struct err e;
	int rc;

	if (secret_init() == -1 && getenv("RESTANTE_ALLOW_UNLOCKED") == NULL)
		return ctl_failed(
		    c, NULL, "memory for secrets cannot be locked (ulimit -l)");
	if (settings_read(&c->set, &e) == -1)
		return ctl_failed(c, &e, "the settings are malformed");
	if (c->set.db == NULL)
		return ctl_failed(
		    c, NULL, "RESTANTE_DB is not set: it names the database");
	c->desk_set = c->set;
	if (c->set.keyd == NULL)
		c->desk_set.keyd = "";
	c->shared = desk_shared_new();
	c->desk = c->shared != NULL ? desk_open(&c->desk_set, c->shared) : NULL;
	if (c->desk == NULL) {
		desk_shared_free(c->shared);
		return ctl_failed(c, NULL, "memory is out");
	}
	c->db = desk_db(c->desk);
	rc = c->command->run(c, argc, argv);
	desk_close(c->desk);
	desk_shared_free(c->shared);
	if (rc == CTL_OK && takes_away(c->command))
		forgotten_await();
	return rc;
}

int
main(int argc, char **argv)
{
	struct ctl c = {0};
	int took = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_open("ctl", LOG_LEVEL_WARN);
	argc--;
	argv++;
	if (wants_help(argc, argv)) {
		took = strcmp(argv[0], "help") == 0 ? 1 : 0;
		help(stdout, argc > took ? argv[took] : NULL);
		return CTL_OK;
	}
	c.command = command_of(argc, argv, &took);
	if (c.command == NULL)
		return unknown(argc, argv);
	return run(&c, argc - took, argv + took);
}
