/*
 * Any bytes are a message: parsed, kept as JSON and read back, decoded, shown.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/text.h"
#include "mail/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	mail_init();
	return 0;
}

static int
count(void *arg, const void *p, size_t n, struct err *e)
{
	(void)p;
	(void)e;
	*(uint64_t *)arg += n;
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct mail_memory memory = {p, n};
	struct buf json = BUF_INIT, text = BUF_INIT;
	struct manifest *m, *again;
	struct mail_source src;
	struct mail_head head;
	bool cut;

	mail_source_memory(&src, &memory);
	mail_head_read(p, n, &head);
	if (mail_parse(&src, &m, NULL) == -1)
		abort();
	for (size_t i = 0; i < m->n_parts; i++) {
		uint64_t size = 0;

		if (!m->parts[i].leaf)
			continue;
		if (mail_part_decode(&src, &m->parts[i], count, &size, NULL) ==
			-1 ||
		    size != m->parts[i].size)
			abort();
	}
	if (manifest_encode(m, &json, NULL) == -1 ||
	    manifest_decode(json.data, json.len, &again, NULL) == -1 ||
	    mail_text(&src, m, &text, &cut, NULL) == -1 ||
	    !text_is_utf8((const char *)text.data, text.len))
		abort();
	manifest_free(m);
	manifest_free(again);
	buf_free(&json);
	buf_free(&text);
	return 0;
}
