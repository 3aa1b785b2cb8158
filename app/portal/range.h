/*
 * range.h: which bytes of a file a request wants, if any: preconditions (RFC 9110 13) and
 * one byte range (14.1, 14.2), from the fields alone. Several ranges at once are answered
 * with the whole file, as 14.2 allows; what is malformed is passed over.
 */
#ifndef PORTAL_RANGE_H
#define PORTAL_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct range_ask {
	bool get; /* a range is for GET alone (14.2) */
	/* the fields' values, "" when there is none */
	const char *if_match;
	const char *if_none_match;
	const char *range;
	const char *if_range;
	const char *tag; /* the file's strong validator, without quotes */
	uint64_t size;   /* the file's bytes */
};

/*
 * 200: all of it; 206: *n bytes from *first on, at least one; 304 and 412: nothing; 416:
 * there are none. *first and *n are set in any case.
 */
int range_answer(const struct range_ask *ask, uint64_t *first, uint64_t *n);

#endif
