/*
 * Golden files.
 */
#include "golden.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int
write_anew(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(name, "wb");

	if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(name);
		return -1;
	}
	return 0;
}

int
golden_check(const char *path, const void *p, size_t n)
{
	const uint8_t *have = p;
	char name[512];
	unsigned line = 1;
	size_t i;
	FILE *f;
	int c;

	snprintf(name, sizeof(name), "tests/golden/%s", path);
	if (getenv("GOLDEN_UPDATE") != NULL)
		return write_anew(name, p, n);
	f = fopen(name, "rb");
	if (f == NULL) {
		perror(name);
		return -1;
	}
	for (i = 0; (c = getc(f)) != EOF && i < n && have[i] == c; i++)
		line += c == '\n';
	fclose(f);
	if (c == EOF && i == n)
		return 0;
	fprintf(stderr, "%s: differs from line %u on; ours is:\n%.*s\n", name,
	    line, (int)(n - i < 400 ? n - i : 400), (const char *)have + i);
	return -1;
}
