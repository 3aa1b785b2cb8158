/*
 * Any bytes are a manifest: refused, or one that says the same when it is written again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct mail_beside where = {.id = {{1}}, .chunks = 1};
	struct manifest *m, *again;
	struct mail_connection c;
	struct buf one = BUF_INIT, two = BUF_INIT;
	bool full;

	if (manifest_decode(p, n, &m, NULL) == -1)
		return 0;
	if (manifest_encode(m, &one, NULL) == -1 ||
	    manifest_decode(one.data, one.len, &again, NULL) == -1 ||
	    manifest_encode(again, &two, NULL) == -1 || one.len != two.len ||
	    memcmp(one.data, two.data, one.len) != 0)
		abort();
	for (size_t i = 0; i < m->n_parts; i++)
		if (manifest_part(m, (uint32_t)i)->no != i)
			abort();
	/* One more file, and a connection: it still reads. */
	manifest_free(again);
	buf_clear(&two);
	c = m->connection;
	full = m->n_parts == LIMIT_MIME_PARTS;
	if (manifest_connection(m, &c, NULL) == -1 ||
	    (manifest_add(m, "a", "b/c", 1, &where, NULL) == -1) != full ||
	    manifest_encode(m, &two, NULL) == -1 ||
	    manifest_decode(two.data, two.len, &again, NULL) == -1)
		abort();
	manifest_free(m);
	manifest_free(again);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
