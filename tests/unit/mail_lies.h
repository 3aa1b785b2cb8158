/*
 * mail_lies.h: a manifest in which one thing is not so.
 */
#ifndef MAIL_LIES_H
#define MAIL_LIES_H

#include <string.h>

#include "mail/manifest.h"

/* json with `lie` in place of the word that begins at `at`; it must not be taken. */
static void
lie_is_refused(
    const struct buf *json, const char *at, const char *word, const char *lie)
{
	size_t before = (size_t)(at - (const char *)json->data);
	struct buf bad = BUF_INIT;
	struct manifest *again;
	struct err e;

	assert_int_equal(buf_add(&bad, json->data, before), 0);
	assert_int_equal(buf_adds(&bad, lie), 0);
	assert_int_equal(buf_adds(&bad, at + strlen(word)), 0);
	if (manifest_decode(bad.data, bad.len, &again, &e) == 0)
		fail_msg("%s was taken", lie);
	buf_free(&bad);
}

#endif
