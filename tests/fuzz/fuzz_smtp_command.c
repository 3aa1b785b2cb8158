/*
 * Any line as a command: what is understood of it is well-formed, and understood the same
 * when it is said again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/smtp_syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_text(const char *text, size_t cap)
{
	size_t n = strnlen(text, cap);

	if (n == cap)
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			abort();
}

static void
check_inside(const char *line, size_t n, const char *at, size_t len)
{
	if (at != NULL && (at < line || len > (size_t)(line + n - at)))
		abort();
}

static void
check_path(const struct mailbox *m)
{
	struct mailbox again;
	struct err e;

	if (mailbox_parse_utf8(m->address, strlen(m->address), &again, &e) ==
		-1 ||
	    strcmp(again.address, m->address) != 0 ||
	    strcmp(again.key, m->key) != 0 ||
	    strcmp(again.domain, m->domain) != 0)
		abort();
	for (const char *c = m->domain; *c != '\0'; c++)
		if ((unsigned char)*c > 0x7f)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct smtp_command c;
	char *line = malloc(n + 1);

	if (line == NULL)
		abort();
	memcpy(line, p, n);
	smtp_syntax_parse(line, n, &c);
	check_inside(line, n, c.arg, c.arg_len);
	check_inside(line, n, c.initial, c.initial_len);
	if (c.fault == SMTP_REPLY_NONE) {
		check_text(c.envid, sizeof(c.envid));
		check_text(c.orcpt, sizeof(c.orcpt));
		check_text(c.told.client, sizeof(c.told.client));
		check_text(c.told.helo, sizeof(c.told.helo));
		if ((c.verb == SMTP_VERB_MAIL && !c.null_path) ||
		    (c.verb == SMTP_VERB_RCPT && !c.postmaster))
			check_path(&c.path);
		if (c.notify > 15 ||
		    ((c.notify & DESK_NOTIFY_NEVER) != 0 && c.notify != 1))
			abort();
	}
	free(line);
	return 0;
}
