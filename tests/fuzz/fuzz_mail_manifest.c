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
	struct manifest *m, *again;
	struct buf one = BUF_INIT, two = BUF_INIT;

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
	manifest_free(m);
	manifest_free(again);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
