/*
 * What the mailbox grammar takes, it takes again from its own output, and no
 * control character comes through.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_mailbox(const struct mailbox *box)
{
	struct mailbox again;

	for (const char *s = box->address; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			abort();
	if (mailbox_parse(box->address, strlen(box->address), &again, NULL) ==
		-1 ||
	    strcmp(box->address, again.address) != 0 ||
	    strcmp(box->key, again.key) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char name[LIMIT_FILE_NAME + 1];
	struct mailbox box[16];
	size_t count;
	char *s = malloc(n + 1);

	if (s == NULL)
		return 0;
	memcpy(s, p, n);
	s[n] = '\0';
	if (mailbox_parse(s, n, &box[0], NULL) == 0)
		check_mailbox(&box[0]);
	if (mailbox_typed_list(s, box, 16, &count, NULL) == 0)
		for (size_t i = 0; i < count; i++)
			check_mailbox(&box[i]);
	if (mail_name_safe(s, n, name) == -1 ||
	    strlen(name) > LIMIT_FILE_NAME ||
	    strpbrk(name, "/\\<>:\"|?*\n") != NULL || name[0] == '.')
		abort();
	free(s);
	return 0;
}
