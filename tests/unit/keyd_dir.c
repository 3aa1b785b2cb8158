/*
 * keyd_dir.c: see keyd_dir.h.
 */
#include "keyd_dir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char name[64];
static struct {
	const void *p;
	size_t n;
	bool found;
} sought;

const char *
keyd_dir_new(void)
{
	snprintf(name, sizeof(name), "/tmp/test-keyd-XXXXXX");
	if (mkdtemp(name) == NULL)
		abort();
	return name;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

void
keyd_dir_end(void)
{
	if (name[0] != '\0')
		(void)nftw(name, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	name[0] = '\0';
}

const char *
keyd_dir_path(const char *rest)
{
	static char out[4][256];
	static unsigned turn;
	char *p = out[turn++ % 4];

	snprintf(p, sizeof(out[0]), "%s/%s", name, rest);
	return p;
}

static int
look_into(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	size_t len = (size_t)st->st_size;
	char *p;
	FILE *in;

	(void)f;
	if (flag != FTW_F || !S_ISREG(st->st_mode) || len == 0)
		return 0;
	p = malloc(len);
	in = fopen(path, "rb");
	if (p == NULL || in == NULL || fread(p, 1, len, in) != len)
		abort();
	fclose(in);
	if (memmem(p, len, sought.p, sought.n) != NULL)
		sought.found = true;
	free(p);
	return 0;
}

bool
keyd_dir_holds(const void *p, size_t n)
{
	sought.p = p;
	sought.n = n;
	sought.found = false;
	if (nftw(name, look_into, 16, FTW_PHYS) != 0)
		abort();
	return sought.found;
}
