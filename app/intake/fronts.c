/*
 * fronts.c: a list of ranges.
 */
#include "intake/fronts.h"

#include <stdlib.h>
#include <string.h>

#define BETWEEN ", \t"

static int
add(struct fronts *f, const char *text, size_t len)
{
	char word[POLICY_NET_TEXT];
	struct policy_net *grown;

	if (len >= sizeof(word))
		return -1;
	memcpy(word, text, len);
	word[len] = '\0';
	grown = realloc(f->net, (f->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	f->net = grown;
	if (policy_net_parse(word, &grown[f->n]) == -1)
		return -1;
	f->n++;
	return 0;
}

int
fronts_read(
    const char *name, const char *text, struct fronts *out, struct err *e)
{
	size_t len;

	*out = (struct fronts){NULL, 0};
	for (; text != NULL && *text != '\0'; text += len) {
		text += strspn(text, BETWEEN);
		len = strcspn(text, BETWEEN);
		if (len > 0 && add(out, text, len) == -1) {
			fronts_clear(out);
			return err_set(e, ERR_BAD_INPUT,
			    "%s must be addresses and ranges of them", name);
		}
	}
	return 0;
}

void
fronts_clear(struct fronts *f)
{
	free(f->net);
	*f = (struct fronts){NULL, 0};
}

bool
fronts_have(const struct fronts *f, const char *address)
{
	for (size_t i = 0; i < f->n; i++) {
		if (policy_net_has(&f->net[i], address))
			return true;
	}
	return false;
}
