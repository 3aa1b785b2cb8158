/*
 * ctl.c: arguments in, answers out.
 */
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static void
say_usage(const struct ctl *c, FILE *f)
{
	fprintf(f, "usage: restantectl %s%s%s %s\n", c->command->noun,
	    c->command->verb != NULL ? " " : "",
	    c->command->verb != NULL ? c->command->verb : "",
	    c->command->usage);
}

int
ctl_usage(const struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	fputs("restantectl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	say_usage(c, stderr);
	return CTL_USAGE;
}

int
ctl_failed(const struct ctl *c, const struct err *e, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fprintf(stderr, "restantectl: %s%s%s\n", what, e != NULL ? ": " : "",
	    e != NULL ? e->text : "");
	if (c->json &&
	    ctl_json(json_pack("{s:s, s:s, s:s}", "error",
		e != NULL ? err_row(e->code)->name : "failed", "message", what,
		"detail", e != NULL ? e->text : "")) != CTL_OK)
		fputs("restantectl: memory is out\n", stderr);
	return CTL_FAILED;
}

static const struct ctl_option *
find(const struct ctl_option *options, const char *name, size_t n)
{
	for (; options->name != NULL; options++)
		if (strlen(options->name) == n &&
		    strncmp(options->name, name, n) == 0)
			return options;
	return NULL;
}

/* --name=value and --name value; how many arguments it took, or -1. */
static int
option(const struct ctl *c, int argc, char **argv,
    const struct ctl_option *options)
{
	size_t n = strcspn(argv[0], "=");
	const struct ctl_option *o = find(options, argv[0], n);

	if (o == NULL) {
		ctl_usage(c, "%.*s is not an option of this command", (int)n,
		    argv[0]);
		return -1;
	}
	if (o->flag != NULL && argv[0][n] == '\0') {
		*o->flag = true;
		return 1;
	}
	if (o->value != NULL && argv[0][n] == '=') {
		*o->value = argv[0] + n + 1;
		return 1;
	}
	if (o->value != NULL && argc > 1) {
		*o->value = argv[1];
		return 2;
	}
	ctl_usage(c, "%s %s", o->name,
	    o->flag != NULL ? "takes no value" : "needs a value");
	return -1;
}

int
ctl_args(struct ctl *c, int argc, char **argv, const struct ctl_option *options,
    const char **words, int cap)
{
	int i, took, n = 0;

	for (i = 0; i < cap; i++)
		words[i] = NULL;
	for (i = 0; i < argc; i += took) {
		took = 1;
		if (strcmp(argv[i], "--json") == 0) {
			c->json = true;
		} else if (strncmp(argv[i], "--", 2) == 0) {
			took = option(c, argc - i, argv + i, options);
			if (took == -1)
				return CTL_USAGE;
		} else if (n < cap) {
			words[n++] = argv[i];
		} else {
			return ctl_usage(c, "what is \"%s\"?", argv[i]);
		}
	}
	return 0;
}

int
ctl_json(json_t *value)
{
	int rc;

	if (value == NULL)
		return CTL_FAILED;
	rc = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	json_decref(value);
	putchar('\n');
	return rc == 0 && fflush(stdout) == 0 ? CTL_OK : CTL_FAILED;
}

int
ctl_listed(struct ctl *c, int result, json_t *rows, const struct err *e,
    const char *what)
{
	if (result == 0 && c->json)
		return ctl_json(rows);
	json_decref(rows);
	return result == 0 ?
	    CTL_OK :
	    ctl_failed(c, e, "the %s could not be listed", what);
}

json_t *
ctl_json_id(const struct id *id)
{
	char text[ID_TEXT_LEN];

	if (id_is_zero(id))
		return json_null();
	id_format(id, text);
	return json_string(text);
}

json_t *
ctl_json_time(int64_t t)
{
	char text[CLOCK_TEXT_LEN];

	if (t == 0)
		return json_null();
	clock_iso(t, text);
	return json_string(text);
}

const char *
ctl_time(int64_t t, char out[32])
{
	char text[CLOCK_TEXT_LEN];

	snprintf(out, 32, "-");
	if (t != 0) {
		clock_iso(t, text);
		snprintf(out, 32, "%.10s %.8sZ", text, text + 11);
	}
	return out;
}

int
ctl_tenant(struct ctl *c, const char *slug, struct tenant *out)
{
	struct err e;

	switch (tenant_by_slug(c->db, slug, out, &e)) {
	case 1:
		return 0;
	case 0:
		return ctl_failed(c, NULL,
		    "there is no tenant \"%s\"; `restantectl tenant list` names them all",
		    slug);
	default:
		return ctl_failed(c, &e, "the tenant could not be looked up");
	}
}
